//! `spec.receive.capi`: the controllers of ISDN on which partners reach us, and we them.

#![expect(unreachable_pub, reason = "KubeSchema derives from a private twin of each struct")]

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{cluster::Resources, common::SecretReference};

/// Calls by ISDN, both ways.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Capi {
    /// The controllers; each has a daemon of its own, `seonrd_capi_0` for controller 1,
    /// `seonrd_capi_1` for controller 2, and so on.
    #[schemars(length(min = 1, max = 127))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["number".into()]))]
    pub controllers: Vec<CapiController>,
}

/// A controller of ISDN: an adapter's line, as CAPI 2.0 offers it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.device) != has(self.remote)").message(
    "a controller is reached by one of device and remote; leave one of them"))]
#[x_kube(validation = Rule::new("!self.overlap || has(self.numbers)").message(
    "with overlap a called number is complete when it is one of ours; give numbers, or leave out \
     overlap"))]
pub struct CapiController {
    /// Its number, as CAPI counts: from 1.
    #[schemars(range(min = 1, max = 127))]
    pub number: i32,
    /// By the device node of an adapter in this machine; `device: {}` is enough. On a cluster the
    /// pod runs on a node that has this controller to give (docs/isdn.md).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<CapiDevice>,
    /// By a box that has the line and offers it by remote CAPI, such as a router of bintec.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remote: Option<CapiRemote>,
    /// Our own numbers at which calls are taken, as the line tells them: a called number that ends
    /// in one of these digits is ours. Empty: every call is taken.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(min = 1, max = 32)))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    #[x_kube(validation = Rule::new("self.all(n, n.matches('^[0-9]+$'))").message(
        "an own number consists of digits, as the line tells it, such as 12345"))]
    pub numbers: Vec<String>,
    /// Sessions at once, both ways together: a basic access carries 2, a primary one 30.
    #[serde(default = "basic_access")]
    #[schemars(range(min = 1, max = 30))]
    pub max_sessions: i32,
    /// Whether called numbers come digit by digit, as at a line with extensions (overlap
    /// receiving). It needs `numbers`.
    #[serde(default)]
    pub overlap: bool,
    /// The longest user data of an X.25 packet in octets, where a call does not negotiate another:
    /// a power of two from 16 to 4096. Both sides of a line have the same.
    #[serde(default = "packet_size")]
    #[x_kube(validation = Rule::new(PACKET_SIZE_RULE).message(PACKET_SIZE_MESSAGE))]
    pub packet_size: i32,
    /// Where data are cut on their way to the controller.
    #[serde(default)]
    pub segmentation: CapiSegmentation,
    /// How long a call may be without any data before it is ended, such as 3m.
    #[serde(default = "idle_timeout")]
    #[schemars(length(max = 32))]
    #[x_kube(validation = Rule::new(
        "self.matches('^([0-9]{1,9}(h|m|s|ms))+$') && duration(self) >= duration('10s') && duration(self) <= duration('24h')").message(
        "give 10s to 24h (usual: 3m)"))]
    pub idle_timeout: String,
    /// Pods of this daemon (cluster only). Default: 1 for a device, since each further pod needs a
    /// node of its own that has the controller; for a box as daemonTemplate says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 9))]
    pub replicas: Option<i32>,
    /// Processor time and memory of this daemon (cluster only). Default: as daemonTemplate says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<Resources>,
}

/// The device node of CAPI 2.0.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct CapiDevice {
    /// Its path.
    #[schemars(length(min = 1, max = 4096))]
    pub path: String,
}

impl Default for CapiDevice {
    fn default() -> Self {
        Self { path: "/dev/capi20".into() }
    }
}

/// A box that offers its lines by remote CAPI: unencrypted, for private networks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CapiRemote {
    /// Host name or IP address.
    #[schemars(length(min = 1, max = 253))]
    pub host: String,
    /// TCP port.
    #[serde(default = "remote_port")]
    #[schemars(range(min = 1, max = 65535))]
    pub port: i32,
    /// A Secret of type kubernetes.io/basic-auth: username and password, if the box asks for them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<SecretReference>,
    /// How the box speaks.
    #[serde(default)]
    pub dialect: CapiDialect,
}

/// How boxes speak remote CAPI.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum CapiDialect {
    /// As libcapi20 and Melware's servers do.
    #[default]
    Libcapi,
    /// As the routers of bintec do.
    Bintec,
}

/// Where data are cut. Each exchange buffer of OFTP is one sequence of packets in either case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum CapiSegmentation {
    /// Into packets, by us: right for every controller.
    #[default]
    Packets,
    /// Into blocks of 2048 octets, which the controller cuts into packets: fewer messages.
    Blocks,
}

pub(crate) const PACKET_SIZE_RULE: &str = "self in [16, 32, 64, 128, 256, 512, 1024, 2048, 4096]";
pub(crate) const PACKET_SIZE_MESSAGE: &str = "give a power of two from 16 to 4096 (usual: 128)";

fn packet_size() -> i32 {
    128
}

fn idle_timeout() -> String {
    "3m".into()
}

fn basic_access() -> i32 {
    2
}

fn remote_port() -> i32 {
    2662
}
