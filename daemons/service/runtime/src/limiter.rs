//! At most so many at once; the limit may change while it is in use.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Counts what is let in; cheap to clone.
#[derive(Clone, Debug)]
pub struct Limiter {
    shared: Arc<Shared>,
}

/// One place, given back when dropped.
#[derive(Debug)]
pub struct Permit {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    limit: AtomicUsize,
    inside: AtomicUsize,
}

impl Limiter {
    /// Room for `limit` at once.
    pub fn new(limit: usize) -> Self {
        let shared = Shared { limit: AtomicUsize::new(limit), inside: AtomicUsize::new(0) };
        Self { shared: Arc::new(shared) }
    }

    /// A place, or `None` when all are taken.
    pub fn enter(&self) -> Option<Permit> {
        let limit = self.shared.limit.load(Ordering::SeqCst);
        self.shared
            .inside
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |inside| {
                (inside < limit).then_some(inside + 1)
            })
            .ok()
            .map(|_| Permit { shared: Arc::clone(&self.shared) })
    }

    /// Another limit, as after a reload. Nobody who is inside is put out.
    pub fn set_limit(&self, limit: usize) {
        self.shared.limit.store(limit, Ordering::SeqCst);
    }

    /// The limit.
    pub fn limit(&self) -> usize {
        self.shared.limit.load(Ordering::SeqCst)
    }

    /// How many are inside.
    pub fn inside(&self) -> usize {
        self.shared.inside.load(Ordering::SeqCst)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.shared.inside.fetch_sub(1, Ordering::SeqCst);
    }
}
