//! The database is gone for a while.

use e2e::{Pair, Stage};

pub(crate) async fn a_database_that_restarts_is_waited_for(stage: &Stage) {
    let nodes = cluster::nodes!(stage);
    let pair = Pair::ready(stage).await;
    let load = pair.under_load().await;
    let postgres = nodes.postgres().await.unwrap();
    postgres.crash();
    postgres.resume();
    load.flows().await;
    pair.is_ready().await;
    load.judge(&pair).await;
    pair.leave().await;
}
