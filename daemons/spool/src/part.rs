//! A virtual file while it is being received.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use lease::Epoch;
use rustix::fs::{self, FlockOperation, OFlags};
use rustix::io::Errno;

use crate::directory::{self, Directory};
use crate::{PartName, Spool, SpoolError};

/// A part open for writing at its end. It is locked until it is dropped or finished.
#[derive(Debug)]
pub struct PartFile {
    name: PartName,
    octets: u64,
    shared: Arc<Shared>,
}

/// What a checkpoint on another thread needs of the part.
#[derive(Debug)]
struct Shared {
    file: File,
    directory: Directory,
    path: PathBuf,
    /// The directory knows the file durably.
    entered: AtomicBool,
    /// A write or sync failed: the kernel may have dropped what it could not write and report
    /// success from now on, so no later sync is believed.
    broken: AtomicBool,
}

impl Spool {
    /// Starts a part from nothing. What an earlier attempt left under this name is dropped.
    ///
    /// Record the id before, or while this part is open, so that the sweep knows whose it is.
    pub fn create_part(&self, epoch: Epoch, id: &str) -> Result<PartFile, SpoolError> {
        let name = PartName::new(epoch, id).map_err(SpoolError::Name)?;
        let (directory, file) = self.create_part_file(&name)?;
        PartFile::new(name, directory, file, 0)
    }

    /// Goes on with a part after its first `octets` octets, those of the last recorded
    /// checkpoint; what was written beyond them is dropped.
    ///
    /// An earlier holder that is frozen, not dead, may still have the part open and write one more
    /// time when it thaws. Its lock shows that; then the octets are copied into a part of the
    /// given epoch that only this process has. So **record [`PartFile::name`] before the first
    /// checkpoint if it differs from `name`**.
    ///
    /// # Errors
    ///
    /// [`SpoolError::Missing`] and [`SpoolError::Short`]: the file has to start from nothing.
    /// [`SpoolError::Busy`]: another session of this epoch still has it open.
    pub fn resume_part(
        &self,
        name: &PartName,
        octets: u64,
        epoch: Epoch,
    ) -> Result<PartFile, SpoolError> {
        let path = self.part_path(name);
        let directory = match self.0.parts.directory(&name.epoch().to_string()) {
            Err(SpoolError::Directory { .. }) => return Err(SpoolError::Missing { path }),
            opened => opened?,
        };
        let mut file = directory.open_file(name.file(), OFlags::RDWR)?;
        let status = directory::check_plain(&file, &path)?;
        let found = directory::size(&status);
        if found < octets {
            return Err(SpoolError::Short { path, recorded: octets, found });
        }
        let clone = file.try_clone().map_err(|source| SpoolError::new("open", &path, source))?;
        match PartFile::new(name.clone(), directory, clone, octets) {
            Err(SpoolError::Busy { .. }) if name.epoch() != epoch => {
                self.copy_part(&mut file, name.in_epoch(epoch), octets)
            }
            part => {
                let mut part = part?;
                part.cut()?;
                part.shared.entered.store(true, Ordering::Release);
                Ok(part)
            }
        }
    }

    /// Removes a part that nobody wants any more; `false` if it was not there.
    pub fn remove_part(&self, name: &PartName) -> Result<bool, SpoolError> {
        match self.0.parts.directory(&name.epoch().to_string()) {
            Ok(directory) => directory.remove(name.file()),
            Err(SpoolError::Directory { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn copy_part(
        &self,
        file: &mut File,
        name: PartName,
        octets: u64,
    ) -> Result<PartFile, SpoolError> {
        let path = self.part_path(&name);
        let (directory, mut copy) = self.create_part_file(&name)?;
        let copied = file
            .seek(SeekFrom::Start(0))
            .and_then(|_| io::copy(&mut file.take(octets), &mut copy))
            .map_err(|source| SpoolError::new("copy", &path, source))?;
        if copied < octets {
            return Err(SpoolError::Short { path, recorded: octets, found: copied });
        }
        let part = PartFile::new(name, directory, copy, octets)?;
        // The caller records the new name, and with it the position.
        part.checkpoint().run()?;
        Ok(part)
    }

    fn create_part_file(&self, name: &PartName) -> Result<(Directory, File), SpoolError> {
        let epoch = name.epoch().to_string();
        loop {
            let directory = self.0.parts.directory_made(&epoch, 0o700)?;
            // Never truncated: an earlier holder may have the old file open.
            directory.remove(name.file())?;
            match directory.create(name.file()) {
                // A sweep removed the directory while it was empty.
                Err(SpoolError::Directory { .. }) if self.0.parts.status(&epoch)?.is_none() => {}
                created => return Ok((directory, created?)),
            }
        }
    }

    fn part_path(&self, name: &PartName) -> PathBuf {
        self.0.parts.path().join(name.to_string())
    }
}

impl PartFile {
    fn new(
        name: PartName,
        directory: Directory,
        file: File,
        octets: u64,
    ) -> Result<Self, SpoolError> {
        let path = directory.file_path(name.file());
        match fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => return Err(SpoolError::Busy { path }),
            Err(errno) => return Err(SpoolError::new("lock", &path, errno.into())),
        }
        let (entered, broken) = (AtomicBool::new(false), AtomicBool::new(false));
        let shared = Arc::new(Shared { file, directory, path, entered, broken });
        Ok(Self { name, octets, shared })
    }

    /// The name to record.
    pub fn name(&self) -> &PartName {
        &self.name
    }

    /// Octets written so far, durable or not.
    pub fn octets(&self) -> u64 {
        self.octets
    }

    /// Appends. After an error the part takes no more: resume it at the last durable position.
    pub fn write_all(&mut self, octets: &[u8]) -> Result<(), SpoolError> {
        self.shared.check()?;
        if let Err(source) = (&self.shared.file).write_all(octets) {
            return Err(self.shared.fail("write", source));
        }
        self.octets += octets.len() as u64;
        Ok(())
    }

    /// Makes everything written so far durable; returns how much that is.
    pub fn sync(&mut self) -> Result<u64, SpoolError> {
        self.checkpoint().run()
    }

    /// The same for another thread, so that receiving goes on meanwhile. It covers what is written
    /// before this call.
    pub fn checkpoint(&self) -> Checkpoint {
        Checkpoint { octets: self.octets, shared: Arc::clone(&self.shared) }
    }

    /// Makes the whole file and its name durable; returns its octets. The lock ends here.
    pub fn finish(self) -> Result<u64, SpoolError> {
        let shared = &self.shared;
        shared.check()?;
        match fs::fsync(&shared.file) {
            Ok(()) => shared.directory.sync()?,
            Err(errno) => return Err(shared.fail("sync", errno.into())),
        }
        // A failed sync on another thread may have swallowed the error that this one waited for.
        shared.check()?;
        Ok(self.octets)
    }

    fn cut(&mut self) -> Result<(), SpoolError> {
        let shared = &self.shared;
        let mut file = &shared.file;
        file.set_len(self.octets)
            .and_then(|()| file.seek(SeekFrom::Start(self.octets)))
            .map_err(|source| shared.fail("truncate", source))?;
        Ok(())
    }
}

/// A position of a part that [`Checkpoint::run`] makes durable.
#[derive(Debug)]
pub struct Checkpoint {
    octets: u64,
    shared: Arc<Shared>,
}

impl Checkpoint {
    /// Syncs; returns the octets that are durable now and may be recorded.
    pub fn run(self) -> Result<u64, SpoolError> {
        let shared = &self.shared;
        shared.check()?;
        if let Err(errno) = fs::fdatasync(&shared.file) {
            return Err(shared.fail("sync", errno.into()));
        }
        if !shared.entered.load(Ordering::Acquire) {
            shared.directory.sync()?;
            shared.entered.store(true, Ordering::Release);
        }
        shared.check()?;
        Ok(self.octets)
    }
}

impl Shared {
    fn check(&self) -> Result<(), SpoolError> {
        if self.broken.load(Ordering::Acquire) {
            return Err(SpoolError::Broken { path: self.path.clone() });
        }
        Ok(())
    }

    fn fail(&self, doing: &'static str, source: io::Error) -> SpoolError {
        self.broken.store(true, Ordering::Release);
        SpoolError::new(doing, &self.path, source)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn a_write_without_room_says_so_and_closes_the_part_wherever_tests_may_not_mount_a_disk() {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let directory = Directory::open(Path::new("/dev")).unwrap();
        let mut part = PartFile::new("1/a.part".parse().unwrap(), directory, full, 0).unwrap();
        let error = part.write_all(b"content").unwrap_err();
        assert_eq!(error.code(), "E-SPOOL-FULL", "{error}");
        assert_eq!(part.octets(), 0);
        assert_eq!(part.write_all(b"content").unwrap_err().code(), "E-SPOOL-BROKEN");
        assert_eq!(part.finish().unwrap_err().code(), "E-SPOOL-BROKEN");
    }
}
