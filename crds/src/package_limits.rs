//! What a partner's package may ask of us (RFC 5024 section 6).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The most that a partner's file may have as it is unwrapped. No honest package meets a default; a
/// partner's that does is refused with E-CMS-LIMIT or E-CMS-STRUCTURE, and then the limit may be raised.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct PackageLimits {
    /// Elements within elements, in one layer. CMS itself has 12 of them, and each level of constructed
    /// octet strings one more; what nests without end is made to break whoever reads it.
    #[schemars(range(min = 12, max = 64))]
    pub depth: i32,
    /// The largest field that is held in memory as a whole, in KiB: the lists of recipients, signers,
    /// certificates and revocation lists. A partner that sends large revocation lists along needs more,
    /// and each file that is unwrapped may take as much.
    #[schemars(range(min = 16, max = 16_384))]
    pub field_kibibytes: i32,
    /// Signers: each costs a verification. A partner that changes its key signs by two.
    #[schemars(range(min = 1, max = 64))]
    pub signers: i32,
    /// Recipients: a partner that encrypts one package for many companies names all of them.
    #[schemars(range(min = 1, max = 4096))]
    pub recipients: i32,
    /// How many octets one compressed octet may become, in files of more than `ratioFromMebibytes`: what
    /// is both huge and nearly nothing is a bomb. Deflate makes 1032 at most.
    #[schemars(range(min = 10, max = 1032))]
    pub ratio: i32,
    /// The size up to which the ratio does not matter, in MiB: small files of nothing but zeros are
    /// honest.
    #[schemars(range(min = 1, max = 1_048_576))]
    pub ratio_from_mebibytes: i32,
    /// The largest original, in GiB. Whatever it is, a file may be no more than 1 GiB larger than what
    /// its sender announced (SFIDOSIZ), so that it cannot fill everybody's disk.
    #[schemars(range(min = 1, max = 16_384))]
    pub content_gibibytes: i32,
}

impl Default for PackageLimits {
    fn default() -> Self {
        Self {
            depth: 24,
            field_kibibytes: 1024,
            signers: 8,
            recipients: 64,
            ratio: 250,
            ratio_from_mebibytes: 1024,
            content_gibibytes: 16_384,
        }
    }
}
