//! The step of those who only say something.

use crate::{FencedTx, IfAnswerLost, JournalEntry, Step, StoreError};

/// A line in the journal, in a transaction of its own.
#[derive(Debug, PartialEq)]
pub struct Note(pub JournalEntry);

impl Step for Note {
    const NAME: &'static str = "note";
    const IF_ANSWER_LOST: IfAnswerLost = IfAnswerLost::Mark;
    type Output = ();

    async fn run(&self, tx: &mut FencedTx) -> Result<(), StoreError> {
        tx.journal(&self.0).await
    }
}
