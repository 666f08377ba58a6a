//! A package that is neither signed, compressed nor encrypted (RFC 5024 section 10.4).

use super::Layer;
use super::chunks::Chunks;
use crate::PackageError;
use crate::ber::{CONSTRUCTED, CONTEXT_0, END, INDEFINITE, OCTET_STRING, SEQUENCE};
use crate::oid;

pub(super) struct OpenWriter(Chunks);

impl OpenWriter {
    pub(super) fn new() -> Self {
        Self(Chunks::new(content_head()))
    }
}

impl Layer for OpenWriter {
    fn push(&mut self, content: &[u8], out: &mut Vec<u8>) -> Result<(), PackageError> {
        self.0.push(content, out);
        Ok(())
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), PackageError> {
        self.0.finish(out);
        out.extend_from_slice(&CONTENT_END.concat());
        Ok(())
    }
}

/// Content of the type id-data, up to its octets: as a whole package, and as what is encapsulated.
pub(super) fn content_head() -> Vec<u8> {
    let data = oid::identifier(oid::DATA);
    let string = [CONTEXT_0 | CONSTRUCTED, INDEFINITE, OCTET_STRING | CONSTRUCTED, INDEFINITE];
    [&[SEQUENCE, INDEFINITE], data.as_slice(), &string].concat()
}

/// The ends of the string, of `[0]` and of the sequence.
pub(super) const CONTENT_END: [[u8; 2]; 3] = [END; 3];

/// A whole package of a content type, up to the fields of that type.
pub(super) fn package_head(content_type: der::oid::ObjectIdentifier) -> Vec<u8> {
    let content_type = oid::identifier(content_type);
    let inside = [CONTEXT_0 | CONSTRUCTED, INDEFINITE, SEQUENCE, INDEFINITE];
    [&[SEQUENCE, INDEFINITE], content_type.as_slice(), &inside].concat()
}

/// The ends of the fields, of `[0]` and of the package.
pub(super) const PACKAGE_END: [[u8; 2]; 3] = [END; 3];
