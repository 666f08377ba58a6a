//! Planned work on the machines.

use e2e::{Disruption, Pair, Stage};
use support::skip;

/// A transfer is aborted if nobody ended its session. One that a daemon parked before it left is
/// not: its session was ended in order, and the file goes on at the octet where it was.
pub(crate) async fn every_node_is_drained_in_turn_and_no_transfer_is_aborted(stage: &Stage) {
    if let Err(reason) = stage.may_be_drained() {
        skip!(nodes, "{reason}");
    }
    let pair = Pair::ready(stage).await;
    let load = pair.under_load().await;
    let mut drains = Vec::new();
    for node in stage.cluster.node_names().await {
        let mut drain = Disruption::begins(&format!("{node} drained"), &pair, &load).await;
        stage.cluster.drain(&node).await.unwrap();
        drain.all_left(&pair, &node).await;
        pair.is_ready().await;
        load.flows().await;
        stage.cluster.uncordon(&node).await.unwrap();
        drain.is_over();
        drains.push(drain);
    }
    let outcome = load.judge(&pair).await;
    let aborted: usize = drains.iter().map(|drain| drain.measure(&outcome, &stage.figures)).sum();
    assert_eq!(aborted, 0);
    pair.leave().await;
}
