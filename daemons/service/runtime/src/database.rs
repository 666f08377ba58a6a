//! The database at a daemon's start.

use std::path::Path;
use std::time::Duration;

use configuration::DatabaseSetting;
use spool::Spool;
use store::{DatabaseUri, Store, StoreError};

use crate::error::RunError;
use crate::identity::hold_together;
use crate::process::Process;
use crate::start::Migrate;

/// The pause between two looks at a database that is not ready.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The database with the schema that this version needs, which is one instance with the volume.
pub(crate) async fn open(
    process: &Process,
    data: &Path,
    spool: &Spool,
    migrate: Migrate,
) -> Result<Store, RunError> {
    match migrate {
        Migrate::AtStart => {
            let database = process.reload.current().instance.database.clone();
            let store = connect(process, data, &database).await?;
            process.reload.has_opened(&database);
            store.migrate().await?;
            hold_together(&store, spool, &process.reload.current().instance.name).await?;
            Ok(store)
        }
        Migrate::Never => wait_until_ready(process, data, spool).await,
    }
}

/// Where somebody else migrates, the database may come later than we do, and a person who makes
/// database and volume one instance needs a process beside whom to do so: ending would only make
/// somebody start us again.
async fn wait_until_ready(
    process: &Process,
    data: &Path,
    spool: &Spool,
) -> Result<Store, RunError> {
    let mut said = None;
    loop {
        let error = match ready(process, data, spool).await {
            Ok(store) => break Ok(store),
            Err(error @ RunError::Store(StoreError::SchemaNewer { .. })) => break Err(error),
            Err(error) => error,
        };
        let what = match &error {
            RunError::Identity(error) if error.is_certain() => {
                format!("a person: {} {error}", error.code())
            }
            error => format!("the database: {error}"),
        };
        // One line for each new reason, not one with every look.
        if said.replace(error.code()) != Some(error.code()) {
            tracing::warn!(code = error.code(), "waiting for {what}");
        }
        process.waits_for(&what);
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

async fn ready(process: &Process, data: &Path, spool: &Spool) -> Result<Store, RunError> {
    // By the configuration as it is now: a corrected address or password counts.
    let database = process.reload.current().instance.database.clone();
    let store = connect(process, data, &database).await?;
    if let Err(error) = is_right(&store, process, spool).await {
        store.close().await;
        return Err(error);
    }
    process.reload.has_opened(&database);
    Ok(store)
}

async fn is_right(store: &Store, process: &Process, spool: &Spool) -> Result<(), RunError> {
    store.check_schema().await?;
    hold_together(store, spool, &process.reload.current().instance.name).await?;
    Ok(())
}

async fn connect(
    process: &Process,
    data: &Path,
    database: &DatabaseSetting,
) -> Result<Store, StoreError> {
    let uri = database.uri(data);
    let uri: DatabaseUri = uri.expose().parse()?;
    let store = Store::open(&uri, process.daemon.name()).await?;
    let metrics = process.metrics.clone();
    store.observe(move |step, outcome| metrics.step(step, outcome.as_str()));
    Ok(store)
}
