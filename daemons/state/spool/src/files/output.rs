//! A file that is written at its end, one chunk while the next one fills.

use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs;
use tokio::task::JoinHandle;

use crate::blocking::{begun, ended};
use crate::{SpoolError, room};

/// A file whose writes and syncs are believed until one fails. Every method blocks.
#[derive(Debug)]
pub(crate) struct Output {
    file: File,
    path: PathBuf,
    /// A write or sync failed: the kernel may have dropped what it could not write and report
    /// success from now on, so no later sync is believed.
    broken: AtomicBool,
}

impl Output {
    pub(crate) fn new(file: File, path: PathBuf) -> Self {
        Self { file, path, broken: AtomicBool::new(false) }
    }

    pub(crate) fn write(&self, octets: &[u8]) -> Result<(), SpoolError> {
        self.check()?;
        // Nothing is written, so nothing is in doubt.
        room::check(&self.file, &self.path, octets.len() as u64)?;
        (&self.file).write_all(octets).map_err(|source| self.fail("write", source))
    }

    /// Makes the file and what the file system knows of it durable.
    pub(crate) fn sync(&self) -> Result<(), SpoolError> {
        self.check()?;
        fs::fsync(&self.file).map_err(|errno| self.fail("sync", errno.into()))?;
        // A failed sync on another thread may have swallowed the error that this one waited for.
        self.check()
    }

    /// Makes the octets durable.
    pub(crate) fn sync_data(&self) -> Result<(), SpoolError> {
        self.check()?;
        fs::fdatasync(&self.file).map_err(|errno| self.fail("sync", errno.into()))?;
        self.check()
    }

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

/// Hands chunks to an output, each on a blocking thread.
#[derive(Debug)]
pub(crate) struct Appender {
    output: Arc<Output>,
    octets: u64,
    writing: Option<JoinHandle<Result<Vec<u8>, SpoolError>>>,
    /// The buffer of the chunk before.
    spare: Vec<u8>,
}

impl Appender {
    /// Appends to an output that has so many octets.
    pub(crate) fn new(output: Output, octets: u64) -> Self {
        Self { output: Arc::new(output), octets, writing: None, spare: Vec::new() }
    }

    pub(crate) fn octets(&self) -> u64 {
        self.octets
    }

    pub(crate) async fn append(&mut self, chunk: &mut Vec<u8>) -> Result<(), SpoolError> {
        let output = self.written().await?;
        if chunk.is_empty() {
            return Ok(());
        }
        let mut full = std::mem::replace(chunk, std::mem::take(&mut self.spare));
        self.octets += full.len() as u64;
        self.writing = Some(begun(move || {
            output.write(&full)?;
            full.clear();
            Ok(full)
        }));
        Ok(())
    }

    /// Appends at once. Blocks.
    pub(crate) fn write(&mut self, octets: &[u8]) -> Result<(), SpoolError> {
        self.output.write(octets)?;
        self.octets += octets.len() as u64;
        Ok(())
    }

    /// Where it all goes.
    pub(crate) fn output(&self) -> &Output {
        &self.output
    }

    /// The output, once every chunk is written to it.
    pub(crate) async fn written(&mut self) -> Result<Arc<Output>, SpoolError> {
        if let Some(writing) = &mut self.writing {
            let written = ended(writing).await;
            self.writing = None;
            self.spare = written?;
        }
        self.output.check()?;
        Ok(Arc::clone(&self.output))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_write_without_room_says_so_and_closes_the_file_wherever_tests_may_not_mount_a_disk()
    {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let mut appender = Appender::new(Output::new(full, "/dev/full".into()), 0);
        appender.append(&mut b"content".to_vec()).await.unwrap();
        let error = appender.append(&mut b"content".to_vec()).await.unwrap_err();
        assert_eq!(error.code(), "E-SPOOL-FULL", "{error}");
        let error = appender.append(&mut b"content".to_vec()).await.unwrap_err();
        assert_eq!(error.code(), "E-SPOOL-BROKEN");
        assert_eq!(appender.written().await.unwrap_err().code(), "E-SPOOL-BROKEN");
    }
}
