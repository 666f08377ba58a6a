//! Whose turn begins next. Pure.
//!
//! Turns are shared out by namespace, which is what a tenant has: a namespace may begin one more
//! only while fewer of its turns run than could still begin. So one namespace has at most half of
//! all, two have a third each, and however many instances hang there, others find room at once.
//! Of those who may, whoever has the fewest begins, and among these whoever waits the longest.

use std::collections::{BTreeMap, HashMap, VecDeque};

/// A wish for a turn, in the order in which they came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Ticket(u64);

/// Who has turns, and who waits for one.
#[derive(Debug)]
pub(super) struct Shares {
    most: usize,
    tickets: u64,
    running: HashMap<String, usize>,
    waiting: BTreeMap<String, VecDeque<Ticket>>,
}

impl Shares {
    /// So many turns at once; never none.
    pub(super) fn new(most: usize) -> Self {
        Self { most: most.max(1), tickets: 0, running: HashMap::new(), waiting: BTreeMap::new() }
    }

    /// A namespace wants a turn.
    pub(super) fn want(&mut self, namespace: &str) -> Ticket {
        let ticket = Ticket(self.tickets);
        self.tickets += 1;
        self.waiting.entry(namespace.to_owned()).or_default().push_back(ticket);
        ticket
    }

    /// Whose turn begins now: it runs from here on.
    pub(super) fn begin(&mut self) -> Option<(Ticket, String)> {
        let free = self.most.saturating_sub(self.running.values().sum());
        let of = |namespace: &String| self.running.get(namespace).copied().unwrap_or_default();
        let (_, _, namespace) = self
            .waiting
            .iter()
            .filter_map(|(namespace, tickets)| Some((of(namespace), tickets.front()?, namespace)))
            .filter(|(running, ..)| *running < free)
            .min()?;
        let namespace = namespace.clone();
        let tickets = self.waiting.get_mut(&namespace)?;
        let ticket = tickets.pop_front()?;
        if tickets.is_empty() {
            self.waiting.remove(&namespace);
        }
        *self.running.entry(namespace.clone()).or_default() += 1;
        Some((ticket, namespace))
    }

    /// A turn that ran has ended.
    pub(super) fn end(&mut self, namespace: &str) {
        if let Some(running) = self.running.get_mut(namespace) {
            *running -= 1;
            if *running == 0 {
                self.running.remove(namespace);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Begins what may begin, and says whose turns these are.
    fn begun(shares: &mut Shares) -> String {
        std::iter::from_fn(|| shares.begin().map(|(_, namespace)| namespace)).collect()
    }

    fn want(shares: &mut Shares, namespaces: &str) {
        for namespace in namespaces.chars() {
            shares.want(&namespace.to_string());
        }
    }

    #[test]
    fn a_turn_begins_while_fewer_of_its_namespace_run_than_are_free() {
        for (most, wanted, expected) in [
            // Alone: half, and never nothing.
            (1, "aaa", "a"),
            (2, "aaa", "a"),
            (4, "aaaaaa", "aa"),
            (16, "aaaaaaaaaaaaaaaaaaaa", "aaaaaaaa"),
            // Two that want everything leave a third.
            (9, "aaaaaaaaabbbbbbbbb", "ababab"),
            // Whoever comes later finds room, and does not wait for those before.
            (4, "aaaaaab", "aba"),
            // Many with one each use all of it.
            (4, "abcdef", "abcd"),
            (0, "ab", "a"),
        ] {
            let mut shares = Shares::new(most);
            want(&mut shares, wanted);
            assert_eq!(begun(&mut shares), expected, "{most} {wanted}");
        }
    }

    #[test]
    fn what_ends_makes_room_for_whoever_has_the_fewest_and_waits_the_longest() {
        let mut shares = Shares::new(4);
        want(&mut shares, "aaaaaa");
        assert_eq!(begun(&mut shares), "aa");
        want(&mut shares, "cb");
        assert_eq!(begun(&mut shares), "cb");
        want(&mut shares, "db");
        assert_eq!(begun(&mut shares), "", "all run");
        shares.end("a");
        assert_eq!(begun(&mut shares), "d");
        shares.end("c");
        shares.end("d");
        assert_eq!(begun(&mut shares), "a", "as many as b, and waits the longest");
        shares.end("a");
        shares.end("a");
        shares.end("b");
        assert_eq!(begun(&mut shares), "aba");
    }

    #[test]
    fn a_namespace_that_hangs_holds_up_no_other() {
        let mut shares = Shares::new(16);
        want(&mut shares, &"h".repeat(1000));
        assert_eq!(begun(&mut shares), "h".repeat(8));
        // None of these ever ends, and ten thousand others come by one after the other.
        for number in 0..10_000 {
            let tenant = format!("tenant-{}", number % 100);
            shares.want(&tenant);
            assert_eq!(shares.begin().map(|(_, namespace)| namespace), Some(tenant.clone()));
            assert_eq!(shares.begin(), None);
            shares.end(&tenant);
        }
    }

    #[test]
    fn nothing_is_left_of_what_is_over() {
        let mut shares = Shares::new(2);
        want(&mut shares, "ab");
        assert_eq!(begun(&mut shares), "ab");
        shares.end("a");
        shares.end("b");
        assert!(shares.running.is_empty() && shares.waiting.is_empty());
    }
}
