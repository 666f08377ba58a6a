//! A file that is read, one chunk while the one before is used.

use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::path::PathBuf;

use tokio::task::JoinHandle;

use crate::blocking::{begun, ended};
use crate::directory::{self, Directory};
use crate::{CHUNK, Payload, Reader, SpoolError};
use rustix::fs::OFlags;

/// A payload or part of the file system, open for reading.
#[derive(Debug)]
pub struct FileReader {
    octets: u64,
    ahead: Ahead,
}

#[derive(Debug)]
enum Ahead {
    Ready(ChunkRead),
    Reading(JoinHandle<Result<ChunkRead, SpoolError>>),
    Ended,
    /// A read failed and was reported.
    Failed,
}

type ChunkRead = (Vec<u8>, Input);

impl FileReader {
    /// Opens a file at an offset, its first chunk read: a small one needs no other visit. Blocks.
    pub(crate) fn open(directory: &Directory, name: &str, offset: u64) -> Result<Self, SpoolError> {
        let path = directory.file_path(name);
        let file = directory.open_file(name, OFlags::RDONLY)?;
        let octets = directory::size(&directory::check_plain(&file, &path)?);
        Self::read_from(offset, file, path, octets)
    }

    /// The same for a payload, which has to be what was recorded.
    pub(crate) fn open_payload(
        directory: &Directory,
        payload: &Payload,
        offset: u64,
    ) -> Result<Self, SpoolError> {
        let (name, recorded) = (payload.name.to_string(), payload.octets);
        let path = directory.file_path(&name);
        let file = match directory.open_file(&name, OFlags::RDONLY) {
            Err(SpoolError::Missing { path }) => {
                return Err(SpoolError::Payload { path, recorded, found: None });
            }
            opened => opened?,
        };
        let found = directory::size(&directory::check_plain(&file, &path)?);
        SpoolError::unless_as_recorded(path.clone(), recorded, Some(found))?;
        Self::read_from(offset, file, path, found)
    }

    fn read_from(
        offset: u64,
        mut file: File,
        path: PathBuf,
        octets: u64,
    ) -> Result<Self, SpoolError> {
        if octets < offset {
            return Err(SpoolError::Short { path, recorded: offset, found: octets });
        }
        file.seek(SeekFrom::Start(offset))
            .map_err(|source| SpoolError::new("read", &path, source))?;
        let input = Input { file, path, left: octets - offset };
        Ok(Self { octets, ahead: Ahead::Ready(input.read(Vec::new())?) })
    }
}

impl Reader for FileReader {
    fn octets(&self) -> u64 {
        self.octets
    }

    async fn next(&mut self, spare: Vec<u8>) -> Result<Vec<u8>, SpoolError> {
        if let Ahead::Reading(task) = &mut self.ahead {
            let read = ended(task).await;
            self.ahead = Ahead::Failed;
            self.ahead = Ahead::Ready(read?);
        }
        match std::mem::replace(&mut self.ahead, Ahead::Failed) {
            Ahead::Ready((chunk, input)) => {
                let has_ended = chunk.is_empty() || input.left == 0;
                self.ahead = if has_ended {
                    Ahead::Ended
                } else {
                    Ahead::Reading(begun(move || input.read(spare)))
                };
                Ok(chunk)
            }
            Ahead::Ended => {
                self.ahead = Ahead::Ended;
                Ok(Vec::new())
            }
            Ahead::Reading(_) | Ahead::Failed => Err(SpoolError::Stopped),
        }
    }
}

#[derive(Debug)]
struct Input {
    file: File,
    path: PathBuf,
    /// Octets that were there beyond the position when it was opened.
    left: u64,
}

impl Input {
    /// Fills a buffer, less only at the end.
    fn read(mut self, mut buffer: Vec<u8>) -> Result<ChunkRead, SpoolError> {
        // A small file gets a small buffer: thousands of sessions send small files.
        buffer.resize(usize::try_from(self.left).unwrap_or(CHUNK).clamp(1, CHUNK), 0);
        let mut filled = 0;
        while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.file.read(rest) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(SpoolError::new("read", &self.path, error)),
            }
        }
        buffer.truncate(filled);
        self.left = self.left.saturating_sub(filled as u64);
        Ok((buffer, self))
    }
}
