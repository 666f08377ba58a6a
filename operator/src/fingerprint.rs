//! Short names for contents: the same contents, the same name.

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::Value;

/// 16 hexadecimal digits of the SHA-256 of the value's JSON, whose keys are sorted.
pub fn of(value: &Value) -> String {
    let digest = digest(&SHA256, value.to_string().as_bytes());
    digest.as_ref().iter().take(8).fold(String::new(), |text, octet| text + &format!("{octet:02x}"))
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
