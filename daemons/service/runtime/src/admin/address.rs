//! Where an admin endpoint answers.

use std::fmt;
use std::fs::File;
use std::io;
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use domain::Daemon;

/// The address of an admin endpoint, as it stands in the lease row: `unix:/path` or `tcp:ip:port`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Address {
    /// A Unix socket on this machine, by its absolute path.
    Unix(PathBuf),
    /// A TCP address.
    Tcp(SocketAddr),
}

/// Text that is no address.
#[derive(Debug, thiserror::Error)]
#[error(
    "\"{0}\" is not the address of an admin endpoint; such look like unix:/path or tcp:ip:port"
)]
pub struct AddressError(String);

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Tcp(address) => write!(f, "tcp:{address}"),
        }
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let error = || AddressError(text.to_owned());
        match text.split_once(':') {
            Some(("unix", path)) if path.starts_with('/') => Ok(Self::Unix(PathBuf::from(path))),
            Some(("tcp", address)) => address.parse().map(Self::Tcp).map_err(|_| error()),
            _ => Err(error()),
        }
    }
}

/// Where an instance's processes on this machine have their admin sockets: in the directory given,
/// or else in the data directory.
pub fn run_directory(given: Option<&Path>, data: &Path) -> PathBuf {
    given.map_or_else(|| data.join("run"), Path::to_owned)
}

/// The file name of a process's socket.
pub(super) fn socket_name(daemon: Daemon, process: u32) -> String {
    format!("{daemon}.{process}.sock")
}

/// The admin sockets in a directory of them, with the daemon and process number that
/// their names say. Whether anybody answers is for the caller to find out.
pub fn local_sockets(directory: &Path) -> io::Result<Vec<(Daemon, u32, Address)>> {
    let directory = match std::fs::read_dir(directory) {
        Ok(directory) => directory,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut found = Vec::new();
    for file in directory {
        let path = file?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if let Some((daemon, process)) = parse_name(name) {
            found.push((daemon, process, Address::Unix(std::path::absolute(&path)?)));
        }
    }
    found.sort_by_key(|(daemon, process, _)| (*daemon, *process));
    Ok(found)
}

fn parse_name(name: &str) -> Option<(Daemon, u32)> {
    let (daemon, process) = name.strip_suffix(".sock")?.split_once('.')?;
    Some((daemon.parse().ok()?, process.parse().ok()?))
}

/// A path by which the kernel takes a Unix socket however long its real path is (the limit is 107
/// octets): through the open directory. Keep the returned directory until the path was used.
pub(super) fn short_path(path: &Path) -> io::Result<(PathBuf, Option<File>)> {
    const LONGEST: usize = 107;
    if path.as_os_str().len() <= LONGEST {
        return Ok((path.to_owned(), None));
    }
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the path has no file name"));
    };
    let directory = File::open(parent)?;
    let short = PathBuf::from(format!("/proc/self/fd/{}", directory.as_raw_fd())).join(name);
    Ok((short, Some(directory)))
}
