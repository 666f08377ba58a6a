//! A package that is being made, on as many cores as are free.

use std::collections::VecDeque;

use domain::{FileHash, OtherHashes, Packaging};
use oftp_cms::{
    Block, ContentKey, Encryption, Inner, Outer, PackageError, Packager, Packed, Plan, Signing,
};
use spool::SpoolError;
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::task::AbortOnDropHandle;

use crate::hashes::Hashes;
use crate::keys::cms_suite;
use crate::{Cores, PackagingError, Sealing};

/// Makes a package chunk by chunk: blocks are compressed beside each other, while what comes before
/// is signed and what comes after is encrypted. What is made does not depend on the number of cores.
/// Once something failed, or whoever waited for it gave up, it is of no more use.
pub struct Packing {
    cores: Cores,
    /// Away while they are at work.
    halves: Option<Halves>,
    /// In their order.
    blocks: VecDeque<UnderWay>,
    made: Vec<u8>,
}

/// A block that is packed, or waits for that or for those before.
struct UnderWay {
    packing: AbortOnDropHandle<Result<Result<Packed, PackageError>, SpoolError>>,
    _place: Option<OwnedSemaphorePermit>,
}

struct Halves {
    /// `None` once the content has ended.
    inner: Option<Inner>,
    outer: Outer,
    hashes: Option<Hashes>,
}

/// What a turn made.
struct Turn {
    halves: Halves,
    blocks: VecDeque<Block>,
    made: Vec<u8>,
    chunk: Vec<u8>,
}

impl Packing {
    /// Begins a package; `None` if the file is transmitted as it is.
    pub fn new(
        cores: Cores,
        packaging: Packaging,
        sealing: Sealing,
    ) -> Result<Option<Self>, PackagingError> {
        if !packaging.is_packaged() {
            return Ok(None);
        }
        let hashes = Hashes::of(packaging, sealing.receipt_hash)?;
        let (inner, outer) = Packager::new(plan(packaging, sealing)?)?.into_halves();
        let halves = Halves { inner: Some(inner), outer, hashes };
        let (blocks, made) = (VecDeque::new(), Vec::new());
        Ok(Some(Self { cores, halves: Some(halves), blocks, made }))
    }

    /// Takes a chunk of the content, and gives its buffer back. [`Packing::made`] has what came of
    /// those before.
    pub async fn push(&mut self, chunk: Vec<u8>) -> Result<Vec<u8>, PackagingError> {
        let mut packed = Vec::new();
        while let Some(block) = self.blocks.front()
            && (block.packing.is_finished() || !self.cores.have_room_for_a_block())
        {
            packed.extend(self.next_packed().await?);
        }
        self.turn(packed, Some(chunk)).await
    }

    /// The content has ended: [`Packing::made`] has the rest. The hash of the package, where its
    /// receipt is to be signed, and others that may be in its place.
    pub async fn finish(&mut self) -> Result<(Option<FileHash>, OtherHashes), PackagingError> {
        self.turn(Vec::new(), None).await?;
        while let Some(packed) = self.next_packed().await? {
            self.turn(vec![packed], None).await?;
        }
        let Halves { outer, mut hashes, .. } = self.halves.take().ok_or(SpoolError::Stopped)?;
        let mut rest = Vec::new();
        outer.finish(&mut rest)?;
        transmitted(hashes.as_mut(), &rest);
        self.made.append(&mut rest);
        Ok(hashes.map(Hashes::finish).unwrap_or_default())
    }

    /// What was made and not taken yet: to be emptied after each step.
    pub fn made(&mut self) -> &mut Vec<u8> {
        &mut self.made
    }

    async fn next_packed(&mut self) -> Result<Option<Packed>, PackagingError> {
        let Some(block) = self.blocks.pop_front() else { return Ok(None) };
        let packed = block.packing.await.map_err(|_| SpoolError::Stopped)??;
        Ok(Some(packed?))
    }

    /// Frames and encrypts what was packed, signs the next chunk (without one the content has ended),
    /// and has its blocks packed.
    async fn turn(
        &mut self,
        packed: Vec<Packed>,
        chunk: Option<Vec<u8>>,
    ) -> Result<Vec<u8>, PackagingError> {
        let mut halves = self.halves.take().ok_or(SpoolError::Stopped)?;
        let mut made = std::mem::take(&mut self.made);
        let work = move || -> Result<Turn, PackageError> {
            let begun = made.len();
            for packed in packed {
                halves.outer.push(&packed, &mut made)?;
            }
            let mut blocks = VecDeque::new();
            if let (Some(inner), Some(chunk)) = (&mut halves.inner, &chunk) {
                inner.push(chunk, &mut blocks)?;
                if let Some(hashes) = &mut halves.hashes {
                    hashes.original(chunk);
                }
            } else if let Some(inner) = halves.inner.take() {
                inner.finish(&mut blocks)?;
            }
            // All of a package's blocks are alike. What is only framed and encrypted is not worth a
            // turn of its own.
            while let Some(block) = blocks.pop_front_if(|block| !block.is_to_be_compressed()) {
                halves.outer.push(&block.pack()?, &mut made)?;
            }
            transmitted(halves.hashes.as_mut(), &made[begun..]);
            Ok(Turn { halves, blocks, made, chunk: chunk.unwrap_or_default() })
        };
        let Turn { halves, blocks, made, chunk } = self.cores.work(work).await??;
        (self.halves, self.made) = (Some(halves), made);
        for block in blocks {
            let cores = self.cores.clone();
            let place = cores.place_of_a_block();
            let packing = async move { cores.work(move || block.pack()).await };
            let packing = AbortOnDropHandle::new(tokio::spawn(packing));
            self.blocks.push_back(UnderWay { packing, _place: place });
        }
        Ok(chunk)
    }
}

fn transmitted(hashes: Option<&mut Hashes>, octets: &[u8]) {
    if let Some(hashes) = hashes {
        hashes.transmitted(octets);
    }
}

fn plan(packaging: Packaging, sealing: Sealing) -> Result<Plan, PackagingError> {
    let compressed = packaging.is_compressed();
    let Packaging::Secured { suite, .. } = packaging else {
        return Ok(Plan { compressed, ..Plan::default() });
    };
    let suite = cms_suite(suite).map_err(PackagingError::Suite)?;
    let encryption = match sealing.recipient {
        Some(recipient) => {
            let octets = ambient::secret().ok_or(PackagingError::Random)?;
            Some(Encryption::new(suite, recipient, ContentKey::from_random(octets)))
        }
        None => None,
    };
    let signing = sealing.signer.map(|signer| Signing::new(suite, signer));
    Ok(Plan { signing, compressed, encryption })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "what fails here is a test")]
mod tests {
    use domain::security::ReceiptHash;

    use super::*;
    use crate::cores::blocks_held;

    #[tokio::test]
    async fn all_files_together_hold_so_many_blocks_and_each_may_have_one_chunk_more() {
        let (cores, files) = (Cores::new(1), 12);
        let packaging = "00 00 1 1 N".parse().unwrap();
        let receipt_hash = ReceiptHash::Strict;
        let sealing = || Sealing { signer: None, recipient: None, receipt_hash };
        let packing = |_| Packing::new(cores.clone(), packaging, sealing()).unwrap().unwrap();
        let mut all: Vec<_> = (0..files).map(packing).collect();
        let chunk: Vec<u8> = (0..=255).cycle().take(256 * 1024).collect();
        for _ in 0..10 {
            for number in 0..files {
                all[number].push(chunk.clone()).await.unwrap();
                let held: usize = all.iter().map(|packing| packing.blocks.len()).sum();
                assert!(held <= blocks_held(1) + 2 * files, "{held}");
            }
        }
        for packing in &mut all {
            packing.finish().await.unwrap();
            assert!(!packing.made().is_empty());
        }
        drop(all);
        let free: Vec<_> = (0..9).map_while(|_| cores.place_of_a_block()).collect();
        assert_eq!(free.len(), blocks_held(1), "each place is given back");
    }
}
