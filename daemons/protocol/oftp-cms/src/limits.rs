//! What a partner's package may ask of us.

use std::fmt;

/// The most that a package may have. Every field has a reason, and a default that no honest
/// package meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Elements within elements in one layer. The standards' own structures need 12, and each level
    /// of constructed octet strings one more.
    pub depth: usize,
    /// Octets of one field that is held whole: the set of recipients, of signers, of certificates
    /// or of revocation lists.
    pub field: usize,
    /// Signers of a layer: each costs a verification with RSA. Roll-over needs two.
    pub signers: usize,
    /// Recipients of a layer: only those that are ours cost more than a comparison.
    pub recipients: usize,
    /// Octets of the content for one of the compressed, once there are more than `ratio_from`: what
    /// is both huge and nearly nothing is a bomb.
    pub ratio: u64,
    /// Octets of content below which its ratio is its own matter: small files of zeros are honest,
    /// and deflate makes them a thousandth.
    pub ratio_from: u64,
    /// Octets of the content, by what the disk has room for or SFIDOSIZ announced.
    pub content: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            depth: 24,
            field: 1 << 20,
            signers: 8,
            recipients: 64,
            ratio: 250,
            ratio_from: 1 << 30,
            content: 1 << 44,
        }
    }
}

/// A limit that was met, with its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// [`Limits::signers`].
    Signers(usize),
    /// [`Limits::recipients`].
    Recipients(usize),
    /// [`Limits::ratio`].
    Ratio(u64),
    /// [`Limits::content`].
    Content(u64),
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signers(most) => write!(f, "{most} signers"),
            Self::Recipients(most) => write!(f, "{most} recipients"),
            Self::Ratio(most) => write!(f, "{most} octets for each compressed one"),
            Self::Content(most) => write!(f, "{most} octets of content"),
        }
    }
}
