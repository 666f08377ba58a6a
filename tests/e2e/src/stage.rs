//! The cluster that all scenarios share, with the operator on it.

use std::sync::Mutex;

use cluster::{Cluster, Nodes};
use futures::future::join_all;
use k8s_openapi::api::core::v1::Namespace;
use kube::Client;
use kube::api::{Api, DeleteParams};

use crate::Figures;
use crate::images::{Images, THIS};

/// One node is lost or drained, and two replicas still have a node each.
const NODES: u8 = 3;

/// A cluster of three nodes, a PostgreSQL server beside them, the images on them, the operator
/// installed by helm.
pub struct Stage {
    /// The cluster.
    pub cluster: Cluster,
    /// Its API, for the administrator.
    pub client: Client,
    /// What was measured so far.
    pub figures: Figures,
    /// Where the operator is.
    operator_namespace: String,
    /// Those of the scenario that is on.
    namespaces: Mutex<Vec<String>>,
}

impl Stage {
    /// Puts everything up. `Err` says why this machine cannot.
    pub async fn set() -> Result<Self, String> {
        let images = Images::find()?;
        let cluster = Cluster::start(NODES).await?;
        let nodes = cluster.nodes()?;
        nodes.postgres().await?;
        images.import(nodes).await?;
        let stage = Self {
            client: cluster.client().await,
            operator_namespace: cluster.namespace("seon-system").await,
            cluster,
            figures: Figures::default(),
            namespaces: Mutex::default(),
        };
        stage.install(THIS).await;
        Ok(stage)
    }

    /// Its machines.
    pub fn nodes(&self) -> &Nodes {
        self.cluster.nodes().expect("a stage is set on nodes of our own")
    }

    /// Where the operator is.
    pub fn operator_namespace(&self) -> &str {
        &self.operator_namespace
    }

    /// A namespace for the scenario that is on.
    pub async fn namespace(&self, prefix: &str) -> String {
        let namespace = self.cluster.namespace(prefix).await;
        self.namespaces.lock().unwrap().push(namespace.clone());
        namespace
    }

    /// What there is to see of the scenario that is on, for whoever has to find out why it failed.
    pub async fn describe(&self) -> String {
        let mut seen = String::new();
        let mut look = async |arguments: &[&str]| {
            let answer = self.cluster.kubectl(arguments).await;
            let answer = answer.unwrap_or_else(|error| error);
            seen += &["--- kubectl ", &arguments.join(" "), "\n", &answer].concat();
        };
        let namespaces = self.namespaces.lock().unwrap().clone();
        look(&["get", "nodes"]).await;
        for namespace in namespaces.iter().chain([&self.operator_namespace]) {
            let own = ["--namespace", namespace];
            look(&[&["get", "pods,jobs,pvc", "--output=wide"][..], &own].concat()).await;
            look(&[&["get", "events", "--sort-by=.lastTimestamp"][..], &own].concat()).await;
            look(&[&["get", "seon,seonp", "--output=yaml"][..], &own].concat()).await;
            let pods = [&["get", "pods", "--output=name"][..], &own].concat();
            for pod in self.cluster.kubectl(&pods).await.unwrap_or_default().lines() {
                look(&[&["logs", pod, "--tail=40", "--all-containers"][..], &own].concat()).await;
            }
        }
        seen
    }

    /// Puts everything back as it was for the next scenario, whatever this one left behind.
    pub async fn clear(&self) {
        let namespaces = std::mem::take(&mut *self.namespaces.lock().unwrap());
        let api = Api::<Namespace>::all(self.client.clone());
        let background = DeleteParams::background();
        join_all(namespaces.iter().map(|name| api.delete(name, &background))).await;
    }
}
