//! From nothing to files that are exchanged.

use std::fs;

use e2e::{Company, Line, Pair, Stage, repository};
use support::{Identity, TemporaryDirectory};

/// What stands for the database's URI in the sample.
const SAMPLE_URI: &str = "postgresql://seon:CHANGEME@acme-db-rw.acme:5432/seon";

pub(crate) async fn the_samples_become_ready_as_the_documentation_says(stage: &Stage) {
    let acme = Company::new(stage, "acme", "O0013000001ACME", Line::Tls).await;
    let directory = TemporaryDirectory::new();
    let samples = repository().join("deploy/samples");
    let database = fs::read_to_string(samples.join("kubernetes-database.yaml")).unwrap();
    assert!(database.contains(SAMPLE_URI), "{database}");
    let database = database.replace(SAMPLE_URI, &acme.database().uri());
    fs::write(directory.join("database.yaml"), database).unwrap();
    let written = directory.path().display();
    Identity::self_signed("oftp.acme.example").write(directory.path(), "acme");
    Identity::self_signed("oftp.bolt.example").write(directory.path(), "bolt");

    let samples = samples.display();
    for command in [
        format!("apply -f {written}/database.yaml"),
        format!("create secret tls acme-tls --cert={written}/acme.crt --key={written}/acme.key"),
        format!("create secret generic bolt-tls --from-file=tls.crt={written}/bolt.crt"),
        format!("apply -f {samples}/kubernetes.yaml"),
        "wait --for=condition=Ready seon/acme --timeout=4m".to_owned(),
    ] {
        let arguments = ["--namespace", acme.namespace()].into_iter().chain(command.split(' '));
        stage.cluster.kubectl(&arguments.collect::<Vec<_>>()).await.unwrap();
    }
    acme.is_ready().await;
}

pub(crate) async fn two_instances_in_two_namespaces_exchange_files_both_ways_over_tls(
    stage: &Stage,
) {
    let pair = Pair::ready_with(stage, Line::Tls, Line::Tls, |_, _| {}).await;
    let load = pair.under_load().await;
    load.flows().await;
    let outcome = load.judge(&pair).await;
    let sessions = outcome.bolt.of("session_started").count();
    assert!(sessions > 0 && outcome.files > 0);

    let get = ["get", "seon,seonp", "--namespace", pair.acme.namespace()];
    let table = stage.cluster.kubectl(&get).await.unwrap();
    println!("{table}");
    let row = |name: &str| {
        let line = table.lines().find(|line| line.contains(name)).expect("a row");
        line.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(row("READY"), ["NAME", "READY", "RECEIVE", "SEND", "QUEUE", "PARTNERS", "AGE"]);
    let acme = row("seoninstance.seon.dev/acme");
    assert_eq!(acme[1..6], ["True", "tls", "True", "0", "1"]);
    let bolt = row("seonpartner.seon.dev/bolt");
    assert_eq!(bolt[1..4], ["acme", "O0013000002BOLT", "True"]);
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
    let made = apply("samples/kubernetes.yaml").await;
    assert!(made.contains("seoninstance.seon.dev/acme serverside-applied"), "{made}");
}
