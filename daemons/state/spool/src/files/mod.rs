//! The backend on a file system: a part or payload is a file below one data directory.
//!
//! ```text
//! spool/instance                    to which instance and database all of this belongs
//! spool/in/<epoch>/<id>.part        being received, or received and not yet delivered
//! spool/in/<epoch>/<id>.placed      delivered, and not yet recorded as that
//! spool/out/<payload>               waits to be sent, or for its receipt
//! ```
//!
//! A file becomes a payload by a rename and by nothing else. No directory below the data directory
//! is reached through a symbolic link, so whoever may write into one folder cannot send the
//! daemons' files elsewhere.

mod identity;
mod input;
mod listing;
mod output;
mod part;
mod payload;
mod placing;
mod temporary;

use std::path::Path;
use std::sync::Arc;

pub use input::FileReader;
pub(crate) use output::{Appender, Output};
pub use part::FilePart;
pub use payload::FilePayloadWriter;

use crate::SpoolError;
use crate::directory::{Directory, PRIVATE};
use crate::room::Promises;

/// Parts and payloads on a file system. Cheap to clone; several processes may have the same one
/// open.
#[derive(Clone, Debug)]
pub struct FileSpool(Arc<Layout>);

/// The directories, opened and checked once.
#[derive(Debug)]
struct Layout {
    /// The data directory itself.
    data: Directory,
    /// `spool`.
    spool: Directory,
    /// `spool/in`, one directory in it for each epoch.
    parts: Directory,
    /// `spool/out`.
    payloads: Directory,
    promises: Promises,
}

impl FileSpool {
    /// Opens the spool below a data directory and makes the directories that are missing. Blocks.
    ///
    /// The data directory is made only if the directory that it lies in is there: one level more
    /// would fill the disk under a file system that is not mounted.
    ///
    /// # Errors
    ///
    /// [`SpoolError::Directory`] names the directory that is missing, is not writable, or is a
    /// symbolic link.
    pub fn open(data_directory: &Path) -> Result<Self, SpoolError> {
        let data = Directory::data_directory(data_directory)?;
        data.check_writable()?;
        let spool = data.writable_directory("spool", PRIVATE)?;
        let layout = Layout {
            parts: spool.writable_directory("in", PRIVATE)?,
            payloads: spool.writable_directory("out", PRIVATE)?,
            spool,
            promises: Promises::default(),
            data,
        };
        Ok(Self(Arc::new(layout)))
    }

    fn layout(&self) -> Arc<Layout> {
        Arc::clone(&self.0)
    }
}
