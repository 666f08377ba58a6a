//! What every daemon's pods have in common. Only a cluster has pods.

#![expect(unreachable_pub, reason = "KubeSchema derives from a private twin of each struct")]

use std::{borrow::Cow, collections::BTreeMap};

use kube::KubeSchema;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    cluster::Resources,
    common::{OBJECT_NAME_MESSAGE, OBJECT_NAME_RULE},
};

/// What every daemon's pods have in common.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct DaemonTemplate {
    /// Pods of each daemon: one is active, the others stand by.
    #[serde(default = "replicas")]
    #[schemars(range(min = 1, max = 9))]
    pub replicas: i32,
    /// Labels that a node must have.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(length(max = 64))]
    pub node_selector: BTreeMap<String, String>,
    /// What pods and nodes are to be near to or apart from: `affinity` as pods have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub affinity: Option<AsInPods>,
    /// How the pods of a daemon are spread, such as over zones: `topologySpreadConstraints` as pods
    /// have it. Without labelSelector: the pods of the same daemon. Default: over nodes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub topology_spread_constraints: Vec<AsInPods>,
    /// Who finds nodes for the pods. Default: the cluster's own scheduler.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    #[x_kube(validation = Rule::new(OBJECT_NAME_RULE).message(OBJECT_NAME_MESSAGE))]
    pub scheduler_name: Option<String>,
    /// Taints of nodes that the pods bear.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub tolerations: Vec<Toleration>,
    /// Processor time and memory of each daemon.
    #[serde(default)]
    pub resources: Resources,
    /// Further variables of the daemons' environment, such as TZ.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub env: Vec<Variable>,
    /// Further folders that the daemons see, such as a share with hot folders.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["mountPath".into()]))]
    pub volumes: Vec<FurtherVolume>,
    /// As which user the daemons run. Without: 65532, or as the platform says where it does.
    #[serde(default)]
    pub security_context: RunsAs,
    /// Annotations for the pods. Those of seon.dev are the operator's own.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(length(max = 64))]
    pub annotations: BTreeMap<String, String>,
    /// Labels for the pods. Those of seon.dev and app.kubernetes.io are the operator's own.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(length(max = 64))]
    pub labels: BTreeMap<String, String>,
    /// Annotations for the daemons' service accounts, such as those that give them an identity at a
    /// cloud.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(length(max = 64))]
    pub service_account_annotations: BTreeMap<String, String>,
    /// Secrets by which the image is fetched.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub image_pull_secrets: Vec<crate::SecretReference>,
    /// The pods' priority class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    #[x_kube(validation = Rule::new(OBJECT_NAME_RULE).message(OBJECT_NAME_MESSAGE))]
    pub priority_class_name: Option<String>,
    /// Seconds that a daemon has to end or park its sessions before its pod ends.
    #[serde(default = "termination_grace_period")]
    #[schemars(range(min = 1, max = 3600))]
    pub termination_grace_period_seconds: i64,
}

impl Default for DaemonTemplate {
    fn default() -> Self {
        Self {
            replicas: replicas(),
            node_selector: BTreeMap::new(),
            affinity: None,
            topology_spread_constraints: Vec::new(),
            scheduler_name: None,
            tolerations: Vec::new(),
            resources: Resources::default(),
            env: Vec::new(),
            volumes: Vec::new(),
            security_context: RunsAs::default(),
            annotations: BTreeMap::new(),
            labels: BTreeMap::new(),
            service_account_annotations: BTreeMap::new(),
            image_pull_secrets: Vec::new(),
            priority_class_name: None,
            termination_grace_period_seconds: termination_grace_period(),
        }
    }
}

/// A taint that pods bear.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Toleration {
    /// The taint's key. Without it, with operator Exists: every taint.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 316))]
    pub key: Option<String>,
    /// How key and value are compared.
    pub operator: TolerationOperator,
    /// The taint's value, for operator Equal.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub value: Option<String>,
    /// The taint's effect. Without it: every effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effect: Option<TaintEffect>,
    /// For effect `NoExecute`: how long pods bear it. Without it: for ever.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 86_400))]
    pub toleration_seconds: Option<i64>,
}

/// How a taint is compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum TolerationOperator {
    /// Key and value are the same.
    #[default]
    Equal,
    /// The key is there.
    Exists,
}

/// What a taint does to pods that do not bear it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum TaintEffect {
    /// New ones do not come.
    NoSchedule,
    /// New ones come only if there is no other node.
    PreferNoSchedule,
    /// They go.
    NoExecute,
}

/// A part of a pod as Kubernetes has it. What it may hold, Kubernetes' own types say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AsInPods(pub Value);

impl JsonSchema for AsInPods {
    fn schema_name() -> Cow<'static, str> {
        "AsInPods".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "As pods have it: kubectl explain pod.spec",
            "type": "object",
            "x-kubernetes-preserve-unknown-fields": true,
        })
    }
}

/// A variable of the environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Variable {
    /// Its name.
    #[schemars(length(min = 1, max = 128))]
    #[x_kube(validation = Rule::new("self.matches('^[A-Za-z_][A-Za-z0-9_]*$')").message(
        "a variable consists of letters, digits and _, such as HTTPS_PROXY"))]
    #[x_kube(validation = Rule::new(
        "!self.startsWith('SEON_') && !(self in ['POD_NAME', 'POD_NAMESPACE', 'POD_IP', \
         'NODE_NAME'])").message(
        "SEON_…, POD_NAME, POD_NAMESPACE, POD_IP and NODE_NAME are the operator's own"))]
    pub name: String,
    /// Its value. For secrets there are Secrets.
    #[schemars(length(max = 4096))]
    pub value: String,
}

/// A folder that somebody else provides. Give claimName, configMapName, secretName or nfs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new(
    "[has(self.claimName), has(self.configMapName), has(self.secretName), \
     has(self.nfs)].exists_one(given, given)").message(
    "give exactly one of claimName, configMapName, secretName and nfs"))]
pub struct FurtherVolume {
    /// Where the daemons see it, such as /mnt/plm.
    #[schemars(length(min = 2, max = 256))]
    #[x_kube(validation = Rule::new("self.matches('^(/[A-Za-z0-9._-]*[A-Za-z0-9_-][A-Za-z0-9._-]*)+$')")
        .message("give an absolute path, such as /mnt/plm"))]
    #[x_kube(validation = Rule::new(
        "!['/etc/seon', '/var/lib/seon', '/run/seon'].exists(ours, self == ours || \
         self.startsWith(ours + '/') || ours.startsWith(self + '/'))").message(
        "/etc/seon, /var/lib/seon and /run/seon are the daemons' own; give another path, such as \
         /mnt/plm"))]
    pub mount_path: String,
    /// Whether nothing is written there.
    #[serde(default)]
    pub read_only: bool,
    /// A `PersistentVolumeClaim` of the same namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    #[x_kube(validation = Rule::new(OBJECT_NAME_RULE).message(OBJECT_NAME_MESSAGE))]
    pub claim_name: Option<String>,
    /// A `ConfigMap` of the same namespace: a file for each key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    #[x_kube(validation = Rule::new(OBJECT_NAME_RULE).message(OBJECT_NAME_MESSAGE))]
    pub config_map_name: Option<String>,
    /// A Secret of the same namespace: a file for each key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    #[x_kube(validation = Rule::new(OBJECT_NAME_RULE).message(OBJECT_NAME_MESSAGE))]
    pub secret_name: Option<String>,
    /// A folder of an NFS server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nfs: Option<Nfs>,
}

/// A folder of an NFS server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Nfs {
    /// Host name or IP address.
    #[schemars(length(min = 1, max = 253))]
    pub server: String,
    /// The folder there, such as /export/plm.
    #[schemars(length(min = 1, max = 1024))]
    #[x_kube(validation = Rule::new("self.startsWith('/')").message(
        "give an absolute path, such as /export/plm"))]
    pub path: String,
}

/// As which user and with which groups daemons run. Never as root.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct RunsAs {
    /// The user's number.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 2_147_483_647))]
    pub run_as_user: Option<i64>,
    /// The group's number.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 2_147_483_647))]
    pub run_as_group: Option<i64>,
    /// The group that volumes belong to.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 2_147_483_647))]
    pub fs_group: Option<i64>,
    /// Further groups, such as one that a share belongs to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), inner(range(min = 1, max = 2_147_483_647)))]
    pub supplemental_groups: Vec<i64>,
}

fn replicas() -> i32 {
    2
}

fn termination_grace_period() -> i64 {
    60
}
