//! What octets are known by.

use aws_lc_rs::digest::{SHA256, digest as hash};

pub(crate) fn digest(octets: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = String::from("sha256:");
    for octet in hash(&SHA256, octets).as_ref() {
        // Writing to a String does not fail.
        let _ = write!(text, "{octet:02x}");
    }
    text
}
