//! What waits, and whether it has waited for too long.

use std::time::Duration;

use jiff::Timestamp;
use store::{Store, Waiting, WaitingKind};

use crate::human;
use crate::report::{Category, Check};

const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

/// The categories of what waits.
const CATEGORIES: [(&str, &[WaitingKind]); 3] = [
    (
        "queue",
        &[WaitingKind::Blocked, WaitingKind::Entry, WaitingKind::Answer, WaitingKind::Receipt],
    ),
    ("received files", &[WaitingKind::Delivery, WaitingKind::Partial]),
    ("requests", &[WaitingKind::Request]),
];

/// Whether anything waits for a person, or for too long.
pub(super) async fn examine(store: &Store, now: Timestamp) -> Vec<Category> {
    match store.waiting().await {
        Err(error) => {
            let check = Check::bad("what waits cannot be read", "see the error");
            vec![Category::new("queue", vec![check.because_of(&error, error.code())])]
        }
        Ok(waiting) => CATEGORIES
            .iter()
            .map(|(name, kinds)| {
                let of_kind = |kind| waiting.iter().find(move |waiting| waiting.kind == kind);
                let found = kinds.iter().filter_map(|kind| of_kind(*kind));
                Category::new(name, found.map(|waiting| judge(waiting, now)).collect())
            })
            .collect(),
    }
}

fn judge(waiting: &Waiting, now: Timestamp) -> Check {
    let Waiting { kind, number, oldest } = *waiting;
    let Some(oldest) = oldest.filter(|_| number > 0) else { return Check::good(none(kind)) };
    let age = human::elapsed(oldest, now);
    let since = human::age(age);
    let count = |one, many| human::count(number, one, many);
    match kind {
        WaitingKind::Blocked => Check::bad(
            format!("{} blocked", count("entry is", "entries are")),
            "see why: seon queue --state blocked; mend it, then: seon queue unblock ID",
        ),
        WaitingKind::Entry => by_age(
            (age > HOUR, false),
            format!("the oldest entry has waited for {since}"),
            "see why: seon queue, seon journal",
        ),
        WaitingKind::Answer if age > DAY => Check::warning(
            format!("a receipt has been missing for {since}"),
            "ask the partner; if it never sends any, set spec.receipts.expected to false",
        ),
        WaitingKind::Answer => Check::good(format!("the oldest missing receipt is {since} late")),
        WaitingKind::Receipt => by_age(
            (age > HOUR, false),
            format!("{} of ours on the way, the oldest for {since}", count("receipt", "receipts")),
            "see: seon receipts; then: seon partner call NAME",
        ),
        WaitingKind::Delivery => by_age(
            (age > MINUTE, age > 10 * MINUTE),
            format!("{} not in place yet, the oldest for {since}", count("file", "files")),
            "see why: seon received, and the log of seonrd; is incoming writable, and has the disk room?",
        ),
        WaitingKind::Partial => by_age(
            (age > DAY, false),
            format!("{} half here, the oldest untouched for {since}", count("file", "files")),
            "ask the partner to send it again; spec.retention.partial says when it goes",
        ),
        WaitingKind::Request => by_age(
            (false, age > MINUTE),
            format!("{} unanswered, the oldest for {since}", count("request", "requests")),
            "is the daemon active that it is for? see: seon ps",
        ),
    }
}

fn by_age((is_late, is_stuck): (bool, bool), what: String, hint: &str) -> Check {
    if is_stuck {
        Check::bad(what, hint)
    } else if is_late {
        Check::warning(what, hint)
    } else {
        Check::good(what)
    }
}

fn none(kind: WaitingKind) -> &'static str {
    match kind {
        WaitingKind::Blocked => "no entry is blocked",
        WaitingKind::Entry => "nothing waits to be sent",
        WaitingKind::Answer => "no receipt is missing",
        WaitingKind::Receipt => "no receipt of ours waits",
        WaitingKind::Delivery => "every received file is in place",
        WaitingKind::Partial => "no file broke off half-way",
        WaitingKind::Request => "every request is answered",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Verdict::{self, Error, Success, Warning};

    #[test]
    fn what_waits_is_judged_by_its_kind_and_its_age() {
        let table: &[(WaitingKind, u64, Verdict, &str)] = &[
            (WaitingKind::Blocked, 1, Error, "2 entries are blocked"),
            (WaitingKind::Entry, 3600, Success, "the oldest entry has waited for 1h"),
            (WaitingKind::Entry, 3601, Warning, "the oldest entry has waited for 1h"),
            (WaitingKind::Answer, 86_400, Success, "the oldest missing receipt is 1d late"),
            (WaitingKind::Answer, 90_000, Warning, "a receipt has been missing for 1d 1h"),
            (WaitingKind::Receipt, 60, Success, "2 receipts of ours on the way, the oldest for 1m"),
            (
                WaitingKind::Receipt,
                7200,
                Warning,
                "2 receipts of ours on the way, the oldest for 2h",
            ),
            (WaitingKind::Delivery, 60, Success, "2 files not in place yet, the oldest for 1m"),
            (WaitingKind::Delivery, 61, Warning, "2 files not in place yet, the oldest for 1m"),
            (WaitingKind::Delivery, 601, Error, "2 files not in place yet, the oldest for 10m"),
            (
                WaitingKind::Partial,
                86_401,
                Warning,
                "2 files half here, the oldest untouched for 1d",
            ),
            (WaitingKind::Request, 61, Error, "2 requests unanswered, the oldest for 1m"),
        ];
        let now: Timestamp = "2026-11-30T12:00:00Z".parse().unwrap();
        for (kind, age, verdict, says) in table {
            let oldest = Some(now - Duration::from_secs(*age));
            let check = judge(&Waiting { kind: *kind, number: 2, oldest }, now);
            assert_eq!((check.result, check.description.as_str()), (*verdict, *says), "{kind}");
            assert_eq!(check.hint.is_some(), *verdict != Success, "a cure for what is wrong");
        }
    }

    #[test]
    fn every_kind_stands_in_one_category_and_says_when_nothing_waits() {
        let mut listed: Vec<_> =
            CATEGORIES.iter().flat_map(|(_, kinds)| kinds.iter().copied()).collect();
        listed.sort_unstable();
        let mut every = WaitingKind::ALL.to_vec();
        every.sort_unstable();
        assert_eq!(listed, every);
        for kind in every {
            let check = judge(&Waiting { kind, number: 0, oldest: None }, Timestamp::UNIX_EPOCH);
            assert_eq!((check.result, check.description.as_str()), (Success, none(kind)));
        }
    }
}
