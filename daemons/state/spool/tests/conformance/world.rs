//! A backend, the folders beside it, and what can happen to both.

use std::fs;
use std::path::{Path, PathBuf};

use domain::{PartName, Target};
use spool::{Delivery, FileSpool, Folders, Part, Parts, Payloads, Reader, SpoolError};
use support::TemporaryDirectory;

use crate::bucket::Bucket;
use crate::object_spool::ObjectSpool;

pub(crate) trait World: Sized {
    type Spool: Parts + Payloads;

    /// The spool as a process that has just begun opens it.
    fn spool(&self) -> Self::Spool;

    /// A machine fails: of a part that nobody has open any more, `durable` octets are left, or
    /// nothing if it never was durable.
    fn lose_what_is_not_durable(&self, part: &PartName, durable: Option<u64>);

    /// A delivery that breaks off when the file is in its place and the part is still there.
    async fn deliver_and_crash_before_the_part_goes(&self, part: &PartName, target: &Target);

    /// The data directory.
    fn data(&self) -> &Path;

    fn folders(&self) -> Folders {
        Folders::open(self.data()).unwrap()
    }

    fn delivered(&self, file: &str) -> PathBuf {
        self.data().join("incoming").join(file)
    }
}

pub(crate) struct Files(TemporaryDirectory);

impl Files {
    pub(crate) fn new() -> Self {
        Self(TemporaryDirectory::new())
    }

    fn part(&self, part: &PartName) -> PathBuf {
        self.0.join("spool/in").join(part.to_string())
    }
}

impl World for Files {
    type Spool = FileSpool;

    fn spool(&self) -> FileSpool {
        FileSpool::open(self.0.path()).unwrap()
    }

    fn lose_what_is_not_durable(&self, part: &PartName, durable: Option<u64>) {
        match durable {
            Some(durable) => {
                let file = fs::OpenOptions::new().write(true).open(self.part(part)).unwrap();
                file.set_len(durable).unwrap();
            }
            None => fs::remove_file(self.part(part)).unwrap(),
        }
    }

    /// On file systems that know no rename without overwriting.
    async fn deliver_and_crash_before_the_part_goes(&self, part: &PartName, target: &Target) {
        deliver(self, &self.spool(), part, target).await.unwrap();
        fs::hard_link(self.delivered(&target.to_string()), self.part(part)).unwrap();
    }

    fn data(&self) -> &Path {
        self.0.path()
    }
}

pub(crate) struct Objects {
    directory: TemporaryDirectory,
    bucket: Bucket,
}

impl Objects {
    pub(crate) fn new() -> Self {
        Self { directory: TemporaryDirectory::new(), bucket: Bucket::default() }
    }
}

impl World for Objects {
    type Spool = ObjectSpool;

    fn spool(&self) -> ObjectSpool {
        ObjectSpool::new(self.bucket.clone())
    }

    /// It was in the memory of whoever had it open.
    fn lose_what_is_not_durable(&self, _part: &PartName, _durable: Option<u64>) {}

    async fn deliver_and_crash_before_the_part_goes(&self, part: &PartName, target: &Target) {
        self.bucket.refuse_deletions(true);
        deliver(self, &self.spool(), part, target).await.unwrap_err();
        self.bucket.refuse_deletions(false);
    }

    fn data(&self) -> &Path {
        self.directory.path()
    }
}

pub(crate) async fn deliver<W: World>(
    world: &W,
    spool: &W::Spool,
    part: &PartName,
    target: &Target,
) -> Result<Delivery, SpoolError> {
    let deliveries = [(part.clone(), target.clone())];
    world.folders().deliver_all(spool, &deliveries).await?.remove(0)
}

/// A finished part with this content.
pub(crate) async fn received(spool: &impl Parts, name: &str, content: &[u8]) -> PartName {
    let name: PartName = name.parse().unwrap();
    let part = spool.write_part(&name, content.to_vec()).await.unwrap();
    assert_eq!(part.finish().await.unwrap(), content.len() as u64);
    name
}

/// Appends, and waits until it is out of our hands.
pub(crate) async fn append(part: &mut impl Part, octets: &[u8]) {
    part.append(&mut octets.to_vec()).await.unwrap();
    part.append(&mut Vec::new()).await.unwrap();
}

/// Makes everything durable that was appended; how much that is.
pub(crate) async fn sync(part: &mut impl Part) -> u64 {
    part.checkpoint().await.unwrap().durable().await.unwrap()
}

pub(crate) async fn read_all(mut reader: impl Reader) -> Vec<u8> {
    let mut read = Vec::new();
    loop {
        let chunk = reader.next(Vec::new()).await.unwrap();
        if chunk.is_empty() {
            return read;
        }
        assert!(chunk.len() <= spool::CHUNK);
        read.extend(chunk);
    }
}
