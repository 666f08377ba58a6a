//! To which instance the volume belongs: `spool/instance`, a file for people and for us.

use std::io::{Read, Write};

use domain::VolumeIdentity;
use rustix::fs::OFlags;

use super::{FileSpool, Layout};
use crate::SpoolError;
use crate::blocking::blocking;

const FILE: &str = "instance";

/// No identity is longer.
const LONGEST: u64 = 4096;

impl FileSpool {
    /// What the volume says of itself; `None` while it is new. It is read in the very directory that
    /// this spool works in, whatever its path leads to by now.
    ///
    /// # Errors
    ///
    /// [`SpoolError::Identity`]: the file is there, and not what Seon writes.
    pub async fn identity(&self) -> Result<Option<VolumeIdentity>, SpoolError> {
        let layout = self.layout();
        blocking(move || layout.identity()).await
    }

    /// Has a new volume say this of itself, durably. One that says something says it still.
    pub async fn mark(&self, identity: &VolumeIdentity) -> Result<(), SpoolError> {
        let (layout, identity) = (self.layout(), identity.clone());
        blocking(move || layout.mark(&identity)).await
    }

    /// Has the volume say this of itself from now on, durably, whatever it said before.
    pub async fn mark_anew(&self, identity: &VolumeIdentity) -> Result<(), SpoolError> {
        let (layout, identity) = (self.layout(), identity.clone());
        blocking(move || layout.mark_anew(&identity)).await
    }
}

impl Layout {
    fn identity(&self) -> Result<Option<VolumeIdentity>, SpoolError> {
        let path = self.spool.file_path(FILE);
        let file = match self.spool.open_file(FILE, OFlags::RDONLY) {
            Err(SpoolError::Missing { .. }) => return Ok(None),
            opened => opened?,
        };
        let mut text = String::new();
        file.take(LONGEST)
            .read_to_string(&mut text)
            .map_err(|source| SpoolError::new("read", &path, source))?;
        match text.parse() {
            Ok(identity) => Ok(Some(identity)),
            Err(reason) => Err(SpoolError::Identity { path, reason }),
        }
    }

    fn mark(&self, identity: &VolumeIdentity) -> Result<(), SpoolError> {
        let hidden = self.written(identity)?;
        match self.spool.move_to(&hidden, &self.spool, FILE) {
            Ok(()) => {}
            Err(SpoolError::TargetTaken { .. }) => {
                self.spool.remove(&hidden)?;
            }
            Err(error) => return Err(error),
        }
        // Also where another process was first: what is built on its mark needs it to stay.
        self.spool.sync()
    }

    fn mark_anew(&self, identity: &VolumeIdentity) -> Result<(), SpoolError> {
        let hidden = self.written(identity)?;
        self.spool.move_over(&hidden, FILE)?;
        self.spool.sync()
    }

    /// Under a name that nobody reads, so that the file is there whole or not at all.
    fn written(&self, identity: &VolumeIdentity) -> Result<String, SpoolError> {
        let hidden = format!(".{FILE}.{}", identity.id);
        self.spool.remove(&hidden)?;
        let path = self.spool.file_path(&hidden);
        let mut file = self.spool.create(&hidden)?;
        file.write_all(identity.to_string().as_bytes())
            .and_then(|()| file.sync_all())
            .map_err(|source| SpoolError::new("write", &path, source))?;
        Ok(hidden)
    }
}
