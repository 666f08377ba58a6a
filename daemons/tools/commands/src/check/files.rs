//! Checks of where files are exchanged, and with whom: the spool, the partners.

use domain::PartnerName;
use jiff::{SignedDuration, Timestamp};
use spool::{Folders, Parts};
use store::{
    EntryState, JournalFilter, JournalKind, JournalRecord, QueueFilter, SessionFilter,
    SessionRecord, Store,
};

use crate::Instance;
use crate::human;
use crate::report::Check;

/// The code of a logon that was not looked at.
const LOCKED_OUT: &str = "E-SESSION-LOCKED-OUT";
const A_DAY: SignedDuration = SignedDuration::from_hours(24);

const GIBIBYTE: u64 = 1 << 30;
/// Below this the next CAD file does not fit.
const LITTLE_SPACE: u64 = 5 * GIBIBYTE;
/// Below this the database itself is in danger.
const NO_SPACE: u64 = GIBIBYTE / 4;

/// Whether the spool can be written and has room.
pub(super) fn spool(instance: &Instance) -> Vec<Check> {
    let data = instance.data();
    let place = data.display();
    let spool = match instance.spool().and_then(|spool| {
        Folders::open(&data)?;
        Ok(spool)
    }) {
        Ok(spool) => spool,
        Err(failure) => {
            let hint = "make it a directory that this user may write, or correct spec.storage";
            return vec![failure.explains(Check::bad(format!("{place} cannot be used"), hint))];
        }
    };
    let writable = Check::good(format!("{place} can be written"));
    let space = match spool.free_octets() {
        Err(error) => Check::bad(format!("{place} does not tell its space"), "see the error")
            .because_of(&error, error.code()),
        Ok(None) => Check::good(format!("{place} knows no limit")),
        Ok(Some(free)) => {
            let what = format!("{} are free in {place}", human::octets(free));
            let hint = "make room, or move spec.storage to a larger disk";
            match free {
                0..NO_SPACE => Check::bad(format!("only {what}"), hint),
                NO_SPACE..LITTLE_SPACE => Check::warning(format!("only {what}"), hint),
                _ => Check::good(what),
            }
        }
    };
    vec![writable, space]
}

/// Whether there are partners, and how the last session with each ended.
pub(super) async fn partners(instance: &Instance, store: &Store) -> Vec<Check> {
    let mut checks = Vec::new();
    for partner in instance.configuration.partners() {
        let name = &partner.name;
        if partner.suspend {
            let hint = "set spec.suspend to false in its SeonPartner";
            checks.push(Check::warning(format!("{name} is suspended"), hint));
            continue;
        }
        let newest =
            SessionFilter { partner: Some(name.clone()), limit: 10, ..SessionFilter::default() };
        checks.push(match store.sessions(&newest).await {
            Err(error) => {
                Check::bad(format!("the sessions with {name} cannot be read"), "see the error")
                    .because_of(&error, error.code())
            }
            Ok(sessions) if sends_only(&sessions) && waits(store, name).await => Check::warning(
                format!("{name} only sends, and files wait for it"),
                "ask the partner to take files too (SSIDSR B), or cancel them: seon queue cancel ID",
            ),
            Ok(sessions) => match sessions.iter().find_map(|session| session.end_code.as_deref()) {
                None => Check::good(format!("{name} had no session yet")),
                Some(domain::ENDED_IN_ORDER) => {
                    Check::good(format!("the last session with {name} ended in order"))
                }
                Some(code) => Check::warning(
                    format!("the last session with {name} ended with {code}"),
                    format!("see: seon journal --partner {name}"),
                ),
            },
        });
    }
    if checks.is_empty() {
        checks.push(Check::warning("there is no partner yet", "write a SeonPartner"));
    }
    checks
}

fn sends_only(sessions: &[SessionRecord]) -> bool {
    sessions.first().is_some_and(|newest| newest.sends_only)
}

/// Whether a file waits for the partner; what the queue itself has to say of an error is said there.
async fn waits(store: &Store, partner: &PartnerName) -> bool {
    let ready = QueueFilter {
        partner: Some(partner.clone()),
        state: Some(EntryState::Ready),
        limit: 1,
        ..QueueFilter::default()
    };
    store.queue(&ready).await.is_ok_and(|entries| !entries.is_empty())
}

/// Whether somebody was locked out of late, who may be guessing.
pub(super) async fn guesses(store: &Store, now: Timestamp) -> Check {
    let refused = JournalFilter {
        kind: Some(JournalKind::SessionRefused),
        since: Some(now - A_DAY),
        ..JournalFilter::default()
    };
    match store.journal(&refused).await {
        Err(error) => Check::bad("the journal cannot be read", "see the error")
            .because_of(&error, error.code()),
        Ok(records) => {
            let locked_out =
                |record: &&JournalRecord| record.entry.code.as_deref() == Some(LOCKED_OUT);
            match records.iter().rev().find(locked_out) {
                None => Check::good("nobody was locked out for wrong passwords within a day"),
                Some(JournalRecord { at, entry, .. }) => {
                    let partner = entry.partner.as_ref().map_or("a partner", PartnerName::as_str);
                    let age = human::age(human::elapsed(*at, now));
                    Check::warning(
                        format!("who gave wrong passwords of {partner} was locked out {age} ago"),
                        "see from where: seon journal --kind session_refused; if it was the partner, correct \
                         the Secret of identity.passwordSecretRef and reload",
                    )
                }
            }
        }
    }
}
