//! Daemons, and the machines under them, end without warning.

use cluster::Nodes;
use domain::Daemon;
use e2e::{Disruption, Pair, Stage, eventually};
use rustix::process::Signal;

pub(crate) async fn active_pods_that_are_deleted_by_force_are_replaced_by_their_standbys(
    stage: &Stage,
) {
    let pair = Pair::ready(stage).await;
    let load = pair.under_load().await;
    let disruption = Disruption::begins("active pods deleted by force", &pair, &load).await;
    for (company, daemon) in pair.daemons() {
        company.delete_by_force(&disruption.active(company, daemon).pod).await;
    }
    disruption.all_taken_over(&pair).await;
    pair.is_ready().await;
    load.flows().await;
    disruption.measure(&load.judge(&pair).await, &stage.figures);
    pair.leave().await;
}

pub(crate) async fn active_processes_that_are_killed_are_replaced_by_their_standbys(stage: &Stage) {
    let nodes = cluster::nodes!(stage);
    let pair = Pair::ready(stage).await;
    let load = pair.under_load().await;
    let disruption = Disruption::begins("active processes killed", &pair, &load).await;
    signal_all(nodes, &pair, &disruption, Signal::KILL).await;
    disruption.all_taken_over(&pair).await;
    pair.is_ready().await;
    load.flows().await;
    disruption.measure(&load.judge(&pair).await, &stage.figures);
    pair.leave().await;
}

pub(crate) async fn frozen_processes_are_replaced_and_end_when_thawed_without_another_write(
    stage: &Stage,
) {
    let nodes = cluster::nodes!(stage);
    let pair = Pair::ready(stage).await;
    let load = pair.under_load().await;
    let disruption = Disruption::begins("active processes frozen", &pair, &load).await;
    let before = [pair.acme.incarnations().await, pair.bolt.incarnations().await].concat();
    signal_all(nodes, &pair, &disruption, Signal::STOP).await;
    disruption.all_taken_over(&pair).await;
    load.flows().await;
    signal_all(nodes, &pair, &disruption, Signal::CONT).await;
    for (company, daemon) in pair.daemons() {
        let frozen = &disruption.active(company, daemon).uid;
        eventually("the thawed process has ended", async || {
            let incarnations = company.incarnations().await;
            incarnations.iter().all(|now| now.0 != *frozen || !before.contains(now))
        })
        .await;
    }
    pair.is_ready().await;
    disruption.measure(&load.judge(&pair).await, &stage.figures);
    pair.leave().await;
}

pub(crate) async fn a_node_that_loses_its_power_loses_no_file_and_its_pods_run_elsewhere(
    stage: &Stage,
) {
    let nodes = cluster::nodes!(stage);
    let pair = Pair::ready(stage).await;
    let load = pair.under_load().await;
    let disruption = Disruption::begins("node without power", &pair, &load).await;
    let node = &disruption.active(&pair.acme, Daemon::SeonrdTcpip).node;
    nodes.power_off(node).await;
    disruption.all_left(&pair, node).await;
    // Without the node: its pods are replaced though it never said that they ended.
    pair.is_ready().await;
    load.flows().await;
    nodes.start_node(node).await;
    disruption.measure(&load.judge(&pair).await, &stage.figures);
    pair.leave().await;
}

async fn signal_all(nodes: &Nodes, pair: &Pair<'_>, disruption: &Disruption, signal: Signal) {
    for (company, daemon) in pair.daemons() {
        let pod = &disruption.active(company, daemon).pod;
        nodes.signal(company.namespace(), pod, signal).await;
    }
}
