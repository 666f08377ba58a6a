//! The others fail for want of a fence alone.
use lease::Tenure;
use store::{EntryId, JournalEntry, JournalKind, Store, StoreError};

async fn cancel(store: &Store, tenure: &Tenure, entry: EntryId) -> Result<(), StoreError> {
    let mut transaction = store.fenced(tenure).await?;
    transaction.cancel_entry(entry).await?;
    transaction.journal(&JournalEntry::new(JournalKind::EntryCancelled)).await?;
    transaction.commit().await
}

fn main() {
    let _ = cancel;
}
