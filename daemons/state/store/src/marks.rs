//! Places in which commits leave their marks, so that a lost answer can be looked for.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A process has one tenure of a daemon, however many stores: they share the places.
static TAKEN: Mutex<BTreeSet<i64>> = Mutex::new(BTreeSet::new());
static NUMBER: AtomicI64 = AtomicI64::new(0);

/// A place and a number that no other commit of this tenure has. The place is free again when this
/// is dropped; there are never more than commits run at once.
#[derive(Debug)]
pub(crate) struct Mark {
    pub(crate) slot: i64,
    pub(crate) number: i64,
}

impl Mark {
    pub(crate) fn new() -> Self {
        let mut taken = taken();
        let slot = first_free(&taken);
        taken.insert(slot);
        Self { slot, number: NUMBER.fetch_add(1, Ordering::Relaxed) }
    }
}

impl Drop for Mark {
    fn drop(&mut self) {
        taken().remove(&self.slot);
    }
}

fn taken() -> MutexGuard<'static, BTreeSet<i64>> {
    TAKEN.lock().unwrap_or_else(PoisonError::into_inner)
}

fn first_free(taken: &BTreeSet<i64>) -> i64 {
    let mut free = 0;
    for slot in taken {
        if *slot > free {
            break;
        }
        free = slot + 1;
    }
    free
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_free_place_is_taken() {
        for (taken, free) in [(vec![], 0), (vec![0], 1), (vec![1], 0), (vec![0, 1, 3], 2)] {
            assert_eq!(first_free(&taken.into_iter().collect()), free);
        }
    }

    #[test]
    fn no_two_marks_at_once_share_a_place_and_none_ever_a_number() {
        let (one, two) = (Mark::new(), Mark::new());
        assert!(one.slot != two.slot && one.number != two.number);
        let number = two.number;
        drop(two);
        assert!(Mark::new().number > number);
    }
}
