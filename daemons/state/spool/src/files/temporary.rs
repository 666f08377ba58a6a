//! Names of payloads that are not whole yet.

use domain::PayloadName;

/// Under which name a payload is while it is copied or written.
pub(super) fn temporary(name: &PayloadName) -> String {
    format!(".{name}.tmp")
}

/// The payload that was being copied or written under that name.
pub(super) fn of_temporary(name: &str) -> Option<PayloadName> {
    name.strip_prefix('.')?.strip_suffix(".tmp")?.parse().ok()
}
