//! Payloads that are kept: what waits to be sent, or for its receipt.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use domain::PayloadName;
use rustix::fs::{self, CWD, Mode, OFlags, Stat};

use crate::blocking::blocking;
use crate::directory::{self, Directory};
use crate::{Listed, Reader, SpoolError};

/// Where payloads lie. One is there completely and durably or not at all, and never changes.
pub trait Payloads: Clone + Send + Sync + 'static {
    /// A payload that is being written.
    type PayloadWriter: PayloadWriter;
    /// A payload open for reading.
    type PayloadReader: Reader;

    /// Takes a file in under a name; done again after a crash, it finishes the same.
    ///
    /// # Errors
    ///
    /// [`SpoolError::Changed`] if somebody wrote to the file meanwhile.
    fn take_in_file(
        &self,
        name: PayloadName,
        source: SourceFile,
        how: TakeIn,
    ) -> impl Future<Output = Result<Payload, SpoolError>> + Send;

    /// Takes a file in under a fresh name.
    fn take_in(
        &self,
        source: &Path,
        how: TakeIn,
    ) -> impl Future<Output = Result<Payload, SpoolError>> + Send {
        let path = source.to_path_buf();
        async move {
            let source = blocking(move || SourceFile::open(path, how)).await?;
            self.take_in_file(fresh_name(), source, how).await
        }
    }

    /// Begins a payload that comes piece by piece, such as from a pipe. Room for so many octets is
    /// promised to it, and to nothing else here until they are written; 0 where nobody knows. Once it
    /// has become larger, more is promised piece by piece, as long as there is such room.
    ///
    /// # Errors
    ///
    /// [`SpoolError::Full`] if there is no such room beside what was promised to others.
    fn new_payload(
        &self,
        promised: u64,
    ) -> impl Future<Output = Result<Self::PayloadWriter, SpoolError>> + Send;

    /// Looks whether a payload is there as it was recorded, and reads nothing of it.
    ///
    /// # Errors
    ///
    /// [`SpoolError::Payload`] if it is gone or has another size.
    fn check_payload(
        &self,
        payload: &Payload,
    ) -> impl Future<Output = Result<(), SpoolError>> + Send;

    /// Opens a payload for reading from an offset.
    ///
    /// # Errors
    ///
    /// [`SpoolError::Payload`] as above, and [`SpoolError::Short`] if the offset lies beyond its end.
    fn open_payload(
        &self,
        payload: &Payload,
        offset: u64,
    ) -> impl Future<Output = Result<Self::PayloadReader, SpoolError>> + Send;

    /// Removes a payload; `false` if it was not there.
    fn remove_payload(
        &self,
        name: &PayloadName,
    ) -> impl Future<Output = Result<bool, SpoolError>> + Send;

    /// Lists what was last changed at least `age` ago, those too that were never finished.
    fn list_payloads(
        &self,
        age: Duration,
    ) -> impl Future<Output = Result<Listed<PayloadName>, SpoolError>> + Send;
}

/// A payload that is being written. It is in the spool once it is finished; dropped before, it never
/// was there, and what a killed process leaves is swept.
pub trait PayloadWriter: Send + Sync + 'static {
    /// The octets so far.
    fn octets(&self) -> u64;

    /// Appends the chunk and leaves an empty buffer in its place, as [`Part::append`] does. Fails with
    /// [`SpoolError::Full`] too if what is left was promised to others.
    ///
    /// [`Part::append`]: crate::Part::append
    fn append(
        &mut self,
        chunk: &mut Vec<u8>,
    ) -> impl Future<Output = Result<(), SpoolError>> + Send;

    /// Puts the payload into the spool, complete and durable.
    fn finish(self) -> impl Future<Output = Result<Payload, SpoolError>> + Send;
}

/// What happens to a file that is taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TakeIn {
    /// It stays its owner's. The payload is a copy (sharing blocks where the file system can).
    Copy,
    /// It becomes ours: the payload is the same file under a further name where the file system
    /// and its owner allow that, else a copy. The source goes by [`Payload::remove_source`] once
    /// the payload is queued, so that a crash in between loses nothing.
    Move,
}

/// A payload in the spool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payload {
    /// The name to record.
    pub name: PayloadName,
    /// Its size.
    pub octets: u64,
    /// `None` for one that was written piece by piece, and for what is only known by its record.
    source: Option<Source>,
}

/// Which file a payload came from, whatever its path names later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Source {
    device: u64,
    file: u64,
}

/// A name that no payload had before; later names sort later.
pub(crate) fn fresh_name() -> PayloadName {
    PayloadName::new(ambient::fresh())
}

impl Payload {
    /// One whose source is nobody's to remove.
    pub fn new(name: PayloadName, octets: u64) -> Self {
        Self { name, octets, source: None }
    }

    /// Removes the source of a moved payload after it is queued; `false` if the path names another
    /// file, or none, by now.
    pub async fn remove_source(&self, source: &Path) -> Result<bool, SpoolError> {
        let (path, taken) = (source.to_path_buf(), self.source);
        blocking(move || remove_source(&path, taken)).await
    }
}

fn remove_source(source: &Path, taken: Option<Source>) -> Result<bool, SpoolError> {
    let (Some(folder), Some(name)) = (source.parent(), source.file_name()) else {
        return Ok(false);
    };
    let empty = folder.as_os_str().is_empty();
    let folder = Directory::open(if empty { Path::new(".") } else { folder })?;
    match folder.status(name)? {
        Some(status) if Some(Source::of(&status)) == taken => {}
        _ => return Ok(false),
    }
    std::fs::remove_file(source).map_err(|error| SpoolError::new("remove", source, error))?;
    folder.sync()?;
    Ok(true)
}

impl Source {
    fn of(status: &Stat) -> Self {
        Self { device: status.st_dev, file: status.st_ino }
    }
}

/// A plain file of this machine that is taken in, as it was when it was opened.
#[derive(Debug)]
pub struct SourceFile {
    /// For reading, from its start.
    pub file: File,
    /// Its path, for messages.
    pub path: PathBuf,
    status: Stat,
}

impl SourceFile {
    /// Opens a file. Blocks.
    pub fn open(path: PathBuf, how: TakeIn) -> Result<Self, SpoolError> {
        let link = match how {
            TakeIn::Copy => OFlags::empty(),
            // Moving a link would move something else than what is copied.
            TakeIn::Move => OFlags::NOFOLLOW,
        };
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | link;
        let file = fs::openat(CWD, &path, flags, Mode::empty())
            .map_err(|errno| SpoolError::new("read", &path, errno.into()))?;
        Self::opened(file.into(), path)
    }

    pub(crate) fn opened(file: File, path: PathBuf) -> Result<Self, SpoolError> {
        let status = directory::check_plain(&file, &path)?;
        Ok(Self { file, path, status })
    }

    /// Its octets as it was opened.
    pub(crate) fn octets(&self) -> u64 {
        directory::size(&self.status)
    }

    /// The payload that was made of it, if nobody wrote to it since it was opened. Blocks.
    pub fn payload(&self, name: PayloadName) -> Result<Payload, SpoolError> {
        let now = directory::check_plain(&self.file, &self.path)?;
        let changed = |status: &Stat| (status.st_size, status.st_mtime, status.st_mtime_nsec);
        if changed(&self.status) != changed(&now) {
            return Err(SpoolError::Changed { path: self.path.clone() });
        }
        Ok(self.payload_of(name, directory::size(&now)))
    }

    /// The payload that was made of it before. The file may be another one by now.
    pub fn payload_of(&self, name: PayloadName, octets: u64) -> Payload {
        Payload { name, octets, source: Some(Source::of(&self.status)) }
    }
}
