//! A cluster of two nodes with an instance on it, for a person: `deploy/try` runs this in the
//! background. It lasts until SIGTERM.
//!
//! `try-cluster DIRECTORY IMAGE...`: writes `DIRECTORY/kubeconfig` when all is up.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "as in tests, what fails here ends with a sentence"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use cluster::{Cluster, Nodes};
use support::{Authority, Database};
use tokio::signal::unix::{SignalKind, signal};

const NAMESPACE: &str = "acme";
const SYSTEM: &str = "seon-system";

#[tokio::main]
async fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let Some(directory) = arguments.next() else {
        eprintln!("usage: try-cluster DIRECTORY IMAGE...");
        return ExitCode::from(64);
    };
    let mut terminate = signal(SignalKind::terminate()).expect("a handler for SIGTERM");
    let outcome = tokio::select! {
        outcome = up(&directory, arguments.collect()) => outcome,
        _ = terminate.recv() => return ExitCode::SUCCESS,
    };
    match outcome {
        Ok(_cluster) => {
            terminate.recv().await;
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn up(directory: &Path, images: Vec<PathBuf>) -> Result<Cluster, String> {
    let started = Instant::now();
    let say = |what: &str| println!("{:4} s  {what}", started.elapsed().as_secs());
    let cluster = Cluster::start(2).await?;
    say("two nodes are ready");
    // A cluster on which something is missing is one to look at all the more.
    if let Err(error) = fill(&cluster, &images, say).await {
        say(&format!("there is no instance: {error}"));
    }
    let kubeconfig = directory.join("kubeconfig");
    let content = fs::read(cluster.kubeconfig()).map_err(|error| error.to_string())?;
    // In one step: who waits for the file finds all of it.
    let new = directory.join("kubeconfig.new");
    fs::write(&new, content)
        .and_then(|()| fs::rename(&new, &kubeconfig))
        .map_err(|error| format!("{}: {error}", kubeconfig.display()))?;
    Ok(cluster)
}

async fn fill(cluster: &Cluster, images: &[PathBuf], say: impl Fn(&str)) -> Result<(), String> {
    let nodes = cluster.nodes()?;
    for image in images {
        nodes.import(image).await?;
    }
    let database = nodes.postgres().await?.database();
    say("PostgreSQL and the images are there");
    install(cluster).await?;
    say("the operator is there (helm)");
    instance(cluster, nodes, &database).await?;
    // It stays as long as its server.
    std::mem::forget(database);
    let wait = ["wait", "seon/acme", "--for=condition=Ready", "--timeout=3m"];
    cluster.kubectl(&[&wait[..], &["--namespace", NAMESPACE]].concat()).await?;
    say("the instance acme in the namespace acme is ready");
    Ok(())
}

fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

async fn install(cluster: &Cluster) -> Result<(), String> {
    restricted_namespace(cluster, SYSTEM).await?;
    let chart = top().join("charts/seon").display().to_string();
    let install = ["install", "seon", &chart, "--namespace", SYSTEM, "--wait", "--timeout=3m"];
    cluster.helm(&install).await.map(drop)
}

/// `deploy/samples/cluster.yaml` with what it wants to be there before.
async fn instance(cluster: &Cluster, nodes: &Nodes, database: &Database<'_>) -> Result<(), String> {
    restricted_namespace(cluster, NAMESPACE).await?;
    let secret = async |kind: &[&str], name: &str, content: &[String]| {
        let content: Vec<&str> = content.iter().map(String::as_str).collect();
        let make = ["--namespace", NAMESPACE, "create", "secret"];
        cluster.kubectl(&[&make[..], kind, &[name], &content].concat()).await
    };
    let file = |path: &Path, option: &str| format!("--{option}={}", path.display());
    secret(&["generic"], "acme-db-app", &[format!("--from-literal=uri={}", database.uri())])
        .await?;
    let authority = Authority::new("try");
    let folder = nodes.directory();
    let ours = authority.user("acme", None, &["acme-seonrd-tcpip-tls.acme"]).write(folder, "acme");
    secret(&["tls"], "acme-tls", &[file(&ours.0, "cert"), file(&ours.1, "key")]).await?;
    let (theirs, _) = authority.user("bolt", None, &["oftp.bolt.example"]).write(folder, "bolt");
    secret(&["generic"], "bolt-tls", &[file(&theirs, "from-file=tls.crt")]).await?;
    let label = ["--namespace", NAMESPACE, "label", "secret", "bolt-tls", "partner.seon.dev/bolt="];
    cluster.kubectl(&label).await?;
    let sample = top().join("deploy/samples/cluster.yaml").display().to_string();
    cluster.kubectl(&["--namespace", NAMESPACE, "apply", "--filename", &sample]).await.map(drop)
}

async fn restricted_namespace(cluster: &Cluster, name: &str) -> Result<(), String> {
    cluster
        .apply(&format!(
            "{{apiVersion: v1, kind: Namespace, metadata: {{name: {name}, labels: \
             {{pod-security.kubernetes.io/enforce: restricted}}}}}}"
        ))
        .await
        .map(drop)
}
