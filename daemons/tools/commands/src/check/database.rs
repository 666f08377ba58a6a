//! Checks of the database and of the leases in it.

use std::time::Duration;

use domain::Daemon;
use jiff::Timestamp;
use lease::LeaseRow;
use store::Store;
use tokio::time::Instant;

use crate::Instance;
use crate::human;
use crate::report::Check;

/// Clocks that differ by more make the journal hard to read beside other logs.
const CLOCK_DELTA: Duration = Duration::from_secs(2);

/// Whether the database can be worked with, and the connection to it if so.
pub(super) async fn examine(instance: &Instance) -> (Vec<Check>, Option<Store>) {
    let setting = &instance.configuration.instance.database;
    let store = match instance.unchecked_store().await {
        Ok(store) => store,
        Err(failure) => {
            let hint =
                "start it, or correct spec.database; a new SQLite database is made by: seon up";
            return (
                vec![failure.explains(Check::bad(format!("{setting} cannot be used"), hint))],
                None,
            );
        }
    };
    if let Err(error) = store.check_schema().await {
        let hint = "start a daemon of this version, which brings the schema up to date: seon up";
        let check = Check::bad(format!("{setting} has another schema"), hint)
            .because_of(&error, error.code());
        return (vec![check], None);
    }
    let checks = vec![
        Check::good(format!("{setting} answers")),
        Check::good("its schema is this version's"),
        clock(&store).await,
    ];
    (checks, Some(store))
}

async fn clock(store: &Store) -> Check {
    let asked = Instant::now();
    match store.clock().await {
        Err(error) => Check::bad("the database's clock cannot be read", "see the error")
            .because_of(&error, error.code()),
        Ok(theirs) => {
            // What the question took on the way may be on either side.
            let delta = distance(theirs, ambient::now()).saturating_sub(asked.elapsed());
            let delta_in_words = human::span(Duration::from_millis(
                u64::try_from(delta.as_millis()).unwrap_or(u64::MAX),
            ));
            if delta > CLOCK_DELTA {
                Check::warning(
                    format!("the database's clock differs from ours by {delta_in_words}"),
                    "set both by NTP; leases are not affected, times in the journal are",
                )
            } else {
                Check::good(format!(
                    "the database's clock agrees with ours ({delta_in_words} apart)"
                ))
            }
        }
    }
}

fn distance(one: Timestamp, other: Timestamp) -> Duration {
    human::elapsed(one, other).max(human::elapsed(other, one))
}

/// Whether every daemon that is wanted holds its lease and renews it in time.
pub(super) async fn leases(instance: &Instance, store: &Store) -> Vec<Check> {
    let rows = match store.leases().await {
        Ok(rows) => rows,
        Err(error) => {
            let check = Check::bad("the leases cannot be read", "see the error");
            return vec![check.because_of(&error, error.code())];
        }
    };
    let ttl = instance.configuration.instance.lease.ttl;
    let daemons = instance.configuration.daemons();
    daemons
        .into_iter()
        .map(|daemon| lease(daemon, rows.iter().find(|row| row.daemon == daemon), ttl))
        .collect()
}

fn lease(daemon: Daemon, row: Option<&LeaseRow>, ttl: Duration) -> Check {
    let Some(row) = row.filter(|row| row.is_held()) else {
        let hint = format!("start it: seon up, or seon {daemon}");
        return Check::bad(format!("nobody holds the lease of {daemon}"), hint);
    };
    let holder = format!("process {} on {}", row.holder.process, row.holder.host);
    let renewed = human::span(Duration::from_secs(row.renewed_ago.as_secs()));
    // Renewed every quarter of the time to live: two missed renewals are a warning.
    if row.renewed_ago > ttl.mul_f32(0.75) {
        return Check::warning(
            format!("{holder} renewed the lease of {daemon} {renewed} ago, which is late"),
            "the process or the database is slow or stopped; see its log, and: seon ps",
        );
    }
    Check::good(format!(
        "{holder} holds the lease of {daemon} (epoch {}, renewed {renewed} ago)",
        row.epoch
    ))
}

#[cfg(test)]
mod tests {
    use domain::Epoch;
    use lease::Holder;

    use super::*;
    use crate::report::Verdict;

    const TTL: Duration = Duration::from_secs(10);

    fn row(renewed_ago: u64, expires_in: u64) -> LeaseRow {
        LeaseRow {
            daemon: Daemon::Seonsqd,
            holder: Holder { host: "box1".into(), process: 431, start: "x".into() },
            address: "unix:/data/run/seonsqd.431.sock".into(),
            epoch: Epoch::try_from(4).unwrap(),
            acquired_at: 0,
            renewed_at: 0,
            expires_at: 1,
            expires_in: Duration::from_secs(expires_in),
            renewed_ago: Duration::from_secs(renewed_ago),
            forced_by: None,
        }
    }

    #[test]
    fn a_lease_is_good_late_or_nobodys() {
        let results = [Some(row(2, 8)), Some(row(9, 1)), Some(row(11, 0)), None]
            .map(|row| lease(Daemon::Seonsqd, row.as_ref(), TTL).result);
        let expected = [Verdict::Success, Verdict::Warning, Verdict::Error, Verdict::Error];
        assert_eq!(results, expected);
    }
}
