//! Which refusals are told of, and which are only counted: a stranger must not fill journal and log. A
//! total function of what came and when.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::PartnerName;

/// The first refusal of a kind is told of at once, what follows of the same kind with its number, once
/// in so long.
const INTERVAL: Duration = Duration::from_mins(10);

/// Kinds that are told apart at once; more are told of together.
const MOST: usize = 64;

/// Refusals that are alike.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Kind {
    pub(super) code: String,
    /// From where; `None`: from too many places.
    pub(super) caller: Option<String>,
    pub(super) partner: Option<PartnerName>,
    /// Whether it is worth a line in the journal.
    pub(super) is_journalled: bool,
}

/// What is told of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct News {
    pub(super) kind: Kind,
    /// How many there were since the last time.
    pub(super) count: u64,
    /// Of the last one.
    pub(super) text: String,
}

#[derive(Debug)]
struct Counted {
    told_at: Duration,
    untold: u64,
    text: String,
}

/// The refusals of late. Times are since an origin of the user's.
#[derive(Debug, Default)]
pub(super) struct Knocks(BTreeMap<Kind, Counted>);

impl Knocks {
    /// One more; what is to be told of it now, if anything.
    pub(super) fn knock(&mut self, kind: Kind, text: &str, now: Duration) -> Option<News> {
        let is_new = !self.0.contains_key(&kind);
        let kind = if is_new && self.0.len() >= MOST {
            Kind { caller: None, partner: None, ..kind }
        } else {
            kind
        };
        if let Some(counted) = self.0.get_mut(&kind) {
            counted.untold += 1;
            text.clone_into(&mut counted.text);
            return None;
        }
        let counted = Counted { told_at: now, untold: 0, text: String::new() };
        self.0.insert(kind.clone(), counted);
        Some(News { kind, count: 1, text: text.to_owned() })
    }

    /// What has been counted for long enough; `all`: what has been counted.
    pub(super) fn due(&mut self, now: Duration, all: bool) -> Vec<News> {
        let mut told = Vec::new();
        self.0.retain(|kind, counted| {
            if !all && now < counted.told_at + INTERVAL {
                return true;
            }
            if counted.untold == 0 {
                return false;
            }
            let text = std::mem::take(&mut counted.text);
            told.push(News { kind: kind.clone(), count: counted.untold, text });
            (counted.untold, counted.told_at) = (0, now);
            true
        });
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn kind(caller: &str) -> Kind {
        Kind {
            code: "E-SESSION-PASSWORD".to_owned(),
            caller: Some(caller.to_owned()),
            partner: Some("bolt".parse().unwrap()),
            is_journalled: true,
        }
    }

    #[test]
    fn the_first_is_told_of_at_once_and_the_others_once_with_their_number() {
        let mut knocks = Knocks::default();
        let told = knocks.knock(kind("192.0.2.1"), "first", SECOND).unwrap();
        assert_eq!((told.count, told.text.as_str()), (1, "first"));
        for _ in 0..442 {
            assert_eq!(knocks.knock(kind("192.0.2.1"), "again", 2 * SECOND), None);
        }
        assert_eq!(knocks.due(3 * SECOND, false), []);
        let due = knocks.due(INTERVAL + SECOND, false);
        assert_eq!(due, [News { kind: kind("192.0.2.1"), count: 442, text: "again".to_owned() }]);
        assert_eq!(knocks.due(INTERVAL + 2 * SECOND, false), []);
        assert_eq!(knocks.due(3 * INTERVAL, false), [], "and is forgotten");
        assert!(knocks.knock(kind("192.0.2.1"), "anew", 3 * INTERVAL).is_some());
    }

    #[test]
    fn from_however_many_places_they_come_no_more_than_so_many_are_told_of() {
        let mut knocks = Knocks::default();
        let told = (0..10_000)
            .filter_map(|number| knocks.knock(kind(&number.to_string()), "refused", SECOND));
        assert_eq!(told.count(), MOST + 1);
        let due = knocks.due(2 * SECOND, true);
        let [others] = &due[..] else { panic!("{due:?}") };
        assert_eq!((&others.kind.caller, others.count), (&None, 10_000 - MOST as u64 - 1));
    }
}
