//! From nothing to files that are exchanged.

use std::fs;

use domain::Daemon;
use e2e::{Company, Line, Pair, Stage, repository};
use kube::ResourceExt;
use serde_json::Value;
use support::{Identity, TemporaryDirectory};

/// The database's Secret, and what stands in it for the URI.
const DATABASE_SAMPLE: &str = "deploy/samples/cluster-database.yaml";
const SAMPLE_URI: &str = "postgresql://seon:CHANGEME@acme-db-rw.acme:5432/seon";
/// The instance, and what stands in it for what the cluster has.
const INSTANCE_SAMPLE: &str = "deploy/samples/cluster.yaml";
const SAMPLE_CLAIM: &str = "{size: 50Gi}";

/// The very commands that docs/kubernetes.md gives.
pub(crate) async fn the_samples_become_ready_as_the_documentation_says(stage: &Stage) {
    let acme = Company::new(stage, "acme", "O0013000001ACME", Line::Tls).await;
    let directory = TemporaryDirectory::new();
    let written = |name: &str| directory.join(name).display().to_string();
    for (file, place, ours, name) in [
        (DATABASE_SAMPLE, SAMPLE_URI, acme.database().uri().to_string(), "database.yaml"),
        (INSTANCE_SAMPLE, SAMPLE_CLAIM, stage.volume_claim().to_string(), "instance.yaml"),
    ] {
        let sample = fs::read_to_string(repository().join(file)).unwrap();
        assert!(sample.contains(place), "{sample}");
        fs::write(written(name), sample.replace(place, &ours)).unwrap();
    }
    Identity::self_signed("oftp.acme.example").write(directory.path(), "acme");
    Identity::self_signed("oftp.bolt.example").write(directory.path(), "bolt");

    let documentation = fs::read_to_string(repository().join("docs/kubernetes.md")).unwrap();
    let first = documentation.split("## The first instance").nth(1).expect("that section");
    let lines = first.split("```").nth(1).expect("its commands").lines();
    let mut commands = 0;
    for command in lines.filter_map(|line| line.strip_prefix("kubectl -n acme ")) {
        let command = command.split(" #").next().unwrap_or_default();
        let command = command
            .replace(DATABASE_SAMPLE, &written("database.yaml"))
            .replace(INSTANCE_SAMPLE, &written("instance.yaml"))
            .replace("=acme", &format!("={}", written("acme")))
            .replace("=bolt.crt", &format!("={}", written("bolt.crt")));
        let arguments = ["--namespace", acme.namespace()].into_iter();
        let arguments: Vec<_> = arguments.chain(command.split_whitespace()).collect();
        stage.cluster.kubectl(&arguments).await.unwrap();
        commands += 1;
    }
    assert_eq!(commands, 6, "{first}");
    acme.is_ready().await;
}

pub(crate) async fn two_instances_in_two_namespaces_exchange_files_both_ways_over_tls(
    stage: &Stage,
) {
    let pair = Pair::secured(stage).await;
    for company in pair.companies() {
        each_daemon_has_the_keys_that_it_uses_and_no_other(company).await;
    }
    let load = pair.under_load().await;
    load.flows().await;
    let outcome = load.judge(&pair).await;
    let sessions = outcome.bolt.of("session_started").count();
    assert!(sessions > 0 && outcome.files > 0);
    every_file_was_secured_and_every_receipt_signed(&pair.acme, "bolt").await;
    every_file_was_secured_and_every_receipt_signed(&pair.bolt, "acme").await;

    let get = ["get", "seon,seonp", "--namespace", pair.acme.namespace()];
    let table = stage.cluster.kubectl(&get).await.unwrap();
    println!("{table}");
    let row = |name: &str| {
        let line = table.lines().find(|line| line.contains(name)).expect("a row");
        line.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    let columns = ["NAME", "PHASE", "READY", "RECEIVE", "SEND", "QUEUE", "PARTNERS", "AGE"];
    assert_eq!(row("RECEIVE"), columns);
    let acme = row("seoninstance.seon.dev/acme");
    assert_eq!(acme[1..7], ["Ready", "True", "tls", "True", "0", "1"]);
    let bolt = row("seonpartner.seon.dev/bolt");
    assert_eq!(bolt[1..4], ["acme", "O0013000002BOLT", "True"]);
}

/// Whoever talks to strangers first, a receiver, has none for files and receipts.
async fn each_daemon_has_the_keys_that_it_uses_and_no_other(company: &Company<'_>) {
    for (daemon, keys) in [
        (Daemon::Seonrd, ["decrypt", "receipts"].as_slice()),
        (Daemon::SeonrdTcpipTls, &["authenticate", "tls"]),
        (Daemon::Seonsqd, &["authenticate", "sign", "tls"]),
    ] {
        let expected = keys.iter().map(|key| format!("{}-{key}", company.name())).collect();
        let pods = company.pods_of(daemon).await.unwrap();
        assert_eq!(pods.len(), 2, "{daemon}");
        for pod in &pods {
            assert_eq!(company.private_keys(pod).await, expected, "{}", pod.name_any());
        }
    }
}

async fn every_file_was_secured_and_every_receipt_signed(sender: &Company<'_>, partner: &str) {
    let all = ["queue", "--all", "--limit", "100000"];
    let queue: Vec<Value> = sender.ask(&all).await.unwrap();
    assert!(!queue.is_empty());
    let signer = format!("{partner} receipts");
    for entry in &queue {
        assert_eq!(entry["state"], "acknowledged", "{entry}");
        let done = ["signed", "encrypted", "compressed", "signed_receipt"];
        assert!(done.iter().all(|what| entry["security"][what] == true), "{entry}");
        let by = entry["receipt_signer"].as_str();
        assert!(by.is_some_and(|by| by.contains(&signer)), "{entry}");
    }
}

/// Applied to an API server alone, so that it is not in the way of what helm installed.
pub(crate) async fn install_yaml_is_another_way_to_the_same(_: &Stage) {
    let server = cluster::api_server!();
    let deploy = repository().join("deploy");
    let apply = async |file: &str| {
        let file = deploy.join(file).display().to_string();
        server.kubectl(&["apply", "--server-side", "--filename", &file]).await.unwrap()
    };
    let made = apply("install.yaml").await;
    assert!(made.contains("deployment.apps/seon-operator serverside-applied"), "{made}");
    let established = ["wait", "--for=condition=Established", "crd", "seoninstances.seon.dev"];
    server.kubectl(&established).await.unwrap();
    server
        .kubectl(&["wait", "--for=condition=Established", "crd", "seonpartners.seon.dev"])
        .await
        .unwrap();
    let made = apply("samples/cluster.yaml").await;
    assert!(made.contains("seoninstance.seon.dev/acme serverside-applied"), "{made}");
}
