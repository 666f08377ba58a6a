//! What a certificate is used for, and whether it says that it is for that.

use std::fmt;

use crate::extensions::{ExtendedUsage, Extensions, KeyUsage};

/// What somebody's certificate is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Purpose {
    /// Its owner is called by TLS.
    TlsServer,
    /// Its owner calls by TLS.
    TlsClient,
    /// Its owner signs files.
    Sign,
    /// Files are encrypted for its owner.
    Encrypt,
    /// Its owner signs receipts.
    SignReceipt,
    /// Challenges are encrypted for its owner, who proves by an answer who it is.
    Authenticate,
}

/// How far a certificate is held to what it says of its use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UsageRule {
    /// What an authority issued has to be for TLS if it is shown there, in whichever direction. What
    /// was chosen by hand is for whatever it was chosen for.
    #[default]
    Tolerant,
    /// Both usages have to name the very purpose, if they are there, also where the certificate was
    /// chosen by hand.
    Strict,
}

/// A certificate says that it is for something else, as it follows on "the certificate".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misuse {
    purpose: Purpose,
    extension: &'static str,
    needed: Vec<String>,
    found: Vec<String>,
}

impl Purpose {
    /// What its key has to be for; one of them is enough.
    fn key_usages(self) -> &'static [KeyUsage] {
        match self {
            // TLS as it is spoken here agrees on its keys afresh and signs the handshake.
            Self::TlsServer | Self::TlsClient => &[KeyUsage::DigitalSignature],
            Self::Sign | Self::SignReceipt => {
                &[KeyUsage::DigitalSignature, KeyUsage::ContentCommitment]
            }
            // Keys are encrypted by RSA (RFC 5024 section 10.2).
            Self::Encrypt | Self::Authenticate => &[KeyUsage::KeyEncipherment],
        }
    }

    /// What it has to be for; one of them is enough.
    fn extended_usages(self) -> &'static [ExtendedUsage] {
        match self {
            Self::TlsServer => &[ExtendedUsage::ServerAuth],
            Self::TlsClient => &[ExtendedUsage::ClientAuth],
            Self::Sign | Self::SignReceipt | Self::Encrypt => &[ExtendedUsage::EmailProtection],
            Self::Authenticate => &[ExtendedUsage::EmailProtection, ExtendedUsage::ClientAuth],
        }
    }
}

impl Extensions {
    /// Whether both usages name the purpose; one that is not there names all (RFC 5280 sections 4.2.1.3
    /// and 4.2.1.12).
    pub fn are_for(&self, purpose: Purpose) -> Result<(), Misuse> {
        let needed = purpose.key_usages();
        if let Some(found) = &self.key_usage
            && !found.iter().any(|usage| needed.contains(usage))
        {
            return Err(Misuse::new(purpose, "key usage", needed, found));
        }
        let needed = purpose.extended_usages();
        if let Some(found) = &self.extended_key_usage
            && !found.iter().any(|usage| *usage == ExtendedUsage::Any || needed.contains(usage))
        {
            return Err(Misuse::new(purpose, "extended key usage", needed, found));
        }
        Ok(())
    }
}

impl Misuse {
    fn new<T: fmt::Display>(
        purpose: Purpose,
        extension: &'static str,
        needed: &[T],
        found: &[T],
    ) -> Self {
        let text = |usages: &[T]| usages.iter().map(ToString::to_string).collect();
        Self { purpose, extension, needed: text(needed), found: text(found) }
    }

    /// What it is not for.
    pub fn purpose(&self) -> Purpose {
        self.purpose
    }
}

impl fmt::Display for Misuse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { purpose, extension, needed, found } = self;
        let found = if found.is_empty() { "nothing".to_owned() } else { found.join(", ") };
        let needed = needed.join(" or ");
        write!(f, "is not for {purpose}: its {extension} has {found}, and not {needed}")
    }
}

impl std::error::Error for Misuse {}

/// As it follows on "for".
impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TlsServer => "being called by TLS",
            Self::TlsClient => "calling by TLS",
            Self::Sign => "signing files",
            Self::Encrypt => "encrypting files",
            Self::SignReceipt => "signing receipts",
            Self::Authenticate => "authenticating sessions",
        })
    }
}
