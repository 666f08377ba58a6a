//! What is left of a cluster after its test: nothing.

#![allow(clippy::unwrap_used, reason = "what fails here is a test")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use support::{Process, guarded_command, wait_until_blocking};

const PATIENCE: Duration = Duration::from_mins(2);
/// Set for the process of the inner test.
const INNER: &str = "SEON_TEST_LEAVES_A_CLUSTER";

/// Starts a cluster of one node and a pod, and then waits to be killed or returns.
async fn inner(how: &str) {
    let cluster = cluster::Cluster::start(1).await.unwrap();
    let nodes = cluster.nodes().unwrap();
    let namespace = cluster.namespace("left").await;
    let image = ["run", "one", "--image=registry.local/pod:1", "--namespace", "default"];
    cluster.kubectl(&image).await.unwrap();
    let wait = ["wait", "pod/one", "--for=condition=Ready", "--timeout=1m"];
    cluster.kubectl(&wait).await.unwrap();
    println!("cluster: {} {namespace}", nodes.directory().display());
    if how == "killed" {
        std::future::pending::<()>().await;
    }
}

/// Every process and every control group of a cluster carries the name of its directory.
fn traces(directory: &Path) -> Vec<PathBuf> {
    let name = directory.file_name().unwrap().to_str().unwrap();
    let mut traces: Vec<PathBuf> = Vec::new();
    traces.extend(directory.exists().then(|| directory.to_owned()));
    for hierarchy in std::fs::read_dir("/sys/fs/cgroup").unwrap().flatten() {
        traces.extend(Some(hierarchy.path().join(name)).filter(|group| group.exists()));
    }
    for process in std::fs::read_dir("/proc").unwrap().flatten() {
        let command = std::fs::read(process.path().join("cmdline")).unwrap_or_default();
        if String::from_utf8_lossy(&command).contains(name) {
            traces.push(process.path());
        }
    }
    traces
}

fn run(test: &str, how: &str) {
    let mut command = guarded_command(std::env::current_exe().unwrap());
    command.args([test, "--exact", "--nocapture"]).env(INNER, how);
    let mut process = Process::spawn(command);
    let line = process.wait_for_line(PATIENCE, |line| line.contains("cluster: "));
    let (_, line) = line.split_once("cluster: ").unwrap();
    let directory = Path::new(line.split(' ').next().unwrap());
    if how == "killed" {
        assert!(traces(directory).len() > 5);
        process.kill();
    } else {
        assert!(process.wait(PATIENCE).success());
    }
    wait_until_blocking("nothing is left", PATIENCE, || {
        let left = traces(directory);
        if left.is_empty() { Ok(()) } else { Err(format!("{left:?}")) }
    });
    let links = Command::new("ip").args(["-brief", "link"]).output().unwrap();
    let links = String::from_utf8(links.stdout).unwrap();
    assert!(!links.contains("machines") && !links.contains("node-"), "{links}");
}

#[tokio::test]
async fn a_dropped_cluster_leaves_nothing_behind() {
    if let Ok(how) = std::env::var(INNER) {
        return inner(&how).await;
    }
    drop(cluster::api_server!());
    run("a_dropped_cluster_leaves_nothing_behind", "dropped");
}

#[tokio::test]
async fn a_killed_test_leaves_no_cluster_behind() {
    if let Ok(how) = std::env::var(INNER) {
        return inner(&how).await;
    }
    drop(cluster::api_server!());
    run("a_killed_test_leaves_no_cluster_behind", "killed");
}
