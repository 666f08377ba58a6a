//! What the chart makes without any value: safe, and complete.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

use chart::{folder, helm};
use crds::names;
use k8s_openapi::{
    api::{
        admissionregistration::v1::{ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding},
        apps::v1::Deployment,
        core::v1::{Container, PodSpec, Service, ServiceAccount},
        networking::v1::NetworkPolicy,
        policy::v1::PodDisruptionBudget,
        rbac::v1::{ClusterRole, ClusterRoleBinding, Role, RoleBinding},
    },
    apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
    apimachinery::pkg::util::intstr::IntOrString,
};

fn pod(deployment: Deployment) -> PodSpec {
    deployment.spec.unwrap().template.spec.unwrap()
}

fn container(pod: &PodSpec) -> &Container {
    assert_eq!(pod.containers.len(), 1);
    &pod.containers[0]
}

fn environment(container: &Container, name: &str) -> Option<String> {
    let variable = container.env.iter().flatten().find(|variable| variable.name == name)?;
    variable.value.clone()
}

#[test]
fn the_linter_finds_nothing() {
    let output = helm!().run(&["lint", ".", "--strict"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn every_object_is_here_and_none_by_surprise() {
    assert_eq!(
        helm!().template(&[]).names(),
        [
            "ClusterRole seon-edit",
            "ClusterRole seon-operator",
            "ClusterRole seon-view",
            "ClusterRoleBinding seon-operator",
            "CustomResourceDefinition seoninstances.seon.dev",
            "CustomResourceDefinition seonpartners.seon.dev",
            "Deployment seon-system/seon-operator",
            "NetworkPolicy seon-system/seon-operator",
            "PodDisruptionBudget seon-system/seon-operator",
            "Role seon-system/seon-operator-lease",
            "RoleBinding seon-system/seon-operator-lease",
            "Service seon-system/seon-operator-metrics",
            "ServiceAccount seon-system/seon-operator",
            "ValidatingAdmissionPolicy seon-daemons",
            "ValidatingAdmissionPolicyBinding seon-daemons",
        ]
    );
}

#[test]
fn no_object_has_a_field_that_its_type_does_not_know() {
    let objects = helm!().template(&[]);
    objects.all::<ClusterRole>("ClusterRole");
    objects.all::<ClusterRoleBinding>("ClusterRoleBinding");
    objects.all::<Role>("Role");
    objects.all::<RoleBinding>("RoleBinding");
    objects.one::<Deployment>("Deployment");
    objects.one::<NetworkPolicy>("NetworkPolicy");
    objects.one::<PodDisruptionBudget>("PodDisruptionBudget");
    objects.one::<Service>("Service");
    objects.one::<ServiceAccount>("ServiceAccount");
    objects.one::<ValidatingAdmissionPolicy>("ValidatingAdmissionPolicy");
    objects.one::<ValidatingAdmissionPolicyBinding>("ValidatingAdmissionPolicyBinding");
}

#[test]
fn the_policy_for_daemons_names_every_annotation_that_they_write_and_no_other() {
    let policy: ValidatingAdmissionPolicy = helm!().template(&[]).one("ValidatingAdmissionPolicy");
    let spec = policy.spec.unwrap();
    let rule = spec.validations.iter().flatten().map(|rule| rule.expression.as_str());
    let rule = rule.filter(|rule| rule.contains("changedAnnotations")).collect::<String>();
    let named: Vec<_> = rule.split('\'').skip(1).step_by(2).collect();
    assert_eq!(named, names::DAEMON_ANNOTATIONS);
    assert_eq!(spec.failure_policy.as_deref(), Some("Fail"));
}

#[test]
fn the_operator_satisfies_the_restricted_pod_security_standard() {
    let pod = pod(helm!().template(&[]).one("Deployment"));
    let security = pod.security_context.as_ref().unwrap();
    assert_eq!(security.run_as_non_root, Some(true));
    assert_eq!((security.run_as_user, security.run_as_group), (Some(65532), Some(65532)));
    assert_eq!(security.seccomp_profile.as_ref().unwrap().type_, "RuntimeDefault");
    let security = container(&pod).security_context.as_ref().unwrap();
    assert_eq!(security.allow_privilege_escalation, Some(false));
    assert_eq!(security.read_only_root_filesystem, Some(true));
    let capabilities = security.capabilities.as_ref().unwrap();
    assert_eq!(capabilities.drop.as_deref(), Some(["ALL".to_owned()].as_slice()));
    assert_eq!(capabilities.add, None);
    assert_eq!((pod.host_network, pod.host_pid, pod.host_ipc), (None, None, None));
    assert_eq!(pod.volumes, None);
}

#[test]
fn two_replicas_are_spread_probed_and_limited() {
    let deployment: Deployment = helm!().template(&[]).one("Deployment");
    assert_eq!(deployment.spec.as_ref().unwrap().replicas, Some(2));
    let pod = pod(deployment);
    let spread = pod.topology_spread_constraints.as_deref().unwrap();
    assert_eq!(spread[0].topology_key, "kubernetes.io/hostname");
    let container = container(&pod);
    let path = |probe: &Option<k8s_openapi::api::core::v1::Probe>| {
        probe.as_ref().unwrap().http_get.as_ref().unwrap().path.clone().unwrap()
    };
    assert_eq!(path(&container.liveness_probe), "/healthz");
    assert_eq!(path(&container.readiness_probe), "/readyz");
    let resources = container.resources.as_ref().unwrap();
    assert!(resources.limits.as_ref().unwrap().contains_key("memory"));
}

#[test]
fn a_drain_takes_one_replica_at_a_time() {
    let budget: PodDisruptionBudget = helm!().template(&[]).one("PodDisruptionBudget");
    assert_eq!(budget.spec.unwrap().max_unavailable, Some(IntOrString::Int(1)));
}

#[test]
fn both_images_are_this_version_s() {
    let pod = pod(helm!().template(&[]).one("Deployment"));
    let container = container(&pod);
    let version = env!("CARGO_PKG_VERSION");
    let image = |name: &str| Some(format!("registry.local/{name}:{version}"));
    assert_eq!(container.image, image("seon-operator"));
    assert_eq!(environment(container, "SEON_IMAGE"), image("seon"));
}

#[test]
fn the_definitions_are_the_generated_ones() {
    let rendered: Vec<CustomResourceDefinition> =
        helm!().template(&[]).all("CustomResourceDefinition");
    for wanted in crds::definitions() {
        let found = rendered.iter().find(|found| found.metadata.name == wanted.metadata.name);
        let found = found.unwrap();
        assert_eq!(found.spec, wanted.spec);
        let annotations = found.metadata.annotations.as_ref().unwrap();
        assert_eq!(annotations["helm.sh/resource-policy"], "keep");
    }
}

#[test]
fn the_chart_has_the_version_of_everything_else() {
    let text = std::fs::read_to_string(folder().join("Chart.yaml")).unwrap();
    let chart: serde_yaml::Value = serde_yaml::from_str(&text).unwrap();
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(chart["version"], version);
    assert_eq!(chart["appVersion"], version);
    let images = chart["annotations"]["artifacthub.io/images"].as_str().unwrap();
    assert_eq!(images.matches(&format!(":{version}\n")).count(), 3, "{images}");
}
