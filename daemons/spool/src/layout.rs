//! The directories, opened and checked once.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use crate::directory::Directory;
use crate::{FileName, SpoolError};

/// The spool of one instance. Cheap to clone; several processes may have the same one open.
#[derive(Clone, Debug)]
pub struct Spool(pub(crate) Arc<Layout>);

/// The open directories.
#[derive(Debug)]
pub(crate) struct Layout {
    /// The data directory itself.
    pub(crate) data: Directory,
    /// `spool/in`, one directory in it for each epoch.
    pub(crate) parts: Directory,
    /// `spool/out`.
    pub(crate) payloads: Directory,
    /// `outgoing`, one hot folder in it for each partner.
    pub(crate) outgoing: Directory,
    /// The number last planned for a name that is taken, so that the thousandth delivery of one
    /// name does not try a thousand names. Only a hint: the file system decides.
    pub(crate) last_number: Mutex<HashMap<(FileName, FileName), u32>>,
}

/// Only Seon looks into `spool`; what is delivered and handed over is for the group, too.
const PRIVATE: u32 = 0o700;
pub(crate) const SHARED: u32 = 0o770;

/// One directory in it for each partner.
pub(crate) const INCOMING: &str = "incoming";

impl Spool {
    /// Opens the spool below a data directory and makes the directories that are missing.
    ///
    /// The data directory is made only if the directory that it lies in is there: one level more
    /// would fill the disk under a file system that is not mounted.
    ///
    /// # Errors
    ///
    /// [`SpoolError::Directory`] names the directory that is missing, is not writable, is a
    /// symbolic link, or lies on another file system than the rest.
    pub fn open(data_directory: &Path) -> Result<Self, SpoolError> {
        let data = open_data_directory(data_directory)?;
        data.check_writable()?;
        let made = |directory: &Directory, name, mode| -> Result<Directory, SpoolError> {
            let made = directory.directory_made(name, mode)?;
            made.check_writable()?;
            made.check_same_file_system(&data)?;
            Ok(made)
        };
        let spool = made(&data, "spool", PRIVATE)?;
        made(&data, INCOMING, SHARED)?;
        let layout = Layout {
            parts: made(&spool, "in", PRIVATE)?,
            payloads: made(&spool, "out", PRIVATE)?,
            outgoing: made(&data, "outgoing", SHARED)?,
            last_number: Mutex::default(),
            data,
        };
        Ok(Self(Arc::new(layout)))
    }

    /// Octets that may still be written. Others write too, so this is for an early refusal of a
    /// file that cannot fit, and no promise that a smaller one will.
    pub fn free_octets(&self) -> Result<u64, SpoolError> {
        self.0.data.free_octets()
    }
}

fn open_data_directory(path: &Path) -> Result<Directory, SpoolError> {
    match Directory::open(path) {
        Err(SpoolError::Directory { .. }) if !path.exists() => {}
        opened => return opened,
    }
    // An empty parent is the working directory.
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let parent = Directory::open(parent.unwrap_or(Path::new(".")))?;
    match path.file_name().and_then(|name| name.to_str()) {
        Some(name) => parent.directory_made(name, SHARED)?,
        None => return Directory::open(path),
    };
    Directory::open(path)
}
