//! A constructed octet string of no known length.

use crate::ber::{OCTET_STRING, header};

/// Octets of a piece: the larger, the fewer headers; each layer holds one.
const PIECE: usize = 32 * 1024;

/// Gathers content into pieces of the same size.
pub(super) struct Chunks {
    /// What stands before the first piece, until it is written.
    head: Vec<u8>,
    piece: Vec<u8>,
}

impl Chunks {
    /// Begins after the octets that lead to the string.
    pub(super) fn new(head: Vec<u8>) -> Self {
        Self { head, piece: Vec::new() }
    }

    pub(super) fn push(&mut self, mut content: &[u8], out: &mut Vec<u8>) {
        out.append(&mut self.head);
        while self.piece.len() + content.len() >= PIECE {
            let (now, later) = content.split_at(PIECE - self.piece.len());
            header(OCTET_STRING, PIECE, out);
            out.append(&mut self.piece);
            out.extend_from_slice(now);
            content = later;
        }
        self.piece.extend_from_slice(content);
    }

    /// The last piece.
    pub(super) fn finish(&mut self, out: &mut Vec<u8>) {
        out.append(&mut self.head);
        if !self.piece.is_empty() {
            header(OCTET_STRING, self.piece.len(), out);
            out.append(&mut self.piece);
        }
    }
}
