//! Names as text.

use crate::fingerprint::hexadecimal;
use crate::reader::{BMP_STRING, OBJECT_IDENTIFIER, Reader, SEQUENCE, SET};

/// The longest name that is kept for logs, in characters.
const LONGEST: usize = 256;

/// A name as RFC 4514 writes it, most specific part first, and every common name in it.
pub(crate) fn name(parts: &[u8], empty: &str) -> Option<(String, Vec<String>)> {
    let mut parts = Reader(parts);
    let mut written = Vec::new();
    let mut common_names = Vec::new();
    while !parts.0.is_empty() {
        let mut attributes = Reader(parts.expect(SET)?);
        while !attributes.0.is_empty() {
            let mut attribute = Reader(attributes.expect(SEQUENCE)?);
            let label = label(attribute.expect(OBJECT_IDENTIFIER)?);
            let value = text(attribute.next()?);
            written.push(format!("{label}={}", escaped(&value)));
            if label == "CN" {
                common_names.push(value);
            }
        }
    }
    written.reverse();
    if written.is_empty() {
        return Some((empty.to_owned(), common_names));
    }
    let name = written.join(",").chars().take(LONGEST).collect();
    Some((name, common_names))
}

fn label(identifier: &[u8]) -> String {
    let known = match identifier {
        [0x55, 0x04, 3] => "CN",
        [0x55, 0x04, 5] => "serialNumber",
        [0x55, 0x04, 6] => "C",
        [0x55, 0x04, 7] => "L",
        [0x55, 0x04, 8] => "ST",
        [0x55, 0x04, 9] => "street",
        [0x55, 0x04, 10] => "O",
        [0x55, 0x04, 11] => "OU",
        [0x55, 0x04, 97] => "organizationIdentifier",
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x01] => "emailAddress",
        [0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 0x01, 0x19] => "DC",
        [0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 0x01, 0x01] => "UID",
        // Nobody can name it, so its octets are as good as dotted numbers.
        _ => return hexadecimal(identifier),
    };
    known.to_owned()
}

fn text((tag, value): (u8, &[u8])) -> String {
    if tag == BMP_STRING {
        let units: Vec<u16> =
            value.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect();
        return String::from_utf16_lossy(&units);
    }
    String::from_utf8_lossy(value).into_owned()
}

/// A value can neither end the subject early nor write a line of its own into a log.
fn escaped(value: &str) -> String {
    let mut written = String::with_capacity(value.len());
    for character in value.chars() {
        match character {
            ',' | '+' | '"' | '\\' | '<' | '>' | ';' => {
                written.push('\\');
                written.push(character);
            }
            _ if character.is_control() => written.extend(character.escape_default()),
            _ => written.push(character),
        }
    }
    written
}
