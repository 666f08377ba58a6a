//! What is done in one fenced transaction, as a value.

use std::fmt::Debug;

use crate::{FencedTx, StoreError};

/// What is done in one fenced transaction: a plain value, so that it can be done again.
///
/// It is done by [`Store::run`](crate::Store::run), perhaps several times, of which at most one is
/// committed. What it says must be known before it begins: it can hold no file, no connection and no
/// channel, for nothing slow may happen between begin and commit, where a take-over waits.
///
/// ```
/// # use store::{EntryChange, EntryId, FencedTx, IfAnswerLost, Step, StoreError};
/// #[derive(Debug, PartialEq)]
/// struct Cancel {
///     entry: EntryId,
/// }
///
/// impl Step for Cancel {
///     const NAME: &'static str = "cancel";
///     const IF_ANSWER_LOST: IfAnswerLost = IfAnswerLost::Mark;
///     type Output = EntryChange;
///
///     async fn run(&self, tx: &mut FencedTx) -> Result<EntryChange, StoreError> {
///         tx.cancel_entry(self.entry).await
///     }
/// }
/// ```
///
/// The same with a file in it is none:
///
/// ```compile_fail,E0369
/// # use store::{EntryChange, EntryId, FencedTx, IfAnswerLost, Step, StoreError};
/// #[derive(Debug, PartialEq)]
/// struct Cancel {
///     entry: EntryId,
///     file: std::fs::File,
/// }
/// ```
///
/// nor one that does not say what becomes of a lost answer:
///
/// ```compile_fail,E0046
/// # use store::{EntryChange, EntryId, FencedTx, IfAnswerLost, Step, StoreError};
/// # #[derive(Debug, PartialEq)]
/// # struct Cancel {
/// #     entry: EntryId,
/// # }
/// impl Step for Cancel {
///     const NAME: &'static str = "cancel";
///     type Output = EntryChange;
///
///     async fn run(&self, tx: &mut FencedTx) -> Result<EntryChange, StoreError> {
///         tx.cancel_entry(self.entry).await
///     }
/// }
/// ```
pub trait Step: Debug + PartialEq + Send + Sync + 'static {
    /// For the log, the metric and the database's own log: `snake_case`.
    const NAME: &'static str;

    /// What becomes of it when the answer to its COMMIT is lost.
    const IF_ANSWER_LOST: IfAnswerLost;

    /// What comes of it.
    type Output: Send + 'static;

    /// Does it.
    fn run(
        &self,
        tx: &mut FencedTx,
    ) -> impl Future<Output = Result<Self::Output, StoreError>> + Send;
}

/// How it is found out whether a commit has happened whose answer was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum IfAnswerLost {
    /// It is done again: that finds its own work, and gives the same. Only for what says so by its
    /// SQL, and journals nothing; it saves a mark.
    Repeat,
    /// The transaction leaves a mark, which is looked for: if it is there all is done, and what came
    /// of it stands; if not, nothing is, and it is done again.
    Mark,
}

/// What came of a try to do a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StepOutcome {
    /// Committed.
    Done,
    /// Committed by an earlier try whose answer was lost.
    FoundDone,
    /// Not done, and tried again.
    Retried,
    /// The answer to its COMMIT was lost.
    AnswerLost,
    /// Not done; the caller is told.
    Failed,
}

impl StepOutcome {
    /// The word for the metric.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::FoundDone => "found_done",
            Self::Retried => "retried",
            Self::AnswerLost => "answer_lost",
            Self::Failed => "failed",
        }
    }
}
