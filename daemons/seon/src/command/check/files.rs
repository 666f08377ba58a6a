//! Checks of what is exchanged: the spool, the partners, the queue.

use std::time::Duration;

use jiff::Timestamp;
use store::{EntryState, QueueEntry, QueueFilter, SessionFilter, Store};

use crate::instance::Instance;
use crate::output::human;
use crate::output::verdict::Check;

const GIBIBYTE: u64 = 1 << 30;
/// Below this the next CAD file does not fit.
const LITTLE_SPACE: u64 = 5 * GIBIBYTE;
/// Below this the database itself is in danger.
const NO_SPACE: u64 = GIBIBYTE / 4;
/// A file that waits longer is one that somebody waits for.
const LONG: Duration = Duration::from_hours(1);
/// A partner that needs longer to say that it has the file is one to call.
const LONG_FOR_A_RECEIPT: Duration = Duration::from_hours(24);

/// Whether the spool can be written and has room.
pub(super) fn spool(instance: &Instance) -> Vec<Check> {
    let data = instance.data();
    let place = data.display();
    let spool = match instance.spool() {
        Ok(spool) => spool,
        Err(failure) => {
            let hint = "make it a directory that this user may write, or correct spec.storage";
            return vec![Check::bad(format!("{place} cannot be used"), hint).because(failure)];
        }
    };
    let writable = Check::good(format!("{place} can be written"));
    let space = match spool.free_octets() {
        Err(error) => {
            Check::bad(format!("{place} does not tell its space"), "see the error").because(error)
        }
        Ok(free) => {
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
        let name = partner.name.as_str();
        if partner.suspend {
            let hint = "set spec.suspend to false in its SeonPartner";
            checks.push(Check::warning(format!("{name} is suspended"), hint));
            continue;
        }
        let newest =
            SessionFilter { partner: Some(name.to_owned()), limit: 10, ..SessionFilter::default() };
        checks.push(match store.sessions(&newest).await {
            Err(error) => {
                Check::bad(format!("the sessions with {name} cannot be read"), "see the error")
                    .because(error)
            }
            Ok(sessions) => match sessions.iter().find_map(|session| session.end_code.as_deref()) {
                None => Check::good(format!("{name} had no session yet")),
                Some(session::ENDED_IN_ORDER) => {
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

/// Whether anything in the queue waits for a person, or for too long.
pub(super) async fn queue(store: &Store, now: Timestamp) -> Vec<Check> {
    let unfinished = QueueFilter { unfinished: true, limit: u32::MAX, ..QueueFilter::default() };
    match store.queue(&unfinished).await {
        Err(error) => vec![Check::bad("the queue cannot be read", "see the error").because(error)],
        Ok(entries) => vec![blocked(&entries), oldest(&entries, now), receipts(&entries, now)],
    }
}

fn blocked(entries: &[QueueEntry]) -> Check {
    let blocked = entries.iter().filter(|entry| entry.state == EntryState::Blocked).count() as u64;
    match blocked {
        0 => Check::good("no entry is blocked"),
        _ => Check::bad(
            format!("{} blocked", human::count(blocked, "entry is", "entries are")),
            "see why: seon queue --state blocked; mend it, then: seon queue unblock ID",
        ),
    }
}

fn oldest(entries: &[QueueEntry], now: Timestamp) -> Check {
    let waiting = |entry: &&QueueEntry| {
        let ours =
            matches!(entry.state, EntryState::Queued | EntryState::Ready | EntryState::Sending);
        ours && !entry.passive
    };
    let oldest = entries.iter().filter(waiting).map(|entry| entry.created_at).min();
    let age = oldest.map(|at| human::elapsed(at, now)).unwrap_or_default();
    let what = match oldest {
        None => return Check::good("nothing waits to be sent"),
        Some(_) => format!("the oldest entry has waited for {}", human::age(age)),
    };
    if age > LONG {
        Check::warning(what, "see why: seon queue, seon journal")
    } else {
        Check::good(what)
    }
}

fn receipts(entries: &[QueueEntry], now: Timestamp) -> Check {
    let sent = entries.iter().filter(|entry| entry.state == EntryState::Sent);
    let oldest = sent.filter_map(|entry| entry.sent_at).min();
    let age = oldest.map(|at| human::elapsed(at, now)).unwrap_or_default();
    match oldest {
        None => Check::good("no receipt is missing"),
        Some(_) if age > LONG_FOR_A_RECEIPT => Check::warning(
            format!("a receipt has been missing for {}", human::age(age)),
            "ask the partner; if it never sends any, set spec.receipts.expected to false",
        ),
        Some(_) => Check::good(format!("the oldest missing receipt is {} late", human::age(age))),
    }
}
