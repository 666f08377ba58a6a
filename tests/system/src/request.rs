//! What operators may ask of a daemon and no command line offers yet.

use lease::Daemon;
use store::{
    DatabaseUri, NewRequest, OperatorRequest, Receipt, ReceiptFilter, RequestOutcome, Store,
};
use support::wait_until;

use crate::{Company, PATIENCE};

/// Asks the send queue for something and waits for what came of it.
pub fn request(company: &Company, request: OperatorRequest) -> RequestOutcome {
    with_store(company, async |store| {
        let new = NewRequest { daemon: Daemon::Seonsqd, request, requested_by: "test".to_owned() };
        let id = store.intake().request(&new).await.unwrap();
        wait_until("the request settled", PATIENCE, async || {
            store.request(id).await.unwrap().and_then(|record| record.outcome)
        })
        .await
    })
}

/// The receipts that wait for somebody to release them.
pub fn held_receipts(company: &Company) -> Vec<Receipt> {
    let all = ReceiptFilter::default();
    let receipts = with_store(company, async |store| store.receipts(&all).await.unwrap());
    receipts.into_iter().filter(|receipt| receipt.held).collect()
}

fn with_store<T>(company: &Company, work: impl AsyncFnOnce(&Store) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let uri = match &company.database {
            Some(uri) => uri.parse().unwrap(),
            None => DatabaseUri::sqlite(company.data().join("seon.db")),
        };
        let store = Store::open(&uri, "test").await.unwrap();
        let value = work(&store).await;
        store.close().await;
        value
    })
}
