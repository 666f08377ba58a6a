//! What lies in the directories, and how old it is.

use std::time::Duration;

use domain::{PartName, PayloadName};
use rustix::fs::{self, FlockOperation, OFlags, Stat};

use super::placing::of_witness;
use super::temporary::of_temporary;
use crate::directory::Directory;
use crate::{Listed, SpoolError};

pub(super) fn payloads(
    payloads: &Directory,
    age: Duration,
) -> Result<Listed<PayloadName>, SpoolError> {
    let mut listed = Listed::default();
    for (name, status) in entries(payloads, &mut listed)? {
        if !is_old(&status, age) {
            continue;
        }
        match name.parse().ok().or_else(|| of_temporary(&name)) {
            Some(payload) => listed.names.push(payload),
            None => listed.foreign.push(payloads.file_path(&name)),
        }
    }
    listed.names.sort_unstable();
    listed.names.dedup();
    Ok(listed)
}

pub(super) fn parts(parts: &Directory, age: Duration) -> Result<Listed<PartName>, SpoolError> {
    let mut listed = Listed::default();
    for (epoch, _) in entries(parts, &mut listed)? {
        let Ok(directory) = parts.directory(&epoch) else {
            listed.foreign.push(parts.file_path(&epoch));
            continue;
        };
        for (name, status) in entries(&directory, &mut listed)? {
            // What says that a part was placed is wanted as long as the part.
            let part = of_witness(&name).unwrap_or_else(|| name.clone());
            match format!("{epoch}/{part}").parse() {
                Ok(part) if is_old(&status, age) && !is_open(&directory, &name) => {
                    listed.names.push(part);
                }
                Ok(_) => {}
                Err(_) => listed.foreign.push(directory.file_path(&name)),
            }
        }
    }
    listed.names.sort_unstable();
    listed.names.dedup();
    Ok(listed)
}

/// Removes the directories of epochs in which nothing was made or removed for so long.
pub(super) fn remove_empty_epochs(parts: &Directory, age: Duration) -> Result<(), SpoolError> {
    for (epoch, status) in entries(parts, &mut Listed::<PartName>::default())? {
        if is_old(&status, age) && parts.directory(&epoch).is_ok() {
            parts.remove_empty_directory(&epoch)?;
        }
    }
    Ok(())
}

/// Whether somebody has the part open, and so locked. However long ago it changed, its holder may
/// be frozen and record it when it thaws.
fn is_open(directory: &Directory, name: &str) -> bool {
    directory
        .open_file(name, OFlags::RDONLY)
        .is_ok_and(|file| fs::flock(&file, FlockOperation::NonBlockingLockShared).is_err())
}

/// The entries with readable names; the others are foreign.
fn entries<Name>(
    directory: &Directory,
    listed: &mut Listed<Name>,
) -> Result<Vec<(String, Stat)>, SpoolError> {
    let mut entries = Vec::new();
    for name in directory.names()? {
        match name.into_string() {
            Ok(name) => {
                // Gone since it was listed: someone else finished with it.
                if let Some(status) = directory.status(&name)? {
                    entries.push((name, status));
                }
            }
            Err(name) => listed.foreign.push(directory.path().join(name)),
        }
    }
    Ok(entries)
}

fn is_old(status: &Stat, age: Duration) -> bool {
    let age = i64::try_from(age.as_secs()).unwrap_or(i64::MAX);
    status.st_ctime.saturating_add(age) <= ambient::now().as_second()
}
