//! `--watch`: the configuration is loaded again when its files change.

use std::path::PathBuf;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use crate::folder::{self, Fingerprint};
use crate::reload::Reload;
use crate::service_error::ServiceError;

/// A look costs one call of the kernel a file. Notifications of the kernel would not tell of files on
/// network file systems.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Reloads whenever the files are others than those that were loaded, accepted or refused, last.
pub(crate) async fn reload_on_change(
    directory: PathBuf,
    reload: Reload,
) -> Result<(), ServiceError> {
    let mut seconds = interval(LOOK_EVERY);
    seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut before: Option<Fingerprint> = None;
    loop {
        seconds.tick().await;
        let directory = directory.clone();
        let look = tokio::task::spawn_blocking(move || folder::fingerprint(&directory));
        let now = look.await.map_err(|error| ServiceError::failed("E-TASK-PANICKED", error))?;
        // A person saves files one after the other: we wait until none has changed for one look.
        let settled = now.is_whole() || before.as_ref() == Some(&now);
        if settled && reload.loaded() != now {
            // Errors are logged, counted, journalled and shown in the status where they arise.
            let _ = reload.reload().await;
        }
        before = Some(now);
    }
}
