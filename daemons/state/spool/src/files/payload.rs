//! Payloads as files: `spool/out/<payload>`, written under a hidden name and renamed.

use std::io;
use std::time::Duration;

use domain::PayloadName;

use super::input::FileReader;
use super::output::{Appender, Output};
use super::temporary::temporary;
use super::{FileSpool, Layout, listing};
use crate::blocking::blocking;
use crate::directory;
use crate::payloads::fresh_name;
use crate::room::Promise;
use crate::{Listed, Payload, PayloadWriter, Payloads, SourceFile, SpoolError, TakeIn};

impl Payloads for FileSpool {
    type PayloadWriter = FilePayloadWriter;
    type PayloadReader = FileReader;

    async fn take_in_file(
        &self,
        name: PayloadName,
        source: SourceFile,
        how: TakeIn,
    ) -> Result<Payload, SpoolError> {
        let layout = self.layout();
        blocking(move || layout.take_in_file(name, source, how)).await
    }

    async fn new_payload(&self, promised: u64) -> Result<FilePayloadWriter, SpoolError> {
        let spool = self.clone();
        blocking(move || {
            let payloads = &spool.0.payloads;
            let promise = spool.0.promises.make(promised, payloads.room()?, payloads.path())?;
            let name = fresh_name();
            let temporary = temporary(&name);
            let file = spool.0.payloads.create(&temporary)?;
            let output = Output::new(file, spool.0.payloads.file_path(&temporary));
            let appender = Appender::new(output, 0);
            Ok(FilePayloadWriter { spool, name, appender, promise, is_finished: false })
        })
        .await
    }

    async fn check_payload(&self, payload: &Payload) -> Result<(), SpoolError> {
        let (layout, name, recorded) = (self.layout(), payload.name.to_string(), payload.octets);
        blocking(move || {
            let (status, path) = (layout.payloads.status(&name)?, layout.payloads.file_path(&name));
            match status {
                Some(status) if !directory::is_plain(&status) => {
                    Err(SpoolError::Irregular { path })
                }
                status => {
                    let found = status.as_ref().map(directory::size);
                    SpoolError::unless_as_recorded(path, recorded, found)
                }
            }
        })
        .await
    }

    async fn open_payload(&self, payload: &Payload, offset: u64) -> Result<FileReader, SpoolError> {
        let (layout, payload) = (self.layout(), payload.clone());
        blocking(move || FileReader::open_payload(&layout.payloads, &payload, offset)).await
    }

    async fn remove_payload(&self, name: &PayloadName) -> Result<bool, SpoolError> {
        let (layout, name) = (self.layout(), name.clone());
        blocking(move || {
            let was_finished = layout.payloads.remove(&name.to_string())?;
            Ok(layout.payloads.remove(&temporary(&name))? || was_finished)
        })
        .await
    }

    async fn list_payloads(&self, age: Duration) -> Result<Listed<PayloadName>, SpoolError> {
        let layout = self.layout();
        blocking(move || listing::payloads(&layout.payloads, age)).await
    }
}

impl Layout {
    fn take_in_file(
        &self,
        name: PayloadName,
        mut source: SourceFile,
        how: TakeIn,
    ) -> Result<Payload, SpoolError> {
        let (payloads, final_name) = (&self.payloads, name.to_string());
        if let Some(status) = payloads.status(&final_name)? {
            return Ok(source.payload_of(name, directory::size(&status)));
        }
        let file = &source.file;
        let is_linked = how == TakeIn::Move
            && file.sync_all().and_then(|()| payloads.link_open_file(file, &final_name)).is_ok();
        if !is_linked {
            self.copy_in(&name, &mut source)?;
        }
        match source.payload(name) {
            Ok(payload) => {
                payloads.sync()?;
                Ok(payload)
            }
            Err(error) => {
                payloads.remove(&final_name)?;
                Err(error)
            }
        }
    }

    fn copy_in(&self, name: &PayloadName, source: &mut SourceFile) -> Result<(), SpoolError> {
        let payloads = &self.payloads;
        let temporary = temporary(name);
        payloads.remove(&temporary)?;
        payloads.check_room(source.octets().saturating_add(self.promises.octets()))?;
        let mut copy = payloads.create(&temporary)?;
        // The kernel copies, by sharing blocks where the file system can.
        let copied = io::copy(&mut source.file, &mut copy).and_then(|_| copy.sync_all());
        if let Err(error) = copied {
            payloads.remove(&temporary)?;
            return Err(SpoolError::new("take in", &source.path, error));
        }
        payloads.move_to(&temporary, payloads, &name.to_string())
    }
}

/// A payload that is being written under a hidden name.
#[derive(Debug)]
pub struct FilePayloadWriter {
    spool: FileSpool,
    name: PayloadName,
    appender: Appender,
    promise: Promise,
    is_finished: bool,
}

impl PayloadWriter for FilePayloadWriter {
    fn octets(&self) -> u64 {
        self.appender.octets()
    }

    async fn append(&mut self, chunk: &mut Vec<u8>) -> Result<(), SpoolError> {
        let before = self.appender.octets();
        let after = before + chunk.len() as u64;
        if self.promise.is_less_than(after) {
            let layout = self.spool.layout();
            let room = blocking(move || layout.payloads.room()).await?;
            self.promise.grow(after, room, self.spool.0.payloads.path())?;
        }
        self.appender.append(chunk).await?;
        self.promise.written(before);
        Ok(())
    }

    async fn finish(mut self) -> Result<Payload, SpoolError> {
        let (output, layout) = (self.appender.written().await?, self.spool.layout());
        let name = self.name.clone();
        blocking(move || {
            output.sync()?;
            let payloads = &layout.payloads;
            payloads.move_to(&temporary(&name), payloads, &name.to_string())?;
            payloads.sync()
        })
        .await?;
        self.is_finished = true;
        Ok(Payload::new(self.name.clone(), self.octets()))
    }
}

impl Drop for FilePayloadWriter {
    fn drop(&mut self) {
        if !self.is_finished {
            // The sweep finds what cannot be removed now.
            let _ = self.spool.0.payloads.remove(&temporary(&self.name));
        }
    }
}
