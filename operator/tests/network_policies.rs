//! Each way in and out of an instance's pods, tried on a cluster that enforces network policies: the
//! policies are the operator's, the pods stand in for daemons by their labels.

#![allow(clippy::unwrap_used, clippy::panic, reason = "what fails here fails the test")]

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use cluster::Cluster;
use crds::names;
use futures::future::join_all;
use k8s_openapi::{
    api::{core::v1::Pod, networking::v1::NetworkPolicy},
    apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
};
use kube::{Api, ResourceExt as _, api::ListParams};
use operator::{
    context::Installation,
    controller::{Settings, run},
    metrics::Metrics,
    turns::{LIMIT, Turns},
};
use serde_json::{Value, json};
use support::wait_until;
use tokio_util::sync::CancellationToken;

const PATIENCE: Duration = Duration::from_mins(2);
/// Where everything listens, so that it is the policy that refuses: a receiver, a partner, the
/// database, the readings, and what nobody needs.
const PORTS: [u16; 5] = [3305, 7305, 6432, names::ADMIN_PORT, 8025];

/// The instance, suspended so that no daemon of its own comes, and its partner.
fn instance(namespace: &str) -> String {
    let secret = |name: &str, key: &str, value: &str, labels: Value| {
        json!({"apiVersion": "v1", "kind": "Secret", "stringData": {key: value},
            "metadata": {"name": name, "namespace": namespace, "labels": labels}})
    };
    let metadata = |name: &str| json!({"name": name, "namespace": namespace});
    json!({"apiVersion": "v1", "kind": "List", "items": [
        secret("acme-oftp", "password", "GEHEIM", json!({})),
        secret("acme-db", "uri", "postgres://u:p@db:6432/seon", json!({})),
        secret("bolt-oftp", "password", "GEHEIM", json!({names::partner_label("bolt"): ""})),
        {"apiVersion": crds::API_VERSION, "kind": "SeonInstance", "metadata": metadata("acme"),
            "spec": {
                "identity": {
                    "odetteId": "O0013000001ACME",
                    "passwordSecretRef": {"name": "acme-oftp", "key": "password"},
                },
                "database": {"secretRef": {"name": "acme-db", "key": "uri"}},
                "storage": {"volumeClaim": {"size": "1Gi"}},
                "receive": {"tcpip": {}},
                "suspend": true,
            }},
        {"apiVersion": crds::API_VERSION, "kind": "SeonPartner", "metadata": metadata("bolt"),
            "spec": {
                "instanceRef": {"name": "acme"},
                "identity": {
                    "odetteId": "O0013000002BOLT",
                    "passwordSecretRef": {"name": "bolt-oftp", "key": "password"},
                },
                "transports": [{"tcp": {"host": "oftp.bolt.example", "port": 7305}}],
            }},
    ]})
    .to_string()
}

/// A pod that listens on [`PORTS`], on one of the nodes.
fn pod(namespace: &str, name: &str, node: &str, labels: &Value) -> String {
    let arguments =
        [vec!["listen".to_owned()], PORTS.map(|port| port.to_string()).to_vec()].concat();
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": {
            "nodeName": node,
            "automountServiceAccountToken": false,
            "securityContext": {"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [{
                "name": "pod",
                "image": "registry.local/pod:1",
                "args": arguments,
                "securityContext": {
                    "allowPrivilegeEscalation": false,
                    "capabilities": {"drop": ["ALL"]},
                },
            }],
        },
    })
    .to_string()
}

/// The operator of a namespace, until its instance has its policies.
async fn plan(cluster: &Cluster, namespace: &str, installation: Installation) {
    for definition in crds::definitions() {
        cluster.apply(&json!(definition).to_string()).await.unwrap();
    }
    let client = cluster.client().await;
    let definitions: Api<CustomResourceDefinition> = Api::all(client.clone());
    wait_until("the definitions are established", PATIENCE, async || {
        let all = definitions.list(&ListParams::default()).await.unwrap().items;
        let conditions = |one: CustomResourceDefinition| one.status?.conditions;
        let established = all.into_iter().filter_map(conditions).filter(|conditions| {
            conditions.iter().any(|one| one.type_ == "Established" && one.status == "True")
        });
        if established.count() == 2 { Ok(()) } else { Err("not yet") }
    })
    .await;
    cluster.apply(&instance(namespace)).await.unwrap();
    let settings = Settings {
        installation,
        identity: "test".into(),
        turns: Turns::new(4, LIMIT),
        with_nodes: false,
    };
    let stop = CancellationToken::new();
    let of = Some(namespace.to_owned());
    let metrics = Arc::new(Metrics::default());
    let running = tokio::spawn(run(client.clone(), of, settings, metrics, stop.clone()));
    let policies = Api::<NetworkPolicy>::namespaced(client, namespace);
    wait_until("the policies are there", PATIENCE, async || {
        let list = policies.list(&ListParams::default()).await.unwrap().items;
        if list.len() == 4 { Ok(()) } else { Err(format!("{} of them", list.len())) }
    })
    .await;
    stop.cancel();
    running.await.unwrap();
}

#[tokio::test]
async fn each_way_in_and_out_is_open_or_closed_as_the_policies_say() {
    let cluster = cluster::cluster!();
    let nodes = cluster::nodes!(cluster);
    let [ours, system, elsewhere, monitoring] =
        ["ours", "system", "elsewhere", "monitoring"].map(|name| cluster.namespace(name));
    let (ours, system) = (ours.await, system.await);
    let (elsewhere, monitoring) = (elsewhere.await, monitoring.await);
    let prometheus = json!({
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": monitoring}},
    });
    let installation = Installation {
        image: "registry.local/seon:1".into(),
        namespace: system.clone(),
        metrics_from: vec![serde_json::from_value(prometheus).unwrap()],
        ..Installation::default()
    };
    plan(cluster, &ours, installation).await;

    let daemon = |instance: &str, daemon: &str| json!({names::INSTANCE_LABEL: instance, names::DAEMON_LABEL: daemon});
    let operator = json!({"app.kubernetes.io/name": names::OPERATOR});
    // On both nodes, so that packets go over the wire and over a node's bridge.
    let pods = [
        ("receiver", &ours, "node-1", daemon("acme", "seonrd-tcpip")),
        ("sender", &ours, "node-2", daemon("acme", "seonsqd")),
        ("migration", &ours, "node-1", daemon("acme", "migrate")),
        ("neighbour", &ours, "node-1", daemon("other", "seonsqd")),
        ("operator", &system, "node-1", operator.clone()),
        ("impostor", &elsewhere, "node-1", operator),
        ("stranger", &elsewhere, "node-2", json!({})),
        ("prometheus", &monitoring, "node-2", json!({})),
    ];
    for (name, namespace, node, labels) in &pods {
        cluster.apply(&pod(namespace, name, node, labels)).await.unwrap();
    }
    let mut addresses = BTreeMap::new();
    for (name, namespace, ..) in &pods {
        let api = Api::<Pod>::namespaced(cluster.client().await, namespace);
        let address = wait_until(&format!("{name} runs"), PATIENCE, async || {
            let pod = api.get(name).await.map_err(|error| error.to_string())?;
            let status = pod.status.clone().unwrap_or_default();
            let runs = status.phase.as_deref() == Some("Running");
            status.pod_ip.filter(|_| runs).ok_or_else(|| format!("{} does not", pod.name_any()))
        })
        .await;
        addresses.insert(*name, address);
    }
    let place: BTreeMap<_, _> = pods.iter().map(|(name, place, ..)| (*name, *place)).collect();
    let admin = names::ADMIN_PORT;
    let tried = [
        // In.
        ("stranger", "receiver", 3305, true),
        ("impostor", "receiver", 3305, true),
        ("stranger", "receiver", admin, false),
        ("neighbour", "receiver", admin, false),
        ("impostor", "receiver", admin, false),
        ("impostor", "sender", admin, false),
        ("operator", "receiver", admin, true),
        ("operator", "sender", admin, true),
        ("prometheus", "receiver", admin, true),
        ("prometheus", "receiver", 8025, false),
        ("sender", "receiver", admin, true),
        ("receiver", "sender", admin, true),
        ("stranger", "sender", 3305, false),
        ("stranger", "sender", 8025, false),
        ("operator", "migration", admin, false),
        // Out.
        ("sender", "stranger", 7305, true),
        ("sender", "stranger", 6432, true),
        ("sender", "stranger", 8025, false),
        ("sender", "impostor", admin, false),
        ("receiver", "stranger", 6432, true),
        ("receiver", "stranger", 7305, false),
        ("receiver", "stranger", 8025, false),
        ("migration", "stranger", 6432, true),
        ("migration", "stranger", 7305, false),
        ("migration", "sender", admin, false),
        // Whom no policy selects.
        ("neighbour", "stranger", 8025, true),
    ];
    let run = async |pod: &str, command: &[&str]| {
        cluster.exec(place[pod], pod, &[&["/pod"], command].concat()).await.map(drop)
    };
    let judge = async || {
        let calls = tried.map(|(from, to, port, _)| {
            let target = format!("{}:{port}", addresses[to]);
            async move { run(from, &["connect", &target]).await.is_ok() }
        });
        join_all(calls).await
    };
    assert_eq!(judge().await, [true; 26], "nothing else stands in the way");
    nodes.enforce_network_policies().await;
    let open = judge().await;
    for ((from, to, port, wanted), open) in tried.into_iter().zip(open) {
        assert_eq!(open, wanted, "{from} to {to}, port {port}");
    }
    // Names, and the API server by its Service; a migration has no business with the latter.
    for (pod, reaches) in [("receiver", true), ("sender", true), ("migration", false)] {
        run(pod, &["resolve", "kubernetes.default.svc.cluster.local"]).await.unwrap();
        let open = run(pod, &["connect", "kubernetes.default.svc.cluster.local:443"]).await.is_ok();
        assert_eq!(open, reaches, "{pod} to the API server");
    }
}
