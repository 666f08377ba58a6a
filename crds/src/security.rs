//! How files are secured, both ways (RFC 5024 sections 6 and 10), and sessions authenticated.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which files are signed, encrypted and compressed, whether receipts are signed, and sessions
/// authenticated by certificates.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Security {
    /// What we send.
    pub outbound: OutboundSecurity,
    /// What we take.
    pub inbound: InboundSecurity,
    /// Receipts for what we send.
    pub receipts: ReceiptSecurity,
    /// Whether both sides prove by their certificates who they are, as a session begins (secure
    /// authentication of OFTP 2.0). Both have to want it, so that changing over takes two steps:
    /// Prepared on one side follows what the other side says. Required and Prepared need a certificate of
    /// the instance and one of the partner with purpose Authenticate.
    pub authentication: SessionAuthentication,
    /// How far the partner's certificates are held to what they say of their use.
    pub certificate_usage: CertificateUsage,
}

/// How far certificates are held to what they say of their use: key usage and extended key usage (RFC
/// 5280 sections 4.2.1.3 and 4.2.1.12). One that says nothing is for everything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum CertificateUsage {
    /// A certificate by an authority has to be for TLS if it is shown there, as a server or as a client.
    /// One that stands in `tls.crt` is for what `purpose` says, whatever it says itself.
    #[default]
    Tolerant,
    /// Each is for the very purpose that it is used for, also one in `tls.crt`.
    Strict,
}

/// Whether sessions are authenticated by certificates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum SessionAuthentication {
    /// Never; a partner that requires it is refused.
    #[default]
    Forbidden,
    /// As the partner says: a session that it calls for is as its SSID has it; where we call and it
    /// wants the sessions authenticated, we call once more.
    Prepared,
    /// Always; a partner that does not is refused.
    Required,
}

/// What we send.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct OutboundSecurity {
    /// Whether files are signed. Allowed: where whoever queues a file asks for it. Required needs a
    /// certificate of the instance with purpose Sign.
    pub sign: Demand,
    /// Whether files are encrypted. Allowed: where whoever queues a file asks for it. Required
    /// needs a certificate of the partner with purpose Encrypt.
    pub encrypt: Demand,
    /// Whether files are compressed. Allowed: where whoever queues a file asks for it.
    pub compress: Demand,
    /// By which cipher suite files are signed and encrypted, and receipts asked for. With RSA by
    /// PKCS #1 1.5: 04: AES-256, SHA-256. 06: AES-256, SHA-512. 07: AES-256, SHA3-512. For
    /// partners that cannot do better: 02: AES-256, SHA-1; 01, 03 and 05: triple DES with SHA-1,
    /// SHA-256 and SHA-512. With RSA by PSS and OAEP, which one product is known to have: 08, 09 and 10:
    /// AES-256 with SHA-256, SHA-512 and SHA3-512.
    pub cipher_suite: CipherSuite,
}

/// What we take.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct InboundSecurity {
    /// Whether files are signed. Required needs a certificate of the partner with purpose
    /// `VerifySignature`; without one a signed file is refused, also if it is Allowed.
    pub sign: Demand,
    /// Whether files are encrypted. Required needs a certificate of the instance with purpose
    /// Decrypt; without one an encrypted file is refused, also if it is Allowed.
    pub encrypt: Demand,
    /// Whether files are compressed (in their CMS package; the session's own compression is
    /// `protocol.compression`).
    pub compress: Demand,
    /// The cipher suites that are taken. Default: 04, 06, 07, and the one of
    /// `outbound.cipherSuite`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 10))]
    pub cipher_suites: Option<Vec<CipherSuite>>,
}

/// Receipts for what we send.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ReceiptSecurity {
    /// Whether files ask for a signed receipt. Allowed: where whoever queues a file asks for it.
    /// Required needs a certificate of the partner with purpose `VerifyReceipt`. Receipts that the
    /// partner asks for are signed whenever the instance has a certificate with purpose
    /// `SignReceipt`.
    pub signed: Demand,
    /// Which hash of the file counts in a signed receipt. It is looked at after the signature, which has
    /// to be good in any case.
    pub hash: ReceiptHash,
}

/// Which hash of a file counts in a partner's signed receipt for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ReceiptHash {
    /// The cipher suite's hash of what was transmitted, as the RFC has it.
    #[default]
    Strict,
    /// Also SHA-1 in place of the suite's, and a hash of the original file, as some products have it:
    /// with a warning, and for files that are packaged from now on.
    Tolerant,
}

/// Whether something has to be, may be, or must not be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Demand {
    /// Never without it.
    Required,
    /// With it or without.
    #[default]
    Allowed,
    /// Never with it.
    Forbidden,
}

/// By which algorithms files are signed and encrypted (RFC 5024 section 10.2 and Odette's list that
/// continues it); with RSA by PKCS #1 1.5, but for 08 to 10.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum CipherSuite {
    /// Triple DES, SHA-1
    #[serde(rename = "01")]
    TripleDesSha1,
    /// AES-256, SHA-1
    #[serde(rename = "02")]
    Aes256Sha1,
    /// Triple DES, SHA-256
    #[serde(rename = "03")]
    TripleDesSha256,
    /// AES-256, SHA-256
    #[default]
    #[serde(rename = "04")]
    Aes256Sha256,
    /// Triple DES, SHA-512
    #[serde(rename = "05")]
    TripleDesSha512,
    /// AES-256, SHA-512
    #[serde(rename = "06")]
    Aes256Sha512,
    /// AES-256, SHA3-512
    #[serde(rename = "07")]
    Aes256Sha3,
    /// AES-256, SHA-256, RSA by PSS and OAEP
    #[serde(rename = "08")]
    Aes256Sha256Pss,
    /// AES-256, SHA-512, RSA by PSS and OAEP
    #[serde(rename = "09")]
    Aes256Sha512Pss,
    /// AES-256, SHA3-512, RSA by PSS and OAEP
    #[serde(rename = "10")]
    Aes256Sha3Pss,
}

impl CipherSuite {
    /// Its number, as SFIDCIPH has it.
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            Self::TripleDesSha1 => 1,
            Self::Aes256Sha1 => 2,
            Self::TripleDesSha256 => 3,
            Self::Aes256Sha256 => 4,
            Self::TripleDesSha512 => 5,
            Self::Aes256Sha512 => 6,
            Self::Aes256Sha3 => 7,
            Self::Aes256Sha256Pss => 8,
            Self::Aes256Sha512Pss => 9,
            Self::Aes256Sha3Pss => 10,
        }
    }
}
