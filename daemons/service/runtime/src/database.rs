//! The database at a daemon's start.

use std::path::Path;
use std::time::Duration;

use store::{DatabaseUri, Store, StoreError};

use crate::process::Process;
use crate::start::Migrate;

/// The pause between two looks at a database that is not ready.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The database with the schema that this version needs.
pub(crate) async fn open(
    process: &Process,
    data: &Path,
    migrate: Migrate,
) -> Result<Store, StoreError> {
    match migrate {
        Migrate::AtStart => {
            let store = connect(process, data).await?;
            store.migrate().await?;
            Ok(store)
        }
        Migrate::Never => wait_until_ready(process, data).await,
    }
}

/// Where somebody else migrates, the database may come later than we do: ending would only make
/// somebody start us again.
async fn wait_until_ready(process: &Process, data: &Path) -> Result<Store, StoreError> {
    let mut said = None;
    loop {
        let error = match ready(process, data).await {
            Ok(store) => break Ok(store),
            Err(error @ StoreError::SchemaNewer { .. }) => break Err(error),
            Err(error) => error,
        };
        // One line for each new reason, not one with every look.
        if said.replace(error.code()) != Some(error.code()) {
            tracing::warn!(code = error.code(), "waiting for the database: {error}");
        }
        process.waits_for(&format!("the database: {error}"));
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

async fn ready(process: &Process, data: &Path) -> Result<Store, StoreError> {
    let store = connect(process, data).await?;
    if let Err(error) = store.check_schema().await {
        store.close().await;
        return Err(error);
    }
    Ok(store)
}

/// By the configuration as it is now: a corrected address or password counts.
async fn connect(process: &Process, data: &Path) -> Result<Store, StoreError> {
    let uri = process.reload.current().instance.database.uri(data);
    let uri: DatabaseUri = uri.expose().parse()?;
    let store = Store::open(&uri, process.daemon.name()).await?;
    let metrics = process.metrics.clone();
    store.observe(move |step, outcome| metrics.step(step, outcome.as_str()));
    Ok(store)
}
