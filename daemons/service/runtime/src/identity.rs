//! Whether database, volume and manifest are one instance: looked at before a lease is wanted, once
//! it is ours, and then again and again.

use std::time::Duration;

use domain::{Belonging, Identities, InstanceName, Judge, Mismatch, VolumeIdentity};
use spool::{Spool, SpoolError};
use store::{Store, StoreError};
use tokio::time::{MissedTickBehavior, interval};

use crate::active::Active;
use crate::service_error::ServiceError;

/// A volume that was swapped is noticed within this time; a look costs a row and a small file.
const LOOK_EVERY: Duration = Duration::from_mins(1);

/// Why database, volume and manifest are not known to be one instance.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// They are not.
    #[error(transparent)]
    Mismatch(#[from] Box<Mismatch>),
    /// The database did not say.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The volume did not say.
    #[error(transparent)]
    Spool(#[from] SpoolError),
}

impl IdentityError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Mismatch(mismatch) => mismatch.code(),
            Self::Store(error) => error.code(),
            Self::Spool(error) => error.code(),
        }
    }

    /// Whether the answer is that they are apart, and not that there is none.
    pub fn is_certain(&self) -> bool {
        matches!(self, Self::Mismatch(_) | Self::Spool(SpoolError::Identity { .. }))
    }
}

/// Makes sure that database and volume are one instance of this name: what is new is given its
/// identity. Each write is of something that was not there, so that processes may do this at once, and
/// any of them may stop anywhere: the next one goes on.
pub async fn hold_together(
    store: &Store,
    spool: &Spool,
    name: &InstanceName,
) -> Result<(), IdentityError> {
    let mut judge = Judge::new(name.clone());
    loop {
        match judge.judge(look(store, spool).await?) {
            Belonging::Agreed => return Ok(()),
            Belonging::LookAgain => {}
            Belonging::Apart(mismatch) => return Err(mismatch.into()),
            Belonging::NameDatabase => {
                store.name_database(ambient::fresh().into(), name).await?;
            }
            Belonging::MarkVolume(database) => {
                let (id, instance) = (ambient::fresh().into(), name.clone());
                spool.mark(&VolumeIdentity { id, instance, database }).await?;
            }
            Belonging::RecordVolume(database, volume) => {
                store.record_volume(database, volume).await?;
            }
        }
    }
}

/// Whether database and volume are one instance of this name; `false` if that is yet to be begun.
pub async fn agree(
    store: &Store,
    spool: &Spool,
    name: &InstanceName,
) -> Result<bool, IdentityError> {
    let mut judge = Judge::new(name.clone());
    loop {
        match judge.judge(look(store, spool).await?) {
            Belonging::Agreed => return Ok(true),
            Belonging::LookAgain => {}
            Belonging::Apart(mismatch) => return Err(mismatch.into()),
            Belonging::NameDatabase | Belonging::MarkVolume(_) | Belonging::RecordVolume(..) => {
                return Ok(false);
            }
        }
    }
}

/// What database and volume say now.
pub async fn look(store: &Store, spool: &Spool) -> Result<Identities, IdentityError> {
    let volume = spool.identity().await?;
    Ok(Identities { volume, database: store.identity().await? })
}

impl Active {
    /// Whether the database and the volume that we work with are still one instance.
    pub async fn is_one_instance(&self) -> Result<(), IdentityError> {
        hold_together(&self.store, &self.spool, &self.configuration().instance.name).await
    }
}

/// Looks for as long as the daemon works, and at once after each reload.
pub(crate) async fn watch(active: Active) -> Result<(), ServiceError> {
    let mut configuration = active.configuration.clone();
    let mut ticks = interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // The first one is at once, and the lease was taken on such a look.
    ticks.tick().await;
    loop {
        tokio::select! {
            () = active.shutdown.cancelled() => return Ok(()),
            _ = ticks.tick() => {}
            // The sender lives as long as the process.
            _ = configuration.changed() => {}
        }
        match active.is_one_instance().await {
            Ok(()) => {}
            Err(error) if error.is_certain() => {
                return Err(ServiceError::failed(error.code(), error));
            }
            // Whoever has something to write meets it too, and says so.
            Err(error) => {
                tracing::debug!(code = error.code(), "the instance's identity: {error}");
            }
        }
    }
}
