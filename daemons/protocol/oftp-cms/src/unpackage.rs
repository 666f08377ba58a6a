//! Reads a package: decrypts, decompresses and verifies it in one pass, whatever its size.

mod compressed;
mod encrypted;
mod found;
mod grammar;
mod layer;
mod signed;
mod stage;

use std::sync::Arc;

pub use found::{Found, Layers, Signer};

use crate::{Certificate, CmsError, Identity, Limits};
use stage::{Run, Stage};

/// What a package is read with.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// Ours that may decrypt it.
    pub identities: Vec<Identity>,
    /// The partner's that may have signed it.
    pub certificates: Vec<Certificate>,
    /// What it may ask of us.
    pub limits: Limits,
}

/// Which layers a package is to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Exactly these, as SFID announced. What is inside of them is the content, even if it is a
    /// package itself.
    Announced(Layers),
    /// Whatever looks like one, in OFTP's order: for people who want to see.
    Anything,
}

/// Reads a package that is pushed, and gives its content as it comes: **before** it is verified.
/// Only [`Unpackager::finish`] says whether the content is what somebody signed.
pub struct Unpackager {
    stage: Stage,
    known: Arc<Known>,
    found: Found,
}

/// Octets that are read before the content is looked at again: even deflate makes no more than
/// 4 MiB of them.
const STEP: usize = 4096;
/// Octets of content after which `push` returns.
const ENOUGH: usize = 256 * 1024;

impl Unpackager {
    /// Begins to read a package.
    pub fn new(known: Known, expected: Expected) -> Self {
        Self::with(known, expected, None)
    }

    /// The same for a signature that may come without its content, which is this.
    pub(crate) fn detached(known: Known, content: Vec<u8>) -> Self {
        Self::with(known, Expected::Announced(Layers::SIGNED), Some(content))
    }

    fn with(known: Known, expected: Expected, content: Option<Vec<u8>>) -> Self {
        let mut stage = Stage::outermost(expected, known.limits.depth);
        if let (Stage::Layer(layer), Some(content)) = (&mut stage, content) {
            layer.detached(content);
        }
        Self { stage, known: Arc::new(known), found: Found::default() }
    }

    /// Takes octets of the package off `octets`, and appends content to `out`. Returns when all are
    /// taken, or once that was 256 KiB or more (at most 5 MiB): write it, clear `out`, and call
    /// again with what is left. After an error nothing more is to be pushed.
    pub fn push(&mut self, octets: &mut &[u8], out: &mut Vec<u8>) -> Result<(), CmsError> {
        let before = out.len();
        while !octets.is_empty() && out.len() - before < ENOUGH {
            let (step, rest) = octets.split_at(octets.len().min(STEP));
            *octets = rest;
            let run = &mut Run { known: &self.known, found: &mut self.found, out };
            self.stage.push(step, run)?;
        }
        Ok(())
    }

    /// What was found so far, for a package that cannot be read to its end.
    pub fn found(&self) -> &Found {
        &self.found
    }

    /// The package has ended: appends the rest of the content, and says what the package was.
    /// Whatever should have been verified has been.
    pub fn finish(mut self, out: &mut Vec<u8>) -> Result<Found, CmsError> {
        let run = &mut Run { known: &self.known, found: &mut self.found, out };
        self.stage.finish(run)?;
        Ok(self.found)
    }
}
