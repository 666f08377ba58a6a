//! Whether database and volume belong together, and whether the volume has what the database knows of.

use runtime::identity;
use spool::{Parts, Spool};
use store::{ReceivedFile, ReceivedFilter, ReceivedState, Store};

use crate::report::Check;
use crate::{Error, Instance};

/// Files whose parts are looked for.
const MOST: u32 = 1000;

pub(super) async fn examine(instance: &Instance, store: &Store) -> Vec<Check> {
    let hint = "see the error; after a planned move: seon adopt";
    match judge(instance, store).await {
        Ok(good) => {
            let mut checks = vec![good];
            checks.extend(parts_gone(instance, store).await);
            checks
        }
        Err(failure) => {
            let what = format!("database, volume and manifest of {} do not agree", instance.name());
            vec![failure.explains(Check::bad(what, hint))]
        }
    }
}

/// Looks only: an examination begins no instance.
async fn judge(instance: &Instance, store: &Store) -> Result<Check, Error> {
    let spool = instance.spool()?;
    let name = instance.name();
    let is_begun = identity::agree(store, &spool, &instance.configuration.instance.name).await?;
    Ok(Check::good(if is_begun {
        format!("database and volume are those of {name}")
    } else {
        format!("database and volume are new: the first daemon makes them {name}'s")
    }))
}

/// Whether a file's part is neither there nor known to be delivered.
async fn is_gone(spool: &Spool, file: &ReceivedFile) -> Option<bool> {
    let part = file.deliverable();
    let is_there = spool.open_part(part).await.is_ok();
    Some(!is_there && !spool.was_placed(part).await.ok()?)
}

async fn is_gone_still(spool: &Spool, store: &Store, file: &ReceivedFile) -> Option<bool> {
    let waits = [ReceivedState::Received, ReceivedState::Delivering];
    let now = store.received_file(file.id).await.ok()?;
    match now.filter(|file| waits.contains(&file.state)) {
        Some(file) => is_gone(spool, &file).await,
        None => Some(false),
    }
}

/// Received files that are neither in the spool nor known to be delivered.
async fn parts_gone(instance: &Instance, store: &Store) -> Option<Check> {
    let spool = instance.spool().ok()?;
    let mut gone = Vec::new();
    for state in [ReceivedState::Received, ReceivedState::Delivering] {
        let waiting =
            ReceivedFilter { state: Some(state), limit: MOST, ..ReceivedFilter::default() };
        for file in store.received_files(&waiting).await.ok()? {
            // It may have been delivered while we looked at those before it.
            if is_gone(&spool, &file).await? && is_gone_still(&spool, store, &file).await? {
                gone.push(format!("{} from {}", file.identity.dataset_name, file.partner));
            }
        }
    }
    let first = gone.first()?;
    Some(Check::bad(
        format!("{} of received files are gone from the spool, as that of {first}", gone.len()),
        "see E-SPOOL-PART-GONE in the log of seonrd: put them back, or say that they were delivered",
    ))
}
