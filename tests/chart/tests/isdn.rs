//! The device plugin for ISDN adapters: the one privileged part, by itself and only when it is wanted.

#![allow(clippy::unwrap_used, clippy::panic, reason = "what fails here fails the test")]

use chart::helm;
use k8s_openapi::api::{
    apps::v1::{DaemonSet, Deployment},
    core::v1::{Namespace, PodSpec},
    networking::v1::NetworkPolicy,
};
use kube::ResourceExt as _;

const ENABLED: &str = "isdn.enabled=true";

fn pod(set: &DaemonSet) -> PodSpec {
    set.spec.clone().unwrap().template.spec.unwrap()
}

#[test]
fn it_comes_when_it_is_wanted_and_changes_nothing_else() {
    let helm = helm!();
    let without = helm.template(&[]);
    let with = helm.template(&[ENABLED]);
    let more: Vec<String> =
        with.names().into_iter().filter(|name| !without.names().contains(name)).collect();
    assert_eq!(
        more,
        [
            "DaemonSet seon-isdn/seon-capi-device-plugin",
            "Namespace seon-isdn",
            "NetworkPolicy seon-isdn/seon-capi-device-plugin",
        ]
    );
    assert_eq!(without.one::<Deployment>("Deployment"), with.one::<Deployment>("Deployment"));
}

#[test]
fn it_alone_is_privileged_and_in_a_namespace_of_its_own() {
    let objects = helm!().template(&[ENABLED]);
    let namespace: Namespace = objects.one("Namespace");
    assert_eq!(namespace.labels()["pod-security.kubernetes.io/enforce"], "privileged");
    let set: DaemonSet = objects.one("DaemonSet");
    assert_eq!(set.namespace(), namespace.metadata.name);
    let pod = pod(&set);
    let security = pod.containers[0].security_context.as_ref().unwrap();
    assert_eq!((security.privileged, security.read_only_root_filesystem), (Some(true), Some(true)));
    assert_eq!((pod.host_network, pod.host_pid, pod.host_ipc), (None, None, None));
    let operator: Deployment = objects.one("Deployment");
    let operator = operator.spec.unwrap().template.spec.unwrap();
    assert_eq!(operator.containers[0].security_context.as_ref().unwrap().privileged, None);
}

#[test]
fn it_has_no_right_at_the_api_server_and_no_network() {
    let objects = helm!().template(&[ENABLED]);
    let pod = pod(&objects.one("DaemonSet"));
    assert_eq!(pod.automount_service_account_token, Some(false));
    assert_eq!(pod.service_account_name, None);
    let policies: Vec<NetworkPolicy> = objects.all("NetworkPolicy");
    let own =
        policies.iter().find(|policy| policy.name_any() == "seon-capi-device-plugin").unwrap();
    let spec = own.spec.as_ref().unwrap();
    assert_eq!(spec.policy_types.as_deref().unwrap(), ["Ingress", "Egress"]);
    assert_eq!((&spec.ingress, &spec.egress), (&None, &None));
}

#[test]
fn it_sees_the_folders_of_the_device_and_of_the_kubelet_and_no_more_of_the_node() {
    let pod = pod(&helm!().template(&[ENABLED]).one("DaemonSet"));
    let folders = pod.volumes.unwrap().into_iter();
    let folders: Vec<String> = folders.map(|volume| volume.host_path.unwrap().path).collect();
    assert_eq!(folders, ["/var/lib/kubelet/device-plugins", "/dev"]);
    let mounts = pod.containers[0].volume_mounts.as_ref().unwrap().iter();
    assert!(mounts.map(|mount| &mount.mount_path).eq(&folders), "as on the node");
}

#[test]
fn it_runs_on_nodes_that_are_known_to_have_an_adapter_and_offers_each_controller_by_its_number() {
    let helm = helm!();
    let pod = pod(&helm.template(&[ENABLED]).one("DaemonSet"));
    let label = ("feature.node.kubernetes.io/pci-0204.present".to_owned(), "true".to_owned());
    assert_eq!(pod.node_selector.unwrap(), [label].into());
    let variables = pod.containers[0].env.as_ref().unwrap();
    let by_number = variables.iter().find(|variable| variable.name == "BY_NUMBER").unwrap();
    assert_eq!(by_number.value.as_deref(), Some("true"));
    let image = format!("registry.local/seon-capi-device-plugin:{}", env!("CARGO_PKG_VERSION"));
    assert_eq!(pod.containers[0].image, Some(image));

    let own = [
        ENABLED,
        "isdn.nodeSelector.line=isdn",
        "isdn.tolerations[0].operator=Exists",
        "isdn.namespace=hardware",
        "isdn.createNamespace=false",
        "isdn.device=/dev/isdn/capi20",
    ];
    let objects = helm.template(&own);
    let set: DaemonSet = objects.one("DaemonSet");
    assert_eq!(set.namespace().as_deref(), Some("hardware"));
    assert!(objects.all::<Namespace>("Namespace").is_empty());
    let pod = self::pod(&set);
    assert_eq!(pod.node_selector.unwrap(), [("line".to_owned(), "isdn".to_owned())].into());
    assert_eq!(pod.tolerations.unwrap()[0].operator.as_deref(), Some("Exists"));
    let folders = pod.volumes.unwrap();
    assert_eq!(folders[1].host_path.as_ref().unwrap().path, "/dev/isdn");
}

#[test]
fn the_rule_that_labels_nodes_sets_the_label_that_is_looked_for() {
    let objects = helm!().template(&[ENABLED, "isdn.nodeFeatureRule=true"]);
    let is_rule = |object: &&serde_yaml::Value| object["kind"] == "NodeFeatureRule";
    let rule = &objects.values().iter().find(is_rule).unwrap()["spec"]["rules"][0];
    assert_eq!(rule["labels"]["feature.node.kubernetes.io/pci-0204.present"], "true");
    assert_eq!(rule["matchFeatures"][0]["matchExpressions"]["class"]["value"][0], "0204");
}
