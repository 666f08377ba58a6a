//! What each value changes, and which values are refused.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

use chart::helm;
use k8s_openapi::api::{
    admissionregistration::v1::ValidatingAdmissionPolicyBinding,
    apps::v1::Deployment,
    core::v1::{Container, EnvVar},
    networking::v1::{NetworkPolicy, NetworkPolicyPeer},
    rbac::v1::{ClusterRole, Role},
};

fn container(deployment: Deployment) -> Container {
    deployment.spec.unwrap().template.spec.unwrap().containers.remove(0)
}

fn value(environment: &[EnvVar], name: &str) -> String {
    environment.iter().find(|variable| variable.name == name).unwrap().value.clone().unwrap()
}

#[test]
fn in_named_namespaces_the_operator_has_roles_there_and_no_right_in_the_cluster() {
    let objects = helm!().template(&["watchNamespaces={trucks,cars}"]);
    let names = objects.names();
    assert!(!names.iter().any(|name| name.starts_with("ClusterRole")), "{names:?}");
    for namespace in ["trucks", "cars"] {
        assert!(names.contains(&format!("Role {namespace}/seon-operator")), "{names:?}");
        assert!(names.contains(&format!("RoleBinding {namespace}/seon-operator")), "{names:?}");
    }
    assert!(names.contains(&"Role seon-system/seon-operator-lease".to_owned()), "{names:?}");
    let environment = container(objects.one("Deployment")).env.unwrap();
    assert_eq!(value(&environment, "WATCH_NAMESPACE"), "trucks,cars");
}

#[test]
fn the_same_rights_in_a_namespace_as_everywhere_except_for_what_no_namespace_has() {
    let helm = helm!();
    let everywhere: Vec<ClusterRole> = helm.template(&[]).all("ClusterRole");
    let everywhere =
        everywhere.iter().find(|role| role.metadata.name.as_deref() == Some("seon-operator"));
    let everywhere = everywhere.unwrap().rules.clone().unwrap();
    let there: Vec<Role> = helm.template(&["watchNamespaces={trucks}"]).all("Role");
    let there = there.iter().find(|role| role.metadata.namespace.as_deref() == Some("trucks"));
    let there = there.unwrap().rules.clone().unwrap();
    let (shared, more) = everywhere.split_at(there.len());
    assert_eq!(shared, there);
    for rule in more {
        assert_eq!(rule.resources.as_deref(), Some(["nodes".to_owned()].as_slice()));
        assert!(!rule.verbs.iter().any(|verb| verb == "patch" || verb == "delete"));
    }
}

#[test]
fn names_namespace_and_labels_are_whatever_an_installation_wants() {
    let helm = helm!();
    let values = [
        "nameOverride=edi",
        "namespaceOverride=partners",
        "commonLabels.team=edi",
        "commonLabels.app\\.kubernetes\\.io/name=other",
    ];
    let objects = helm.template(&values);
    let deployment: Deployment = objects.one("Deployment");
    assert_eq!(deployment.metadata.name.as_deref(), Some("seon-edi-operator"));
    assert_eq!(deployment.metadata.namespace.as_deref(), Some("partners"));
    let labels = deployment.metadata.labels.unwrap();
    let label = |name: &str| labels[name].as_str();
    assert_eq!((label("team"), label("app.kubernetes.io/name")), ("edi", "seon-operator"));
    let elsewhere: Vec<_> =
        objects.names().into_iter().filter(|name| name.contains(" seon-system/")).collect();
    assert!(elsewhere.is_empty(), "{elsewhere:?}");
}

#[test]
fn the_operator_gets_further_arguments_variables_and_secrets_for_images() {
    let container = container(
        helm!()
            .template(&[
                "extraArgs={--concurrency=4}",
                "extraEnv[0].name=HTTPS_PROXY",
                "extraEnv[0].value=http://proxy:3128",
                "images.daemonPullSecrets={one,two}",
            ])
            .one("Deployment"),
    );
    assert!(container.args.unwrap().contains(&"--concurrency=4".to_owned()));
    let environment = container.env.unwrap();
    assert_eq!(value(&environment, "HTTPS_PROXY"), "http://proxy:3128");
    assert_eq!(value(&environment, "PULL_SECRETS"), "one,two");
}

#[test]
fn where_the_platform_says_as_which_users_pods_run_nobody_else_does() {
    let helm = helm!();
    for (value, is_ours) in [("platformUsers=false", true), ("platformUsers=true", false)] {
        let deployment: Deployment = helm.template(&[value]).one("Deployment");
        let pod = deployment.spec.unwrap().template.spec.unwrap();
        let context = pod.security_context.unwrap();
        let users = [context.run_as_user, context.run_as_group, context.fs_group];
        assert_eq!(users, if is_ours { [Some(65_532); 3] } else { [None; 3] });
        assert_eq!(context.run_as_non_root, Some(true), "and in no case as root");
        let args = pod.containers[0].args.clone().unwrap();
        assert_ne!(args.contains(&"--platform-users".to_owned()), is_ours);
    }
}

#[test]
fn no_right_is_a_wildcard() {
    let roles: Vec<ClusterRole> = helm!().template(&[]).all("ClusterRole");
    for rule in roles.into_iter().filter_map(|role| role.rules).flatten() {
        let words = [rule.api_groups, rule.resources, Some(rule.verbs)];
        assert!(!words.into_iter().flatten().flatten().any(|word| word == "*"));
    }
}

#[test]
fn without_roles_and_account_somebody_else_made_them() {
    let helm = helm!();
    let given = ["rbac.create=false", "serviceAccount.create=false", "serviceAccount.name=robot"];
    let objects = helm.template(&given);
    let names = objects.names();
    assert!(!names.iter().any(|name| name.contains("Role") || name.contains("ServiceAccount")));
    let deployment: Deployment = objects.one("Deployment");
    let account = deployment.spec.unwrap().template.spec.unwrap().service_account_name;
    assert_eq!(account.as_deref(), Some("robot"));
    let refusal = helm.refusal(&["serviceAccount.create=false"]);
    assert!(refusal.contains("serviceAccount.name: with serviceAccount.create=false, name one"));
}

#[test]
fn definitions_can_be_left_to_others_or_given_up_on_uninstall() {
    let helm = helm!();
    let without = helm.template(&["crds.enabled=false"]).names();
    assert!(!without.iter().any(|name| name.starts_with("CustomResourceDefinition")));
    let objects = helm.template(&["crds.keep=false"]);
    for object in objects.values().iter().filter(|o| o["kind"] == "CustomResourceDefinition") {
        assert!(object["metadata"].get("annotations").is_none());
    }
}

#[test]
fn an_image_is_named_by_registry_and_tag_and_better_by_digest() {
    let helm = helm!();
    let own = ["images.registry=oci.example/edi", "images.tag=1.2.3"];
    let own = container(helm.template(&own).one("Deployment"));
    assert_eq!(own.image.as_deref(), Some("oci.example/edi/seon-operator:1.2.3"));
    assert_eq!(value(&own.env.unwrap(), "SEON_IMAGE"), "oci.example/edi/seon:1.2.3");

    let digest = format!("sha256:{}", "0f".repeat(32));
    let operator = format!("images.digests.operator={digest}");
    let daemons = format!("images.digests.daemons={digest}");
    let pinned = container(helm.template(&[&operator, &daemons]).one("Deployment"));
    assert_eq!(pinned.image, Some(format!("registry.local/seon-operator@{digest}")));
    assert_eq!(value(&pinned.env.unwrap(), "SEON_IMAGE"), format!("registry.local/seon@{digest}"));
}

#[test]
fn monitoring_comes_when_it_is_asked_for() {
    let names = helm!().template(&["podMonitor.enabled=true", "prometheusRule.enabled=true"]);
    let names = names.names();
    for name in ["PodMonitor seon-system/seon-operator", "PodMonitor seon-system/seon-daemons"] {
        assert!(names.contains(&name.to_owned()), "{names:?}");
    }
    assert!(names.contains(&"PrometheusRule seon-system/seon".to_owned()), "{names:?}");
}

#[test]
fn the_policy_for_daemons_is_for_the_namespaces_of_the_operator_and_can_be_turned_off() {
    let helm = helm!();
    let binding = |values: &[&str]| -> ValidatingAdmissionPolicyBinding {
        helm.template(values).one("ValidatingAdmissionPolicyBinding")
    };
    assert_eq!(binding(&[]).spec.unwrap().match_resources, None, "everywhere");
    let named = binding(&["watchNamespaces={trucks,cars}"]).spec.unwrap().match_resources.unwrap();
    let mut chosen = named.namespace_selector.unwrap().match_expressions.unwrap();
    assert_eq!(chosen.remove(0).values.unwrap(), ["trucks", "cars"]);
    let without = helm.template(&["admissionPolicy.enabled=false"]).names();
    assert!(!without.iter().any(|name| name.contains("Admission")), "{without:?}");
}

#[test]
fn who_reads_the_metrics_is_told_to_the_operator_as_it_understands_it() {
    let helm = helm!();
    let told = |values: &[&str]| {
        let environment = container(helm.template(values).one("Deployment")).env.unwrap();
        let peers: Vec<NetworkPolicyPeer> =
            serde_json::from_str(&value(&environment, "METRICS_FROM")).unwrap();
        peers
    };
    assert_eq!(told(&[]), []);
    let peers = told(&["networkPolicy.metricsFrom[0].podSelector.matchLabels.app=prometheus"]);
    let labels = peers[0].pod_selector.as_ref().unwrap().match_labels.as_ref().unwrap();
    assert_eq!(labels["app"], "prometheus");
}

#[test]
fn values_of_a_version_before_that_are_used_again_leave_what_is_new_as_it_is_by_default() {
    let helm = helm!();
    let before = ["admissionPolicy=null", "networkPolicy.metricsFrom=null"];
    let objects = helm.template(&before);
    assert_eq!(objects.names(), helm.template(&[]).names());
    let environment = container(objects.one("Deployment")).env.unwrap();
    assert_eq!(value(&environment, "METRICS_FROM"), "[]");
}

#[test]
fn the_api_server_s_ports_are_where_the_operator_may_go() {
    let policy: NetworkPolicy =
        helm!().template(&["networkPolicy.apiServerPorts={16443}"]).one("NetworkPolicy");
    let egress = policy.spec.unwrap().egress.unwrap();
    let open: Vec<_> = egress.into_iter().filter(|rule| rule.to.is_none()).collect();
    let ports = open.into_iter().flat_map(|rule| rule.ports.unwrap());
    let ports: Vec<String> = ports.map(|port| format!("{:?}", port.port.unwrap())).collect();
    assert_eq!(ports, ["Int(53)", "Int(53)", "Int(5353)", "Int(5353)", "Int(16443)"]);
}

#[test]
fn a_release_of_another_name_shares_no_object_with_the_first() {
    let helm = helm!();
    let first = helm.template(&["crds.enabled=false"]).names();
    let second = helm.template(&["crds.enabled=false", "fullnameOverride=other"]).names();
    assert!(!second.iter().any(|name| first.contains(name)), "{second:?}");
}

#[test]
fn what_no_value_is_or_has_the_wrong_form_is_refused() {
    let helm = helm!();
    for (value, says) in [
        ("replicas=two", "/replicas"),
        ("replica=2", "'replica' not allowed"),
        ("images.tag=a b", "/images/tag"),
        ("images.digests.operator=sha256:12", "/images/digests/operator"),
        ("images.pullPolicy=Sometimes", "/images/pullPolicy"),
        ("watchNamespaces={Trucks}", "/watchNamespaces/0"),
        ("crds.keep=maybe", "/crds/keep"),
        ("log.level=loud", "/log/level"),
        ("networkPolicy.apiServerPorts={66190}", "/networkPolicy/apiServerPorts/0"),
        ("networkPolicy.metricsFrom={prometheus}", "/networkPolicy/metricsFrom/0"),
        // As a selector it would be empty, and let everybody in.
        (
            "networkPolicy.metricsFrom[0].namespaceSelector.matchLabel.app=prometheus",
            "/networkPolicy/metricsFrom/0/namespaceSelector",
        ),
        ("isdn.device=capi20", "/isdn/device"),
        ("isdn.device=/dev/../capi20", "/isdn/device"),
        ("isdn.namespace=ISDN", "/isdn/namespace"),
        ("podMonitor.interval=often", "/podMonitor/interval"),
    ] {
        let refusal = helm.refusal(&[value]);
        assert!(refusal.contains(says), "{value}: {refusal}");
    }
}
