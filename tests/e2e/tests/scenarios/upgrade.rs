//! Another version.

use e2e::{Disruption, Pair, Stage, eventually};
use k8s_openapi::api::core::v1::Pod;
use support::skip;

pub(crate) async fn operator_and_daemons_are_upgraded_standby_first(stage: &Stage) {
    let next = match stage.next_version() {
        Ok(next) => next,
        Err(reason) => skip!(images, "{reason}"),
    };
    let pair = Pair::ready(stage).await;
    let load = pair.under_load().await;
    let disruption = Disruption::begins("upgrade", &pair, &load).await;
    stage.upgrade(next).await;
    let is_later = |pods: &[Pod]| {
        let old = pods.iter().map(image).find(|image| !image.ends_with(&format!(":{next}")));
        old.map_or(Ok(()), Err)
    };
    eventually("the operator is the later one", async || is_later(&stage.operator_pods().await))
        .await;
    for company in pair.companies() {
        eventually("every pod is a later one", async || is_later(&company.all_pods().await?)).await;
    }
    pair.is_ready().await;
    // Standbys first: nobody became active only to be replaced.
    for (company, daemon) in pair.daemons() {
        let before = disruption.active(company, daemon);
        assert_eq!(company.active(daemon).await.epoch, before.epoch + 1, "{daemon}");
    }
    load.flows().await;
    let aborted = disruption.measure(&load.judge(&pair).await, &stage.figures);
    assert_eq!(aborted, 0);
    pair.leave().await;
}

fn image(pod: &Pod) -> String {
    let containers = pod.spec.iter().flat_map(|spec| &spec.containers);
    containers.filter_map(|container| container.image.clone()).collect()
}
