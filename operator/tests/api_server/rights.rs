//! The operator has the rights that it uses, and uses those that it has.

use std::{collections::BTreeSet, sync::Arc};

use cluster::an_annotation_comes_back;
use crds::{SeonInstance, names};
use k8s_openapi::api::{
    apps::v1::StatefulSet,
    core::v1::{Pod, ServiceAccount},
};
use kube::{
    Client,
    api::{ListParams, Patch, PatchParams},
};
use operator::{
    controller::{Settings, run},
    election::{Election, machine::Terms},
    metrics::Metrics,
    rbac::{RULES, Scope},
    turns::{LIMIT, Turns},
};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::fixture::{PATIENCE, Place, define, installation, until};

const ACCOUNT: &str = "seon-operator";

/// The table as it is, given to an account in one namespace, and of the whole cluster only nodes.
async fn grant(server: &cluster::ApiServer, namespace: &str) -> Client {
    let rules = |scopes: &[Scope]| -> Vec<Value> {
        RULES
            .iter()
            .filter(|rule| scopes.contains(&rule.scope))
            .map(|rule| {
                json!({
                    "apiGroups": [rule.group],
                    "resources": [rule.resource],
                    "verbs": rule.verbs,
                })
            })
            .collect()
    };
    let subject = json!([{"kind": "ServiceAccount", "name": ACCOUNT, "namespace": namespace}]);
    let group = "rbac.authorization.k8s.io";
    let meta = |namespaced: bool| {
        if namespaced {
            json!({"name": ACCOUNT, "namespace": namespace})
        } else {
            json!({"name": format!("{ACCOUNT}-{namespace}")})
        }
    };
    let manifests = json!({"apiVersion": "v1", "kind": "List", "items": [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta(true)},
        {"apiVersion": format!("{group}/v1"), "kind": "Role", "metadata": meta(true),
            "rules": rules(&[Scope::Watched, Scope::Own])},
        {"apiVersion": format!("{group}/v1"), "kind": "RoleBinding", "metadata": meta(true),
            "subjects": subject, "roleRef": {"apiGroup": group, "kind": "Role", "name": ACCOUNT}},
        {"apiVersion": format!("{group}/v1"), "kind": "ClusterRole", "metadata": meta(false),
            "rules": rules(&[Scope::Cluster])},
        {"apiVersion": format!("{group}/v1"), "kind": "ClusterRoleBinding", "metadata": meta(false),
            "subjects": subject, "roleRef": {"apiGroup": group, "kind": "ClusterRole",
            "name": format!("{ACCOUNT}-{namespace}")}},
    ]});
    server.apply(&manifests.to_string()).await.unwrap();
    // What is given reaches the API server's decisions a moment later: of each role one right.
    let account = format!("--as=system:serviceaccount:{namespace}:{ACCOUNT}");
    for right in [["get", "leases.coordination.k8s.io"], ["list", "nodes"]] {
        let ask = [&["auth", "can-i"][..], &right, &["--namespace", namespace, &account]].concat();
        until("the account has its rights", async || server.kubectl(&ask).await).await;
    }
    server.client_of(namespace, ACCOUNT).await
}

/// A pod as a StatefulSet's controller makes it.
fn pod(set: &StatefulSet, ordinal: u8) -> Pod {
    let template = set.spec.clone().unwrap().template;
    let mut metadata = template.metadata.unwrap();
    metadata.name = Some(format!("{}-{ordinal}", set.metadata.name.clone().unwrap()));
    Pod { metadata, spec: template.spec, ..Pod::default() }
}

#[tokio::test]
async fn every_right_is_used_and_none_is_missing() {
    let server = cluster::api_server!();
    define(&server.client().await, crds::definitions()).await;
    let place = Place::new(&server).await;
    let client = grant(&server, &place.namespace).await;
    let metrics = Arc::new(Metrics::default());
    let mut election = Election::new(
        client.clone(),
        &place.namespace,
        "one".into(),
        Terms::default(),
        Arc::clone(&metrics),
    );
    tokio::time::timeout(PATIENCE, election.won(|| ())).await.unwrap();
    let stop = CancellationToken::new();
    let settings = Settings {
        installation: installation(),
        identity: "one".into(),
        turns: Turns::new(4, LIMIT),
        with_nodes: true,
    };
    let namespace = Some(place.namespace.clone());
    let running = tokio::spawn(run(client, namespace, settings, metrics, stop.clone()));

    // Everything is made.
    place.instance(|_| ()).await;
    place.partner("bolt", |_| ()).await;
    let sets = until("the daemons are there", async || {
        let sets = place.api::<StatefulSet>().list(&ListParams::default()).await.unwrap();
        (sets.items.len() == 4).then_some(sets.items).ok_or_else(|| "not yet".into())
    })
    .await;
    // A daemon with two pods; the active one is to hand over.
    let set = sets.iter().find(|set| set.metadata.name.as_deref() == Some("acme-seonsqd")).unwrap();
    for (ordinal, role) in [(0, names::ACTIVE), (1, names::STANDBY)] {
        let mut pod = pod(set, ordinal);
        pod.metadata.labels.get_or_insert_default().insert(names::ROLE_LABEL.into(), role.into());
        let annotations = pod.metadata.annotations.get_or_insert_default();
        annotations.insert(names::CONFIGURATION_ANNOTATION.into(), "older".into());
        place.create(&pod).await;
        let ready = json!({"status": {"conditions": [{"type": "Ready", "status": "True"}]}});
        let name = pod.metadata.name.unwrap();
        let parameters = PatchParams::default();
        place.api::<Pod>().patch_status(&name, &parameters, &Patch::Merge(ready)).await.unwrap();
    }
    let wish = json!({"metadata": {"annotations": {names::SWITCHOVER_ANNOTATION: "seonsqd"}}});
    let api = place.api::<SeonInstance>();
    api.patch("acme", &PatchParams::default(), &Patch::Merge(wish)).await.unwrap();
    until("the active pod is deleted", async || {
        let pods = place.api::<Pod>().list(&ListParams::default()).await.unwrap();
        (pods.items.len() == 1).then_some(()).ok_or_else(|| format!("{} pods", pods.items.len()))
    })
    .await;
    an_annotation_comes_back(&place.client, &place.namespace, names::APPLIED_ANNOTATION).await;
    // Another image, and one daemon less: something is deleted of every kind that is ever deleted.
    place
        .instance(|value| {
            value["spec"]["image"] = json!("registry.local/seon:2");
            value["spec"]["receive"] =
                json!({"tls": {"certificateSecretRef": {"name": "acme-tls"}}});
        })
        .await;
    until("what is no longer wanted is gone", async || {
        let accounts = place.api::<ServiceAccount>().list(&ListParams::default()).await.unwrap();
        let names: Vec<_> = accounts.items.iter().filter_map(|a| a.metadata.name.clone()).collect();
        (!names.contains(&"acme-seonrd-tcpip".into())).then_some(()).ok_or(format!("{names:?}"))
    })
    .await;
    stop.cancel();
    tokio::time::timeout(PATIENCE, running).await.unwrap().unwrap();
    election.resign().await;

    let account = format!("system:serviceaccount:{}:{ACCOUNT}", place.namespace);
    let events = server.audit_events().unwrap();
    let ours = events.iter().filter(|event| event["user"]["username"] == account.as_str());
    let mut used = BTreeSet::new();
    for event in ours {
        let target = &event["objectRef"];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        if target["resource"].is_null() {
            continue;
        }
        let resource = match target["subresource"].as_str() {
            Some(subresource) => format!("{}/{subresource}", text(&target["resource"])),
            None => text(&target["resource"]),
        };
        let request = (text(&target["apiGroup"]), resource, text(&event["verb"]));
        assert_ne!(event["responseStatus"]["code"], 403, "{request:?} was refused");
        used.insert(request);
    }
    let mut granted: BTreeSet<_> = RULES
        .iter()
        .flat_map(|rule| {
            rule.verbs
                .iter()
                .map(|verb| (rule.group.to_owned(), rule.resource.to_owned(), (*verb).to_owned()))
        })
        .collect();
    // What is given to the daemons, and so must be had.
    granted.remove(&(String::new(), "pods".into(), "get".into()));
    // A second event of one kind within minutes.
    granted.remove(&("events.k8s.io".into(), "events".into(), "patch".into()));
    used.remove(&("events.k8s.io".into(), "events".into(), "patch".into()));
    assert_eq!(used, granted);
}
