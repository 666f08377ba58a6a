//! Payloads that wait to be sent.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use rustix::fs::{self, CWD, Mode, OFlags, Stat};

use crate::directory::{self, Directory};
use crate::{PayloadName, Spool, SpoolError};

/// What happens to a file that is taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TakeIn {
    /// It stays its owner's. The payload is a copy (sharing blocks where the file system can).
    Copy,
    /// It becomes ours: the payload is the same file under a further name where the file system
    /// and its owner allow that, else a copy. The source goes by [`Spool::remove_source`] once the
    /// payload is queued, so that a crash in between loses nothing.
    Move,
}

/// A payload in the spool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payload {
    /// The name to record.
    pub name: PayloadName,
    /// Its size.
    pub octets: u64,
    /// `None` for one that was written piece by piece.
    source: Option<Source>,
}

/// Which file a payload came from, whatever its path names later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Source {
    device: u64,
    file: u64,
}

impl Spool {
    /// Takes a file in under a fresh name. It is complete and durable when this returns, and not
    /// there at all if the process stops before.
    pub fn take_in(&self, source: &Path, how: TakeIn) -> Result<Payload, SpoolError> {
        let link = match how {
            TakeIn::Copy => OFlags::empty(),
            // Moving a link would move something else than what is copied.
            TakeIn::Move => OFlags::NOFOLLOW,
        };
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | link;
        let file = fs::openat(CWD, source, flags, Mode::empty())
            .map_err(|errno| SpoolError::new("read", source, errno.into()))?;
        self.take_in_file(&PayloadName::fresh(), &mut file.into(), source, how)
    }

    /// Begins a payload that comes piece by piece, such as from a pipe.
    pub fn new_payload(&self) -> Result<PayloadWriter, SpoolError> {
        let name = PayloadName::fresh();
        let file = self.0.payloads.create(&temporary(&name.to_string()))?;
        Ok(PayloadWriter { spool: self.clone(), name, file, octets: 0, is_finished: false })
    }

    /// Removes the source of a moved payload after it is queued; `false` if the path names
    /// another file, or none, by now.
    pub fn remove_source(&self, source: &Path, payload: &Payload) -> Result<bool, SpoolError> {
        let (Some(folder), Some(name)) = (source.parent(), source.file_name()) else {
            return Ok(false);
        };
        let empty = folder.as_os_str().is_empty();
        let folder = Directory::open(if empty { Path::new(".") } else { folder })?;
        match folder.status(name)? {
            Some(status) if Some(Source::of(&status)) == payload.source => {}
            _ => return Ok(false),
        }
        std::fs::remove_file(source).map_err(|error| SpoolError::new("remove", source, error))?;
        folder.sync()?;
        Ok(true)
    }

    /// Opens a payload for reading from an offset.
    ///
    /// # Errors
    ///
    /// [`SpoolError::Short`] if the offset lies beyond its end.
    pub fn open_payload(
        &self,
        name: &PayloadName,
        offset: u64,
    ) -> Result<PayloadReader, SpoolError> {
        let name = name.to_string();
        let path = self.0.payloads.file_path(&name);
        let mut file = self.0.payloads.open_file(&name, OFlags::RDONLY)?;
        let octets = directory::size(&directory::check_plain(&file, &path)?);
        if octets < offset {
            return Err(SpoolError::Short { path, recorded: offset, found: octets });
        }
        file.seek(SeekFrom::Start(offset))
            .map_err(|source| SpoolError::new("read", &path, source))?;
        Ok(PayloadReader { file, path, octets, position: offset })
    }

    /// Removes a payload; `false` if it was not there.
    pub fn remove_payload(&self, name: &PayloadName) -> Result<bool, SpoolError> {
        self.0.payloads.remove(&name.to_string())
    }

    /// Takes an open file in under a given name; done again after a crash, it finishes the same.
    pub(crate) fn take_in_file(
        &self,
        name: &PayloadName,
        file: &mut File,
        path: &Path,
        how: TakeIn,
    ) -> Result<Payload, SpoolError> {
        let before = directory::check_plain(file, path)?;
        let payload =
            |octets| Payload { name: name.clone(), octets, source: Some(Source::of(&before)) };
        let (payloads, final_name) = (&self.0.payloads, name.to_string());
        if let Some(status) = payloads.status(&final_name)? {
            return Ok(payload(directory::size(&status)));
        }
        let is_linked = how == TakeIn::Move
            && file.sync_all().and_then(|()| payloads.link_open_file(file, &final_name)).is_ok();
        if !is_linked {
            self.copy_in(&final_name, file, path)?;
        }
        let after = directory::check_plain(file, path)?;
        let changed = |status: &Stat| (status.st_size, status.st_mtime, status.st_mtime_nsec);
        if changed(&before) != changed(&after) {
            payloads.remove(&final_name)?;
            return Err(SpoolError::Changed { path: path.to_path_buf() });
        }
        payloads.sync()?;
        Ok(payload(directory::size(&after)))
    }

    fn copy_in(&self, name: &str, file: &mut File, path: &Path) -> Result<(), SpoolError> {
        let payloads = &self.0.payloads;
        let temporary = temporary(name);
        payloads.remove(&temporary)?;
        let mut copy = payloads.create(&temporary)?;
        // The kernel copies, by sharing blocks where the file system can.
        let copied = io::copy(file, &mut copy).and_then(|_| copy.sync_all());
        if let Err(source) = copied {
            payloads.remove(&temporary)?;
            return Err(SpoolError::new("take in", path, source));
        }
        payloads.move_to(&temporary, payloads, name)
    }
}

/// Under which name a payload is while it is copied.
fn temporary(name: &str) -> String {
    format!(".{name}.tmp")
}

/// Whether a payload was being copied under that name.
pub(crate) fn is_temporary(name: &str) -> bool {
    let inner = name.strip_prefix('.').and_then(|name| name.strip_suffix(".tmp"));
    inner.is_some_and(|name| name.parse::<PayloadName>().is_ok())
}

impl Source {
    fn of(status: &Stat) -> Self {
        Self { device: status.st_dev, file: status.st_ino }
    }
}

/// A payload that is being written. It is in the spool once it is finished; dropped before, it never
/// was there, and what a killed process leaves is swept.
#[derive(Debug)]
pub struct PayloadWriter {
    spool: Spool,
    name: PayloadName,
    file: File,
    octets: u64,
    is_finished: bool,
}

impl PayloadWriter {
    /// The octets so far.
    pub fn octets(&self) -> u64 {
        self.octets
    }

    /// Puts the payload into the spool, complete and durable.
    pub fn finish(mut self) -> Result<Payload, SpoolError> {
        let (payloads, name) = (&self.spool.0.payloads, self.name.to_string());
        self.file.sync_all().map_err(|source| self.error(source))?;
        payloads.move_to(&temporary(&name), payloads, &name)?;
        payloads.sync()?;
        self.is_finished = true;
        Ok(Payload { name: self.name.clone(), octets: self.octets, source: None })
    }

    /// What the system said about writing, in the spool's terms.
    pub fn error(&self, source: io::Error) -> SpoolError {
        let path = self.spool.0.payloads.file_path(&temporary(&self.name.to_string()));
        SpoolError::new("write", &path, source)
    }
}

impl Write for PayloadWriter {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        let count = self.file.write(octets)?;
        self.octets += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for PayloadWriter {
    fn drop(&mut self) {
        if !self.is_finished {
            // The sweep finds what cannot be removed now.
            let _ = self.spool.0.payloads.remove(&temporary(&self.name.to_string()));
        }
    }
}

/// A payload open for reading. Reading blocks.
#[derive(Debug)]
pub struct PayloadReader {
    file: File,
    path: PathBuf,
    octets: u64,
    position: u64,
}

impl PayloadReader {
    /// The payload's whole size.
    pub fn octets(&self) -> u64 {
        self.octets
    }

    /// Where the next octet is read.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Reads up to the buffer's length; fewer octets only at the end, 0 there.
    pub fn fill(&mut self, buffer: &mut [u8]) -> Result<usize, SpoolError> {
        let mut filled = 0;
        while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.read(rest) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(SpoolError::new("read", &self.path, error)),
            }
        }
        Ok(filled)
    }
}

impl Read for PayloadReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(buffer)?;
        self.position += count as u64;
        Ok(count)
    }
}
