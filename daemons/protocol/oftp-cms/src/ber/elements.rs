//! Elements side by side, in DER.

use der::asn1::AnyRef;
use der::{Decode, Reader, SliceReader};

/// The elements in an element.
pub(crate) fn elements(element: &[u8]) -> Option<Vec<&[u8]>> {
    elements_in(AnyRef::from_der(element).ok()?.value())
}

/// The elements that octets are.
pub(crate) fn elements_in(octets: &[u8]) -> Option<Vec<&[u8]>> {
    let mut reader = SliceReader::new(octets).ok()?;
    let mut elements = Vec::new();
    while !reader.is_finished() {
        elements.push(reader.tlv_bytes().ok()?);
    }
    Some(elements)
}
