//! The cluster that all scenarios share, with the operator on it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use cluster::{Cluster, Nodes};
use futures::future::join_all;
use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Api, DeleteParams};
use kube::{Client, ResourceExt};
use serde_json::Value;

use crate::ground::Ground;
use crate::images::THIS;
use crate::pair::Standing;
use crate::{Figures, eventually};

/// One node is lost or drained, and two replicas still have a node each.
const NODES: u8 = 3;

/// A cluster with the operator on it, installed by helm: of our own, with three nodes, or the one that
/// a user names. Scenarios share it, each by a [`Stage::set_apart`] of its own.
pub struct Stage {
    /// The cluster.
    pub cluster: Arc<Cluster>,
    /// Its API, for the administrator.
    pub client: Client,
    /// What was measured so far.
    pub figures: Arc<Figures>,
    pub(crate) ground: Arc<Ground>,
    /// Where the operator is.
    operator_namespace: String,
    /// Those of this scenario.
    namespaces: Mutex<Vec<String>>,
    /// Those of the scenarios before, which may still be on their way out.
    left: Arc<Mutex<Vec<String>>>,
    /// What scenarios have left as it was made, for later ones.
    pub(crate) standing: Arc<Mutex<Vec<Standing>>>,
    /// How many loads there were.
    loads: Arc<AtomicUsize>,
}

impl Stage {
    /// Puts everything up. `Err` says why this machine, or the cluster that the user names, cannot.
    ///
    /// # Panics
    ///
    /// If the operator cannot be installed.
    pub async fn set() -> Result<Self, String> {
        let ground = Ground::choose()?;
        let cluster = Arc::new(Cluster::start(NODES).await?);
        ground.prepare(&cluster).await?;
        let stage = Self {
            client: cluster.client().await,
            operator_namespace: cluster.namespace("seon-system").await,
            cluster,
            figures: Arc::default(),
            ground: Arc::new(ground),
            namespaces: Mutex::default(),
            left: Arc::default(),
            standing: Arc::default(),
            loads: Arc::default(),
        };
        if let Err(error) = stage.helm_with_chart("install", THIS).await {
            let seen = stage.describe().await;
            stage.strike().await;
            panic!("{error}\n{seen}");
        }
        Ok(stage)
    }

    /// The same cluster, for one scenario: the namespaces that it asks for are its own.
    #[must_use]
    pub fn set_apart(&self) -> Self {
        Self {
            cluster: Arc::clone(&self.cluster),
            client: self.client.clone(),
            figures: Arc::clone(&self.figures),
            ground: Arc::clone(&self.ground),
            operator_namespace: self.operator_namespace.clone(),
            namespaces: Mutex::default(),
            left: Arc::clone(&self.left),
            standing: Arc::clone(&self.standing),
            loads: Arc::clone(&self.loads),
        }
    }

    /// Its machines. `Err` where they are not ours.
    pub fn nodes(&self) -> Result<&Nodes, String> {
        self.cluster.nodes()
    }

    /// The version to which it can be upgraded. `Err` where there is none.
    pub fn next_version(&self) -> Result<&str, String> {
        self.ground.next_version()
    }

    /// Whether its nodes may be drained. `Err` where a user did not allow it.
    pub fn may_be_drained(&self) -> Result<(), String> {
        self.ground.may_be_drained()
    }

    /// A claim that the cluster can fill, as an instance's `spec.storage.volumeClaim`.
    pub fn volume_claim(&self) -> Value {
        self.ground.volume_claim()
    }

    /// Where the operator is.
    pub fn operator_namespace(&self) -> &str {
        &self.operator_namespace
    }

    /// A namespace for this scenario.
    pub async fn namespace(&self, prefix: &str) -> String {
        let namespace = self.cluster.namespace(prefix).await;
        self.owns(&namespace);
        namespace
    }

    /// That namespace goes with this scenario, ...
    pub(crate) fn owns(&self, namespace: &str) {
        self.namespaces.lock().unwrap().push(namespace.to_owned());
    }

    /// ... and this one stays.
    pub(crate) fn leaves(&self, namespace: &str) {
        self.namespaces.lock().unwrap().retain(|own| own != namespace);
    }

    /// A number that no other load on the cluster has.
    pub(crate) fn number_of_load(&self) -> usize {
        self.loads.fetch_add(1, Ordering::Relaxed)
    }

    /// What there is to see of this scenario, for whoever has to find out why it failed.
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
        self.left.lock().unwrap().extend(namespaces);
    }

    /// Takes away all that was put on the cluster, and leaves it as it was.
    pub async fn strike(&self) {
        let standing = std::mem::take(&mut *self.standing.lock().unwrap());
        standing.iter().flat_map(Standing::namespaces).for_each(|namespace| self.owns(namespace));
        self.clear().await;
        // What is not there any more need not go.
        let _ = self.helm_uninstall().await;
        let background = DeleteParams::background();
        let definitions = Api::<CustomResourceDefinition>::all(self.client.clone());
        for definition in crds::definitions() {
            let _ = definitions.delete(&definition.name_any(), &background).await;
        }
        let namespaces = Api::<Namespace>::all(self.client.clone());
        let _ = namespaces.delete(&self.operator_namespace, &background).await;
        let mut all = self.left.lock().unwrap().clone();
        all.push(self.operator_namespace.clone());
        for namespace in all {
            eventually(&format!("the namespace {namespace} is gone"), async || {
                let found = namespaces.get_opt(&namespace).await;
                let found = found.map_err(|error| error.to_string())?;
                found.map_or(Ok(()), |found| Err(format!("{:?}", found.status)))
            })
            .await;
        }
        self.ground.clear();
    }
}
