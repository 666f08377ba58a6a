use store::{EntryId, FencedTx, StoreError};

async fn cancel(mut transaction: FencedTx, entry: EntryId) -> Result<(), StoreError> {
    transaction.commit().await?;
    transaction.cancel_entry(entry).await?;
    Ok(())
}

fn main() {}
