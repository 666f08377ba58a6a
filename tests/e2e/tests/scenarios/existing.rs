//! The same scenarios on a cluster that a user names: ours, in a process that does not know it.

use std::collections::BTreeSet;
use std::process::Command;

use cluster::Nodes;
use e2e::Stage;
use support::skip;

/// What is played, ...
const PLAYED: [&str; 3] = [
    "install::two_instances_in_two_namespaces_exchange_files_both_ways_over_tls",
    "crashes::active_pods_that_are_deleted_by_force_are_replaced_by_their_standbys",
    "hand_over::a_switchover_makes_the_standby_active",
];
/// ... and what only machines of our own can do.
const SKIPPED: &str = "database::a_database_that_restarts_is_waited_for";

pub(crate) async fn a_cluster_that_a_user_names_is_played_on_and_left_as_it_was(stage: &Stage) {
    let nodes = cluster::nodes!(stage);
    let courier = match nodes.import_shell().await {
        Ok(image) => image,
        Err(reason) => skip!(cluster, "{reason}"),
    };
    let postgres = nodes.postgres().await.unwrap();
    let administrator = postgres.database();
    let visit = || {
        let mut visit = guest(nodes);
        visit.env("SEON_TEST_DATABASE", administrator.uri());
        visit.env("SEON_TEST_COURIER", courier).env("SEON_TEST_REGISTRY", "registry.local");
        visit
    };
    let (is_good, said) = played(visit());
    assert!(!is_good && said.contains("Seon is on this cluster already"), "{said}");

    stage.strike().await;
    let things = async || {
        let get = ["get", "namespaces,crds,clusterroles,clusterrolebindings", "--output=name"];
        let objects = stage.cluster.kubectl(&get).await.unwrap();
        let databases = administrator.sql("select datname from pg_database");
        let all = objects.lines().chain(databases.lines()).map(str::to_owned);
        all.collect::<BTreeSet<String>>()
    };
    let before = things().await;
    let (is_good, said) = played(visit());
    // Set off, so that nobody takes its results for those of this process.
    said.lines().for_each(|line| println!("  | {line}"));
    assert!(is_good, "what it said is above");
    for scenario in PLAYED.iter().chain([&SKIPPED]) {
        let is_skipped = said.contains(&format!("SKIPPED: scenarios::{scenario}: "));
        assert_eq!(is_skipped, *scenario == SKIPPED, "{scenario}");
    }
    assert!(said.contains("4 passed; 0 failed"), "not all of them");
    assert_eq!(things().await, before);
}

/// This program with those scenarios alone, and a cluster of which it knows no more than a user.
fn guest(nodes: &Nodes) -> Command {
    let program = std::env::current_exe().unwrap();
    let list = Command::new(&program).args(["--list", "--format=terse"]).output().unwrap();
    let list = String::from_utf8(list.stdout).unwrap();
    let names = list.lines().filter_map(|line| line.strip_suffix(": test"));
    let mut guest = nodes.guest(&program);
    guest.arg("--exact").env_remove("SEON_TEST_REQUIRE").env_remove("SEON_SKIPS");
    for name in names.filter(|name| !PLAYED.contains(name) && *name != SKIPPED) {
        guest.args(["--skip", name]);
    }
    guest
}

/// Whether all was good, and what it said.
fn played(mut visit: Command) -> (bool, String) {
    let output = visit.output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}
