//! What keeps an entry or a received file from getting on.

use serde::Serialize;
use store::Hindrance;

/// As it is shown.
#[derive(Debug, Serialize)]
pub struct HindranceView {
    /// The stable code.
    pub code: String,
    /// A sentence.
    pub text: String,
}

impl From<Hindrance> for HindranceView {
    fn from(Hindrance { code, text }: Hindrance) -> Self {
        Self { code, text }
    }
}
