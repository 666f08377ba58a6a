//! A partner's file, made into its original.

use aws_lc_rs::digest;
use domain::{FileHash, Packaging, PartName, Suite, Wrapping};
use oftp::field::{Blocks, Format};
use oftp::record::{Checker, RecordError};
use oftp_cms::{Expected, Layers, Limits, Unpackager};
use spool::{Part, Parts, Reader, Spool, SpoolError};

use crate::keys::{Signers, cms_suite};
use crate::outgoing::update;
use crate::{Cores, Opening, UnwrapError};

/// What was transmitted.
#[derive(Clone, Debug)]
pub struct Wrapped {
    /// Its part in the spool.
    pub part: PartName,
    /// What its SFID said of it.
    pub packaging: Packaging,
    /// What its SFID said of the original: its format.
    pub format: Format,
    /// Its size, which is only an estimate.
    pub original_size: Blocks,
}

/// So much more than was announced is content let be: SFIDOSIZ is "only a good estimate" (RFC 5024
/// section 5.3.3), and some products say little of small files.
const BEYOND_ANNOUNCED: u64 = 1 << 30;

/// The most octets of content, so that a small package that becomes a huge file does not fill the
/// disk of everybody, over and over.
fn most_content(original_size: Blocks, limits: &Limits) -> u64 {
    let announced = match original_size.get() {
        // Not known to the sender.
        0 => u64::MAX,
        blocks => blocks.saturating_mul(1024).saturating_add(BEYOND_ANNOUNCED),
    };
    announced.min(limits.content)
}

/// What it turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// Of what was transmitted, where the receipt is to be signed.
    pub hash: Option<FileHash>,
    /// Octets of the original, which lies in the new part; `None`: it was no package.
    pub original: Option<u64>,
    /// Who signed it: the certificate's subject.
    pub signer: Option<String>,
}

/// The hash of what was transmitted, for the receipt of a file that cannot be unwrapped.
pub async fn hash(
    spool: &Spool,
    cores: &Cores,
    part: &PartName,
    suite: Suite,
) -> Result<Option<FileHash>, UnwrapError> {
    let packaging = Packaging::Open { wrapping: Wrapping::None, signed_receipt: Some(suite) };
    let work = Work::new(packaging, None)?;
    Ok(read_through(cores, &mut spool.open_part(part).await?, work).await?.hash())
}

/// Unwraps a received file into a new part, as its SFID said. The original is there, and verified,
/// when this returns; after an error nothing is left of it.
pub async fn unwrap(
    spool: &Spool,
    cores: &Cores,
    wrapped: &Wrapped,
    into: &PartName,
    mut opening: Opening,
) -> Result<Opened, UnwrapError> {
    let mut reader = spool.open_part(&wrapped.part).await?;
    if !wrapped.packaging.is_packaged() {
        let work = read_through(cores, &mut reader, Work::new(wrapped.packaging, None)?).await?;
        return Ok(Opened { hash: work.hash(), original: None, signer: None });
    }
    let limits = &mut opening.known.limits;
    limits.content = most_content(wrapped.original_size, limits);
    let work = Work::new(wrapped.packaging, Some((wrapped.format, opening)))?;
    let unwrapped = unwrap_into(spool, cores, &mut reader, into, work).await;
    if unwrapped.is_err() {
        // What stays after all is nobody's, and is swept.
        let _ = spool.remove_part(into).await;
    }
    unwrapped
}

async fn unwrap_into(
    spool: &Spool,
    cores: &Cores,
    reader: &mut impl Reader,
    into: &PartName,
    work: Work,
) -> Result<Opened, UnwrapError> {
    let mut original = spool.create_part(into).await?;
    let opened = read_into(cores, reader, &mut original, work).await?;
    Ok(Opened { original: Some(original.finish().await?), ..opened })
}

async fn read_through(
    cores: &Cores,
    reader: &mut impl Reader,
    mut work: Work,
) -> Result<Work, UnwrapError> {
    let mut chunk = Vec::new();
    loop {
        chunk = reader.next(chunk).await?;
        if chunk.is_empty() {
            return Ok(work);
        }
        (work, chunk) = cores
            .work(move || {
                update(work.hash.as_mut(), &chunk);
                (work, chunk)
            })
            .await?;
    }
}

async fn read_into(
    cores: &Cores,
    reader: &mut impl Reader,
    original: &mut impl Part,
    mut work: Work,
) -> Result<Opened, UnwrapError> {
    let mut chunk = Vec::new();
    loop {
        chunk = reader.next(chunk).await?;
        if chunk.is_empty() {
            break;
        }
        let mut taken = 0;
        while taken < chunk.len() {
            (work, chunk, taken) = cores.work(move || work.push(chunk, taken)).await??;
            append(original, &mut work.content).await?;
        }
    }
    let (opened, mut rest) = cores.work(move || work.finish()).await??;
    append(original, &mut rest).await?;
    Ok(opened)
}

async fn append(original: &mut impl Part, chunk: &mut Vec<u8>) -> Result<(), UnwrapError> {
    let grown = original.octets().saturating_add(chunk.len() as u64);
    original.append(chunk).await.map_err(|error| match error {
        full @ SpoolError::Full { .. } => UnwrapError::NoRoom { grown, full },
        error => error.into(),
    })
}

/// Reads one file through.
struct Work {
    /// `None` if it is no package, and only hashed.
    inside: Option<Inside>,
    hash: Option<digest::Context>,
    content: Vec<u8>,
}

/// What is inside of a package.
struct Inside {
    unpackager: Unpackager,
    signers: Signers,
    suite: Option<oftp_cms::Suite>,
    /// Of the original.
    records: Records,
}

/// Records of a format, until one is wrong: who has signed the file is looked at first, and then told
/// that its records are not what it said.
struct Records(Result<Checker, RecordError>);

impl Records {
    fn push(&mut self, content: &[u8]) {
        if let Ok(checker) = &mut self.0
            && let Err(error) = checker.push(content)
        {
            self.0 = Err(error);
        }
    }

    fn finish(self) -> Result<(), RecordError> {
        self.0?.finish()
    }
}

impl Work {
    fn new(packaging: Packaging, inside: Option<(Format, Opening)>) -> Result<Self, UnwrapError> {
        let suite = packaging.suite().map(cms_suite).transpose().map_err(UnwrapError::Suite)?;
        let hash = packaging.receipt_suite().and(suite).map(|suite| suite.digest().context());
        let (signed, encrypted) = packaging.is_signed_and_encrypted();
        let layers = Layers { signed, compressed: packaging.is_compressed(), encrypted };
        let inside = inside.map(|(format, Opening { known, signers })| Inside {
            unpackager: Unpackager::new(known, Expected::Announced(layers)),
            signers,
            suite,
            records: Records(Ok(Checker::new(format))),
        });
        Ok(Self { inside, hash, content: Vec::new() })
    }

    /// Takes octets of a chunk from a place on; returns how far it got.
    fn push(mut self, chunk: Vec<u8>, from: usize) -> Result<(Self, Vec<u8>, usize), UnwrapError> {
        let mut rest = chunk.get(from..).unwrap_or_default();
        let before = rest;
        if let Some(inside) = &mut self.inside {
            inside.unpackager.push(&mut rest, &mut self.content)?;
            inside.records.push(&self.content);
        }
        let taken = before.len() - rest.len();
        update(self.hash.as_mut(), before.get(..taken).unwrap_or_default());
        Ok((self, chunk, from + taken))
    }

    /// What it was, and the rest of its content.
    fn finish(mut self) -> Result<(Opened, Vec<u8>), UnwrapError> {
        let mut content = std::mem::take(&mut self.content);
        let signer = match self.inside.take() {
            Some(inside) => inside.finish(&mut content)?,
            None => None,
        };
        Ok((Opened { hash: self.hash(), original: None, signer }, content))
    }

    fn hash(self) -> Option<FileHash> {
        self.hash.and_then(|hash| hash.finish().as_ref().to_vec().try_into().ok())
    }
}

impl Inside {
    /// Whether it is all that was announced; who signed it.
    fn finish(mut self, content: &mut Vec<u8>) -> Result<Option<String>, UnwrapError> {
        let seen = content.len();
        let found = self.unpackager.finish(content)?;
        self.records.push(content.get(seen..).unwrap_or_default());
        if let Some(suite) = self.suite {
            found.check_suite(suite).map_err(oftp_cms::CmsError::from)?;
        }
        let signer = self.signers.of_package(&found, self.suite)?;
        self.records.finish()?;
        Ok(signer.map(|signer| signer.subject().to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_is_let_be_what_was_announced_and_some_more_or_whatever_comes_if_nothing_was() {
        let gib = 1 << 30;
        for (blocks, most, octets) in [
            (0, 1 << 44, 1 << 44),
            (1, 1 << 44, gib + 1024),
            (1 << 20, 1 << 44, 2 * gib),
            (0, 3 * gib, 3 * gib),
            (1 << 22, 3 * gib, 3 * gib),
        ] {
            let limits = Limits { content: most, ..Limits::default() };
            assert_eq!(most_content(Blocks::saturating(blocks), &limits), octets, "{blocks}");
        }
    }
}
