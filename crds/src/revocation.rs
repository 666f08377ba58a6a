//! Whether partners' certificates were revoked (RFC 5280 section 5).

#![expect(unreachable_pub, reason = "KubeSchema derives from a private twin of each struct")]

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How partners' certificates are held to the lists of revoked ones that their authorities publish. The
/// lists that the certificates name are fetched by HTTP, and a certificate that is on one is refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Revocation {
    /// Whether lists are fetched and looked at.
    #[serde(default)]
    pub check: RevocationCheck,
    /// What becomes of a certificate of which nobody knows whether it was revoked: its issuer is not known,
    /// there is no list, or the list is too old.
    #[serde(default)]
    pub on_unknown: OnUnknown,
    /// Further lists, beside those that the certificates here name: of certificates that are only seen as a
    /// partner connects, such as <http://ca.example/issuing.crl>.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(min = 1, max = 1024)))]
    #[x_kube(validation = Rule::new("self.all(url, url.startsWith('http://'))").message(
        "give URLs that begin with http://; a list is signed, and TLS would add nothing"))]
    pub urls: Vec<String>,
    /// How long a list counts after it was made, such as 168h. Default: until its next one is due, as it
    /// says itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    #[x_kube(validation = Rule::new(
        "self.matches('^([0-9]{1,9}(h|m|s|ms))+$') && duration(self) >= duration('1h') && duration(self) <= duration('87600h')").message(
        "give 1h to 87600h (usual: 168h)"))]
    pub maximum_age: Option<String>,
    /// How long fetching a list may take as a whole.
    #[serde(default = "timeout")]
    #[schemars(length(max = 32))]
    #[x_kube(validation = Rule::new(
        "self.matches('^([0-9]{1,9}(h|m|s|ms))+$') && duration(self) >= duration('1s') && duration(self) <= duration('10m')").message(
        "give 1s to 10m (usual: 30s)"))]
    pub timeout: String,
    /// The largest list that is taken, in MiB.
    #[serde(default = "maximum_mebibytes")]
    #[schemars(range(min = 1, max = 256))]
    pub maximum_mebibytes: i32,
    /// Networks that lists may be fetched from although nobody outside could have them in mind, such as
    /// 10.0.0.0/8: private, local and reserved addresses are refused, so that a certificate can lead a
    /// daemon to none of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(max = 64)))]
    pub allowed_addresses: Vec<String>,
    /// The HTTP proxy that fetches lists for us, such as <http://proxy.example:3128>. It alone decides which
    /// addresses are good then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024))]
    #[x_kube(validation = Rule::new("self.startsWith('http://')").message(
        "give the proxy's URL, such as http://proxy.example:3128"))]
    pub proxy: Option<String>,
}

impl Default for Revocation {
    fn default() -> Self {
        Self {
            check: RevocationCheck::default(),
            on_unknown: OnUnknown::default(),
            urls: Vec::new(),
            maximum_age: None,
            timeout: timeout(),
            maximum_mebibytes: maximum_mebibytes(),
            allowed_addresses: Vec::new(),
            proxy: None,
        }
    }
}

fn timeout() -> String {
    "30s".into()
}

fn maximum_mebibytes() -> i32 {
    16
}

/// By what is found out whether a certificate was revoked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum RevocationCheck {
    /// By the lists that authorities publish (CRLs).
    #[default]
    Lists,
    /// Not at all: nothing is fetched, and lists that were are not looked at.
    Off,
}

/// What becomes of a certificate of which nobody knows whether it was revoked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum OnUnknown {
    /// It counts, and seon check warns.
    #[default]
    Accept,
    /// It is refused. A certificate that is signed by nothing but its own key is not: nobody can revoke it.
    Refuse,
}
