use store::{EntryId, Store};

async fn cancel(store: &Store, entry: EntryId) {
    store.cancel_entry(entry).await;
}

fn main() {}
