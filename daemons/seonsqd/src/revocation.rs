//! Lists of revoked certificates are fetched, each in a lane of its own, and kept where everybody finds
//! them.
//!
//! What is known of a list is the database's: which one is kept, when it was looked for, and why that
//! brought nothing. A process that stops in between has fetched it in vain, and its successor does so again.

mod address;
mod fetch;
mod judge;
mod steps;

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use configuration::ListUrl;
use jiff::Timestamp;
use pki::RevocationList;
use runtime::{Active, ServiceError};
use rustls_pki_types::CertificateDer;
use store::{ListRecord, StoreError};
use tokio::task::JoinSet;
use tokio::time::Instant;

use self::fetch::{Fetcher, NotFetched};
use self::steps::{Fetched, ForgetList, NotFetchedNow, Unchanged};

/// A list is looked for anew after so long, and when its next one is due.
const EVERY: Duration = Duration::from_hours(1);

/// What failed is tried again after so long, then after twice as long, up to [`EVERY`].
const FIRST_PAUSE: Duration = Duration::from_mins(1);

/// However often the configuration changes, a list is not looked for again before so long.
const LEAST_PAUSE: Duration = Duration::from_secs(5);

/// Lists that are fetched at once. Each takes no longer than `spec.revocation.timeout`.
const AT_ONCE: usize = 16;

/// Fetches what is due until shutdown.
pub(crate) async fn fetch_lists(active: Active) -> Result<(), ServiceError> {
    let mut configuration = active.configuration.clone();
    let mut read = active.configuration();
    let mut lanes = Lanes { active, due: BTreeMap::new(), running: JoinSet::new() };
    lanes.catch_up().await?;
    loop {
        let next = lanes.begin_due();
        let due = next.unwrap_or_else(|| Instant::now() + EVERY);
        tokio::select! {
            () = lanes.active.shutdown.cancelled() => return Ok(()),
            _ = configuration.changed() => {
                let now = lanes.active.configuration();
                // Another list is known, which was us.
                if now.is_same_reading(&read) {
                    continue;
                }
                read = now;
                lanes.catch_up().await?;
            }
            Some(ended) = lanes.running.join_next(), if !lanes.running.is_empty() => {
                let ended = ended.map_err(|error| ServiceError::failed("E-TASK-PANICKED", error))?;
                lanes.ended(ended).await?;
            }
            () = tokio::time::sleep_until(due) => {}
        }
    }
}

struct Lanes {
    active: Active,
    due: BTreeMap<ListUrl, Lane>,
    running: JoinSet<Ended>,
}

struct Lane {
    /// When it is looked for; `None` while it is.
    due: Option<Instant>,
    failures: u32,
    /// Not before, whatever changes.
    earliest: Instant,
}

struct Ended {
    url: ListUrl,
    found: Result<Found, NotFetched>,
}

/// What was at the URL.
enum Found {
    /// A list that takes the place of the one before.
    Newer(Box<RevocationList>),
    /// The one that is kept, which is due to be replaced then.
    Same(Option<Timestamp>),
}

impl Lanes {
    /// The lanes are those that the configuration leads to now; what another one led to is forgotten.
    async fn catch_up(&mut self) -> Result<(), ServiceError> {
        let wanted = self.active.configuration().list_urls();
        let known = match self.active.store.revocation_lists().await {
            Ok(known) => known,
            Err(error) if error.is_retryable() => {
                self.waits(&error);
                Vec::new()
            }
            Err(error) => return Err(error.into()),
        };
        self.forget(&wanted, &known).await?;
        self.due.retain(|url, _| wanted.contains(url));
        let (now, clock) = (Instant::now(), ambient::now());
        for url in wanted {
            match self.due.entry(url) {
                Entry::Vacant(new) => {
                    let known = known.iter().find(|record| record.url == new.key().as_str());
                    let due = Some(now + first_wait(known, clock));
                    new.insert(Lane { due, failures: 0, earliest: now });
                }
                // Whoever has changed something may have mended it, and is there to see.
                Entry::Occupied(lane) => {
                    let lane = lane.into_mut();
                    lane.due = lane.due.map(|due| due.min(lane.earliest.max(now)));
                }
            }
        }
        Ok(())
    }

    async fn forget(
        &self,
        wanted: &BTreeSet<ListUrl>,
        known: &[ListRecord],
    ) -> Result<(), ServiceError> {
        for record in known {
            if wanted.iter().any(|url| url.as_str() == record.url) {
                continue;
            }
            self.record(self.active.run(ForgetList(record.url.clone())).await)?;
        }
        Ok(())
    }

    /// Begins what is due, and says when the next one is.
    fn begin_due(&mut self) -> Option<Instant> {
        let now = Instant::now();
        let configuration = self.active.configuration();
        for (url, lane) in &mut self.due {
            if self.running.len() >= AT_ONCE {
                return None; // Looked at again when one ends.
            }
            if lane.due.is_some_and(|due| due <= now) {
                lane.due = None;
                let fetcher = Fetcher::of(&configuration.instance.revocation);
                let authorities = configuration.authorities();
                let (active, url) = (self.active.clone(), url.clone());
                self.running.spawn(async move {
                    let found = look_for(&active, &fetcher, authorities, &url).await;
                    Ended { url, found }
                });
            }
        }
        self.due.values().filter_map(|lane| lane.due).min()
    }

    async fn ended(&mut self, Ended { url, found }: Ended) -> Result<(), ServiceError> {
        let text = url.as_str();
        // The configuration leads to it no more.
        let Some(lane) = self.due.get_mut(&url) else { return Ok(()) };
        let (recorded, pause) = match found {
            Ok(Found::Newer(list)) => {
                lane.failures = 0;
                let (issuer, entries) = (list.issuer().to_owned(), list.entries());
                tracing::info!(
                    url = text,
                    issuer,
                    entries,
                    "a list of revoked certificates is new"
                );
                let pause = until_next(list.next_update(), ambient::now());
                let step = Fetched { url: text.to_owned(), list: list.pem() };
                (self.active.run(step).await, pause)
            }
            Ok(Found::Same(next_update)) => {
                lane.failures = 0;
                let pause = until_next(next_update, ambient::now());
                (self.active.run(Unchanged(text.to_owned())).await, pause)
            }
            Err(error) => {
                let (code, reason) = (error.code(), error.to_string());
                let pause = after_failures(lane.failures);
                lane.failures += 1;
                if lane.failures == 1 {
                    tracing::warn!(code, url = text, "no list of revoked certificates: {reason}");
                }
                self.active.metrics.error(code);
                let code = code.to_owned();
                let step = NotFetchedNow { url: text.to_owned(), code, text: reason };
                (self.active.run(step).await, pause)
            }
        };
        // What is not recorded is looked for again soon: nobody else knows of it.
        let pause = if recorded.is_ok() { pause } else { FIRST_PAUSE };
        let now = Instant::now();
        lane.due = Some(now + pause);
        lane.earliest = now + LEAST_PAUSE;
        self.record(recorded)
    }

    fn record(&self, recorded: Result<(), StoreError>) -> Result<(), ServiceError> {
        match recorded {
            Err(error) if error.is_retryable() => {
                self.waits(&error);
                Ok(())
            }
            other => Ok(other?),
        }
    }

    fn waits(&self, error: &StoreError) {
        tracing::warn!(code = error.code(), "the lists of revoked certificates wait: {error}");
        self.active.metrics.error(error.code());
    }
}

/// Fetches the list and holds it against the one that is kept.
async fn look_for(
    active: &Active,
    fetcher: &Fetcher,
    authorities: Vec<CertificateDer<'static>>,
    url: &ListUrl,
) -> Result<Found, NotFetched> {
    let octets = fetcher.fetch(url).await?;
    // Without knowing what is kept an older one would take its place.
    let kept = active.store.revocation_list(url.as_str()).await.map_err(NotFetched::Kept)?;
    let now = ambient::now();
    let judging = tokio::task::spawn_blocking(move || {
        let kept = kept.and_then(|kept| RevocationList::read(kept.as_bytes()).ok());
        let list = judge::judge(&octets, &authorities, kept.as_ref(), now)?;
        Ok(match kept {
            Some(kept) if kept == list => Found::Same(list.next_update()),
            _ => Found::Newer(Box::new(list)),
        })
    });
    judging.await.unwrap_or(Err(NotFetched::Stopped))
}

/// How long a list waits that a tenure begins with.
fn first_wait(known: Option<&ListRecord>, now: Timestamp) -> Duration {
    let Some(ListRecord { tried_at, error, .. }) = known else { return Duration::ZERO };
    let pause = if error.is_some() { FIRST_PAUSE } else { EVERY };
    let since = now.duration_since(*tried_at);
    // A clock that was set back would have it wait for long.
    let since = Duration::try_from(since).unwrap_or(pause);
    pause.saturating_sub(since)
}

/// How long until the next list is looked for.
fn until_next(next_update: Option<Timestamp>, now: Timestamp) -> Duration {
    let due = next_update.and_then(|due| Duration::try_from(due.duration_since(now)).ok());
    due.unwrap_or(EVERY).clamp(FIRST_PAUSE, EVERY)
}

fn after_failures(failures: u32) -> Duration {
    FIRST_PAUSE.saturating_mul(1 << failures.min(6)).min(EVERY)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "what fails here is a test")]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_list_is_looked_for_every_hour_and_when_its_next_one_is_due() {
        for (next, seconds) in
            [(None, 3600), (Some(100_000), 3600), (Some(1600), 600), (Some(1010), 60)]
        {
            let wait = until_next(next.map(at), at(1000));
            assert_eq!(wait, Duration::from_secs(seconds), "{next:?}");
        }
        // One that is overdue is asked for every hour at least, and not in a loop.
        assert_eq!(until_next(Some(at(10)), at(1000)), EVERY);
    }

    #[test]
    fn what_fails_is_tried_again_after_a_minute_and_then_ever_later() {
        let minutes: Vec<_> = (0..9).map(|one| after_failures(one).as_secs() / 60).collect();
        assert_eq!(minutes, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!(after_failures(u32::MAX), EVERY);
    }

    #[test]
    fn a_tenure_begins_with_what_was_never_looked_for_and_does_not_repeat_the_rest() {
        let known = |tried, error: Option<&str>| ListRecord {
            url: "http://ca.example/".to_owned(),
            fetched_at: None,
            tried_at: at(tried),
            error: error.map(|code| (code.to_owned(), String::new())),
        };
        assert_eq!(first_wait(None, at(1000)), Duration::ZERO);
        for (record, seconds) in [
            (known(900, None), 3500),
            (known(-9000, None), 0),
            (known(990, Some("E")), 50),
            (known(10, Some("E")), 0),
            // The clock was set back.
            (known(50_000, None), 0),
        ] {
            assert_eq!(
                first_wait(Some(&record), at(1000)),
                Duration::from_secs(seconds),
                "{record:?}"
            );
        }
    }
}
