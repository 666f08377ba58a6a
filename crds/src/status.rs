//! What the operator saw.

#![expect(unreachable_pub, reason = "KubeSchema derives from a private twin of each struct")]

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::common::Condition;

/// What the operator last saw of an instance.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct SeonInstanceStatus {
    /// The generation of the spec that was last acted on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// How it stands, in one word for people: Ready, Degraded, Starting, Migrating, `RollingOut`, Stalled,
    /// Invalid or Suspended. Scripts look at the conditions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
    /// Ready, and whatever stands in its way.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
    /// The revision of the configuration that the daemons should come to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// The fingerprint of the instance as it last was good, which a Secret beside it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_good: Option<String>,
    /// The listeners that take calls, such as tls,tcpip.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receive: Option<String>,
    /// Whether seonsqd sends: True or False.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub send: Option<String>,
    /// How many files and receipts wait to be sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<i64>,
    /// How many partners are accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partners: Option<i32>,
    /// Every daemon of the instance.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub daemons: Vec<DaemonStatus>,
}

/// What the operator last saw of a daemon.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct DaemonStatus {
    /// The daemon, such as `seonrd_tcpip`.
    pub name: String,
    /// Pods that are wanted.
    pub replicas: i32,
    /// Pods that are ready, the active one among them.
    pub ready_replicas: i32,
    /// The pod that holds the daemon's lease.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub active_pod: Option<String>,
    /// The node that it runs on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// The epoch of its tenure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epoch: Option<i64>,
    /// Since when it is active.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Time>,
    /// The address on which it really listens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listens: Option<String>,
    /// The pods that stand by.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub standbys: Vec<String>,
    /// The highest epoch ever seen. A lower one later means that the database lost what it had
    /// committed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub highest_epoch: Option<i64>,
}

/// What the operator last saw of a partner.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct SeonPartnerStatus {
    /// The generation of the spec that was last acted on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Ready, and whatever stands in its way.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
    /// The instance that accepted the partner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// When the first of the partner's certificates expires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate_expires: Option<Time>,
    /// Files and receipts for the partner that wait to be sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queued: Option<i64>,
    /// Files for the partner that wait for a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocked: Option<i64>,
    /// The last session with the partner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_session: Option<LastSession>,
}

/// How the last session with a partner went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LastSession {
    /// When it ended.
    pub at: Time,
    /// How it ended, such as good or failed.
    pub outcome: String,
    /// The code of what ended it, if that was an error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
}
