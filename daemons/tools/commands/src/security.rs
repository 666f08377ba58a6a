//! How a file is secured, as it is shown.

use domain::Packaging;
use serde::Serialize;

/// How a file is secured.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a thing that is done or not")]
pub struct SecurityView {
    /// Signed.
    pub signed: bool,
    /// Encrypted.
    pub encrypted: bool,
    /// Compressed.
    pub compressed: bool,
    /// Answered by a signed receipt.
    pub signed_receipt: bool,
    /// By which cipher suite.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suite: Option<String>,
}

impl SecurityView {
    /// Nothing for a file that goes as it is.
    pub(crate) fn of(packaging: Packaging) -> Option<Self> {
        let (signed, encrypted) = packaging.is_signed_and_encrypted();
        (packaging != Packaging::NONE).then(|| Self {
            signed,
            encrypted,
            compressed: packaging.is_compressed(),
            signed_receipt: packaging.receipt_suite().is_some(),
            suite: packaging.suite().map(|suite| suite.to_string()),
        })
    }
}
