//! Makes the database and the volume that the manifests name one instance, whatever they were before.

use domain::{DatabaseIdentity, Identities, VolumeIdentity};
use lease::LeaseRow;
use runtime::identity::{hold_together, look};
use serde::Serialize;
use store::{Adopted, Store};

use crate::{Error, Instance};

/// What became of an instance.
#[derive(Debug, Serialize)]
pub struct Adoption {
    /// Its name.
    pub instance: String,
    /// What the database said of itself before; nothing if it was new.
    pub database_before: Option<String>,
    /// What the volume said of itself before.
    pub volume_before: Option<String>,
    /// The database's identity.
    pub database: String,
    /// The volume's.
    pub volume: String,
    /// Whether anything had to be changed.
    pub changed: bool,
}

/// Has database and volume say that they are this instance, while none of its daemons is active.
///
/// The database first, which says whether anybody is active in the same moment. A process that stops
/// before the volume's turn leaves two that do not agree, so that no daemon starts until this is done
/// again.
pub async fn adopt(
    instance: &Instance,
    store: &Store,
    requested_by: &str,
) -> Result<Adoption, Error> {
    let spool = instance.spool()?;
    let name = &instance.configuration.instance.name;
    let before = look(store, &spool).await?;
    let mut changed = before == Identities::default();
    match hold_together(store, &spool, name).await {
        Ok(()) => {}
        Err(error) if error.is_certain() => {
            let id = before.database.as_ref().map_or_else(|| ambient::fresh().into(), |it| it.id);
            let volume = before.volume.as_ref();
            let volume = volume.map_or_else(|| ambient::fresh().into(), |volume| volume.id);
            let database = DatabaseIdentity { id, instance: name.clone(), volume: Some(volume) };
            if let Adopted::Active(row) = store.adopt(&database, requested_by).await? {
                return Err(active(instance, &row));
            }
            let identity = VolumeIdentity { id: volume, instance: name.clone(), database: id };
            spool.mark_anew(&identity).await?;
            hold_together(store, &spool, name).await?;
            changed = true;
        }
        Err(error) => return Err(error.into()),
    }
    let after = look(store, &spool).await?;
    let of_database = |it: &DatabaseIdentity| {
        let volume = it.volume.map_or_else(|| "none yet".to_owned(), |volume| volume.to_string());
        format!("{} of {}, whose volume is {volume}", it.id, it.instance)
    };
    let of_volume = |it: &VolumeIdentity| {
        format!("{} of {}, whose database is {}", it.id, it.instance, it.database)
    };
    Ok(Adoption {
        instance: name.to_string(),
        database_before: before.database.as_ref().map(of_database),
        volume_before: before.volume.as_ref().map(of_volume),
        database: after.database.map(|it| it.id.to_string()).unwrap_or_default(),
        volume: after.volume.map(|it| it.id.to_string()).unwrap_or_default(),
        changed,
    })
}

fn active(instance: &Instance, row: &LeaseRow) -> Error {
    Error::Active {
        instance: instance.name().to_owned(),
        daemon: row.daemon,
        process: row.holder.process,
        host: row.holder.host.clone(),
        left: row.expires_in,
    }
}
