//! What only a cluster needs. On one machine these fields are read, checked and have no effect, so
//! that one file serves both.

#![expect(unreachable_pub, reason = "KubeSchema derives from a private twin of each struct")]

use std::{borrow::Cow, collections::BTreeMap, fmt};

use kube::KubeSchema;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, de};

use crate::common::{OBJECT_NAME_MESSAGE, OBJECT_NAME_RULE};

/// A volume claim that the operator makes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new(
    "self.accessMode == oldSelf.accessMode && has(self.storageClassName) == \
     has(oldSelf.storageClassName) && (!has(self.storageClassName) || self.storageClassName == \
     oldSelf.storageClassName)").message(
    "a volume claim keeps its access mode and storage class; make another claim, and give its \
     claimName while the instance is suspended"))]
pub struct VolumeClaim {
    /// How much room for files, such as 50Gi. It may grow later if the storage class allows that; a size
    /// that it does not give can be taken back.
    #[schemars(length(max = 32))]
    #[x_kube(validation = Rule::new(
        "isQuantity(self) && quantity(self).compareTo(quantity('0')) > 0").message(
        "give a size such as 50Gi"))]
    pub size: String,
    /// Who may use the volume at once. `ReadWriteOnce` keeps all pods on one node: no fail-over to
    /// another one.
    #[serde(default)]
    pub access_mode: AccessMode,
    /// The storage class. Default: the cluster's default class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    #[x_kube(validation = Rule::new(OBJECT_NAME_RULE).message(OBJECT_NAME_MESSAGE))]
    pub storage_class_name: Option<String>,
    /// What becomes of the claim, and of all files, when the instance is deleted.
    #[serde(default)]
    pub when_deleted: WhenDeleted,
}

/// Who may use a volume at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum AccessMode {
    /// Pods on every node.
    #[default]
    ReadWriteMany,
    /// Pods on one node.
    ReadWriteOnce,
}

/// What becomes of the volume claim when the instance is deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum WhenDeleted {
    /// It stays, with every file; an instance of the same name finds it again.
    #[default]
    Retain,
    /// It goes too, with every file that was not fetched.
    Delete,
}

/// How partners reach a listener from outside of the cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!has(self.nodePort) || self.type != 'ClusterIP'").message(
    "nodePort belongs to the types NodePort and LoadBalancer; give type: NodePort, or leave out \
     nodePort"))]
#[x_kube(validation = Rule::new(
    "!has(self.loadBalancerSourceRanges) || self.type == 'LoadBalancer'").message(
    "loadBalancerSourceRanges belongs to the type LoadBalancer; give type: LoadBalancer, or leave \
     it out"))]
#[x_kube(validation = Rule::new(
    "!has(self.externalTrafficPolicy) || self.type != 'ClusterIP'").message(
    "externalTrafficPolicy belongs to the types NodePort and LoadBalancer; give one of them, or \
     leave it out"))]
#[x_kube(validation = Rule::new("!has(self.loadBalancerClass) || self.type == 'LoadBalancer'")
    .message(
    "loadBalancerClass belongs to the type LoadBalancer; give type: LoadBalancer, or leave it out"))]
pub struct Service {
    /// Where the Service can be reached from.
    #[serde(rename = "type", default)]
    pub kind: ServiceType,
    /// The port on every node. Default: the cluster chooses one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65535))]
    pub node_port: Option<i32>,
    /// Whether a call may come in at a node without the active pod. Local keeps the caller's address,
    /// and only the node of the active pod answers the load balancer's question whether it is well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_traffic_policy: Option<ExternalTrafficPolicy>,
    /// Which load balancer's work it is. Default: the cluster's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub load_balancer_class: Option<String>,
    /// Whether it has an address of both IPv4 and IPv6. Default: as the cluster says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip_family_policy: Option<IpFamilyPolicy>,
    /// IPv4, IPv6 or both, the first one first. Default: as the cluster says.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 2))]
    pub ip_families: Vec<IpFamily>,
    /// Labels for the Service, such as those by which its load balancer's addresses are chosen. Those
    /// of seon.dev and app.kubernetes.io are the operator's own.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(length(max = 64))]
    pub labels: BTreeMap<String, String>,
    /// Annotations for the load balancer of your cluster.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(length(max = 64))]
    pub annotations: BTreeMap<String, String>,
    /// The only networks that may call, such as 192.0.2.0/24. Empty: every one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256), inner(length(max = 64)))]
    #[x_kube(validation = Rule::new("self.all(range, range.matches('^[0-9a-fA-F.:]+/[0-9]{1,3}$'))")
        .message("give networks with the length of their prefix, such as 192.0.2.0/24"))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub load_balancer_source_ranges: Vec<String>,
}

/// Where a Service can be reached from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ServiceType {
    /// From inside of the cluster.
    #[default]
    #[serde(rename = "ClusterIP")]
    ClusterIp,
    /// By a port of every node.
    NodePort,
    /// By a load balancer of the cluster's provider.
    LoadBalancer,
}

/// Which nodes take calls from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ExternalTrafficPolicy {
    /// All of them; they hand calls on, with their own address for the caller's.
    Cluster,
    /// The node of the active pod.
    Local,
}

/// How many families of addresses a Service has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum IpFamilyPolicy {
    /// One.
    SingleStack,
    /// Both, if the cluster has both.
    PreferDualStack,
    /// Both, or none at all.
    RequireDualStack,
}

/// A family of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum IpFamily {
    /// Such as 192.0.2.7.
    IPv4,
    /// Such as `2001:db8::7`.
    IPv6,
}

/// Processor time and memory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Resources {
    /// What is set aside, such as {cpu: 100m, memory: 64Mi}.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(length(max = 16))]
    pub requests: BTreeMap<String, Quantity>,
    /// What is never exceeded, such as {memory: 256Mi}.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(length(max = 16))]
    pub limits: BTreeMap<String, Quantity>,
}

/// A number with a unit, as Kubernetes writes it: 500m, 2, 64Mi.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Quantity(pub String);

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextOrNumber;
        impl de::Visitor<'_> for TextOrNumber {
            type Value = Quantity;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a quantity such as 500m, 2 or 64Mi")
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Quantity, E> {
                Ok(Quantity(number.to_string()))
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Quantity, E> {
                Ok(Quantity(number.to_string()))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Quantity, E> {
                Ok(Quantity(text.to_owned()))
            }
        }
        deserializer.deserialize_any(TextOrNumber)
    }
}

impl JsonSchema for Quantity {
    fn schema_name() -> Cow<'static, str> {
        "Quantity".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "x-kubernetes-int-or-string": true,
            "pattern": "^[0-9]+([.][0-9]+)?(m|k|M|G|T|P|Ki|Mi|Gi|Ti|Pi)?$",
            "maxLength": 32,
        })
    }
}
