//! What can go wrong on disk, each with a stable code.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use domain::{NameError, NotAVolumeIdentity};

/// Why the spool could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// No room: the file system is full, or a quota or size limit is reached. What was durable
    /// before stays so.
    #[error(
        "no room to {doing} {path}: {source}; free space there, or move `storage` to a larger file \
         system; the transfer goes on where it stopped"
    )]
    Full {
        /// What was being done.
        doing: &'static str,
        /// Where.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A directory is missing, is none, or may not be written.
    #[error("directory {path} {problem}; {cure}")]
    Directory {
        /// The directory.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
        /// What to do about it.
        cure: String,
    },
    /// A part, payload or source is not there.
    #[error("{path} is not there; it was removed by someone else, or delivered or sent before")]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// A file is shorter than the position that was recorded for it, so its rest cannot be trusted.
    #[error(
        "{path} has {found} octets where {recorded} were recorded; the file system lost data: the \
         file has to come again from its start"
    )]
    Short {
        /// The file.
        path: PathBuf,
        /// The recorded octets.
        recorded: u64,
        /// The octets that are there.
        found: u64,
    },
    /// A payload is not what was recorded: gone, or of another size.
    #[error(
        "{path} {}, and {recorded} octets were recorded of this payload; somebody else was at it, or \
         the file system lost data: enqueue the file again and cancel this entry",
        as_found(*found)
    )]
    Payload {
        /// Where it was looked for.
        path: PathBuf,
        /// The recorded octets.
        recorded: u64,
        /// The octets that are there, if it is.
        found: Option<u64>,
    },
    /// A received file is neither in the spool nor in its place, and nothing says that it was put
    /// there.
    #[error(
        "{path} is gone, and nothing says that it was delivered to {target}: it was removed by someone \
         else, or the file system lost it; put it back from a backup of the volume, or, if the file did \
         arrive, say so by an empty file {}",
        path.with_extension("placed").display()
    )]
    PartGone {
        /// Where the part was.
        path: PathBuf,
        /// Its target.
        target: PathBuf,
    },
    /// The volume's identity is not readable.
    #[error(
        "{path} is not the identity of a volume: {reason}; put the file back from a backup, or, if no \
         other instance has this volume, remove it, stop all daemons of the instance and run: seon adopt"
    )]
    Identity {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: NotAVolumeIdentity,
    },
    /// Another session still has the part open.
    #[error("{path} is still open in another session; it is free when that session has ended")]
    Busy {
        /// The part.
        path: PathBuf,
    },
    /// The planned target exists and is not ours; plan another one.
    #[error("{path} exists already and is never overwritten; another name has to be chosen")]
    TargetTaken {
        /// The target.
        path: PathBuf,
    },
    /// A symbolic link, directory or device stands where a plain file must be.
    #[error("{path} is not a plain file; symbolic links, directories and devices are refused")]
    Irregular {
        /// The file.
        path: PathBuf,
    },
    /// A file may not be read or moved by this process.
    #[error("cannot {doing} {path}: {source}; give the user that Seon runs as the permission")]
    Denied {
        /// What was being done.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A write or sync of this part failed before, so its later octets are in doubt.
    #[error(
        "{path} failed before and is closed for writing; resume it at its last durable position"
    )]
    Broken {
        /// The part.
        path: PathBuf,
    },
    /// A name is no name of one file in one directory.
    #[error(transparent)]
    Name(NameError),
    /// A file changed while it was taken in.
    #[error("{path} changed while it was read; hand it over when it is written completely")]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// The process is shutting down, or a task of the spool broke.
    #[error("disk work was cut off: the process is shutting down, or a fault in it")]
    Stopped,
    /// Anything else the system said.
    #[error("cannot {doing} {path}: {source}")]
    Io {
        /// What was being done.
        doing: &'static str,
        /// Where.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl SpoolError {
    /// The stable code, the same in the log, the metric, the journal and the documentation.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Full { .. } => "E-SPOOL-FULL",
            Self::Directory { .. } => "E-SPOOL-DIRECTORY",
            Self::Missing { .. } => "E-SPOOL-MISSING",
            Self::Short { .. } => "E-SPOOL-SHORT",
            Self::Payload { .. } => "E-SPOOL-PAYLOAD",
            Self::PartGone { .. } => "E-SPOOL-PART-GONE",
            Self::Identity { .. } => "E-INSTANCE-UNREADABLE",
            Self::Busy { .. } => "E-SPOOL-BUSY",
            Self::TargetTaken { .. } => "E-SPOOL-TARGET-TAKEN",
            Self::Irregular { .. } => "E-SPOOL-IRREGULAR",
            Self::Denied { .. } => "E-SPOOL-DENIED",
            Self::Broken { .. } => "E-SPOOL-BROKEN",
            Self::Name(error) => error.code(),
            Self::Changed { .. } => "E-SPOOL-CHANGED",
            Self::Stopped => "E-SPOOL-STOPPED",
            Self::Io { .. } => "E-SPOOL-IO",
        }
    }

    /// The rule for payloads: there, and of the size that was recorded, or not to be used.
    pub fn unless_as_recorded(
        path: PathBuf,
        recorded: u64,
        found: Option<u64>,
    ) -> Result<(), Self> {
        if found == Some(recorded) { Ok(()) } else { Err(Self::Payload { path, recorded, found }) }
    }

    /// Whether a payload is to blame, and not the disk: it is as bad the next time.
    pub fn is_of_the_payload(&self) -> bool {
        matches!(self, Self::Payload { .. } | Self::Irregular { .. })
    }

    /// Sorts what the system said about a file into the variant a person can act on.
    pub(crate) fn new(doing: &'static str, path: &Path, source: io::Error) -> Self {
        let path = path.to_path_buf();
        match Errno::from_io_error(&source) {
            Some(Errno::NOSPC | Errno::DQUOT | Errno::FBIG) => Self::Full { doing, path, source },
            Some(Errno::NOENT) => Self::Missing { path },
            Some(Errno::LOOP | Errno::ISDIR | Errno::NXIO) => Self::Irregular { path },
            Some(Errno::XDEV) => Self::Directory {
                path,
                problem: "lies on another file system than the folder that it is in".into(),
                cure: "keep both on one file system: files go there by a rename".into(),
            },
            Some(Errno::ACCESS | Errno::PERM | Errno::ROFS) => Self::Denied { doing, path, source },
            _ => Self::Io { doing, path, source },
        }
    }

    /// The same for a directory that should be there for us.
    pub(crate) fn directory(doing: &'static str, path: &Path, source: io::Error) -> Self {
        let (problem, cure): (&dyn fmt::Display, &str) = match Errno::from_io_error(&source) {
            Some(Errno::NOENT) => {
                (&"does not exist", "create it, or mount the file system that it lies on")
            }
            Some(Errno::LOOP | Errno::NOTDIR) => (
                &"is a symbolic link or no directory",
                "put a directory in its place; to have it elsewhere, mount that place there",
            ),
            Some(Errno::ACCESS | Errno::PERM) => (
                &"may not be written by this user",
                "make the user that Seon runs as its owner, with mode 0750",
            ),
            Some(Errno::ROFS) => (
                &"lies on a file system that is mounted read-only",
                "mount it writable, and look into the kernel's log for why it is not",
            ),
            Some(Errno::NOSPC | Errno::DQUOT) => {
                return Self::Full { doing, path: path.to_path_buf(), source };
            }
            _ => {
                return Self::Io { doing, path: path.to_path_buf(), source };
            }
        };
        Self::Directory {
            path: path.to_path_buf(),
            problem: problem.to_string(),
            cure: cure.to_owned(),
        }
    }
}

fn as_found(octets: Option<u64>) -> String {
    octets.map_or_else(|| "is not there".to_owned(), |octets| format!("has {octets} octets"))
}
