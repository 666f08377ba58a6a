//! The plugin on a node of a real Kubernetes; the controllers alone are not real.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, its helpers too"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use cluster::Cluster;
use k8s_openapi::api::core::v1::Node;
use kube::api::Api;
use support::{Process, skip, wait_until};

const PATIENCE: Duration = Duration::from_mins(2);
const RESOURCE: &str = "seon.dev/capi-controller";

/// A pod that asks for a controller, as strict as can be.
const POD: &str = r"
apiVersion: v1
kind: Pod
metadata: {name: NAME, namespace: NAMESPACE}
spec:
  securityContext: {runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}}
  containers:
  - name: pod
    image: registry.local/pod:1
    resources: {limits: {seon.dev/capi-controller: 1}}
    securityContext:
      allowPrivilegeEscalation: false
      readOnlyRootFilesystem: true
      capabilities: {drop: [ALL]}
";

/// The plugin's stand-in of this name, which cargo builds beside the tests.
fn example(name: &str) -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    tests.parent().unwrap().parent().unwrap().join("examples").join(name)
}

/// A device that anybody may open and that is always full, so that it is known again.
fn make_device(path: &Path) -> Result<(), String> {
    let mut command = Command::new("mknod");
    let output = command.args(["-m", "666"]).arg(path).args(["c", "1", "7"]).output();
    let output = output.map_err(|error| format!("mknod: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(String::from_utf8_lossy(&output.stderr).into_owned())
}

async fn wait_until_allocatable_is(cluster: &Cluster, wanted: &str) {
    let nodes = Api::<Node>::all(cluster.client().await);
    wait_until(&format!("node-1 has {wanted} controllers to give"), PATIENCE, async || {
        let node = nodes.get("node-1").await.map_err(|error| error.to_string())?;
        let allocatable = node.status.unwrap_or_default().allocatable.unwrap_or_default();
        match allocatable.get(RESOURCE) {
            Some(quantity) if quantity.0 == wanted => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
}

async fn apply_pod(cluster: &Cluster, namespace: &str, name: &str) {
    let manifest = POD.replace("NAMESPACE", namespace).replace("NAME", name);
    cluster.apply(&manifest).await.unwrap();
}

async fn wait_until_pod_says(cluster: &Cluster, namespace: &str, name: &str, what: &str) {
    wait_until(&format!("pod {name} says {what}"), PATIENCE, async || {
        let described = cluster.kubectl(&["describe", "pod", name, "-n", namespace]).await?;
        if described.contains(what) { Ok(()) } else { Err(described) }
    })
    .await;
}

#[tokio::test]
async fn a_pod_gets_a_controller_that_answers_and_no_other() {
    let cluster = cluster::cluster!();
    let nodes = cluster::nodes!(cluster);
    let device = nodes.directory().join("capi20");
    if let Err(reason) = make_device(&device) {
        skip!(nodes, "{reason}");
    }
    let list = nodes.directory().join("controllers");
    fs::write(&list, "1\n2\n").unwrap();
    let mut command = nodes.command_on("node-1", &example("controllers_from_a_file")).await;
    command.arg(&list).arg(&device);
    let _plugin = Process::spawn(command);
    wait_until_allocatable_is(cluster, "2").await;

    // One that does not answer is not given away.
    fs::write(&list, "2\n").unwrap();
    wait_until_allocatable_is(cluster, "1").await;
    let namespace = cluster.namespace("isdn").await;
    apply_pod(cluster, &namespace, "first").await;
    let ready =
        ["wait", "--for=condition=Ready", "pod/first", "--timeout=2m", "--namespace", &namespace];
    cluster.kubectl(&ready).await.unwrap();
    let run = async |command: &[&str]| cluster.exec(&namespace, "first", command).await;
    let environment = run(&["/pod", "read", "/proc/1/environ"]).await.unwrap();
    let environment: Vec<&str> =
        environment.split('\0').filter(|variable| variable.starts_with("SEON_")).collect();
    let path = device.display();
    for wanted in [
        "SEON_CAPI_BACKEND=device".to_owned(),
        format!("SEON_CAPI_DEVICE={path}"),
        "SEON_CAPI_CONTROLLER=2".to_owned(),
    ] {
        assert!(environment.contains(&wanted.as_str()), "{environment:?}");
    }
    let full = run(&["/pod", "write", &path.to_string(), "hello"]).await.unwrap_err();
    assert!(full.contains("no space left on device"), "{full}");

    // None is left for a second pod until the other controller answers.
    apply_pod(cluster, &namespace, "second").await;
    wait_until_pod_says(cluster, &namespace, "second", &format!("Insufficient {RESOURCE}")).await;
    fs::write(&list, "1\n2\n").unwrap();
    let ready = ready.map(|word| if word == "pod/first" { "pod/second" } else { word });
    cluster.kubectl(&ready).await.unwrap();

    fs::write(&list, "").unwrap();
    wait_until_allocatable_is(cluster, "0").await;

    // A kubelet that begins anew has forgotten the plugin and learns of it again.
    fs::write(&list, "1\n").unwrap();
    wait_until_allocatable_is(cluster, "1").await;
    nodes.kill_kubelet("node-1").await;
    fs::write(&list, "1\n2\n").unwrap();
    nodes.start_kubelet("node-1").await;
    wait_until_allocatable_is(cluster, "2").await;
}
