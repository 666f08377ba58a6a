//! By what people compare certificates.

use std::fmt::Write as _;

use aws_lc_rs::digest::{SHA256, digest};

/// SHA-256 over a DER certificate, as 64 lower-case hexadecimal digits.
pub fn fingerprint(certificate: &[u8]) -> String {
    hexadecimal(digest(&SHA256, certificate).as_ref())
}

/// Two lower-case digits for each octet.
pub(crate) fn hexadecimal(octets: &[u8]) -> String {
    let mut digits = String::with_capacity(octets.len() * 2);
    for octet in octets {
        let _ = write!(digits, "{octet:02x}"); // Writing to a String cannot fail.
    }
    digits
}
