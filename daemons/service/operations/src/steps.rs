//! What attending to a request writes, each with the answer to it in one commit.

use domain::Daemon;
use store::{
    EntryChange, EntryId, FencedTx, IfAnswerLost, JournalEntry, JournalKind, ReceiptId, RequestId,
    RequestOutcome, RequestRecord, Step, StoreError,
};

use crate::{done, refused};

/// This daemon's open requests are taken.
#[derive(Debug, PartialEq)]
pub(crate) struct TakeRequests;

impl Step for TakeRequests {
    const NAME: &'static str = "take_requests";
    const IF_ANSWER_LOST: IfAnswerLost = IfAnswerLost::Mark;
    type Output = Vec<RequestRecord>;

    async fn run(&self, tx: &mut FencedTx) -> Result<Self::Output, StoreError> {
        tx.take_requests().await
    }
}

/// A request is answered.
#[derive(Debug, PartialEq)]
pub(crate) struct AnswerRequest {
    pub(crate) request: RequestId,
    pub(crate) outcome: RequestOutcome,
}

impl Step for AnswerRequest {
    const NAME: &'static str = "answer_request";
    const IF_ANSWER_LOST: IfAnswerLost = IfAnswerLost::Mark;
    type Output = ();

    async fn run(&self, tx: &mut FencedTx) -> Result<(), StoreError> {
        tx.request_done(self.request, &self.outcome).await
    }
}

/// A request is another daemon's.
#[derive(Debug, PartialEq)]
pub(crate) struct ForwardRequest {
    pub(crate) request: RequestId,
    pub(crate) to: Daemon,
}

impl Step for ForwardRequest {
    const NAME: &'static str = "forward_request";
    const IF_ANSWER_LOST: IfAnswerLost = IfAnswerLost::Mark;
    type Output = ();

    async fn run(&self, tx: &mut FencedTx) -> Result<(), StoreError> {
        tx.forward_request(self.request, self.to).await
    }
}

/// A receipt that is held may go.
#[derive(Debug, PartialEq)]
pub(crate) struct ReleaseReceipt {
    pub(crate) request: RequestId,
    pub(crate) receipt: ReceiptId,
}

impl Step for ReleaseReceipt {
    const NAME: &'static str = "release_receipt";
    const IF_ANSWER_LOST: IfAnswerLost = IfAnswerLost::Mark;
    type Output = ();

    async fn run(&self, tx: &mut FencedTx) -> Result<(), StoreError> {
        let Self { request, receipt } = self;
        let outcome = if tx.release_receipt(*receipt).await? {
            done(format!("receipt {receipt} goes out with the next session"))
        } else {
            refused(
                "E-REQUEST-STATE",
                format!(
                    "nothing keeps receipt {receipt}: it is not held and waits for no time, or went out"
                ),
            )
        };
        tx.request_done(*request, &outcome).await
    }
}

/// What is to become of an entry.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum EntryCommand {
    Hold,
    Release,
    Unblock,
    Cancel,
    Close,
    Resend,
}

impl EntryCommand {
    fn past(self) -> &'static str {
        match self {
            Self::Hold => "held",
            Self::Release => "released",
            Self::Unblock => "unblocked",
            Self::Cancel => "cancelled",
            Self::Close => "closed",
            Self::Resend => "to be sent again",
        }
    }

    fn kind(self) -> JournalKind {
        match self {
            Self::Hold => JournalKind::EntryHeld,
            Self::Release => JournalKind::EntryReleased,
            Self::Unblock => JournalKind::EntryUnblocked,
            Self::Cancel => JournalKind::EntryCancelled,
            Self::Close => JournalKind::EntryClosed,
            Self::Resend => JournalKind::EntryResent,
        }
    }
}

/// An entry is changed as somebody wished.
#[derive(Debug, PartialEq)]
pub(crate) struct ChangeEntry {
    pub(crate) request: RequestId,
    pub(crate) entry: EntryId,
    pub(crate) command: EntryCommand,
    /// For the journal, if it is changed; what kind it is the command says.
    pub(crate) note: JournalEntry,
}

impl ChangeEntry {
    pub(crate) fn note(command: EntryCommand, entry: EntryId, by: &str) -> JournalEntry {
        JournalEntry {
            entry: Some(entry),
            text: Some(format!("by {by}")),
            ..JournalEntry::new(command.kind())
        }
    }
}

impl Step for ChangeEntry {
    const NAME: &'static str = "change_entry";
    const IF_ANSWER_LOST: IfAnswerLost = IfAnswerLost::Mark;
    type Output = ();

    async fn run(&self, tx: &mut FencedTx) -> Result<(), StoreError> {
        let Self { request, entry: id, command, note } = self;
        let changed = match command {
            EntryCommand::Hold => tx.hold_entry(*id).await?,
            EntryCommand::Release => tx.release_entry(*id).await?,
            EntryCommand::Unblock => tx.unblock_entry(*id).await?,
            EntryCommand::Cancel => tx.cancel_entry(*id).await?,
            EntryCommand::Close => tx.close_entry(*id).await?,
            EntryCommand::Resend => tx.resend_entry(*id).await?,
        };
        let outcome = match changed {
            EntryChange::Changed => {
                tx.journal(note).await?;
                done(format!("entry {id} is {}", command.past()))
            }
            EntryChange::NotFrom(state) => refused(
                "E-REQUEST-STATE",
                format!("entry {id} is {state}, so it cannot be {}", command.past()),
            ),
            EntryChange::Missing => refused("E-REQUEST-MISSING", format!("there is no entry {id}")),
        };
        tx.request_done(*request, &outcome).await
    }
}
