//! The command line.

use std::{net::SocketAddr, str::FromStr};

use clap::{Parser, ValueEnum, value_parser};
use k8s_openapi::api::networking::v1::NetworkPolicyPeer;

use crate::context::Installation;

/// Runs every SeonInstance on Kubernetes.
#[derive(Clone, Debug, Parser)]
#[command(name = "seon-operator", version)]
pub struct Arguments {
    /// The namespaces that are watched, separated by commas. Empty: all of them.
    #[arg(long, env = "WATCH_NAMESPACE", value_delimiter = ',', default_value = "")]
    pub watch_namespace: Vec<String>,
    /// The daemons' image, where an instance does not say another.
    #[arg(long, env = "SEON_IMAGE")]
    pub image: String,
    /// Where /healthz, /readyz and /metrics are answered.
    #[arg(long, env = "LISTEN", default_value = "[::]:8080")]
    pub listen: SocketAddr,
    /// The operator's own namespace: of its pods, and of the lease that decides which replica acts.
    #[arg(long, env = "POD_NAMESPACE", default_value = "default")]
    pub own_namespace: String,
    /// Who may read the daemons' metrics beside the operator: peers of a NetworkPolicy, in JSON.
    #[arg(long, env = "METRICS_FROM", default_value = "[]")]
    pub metrics_from: Peers,
    /// Secrets by which the daemons' images are fetched, beside those of an instance, separated by
    /// commas; each has to be in the instance's namespace.
    #[arg(long, env = "PULL_SECRETS", value_delimiter = ',', default_value = "")]
    pub pull_secrets: Vec<String>,
    /// Leave it to the platform as which user daemons run, as `OpenShift` wants it, where an instance
    /// does not say it.
    #[arg(long, env = "PLATFORM_USERS")]
    pub platform_users: bool,
    /// The name of this replica.
    #[arg(long, env = "POD_NAME")]
    pub identity: String,
    /// Do not watch nodes: for an operator that may only see its namespaces. Pods of a lost node
    /// are then replaced when Kubernetes has given them up, not as soon as the node is silent.
    #[arg(long, env = "NO_NODES")]
    pub no_nodes: bool,
    /// Instances that are worked on at once; at most half of them of one namespace.
    #[arg(long, env = "CONCURRENCY", default_value_t = 16, value_parser = value_parser!(u16).range(1..))]
    pub concurrency: u16,
    /// How much is logged, such as info or operator=debug.
    #[arg(long, env = "LOG_LEVEL", default_value = "info")]
    pub log_level: String,
    /// How lines of the log look.
    #[arg(long, env = "LOG_FORMAT", value_enum, default_value_t = LogFormat::Json)]
    pub log_format: LogFormat,
}

/// How lines of the log look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For programs.
    Json,
    /// For people.
    Text,
}

/// Peers of a NetworkPolicy.
#[derive(Clone, Debug, PartialEq)]
pub struct Peers(pub Vec<NetworkPolicyPeer>);

impl FromStr for Peers {
    type Err = serde_json::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        serde_json::from_str(text).map(Self)
    }
}

impl Arguments {
    /// What the operator was told as it was installed.
    pub fn installation(&self) -> Installation {
        Installation {
            image: self.image.clone(),
            namespace: self.own_namespace.clone(),
            metrics_from: self.metrics_from.0.clone(),
            pull_secrets: self
                .pull_secrets
                .iter()
                .filter(|name| !name.is_empty())
                .cloned()
                .collect(),
            platform_users: self.platform_users,
        }
    }

    /// What is watched: every namespace, or each of these.
    pub fn scopes(&self) -> Vec<Option<String>> {
        let named: Vec<_> = self
            .watch_namespace
            .iter()
            .filter(|name| !name.is_empty())
            .cloned()
            .map(Some)
            .collect();
        if named.is_empty() { vec![None] } else { named }
    }
}
