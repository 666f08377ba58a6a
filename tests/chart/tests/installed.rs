//! The chart on a real API server: accepted, upgraded, uninstalled, and the rights that it gives.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

use chart::folder;
use cluster::{ApiServer, api_server};
use crds::names;
use domain::Daemon;
use k8s_openapi::api::{
    apps::v1::{DaemonSet, Deployment},
    core::v1::{Node, Pod, Secret},
    rbac::v1::{PolicyRule, Role},
};
use kube::{
    Client,
    api::{Api, ListParams, ObjectMeta, PostParams},
};
use serde_json::Value;

const SYSTEM: &str = "seon-system";
const INSTANCE: &str = "
apiVersion: seon.dev/v1alpha1
kind: SeonInstance
metadata: {name: acme, namespace: default}
spec:
  identity:
    odetteId: O0013000001ACME
    passwordSecretRef: {name: acme-oftp, key: password}
";

async fn helm(server: &ApiServer, verb: &str, values: &[&str]) -> Result<String, String> {
    let chart = folder();
    let mut arguments = vec![verb, "seon"];
    if verb != "uninstall" {
        arguments.push(chart.to_str().unwrap());
    }
    if verb == "install" {
        arguments.push("--create-namespace");
    }
    arguments.extend(["--namespace", SYSTEM]);
    for value in values {
        arguments.extend(["--set", value]);
    }
    server.helm(&arguments).await
}

async fn exists(server: &ApiServer, what: &[&str]) -> bool {
    server.kubectl(&[&["get"], what].concat()).await.is_ok()
}

fn role(resource: &str, verbs: &[&str]) -> Role {
    Role {
        metadata: ObjectMeta { name: Some("daemon".into()), ..ObjectMeta::default() },
        rules: Some(vec![PolicyRule {
            api_groups: Some(vec![String::new()]),
            resources: Some(vec![resource.into()]),
            resource_names: Some(vec!["acme-seonrd-0".into()]),
            verbs: verbs.iter().map(ToString::to_string).collect(),
            ..PolicyRule::default()
        }]),
    }
}

/// A role of these rights in a namespace, made by this client; the API server only looks.
async fn gives(client: &Client, namespace: &str, role: &Role) -> Result<(), String> {
    let dry = PostParams { dry_run: true, ..PostParams::default() };
    let roles = Api::<Role>::namespaced(client.clone(), namespace);
    roles.create(&dry, role).await.map(drop).map_err(|error| error.to_string())
}

#[tokio::test]
async fn uninstalling_leaves_the_definitions_and_installing_again_takes_them_over() {
    let server = api_server!();
    let notes = helm(&server, "install", &[]).await.unwrap();
    assert!(notes.contains("rollout status deployment/seon-operator"), "{notes}");
    server.apply(INSTANCE).await.unwrap();

    helm(&server, "uninstall", &[]).await.unwrap();
    assert!(!exists(&server, &["--namespace", SYSTEM, "deployment", "seon-operator"]).await);
    assert!(exists(&server, &["--namespace", "default", "seon", "acme"]).await);

    helm(&server, "install", &[]).await.unwrap();
    assert!(exists(&server, &["--namespace", SYSTEM, "deployment", "seon-operator"]).await);
    assert!(exists(&server, &["--namespace", "default", "seon", "acme"]).await);
}

#[tokio::test]
async fn an_upgrade_brings_the_definitions_up_to_date() {
    let server = api_server!();
    // An older chart, which did not have one of them yet.
    helm(&server, "install", &["crds.enabled=false"]).await.unwrap();
    assert!(!exists(&server, &["crd", "seonpartners.seon.dev"]).await);
    helm(&server, "upgrade", &["crds.enabled=true"]).await.unwrap();
    assert!(exists(&server, &["crd", "seonpartners.seon.dev"]).await);
    // Helm writes what the chart says over what it wrote before.
    helm(&server, "upgrade", &["crds.keep=false"]).await.unwrap();
    let policy =
        ["get", "crd", "seonpartners.seon.dev", "--output=jsonpath={.metadata.annotations}"];
    let annotations = server.kubectl(&policy).await.unwrap();
    assert!(!annotations.contains("resource-policy"), "{annotations}");
}

#[tokio::test]
async fn the_manifest_without_helm_is_accepted_and_makes_the_same() {
    let server = api_server!();
    let path = folder().join("../../deploy/install.yaml");
    let manifest = std::fs::read_to_string(path).unwrap();
    server.apply(&manifest).await.unwrap();
    // A second time nothing is left to do.
    let again = server.apply(&manifest).await.unwrap();
    assert!(again.lines().count() > 10 && again.lines().all(|line| line.ends_with("applied")));
    assert!(exists(&server, &["--namespace", SYSTEM, "deployment", "seon-operator"]).await);
}

#[tokio::test]
async fn a_namespace_for_restricted_pods_admits_the_operator() {
    let server = api_server!();
    helm(&server, "install", &[]).await.unwrap();
    let label = ["label", "namespace", SYSTEM, "pod-security.kubernetes.io/enforce=restricted"];
    server.kubectl(&label).await.unwrap();
    let client = server.client().await;
    let deployments = Api::<Deployment>::namespaced(client.clone(), SYSTEM);
    let template = deployments.get("seon-operator").await.unwrap().spec.unwrap().template;
    let pod = |spec| Pod {
        metadata: ObjectMeta { name: Some("operator".into()), ..ObjectMeta::default() },
        spec,
        status: None,
    };
    let pods = Api::<Pod>::namespaced(client, SYSTEM);
    let dry = PostParams { dry_run: true, ..PostParams::default() };
    pods.create(&dry, &pod(template.spec.clone())).await.unwrap();

    let mut careless = template.spec;
    careless.as_mut().unwrap().containers[0].security_context = None;
    let refused = pods.create(&dry, &pod(careless)).await.unwrap_err();
    assert!(refused.to_string().contains("violates PodSecurity"), "{refused}");
}

#[tokio::test]
async fn the_device_plugin_is_admitted_to_its_own_namespace_and_would_be_to_no_restricted_one() {
    let server = api_server!();
    helm(&server, "install", &["isdn.enabled=true"]).await.unwrap();
    let client = server.client().await;
    let sets = Api::<DaemonSet>::namespaced(client.clone(), "seon-isdn");
    let template = sets.get("seon-capi-device-plugin").await.unwrap().spec.unwrap().template;
    let pod = Pod {
        metadata: ObjectMeta { name: Some("plugin".into()), ..ObjectMeta::default() },
        spec: template.spec,
        status: None,
    };
    let dry = PostParams { dry_run: true, ..PostParams::default() };
    let own = Api::<Pod>::namespaced(client.clone(), "seon-isdn");
    // No controller runs here that would make the account.
    let account = ["create", "serviceaccount", "default", "--namespace", "seon-isdn"];
    server.kubectl(&account).await.unwrap();
    own.create(&dry, &pod).await.unwrap();
    let restricted = server.namespace("restricted").await;
    let elsewhere = Api::<Pod>::namespaced(client, &restricted);
    let refused = elsewhere.create(&dry, &pod).await.unwrap_err();
    assert!(refused.to_string().contains("violates PodSecurity"), "{refused}");
}

#[tokio::test]
async fn the_operator_gives_daemons_their_own_pods_and_nothing_that_it_does_not_have() {
    let server = api_server!();
    helm(&server, "install", &[]).await.unwrap();
    let operator = server.client_of(SYSTEM, "seon-operator").await;
    gives(&operator, "default", &role("pods", &["get", "patch"])).await.unwrap();
    for (resource, verb) in [("pods", "create"), ("secrets", "delete"), ("pods/exec", "create")] {
        let refused = gives(&operator, "default", &role(resource, &[verb])).await.unwrap_err();
        assert!(refused.contains("attempting to grant RBAC permissions"), "{refused}");
    }
}

#[tokio::test]
async fn in_named_namespaces_the_operator_sees_no_other_and_no_node() {
    let server = api_server!();
    let (ours, theirs) = (server.namespace("ours").await, server.namespace("theirs").await);
    helm(&server, "install", &[&format!("watchNamespaces={{{ours}}}")]).await.unwrap();
    let operator = server.client_of(SYSTEM, "seon-operator").await;
    let all = ListParams::default();
    let secrets = |namespace: &str| Api::<Secret>::namespaced(operator.clone(), namespace);
    secrets(&ours).list(&all).await.unwrap();
    secrets(&theirs).list(&all).await.unwrap_err();
    Api::<Node>::all(operator.clone()).list(&all).await.unwrap_err();
    gives(&operator, &ours, &role("pods", &["get", "patch"])).await.unwrap();
}

#[tokio::test]
async fn what_people_may_do_is_added_to_the_roles_that_they_have() {
    let server = api_server!();
    helm(&server, "install", &[]).await.unwrap();
    // The roles `view` and `edit` collect by label what these two grant.
    for (user, role, verb, allowed) in [
        ("vera", "seon-view", "list", true),
        ("vera", "seon-view", "create", false),
        ("emil", "seon-edit", "create", true),
        ("emil", "seon-edit", "delete", true),
    ] {
        let binding = format!("{user}-{verb}");
        let bind = ["create", "clusterrolebinding", &binding];
        let bind = [&bind[..], &["--clusterrole", role, "--user", user]].concat();
        server.kubectl(&bind).await.unwrap();
        let review = ["auth", "can-i", verb, "seonpartners.seon.dev", "--as", user];
        let deadline = std::time::Duration::from_secs(20);
        if allowed {
            // The authorizer learns of the binding by a watch.
            support::wait_until("the binding counts", deadline, async || {
                server.kubectl(&review).await
            })
            .await;
        } else {
            server.kubectl(&review).await.unwrap_err();
        }
    }
    let label = "rbac.authorization.k8s.io/aggregate-to-edit";
    let labels = server.kubectl(&["get", "clusterrole", "seon-edit", "--output=json"]).await;
    let object: Value = serde_json::from_str(&labels.unwrap()).unwrap();
    assert_eq!(object["metadata"]["labels"][label], "true");
}

/// A change of the pod acme-x in a namespace that is only tried, by an account of that namespace with
/// every right.
async fn change(
    server: &ApiServer,
    namespace: &str,
    account: &str,
    patch: &str,
) -> Result<String, String> {
    let user = format!("--as=system:serviceaccount:{namespace}:{account}");
    let patch = format!("--patch={patch}");
    let arguments = ["patch", "pod", "acme-x", "--namespace", namespace, "--dry-run=server"];
    server.kubectl(&[&arguments[..], &[&patch, &user, "--as-group=system:masters"]].concat()).await
}

async fn namespace_with_pod(server: &ApiServer, name: &str) -> String {
    let namespace = server.namespace(name).await;
    server
        .kubectl(&["create", "serviceaccount", "default", "--namespace", &namespace])
        .await
        .unwrap();
    let pod = format!(
        "{{apiVersion: v1, kind: Pod, metadata: {{name: acme-x, namespace: {namespace}}}, spec: \
         {{securityContext: {{runAsNonRoot: true, seccompProfile: {{type: RuntimeDefault}}}}, \
         containers: [{{name: x, image: a, securityContext: {{allowPrivilegeEscalation: false, \
         capabilities: {{drop: [ALL]}}}}}}]}}}}"
    );
    server.apply(&pod).await.unwrap();
    namespace
}

#[tokio::test]
async fn every_daemon_is_held_to_its_own_marks_and_nobody_else_is() {
    let server = api_server!();
    let (ours, theirs) =
        (namespace_with_pod(&server, "ours").await, namespace_with_pod(&server, "theirs").await);
    helm(&server, "install", &[&format!("watchNamespaces={{{ours}}}")]).await.unwrap();
    let image = r#"{"spec": {"containers": [{"name": "x", "image": "b"}]}}"#;
    let deadline = std::time::Duration::from_mins(1);
    support::wait_until("the policy counts", deadline, async || {
        change(&server, &ours, "acme-seonsqd", image).await.is_err()
    })
    .await;
    let daemons = Daemon::SINGLE.into_iter().chain(Daemon::all().filter(|daemon| {
        matches!(daemon, Daemon::SeonrdCapi(number) if [1, 10, 127].contains(&number.get()))
    }));
    for daemon in daemons {
        let account = names::daemon_object("acme", daemon.name());
        let refused = change(&server, &ours, &account, image).await.unwrap_err();
        assert!(refused.contains("does not change what its pod is made from"), "{refused}");
        let role = r#"{"metadata": {"labels": {"seon.dev/role": "active"}}}"#;
        change(&server, &ours, &account, role).await.unwrap();
        for annotation in names::DAEMON_ANNOTATIONS {
            let own = format!(r#"{{"metadata": {{"annotations": {{"{annotation}": "x"}}}}}}"#);
            change(&server, &ours, &account, &own).await.unwrap();
        }
        // Where no operator of this release works, its policy is nobody's.
        change(&server, &theirs, &account, image).await.unwrap();
    }
    for account in ["seon-operator", "acme-db", "acme", "default", "acme-seonrd-x"] {
        change(&server, &ours, account, image).await.unwrap();
    }
}
