//! The fenced transaction: the only way to change state.

mod clock;
mod delivery;
mod dialling;
mod json;
mod preparing;
mod queueing;
mod receipts;
mod receiving;
mod recovery;
mod requests;
mod retention;
mod revocation;
mod sending;
mod sessions;

use std::sync::Arc;

use domain::{Daemon, Epoch};

use crate::backend::{Row, Value, values};
use crate::marks::Mark;
use crate::model::{JournalEntry, SessionId};
use crate::run::Fence;
use crate::statement::{Statement, statement};
use crate::transaction::{Failed, Transaction};
use crate::wakeups::Hints;
use crate::{Store, StoreError};

pub use clock::Recounted;
pub use recovery::Recovered;
pub use retention::{Forgotten, KeptPartial, Pruned};

/// The most journal records that one statement writes.
const NOTES_AT_ONCE: usize = 256;

/// A transaction of one tenure. Its first statement has checked that the tenure's epoch stands;
/// until it ends, nobody can take over.
///
/// # An unfenced write does not compile
///
/// The first of these compiles; each of the others differs from it only by leaving the fence out.
///
/// ```
/// # use {lease::Tenure, store::{EntryChange, EntryId, FencedTx, IfAnswerLost, Step, Store, StoreError}};
/// #[derive(Debug, PartialEq)]
/// struct Cancel(EntryId);
/// impl Step for Cancel {
///     const NAME: &'static str = "cancel";
///     const IF_ANSWER_LOST: IfAnswerLost = IfAnswerLost::Mark;
///     type Output = EntryChange;
///     async fn run(&self, tx: &mut FencedTx) -> Result<EntryChange, StoreError> {
///         tx.cancel_entry(self.0).await
///     }
/// }
/// async fn cancel(store: &Store, tenure: &Tenure, entry: EntryId) -> Result<(), StoreError> {
///     store.run(tenure, Cancel(entry)).await?;
///     Ok(())
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
/// And no transaction begins without the store's fence:
///
/// ```compile_fail,E0624
/// # use {lease::Tenure, store::{EntryId, Store, StoreError}};
/// async fn cancel(store: &Store, tenure: &Tenure, entry: EntryId) -> Result<(), StoreError> {
///     let mut transaction = store::FencedTx::begin(store).await?;
///     transaction.cancel_entry(entry).await?;
///     Ok(())
/// }
/// ```
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

/// How a transaction began.
#[expect(clippy::large_enum_variant, reason = "it is taken apart where it is made")]
pub(crate) enum Begun {
    Open(FencedTx),
    /// An earlier try of the same was committed.
    DoneBefore,
}

impl FencedTx {
    pub(crate) async fn begin(
        store: &Store,
        fence: Fence,
        step: &str,
        mark: Option<&Mark>,
    ) -> Result<Begun, StoreError> {
        let Fence { daemon, epoch } = fence;
        let (transaction, passed) = pass(store, fence, step, mark).await?;
        match passed {
            Passed::Stands => {}
            Passed::DoneBefore => {
                transaction.roll_back().await;
                return Ok(Begun::DoneBefore);
            }
            Passed::Over => {
                transaction.roll_back().await;
                return Err(StoreError::Fenced { daemon, epoch });
            }
        }
        let (hints, notes) = (Arc::clone(&store.hints), Vec::new());
        Ok(Begun::Open(Self { transaction, daemon, epoch, hints, notes, is_news: false }))
    }

    /// Commits what [`crate::Store::fenced`] began.
    #[cfg(feature = "testing")]
    pub async fn commit(self) -> Result<(), StoreError> {
        self.complete().await.map_err(Failed::into_error)
    }

    /// Makes everything that was done true at once, durably.
    pub(crate) async fn complete(mut self) -> Result<(), Failed> {
        let tenure = (self.daemon, self.epoch);
        match std::mem::take(&mut self.notes).as_slice() {
            [] => self.transaction.commit().await?,
            [note] => {
                let record = record(Some(tenure), note);
                self.transaction.commit_with(statement!("journal", "write"), &record).await?;
            }
            notes => {
                let records = records(tenure, notes);
                self.transaction.commit_with(statement!("journal", "write_all"), &records).await?;
            }
        }
        if self.is_news {
            self.hints.announce();
        }
        Ok(())
    }

    /// Nothing of it happens.
    pub(crate) async fn roll_back(self) {
        self.transaction.roll_back().await;
    }

    /// Appends to the journal, in the name of this daemon and epoch; written with the commit at
    /// the latest.
    pub async fn journal(&mut self, entry: &JournalEntry) -> Result<(), StoreError> {
        self.notes.push(entry.clone());
        if self.notes.len() >= NOTES_AT_ONCE {
            let records = records((self.daemon, self.epoch), &std::mem::take(&mut self.notes));
            self.transaction.execute(statement!("journal", "write_all"), &records).await?;
        }
        Ok(())
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

/// What comes of the first statement.
enum Passed {
    Stands,
    /// The fence stands, and the mark was there.
    DoneBefore,
    Over,
}

/// Begins with the fence.
async fn pass(
    store: &Store,
    Fence { daemon, epoch }: Fence,
    step: &str,
    mark: Option<&Mark>,
) -> Result<(Transaction, Passed), StoreError> {
    let fence = values![daemon.name(), epoch.get()];
    let Some(Mark { slot, number }) = mark else {
        let statement = statement!("lease", "fence");
        let (transaction, rows) = store.backend.begin_with(step, statement, fence).await?;
        return Ok((transaction, if rows.is_empty() { Passed::Over } else { Passed::Stands }));
    };
    let marked = values![daemon.name(), epoch.get(), *slot, *number];
    let statement = statement!("lease", "fence_and_mark");
    let (mut transaction, rows) = store.backend.begin_with(step, statement, marked).await?;
    if let Some(row) = rows.first() {
        let is_marked = row.get::<bool>("is_marked")?;
        return Ok((transaction, if is_marked { Passed::Stands } else { Passed::DoneBefore }));
    }
    // On PostgreSQL the fence does not stand; SQLite gives no row also for a mark that is there.
    match transaction.fetch_first(statement!("lease", "fence"), fence).await {
        Ok(Some(_)) => Ok((transaction, Passed::DoneBefore)),
        Ok(None) => Ok((transaction, Passed::Over)),
        Err(error) => {
            transaction.roll_back().await;
            Err(error)
        }
    }
}

/// Writes one record; without a tenure it is a person's doing.
pub(crate) async fn write_journal(
    transaction: &mut Transaction,
    tenure: Option<(Daemon, Epoch)>,
    entry: &JournalEntry,
) -> Result<(), StoreError> {
    transaction.execute(statement!("journal", "write"), &record(tenure, entry)).await?;
    Ok(())
}

/// The parameters of one record.
fn record(tenure: Option<(Daemon, Epoch)>, entry: &JournalEntry) -> [Value<'_>; 11] {
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
    [
        kind.as_str().into(),
        tenure.map(|(daemon, _)| daemon.name()).into(),
        tenure.map(|(_, epoch)| epoch.get()).into(),
        session.map(SessionId::get).into(),
        partner.into(),
        queue_entry.map(crate::EntryId::get).into(),
        code.into(),
        text.into(),
        dataset_name.as_ref().map(oftp::field::DatasetName::as_str).into(),
        (*octets).into(),
        details.into(),
    ]
}

/// The parameters of several, all at once.
fn records((daemon, epoch): (Daemon, Epoch), notes: &[JournalEntry]) -> [Value<'static>; 3] {
    let notes = json::array(notes.iter().map(json::note));
    [daemon.name().into(), epoch.get().into(), notes.into()]
}
