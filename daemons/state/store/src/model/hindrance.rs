//! What keeps something from getting on that is ours to do.

/// Why it waits; it is tried again without anybody's doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hindrance {
    /// The stable code.
    pub code: String,
    /// A sentence.
    pub text: String,
}
