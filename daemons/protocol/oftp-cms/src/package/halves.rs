//! The two halves of a packager, and between them what may be done on many cores at once.

use std::collections::VecDeque;

use super::compressed::{self, CompressedWriter};
use super::encrypted::EncryptedWriter;
use super::open::OpenWriter;
use super::signed::SignedWriter;
use super::{Layer, Plan};
use crate::PackageError;

/// Octets that are compressed by themselves: the more, the better they are compressed, and the more
/// is held.
const BLOCK: usize = 128 * 1024;

/// The inner half: signs content, and cuts what comes of it into blocks.
pub struct Inner {
    signed: Option<SignedWriter>,
    compressed: bool,
    /// Of the block before, as far back as compression looks; then what is no whole block yet.
    octets: Vec<u8>,
    /// How many of these are of the block before.
    before: usize,
}

/// A piece of what is signed. They may be packed anywhere and in any order.
pub struct Block {
    octets: Vec<u8>,
    before: usize,
    compressed: bool,
    is_last: bool,
}

/// A block that was compressed if it is to be.
pub struct Packed {
    octets: Vec<u8>,
    /// Of the content.
    checksum: u32,
    content: usize,
}

/// The outer half: takes blocks in their order, frames and encrypts them.
pub struct Outer {
    compressed: Option<CompressedWriter>,
    around: Option<Box<dyn Layer>>,
    /// Framed and not encrypted yet.
    framed: Vec<u8>,
}

/// Begins both halves.
pub(super) fn halves(plan: Plan) -> Result<(Inner, Outer), PackageError> {
    let Plan { signing, compressed, encryption } = plan;
    let around: Option<Box<dyn Layer>> = match encryption {
        Some(encryption) => Some(Box::new(EncryptedWriter::new(&encryption)?)),
        None if signing.is_none() && !compressed => Some(Box::new(OpenWriter::new())),
        None => None,
    };
    let signed = signing.map(SignedWriter::new);
    let inner = Inner { signed, compressed, octets: Vec::new(), before: 0 };
    let compressed = compressed.then(CompressedWriter::new);
    Ok((inner, Outer { compressed, around, framed: Vec::new() }))
}

impl Inner {
    /// Takes content, and gives what blocks are whole by now. Pieces of 64 KiB to 1 MiB go fastest.
    pub fn push(
        &mut self,
        content: &[u8],
        blocks: &mut VecDeque<Block>,
    ) -> Result<(), PackageError> {
        match &mut self.signed {
            Some(signed) => signed.push(content, &mut self.octets)?,
            None => self.octets.extend_from_slice(content),
        }
        self.cut(blocks);
        Ok(())
    }

    /// The content has ended: gives the rest, which is at least one block.
    pub fn finish(mut self, blocks: &mut VecDeque<Block>) -> Result<(), PackageError> {
        if let Some(signed) = &mut self.signed {
            signed.finish(&mut self.octets)?;
        }
        self.cut(blocks);
        let Self { octets, before, compressed, .. } = self;
        blocks.push_back(Block { octets, before, compressed, is_last: true });
        Ok(())
    }

    /// What is not compressed needs no blocks of one length: it goes on as it came. Else each octet is
    /// copied into its block once, however large the pieces are that come.
    fn cut(&mut self, blocks: &mut VecDeque<Block>) {
        let compressed = self.compressed;
        if !compressed {
            let octets = std::mem::take(&mut self.octets);
            blocks.push_back(Block { octets, before: 0, compressed, is_last: false });
            return;
        }
        let mut begin = 0;
        while self.octets.len() - begin >= self.before + BLOCK {
            let end = begin + self.before + BLOCK;
            let octets = self.octets[begin..end].to_vec();
            blocks.push_back(Block { octets, before: self.before, compressed, is_last: false });
            begin = end - compressed::WINDOW;
            self.before = compressed::WINDOW;
        }
        self.octets.drain(..begin);
    }
}

impl Block {
    /// Whether it is to be compressed: nothing else takes time.
    pub fn is_to_be_compressed(&self) -> bool {
        self.compressed
    }

    /// Compresses it if it is to be: what takes the most time of all.
    pub fn pack(self) -> Result<Packed, PackageError> {
        let Self { octets, before, compressed, is_last } = self;
        let content = octets.len() - before;
        if !compressed {
            return Ok(Packed { octets, checksum: 0, content });
        }
        let checksum = compressed::checksum(&octets[before..]);
        let octets = compressed::deflate(&octets, before, is_last)?;
        Ok(Packed { octets, checksum, content })
    }
}

impl Outer {
    /// Takes the next block, and appends to `out` what comes of it so far.
    pub fn push(&mut self, packed: &Packed, out: &mut Vec<u8>) -> Result<(), PackageError> {
        match &mut self.compressed {
            Some(compressed) => {
                compressed.push(&packed.octets, &mut self.framed);
                compressed.count(packed.checksum, packed.content);
                self.around(out)
            }
            None => around(self.around.as_mut(), &packed.octets, out),
        }
    }

    /// The last block was taken: appends the rest of the package.
    pub fn finish(mut self, out: &mut Vec<u8>) -> Result<(), PackageError> {
        if let Some(compressed) = &mut self.compressed {
            compressed.finish(&mut self.framed);
            self.around(out)?;
        }
        match &mut self.around {
            Some(around) => around.finish(out),
            None => Ok(()),
        }
    }

    fn around(&mut self, out: &mut Vec<u8>) -> Result<(), PackageError> {
        around(self.around.as_mut(), &self.framed, out)?;
        self.framed.clear();
        Ok(())
    }
}

fn around(
    layer: Option<&mut Box<dyn Layer>>,
    octets: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), PackageError> {
    let Some(layer) = layer else {
        out.extend_from_slice(octets);
        return Ok(());
    };
    layer.push(octets, out)
}
