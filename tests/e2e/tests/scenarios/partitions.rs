//! Nodes that run, and reach somebody no more.

use cluster::{From, Nodes};
use domain::Daemon;
use e2e::{Disruption, Pair, Stage, eventually};
use k8s_openapi::api::core::v1::Node;
use kube::api::Api;

pub(crate) async fn daemons_that_are_cut_off_from_the_api_server_keep_working(stage: &Stage) {
    let nodes = cluster::nodes!(stage);
    let pair = Pair::ready(stage).await;
    let load = pair.under_load().await;
    let disruption = Disruption::begins("node cut off from the API server", &pair, &load).await;
    let node = &disruption.active(&pair.acme, Daemon::SeonrdTcpip).node;
    nodes.partition(node, From::ApiServer).await;
    is_given_up(stage, node).await;
    load.flows().await;
    for (company, daemon) in pair.daemons() {
        let before = disruption.active(company, daemon);
        if before.node == *node {
            assert_eq!(company.active(daemon).await.epoch, before.epoch, "{daemon}");
        }
    }
    nodes.heal(node).await;
    pair.is_ready().await;
    load.flows().await;
    disruption.measure(&load.judge(&pair).await, &stage.figures);
    pair.leave().await;
}

pub(crate) async fn daemons_that_are_cut_off_from_the_database_are_replaced(stage: &Stage) {
    let nodes = cluster::nodes!(stage);
    Box::pin(are_replaced(stage, nodes, "node cut off from the database", From::Database)).await;
}

pub(crate) async fn daemons_that_are_cut_off_from_everything_are_replaced(stage: &Stage) {
    let nodes = cluster::nodes!(stage);
    Box::pin(are_replaced(stage, nodes, "node cut off from everything", From::Everything)).await;
}

async fn are_replaced(stage: &Stage, nodes: &Nodes, scenario: &str, from: From) {
    let pair = Pair::ready(stage).await;
    let load = pair.under_load().await;
    let disruption = Disruption::begins(scenario, &pair, &load).await;
    let node = &disruption.active(&pair.acme, Daemon::SeonrdTcpip).node;
    nodes.partition(node, from).await;
    disruption.all_left(&pair, node).await;
    load.flows().await;
    nodes.heal(node).await;
    pair.is_ready().await;
    load.flows().await;
    disruption.measure(&load.judge(&pair).await, &stage.figures);
    pair.leave().await;
}

/// Waits until Kubernetes has lost a node, and has told its pods to go.
async fn is_given_up(stage: &Stage, node: &str) {
    let nodes = Api::<Node>::all(stage.client.clone());
    eventually(&format!("{node} is given up"), async || {
        let node = nodes.get(node).await.map_err(|error| error.to_string())?;
        let taints = node.spec.and_then(|spec| spec.taints).unwrap_or_default();
        let unreachable = taints.iter().any(|taint| {
            taint.key == "node.kubernetes.io/unreachable" && taint.effect == "NoExecute"
        });
        if unreachable { Ok(()) } else { Err(format!("{taints:?}")) }
    })
    .await;
}
