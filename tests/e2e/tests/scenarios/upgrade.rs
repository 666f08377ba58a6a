//! Another version.

use e2e::{Disruption, NEXT, Pair, Stage, eventually};
use k8s_openapi::api::core::v1::Pod;

pub(crate) async fn operator_and_daemons_are_upgraded_standby_first(stage: &Stage) {
    let pair = Pair::ready(stage).await;
    let load = pair.under_load().await;
    let disruption = Disruption::begins("upgrade", &pair).await;
    stage.upgrade(NEXT).await;
    for pod in stage.operator_pods().await {
        assert_eq!(image(&pod), format!("registry.local/seon-operator:{NEXT}"));
    }
    let wanted = format!("registry.local/seon:{NEXT}");
    for company in pair.companies() {
        eventually("every pod has the later image", async || {
            let pods = company.all_pods().await?;
            let old = pods.iter().find(|pod| image(pod) != wanted).map(image);
            old.map_or(Ok(()), Err)
        })
        .await;
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
}

fn image(pod: &Pod) -> String {
    let containers = pod.spec.iter().flat_map(|spec| &spec.containers);
    containers.filter_map(|container| container.image.clone()).collect()
}
