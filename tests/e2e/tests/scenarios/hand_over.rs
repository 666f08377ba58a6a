//! An administrator's wishes: another pod, or none at all.

use crds::names;
use domain::Daemon;
use e2e::{Disruption, Pair, Stage, eventually};
use serde_json::json;

pub(crate) async fn a_switchover_makes_the_standby_active(stage: &Stage) {
    let pair = Pair::ready(stage).await;
    let load = pair.under_load().await;
    let disruption = Disruption::begins("switchover", &pair, &load).await;
    for (company, daemon) in pair.daemons() {
        let wish = names::daemon_label(daemon.name());
        company
            .change(json!({"metadata": {"annotations": {names::SWITCHOVER_ANNOTATION: wish}}}))
            .await;
        let before = disruption.active(company, daemon);
        let after = company.taken_over(daemon, before).await;
        assert_ne!(after.uid, before.uid);
        eventually("the wish is granted once", async || {
            let instance = company.instance().await?;
            let annotations = instance.metadata.annotations.unwrap_or_default();
            annotations.get(names::SWITCHOVER_ANNOTATION).cloned().map_or(Ok(()), Err)
        })
        .await;
    }
    pair.is_ready().await;
    for (company, daemon) in pair.daemons() {
        let before = disruption.active(company, daemon);
        assert_eq!(company.active(daemon).await.epoch, before.epoch + 1, "{daemon}");
    }
    let aborted = disruption.measure(&load.judge(&pair).await, &stage.figures);
    assert_eq!(aborted, 0);
}

pub(crate) async fn a_suspended_instance_keeps_its_files_until_it_is_resumed(stage: &Stage) {
    let pair = Pair::ready(stage).await;
    let load = pair.under_load().await;
    let before = pair.acme.active(Daemon::Seonrd).await;
    pair.acme.change(json!({"spec": {"suspend": true}})).await;
    eventually("acme has no pod", async || {
        Ok::<_, String>(pair.acme.all_pods().await?.is_empty())
            .and_then(|none| if none { Ok(()) } else { Err("there are pods".to_owned()) })
    })
    .await;
    let message =
        pair.acme.says(crds::conditions::READY, "False", crds::conditions::reason::SUSPENDED).await;
    assert!(message.contains("suspend"), "{message}");
    pair.acme.change(json!({"spec": {"suspend": false}})).await;
    pair.acme.taken_over(Daemon::Seonrd, &before).await;
    pair.is_ready().await;
    load.flows().await;
    load.judge(&pair).await;
}
