//! A whole cluster: one of our own, or the one that a user names.

use std::env;
use std::ops::Deref;

use k8s_openapi::api::core::v1::Node;
use kube::ResourceExt;
use kube::api::{Api, ListParams};
use tokio::sync::OnceCell;

use crate::access::Access;
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
        let kind = match env::var("SEON_TEST_CLUSTER").as_deref() {
            Err(_) | Ok("") => Kind::Ours(Box::new(Nodes::start(nodes).await?)),
            Ok("existing") => Kind::Existing(existing()?),
            Ok(other) => return Err(format!("SEON_TEST_CLUSTER={other}: only existing is known")),
        };
        Ok(Self { kind })
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

fn existing() -> Result<Access, String> {
    let path = env::var("KUBECONFIG")
        .map_err(|_| "SEON_TEST_CLUSTER=existing wants a KUBECONFIG".to_owned())?;
    let kubeconfig =
        std::fs::read_to_string(&path).map_err(|error| format!("KUBECONFIG={path}: {error}"))?;
    Ok(Access::new(&kubeconfig, None, true))
}
