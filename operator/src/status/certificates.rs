//! Whether certificates last, as a condition. Pure.

use crds::{conditions, conditions::reason};

use super::conditions::Judged;
use crate::validate::Ending;

/// Judges what is near: of an instance all of it, of a partner its own.
pub(super) fn judge<'a>(endings: impl Iterator<Item = &'a Ending>) -> Judged {
    let mut near: Vec<_> = endings.collect();
    near.sort_by_key(|ending| ending.days);
    let judged =
        |is, reason, message| Judged::new(conditions::CERTIFICATES_CURRENT, is, reason, message);
    let Some(first) = near.first() else {
        let message = "there is a certificate for each purpose, also in the next days";
        return judged(true, reason::AS_WANTED, message.to_owned());
    };
    let reason = match first.days {
        ..=1 => reason::CERTIFICATES_END_IN_1_DAY,
        2..=7 => reason::CERTIFICATES_END_IN_7_DAYS,
        8..=14 => reason::CERTIFICATES_END_IN_14_DAYS,
        15..=30 => reason::CERTIFICATES_END_IN_30_DAYS,
        _ => reason::CERTIFICATES_END_IN_60_DAYS,
    };
    let sentences: Vec<_> = near.iter().map(|ending| ending.sentence.as_str()).collect();
    judged(false, reason, shortened(&sentences))
}

/// A condition's message has its limits, and a few are enough to act.
fn shortened(sentences: &[&str]) -> String {
    const SHOWN: usize = 5;
    let shown = sentences.iter().take(SHOWN).copied().collect::<Vec<_>>().join("; ");
    let more = match sentences.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!("; and {more} more: kubectl seon certificates"),
    };
    format!("{shown}{more} (docs/certificates.md#renewal)")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        sample::now,
        status::{conditions::merge, news::worth_telling},
    };

    fn ending(days: u16, sentence: &str) -> Ending {
        Ending { partner: None, days, sentence: sentence.into() }
    }

    #[test]
    fn what_ends_first_gives_the_reason_so_that_each_threshold_is_news() {
        for (days, expected) in [
            (60, "CertificatesEndIn60Days"),
            (30, "CertificatesEndIn30Days"),
            (14, "CertificatesEndIn14Days"),
            (7, "CertificatesEndIn7Days"),
            (1, "CertificatesEndIn1Day"),
        ] {
            let near = [ending(60, "later"), ending(days, "first")];
            let judged = judge(near.iter());
            assert_eq!((judged.is, judged.reason), (false, expected));
        }
        let judged = judge([].iter());
        assert_eq!((judged.is, judged.reason), (true, "AsWanted"));
    }

    #[test]
    fn each_threshold_is_told_of_once_and_so_is_the_end_of_it() {
        let status = |days: Option<u16>| {
            let near: Vec<_> = days.map(|days| ending(days, "bolt")).into_iter().collect();
            merge(&[], [judge(near.iter())], None, now())
        };
        for (before, after, is_told) in [
            (None, None, false),
            (None, Some(60), true),
            (Some(60), Some(60), false),
            (Some(60), Some(30), true),
            (Some(7), Some(1), true),
            (Some(1), None, true),
        ] {
            let (old, new) = (status(before), status(after));
            assert_eq!(worth_telling(&old, &new).count() == 1, is_told, "{before:?} {after:?}");
        }
    }

    #[test]
    fn of_many_ends_the_nearest_five_are_told_and_the_others_counted() {
        let many: Vec<_> = (1..=7).rev().map(|days| ending(days, &format!("n{days}"))).collect();
        let expected = "n1; n2; n3; n4; n5; and 2 more: kubectl seon certificates \
                        (docs/certificates.md#renewal)";
        assert_eq!(judge(many.iter()).message, expected);
    }
}
