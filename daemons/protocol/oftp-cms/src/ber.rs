//! BER (X.690) as far as CMS needs it: identifiers, whole elements written, and a reader that is
//! pushed.

mod capture;
mod elements;
mod walker;

pub(crate) use capture::Capture;
pub(crate) use elements::{elements, elements_in};
pub(crate) use walker::{Event, Walker};

/// Identifier octets. High tag numbers do not occur in CMS.
pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const NULL: u8 = 0x05;
pub(crate) const OBJECT_IDENTIFIER: u8 = 0x06;
pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const SET: u8 = 0x31;
/// The bit of an identifier that says that elements follow, not octets.
pub(crate) const CONSTRUCTED: u8 = 0x20;
/// `[0]`, primitive: an implicit octet string.
pub(crate) const CONTEXT_0: u8 = 0x80;
/// `[1]`, primitive.
pub(crate) const CONTEXT_1: u8 = 0x81;
/// The length of what ends by two octets of zero.
pub(crate) const INDEFINITE: u8 = 0x80;
/// These two.
pub(crate) const END: [u8; 2] = [0, 0];

/// An element of a definite length, in DER, from parts that are written already.
pub(crate) fn element(identifier: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let mut element = Vec::with_capacity(content.len() + 6);
    header(identifier, content.len(), &mut element);
    element.extend(content);
    element
}

/// Identifier and definite length, in the fewest octets.
pub(crate) fn header(identifier: u8, length: usize, out: &mut Vec<u8>) {
    out.push(identifier);
    let octets = length.to_be_bytes();
    let first = octets.iter().position(|&octet| octet != 0).unwrap_or(octets.len() - 1);
    let octets = &octets[first..];
    if let [short @ 0..=0x7f] = octets {
        out.push(*short);
    } else {
        // At most eight octets.
        #[allow(clippy::cast_possible_truncation)]
        out.push(0x80 | octets.len() as u8);
        out.extend_from_slice(octets);
    }
}
