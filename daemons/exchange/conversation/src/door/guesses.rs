//! Who gives wrong passwords, and for how long nobody believes a word of his. A total function of what
//! came and when; no clock and no I/O.
//!
//! Wrong logons count for the partner whose they were to be, and for caller and partner together; for the
//! caller alone each partner counts once, so that many partners do not make guessing worth it, and one
//! with an old password locks nobody out who comes through the same gateway. Who has logged on from
//! where stays believed there, whatever strangers do in its name or from beside it; a certificate says
//! more than all this, and whoever has shown the partner's own is never locked out.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::PartnerName;

/// Wrong logons that are nobody's business: a person mistypes, a partner is not told of a new password.
const FREE: u32 = 4;

/// The first lock-out, doubled with each further wrong logon.
const FIRST: Duration = Duration::from_mins(1);
const LONGEST: Duration = Duration::from_hours(1);

/// After so long without a wrong logon nothing is remembered.
const FORGOTTEN: Duration = Duration::from_hours(2);

/// So much is remembered at once; then the oldest goes.
const MOST: usize = 4096;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Of {
    Caller(String),
    Partner(PartnerName),
    Both(String, PartnerName),
}

#[derive(Clone, Copy, Debug)]
struct Wrong {
    count: u32,
    last: Duration,
    until: Duration,
}

/// What is remembered of wrong logons. Times are since an origin of the user's.
#[derive(Debug, Default)]
pub(super) struct Guesses {
    wrong: BTreeMap<Of, Wrong>,
    /// Who logged on from where, and when last.
    known: BTreeMap<(String, PartnerName), Duration>,
}

impl Guesses {
    /// For how long a logon of this partner's from there is still refused, whatever its password.
    pub(super) fn locked_for(
        &self,
        caller: &str,
        partner: &PartnerName,
        now: Duration,
    ) -> Option<Duration> {
        let both = (caller.to_owned(), partner.clone());
        let of_both = Of::Both(both.0.clone(), both.1.clone());
        let of_either = [Of::Caller(caller.to_owned()), Of::Partner(partner.clone())];
        let of_either = if self.known.contains_key(&both) { &[][..] } else { &of_either };
        let until = [&of_both]
            .into_iter()
            .chain(of_either)
            .filter_map(|of| self.wrong.get(of))
            .map(|wrong| wrong.until)
            .max()?;
        until.checked_sub(now).filter(|left| !left.is_zero())
    }

    /// A wrong logon; for how long that locks out, if it does.
    pub(super) fn wrong(
        &mut self,
        caller: &str,
        partner: &PartnerName,
        now: Duration,
    ) -> Option<Duration> {
        let both = Of::Both(caller.to_owned(), partner.clone());
        let is_another = !self.wrong.contains_key(&both);
        let of_caller = is_another.then(|| Of::Caller(caller.to_owned()));
        let counted = [both, Of::Partner(partner.clone())].into_iter().chain(of_caller);
        counted.filter_map(|of| self.count(of, now)).max()
    }

    fn count(&mut self, of: Of, now: Duration) -> Option<Duration> {
        let before = self.wrong.get(&of).filter(|wrong| now < wrong.last + FORGOTTEN);
        let count = before.map_or(0, |wrong| wrong.count).saturating_add(1);
        let lock = count
            .checked_sub(FREE + 1)
            .map(|further| FIRST.saturating_mul(2_u32.saturating_pow(further)).min(LONGEST));
        make_room(&mut self.wrong, |wrong| wrong.last);
        let until = now + lock.unwrap_or_default();
        self.wrong.insert(of, Wrong { count, last: now, until });
        lock
    }

    /// A right logon.
    pub(super) fn right(&mut self, caller: &str, partner: &PartnerName, now: Duration) {
        let both = (caller.to_owned(), partner.clone());
        self.wrong.remove(&Of::Both(both.0.clone(), both.1.clone()));
        make_room(&mut self.known, |last| *last);
        self.known.insert(both, now);
    }

    /// Nobody is locked out any more; who is believed stays so.
    pub(super) fn forget(&mut self) {
        self.wrong.clear();
    }
}

fn make_room<K: Ord + Clone, V>(map: &mut BTreeMap<K, V>, last: impl Fn(&V) -> Duration) {
    if map.len() >= MOST {
        let oldest = map.iter().min_by_key(|(_, value)| last(value)).map(|(key, _)| key.clone());
        oldest.map(|oldest| map.remove(&oldest));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn bolt() -> PartnerName {
        "bolt".parse().unwrap()
    }

    fn dent() -> PartnerName {
        "dent".parse().unwrap()
    }

    /// So many wrong logons of bolt's from there.
    fn guessed(times: u32, caller: &str) -> Guesses {
        let mut guesses = Guesses::default();
        for _ in 0..times {
            guesses.wrong(caller, &bolt(), SECOND);
        }
        guesses
    }

    #[test]
    fn some_wrong_logons_lock_nobody_out_and_the_next_ones_do_for_longer_and_longer() {
        let mut guesses = Guesses::default();
        let locks: Vec<_> = (0..12)
            .map(|_| guesses.wrong("192.0.2.1", &bolt(), SECOND))
            .map(|lock| lock.map_or(0, |lock| lock.as_secs()))
            .collect();
        assert_eq!(locks, [0, 0, 0, 0, 60, 120, 240, 480, 960, 1920, 3600, 3600]);
    }

    #[test]
    fn a_lock_out_holds_for_the_partner_wherever_it_comes_from_and_ends() {
        let guesses = guessed(5, "192.0.2.1");
        let locked =
            |caller, partner: PartnerName, now| guesses.locked_for(caller, &partner, now).is_some();
        assert!(locked("192.0.2.1", bolt(), SECOND));
        assert!(!locked("192.0.2.1", dent(), SECOND), "who comes through the same gateway");
        assert!(locked("192.0.2.2", bolt(), SECOND), "nor bolt's from elsewhere");
        assert!(!locked("192.0.2.2", dent(), SECOND));
        assert!(!locked("192.0.2.1", bolt(), 61 * SECOND));
    }

    #[test]
    fn who_tries_one_partner_after_the_other_is_locked_out_for_all() {
        let mut guesses = Guesses::default();
        for number in 0..5 {
            let partner = format!("partner{number}").parse().unwrap();
            guesses.wrong("192.0.2.1", &partner, SECOND);
        }
        assert!(guesses.locked_for("192.0.2.1", &bolt(), SECOND).is_some());
        assert_eq!(guesses.locked_for("192.0.2.2", &bolt(), SECOND), None);
    }

    #[test]
    fn who_has_logged_on_from_there_is_locked_out_by_no_stranger() {
        let mut guesses = Guesses::default();
        guesses.right("192.0.2.1", &bolt(), SECOND);
        for _ in 0..9 {
            guesses.wrong("192.0.2.2", &bolt(), SECOND);
            guesses.wrong("192.0.2.1", &dent(), SECOND);
        }
        assert_eq!(guesses.locked_for("192.0.2.1", &bolt(), SECOND), None);
        assert!(guesses.locked_for("192.0.2.3", &bolt(), SECOND).is_some());
        for _ in 0..5 {
            guesses.wrong("192.0.2.1", &bolt(), SECOND);
        }
        assert!(guesses.locked_for("192.0.2.1", &bolt(), SECOND).is_some(), "its own are its own");
    }

    #[test]
    fn a_right_logon_of_ones_own_makes_no_room_for_guesses_at_others() {
        let mut guesses = Guesses::default();
        for _ in 0..5 {
            guesses.wrong("192.0.2.1", &bolt(), SECOND);
            guesses.right("192.0.2.1", &dent(), SECOND);
        }
        assert!(guesses.locked_for("192.0.2.1", &bolt(), SECOND).is_some());
    }

    #[test]
    fn after_two_hours_and_after_a_reload_nothing_is_remembered() {
        let mut guesses = guessed(5, "192.0.2.1");
        let later = 2 * FORGOTTEN;
        assert_eq!(guesses.wrong("192.0.2.1", &bolt(), later), None);
        let mut guesses = guessed(5, "192.0.2.1");
        guesses.forget();
        assert_eq!(guesses.locked_for("192.0.2.1", &bolt(), SECOND), None);
    }

    #[test]
    fn no_more_is_remembered_than_there_is_room_for() {
        let mut guesses = Guesses::default();
        for number in 0..2 * u32::try_from(MOST).unwrap() {
            guesses.wrong(&number.to_string(), &bolt(), SECOND * number);
        }
        assert_eq!(guesses.wrong.len(), MOST);
    }
}
