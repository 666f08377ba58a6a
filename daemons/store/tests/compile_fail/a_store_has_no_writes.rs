use store::{EntryId, JournalEntry, JournalKind, Store};

async fn cancel(store: &Store, entry: EntryId) {
    store.cancel_entry(entry).await;
    store.journal(&JournalEntry::new(JournalKind::EntryCancelled)).await;
}

fn main() {}
