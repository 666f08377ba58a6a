//! References and other small shapes that both kinds use.

#![expect(unreachable_pub, reason = "KubeSchema derives from a private twin of each struct")]

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One value in a Secret of the same namespace (on one machine: of the same folder).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretKeyReference {
    /// Name of the Secret.
    #[schemars(length(min = 1, max = 253))]
    #[x_kube(validation = Rule::new(OBJECT_NAME_RULE).message(OBJECT_NAME_MESSAGE))]
    pub name: String,
    /// Key within the Secret's data.
    #[schemars(length(min = 1, max = 253))]
    #[x_kube(validation = Rule::new(SECRET_KEY_RULE).message(SECRET_KEY_MESSAGE))]
    pub key: String,
}

/// A Secret of the same namespace (on one machine: of the same folder), whose keys have fixed
/// names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretReference {
    /// Name of the Secret.
    #[schemars(length(min = 1, max = 253))]
    #[x_kube(validation = Rule::new(OBJECT_NAME_RULE).message(OBJECT_NAME_MESSAGE))]
    pub name: String,
}

/// A SeonInstance of the same namespace (on one machine: of the same folder).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct InstanceReference {
    /// Name of the SeonInstance.
    #[schemars(length(min = 1, max = 63))]
    #[x_kube(validation = Rule::new(OBJECT_NAME_RULE).message(OBJECT_NAME_MESSAGE))]
    pub name: String,
}

// What names an object becomes part of a path at the API server.
pub(crate) const OBJECT_NAME_RULE: &str =
    "self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')";
pub(crate) const OBJECT_NAME_MESSAGE: &str =
    "the name of an object consists of a-z, 0-9, - and full stops, such as bolt-oftp";
pub(crate) const SECRET_KEY_RULE: &str =
    "self.matches('^[-._a-zA-Z0-9]+$') && self != '.' && !self.startsWith('..')";
pub(crate) const SECRET_KEY_MESSAGE: &str =
    "a key in a Secret consists of letters, digits, -, _ and full stops, such as password";

/// Whether Kubernetes takes this as the name of an object: a DNS subdomain (RFC 1123), as the
/// definitions' rules have it. What is not one must never become part of a request's path.
#[must_use]
pub fn is_object_name(text: &str) -> bool {
    let is_letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let is_label = |label: &str| {
        label.starts_with(is_letter)
            && label.ends_with(is_letter)
            && label.chars().all(|c| is_letter(c) || c == '-')
    };
    text.len() <= 253 && text.split('.').all(is_label)
}

/// Whether Kubernetes takes this as a key in a Secret, as the definitions' rules have it.
#[must_use]
pub fn is_secret_key(text: &str) -> bool {
    let is_known = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    (1..=253).contains(&text.len())
        && text.chars().all(is_known)
        && text != "."
        && !text.starts_with("..")
}

/// One aspect of a resource's state, as Kubernetes tools expect it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// What the condition is about, such as Ready.
    #[serde(rename = "type")]
    pub kind: String,
    /// True, False or Unknown.
    pub status: String,
    /// One word that says why, for machines.
    pub reason: String,
    /// A sentence that says why, for people.
    pub message: String,
    /// Since when the status is what it is.
    pub last_transition_time: k8s_openapi::apimachinery::pkg::apis::meta::v1::Time,
    /// The generation of the spec that was judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
}
