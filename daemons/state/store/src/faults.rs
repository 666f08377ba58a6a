//! Faults at the one place where something is committed, for tests.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use crate::StoreError;
use crate::connection::Link;
use crate::transaction::Failed;

/// What goes wrong at a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The answer is lost, and the commit has happened.
    LostAndDone,
    /// The answer is lost, and the commit has not happened.
    LostAndNotDone,
    /// It is refused, and may be tried again.
    Busy,
}

/// The faults of the next commits of a store, in turn.
#[derive(Clone, Debug, Default)]
pub struct Faults(Arc<Mutex<VecDeque<Fault>>>);

impl Faults {
    /// Has the next commits fail.
    pub fn strike(&self, faults: impl IntoIterator<Item = Fault>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(faults);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    pub(crate) fn next(&self) -> Option<Fault> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }
}

impl Fault {
    pub(crate) async fn strike(self, mut link: Link) -> Failed {
        let lost = StoreError::Unreachable {
            database: "the test".to_owned(),
            reason: "the answer is lost".to_owned(),
        };
        match self {
            Self::LostAndDone => match link.say("commit").await {
                Ok(()) => Failed::AnswerLost(lost),
                Err(error) => Failed::NotDone(StoreError::from_driver(&error, "the test")),
            },
            Self::LostAndNotDone => Failed::AnswerLost(lost),
            Self::Busy => Failed::NotDone(StoreError::Busy { reason: "the test".to_owned() }),
        }
    }
}
