//! The way to the API server.

use std::fmt::Debug;
use std::time::Duration;

use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::authentication::v1::SelfSubjectReview;
use kube::api::{ListParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::{Api, Client, Config, Resource};
use serde::de::DeserializeOwned;

use super::KubernetesError;
use super::arguments::Connection;

/// A server that lives takes a connection at once, even across an ocean.
const CONNECTING: Duration = Duration::from_secs(10);
/// No answer to a question takes longer; streams have as long as they last.
const ANSWERING: Duration = Duration::from_secs(30);

/// A cluster, and the namespace that is looked at.
pub(super) struct Cluster {
    /// For questions and orders.
    pub(super) client: Client,
    /// For what may be silent for long: logs, watches, commands in pods.
    pub(super) streams: Client,
    /// The namespace.
    pub(super) namespace: String,
    /// The API server's address, for people.
    pub(super) server: String,
}

impl Cluster {
    /// Reads the kubeconfig; nobody is asked anything yet.
    pub(super) async fn connect(connection: &Connection) -> Result<Self, KubernetesError> {
        let mut config = configuration(connection).await?;
        config.connect_timeout = Some(CONNECTING);
        let server = config.cluster_url.to_string();
        let namespace =
            connection.namespace.clone().unwrap_or_else(|| config.default_namespace.clone());
        let client = |config: Config| {
            Client::try_from(config).map_err(|error| {
                let reason = KubernetesError::of("connecting", &server, error);
                KubernetesError::Configuration {
                    problem: format!("the kubeconfig cannot be used: {reason}"),
                    cure: "see: kubectl config view".into(),
                }
            })
        };
        let streams = client(config.clone())?;
        config.read_timeout = Some(ANSWERING);
        config.reset_reader_on_write = true;
        let client = client(config)?;
        Ok(Self { client, streams, namespace, server })
    }

    /// The objects of a kind in the namespace.
    pub(super) fn objects<K>(&self) -> Api<K>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
    {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// The same for what may be silent for long.
    pub(super) fn streamed<K>(&self) -> Api<K>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
    {
        Api::namespaced(self.streams.clone(), &self.namespace)
    }

    /// The objects of a kind that have these labels.
    pub(super) async fn list<K>(&self, labels: &str) -> Result<Vec<K>, KubernetesError>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
            + Clone
            + Debug
            + DeserializeOwned,
    {
        let wanted = ListParams::default().labels(labels);
        let listed = self.objects::<K>().list(&wanted).await;
        let doing = format!("reading the {}", K::plural(&()));
        listed.map(|list| list.items).map_err(|error| self.explain(&doing, error))
    }

    /// Who we are to the API server, for the journal; `None` where that cannot be asked.
    pub(super) async fn user(&self) -> Option<String> {
        let reviews = Api::<SelfSubjectReview>::all(self.client.clone());
        let review =
            reviews.create(&PostParams::default(), &SelfSubjectReview::default()).await.ok()?;
        review.status?.user_info?.username
    }

    /// An error for people.
    pub(super) fn explain(&self, doing: &str, error: kube::Error) -> KubernetesError {
        KubernetesError::of(doing, &self.server, error)
    }
}

async fn configuration(connection: &Connection) -> Result<Config, KubernetesError> {
    let options =
        KubeConfigOptions { context: connection.context.clone(), ..KubeConfigOptions::default() };
    let kubeconfig = match &connection.kubeconfig {
        Some(path) => Kubeconfig::read_from(path),
        None => Kubeconfig::read(),
    };
    let from_file = match kubeconfig {
        Ok(kubeconfig) => Config::from_custom_kubeconfig(kubeconfig, &options).await,
        Err(error) => Err(error),
    };
    match from_file {
        Ok(config) => Ok(config),
        // Inside of a pod there is no kubeconfig, and none is needed.
        Err(error) if is_absent(&error) && connection.kubeconfig.is_none() => {
            Config::incluster().map_err(|_| KubernetesError::kubeconfig(&error))
        }
        Err(error) => Err(KubernetesError::kubeconfig(&error)),
    }
}

fn is_absent(error: &KubeconfigError) -> bool {
    matches!(error, KubeconfigError::FindPath)
        || matches!(error, KubeconfigError::ReadConfig(source, _)
            if source.kind() == std::io::ErrorKind::NotFound)
}
