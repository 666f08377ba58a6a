//! Hot folders: a file that is put there is queued exactly once and disappears.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use configuration::{Configuration, Folder, Partner};
use jiff::Timestamp;
use oftp::{Description, FileIdentity};
use runtime::{Active, ServiceError};
use spool::{HotFolder, Payload, SpoolError, TakenFile};
use store::{NewEntry, StoreError};
use tokio::time::interval;

use crate::identity;

/// A file is taken when two looks in a row find it unchanged.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Watches every partner's folders until shutdown.
pub(crate) async fn watch(active: Active) -> Result<(), ServiceError> {
    let mut configuration = active.configuration.clone();
    let mut folders = open(&active);
    let mut regularly = interval(LOOK_EVERY);
    loop {
        tokio::select! {
            () = active.shutdown.cancelled() => return Ok(()),
            _ = configuration.changed() => folders = open(&active),
            _ = regularly.tick() => {}
        }
        for watched in &mut folders {
            match look(&active, watched).await {
                Ok(()) => {}
                Err(HotFolderError::Store(error)) if error.is_fenced() => return Err(error.into()),
                // Trouble with one folder must not stop the others; it is looked at again.
                Err(error) => {
                    active.metrics.error(error.code());
                    let path = watched.path.display();
                    tracing::warn!(folder = %path, code = error.code(), "{error}");
                }
            }
        }
    }
}

struct Watched {
    partner: String,
    folder: Folder,
    path: PathBuf,
    /// `None` until it could be opened.
    hot: Option<HotFolder>,
    /// Files with names that cannot be sent, already reported.
    refused: HashSet<PathBuf>,
}

#[derive(Debug, thiserror::Error)]
enum HotFolderError {
    #[error(transparent)]
    Spool(#[from] SpoolError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the disk task ended before its time")]
    Stopped,
}

impl HotFolderError {
    fn code(&self) -> &'static str {
        match self {
            Self::Spool(error) => error.code(),
            Self::Store(error) => error.code(),
            Self::Stopped => "E-TASK-PANICKED",
        }
    }
}

fn open(active: &Active) -> Vec<Watched> {
    let configuration = active.configuration();
    let folders = configuration.partners().flat_map(|partner| {
        partner.folders.iter().map(|folder| Watched {
            partner: partner.name.to_string(),
            folder: folder.clone(),
            path: active.data.join(&folder.directory),
            hot: None,
            refused: HashSet::new(),
        })
    });
    folders.collect()
}

/// Queues what lies ready. Each step may be done again after a crash: a file that was moved aside
/// and not queued is found by its payload's name.
async fn look(active: &Active, watched: &mut Watched) -> Result<(), HotFolderError> {
    let configuration = active.configuration();
    let Some(partner) = configuration.partner(&watched.partner).cloned() else { return Ok(()) };
    let hot = if let Some(hot) = watched.hot.take() {
        hot
    } else {
        let (spool, path) = (active.spool.clone(), watched.path.clone());
        blocking(move || spool.hot_folder_at(&path)).await?
    };
    let hot = take_up(active, &configuration, &partner, watched, hot).await?;
    let (hot, scan) = blocking(move || {
        let mut hot = hot;
        let scan = hot.scan()?;
        Ok((hot, scan))
    })
    .await?;
    for refused in &scan.refused {
        // Said once: it lies there until somebody renames it.
        if watched.refused.insert(refused.path.clone()) {
            let path = refused.path.display();
            tracing::warn!(%path, code = refused.reason.code(), "not sent: {}", refused.reason);
        }
    }
    let mut hot = hot;
    for file in scan.ready {
        if !watched.folder.pattern.matches(file.name.as_str()) {
            continue;
        }
        let (back, taken) = blocking(move || {
            let taken = hot.take(&file)?;
            Ok((hot, taken))
        })
        .await?;
        hot = queue(active, &configuration, &partner, &watched.folder, back, taken).await?;
    }
    watched.hot = Some(hot);
    Ok(())
}

/// What was left between moving aside and settling: by a crash, or, at any time, by a frozen
/// predecessor in the moment between its waking up and its end.
async fn take_up(
    active: &Active,
    configuration: &Configuration,
    partner: &Partner,
    watched: &Watched,
    hot: HotFolder,
) -> Result<HotFolder, HotFolderError> {
    let (mut hot, left) = blocking(move || {
        let left = hot.taken()?;
        Ok((hot, left))
    })
    .await?;
    if left.is_empty() {
        return Ok(hot);
    }
    let queued = active.store.payloads_in_use().await?;
    for taken in left {
        hot = if queued.contains(&taken.payload.to_string()) {
            blocking(move || hot.settle(&taken).map(|()| hot)).await?
        } else {
            queue(active, configuration, partner, &watched.folder, hot, taken).await?
        };
    }
    Ok(hot)
}

/// Payload, then entry, then the file goes. A file that cannot become an entry goes to `.refused`.
async fn queue(
    active: &Active,
    configuration: &Configuration,
    partner: &Partner,
    folder: &Folder,
    hot: HotFolder,
    taken: TakenFile,
) -> Result<HotFolder, HotFolderError> {
    let dataset_name = match identity::dataset_name(Path::new(taken.name.as_str())) {
        Ok(name) => name,
        Err(reason) => {
            return blocking(move || {
                let path = hot.refuse(&taken)?;
                tracing::warn!(path = %path.display(), code = "E-QUEUE-NAME", "not sent: {reason}");
                Ok(hot)
            })
            .await;
        }
    };
    let (hot, payload, taken) = blocking(move || {
        let payload = hot.take_in(&taken)?;
        Ok((hot, payload, taken))
    })
    .await?;
    let file = FileIdentity {
        dataset_name,
        stamp: identity::stamp(Timestamp::now()),
        originator: configuration.instance.identity.odette_id.clone(),
        destination: partner.odette_id.clone(),
    };
    enqueue(active, entry(partner, folder, file, &payload)).await?;
    blocking(move || hot.settle(&taken).map(|()| hot)).await
}

fn entry(
    partner: &Partner,
    folder: &Folder,
    identity: FileIdentity,
    payload: &Payload,
) -> NewEntry {
    NewEntry {
        partner: partner.name.to_string(),
        identity,
        format: folder.format,
        description: Description::default(),
        user_data: oftp::UserData::default(),
        payload: payload.name.to_string(),
        octets: payload.octets,
        original_octets: payload.octets,
        priority: folder.priority.into(),
        passive: false,
        receipt_expected: partner.receipts.expected,
        not_before: None,
        held: false,
        comment: None,
    }
}

/// Two files of one name in one second take two counters.
async fn enqueue(active: &Active, mut entry: NewEntry) -> Result<(), HotFolderError> {
    loop {
        let mut tx = active.store.fenced(&active.tenure).await?;
        match tx.enqueue(&entry).await {
            Ok(id) => {
                tx.commit().await?;
                tracing::info!(
                    partner = entry.partner, entry = %id,
                    dataset_name = %entry.identity.dataset_name, "queued from a hot folder"
                );
                return Ok(());
            }
            Err(error) => match (&error, identity::next(entry.identity.stamp)) {
                (StoreError::Duplicate { .. }, Some(stamp)) => entry.identity.stamp = stamp,
                _ => return Err(error.into()),
            },
        }
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, SpoolError> + Send + 'static,
) -> Result<T, HotFolderError> {
    Ok(tokio::task::spawn_blocking(work).await.map_err(|_| HotFolderError::Stopped)??)
}
