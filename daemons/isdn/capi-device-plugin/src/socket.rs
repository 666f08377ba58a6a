//! Sockets in the kubelet's folder: which file a path names now, and our own.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use tokio::net::UnixListener;

use crate::error::PluginError;

/// Which file a path names: another one after the file was made anew, whatever its number. `None`
/// if there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    device: u64,
    number: u64,
    changed: (i64, i64),
}

impl Identity {
    pub(crate) fn of(path: &Path) -> Option<Self> {
        let file = fs::symlink_metadata(path).ok()?;
        Some(Self {
            device: file.dev(),
            number: file.ino(),
            changed: (file.ctime(), file.ctime_nsec()),
        })
    }
}

/// Our socket; its file goes with it, unless it has become another's.
#[derive(Debug)]
pub(crate) struct OwnSocket {
    path: PathBuf,
    identity: Option<Identity>,
}

impl OwnSocket {
    /// Listens there, in the place of whatever an earlier process has left.
    pub(crate) fn bind(path: &Path) -> Result<(Self, UnixListener), PluginError> {
        let failed = |error| PluginError::Socket { path: path.to_owned(), error };
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        let listener = UnixListener::bind(path).map_err(failed)?;
        Ok((Self { path: path.to_owned(), identity: Identity::of(path) }, listener))
    }

    /// Whether its file is still there; an error if it is another's. A kubelet that starts empties
    /// its folder.
    pub(crate) fn is_there(&self) -> Result<bool, PluginError> {
        match Identity::of(&self.path) {
            None => Ok(false),
            found if found == self.identity => Ok(true),
            Some(_) => Err(PluginError::Replaced(self.path.clone())),
        }
    }
}

impl Drop for OwnSocket {
    fn drop(&mut self) {
        if matches!(self.is_there(), Ok(true)) {
            // Whoever finds it left over replaces it.
            let _ = fs::remove_file(&self.path);
        }
    }
}
