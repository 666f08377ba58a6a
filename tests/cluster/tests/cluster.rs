//! A whole cluster: what tests rely on.

#![allow(clippy::unwrap_used, clippy::panic, reason = "what fails here is a test")]

use std::time::Duration;

use cluster::{Cluster, From};
use k8s_openapi::api::core::v1::Node;
use kube::api::Api;
use rustix::process::Signal;
use support::{skip, wait_until};
use tokio::sync::{Mutex, MutexGuard};

const PATIENCE: Duration = Duration::from_mins(2);

/// These tests switch nodes of the shared cluster off, so they run one by one.
async fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::const_new(());
    TURN.lock().await
}

/// Two pods, one on each node, with one volume; a Service; all as strict as can be.
const PAIR: &str = r"
apiVersion: v1
kind: Service
metadata: {name: pair}
spec: {selector: {app: pair}, ports: [{port: 80}]}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: files}
spec: {accessModes: [ReadWriteMany], resources: {requests: {storage: 1Gi}}}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: pair}
spec:
  replicas: 2
  serviceName: pair
  podManagementPolicy: Parallel
  selector: {matchLabels: {app: pair}}
  template:
    metadata: {labels: {app: pair}}
    spec:
      securityContext:
        runAsNonRoot: true
        fsGroup: 65532
        seccompProfile: {type: RuntimeDefault}
      affinity:
        podAntiAffinity:
          requiredDuringSchedulingIgnoredDuringExecution:
          - topologyKey: kubernetes.io/hostname
            labelSelector: {matchLabels: {app: pair}}
      containers:
      - name: pod
        image: registry.local/pod:1
        securityContext:
          allowPrivilegeEscalation: false
          readOnlyRootFilesystem: true
          capabilities: {drop: [ALL]}
        volumeMounts: [{name: files, mountPath: /files}]
      volumes: [{name: files, persistentVolumeClaim: {claimName: files}}]
";

/// Applies [`PAIR`] in a namespace of its own and waits until both pods are ready; gives its name.
async fn pair(cluster: &Cluster) -> String {
    let namespace = cluster.namespace("pair").await;
    let manifests =
        PAIR.replace("{name: pair}", &format!("{{name: pair, namespace: {namespace}}}"));
    let manifests = manifests
        .replace("{name: files}\nspec", &format!("{{name: files, namespace: {namespace}}}\nspec"));
    cluster.apply(&manifests).await.unwrap();
    wait_until_pair_is_ready(cluster, &namespace).await;
    namespace
}

async fn wait_until_pair_is_ready(cluster: &Cluster, namespace: &str) {
    let status =
        ["rollout", "status", "statefulset/pair", "--timeout=2m", "--namespace", namespace];
    if let Err(error) = cluster.kubectl(&status).await {
        let seen = cluster.kubectl(&["describe", "pods", "--namespace", namespace]).await;
        panic!("{error}\n{}", seen.unwrap_or_else(|error| error));
    }
}

async fn pod_on(cluster: &Cluster, namespace: &str, node: &str) -> String {
    let on_node = format!("--field-selector=spec.nodeName={node}");
    let list = ["get", "pods", "--output=name", &on_node, "--namespace", namespace];
    let pods = cluster.kubectl(&list).await.unwrap();
    pods.trim().strip_prefix("pod/").unwrap().to_owned()
}

async fn wait_until_ready_is(cluster: &Cluster, node: &str, wanted: &str) {
    let nodes = Api::<Node>::all(cluster.client().await);
    wait_until(&format!("Ready of {node} is {wanted}"), PATIENCE, async || {
        let object = nodes.get(node).await.map_err(|error| error.to_string())?;
        let conditions = object.status.unwrap().conditions.unwrap_or_default();
        let ready = conditions.into_iter().find(|condition| condition.type_ == "Ready").unwrap();
        if ready.status == wanted { Ok(()) } else { Err(format!("{ready:?}")) }
    })
    .await;
}

#[tokio::test]
async fn restricted_pods_on_two_nodes_share_a_volume_and_find_services_by_name() {
    let _turn = alone().await;
    let cluster = cluster::cluster!();
    let nodes = cluster::nodes!(cluster);
    let namespace = pair(cluster).await;
    let run = async |pod: &str, command: &[&str]| {
        cluster.exec(&namespace, pod, &[&["/pod"], command].concat()).await.unwrap()
    };

    run("pair-0", &["write", "/files/note", "from the other node"]).await;
    assert_eq!(run("pair-1", &["read", "/files/note"]).await.trim(), "from the other node");
    let directory = nodes.volume(&namespace, "files").await;
    assert_eq!(std::fs::read_to_string(directory.join("note")).unwrap(), "from the other node");

    let address = "--output=jsonpath={.spec.clusterIP}";
    let get = ["get", "service", "pair", address, "--namespace", &namespace];
    let address = cluster.kubectl(&get).await.unwrap();
    let full = format!("pair.{namespace}.svc.cluster.local");
    for name in ["pair", &full] {
        assert_eq!(run("pair-0", &["resolve", name]).await.trim(), address);
    }
    assert_eq!(run("pair-0", &["connect", "kubernetes.default:443"]).await.trim(), "connected");
    assert!(cluster.logs(&namespace, "pair-1").await.unwrap().contains("ready"));

    let privileged = "{\"spec\":{\"hostNetwork\":true}}";
    let refused = ["run", "bad", "--image=registry.local/pod:1", "--overrides", privileged];
    let refused = cluster.kubectl(&[&refused[..], &["--namespace", &namespace]].concat()).await;
    assert!(refused.unwrap_err().contains("violates PodSecurity"));
}

#[tokio::test]
async fn a_signal_reaches_the_processes_of_one_pod() {
    let _turn = alone().await;
    let cluster = cluster::cluster!();
    let nodes = cluster::nodes!(cluster);
    let namespace = pair(cluster).await;
    let restarts = async || {
        let counts = "--output=jsonpath={.items[*].status.containerStatuses[0].restartCount}";
        cluster.kubectl(&["get", "pods", counts, "--namespace", &namespace]).await.unwrap()
    };
    assert_eq!(restarts().await, "0 0");
    nodes.signal(&namespace, "pair-0", Signal::KILL).await;
    wait_until("the killed pod alone is started again", PATIENCE, async || {
        let restarts = restarts().await;
        if restarts == "1 0" { Ok(()) } else { Err(restarts) }
    })
    .await;
}

#[tokio::test]
async fn a_node_without_power_is_lost_and_comes_back_with_its_pods() {
    let _turn = alone().await;
    let cluster = cluster::cluster!();
    let nodes = cluster::nodes!(cluster);
    let namespace = pair(cluster).await;
    nodes.power_off("node-2").await;
    wait_until_ready_is(cluster, "node-2", "Unknown").await;
    nodes.start_node("node-2").await;
    wait_until_ready_is(cluster, "node-2", "True").await;
    wait_until_pair_is_ready(cluster, &namespace).await;
    let pod = pod_on(cluster, &namespace, "node-2").await;
    wait_until("the pod answers", PATIENCE, async || {
        cluster.exec(&namespace, &pod, &["/pod", "resolve", "pair"]).await
    })
    .await;
}

#[tokio::test]
async fn a_drained_node_has_no_pods_until_it_is_uncordoned() {
    let _turn = alone().await;
    let cluster = cluster::cluster!();
    let namespace = pair(cluster).await;
    let node = cluster.node_names().await.pop().unwrap();
    cluster.drain(&node).await.unwrap();
    let on_node = format!("--field-selector=spec.nodeName={node}");
    let list = ["get", "pods", "--output=name", &on_node, "--namespace", &namespace];
    assert_eq!(cluster.kubectl(&list).await.unwrap(), "");
    cluster.uncordon(&node).await.unwrap();
    wait_until_pair_is_ready(cluster, &namespace).await;
    assert_ne!(pod_on(cluster, &namespace, &node).await, "");
}

#[tokio::test]
async fn pods_outlive_the_kubelet_of_their_node() {
    let _turn = alone().await;
    let cluster = cluster::cluster!();
    let nodes = cluster::nodes!(cluster);
    let namespace = pair(cluster).await;
    let pod = pod_on(cluster, &namespace, "node-2").await;
    nodes.kill_kubelet("node-2").await;
    wait_until_ready_is(cluster, "node-2", "Unknown").await;
    // Fails if the pod has no process.
    nodes.signal(&namespace, &pod, Signal::CONT).await;
    nodes.start_kubelet("node-2").await;
    wait_until_ready_is(cluster, "node-2", "True").await;
}

#[tokio::test]
async fn a_node_is_cut_off_from_the_database_or_the_api_server_alone() {
    let _turn = alone().await;
    let cluster = cluster::cluster!();
    let nodes = cluster::nodes!(cluster);
    let postgres = match nodes.postgres().await {
        Ok(postgres) => postgres,
        Err(reason) => skip!(postgres, "{reason}"),
    };
    let database = postgres.database();
    assert_eq!(database.sql("select 1"), "1");
    let uri = database.uri();
    let address = uri.split(['@', '/']).find(|part| part.ends_with(":5432")).unwrap();
    let namespace = pair(cluster).await;
    let cut = pod_on(cluster, &namespace, "node-2").await;
    let other = pod_on(cluster, &namespace, "node-1").await;
    let connect =
        async |pod: &str| cluster.exec(&namespace, pod, &["/pod", "connect", address]).await;
    connect(&cut).await.unwrap();

    nodes.partition("node-2", From::Database).await;
    assert!(connect(&cut).await.unwrap_err().contains("timeout"));
    connect(&other).await.unwrap();
    nodes.heal("node-2").await;
    connect(&cut).await.unwrap();
    postgres.crash();
    assert!(connect(&cut).await.unwrap_err().contains("refused"));
    postgres.resume();
    connect(&cut).await.unwrap();

    let kubelet = ["/pod", "connect", "10.99.0.12:10250"];
    cluster.exec(&namespace, &other, &kubelet).await.unwrap();
    nodes.partition("node-2", From::Everything).await;
    let lost = cluster.exec(&namespace, &other, &kubelet).await.unwrap_err();
    assert!(lost.contains("timeout"), "{lost}");
    nodes.heal("node-2").await;
    cluster.exec(&namespace, &other, &kubelet).await.unwrap();

    nodes.partition("node-2", From::ApiServer).await;
    wait_until_ready_is(cluster, "node-2", "Unknown").await;
    nodes.heal("node-2").await;
    wait_until_ready_is(cluster, "node-2", "True").await;
}
