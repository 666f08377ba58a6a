//! Who may connect to whom. Whatever is not here is refused, by a network that enforces policies.

use std::{collections::BTreeSet, net::IpAddr};

use crds::names;
use k8s_openapi::{
    api::networking::v1::{
        IPBlock, NetworkPolicy, NetworkPolicyEgressRule, NetworkPolicyIngressRule,
        NetworkPolicyPeer, NetworkPolicyPort, NetworkPolicySpec,
    },
    apimachinery::pkg::util::intstr::IntOrString,
};

use super::{labels, migration, rights};
use crate::{
    daemon::{Daemon, OnCluster as _},
    validate::{ValidatedDaemon, ValidatedInstance, ValidatedLine},
};

/// Where the API server listens: behind its Service, and as it is.
const API_SERVER: [u16; 2] = [443, 6443];

/// Where the cluster's name servers listen: usually on 53, as a cache on the node does; those of
/// `OpenShift` on 5353 behind their Service, and it is the pod's port that policies look at.
const DNS: [u16; 2] = [53, 5353];

/// A daemon is called by partners if it listens, and asked by its own instance and the operator. It
/// calls the database and the API server, `seonsqd` the partners and whoever publishes lists too, and a daemon of ISDN the box
/// that has its controller.
pub(super) fn of_daemon(instance: &ValidatedInstance, daemon: &ValidatedDaemon) -> NetworkPolicy {
    let readings = NetworkPolicyIngressRule {
        from: Some(
            [own_pods(instance), operator(instance)]
                .into_iter()
                .chain(instance.metrics_from.iter().cloned())
                .collect(),
        ),
        ports: Some(tcp([names::ADMIN_PORT])),
    };
    let partners = daemon
        .listener
        .as_ref()
        .map(|listener| NetworkPolicyIngressRule { from: None, ports: Some(tcp([listener.port])) });
    let mut anywhere: BTreeSet<u16> = instance.database_ports.clone();
    anywhere.extend(API_SERVER);
    if daemon.daemon == Daemon::Seonsqd {
        anywhere.extend(&instance.partner_ports);
    }
    let own = NetworkPolicyEgressRule {
        to: Some(vec![own_pods(instance)]),
        ports: Some(tcp([names::ADMIN_PORT])),
    };
    let component = daemon.daemon.label();
    policy(
        instance,
        rights::name(instance, daemon),
        &component,
        [readings].into_iter().chain(partners).collect(),
        [names_of_hosts(), to_anywhere(anywhere), own]
            .into_iter()
            .chain(daemon.line.as_ref().and_then(to_box))
            .collect(),
    )
}

/// The migration is called by nobody and calls the database.
pub(super) fn of_migration(instance: &ValidatedInstance) -> NetworkPolicy {
    policy(
        instance,
        format!("{}-{}", instance.key.name, migration::COMPONENT),
        migration::COMPONENT,
        Vec::new(),
        vec![names_of_hosts(), to_anywhere(instance.database_ports.clone())],
    )
}

fn policy(
    instance: &ValidatedInstance,
    name: String,
    component: &str,
    ingress: Vec<NetworkPolicyIngressRule>,
    egress: Vec<NetworkPolicyEgressRule>,
) -> NetworkPolicy {
    let own_labels = labels::with_component(labels::of_instance(instance), component);
    NetworkPolicy {
        metadata: labels::metadata(instance, name, own_labels),
        spec: Some(NetworkPolicySpec {
            pod_selector: Some(labels::label_selector(labels::selector(instance, component))),
            policy_types: Some(vec!["Ingress".into(), "Egress".into()]),
            ingress: Some(ingress).filter(|rules| !rules.is_empty()),
            egress: Some(egress),
        }),
    }
}

fn own_pods(instance: &ValidatedInstance) -> NetworkPolicyPeer {
    let own = [(names::INSTANCE_LABEL.to_owned(), instance.key.name.clone())];
    NetworkPolicyPeer {
        pod_selector: Some(labels::label_selector(own.into())),
        ..NetworkPolicyPeer::default()
    }
}

/// In its own namespace: anybody can label a pod in theirs. The API server itself labels a namespace
/// with its name.
fn operator(instance: &ValidatedInstance) -> NetworkPolicyPeer {
    let namespace =
        [("kubernetes.io/metadata.name".to_owned(), instance.operator_namespace.clone())];
    let operator = [("app.kubernetes.io/name".to_owned(), names::OPERATOR.to_owned())];
    NetworkPolicyPeer {
        namespace_selector: Some(labels::label_selector(namespace.into())),
        pod_selector: Some(labels::label_selector(operator.into())),
        ..NetworkPolicyPeer::default()
    }
}

fn names_of_hosts() -> NetworkPolicyEgressRule {
    let ports = DNS.into_iter().flat_map(|port| [on("UDP", port), on("TCP", port)]);
    NetworkPolicyEgressRule { to: None, ports: Some(ports.collect()) }
}

/// A policy knows no host names, so that it is the port that is allowed.
fn to_anywhere(ports: impl IntoIterator<Item = u16>) -> NetworkPolicyEgressRule {
    NetworkPolicyEgressRule { to: None, ports: Some(tcp(ports)) }
}

/// The box alone, if it is given by its address; or else its port.
fn to_box(line: &ValidatedLine) -> Option<NetworkPolicyEgressRule> {
    let ValidatedLine::Remote { host, port, .. } = line else { return None };
    let block = |address: IpAddr| NetworkPolicyPeer {
        ip_block: Some(IPBlock {
            cidr: format!("{address}/{}", if address.is_ipv4() { 32 } else { 128 }),
            except: None,
        }),
        ..NetworkPolicyPeer::default()
    };
    let to = host.parse().ok().map(|address| vec![block(address)]);
    Some(NetworkPolicyEgressRule { to, ports: Some(tcp([*port])) })
}

fn tcp(ports: impl IntoIterator<Item = u16>) -> Vec<NetworkPolicyPort> {
    ports.into_iter().map(|port| on("TCP", port)).collect()
}

fn on(protocol: &str, port: u16) -> NetworkPolicyPort {
    NetworkPolicyPort {
        port: Some(IntOrString::Int(port.into())),
        protocol: Some(protocol.into()),
        ..NetworkPolicyPort::default()
    }
}
