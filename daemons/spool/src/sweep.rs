//! What nobody will ask for again.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use rustix::fs::{self, FlockOperation, OFlags, Stat};

use crate::directory::Directory;
use crate::payload::is_temporary;
use crate::{PartName, PayloadName, Spool, SpoolError};

/// What lay in the spool when it was listed.
///
/// The order matters and the types keep it: list, **then** read from the store what is known, then
/// sweep. A part's id is recorded before the part is made, or while the part is open, and a part
/// that is open is not listed: so a listed one that the store does not know then is nobody's. A
/// payload is made before it is queued; the age covers that time.
///
/// The epoch does not decide, because each daemon counts its own.
#[derive(Debug)]
pub struct Listing {
    parts: Vec<PartName>,
    payloads: Vec<PayloadName>,
    temporary: Vec<String>,
    epochs: Vec<String>,
    foreign: Vec<PathBuf>,
}

/// What a sweep removed.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Parts that no received file knows.
    pub parts: Vec<PartName>,
    /// Payloads that no queue entry knows.
    pub payloads: Vec<PayloadName>,
    /// Files that this spool did not make: left alone, worth a line in the log.
    pub foreign: Vec<PathBuf>,
}

impl Spool {
    /// Lists what was last changed at least `age` ago; an hour is a good age.
    pub fn list(&self, age: Duration) -> Result<Listing, SpoolError> {
        let mut listing = Listing {
            parts: Vec::new(),
            payloads: Vec::new(),
            temporary: Vec::new(),
            epochs: Vec::new(),
            foreign: Vec::new(),
        };
        let now = SystemTime::now();
        let is_old = |status: &Stat| changed_at(status) + age <= now;
        for (name, status) in entries(&self.0.payloads, &mut listing.foreign)? {
            if !is_old(&status) {
                continue;
            }
            if let Ok(payload) = name.parse() {
                listing.payloads.push(payload);
            } else if is_temporary(&name) {
                listing.temporary.push(name);
            } else {
                listing.foreign.push(self.0.payloads.file_path(&name));
            }
        }
        for (epoch, epoch_status) in entries(&self.0.parts, &mut listing.foreign)? {
            let Ok(directory) = self.0.parts.directory(&epoch) else {
                listing.foreign.push(self.0.parts.file_path(&epoch));
                continue;
            };
            for (name, status) in entries(&directory, &mut listing.foreign)? {
                match format!("{epoch}/{name}").parse() {
                    Ok(part) if is_old(&status) && !is_open(&directory, &name) => {
                        listing.parts.push(part);
                    }
                    Ok(_) => {}
                    Err(_) => listing.foreign.push(directory.file_path(&name)),
                }
            }
            if is_old(&epoch_status) {
                listing.epochs.push(epoch);
            }
        }
        Ok(listing)
    }

    /// Removes what was listed and `is_known` to nobody, asked by the recorded name.
    pub fn sweep(
        &self,
        listing: Listing,
        is_known: impl Fn(&str) -> bool,
    ) -> Result<Swept, SpoolError> {
        let mut swept = Swept { foreign: listing.foreign, ..Swept::default() };
        for part in listing.parts {
            if !is_known(&part.to_string()) && self.remove_part(&part)? {
                swept.parts.push(part);
            }
        }
        for payload in listing.payloads {
            if !is_known(&payload.to_string()) && self.remove_payload(&payload)? {
                swept.payloads.push(payload);
            }
        }
        for name in listing.temporary {
            self.0.payloads.remove(&name)?;
        }
        for epoch in listing.epochs {
            self.0.parts.remove_empty_directory(&epoch)?;
        }
        Ok(swept)
    }
}

/// Whether somebody has the part open, and so locked. However long ago it changed, its holder may
/// be frozen and record it when it thaws.
fn is_open(directory: &Directory, name: &str) -> bool {
    directory
        .open_file(name, OFlags::RDONLY)
        .is_ok_and(|file| fs::flock(&file, FlockOperation::NonBlockingLockShared).is_err())
}

/// The entries with readable names; the others are foreign.
fn entries(
    directory: &Directory,
    foreign: &mut Vec<PathBuf>,
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
            Err(name) => foreign.push(directory.path().join(name)),
        }
    }
    Ok(entries)
}

fn changed_at(status: &Stat) -> SystemTime {
    let seconds = u64::try_from(status.st_ctime).unwrap_or(0);
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}
