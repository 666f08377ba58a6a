//! Certificates by what they are good for, ours and the partners'.

#![expect(unreachable_pub, reason = "KubeSchema derives from a private twin of each struct")]

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::common::SecretReference;

/// A certificate of ours and its key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct InstanceCertificate {
    /// What it is for. Keys that sign and keys that decrypt should be apart.
    #[schemars(length(min = 1, max = 8))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub purpose: Vec<KeyPurpose>,
    /// A Secret of type kubernetes.io/tls with the keys tls.crt and tls.key, RSA of 2048 bits or
    /// more. Of tls.crt the first certificate counts.
    pub secret_ref: SecretReference,
    /// From when on it signs: a date such as 2026-12-01 (midnight UTC) or a time such as
    /// 2026-12-01T06:00:00Z. The newest one that is active signs; all of them decrypt, at once.
    /// Default: at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 40))]
    #[x_kube(validation = Rule::new(ACTIVE_FROM_RULE).message(ACTIVE_FROM_MESSAGE))]
    pub active_from: Option<String>,
}

/// What a key of ours is for.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
pub enum KeyPurpose {
    /// The files that we send are signed by it.
    Sign,
    /// The files that we receive are encrypted for it.
    Decrypt,
    /// The receipts (EERP, NERP) that we send are signed by it.
    SignReceipt,
    /// Partners encrypt for it what we decrypt to show who we are, as a session begins (AUCH).
    Authenticate,
}

/// Certificates of a partner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new(
    "!has(self.names) || self.purpose.exists(p, p == 'Tls')").message(
    "names belongs to the purpose Tls; add Tls to purpose, or leave out names"))]
pub struct PartnerCertificate {
    /// What they are good for.
    #[schemars(length(min = 1, max = 8))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub purpose: Vec<CertificatePurpose>,
    /// A Secret with tls.crt (the partner's own certificates, PEM, one or more: exactly these are
    /// accepted) or, for Tls only, ca.crt (authorities, PEM: what they issue is accepted if it
    /// carries one of the partner's names), or both. For files and receipts the keys are RSA of
    /// 2048 bits or more; files are encrypted for the first certificate.
    pub secret_ref: SecretReference,
    /// Names of which a certificate issued by ca.crt must carry one. Default: the hosts and
    /// server names of the partner's tls transports.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), inner(length(min = 1, max = 253)))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub names: Vec<String>,
    /// From when on they are accepted: a date such as 2026-12-01 (midnight UTC) or a time such as
    /// 2026-12-01T06:00:00Z. Files are encrypted for the newest one that is active. Default: at
    /// once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 40))]
    #[x_kube(validation = Rule::new(ACTIVE_FROM_RULE).message(ACTIVE_FROM_MESSAGE))]
    pub active_from: Option<String>,
}

const ACTIVE_FROM_RULE: &str = "self.matches('^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}:\
                                [0-9]{2}([.][0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2}))?$')";
const ACTIVE_FROM_MESSAGE: &str =
    "give a date such as 2026-12-01 or a time such as 2026-12-01T06:00:00Z";

/// What a partner's certificate is good for.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
pub enum CertificatePurpose {
    /// The partner shows it in TLS, as caller and as called.
    Tls,
    /// The files that we send are encrypted for it.
    Encrypt,
    /// It verifies the signatures of files that the partner sends.
    VerifySignature,
    /// It verifies the signatures of receipts that the partner sends.
    VerifyReceipt,
    /// We encrypt for it what the partner decrypts to show who it is, as a session begins (AUCH).
    Authenticate,
}
