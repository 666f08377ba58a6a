//! Why a certificate is not accepted, in a sentence each.

use jiff::Timestamp;

use crate::revocation::{Revoked, StatusUnknown};
use crate::usage::Misuse;

/// Why a certificate is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CertificateRefusal {
    /// It is no X.509 version 3 certificate.
    #[error(
        "the certificate presented is not a readable X.509 version 3 certificate; ask the partner \
         for a new one"
    )]
    Unreadable,
    /// No partner has it, and no partner's authority issued it.
    #[error(
        "the certificate presented ({certificate}) is none of the partners' that are expected \
         here; if it is a partner's, put it or its authority into that partner's certificates"
    )]
    Unknown {
        /// Subject and fingerprint.
        certificate: String,
    },
    /// It belongs to a partner, and its key is too short.
    #[error(
        "the certificate of partner {partner} ({certificate}) has an RSA key below 2048 bits, which is \
         not taken; ask {partner} for a certificate with 2048 bits or more, or with ECDSA"
    )]
    ShortKey {
        /// Subject and fingerprint.
        certificate: String,
        /// Whose it is.
        partner: String,
    },
    /// It belongs to a partner, and its time is over.
    #[error(
        "the certificate of partner {partner} ({certificate}) expired at {expired}; ask {partner} \
         for its new certificate and put that into the partner's certificates"
    )]
    Expired {
        /// Subject and fingerprint.
        certificate: String,
        /// Whose it is.
        partner: String,
        /// The end of its validity.
        expired: Timestamp,
    },
    /// It belongs to a partner, and its time has not come.
    #[error(
        "the certificate of partner {partner} ({certificate}) is not valid before {valid_from}; \
         check this machine's clock, or ask {partner} to use its present certificate until then"
    )]
    NotYetValid {
        /// Subject and fingerprint.
        certificate: String,
        /// Whose it is.
        partner: String,
        /// The start of its validity.
        valid_from: Timestamp,
    },
    /// It belongs to a partner, and the configuration does not let it count yet.
    #[error(
        "the certificate of partner {partner} ({certificate}) counts only from {active_from} on; \
         if {partner} has changed over already, set an earlier activeFrom in its certificates"
    )]
    NotYetActive {
        /// Subject and fingerprint.
        certificate: String,
        /// Whose it is.
        partner: String,
        /// The time given in the configuration.
        active_from: Timestamp,
    },
    /// A partner's authority issued it, and the authority's own certificate is out of its time.
    #[error(
        "the certificate of partner {partner} ({certificate}) was issued by an authority ({authority}) \
         whose own certificate in the configuration is valid only from {valid_from} until {expired}; put the authority's new certificate into the partner's certificates"
    )]
    AuthorityExpired {
        /// Subject and fingerprint.
        certificate: String,
        /// Whose it is.
        partner: String,
        /// The authority's subject and fingerprint.
        authority: String,
        /// The start of the authority's validity.
        valid_from: Timestamp,
        /// The end of the authority's validity.
        expired: Timestamp,
    },
    /// An authority between it and a partner's is out of its time.
    #[error(
        "the certificate of partner {partner} ({certificate}) came with the certificate of an \
         authority between ({intermediate}) that is valid only from {valid_from} until {expired}; ask \
         {partner} to send the present one with its own"
    )]
    IntermediateExpired {
        /// Subject and fingerprint.
        certificate: String,
        /// Whose it is.
        partner: String,
        /// The subject of the authority between.
        intermediate: String,
        /// The start of its validity.
        valid_from: Timestamp,
        /// The end of its validity.
        expired: Timestamp,
    },
    /// A partner's authority issued it, for another name.
    #[error(
        "the certificate presented ({certificate}) comes from an authority of partner {partner}, \
         but it is made out for {presented} and not for {expected}; correct the host in the \
         partner's transports, or pin this certificate if it is {partner}'s"
    )]
    Name {
        /// Subject and fingerprint.
        certificate: String,
        /// Whose authority issued it.
        partner: String,
        /// The names of which it should carry one.
        expected: String,
        /// The names that it carries.
        presented: String,
    },
    /// A partner's authority issued it, for something else than TLS.
    #[error(
        "the certificate of partner {partner} ({certificate}) is not meant for TLS: its extended \
         key usage has neither serverAuth nor clientAuth; ask {partner} for a TLS certificate, or \
         pin this one"
    )]
    Purpose {
        /// Subject and fingerprint.
        certificate: String,
        /// Whose authority issued it.
        partner: String,
    },
    /// It says that it is for something else, and the partner is held to that.
    #[error(
        "the certificate of partner {partner} ({certificate}) {misuse}; ask {partner} for one that is, \
         or set its spec.security.certificateUsage: Tolerant"
    )]
    Usage {
        /// Subject and fingerprint.
        certificate: String,
        /// Whose it is.
        partner: String,
        /// What it is not for.
        misuse: Misuse,
    },
    /// A certificate between it and a partner's authority may not issue others.
    #[error(
        "the certificate presented ({certificate}) was issued by {intermediate}, which an authority of \
         partner {partner} does not let issue certificates (its key usage has no keyCertSign); ask \
         {partner} for a certificate by an authority, or pin this one if it is {partner}'s"
    )]
    Issuer {
        /// Subject and fingerprint.
        certificate: String,
        /// Whose authority stands behind it.
        partner: String,
        /// The subject of the certificate between.
        intermediate: String,
    },
    /// It belongs to a partner, and was revoked, or one of its issuers was.
    #[error(
        "the certificate of partner {partner} ({certificate}) {revoked}; ask {partner} for its new \
         certificate and put that into the partner's certificates"
    )]
    Revoked {
        /// Subject and fingerprint.
        certificate: String,
        /// Whose it is.
        partner: String,
        /// What was revoked when, and who says so.
        revoked: Box<Revoked>,
    },
    /// It belongs to a partner, and nobody knows whether it was revoked.
    #[error(
        "the certificate of partner {partner} ({certificate}) {why}; or let it count all the same by \
         spec.revocation.onUnknown: Accept"
    )]
    RevocationUnknown {
        /// Subject and fingerprint.
        certificate: String,
        /// Whose it is.
        partner: String,
        /// What is missing.
        why: StatusUnknown,
    },
    /// Its path to a partner's authority does not hold.
    #[error(
        "the certificate presented ({certificate}) names an authority of partner {partner} as its \
         issuer, but the path does not hold ({reason}); ask {partner} for its certificate and \
         pin that, or for its authority's present certificate"
    )]
    Path {
        /// Subject and fingerprint.
        certificate: String,
        /// Whose authority it names.
        partner: String,
        /// What webpki says.
        reason: String,
    },
}

impl CertificateRefusal {
    /// The stable code for the log, the metric and the journal.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unreadable | Self::Path { .. } => "E-TLS-CERTIFICATE-INVALID",
            Self::ShortKey { .. } => "E-TLS-CERTIFICATE-KEY",
            Self::Unknown { .. } => "E-TLS-CERTIFICATE-UNKNOWN",
            Self::Expired { .. }
            | Self::AuthorityExpired { .. }
            | Self::IntermediateExpired { .. } => "E-TLS-CERTIFICATE-EXPIRED",
            Self::NotYetValid { .. } => "E-TLS-CERTIFICATE-NOT-YET-VALID",
            Self::NotYetActive { .. } => "E-TLS-CERTIFICATE-NOT-YET-ACTIVE",
            Self::Name { .. } => "E-TLS-NAME",
            Self::Purpose { .. } | Self::Usage { .. } => "E-TLS-CERTIFICATE-PURPOSE",
            Self::Issuer { .. } => "E-TLS-CERTIFICATE-ISSUER",
            Self::Revoked { .. } => "E-TLS-CERTIFICATE-REVOKED",
            Self::RevocationUnknown { .. } => "E-TLS-REVOCATION-UNKNOWN",
        }
    }

    /// Of several partners' reasons the one is told that came closest to acceptance.
    pub(super) fn or_nearer(self, other: Self) -> Self {
        let nearness = |refusal: &Self| match refusal {
            Self::Unreadable => 0,
            Self::Unknown { .. } => 1,
            Self::Path { .. } | Self::Issuer { .. } => 2,
            Self::Purpose { .. } | Self::Usage { .. } => 3,
            Self::Name { .. } => 4,
            Self::AuthorityExpired { .. } | Self::IntermediateExpired { .. } => 5,
            Self::NotYetActive { .. } => 6,
            Self::NotYetValid { .. } => 7,
            Self::Expired { .. } => 8,
            Self::ShortKey { .. } => 9,
            Self::RevocationUnknown { .. } => 10,
            Self::Revoked { .. } => 11,
        };
        if nearness(&other) > nearness(&self) { other } else { self }
    }
}
