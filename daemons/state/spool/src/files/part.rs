//! Parts as files: `spool/in/<epoch>/<id>.part`, locked while they are open.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use domain::{Epoch, PartName, Target};
use rustix::fs::{self, FlockOperation, OFlags};
use rustix::io::Errno;

use super::input::FileReader;
use super::output::{Appender, Output};
use super::{FileSpool, Layout, listing, placing};
use crate::blocking::{begun, blocking};
use crate::directory::{self, Directory};
use crate::{Checkpoint, Delivery, Folders, Listed, Part, Parts, SpoolError};

/// A part open for writing at its end. It is locked until it is dropped or finished.
#[derive(Debug)]
pub struct FilePart {
    name: PartName,
    appender: Appender,
    entry: Arc<Entry>,
}

/// The part's name in its directory.
#[derive(Debug)]
struct Entry {
    directory: Directory,
    /// The directory knows the file durably.
    is_durable: AtomicBool,
}

impl Parts for FileSpool {
    type Part = FilePart;
    type PartReader = FileReader;

    async fn create_part(&self, name: &PartName) -> Result<FilePart, SpoolError> {
        let (layout, name) = (self.layout(), name.clone());
        blocking(move || layout.create_part(name)).await
    }

    async fn write_part(&self, name: &PartName, octets: Vec<u8>) -> Result<FilePart, SpoolError> {
        let (layout, name) = (self.layout(), name.clone());
        blocking(move || {
            let mut part = layout.create_part(name)?;
            part.appender.write(&octets)?;
            part.appender.output().sync_data()?;
            part.entry.sync()?;
            Ok(part)
        })
        .await
    }

    /// The lock shows that an earlier holder still has the part open; then, and only then, the
    /// octets are copied into a part that only this process has.
    async fn resume_part(
        &self,
        name: &PartName,
        octets: u64,
        epoch: Epoch,
    ) -> Result<FilePart, SpoolError> {
        let (layout, name) = (self.layout(), name.clone());
        blocking(move || layout.resume_part(&name, octets, epoch)).await
    }

    async fn open_part(&self, name: &PartName) -> Result<FileReader, SpoolError> {
        let (layout, name) = (self.layout(), name.clone());
        blocking(move || FileReader::open(&layout.part_directory(&name)?, name.file(), 0)).await
    }

    async fn remove_part(&self, name: &PartName) -> Result<bool, SpoolError> {
        let (layout, name) = (self.layout(), name.clone());
        blocking(move || layout.remove_part(&name)).await
    }

    async fn remove_parts(&self, names: &[PartName]) -> Result<(), SpoolError> {
        let (layout, names) = (self.layout(), names.to_vec());
        blocking(move || names.iter().try_for_each(|name| layout.remove_part(name).map(|_| ())))
            .await
    }

    async fn settle_part(&self, name: &PartName) -> Result<(), SpoolError> {
        let (layout, name) = (self.layout(), name.clone());
        blocking(move || placing::settle(&layout.part_directory(&name)?, &name)).await
    }

    async fn was_placed(&self, name: &PartName) -> Result<bool, SpoolError> {
        let (layout, name) = (self.layout(), name.clone());
        blocking(move || layout.was_placed(&name)).await
    }

    async fn list_parts(&self, age: Duration) -> Result<Listed<PartName>, SpoolError> {
        let layout = self.layout();
        blocking(move || listing::parts(&layout.parts, age)).await
    }

    async fn tidy(&self, age: Duration) -> Result<(), SpoolError> {
        let layout = self.layout();
        blocking(move || listing::remove_empty_epochs(&layout.parts, age)).await
    }

    fn free_octets(&self) -> Result<Option<u64>, SpoolError> {
        Ok(Some(self.0.data.room()?.saturating_sub(self.0.promises.octets())))
    }

    async fn move_parts(
        &self,
        folders: &Folders,
        deliveries: &[(PartName, Target)],
    ) -> Result<Vec<Option<Result<Delivery, SpoolError>>>, SpoolError> {
        let (layout, folders, deliveries) = (self.layout(), folders.clone(), deliveries.to_vec());
        blocking(move || placing::move_all(&layout, &folders, &deliveries)).await
    }
}

impl Layout {
    fn create_part(&self, name: PartName) -> Result<FilePart, SpoolError> {
        let (directory, file) = self.create_part_file(&name)?;
        FilePart::new(name, directory, file, 0)
    }

    fn resume_part(
        &self,
        name: &PartName,
        octets: u64,
        epoch: Epoch,
    ) -> Result<FilePart, SpoolError> {
        let path = self.part_path(name);
        let directory = self.part_directory(name)?;
        let mut file = directory.open_file(name.file(), OFlags::RDWR)?;
        let status = directory::check_plain(&file, &path)?;
        let found = directory::size(&status);
        if found < octets {
            return Err(SpoolError::Short { path, recorded: octets, found });
        }
        match lock(&file, &path) {
            Err(SpoolError::Busy { .. }) if name.epoch() != epoch => {
                return self.copy_part(&mut file, name.in_epoch(epoch), octets);
            }
            locked => locked?,
        }
        file.set_len(octets)
            .and_then(|()| file.seek(SeekFrom::Start(octets)))
            .map_err(|source| SpoolError::new("truncate", &path, source))?;
        let part = FilePart::locked(name.clone(), directory, file, octets);
        part.entry.is_durable.store(true, Ordering::Release);
        Ok(part)
    }

    fn copy_part(
        &self,
        file: &mut File,
        name: PartName,
        octets: u64,
    ) -> Result<FilePart, SpoolError> {
        let path = self.part_path(&name);
        self.parts.check_room(octets.saturating_add(self.promises.octets()))?;
        let (directory, mut copy) = self.create_part_file(&name)?;
        let copied = file
            .seek(SeekFrom::Start(0))
            .and_then(|_| io::copy(&mut file.take(octets), &mut copy))
            .map_err(|source| SpoolError::new("copy", &path, source))?;
        if copied < octets {
            return Err(SpoolError::Short { path, recorded: octets, found: copied });
        }
        let part = FilePart::new(name, directory, copy, octets)?;
        // The caller records the new name, and with it the position.
        part.appender.output().sync_data()?;
        part.entry.sync()?;
        Ok(part)
    }

    fn create_part_file(&self, name: &PartName) -> Result<(Directory, File), SpoolError> {
        let epoch = name.epoch().to_string();
        loop {
            let directory = self.parts.directory_made(&epoch, 0o700)?;
            // Never truncated: an earlier holder may have the old file open.
            directory.remove(name.file())?;
            match directory.create(name.file()) {
                // A sweep removed the directory while it was empty.
                Err(SpoolError::Directory { .. }) if self.parts.status(&epoch)?.is_none() => {}
                created => return Ok((directory, created?)),
            }
        }
    }

    fn remove_part(&self, name: &PartName) -> Result<bool, SpoolError> {
        match self.part_directory(name) {
            // The part first: who stops in between leaves a part that is known to be placed, and not
            // one that is to be placed again.
            Ok(directory) => {
                let removed = directory.remove(name.file())?;
                Ok(directory.remove(&placing::witness(name))? || removed)
            }
            Err(SpoolError::Missing { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    pub(super) fn was_placed(&self, name: &PartName) -> Result<bool, SpoolError> {
        match self.part_directory(name) {
            Ok(directory) => Ok(directory.status(placing::witness(name))?.is_some()),
            Err(SpoolError::Missing { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The directory of a part's epoch; a part is missing where that is.
    pub(super) fn part_directory(&self, name: &PartName) -> Result<Directory, SpoolError> {
        self.parts.directory(&name.epoch().to_string()).map_err(|error| match error {
            SpoolError::Directory { .. } => SpoolError::Missing { path: self.part_path(name) },
            error => error,
        })
    }

    pub(super) fn part_path(&self, name: &PartName) -> PathBuf {
        self.parts.path().join(name.to_string())
    }
}

impl FilePart {
    fn new(
        name: PartName,
        directory: Directory,
        file: File,
        octets: u64,
    ) -> Result<Self, SpoolError> {
        lock(&file, &directory.file_path(name.file()))?;
        Ok(Self::locked(name, directory, file, octets))
    }

    fn locked(name: PartName, directory: Directory, file: File, octets: u64) -> Self {
        let output = Output::new(file, directory.file_path(name.file()));
        let entry = Arc::new(Entry { directory, is_durable: AtomicBool::new(false) });
        Self { name, appender: Appender::new(output, octets), entry }
    }
}

fn lock(file: &File, path: &std::path::Path) -> Result<(), SpoolError> {
    match fs::flock(file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(()),
        Err(Errno::WOULDBLOCK) => Err(SpoolError::Busy { path: path.to_path_buf() }),
        Err(errno) => Err(SpoolError::new("lock", path, errno.into())),
    }
}

impl Entry {
    fn sync(&self) -> Result<(), SpoolError> {
        if !self.is_durable.load(Ordering::Acquire) {
            self.directory.sync()?;
            self.is_durable.store(true, Ordering::Release);
        }
        Ok(())
    }
}

impl Part for FilePart {
    fn name(&self) -> &PartName {
        &self.name
    }

    fn octets(&self) -> u64 {
        self.appender.octets()
    }

    async fn append(&mut self, chunk: &mut Vec<u8>) -> Result<(), SpoolError> {
        self.appender.append(chunk).await
    }

    async fn checkpoint(&mut self) -> Result<Checkpoint, SpoolError> {
        let (output, entry) = (self.appender.written().await?, Arc::clone(&self.entry));
        let flush = begun(move || {
            output.sync_data()?;
            entry.sync()
        });
        Ok(Checkpoint::new(self.octets(), flush))
    }

    async fn finish(mut self) -> Result<u64, SpoolError> {
        let (output, entry) = (self.appender.written().await?, Arc::clone(&self.entry));
        blocking(move || {
            output.sync()?;
            entry.directory.sync()
        })
        .await?;
        Ok(self.octets())
    }
}
