//! A whole cluster: one of our own, or the one that a user names.

use std::env;
use std::ops::Deref;

use k8s_openapi::api::core::v1::Node;
use kube::ResourceExt;
use kube::api::{Api, ListParams};
use tokio::sync::OnceCell;

use crate::access::{Access, EXISTING, WHICH};
use crate::nodes::Nodes;

/// A Kubernetes that runs pods. What can be asked of it is in [`Access`]; what only a cluster of
/// our own can do is in [`Nodes`].
#[derive(Debug)]
pub struct Cluster {
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Ours(Box<Nodes>),
    Existing(Access),
}

impl Cluster {
    /// Starts one with that many nodes, three at most; or takes the one that `KUBECONFIG` names, if
    /// `SEON_TEST_CLUSTER=existing`. `Err` says why this machine has none.
    pub async fn start(nodes: u8) -> Result<Self, String> {
        let kind = match env::var(WHICH).as_deref() {
            Err(_) | Ok("") => Kind::Ours(Box::new(Nodes::start(nodes).await?)),
            Ok(EXISTING) => Kind::Existing(Access::of_the_user()?),
            Ok(other) => return Err(format!("{WHICH}={other}: only {EXISTING} is known")),
        };
        Ok(Self { kind })
    }

    /// Whether the environment says that it is an existing one.
    pub fn is_existing() -> bool {
        env::var(WHICH).is_ok_and(|which| which == EXISTING)
    }

    /// One with two nodes that all tests of this process share, each in a namespace of its own.
    /// In tests: `cluster::cluster!()`.
    pub async fn shared() -> Result<&'static Self, String> {
        static SHARED: OnceCell<Result<Cluster, String>> = OnceCell::const_new();
        SHARED.get_or_init(|| Self::start(2)).await.as_ref().map_err(Clone::clone)
    }

    /// Its nodes, to switch off, to cut off, to give images to. `Err` where they are not ours. In
    /// tests: `cluster::nodes!(cluster)`.
    pub fn nodes(&self) -> Result<&Nodes, String> {
        match &self.kind {
            Kind::Ours(nodes) => Ok(nodes),
            Kind::Existing(_) => {
                Err("an existing cluster's machines are not ours (SEON_TEST_CLUSTER)".to_owned())
            }
        }
    }

    /// The names of its nodes, in order.
    pub async fn node_names(&self) -> Vec<String> {
        let nodes = Api::<Node>::all(self.client().await);
        let list = nodes.list(&ListParams::default()).await.expect("a list of nodes");
        let mut names: Vec<String> = list.iter().map(ResourceExt::name_any).collect();
        names.sort();
        names
    }
}

impl Deref for Cluster {
    type Target = Access;

    fn deref(&self) -> &Access {
        match &self.kind {
            Kind::Ours(nodes) => nodes.access(),
            Kind::Existing(access) => access,
        }
    }
}
