//! A spool of whole objects, without renames, locks and appends: one object for each piece between
//! two checkpoints of a part, the epoch in its key, and one for each payload.

use std::collections::{HashSet, VecDeque};
use std::io::Read;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use domain::{Epoch, PartName, PayloadName};
use spool::{
    CHUNK, Checkpoint, Listed, Part, Parts, Payload, PayloadWriter, Payloads, Reader, SourceFile,
    SpoolError, TakeIn,
};

use crate::bucket::Bucket;

/// The spool as one process has it open.
#[derive(Clone)]
pub(crate) struct ObjectSpool {
    bucket: Bucket,
    /// The parts that this process has open: nobody else writes under its epoch.
    open: Arc<Mutex<HashSet<PartName>>>,
}

impl ObjectSpool {
    pub(crate) fn new(bucket: Bucket) -> Self {
        Self { bucket, open: Arc::default() }
    }

    fn open_at(&self, name: PartName, octets: u64) -> ObjectPart {
        self.open.lock().unwrap().insert(name.clone());
        ObjectPart { spool: self.clone(), name, octets, flushed: octets, pending: Vec::new() }
    }

    /// The pieces that follow each other from the start, with their keys and positions.
    fn pieces(&self, name: &PartName) -> Vec<(String, u64, Arc<[u8]>)> {
        let mut pieces = Vec::new();
        let mut position = 0;
        for key in self.bucket.list(&prefix(name), Duration::ZERO) {
            let Some(octets) = self.bucket.get(&key).filter(|_| key == piece_key(name, position))
            else {
                break;
            };
            let end = position + octets.len() as u64;
            pieces.push((key, position, octets));
            position = end;
        }
        pieces
    }
}

fn prefix(name: &PartName) -> String {
    format!("in/{name}/")
}

fn piece_key(name: &PartName, position: u64) -> String {
    format!("{}{position:020}", prefix(name))
}

/// Behind the pieces.
fn placed_key(name: &PartName) -> String {
    format!("{}placed", prefix(name))
}

fn payload_key(name: &PayloadName) -> String {
    format!("out/{name}")
}

impl Parts for ObjectSpool {
    type Part = ObjectPart;
    type PartReader = ObjectReader;

    async fn create_part(&self, name: &PartName) -> Result<ObjectPart, SpoolError> {
        self.remove_part(name).await?;
        Ok(self.open_at(name.clone(), 0))
    }

    async fn resume_part(
        &self,
        name: &PartName,
        octets: u64,
        epoch: Epoch,
    ) -> Result<ObjectPart, SpoolError> {
        let path = name.to_string().into();
        let pieces = self.pieces(name);
        let Some((_, position, last)) = pieces.last() else {
            return Err(SpoolError::Missing { path });
        };
        let found = position + last.len() as u64;
        if found < octets {
            return Err(SpoolError::Short { path, recorded: octets, found });
        }
        let resumed = name.in_epoch(epoch);
        if self.open.lock().unwrap().contains(&resumed) {
            return Err(SpoolError::Busy { path });
        }
        // From the last to the first, so that what is left follows each other at any moment.
        for key in self.bucket.list(&prefix(&resumed), Duration::ZERO).iter().rev() {
            let is_kept = pieces.iter().any(|(kept, from, _)| kept == key && *from < octets);
            if !is_kept {
                self.bucket.delete(key)?;
            }
        }
        for (_, from, piece) in pieces.iter().filter(|(_, from, _)| *from < octets) {
            let kept = piece.len().min(usize::try_from(octets - from).unwrap());
            self.bucket.put(piece_key(&resumed, *from), &piece[..kept]);
        }
        if octets == 0 {
            self.bucket.put(piece_key(&resumed, 0), &[]);
        }
        Ok(self.open_at(resumed, octets))
    }

    async fn open_part(&self, name: &PartName) -> Result<ObjectReader, SpoolError> {
        let pieces: Vec<_> = self.pieces(name).into_iter().map(|(_, _, octets)| octets).collect();
        if pieces.is_empty() {
            return Err(SpoolError::Missing { path: name.to_string().into() });
        }
        Ok(ObjectReader::new(&pieces.concat(), 0))
    }

    async fn remove_part(&self, name: &PartName) -> Result<bool, SpoolError> {
        let keys = self.bucket.list(&prefix(name), Duration::ZERO);
        for key in keys.iter().rev() {
            self.bucket.delete(key)?;
        }
        Ok(!keys.is_empty())
    }

    async fn settle_part(&self, name: &PartName) -> Result<(), SpoolError> {
        self.bucket.put(placed_key(name), &[]);
        for (key, _, _) in self.pieces(name).iter().rev() {
            self.bucket.delete(key)?;
        }
        Ok(())
    }

    async fn was_placed(&self, name: &PartName) -> Result<bool, SpoolError> {
        Ok(self.bucket.get(&placed_key(name)).is_some())
    }

    async fn list_parts(&self, age: Duration) -> Result<Listed<PartName>, SpoolError> {
        let mut names: Vec<PartName> = self
            .bucket
            .list("in/", age)
            .iter()
            .filter_map(|key| key.strip_prefix("in/")?.rsplit_once('/')?.0.parse().ok())
            .collect();
        names.dedup();
        names.retain(|name| !self.open.lock().unwrap().contains(name));
        Ok(Listed { names, foreign: Vec::new() })
    }
}

/// What is appended is lost until it is flushed as one object.
pub(crate) struct ObjectPart {
    spool: ObjectSpool,
    name: PartName,
    octets: u64,
    flushed: u64,
    pending: Vec<u8>,
}

impl ObjectPart {
    /// What becomes one object, and its key.
    fn piece(&mut self) -> (String, Vec<u8>) {
        let key = piece_key(&self.name, self.flushed);
        self.flushed = self.octets;
        (key, std::mem::take(&mut self.pending))
    }
}

impl Part for ObjectPart {
    fn name(&self) -> &PartName {
        &self.name
    }

    fn octets(&self) -> u64 {
        self.octets
    }

    async fn append(&mut self, chunk: &mut Vec<u8>) -> Result<(), SpoolError> {
        self.octets += chunk.len() as u64;
        self.pending.append(chunk);
        Ok(())
    }

    async fn checkpoint(&mut self) -> Result<Checkpoint, SpoolError> {
        let bucket = self.spool.bucket.clone();
        // An empty file is an object of no octets.
        let has_news = self.flushed < self.octets || self.octets == 0;
        let (key, piece) = self.piece();
        let flush = async move {
            if has_news {
                bucket.put(key, &piece);
            }
            Ok(())
        };
        Ok(Checkpoint::new(self.octets, tokio::spawn(flush)))
    }

    async fn finish(mut self) -> Result<u64, SpoolError> {
        self.checkpoint().await?.durable().await
    }
}

impl Drop for ObjectPart {
    fn drop(&mut self) {
        self.spool.open.lock().unwrap().remove(&self.name);
    }
}

impl Payloads for ObjectSpool {
    type PayloadWriter = ObjectWriter;
    type PayloadReader = ObjectReader;

    async fn take_in_file(
        &self,
        name: PayloadName,
        mut source: SourceFile,
        _how: TakeIn,
    ) -> Result<Payload, SpoolError> {
        if let Some(octets) = self.bucket.get(&payload_key(&name)) {
            return Ok(source.payload_of(name, octets.len() as u64));
        }
        let mut octets = Vec::new();
        source.file.read_to_end(&mut octets).unwrap();
        let payload = source.payload(name)?;
        self.bucket.put(payload_key(&payload.name), &octets);
        Ok(payload)
    }

    async fn new_payload(&self, _: u64) -> Result<ObjectWriter, SpoolError> {
        let name = PayloadName::new(ambient::fresh());
        Ok(ObjectWriter { bucket: self.bucket.clone(), name, octets: Vec::new() })
    }

    async fn check_payload(&self, payload: &Payload) -> Result<(), SpoolError> {
        let octets = self.bucket.get(&payload_key(&payload.name));
        let found = octets.map(|octets| octets.len() as u64);
        SpoolError::unless_as_recorded(payload.name.to_string().into(), payload.octets, found)
    }

    async fn open_payload(
        &self,
        payload: &Payload,
        offset: u64,
    ) -> Result<ObjectReader, SpoolError> {
        self.check_payload(payload).await?;
        let octets = self.bucket.get(&payload_key(&payload.name)).unwrap_or_default();
        let (path, found) = (payload.name.to_string().into(), octets.len() as u64);
        if found < offset {
            return Err(SpoolError::Short { path, recorded: offset, found });
        }
        Ok(ObjectReader::new(&octets, usize::try_from(offset).unwrap()))
    }

    async fn remove_payload(&self, name: &PayloadName) -> Result<bool, SpoolError> {
        self.bucket.delete(&payload_key(name))
    }

    async fn list_payloads(&self, age: Duration) -> Result<Listed<PayloadName>, SpoolError> {
        let keys = self.bucket.list("out/", age);
        let names = keys.iter().filter_map(|key| key.strip_prefix("out/")?.parse().ok());
        Ok(Listed { names: names.collect(), foreign: Vec::new() })
    }
}

pub(crate) struct ObjectWriter {
    bucket: Bucket,
    name: PayloadName,
    octets: Vec<u8>,
}

impl PayloadWriter for ObjectWriter {
    fn octets(&self) -> u64 {
        self.octets.len() as u64
    }

    async fn append(&mut self, chunk: &mut Vec<u8>) -> Result<(), SpoolError> {
        self.octets.append(chunk);
        Ok(())
    }

    async fn finish(self) -> Result<Payload, SpoolError> {
        self.bucket.put(payload_key(&self.name), &self.octets);
        let octets = self.octets();
        Ok(Payload::new(self.name, octets))
    }
}

pub(crate) struct ObjectReader {
    octets: u64,
    chunks: VecDeque<Vec<u8>>,
}

impl ObjectReader {
    fn new(octets: &[u8], offset: usize) -> Self {
        let chunks = octets[offset..].chunks(CHUNK).map(<[u8]>::to_vec).collect();
        Self { octets: octets.len() as u64, chunks }
    }
}

impl Reader for ObjectReader {
    fn octets(&self) -> u64 {
        self.octets
    }

    async fn next(&mut self, _spare: Vec<u8>) -> Result<Vec<u8>, SpoolError> {
        Ok(self.chunks.pop_front().unwrap_or_default())
    }
}
