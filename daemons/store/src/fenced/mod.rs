//! The fenced transaction: the only way to change state.

mod delivery;
mod dialling;
mod json;
mod queueing;
mod receipts;
mod receiving;
mod recovery;
mod requests;
mod retention;
mod sending;
mod sessions;

use std::sync::Arc;

use lease::{Daemon, Epoch, Tenure};

use crate::backend::{Row, Transaction, Value, values};
use crate::model::{JournalEntry, SessionId};
use crate::statement::{Statement, statement};
use crate::wakeups::Hints;
use crate::{Store, StoreError};

pub use recovery::Recovered;
pub use retention::Pruned;

/// The most journal records that one statement writes.
const NOTES_AT_ONCE: usize = 256;

/// A transaction of one tenure. Its first statement has checked that the tenure's epoch stands;
/// until it ends, nobody can take over. Dropped without [`FencedTx::commit`], nothing has happened.
///
/// An error of one of its methods ends its usefulness: drop it and begin another.
///
/// # An unfenced write does not compile
///
/// The first of these compiles; each of the others differs from it only by leaving the fence out.
///
/// ```
/// # use {lease::Tenure, store::{EntryId, Store, StoreError}};
/// async fn cancel(store: &Store, tenure: &Tenure, entry: EntryId) -> Result<(), StoreError> {
///     let mut transaction = store.fenced(tenure).await?;
///     transaction.cancel_entry(entry).await?;
///     transaction.commit().await
/// }
/// ```
///
/// The store itself changes nothing:
///
/// ```compile_fail,E0599
/// # use {lease::Tenure, store::{EntryId, Store, StoreError}};
/// async fn cancel(store: &Store, tenure: &Tenure, entry: EntryId) -> Result<(), StoreError> {
///     store.cancel_entry(entry).await?;
///     Ok(())
/// }
/// ```
///
/// An intake only appends:
///
/// ```compile_fail,E0599
/// # use {lease::Tenure, store::{EntryId, Store, StoreError}};
/// async fn cancel(store: &Store, tenure: &Tenure, entry: EntryId) -> Result<(), StoreError> {
///     store.intake().cancel_entry(entry).await?;
///     Ok(())
/// }
/// ```
///
/// No transaction begins without the store's fence:
///
/// ```compile_fail,E0624
/// # use {lease::Tenure, store::{EntryId, Store, StoreError}};
/// async fn cancel(store: &Store, tenure: &Tenure, entry: EntryId) -> Result<(), StoreError> {
///     let mut transaction = store::FencedTx::begin(store, tenure).await?;
///     transaction.cancel_entry(entry).await?;
///     transaction.commit().await
/// }
/// ```
///
/// And a committed one is gone:
///
/// ```compile_fail,E0382
/// # use {lease::Tenure, store::{EntryId, Store, StoreError}};
/// async fn cancel(store: &Store, tenure: &Tenure, entry: EntryId) -> Result<(), StoreError> {
///     let mut transaction = store.fenced(tenure).await?;
///     transaction.commit().await?;
///     transaction.cancel_entry(entry).await?;
///     Ok(())
/// }
/// ```
#[must_use = "nothing happens without commit"]
pub struct FencedTx {
    transaction: Transaction,
    daemon: Daemon,
    epoch: Epoch,
    hints: Arc<Hints>,
    /// Records that are written with the commit, all by one statement.
    notes: Vec<JournalEntry>,
    /// Whether something changed that somebody may wait for.
    is_news: bool,
}

impl FencedTx {
    pub(crate) async fn begin(store: &Store, tenure: &Tenure) -> Result<Self, StoreError> {
        let &Tenure { daemon, epoch, .. } = tenure;
        let mut transaction = store.backend.begin().await?;
        let values = values![daemon.name(), epoch.get()];
        match transaction.fetch_first(statement!("lease", "fence"), values).await? {
            Some(_) => {
                let hints = Arc::clone(&store.hints);
                Ok(Self { transaction, daemon, epoch, hints, notes: Vec::new(), is_news: false })
            }
            None => Err(StoreError::Fenced { daemon, epoch }),
        }
    }

    /// Makes everything that was done true at once, durably.
    ///
    /// After [`StoreError::Unreachable`] it may be true or not.
    pub async fn commit(mut self) -> Result<(), StoreError> {
        self.write_notes().await?;
        self.transaction.commit().await?;
        if self.is_news {
            self.hints.announce();
        }
        Ok(())
    }

    /// Appends to the journal, in the name of this daemon and epoch; written with the commit at
    /// the latest.
    pub async fn journal(&mut self, entry: &JournalEntry) -> Result<(), StoreError> {
        self.notes.push(entry.clone());
        if self.notes.len() >= NOTES_AT_ONCE { self.write_notes().await } else { Ok(()) }
    }

    async fn write_notes(&mut self) -> Result<(), StoreError> {
        let tenure = (self.daemon, self.epoch);
        let notes = std::mem::take(&mut self.notes);
        match notes.as_slice() {
            [] => Ok(()),
            [note] => write_journal(&mut self.transaction, Some(tenure), note).await,
            notes => {
                let notes = json::array(notes.iter().map(json::note));
                let values = values![self.daemon.name(), self.epoch.get(), notes];
                self.transaction.execute(statement!("journal", "write_all"), values).await?;
                Ok(())
            }
        }
    }

    async fn fetch_first(
        &mut self,
        statement: Statement,
        values: &[Value<'_>],
    ) -> Result<Option<Row>, StoreError> {
        self.transaction.fetch_first(statement, values).await
    }

    /// Runs a statement that changes one row of a claim, or none if the claim is lost.
    async fn change_claimed(
        &mut self,
        statement: Statement,
        values: &[Value<'_>],
        subject: impl FnOnce() -> String,
        session: SessionId,
    ) -> Result<(), StoreError> {
        match self.transaction.execute(statement, values).await? {
            0 => Err(StoreError::ClaimLost { subject: subject(), session }),
            _ => Ok(()),
        }
    }
}

/// Writes one record; without a tenure it is a person's doing.
pub(crate) async fn write_journal(
    transaction: &mut Transaction,
    tenure: Option<(Daemon, Epoch)>,
    entry: &JournalEntry,
) -> Result<(), StoreError> {
    let JournalEntry {
        kind,
        session,
        partner,
        entry: queue_entry,
        code,
        text,
        dataset_name,
        octets,
        details,
    } = entry;
    let values = values![
        kind.as_str(),
        tenure.map(|(daemon, _)| daemon.name()),
        tenure.map(|(_, epoch)| epoch.get()),
        session.map(SessionId::get),
        partner,
        queue_entry.map(crate::EntryId::get),
        code,
        text,
        dataset_name.as_ref().map(oftp::field::DatasetName::as_str),
        *octets,
        details,
    ];
    transaction.execute(statement!("journal", "write"), values).await?;
    Ok(())
}
