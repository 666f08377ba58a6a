//! An administrator's wishes: another pod, or none at all.

use crds::names;
use domain::Daemon;
use e2e::{Company, Disruption, Pair, Stage, eventually};
use k8s_openapi::api::events::v1::Event;
use kube::api::ListParams;
use serde_json::json;

pub(crate) async fn a_switchover_makes_the_standby_active(stage: &Stage) {
    let pair = Pair::ready(stage).await;
    let load = pair.under_load().await;
    let disruption = Disruption::begins("switchover", &pair, &load).await;
    for (company, daemon) in pair.daemons() {
        wish(company, &names::daemon_label(daemon.name())).await;
        let before = disruption.active(company, daemon);
        let after = company.taken_over(daemon, before).await;
        assert_ne!(after.uid, before.uid);
        is_answered(company).await;
    }
    pair.is_ready().await;
    for (company, daemon) in pair.daemons() {
        let before = disruption.active(company, daemon);
        assert_eq!(company.active(daemon).await.epoch, before.epoch + 1, "{daemon}");
    }
    what_cannot_be_granted_is_refused_and_counted(&pair.acme).await;
    let aborted = disruption.measure(&load.judge(&pair).await, &stage.figures);
    assert_eq!(aborted, 0);
    pair.leave().await;
}

async fn wish(company: &Company<'_>, daemon: &str) {
    company
        .change(json!({"metadata": {"annotations": {names::SWITCHOVER_ANNOTATION: daemon}}}))
        .await;
}

async fn is_answered(company: &Company<'_>) {
    eventually("the wish is answered", async || {
        let instance = company.instance().await?;
        let annotations = instance.metadata.annotations.unwrap_or_default();
        annotations.get(names::SWITCHOVER_ANNOTATION).cloned().map_or(Ok(()), Err)
    })
    .await;
}

/// Of what happens again there is one event.
async fn what_cannot_be_granted_is_refused_and_counted(company: &Company<'_>) {
    for _ in 0..2 {
        wish(company, "nobody").await;
        is_answered(company).await;
    }
    eventually("the refusal is told twice in one event", async || {
        let events = company.api::<Event>().list(&ListParams::default()).await;
        let events = events.map_err(|error| error.to_string())?.items;
        let refused =
            events.iter().filter(|event| event.reason.as_deref() == Some("SwitchoverRefused"));
        let counts: Vec<_> =
            refused.map(|event| event.series.as_ref().map(|all| all.count)).collect();
        if counts == [Some(2)] { Ok(()) } else { Err(format!("{counts:?}")) }
    })
    .await;
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
    // Meanwhile the database is another instance's: nobody works with it, and the status says why.
    let rename = |name: &str| format!("update instance_identity set name = '{name}'");
    pair.acme.database().sql(&rename("another"));
    pair.acme.change(json!({"spec": {"suspend": false}})).await;
    eventually("acme says whose its database is", async || {
        let status = pair.acme.instance().await?.status.ok_or("no status yet")?;
        let said = status.conditions.iter().map(|condition| condition.message.as_str());
        let said = said.collect::<Vec<_>>().join("; ");
        if said.contains("E-INSTANCE-NAME") { Ok(()) } else { Err(said) }
    })
    .await;
    pair.acme.database().sql(&rename(pair.acme.name()));
    pair.acme.taken_over(Daemon::Seonrd, &before).await;
    pair.is_ready().await;
    load.flows().await;
    load.judge(&pair).await;
    pair.leave().await;
}
