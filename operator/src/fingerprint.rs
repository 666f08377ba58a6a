//! Short names for contents: the same contents, the same name.

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::Value;

/// 16 hexadecimal digits of the SHA-256 of the value's JSON, whose keys are sorted.
pub fn of(value: &Value) -> String {
    hexadecimal(&digest(&SHA256, value.to_string().as_bytes()).as_ref()[..8])
}

/// The SHA-256 of a text, as sha256sum writes it. Of what may hold a secret it is one too.
pub fn sha256(text: &str) -> String {
    hexadecimal(digest(&SHA256, text.as_bytes()).as_ref())
}

fn hexadecimal(octets: &[u8]) -> String {
    octets.iter().fold(String::new(), |text, octet| text + &format!("{octet:02x}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_same_contents_have_the_same_name_whatever_the_order() {
        assert_eq!(of(&json!({"a": 1, "b": 2})), of(&json!({"b": 2, "a": 1})));
        assert_ne!(of(&json!({"a": 1})), of(&json!({"a": 2})));
        assert_eq!(of(&json!(null)).len(), 16);
    }
}
