//! A real Kubernetes for the tests: Kubernetes' own components, built from source by
//! `tests/cluster/build`, in network, process and mount namespaces that end with the test process.
//!
//! [`ApiServer`] is an API server with etcd and nothing else, ready in about four seconds;
//! [`Cluster`] has nodes that run pods and can lose their power. With `SEON_TEST_CLUSTER=existing`
//! a `Cluster` is the one that `KUBECONFIG` names; what only our own nodes can do is skipped there.
//!
//! Failures here are test failures, so these helpers panic with a sentence that says what to do.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a helper that fails is a test that fails"
)]

mod access;
mod addresses;
mod api_server;
mod cluster;
mod component;
mod control_plane;
mod forward;
mod images;
mod meddling;
mod node;
mod nodes;
mod parts;
mod policies;
mod sandbox;
mod volumes;

pub use access::{Access, TEST_LABEL};
pub use api_server::ApiServer;
pub use cluster::Cluster;
pub use forward::Forward;
pub use meddling::an_annotation_comes_back;
pub use node::From;
pub use nodes::Nodes;

/// A fresh [`ApiServer`], or a skip.
#[macro_export]
macro_rules! api_server {
    () => {
        match $crate::ApiServer::start().await {
            Ok(server) => server,
            Err(reason) => support::skip!(cluster, "{reason}"),
        }
    };
}

/// The [`Cluster`] that the tests of this program share, or a skip.
#[macro_export]
macro_rules! cluster {
    () => {
        match $crate::Cluster::shared().await {
            Ok(cluster) => cluster,
            Err(reason) => support::skip!(cluster, "{reason}"),
        }
    };
}

/// The [`Nodes`] of a cluster, or a skip where they are not ours to switch off.
#[macro_export]
macro_rules! nodes {
    ($cluster:expr) => {
        match $cluster.nodes() {
            Ok(nodes) => nodes,
            Err(reason) => support::skip!(nodes, "{reason}"),
        }
    };
}
