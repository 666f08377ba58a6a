//! A directory held open: every operation names one file in it and follows no link.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fd::OwnedFd;
use rustix::fs::{self, AtFlags, CWD, FileType, Mode, OFlags, RenameFlags, Stat};
use rustix::io::Errno;

use crate::{SpoolError, room};

/// An open directory, and its path for messages.
#[derive(Debug)]
pub(crate) struct Directory {
    descriptor: OwnedFd,
    path: PathBuf,
}

/// What only Seon looks into, and what is for the group, too: applications of the same group take files
/// away and put some in. The umask takes nothing from either.
pub(crate) const PRIVATE: u32 = 0o700;
pub(crate) const SHARED: u32 = 0o770;

/// The directory flags: nothing but a directory itself, and not inherited by children.
const DIRECTORY: OFlags =
    OFlags::DIRECTORY.union(OFlags::RDONLY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

impl Directory {
    /// Opens the data directory, the only one that may be reached through a link: it is the
    /// administrator's setting.
    pub(crate) fn open(path: &Path) -> Result<Self, SpoolError> {
        let descriptor = fs::openat(CWD, path, DIRECTORY - OFlags::NOFOLLOW, Mode::empty())
            .map_err(|errno| SpoolError::directory("open", path, errno.into()))?;
        Ok(Self { descriptor, path: path.to_path_buf() })
    }

    /// The same, made if only its last part is missing: one level more would fill the disk under a
    /// file system that is not mounted.
    pub(crate) fn data_directory(path: &Path) -> Result<Self, SpoolError> {
        match Self::open(path) {
            Err(SpoolError::Directory { .. }) if !path.exists() => {}
            opened => return opened,
        }
        // An empty parent is the working directory.
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let parent = Self::open(parent.unwrap_or(Path::new(".")))?;
        match path.file_name().and_then(|name| name.to_str()) {
            Some(name) => parent.directory_made(name, SHARED)?,
            None => return Self::open(path),
        };
        Self::open(path)
    }

    /// Makes a directory in this one if it is missing, and checks that it can be written.
    pub(crate) fn writable_directory(&self, name: &str, mode: u32) -> Result<Self, SpoolError> {
        let directory = self.directory_made(name, mode)?;
        directory.check_writable()?;
        Ok(directory)
    }

    /// Opens a directory in this one.
    pub(crate) fn directory(&self, name: &str) -> Result<Self, SpoolError> {
        let path = self.path.join(name);
        match fs::openat(&self.descriptor, name, DIRECTORY, Mode::empty()) {
            Ok(descriptor) => Ok(Self { descriptor, path }),
            Err(errno) => Err(SpoolError::directory("open", &path, errno.into())),
        }
    }

    /// Opens a directory in this one and makes it first if it is not there; durable afterwards.
    pub(crate) fn directory_made(&self, name: &str, mode: u32) -> Result<Self, SpoolError> {
        match fs::mkdirat(&self.descriptor, name, Mode::from_raw_mode(mode)) {
            Ok(()) => {
                let directory = self.directory(name)?;
                directory.set_mode(mode).map_err(|errno| {
                    SpoolError::directory("make", &directory.path, errno.into())
                })?;
                self.sync()?;
                Ok(directory)
            }
            Err(Errno::EXIST) => self.directory(name),
            Err(errno) => Err(SpoolError::directory("make", &self.path, errno.into())),
        }
    }

    /// Whatever the umask is; what the parent gives for its group to be kept stays.
    fn set_mode(&self, mode: u32) -> Result<(), Errno> {
        let special = fs::fstat(&self.descriptor)?.st_mode & 0o7000;
        fs::fchmod(&self.descriptor, Mode::from_raw_mode(special | mode))
    }

    /// Opens a directory anywhere and makes it first, with what is missing on the way. Links are
    /// followed: it is an administrator's setting.
    pub(crate) fn anywhere_made(path: &Path, mode: u32) -> Result<Self, SpoolError> {
        match Self::open(path) {
            Err(SpoolError::Directory { .. }) if !path.exists() => {}
            opened => return opened,
        }
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        match (parent, path.file_name().and_then(|name| name.to_str())) {
            (parent, Some(name)) => Self::anywhere_made(parent.unwrap_or(Path::new(".")), mode)?
                .directory_made(name, mode),
            (_, None) => Self::open(path),
        }
    }

    /// Whether files can be made here by this process.
    pub(crate) fn check_writable(&self) -> Result<(), SpoolError> {
        let wanted = fs::Access::WRITE_OK | fs::Access::EXEC_OK;
        fs::accessat(&self.descriptor, ".", wanted, AtFlags::EACCESS)
            .map_err(|errno| SpoolError::directory("write into", &self.path, errno.into()))
    }

    /// Octets that may still be written to its file system.
    pub(crate) fn room(&self) -> Result<u64, SpoolError> {
        room::room(&self.descriptor).map_err(|error| SpoolError::new("examine", &self.path, error))
    }

    /// [`SpoolError::Full`] if so many octets leave no room for anything else.
    pub(crate) fn check_room(&self, octets: u64) -> Result<(), SpoolError> {
        room::check(&self.descriptor, &self.path, octets)
    }

    /// Makes a file that was not there, for writing and reading.
    pub(crate) fn create(&self, name: &str) -> Result<File, SpoolError> {
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::RDWR | FILE;
        let mode = Mode::from_raw_mode(0o640);
        let file =
            fs::openat(&self.descriptor, name, flags, mode).map_err(|errno| match errno {
                Errno::NOENT => SpoolError::directory("open", &self.path, errno.into()),
                errno => self.file_error("create", name, errno),
            })?;
        fs::fchmod(&file, mode).map_err(|errno| self.file_error("create", name, errno))?;
        Ok(file.into())
    }

    /// Opens a plain file that is there.
    pub(crate) fn open_file(&self, name: &str, access: OFlags) -> Result<File, SpoolError> {
        let file = fs::openat(&self.descriptor, name, access | FILE, Mode::empty())
            .map(File::from)
            .map_err(|errno| self.file_error("open", name, errno))?;
        check_plain(&file, &self.file_path(name))?;
        Ok(file)
    }

    /// The status of a file itself, never of what a link points to; `None` if nothing is there.
    pub(crate) fn status(&self, name: impl AsRef<OsStr>) -> Result<Option<Stat>, SpoolError> {
        let name = name.as_ref();
        match fs::statat(&self.descriptor, name.as_bytes(), AtFlags::SYMLINK_NOFOLLOW) {
            Ok(status) => Ok(Some(status)),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(SpoolError::new("examine", &self.path.join(name), errno.into())),
        }
    }

    /// Removes a file; `false` if it was not there.
    pub(crate) fn remove(&self, name: &str) -> Result<bool, SpoolError> {
        match fs::unlinkat(&self.descriptor, name, AtFlags::empty()) {
            Ok(()) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            Err(errno) => Err(self.file_error("remove", name, errno)),
        }
    }

    /// Removes a directory in this one if it is empty.
    pub(crate) fn remove_empty_directory(&self, name: &str) -> Result<bool, SpoolError> {
        match fs::unlinkat(&self.descriptor, name, AtFlags::REMOVEDIR) {
            Ok(()) => Ok(true),
            Err(Errno::NOENT | Errno::NOTEMPTY | Errno::EXIST) => Ok(false),
            Err(errno) => Err(self.file_error("remove", name, errno)),
        }
    }

    /// Moves a file to a name that must be free: `TargetTaken` if it is not.
    pub(crate) fn move_to(&self, name: &str, to: &Self, target: &str) -> Result<(), SpoolError> {
        if self.try_move_to(name, to, target)? {
            return Ok(());
        }
        Err(SpoolError::new("move", &to.path, Errno::XDEV.into()))
    }

    /// The same; `false` if the target lies on another file system.
    pub(crate) fn try_move_to(
        &self,
        name: &str,
        to: &Self,
        target: &str,
    ) -> Result<bool, SpoolError> {
        let flags = RenameFlags::NOREPLACE;
        match fs::renameat_with(&self.descriptor, name, &to.descriptor, target, flags) {
            Ok(()) => Ok(true),
            Err(Errno::XDEV) => Ok(false),
            Err(Errno::EXIST) => Err(SpoolError::TargetTaken { path: to.file_path(target) }),
            // Some network file systems know no such rename, but all know links.
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
                self.link_and_remove(name, to, target).map(|()| true)
            }
            Err(errno) => Err(self.file_error("move", name, errno)),
        }
    }

    /// The same in two steps; a process that stops in between leaves two names of one file, which
    /// [`Directory::holds_same_file`] recognises.
    pub(crate) fn link_and_remove(
        &self,
        name: &str,
        to: &Self,
        target: &str,
    ) -> Result<(), SpoolError> {
        let none = AtFlags::empty();
        match fs::linkat(&self.descriptor, name, &to.descriptor, target, none) {
            Ok(()) => {}
            Err(Errno::EXIST) => {
                return Err(SpoolError::TargetTaken { path: to.file_path(target) });
            }
            Err(errno) => return Err(self.file_error("move", name, errno)),
        }
        to.sync()?;
        self.remove(name).map(|_| ())
    }

    /// Renames a file in here, over one that has the other name.
    pub(crate) fn move_over(&self, name: &str, other: &str) -> Result<(), SpoolError> {
        fs::renameat(&self.descriptor, name, &self.descriptor, other)
            .map_err(|errno| self.file_error("move", name, errno))
    }

    /// Gives a file a further name in here, unless that is a file's already; `false` where files have
    /// one name only.
    pub(crate) fn try_link(&self, name: &str, other: &str) -> Result<bool, SpoolError> {
        match fs::linkat(&self.descriptor, name, &self.descriptor, other, AtFlags::empty()) {
            Ok(()) | Err(Errno::EXIST) => Ok(true),
            Err(Errno::PERM | Errno::NOSYS | Errno::OPNOTSUPP | Errno::MLINK) => Ok(false),
            Err(errno) => Err(self.file_error("link", name, errno)),
        }
    }

    /// Gives an open file a (further) name here; fails where links are not possible.
    pub(crate) fn link_open_file(&self, file: &File, name: &str) -> io::Result<()> {
        use std::os::fd::AsRawFd;
        // By its descriptor, so that it is this very file whatever its path names by now.
        let source = format!("/proc/self/fd/{}", file.as_raw_fd());
        let follow = AtFlags::SYMLINK_FOLLOW;
        Ok(fs::linkat(CWD, source, &self.descriptor, name, follow)?)
    }

    /// Whether both names are one file.
    pub(crate) fn holds_same_file(
        &self,
        name: &str,
        other: &Self,
        other_name: &str,
    ) -> Result<bool, SpoolError> {
        let (Some(one), Some(two)) = (self.status(name)?, other.status(other_name)?) else {
            return Ok(false);
        };
        Ok(one.st_dev == two.st_dev && one.st_ino == two.st_ino)
    }

    /// Makes what was created, renamed and removed here survive a power cut.
    pub(crate) fn sync(&self) -> Result<(), SpoolError> {
        fs::fsync(&self.descriptor).map_err(|errno| self.error("sync", errno))
    }

    /// The names in it, without `.` and `..`.
    pub(crate) fn names(&self) -> Result<Vec<OsString>, SpoolError> {
        let entries =
            fs::Dir::read_from(&self.descriptor).map_err(|errno| self.error("read", errno))?;
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|errno| self.error("read", errno))?;
            let name = entry.file_name().to_bytes();
            if name != b"." && name != b".." {
                names.push(OsStr::from_bytes(name).to_os_string());
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    /// Its path, for messages.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The path of a file in it, for messages.
    pub(crate) fn file_path(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    fn error(&self, doing: &'static str, errno: Errno) -> SpoolError {
        SpoolError::new(doing, &self.path, errno.into())
    }

    fn file_error(&self, doing: &'static str, name: &str, errno: Errno) -> SpoolError {
        SpoolError::new(doing, &self.file_path(name), errno.into())
    }
}

/// Not through a link, not kept by children, and not waiting for the other end of a pipe.
const FILE: OFlags = OFlags::NOFOLLOW.union(OFlags::CLOEXEC).union(OFlags::NONBLOCK);

/// Refuses what is no plain file: a pipe or device would block, or never end.
pub(crate) fn check_plain(file: &File, path: &Path) -> Result<Stat, SpoolError> {
    let status = fs::fstat(file).map_err(|errno| SpoolError::new("examine", path, errno.into()))?;
    if is_plain(&status) {
        Ok(status)
    } else {
        Err(SpoolError::Irregular { path: path.to_path_buf() })
    }
}

/// Whether it is a plain file.
pub(crate) fn is_plain(status: &Stat) -> bool {
    FileType::from_raw_mode(status.st_mode) == FileType::RegularFile
}

/// A plain file's size.
pub(crate) fn size(status: &Stat) -> u64 {
    u64::try_from(status.st_size).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use support::TemporaryDirectory;

    use super::*;

    #[test]
    fn without_a_rename_that_keeps_files_a_link_moves_one_and_keeps_the_others() {
        let temporary = TemporaryDirectory::new();
        let root = Directory::open(temporary.path()).unwrap();
        let target = root.directory_made("target", 0o700).unwrap();
        std::fs::write(temporary.join("one"), "one").unwrap();
        std::fs::write(temporary.join("two"), "two").unwrap();
        root.link_and_remove("one", &target, "file").unwrap();
        assert!(!temporary.join("one").exists());
        let error = root.link_and_remove("two", &target, "file").unwrap_err();
        assert_eq!(error.code(), "E-SPOOL-TARGET-TAKEN");
        assert_eq!(std::fs::read(temporary.join("target/file")).unwrap(), b"one");
        assert_eq!(std::fs::read(temporary.join("two")).unwrap(), b"two");
    }

    #[test]
    fn a_pipe_is_no_file_and_opening_it_does_not_wait_for_its_writer() {
        let temporary = TemporaryDirectory::new();
        let root = Directory::open(temporary.path()).unwrap();
        let made = std::process::Command::new("mkfifo").arg(temporary.join("pipe")).status();
        assert!(made.unwrap().success());
        let error = root.open_file("pipe", OFlags::RDONLY).unwrap_err();
        assert_eq!(error.code(), "E-SPOOL-IRREGULAR");
    }
}
