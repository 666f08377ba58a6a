//! Where what the daemons read lies: in the first Secret as long as it fits there, the rest in shards.
//!
//! The oldest partners fill the first Secret, which is all that a daemon of an older pod has; each that
//! comes after it is full has its shard by its name. So another partner more or less changes a Secret or
//! two and moves nobody else, and nobody has to remember where a partner lies.

use std::collections::{BTreeMap, BTreeSet};

use aws_lc_rs::digest::{SHA256, digest};
use crds::names::SHARDS;

/// A Secret holds 1 MiB, and some of that is its own.
pub(super) const ROOM: usize = 1_000_000;

/// What one partner brings, the oldest partner first.
#[derive(Clone, Debug)]
pub(super) struct Load<'a> {
    pub(super) partner: &'a str,
    /// Of its own manifest.
    pub(super) octets: usize,
    /// The Secrets that it uses, with their octets. Who comes first brings it for those that follow.
    pub(super) secrets: Vec<(&'a str, usize)>,
}

/// One of an instance's Secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    First,
    Shard(u8),
}

/// What lies in one place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Contents<'a> {
    pub(super) octets: usize,
    pub(super) partners: Vec<&'a str>,
    pub(super) secrets: BTreeSet<&'a str>,
}

/// Why a partner has no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoPlace {
    /// It is more than a Secret holds, all by itself.
    TooLarge {
        /// What it has.
        octets: usize,
    },
    /// Those before it have taken the room.
    Full,
}

/// Everybody's place, and who has none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Spread<'a> {
    pub(super) contents: BTreeMap<Place, Contents<'a>>,
    pub(super) without: BTreeMap<&'a str, NoPlace>,
}

/// Spreads partners beside the instance's own, `own` octets with these Secrets, which is in the first
/// place in any case.
pub(super) fn spread<'a>(
    own: usize,
    own_secrets: BTreeSet<&'a str>,
    loads: &[Load<'a>],
) -> Spread<'a> {
    let mut brought = own_secrets.clone();
    let mut first_is_open = true;
    let first = Contents { octets: own, partners: Vec::new(), secrets: own_secrets };
    let mut contents: BTreeMap<Place, Contents<'a>> = [(Place::First, first)].into();
    let mut without = BTreeMap::new();
    for load in loads {
        let new = load.secrets.iter().filter(|(name, _)| !brought.contains(name));
        let new: BTreeMap<&str, usize> = new.copied().collect();
        let octets = load.octets + new.values().sum::<usize>();
        if octets > ROOM {
            without.insert(load.partner, NoPlace::TooLarge { octets });
            continue;
        }
        let has_room = |place: &Place| {
            contents.get(place).map_or(0, |there| there.octets).saturating_add(octets) <= ROOM
        };
        first_is_open = first_is_open && has_room(&Place::First);
        let place = if first_is_open {
            Some(Place::First)
        } else {
            // The next one that has room, where too many have come together.
            let home = home(load.partner);
            (0..SHARDS).map(|step| Place::Shard((home + step) % SHARDS)).find(has_room)
        };
        let Some(place) = place else {
            without.insert(load.partner, NoPlace::Full);
            continue;
        };
        brought.extend(new.keys());
        let there = contents.entry(place).or_default();
        there.octets += octets;
        there.partners.push(load.partner);
        there.secrets.extend(new.keys());
    }
    Spread { contents, without }
}

/// A partner's shard, as long as that has room.
fn home(partner: &str) -> u8 {
    let digest = digest(&SHA256, partner.as_bytes());
    digest.as_ref().first().map_or(0, |octet| octet % SHARDS)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIB: usize = 1024;

    /// Partners and their Secrets.
    fn names(count: usize) -> Vec<(String, String)> {
        (0..count).map(|n| (format!("partner-{n}"), format!("certificate-{n}"))).collect()
    }

    /// Each with a Secret of its own, which is most of its 6 KiB.
    fn loads(names: &[(String, String)]) -> Vec<Load<'_>> {
        let of_secrets = |secret| vec![(secret, 5 * KIB), ("shared", KIB)];
        names
            .iter()
            .map(|(partner, secret)| Load { partner, octets: KIB, secrets: of_secrets(secret) })
            .collect()
    }

    /// Places whose contents are others.
    fn changed(before: &Spread<'_>, after: &Spread<'_>) -> usize {
        let places: BTreeSet<_> = before.contents.keys().chain(after.contents.keys()).collect();
        let is_changed = |place: &Place| before.contents.get(place) != after.contents.get(place);
        places.into_iter().filter(|place| is_changed(place)).count()
    }

    #[test]
    fn what_fits_is_in_the_first_place_and_nothing_beside_it() {
        let names = names(100);
        let spread = spread(2 * KIB, ["own"].into(), &loads(&names));
        assert_eq!(spread.contents.keys().collect::<Vec<_>>(), [&Place::First]);
        let first = &spread.contents[&Place::First];
        assert_eq!(first.partners.len(), 100);
        assert_eq!(first.octets, 2 * KIB + 100 * 6 * KIB + KIB, "what is shared is there once");
    }

    #[test]
    fn five_thousand_partners_have_their_places_and_the_oldest_are_in_the_first() {
        let names = names(5000);
        let loads = loads(&names);
        let spread = spread(2 * KIB, ["own"].into(), &loads);
        assert!(spread.without.is_empty());
        assert!(spread.contents.values().all(|there| there.octets <= ROOM));
        let first = &spread.contents[&Place::First];
        let oldest: Vec<_> = names.iter().take(first.partners.len()).map(|(n, _)| n).collect();
        assert_eq!(first.partners, oldest);
        assert!(first.octets > ROOM - 6 * KIB && first.secrets.contains("shared"));
        let all: Vec<_> = spread.contents.values().flat_map(|there| &there.partners).collect();
        assert_eq!(all.len(), 5000, "each once");
        let secrets: Vec<_> = spread.contents.values().flat_map(|there| &there.secrets).collect();
        assert_eq!(secrets.len(), 5002, "each once");
    }

    #[test]
    fn a_partner_more_less_or_larger_changes_a_few_places() {
        let names = names(5000);
        let all = loads(&names);
        let before = spread(2 * KIB, BTreeSet::new(), &all);
        let fewer = spread(2 * KIB, BTreeSet::new(), &all[..4999]);
        assert_eq!(changed(&before, &fewer), 1);
        for gone in [0, 100, 3000] {
            let mut rest = all.clone();
            rest.remove(gone);
            let rest = spread(2 * KIB, BTreeSet::new(), &rest);
            // From the first place; what takes the room there was somewhere else.
            assert!(changed(&before, &rest) <= 3, "{gone}");
            let mut larger = all.clone();
            larger[gone].octets += 5 * KIB;
            assert!(changed(&before, &spread(2 * KIB, BTreeSet::new(), &larger)) <= 3, "{gone}");
        }
    }

    #[test]
    fn a_partner_without_a_place_keeps_nobody_else_from_theirs() {
        let names = names(12_000);
        let mut all = loads(&names);
        all[7].octets = ROOM;
        let spread = spread(2 * KIB, BTreeSet::new(), &all);
        let octets = ROOM + 5 * KIB;
        assert_eq!(spread.without["partner-7"], NoPlace::TooLarge { octets });
        assert_eq!(spread.without["partner-11999"], NoPlace::Full, "the newest");
        let placed: usize = spread.contents.values().map(|there| there.partners.len()).sum();
        assert_eq!(placed + spread.without.len(), 12_000);
        assert!(placed > 64 * 160 && spread.contents.len() == 65);
        let full = spread.without.values().filter(|why| **why == NoPlace::Full).count();
        assert_eq!(full + 1, spread.without.len());
        assert!(spread.contents.values().all(|there| there.octets <= ROOM));
    }

    #[test]
    fn a_secret_is_with_the_oldest_who_uses_it_and_goes_to_the_next() {
        let load = |partner, octets| Load { partner, octets, secrets: vec![("shared", KIB)] };
        let place_of = |loads: &[Load<'static>]| {
            let spread = spread(ROOM - KIB, BTreeSet::new(), loads);
            let holds = |there: &Contents<'_>| there.secrets.contains("shared");
            let there = spread.contents.into_iter().find(|(_, there)| holds(there)).unwrap();
            there.1.partners.clone()
        };
        assert_eq!(place_of(&[load("a", 2 * KIB), load("b", 2 * KIB)]), ["a"]);
        assert_eq!(place_of(&[load("b", 2 * KIB)]), ["b"]);
        // What has no place brings nothing.
        assert_eq!(place_of(&[load("a", ROOM), load("b", 2 * KIB)]), ["b"]);
    }
}
