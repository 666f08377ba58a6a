//! The ways to pods.

use crds::names;
use k8s_openapi::{
    api::core::v1::{Service, ServicePort, ServiceSpec},
    apimachinery::pkg::util::intstr::IntOrString,
};

use serde::Serialize;
use serde_json::json;

use super::{labels, rights};
use crate::{
    daemon::OnCluster as _,
    validate::{ValidatedDaemon, ValidatedInstance},
};

/// The partners' way to the active pod of a listener, and to no other.
pub(super) fn of_listener(
    instance: &ValidatedInstance,
    daemon: &ValidatedDaemon,
) -> Option<Service> {
    let listener = daemon.listener.as_ref()?;
    let service = &listener.service;
    let mut labels = labels::of_user(&service.labels);
    labels.extend(labels::of_daemon(instance, daemon.daemon));
    let mut metadata = labels::metadata(instance, rights::name(instance, daemon), labels);
    metadata.annotations =
        Some(service.annotations.clone()).filter(|annotations| !annotations.is_empty());
    let mut selector = labels::selector(instance, &daemon.daemon.label());
    selector.insert(names::ROLE_LABEL.into(), names::ACTIVE.into());
    let ranges = &service.load_balancer_source_ranges;
    Some(Service {
        metadata,
        spec: Some(ServiceSpec {
            type_: Some(word(&service.kind)),
            selector: Some(selector),
            external_traffic_policy: service.external_traffic_policy.map(|it| word(&it)),
            load_balancer_class: service.load_balancer_class.clone(),
            ip_family_policy: service.ip_family_policy.map(|it| word(&it)),
            ip_families: Some(service.ip_families.iter().map(word).collect::<Vec<_>>())
                .filter(|families| !families.is_empty()),
            load_balancer_source_ranges: Some(ranges.clone()).filter(|ranges| !ranges.is_empty()),
            // The role says who gets calls. A node that only the API server has lost has no ready
            // pods either, and its active one works on.
            publish_not_ready_addresses: Some(true),
            ports: Some(vec![ServicePort {
                name: Some("oftp".into()),
                port: listener.port.into(),
                target_port: Some(IntOrString::Int(listener.port.into())),
                node_port: service.node_port,
                protocol: Some("TCP".into()),
                ..ServicePort::default()
            }]),
            ..ServiceSpec::default()
        }),
        ..Service::default()
    })
}

/// One of the words that the definitions allow, as Kubernetes has them too.
fn word(one: &impl Serialize) -> String {
    json!(one).as_str().unwrap_or_default().to_owned()
}

/// Names for all pods, ready or not: a daemon that does not work is the one to be asked why.
pub(super) fn of_pods(instance: &ValidatedInstance) -> Service {
    let name = names::pods_service(&instance.key.name);
    let selector = [(names::INSTANCE_LABEL.to_owned(), instance.key.name.clone())];
    Service {
        metadata: labels::metadata(instance, name, labels::of_instance(instance)),
        spec: Some(ServiceSpec {
            cluster_ip: Some("None".into()),
            selector: Some(selector.into()),
            publish_not_ready_addresses: Some(true),
            ports: Some(vec![ServicePort {
                name: Some("admin".into()),
                port: names::ADMIN_PORT.into(),
                target_port: Some(IntOrString::String("admin".into())),
                protocol: Some("TCP".into()),
                ..ServicePort::default()
            }]),
            ..ServiceSpec::default()
        }),
        ..Service::default()
    }
}
