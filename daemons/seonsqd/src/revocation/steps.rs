//! What is recorded of a list. Each finds its own work when it is done again, and gives the same.

use store::{FencedTx, IfAnswerLost, Step, StoreError};

/// A list takes the place of the one before.
#[derive(Debug, PartialEq)]
pub(super) struct Fetched {
    pub(super) url: String,
    pub(super) list: String,
}

impl Step for Fetched {
    const NAME: &'static str = "list_fetched";
    const IF_ANSWER_LOST: IfAnswerLost = IfAnswerLost::Repeat;
    type Output = ();

    async fn run(&self, tx: &mut FencedTx) -> Result<(), StoreError> {
        tx.list_fetched(&self.url, &self.list).await
    }
}

/// The list is the one that is kept.
#[derive(Debug, PartialEq)]
pub(super) struct Unchanged(pub(super) String);

impl Step for Unchanged {
    const NAME: &'static str = "list_unchanged";
    const IF_ANSWER_LOST: IfAnswerLost = IfAnswerLost::Repeat;
    type Output = ();

    async fn run(&self, tx: &mut FencedTx) -> Result<(), StoreError> {
        tx.list_unchanged(&self.0).await
    }
}

/// Looking for it brought nothing.
#[derive(Debug, PartialEq)]
pub(super) struct NotFetchedNow {
    pub(super) url: String,
    pub(super) code: String,
    pub(super) text: String,
}

impl Step for NotFetchedNow {
    const NAME: &'static str = "list_not_fetched";
    const IF_ANSWER_LOST: IfAnswerLost = IfAnswerLost::Repeat;
    type Output = ();

    async fn run(&self, tx: &mut FencedTx) -> Result<(), StoreError> {
        tx.list_not_fetched(&self.url, &self.code, &self.text).await
    }
}

/// Nothing leads to it any more.
#[derive(Debug, PartialEq)]
pub(super) struct ForgetList(pub(super) String);

impl Step for ForgetList {
    const NAME: &'static str = "forget_list";
    const IF_ANSWER_LOST: IfAnswerLost = IfAnswerLost::Repeat;
    type Output = ();

    async fn run(&self, tx: &mut FencedTx) -> Result<(), StoreError> {
        tx.forget_list(&self.0).await
    }
}
