//! What a stage stands on: machines of our own, or a cluster that somebody else runs.

use std::sync::Arc;

use cluster::Cluster;
use crds::names;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::ResourceExt;
use kube::api::Api;
use serde_json::{Value, json};

use crate::database::Kept;
use crate::images::{Images, NEXT};
use crate::terms::Terms;
use crate::{Database, Volume};

/// Everything that is different between the two.
pub(crate) enum Ground {
    /// A database server beside the nodes, volumes in directories of this machine, images that the
    /// nodes were given.
    Ours(Images),
    /// On its user's terms.
    Theirs(Box<Terms>),
}

impl Ground {
    /// As the environment says. `Err` says what is missing there.
    pub(crate) fn choose() -> Result<Self, String> {
        if Cluster::is_existing() {
            Ok(Self::Theirs(Box::new(Terms::read()?)))
        } else {
            Ok(Self::Ours(Images::find()?))
        }
    }

    /// Makes it ready. `Err` says why nothing can be played on it.
    pub(crate) async fn prepare(&self, cluster: &Cluster) -> Result<(), String> {
        match self {
            Self::Ours(images) => {
                let nodes = cluster.nodes()?;
                nodes.postgres().await?;
                images.import(nodes).await
            }
            Self::Theirs(terms) => {
                has_no_seon(cluster).await?;
                terms.server.check()
            }
        }
    }

    /// What helm is told about the images.
    pub(crate) fn chart_values(&self, version: &str) -> Vec<String> {
        let registry = match self {
            Self::Ours(_) => None,
            Self::Theirs(terms) => terms.registry.as_ref(),
        };
        let registry = registry.map(|registry| format!("images.registry={registry}"));
        registry.into_iter().chain([format!("images.tag={version}")]).collect()
    }

    /// The version to which it is upgraded.
    pub(crate) fn next_version(&self) -> Result<&str, String> {
        match self {
            Self::Ours(_) => Ok(NEXT),
            Self::Theirs(terms) => terms.next_version(),
        }
    }

    /// Whether its nodes may be drained.
    pub(crate) fn may_be_drained(&self) -> Result<(), String> {
        match self {
            Self::Ours(_) => Ok(()),
            Self::Theirs(terms) => terms.may_be_drained(),
        }
    }

    /// An instance's `spec.storage.volumeClaim`.
    pub(crate) fn volume_claim(&self) -> Value {
        let mut claim = json!({"size": "1Gi"});
        if let Self::Theirs(terms) = self {
            for (field, value) in
                [("storageClassName", &terms.storage_class), ("accessMode", &terms.access_mode)]
            {
                if let Some(value) = value {
                    claim[field] = value.as_str().into();
                }
            }
        }
        claim
    }

    /// A database for the company in a namespace.
    pub(crate) async fn database<'stage>(
        &self,
        cluster: &'stage Cluster,
        namespace: &str,
    ) -> Database<'stage> {
        match self {
            Self::Ours(_) => {
                let postgres = cluster.nodes().expect("machines of our own").postgres().await;
                Database::ours(postgres.expect("it was there before").database())
            }
            Self::Theirs(terms) => Database::Theirs(terms.server.make(namespace)),
        }
    }

    /// A database that an earlier scenario has left.
    pub(crate) async fn database_again(cluster: &Cluster, kept: Kept) -> Database<'_> {
        match kept {
            Kept::Ours(name) => {
                let postgres = cluster.nodes().expect("machines of our own").postgres().await;
                let postgres = postgres.expect("it was there before");
                Database::ours(postgres.database_again(name))
            }
            Kept::Theirs(uri) => Database::Theirs(uri),
        }
    }

    /// The volume of a company whose pods are there.
    pub(crate) async fn volume(
        &self,
        cluster: &Arc<Cluster>,
        namespace: &str,
        company: &str,
    ) -> Volume {
        let claim = names::data_claim(company);
        match self {
            Self::Ours(_) => {
                let nodes = cluster.nodes().expect("machines of our own");
                Volume::Here(nodes.volume(namespace, &claim).await)
            }
            Self::Theirs(terms) => {
                Volume::by_courier(cluster, namespace, company, &claim, &terms.courier).await
            }
        }
    }

    /// Removes what was made beside the cluster.
    pub(crate) fn clear(&self) {
        if let Self::Theirs(terms) = self {
            terms.server.clear();
        }
    }
}

/// It is installed, upgraded and removed: what somebody else uses must not be.
async fn has_no_seon(cluster: &Cluster) -> Result<(), String> {
    let definitions = Api::<CustomResourceDefinition>::all(cluster.client().await);
    for definition in crds::definitions() {
        let name = definition.name_any();
        let found = definitions.get_opt(&name).await;
        if found.map_err(|error| format!("the cluster does not answer: {error}"))?.is_some() {
            return Err(format!(
                "Seon is on this cluster already ({name} is there): the scenarios install, upgrade \
                 and remove it, so they need a cluster without it (docs/kubernetes.md)"
            ));
        }
    }
    Ok(())
}
