//! What a partner's settings ask of files, both ways: which packaging a file of ours gets, and
//! which of the partner's is taken. Two total functions; nothing is ever done with less security
//! than was asked for.

use std::collections::BTreeSet;

use oftp::{FileReason, Level};

use crate::packaging::{Packaging, Security, Suite, Wrapping};

/// Whether something has to be, may be, or must not be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Demand {
    /// Never without it.
    Required,
    /// With it or without.
    #[default]
    Allowed,
    /// Never with it.
    Forbidden,
}

/// Which hash of a file counts in a partner's signed receipt for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ReceiptHash {
    /// The suite's over what was transmitted, as RFC 5024 has it (section 5.3.13).
    #[default]
    Strict,
    /// Also what products are known to take in its place ([`crate::OtherHash`]).
    Tolerant,
}

/// Whether sessions with a partner are authenticated by certificates (RFC 5024 section 5.3.15, AUCH).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Authentication {
    /// Never.
    #[default]
    Forbidden,
    /// As the partner says.
    Prepared,
    /// Always.
    Required,
}

impl Authentication {
    /// What we answer to a caller that says `theirs` (SSIDAUTH).
    pub fn answer(self, theirs: bool) -> bool {
        match self {
            Self::Forbidden => false,
            Self::Prepared => theirs,
            Self::Required => true,
        }
    }

    /// What we say as we call: one after the other, as long as the partner says something else.
    pub fn openings(self) -> &'static [bool] {
        match self {
            Self::Forbidden => &[false],
            Self::Prepared => &[false, true],
            Self::Required => &[true],
        }
    }
}

/// What is asked of files that are exchanged with one partner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileSecurity {
    /// Of those that we send.
    pub outbound: OutboundPolicy,
    /// Of those that we take.
    pub inbound: InboundPolicy,
}

/// What is asked of files that we send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutboundPolicy {
    /// Signing.
    pub sign: Demand,
    /// Encryption.
    pub encrypt: Demand,
    /// Compression.
    pub compress: Demand,
    /// Receipts that are signed.
    pub signed_receipt: Demand,
    /// By which suite, unless another one is asked for.
    pub suite: Suite,
    /// What there is to do it with.
    pub means: OutboundMeans,
}

/// What there is to secure files with; a key counts also before it is active.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutboundMeans {
    /// A key of ours that signs files.
    pub signing_key: bool,
    /// A certificate of the partner's to encrypt for.
    pub encryption_certificate: bool,
    /// A certificate of the partner's to verify receipts by.
    pub receipt_certificate: bool,
    /// The highest level that is offered to the partner; from 2.0 on SFID says how a file is
    /// packaged.
    pub highest_level: Level,
}

/// What was asked for as a file was queued; `None`: nothing, the policy decides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// Signing.
    pub sign: Option<bool>,
    /// Encryption.
    pub encrypt: Option<bool>,
    /// Compression.
    pub compress: Option<bool>,
    /// A receipt that is signed.
    pub signed_receipt: Option<bool>,
    /// By which suite.
    pub suite: Option<Suite>,
}

/// Something that a policy is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Service {
    /// Signing.
    Sign,
    /// Encryption.
    Encrypt,
    /// Compression.
    Compress,
    /// A receipt that is signed.
    SignedReceipt,
}

impl Service {
    /// What a file is by it.
    fn participle(self) -> &'static str {
        match self {
            Self::Sign => "signed",
            Self::Encrypt => "encrypted",
            Self::Compress => "compressed",
            Self::SignedReceipt => "answered by a signed receipt",
        }
    }

    /// The partner's setting for files that we send.
    fn setting(self) -> &'static str {
        match self {
            Self::Sign => "spec.security.outbound.sign",
            Self::Encrypt => "spec.security.outbound.encrypt",
            Self::Compress => "spec.security.outbound.compress",
            Self::SignedReceipt => "spec.security.receipts.signed",
        }
    }
}

/// Why a file cannot be sent as it was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyRefused {
    /// The partner's files never go without it.
    #[error(
        "files for this partner have to be {}, and this one is not to be; ask for it, or set the \
         partner's {} to Allowed", .0.participle(), .0.setting()
    )]
    Required(Service),
    /// The partner's files never go with it.
    #[error(
        "files for this partner must not be {}, and this one is to be; do not ask for it, or set \
         the partner's {} to Allowed", .0.participle(), .0.setting()
    )]
    Forbidden(Service),
    /// A suite that the partner's settings have to name and do not, or one that there is not.
    #[error(
        "cipher suite {suite} is not used for this partner; ask for {own}, its own one, or 04, 06 \
         or 07, or name another of 01 to 10 in the partner's spec.security.outbound.cipherSuite"
    )]
    Suite {
        /// The suite that was asked for.
        suite: Suite,
        /// The partner's own one.
        own: Suite,
    },
    /// A suite was asked for, and nothing that needs one.
    #[error(
        "cipher suite {0} is asked for, and the file is to be neither signed nor encrypted nor \
         answered by a signed receipt; ask for one of them, or for no suite"
    )]
    SuiteOfNothing(Suite),
    /// It is to be signed.
    #[error(
        "the file is to be signed, and there is no key for that; add to the SeonInstance's \
         spec.certificates an entry with purpose [Sign]"
    )]
    NoSigningKey,
    /// It is to be encrypted.
    #[error(
        "the file is to be encrypted, and there is no certificate to encrypt for; add to the \
         partner's spec.certificates an entry with purpose [Encrypt]"
    )]
    NoEncryptionCertificate,
    /// Its receipt is to be signed.
    #[error(
        "the receipt is to be signed, and there is no certificate to verify it by; add to the \
         partner's spec.certificates an entry with purpose [VerifyReceipt]"
    )]
    NoReceiptCertificate,
    /// The partner is never spoken to by a level that can say it.
    #[error(
        "the file is to be secured or compressed, which came with OFTP 2.0, and no more than {0} \
         is offered to this partner; raise its spec.protocol.highestLevel to 2.0"
    )]
    Level(Level),
    /// The level that was agreed on in a session cannot say it.
    #[error(
        "the file is to be secured or compressed, which came with OFTP 2.0, and the partner speaks \
         {0} with us; agree on 2.0 with it, or queue the file plain"
    )]
    AgreedLevel(Level),
    /// An older version made it ready, which packages nothing.
    #[error(
        "the file is to be packaged, and has not been; let it be tried again by seon queue unblock"
    )]
    Unpackaged,
}

impl PolicyRefused {
    /// The stable code for log, journal and metric.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Required(_) => "E-POLICY-REQUIRED",
            Self::Forbidden(_) => "E-POLICY-FORBIDDEN",
            Self::Suite { .. } | Self::SuiteOfNothing(_) => "E-POLICY-SUITE",
            Self::NoSigningKey | Self::NoEncryptionCertificate | Self::NoReceiptCertificate => {
                "E-POLICY-CERTIFICATE"
            }
            Self::Level(_) | Self::AgreedLevel(_) => "E-POLICY-LEVEL",
            Self::Unpackaged => "E-POLICY-PACKAGE",
        }
    }
}

impl OutboundPolicy {
    /// How a file for the partner is packaged. What is Allowed is done only where it is asked for.
    pub fn packaging(&self, asked: Asked) -> Result<Packaging, PolicyRefused> {
        let Self { means, .. } = self;
        let sign = decide(Service::Sign, self.sign, asked.sign)?;
        let encrypt = decide(Service::Encrypt, self.encrypt, asked.encrypt)?;
        let compressed = decide(Service::Compress, self.compress, asked.compress)?;
        let signed_receipt =
            decide(Service::SignedReceipt, self.signed_receipt, asked.signed_receipt)?;
        let suite = self.suite(asked, sign || encrypt || signed_receipt)?;
        for (is_wanted, is_there, refused) in [
            (sign, means.signing_key, PolicyRefused::NoSigningKey),
            (encrypt, means.encryption_certificate, PolicyRefused::NoEncryptionCertificate),
            (signed_receipt, means.receipt_certificate, PolicyRefused::NoReceiptCertificate),
        ] {
            if is_wanted && !is_there {
                return Err(refused);
            }
        }
        let security = match (encrypt, sign) {
            (true, true) => Some(Security::EncryptedAndSigned),
            (true, false) => Some(Security::Encrypted),
            (false, true) => Some(Security::Signed),
            (false, false) => None,
        };
        let packaging = match security {
            Some(security) => Packaging::Secured { security, suite, compressed, signed_receipt },
            None => Packaging::Open {
                wrapping: if compressed { Wrapping::Compressed } else { Wrapping::None },
                signed_receipt: signed_receipt.then_some(suite),
            },
        };
        if packaging != Packaging::NONE && means.highest_level < Level::V2_0 {
            return Err(PolicyRefused::Level(means.highest_level));
        }
        Ok(packaging)
    }

    /// Whether a file that was queued before may still go as it is packaged: not without a
    /// signature or encryption that has become Required since. (Compression protects nobody.)
    pub fn still_admits(&self, packaging: Packaging) -> Result<(), PolicyRefused> {
        let (is_signed, is_encrypted) = packaging.is_signed_and_encrypted();
        for (demand, is_done, service) in
            [(self.sign, is_signed, Service::Sign), (self.encrypt, is_encrypted, Service::Encrypt)]
        {
            if demand == Demand::Required && !is_done {
                return Err(PolicyRefused::Required(service));
            }
        }
        Ok(())
    }

    /// One that is not usual only where the partner's setting names it.
    fn suite(&self, asked: Asked, is_needed: bool) -> Result<Suite, PolicyRefused> {
        let Some(suite) = asked.suite else { return Ok(self.suite) };
        if suite != self.suite && !suite.is_usual() {
            return Err(PolicyRefused::Suite { suite, own: self.suite });
        }
        if is_needed { Ok(suite) } else { Err(PolicyRefused::SuiteOfNothing(suite)) }
    }
}

fn decide(service: Service, demand: Demand, asked: Option<bool>) -> Result<bool, PolicyRefused> {
    match (demand, asked) {
        (Demand::Required, Some(false)) => Err(PolicyRefused::Required(service)),
        (Demand::Forbidden, Some(true)) => Err(PolicyRefused::Forbidden(service)),
        (Demand::Required, _) => Ok(true),
        (Demand::Forbidden, _) => Ok(false),
        (Demand::Allowed, asked) => Ok(asked.unwrap_or(false)),
    }
}

/// What is asked of files that a partner sends. What we have no key for is Forbidden.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InboundPolicy {
    /// Signatures.
    pub sign: Demand,
    /// Encryption.
    pub encrypt: Demand,
    /// Compression, in the CMS package.
    pub compress: Demand,
    /// The suites that are taken, of files and for receipts.
    pub suites: BTreeSet<Suite>,
    /// Whether we can sign receipts.
    pub signs_receipts: bool,
}

/// Why a file that is offered is not taken as it is packaged (RFC 5024 section 5.3.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PackagingRefused {
    /// Of the file or of the receipt that it asks for.
    #[error(
        "cipher suite {0} is not one that this partner's files may have; use another one, or name \
         it in the partner's spec.security.inbound.cipherSuites"
    )]
    Suite(Suite),
    /// Must not be encrypted.
    #[error(
        "the file is encrypted, which is not taken of this partner: spec.security.inbound.encrypt \
         is Forbidden, or the SeonInstance has no certificate with purpose Decrypt"
    )]
    Encrypted,
    /// Has to be encrypted.
    #[error(
        "the file is not encrypted, and spec.security.inbound.encrypt is Required for this \
         partner; encrypt it"
    )]
    Unencrypted,
    /// Must not be compressed.
    #[error(
        "the file is compressed, and spec.security.inbound.compress is Forbidden for this partner; \
         send it uncompressed"
    )]
    Compressed,
    /// Has to be compressed.
    #[error(
        "the file is not compressed, and spec.security.inbound.compress is Required for this \
         partner; compress it"
    )]
    Uncompressed,
    /// Must not be signed.
    #[error(
        "the file is signed, which is not taken of this partner: spec.security.inbound.sign is \
         Forbidden, or the partner has no certificate with purpose VerifySignature"
    )]
    Signed,
    /// Has to be signed.
    #[error(
        "the file is not signed, and spec.security.inbound.sign is Required for this partner; sign \
         it"
    )]
    Unsigned,
    /// Asks for a signed receipt that we cannot give.
    #[error(
        "a signed receipt is asked for, and the SeonInstance has no certificate with purpose \
         SignReceipt; add one, or ask for a plain receipt"
    )]
    SignedReceipt,
}

impl PackagingRefused {
    /// The stable code for log, journal and metric.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Suite(_) => "E-FILE-SUITE",
            Self::Encrypted => "E-FILE-ENCRYPTED",
            Self::Unencrypted => "E-FILE-UNENCRYPTED",
            Self::Compressed => "E-FILE-COMPRESSED",
            Self::Uncompressed => "E-FILE-UNCOMPRESSED",
            Self::Signed => "E-FILE-SIGNED",
            Self::Unsigned => "E-FILE-UNSIGNED",
            Self::SignedReceipt => "E-FILE-SIGNED-RECEIPT",
        }
    }

    /// What the partner is told by SFNA. The RFC has no reason for a file that is not compressed or
    /// asks for a signed receipt.
    pub fn reason(&self) -> FileReason {
        match self {
            Self::Suite(_) => FileReason::CipherSuiteNotSupported,
            Self::Encrypted => FileReason::EncryptedNotAllowed,
            Self::Unencrypted => FileReason::UnencryptedNotAllowed,
            Self::Compressed => FileReason::CompressionNotAllowed,
            Self::Signed => FileReason::SignedNotAllowed,
            Self::Unsigned => FileReason::UnsignedNotAllowed,
            Self::Uncompressed | Self::SignedReceipt => FileReason::Unspecified,
        }
    }
}

impl InboundPolicy {
    /// Whether a file may come that is packaged like this. Of several objections the first in the
    /// order of the RFC's reasons is told.
    pub fn admits(&self, packaging: Packaging) -> Result<(), PackagingRefused> {
        use PackagingRefused as Refused;
        let (is_signed, is_encrypted) = packaging.is_signed_and_encrypted();
        if let Some(suite) = packaging.suite()
            && !self.suites.contains(&suite)
        {
            return Err(Refused::Suite(suite));
        }
        fits(self.encrypt, is_encrypted, Refused::Encrypted, Refused::Unencrypted)?;
        fits(self.compress, packaging.is_compressed(), Refused::Compressed, Refused::Uncompressed)?;
        fits(self.sign, is_signed, Refused::Signed, Refused::Unsigned)?;
        if packaging.receipt_suite().is_some() && !self.signs_receipts {
            return Err(Refused::SignedReceipt);
        }
        Ok(())
    }
}

fn fits<E>(demand: Demand, is_done: bool, with: E, without: E) -> Result<(), E> {
    match (demand, is_done) {
        (Demand::Forbidden, true) => Err(with),
        (Demand::Required, false) => Err(without),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
