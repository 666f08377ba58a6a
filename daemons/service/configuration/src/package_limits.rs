//! What a partner's package may ask of us.

/// The most that a package may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PackageLimits {
    /// Elements within elements in one layer.
    pub depth: usize,
    /// Octets of one field that is held whole.
    pub field: usize,
    /// Signers of a layer.
    pub signers: usize,
    /// Recipients of a layer.
    pub recipients: usize,
    /// Octets of the content for one of the compressed, once there are more than `ratio_from`.
    pub ratio: u64,
    /// Octets of content up to which the ratio does not matter.
    pub ratio_from: u64,
    /// Octets of content.
    pub content: u64,
}
