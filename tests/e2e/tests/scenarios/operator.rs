//! The operator is not there, or not for long.

use std::collections::BTreeSet;
use std::fmt::Debug;

use crds::names;
use domain::Daemon;
use e2e::{Company, Disruption, Pair, Stage, eventually};
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::api::rbac::v1::{Role, RoleBinding};
use kube::api::{DeleteParams, ListParams, Patch, PatchParams};
use kube::{Resource, ResourceExt};
use serde::de::DeserializeOwned;
use serde_json::json;

pub(crate) async fn a_failover_needs_no_operator(stage: &Stage) {
    let pair = Pair::ready(stage).await;
    let load = pair.under_load().await;
    stage.scale_operator(0).await;
    let disruption = Disruption::begins("active pods deleted, no operator", &pair, &load).await;
    for (company, daemon) in pair.daemons() {
        company.delete_by_force(&disruption.active(company, daemon).pod).await;
    }
    disruption.all_taken_over(&pair).await;
    load.flows().await;
    stage.scale_operator(2).await;
    pair.is_ready().await;
    disruption.measure(&load.judge(&pair).await, &stage.figures);
    pair.leave().await;
}

pub(crate) async fn an_operator_that_is_killed_again_and_again_still_brings_about_what_is_wanted(
    stage: &Stage,
) {
    const ROUNDS: u32 = 3;
    let pair = Pair::ready(stage).await;
    let load = pair.under_load().await;
    for round in 1..=ROUNDS {
        let template = json!({"replicas": 3, "labels": {"round": round.to_string()}});
        pair.acme.change(json!({"spec": {"daemonTemplate": template}})).await;
        stage.kill_operator().await;
        // It has begun again, and is somewhere in the middle.
        eventually("an operator acts", async || {
            let instance = pair.acme.instance().await?;
            let observed = instance.status.and_then(|status| status.observed_generation);
            if observed == instance.metadata.generation {
                Ok(())
            } else {
                Err("not yet".to_owned())
            }
        })
        .await;
        stage.kill_operator().await;
    }
    pair.is_ready().await;
    let pods = pair.acme.all_pods().await.unwrap();
    assert_eq!(pods.len(), 3 * pair.acme.daemons().len());
    for pod in &pods {
        assert_eq!(pod.labels().get("round"), Some(&ROUNDS.to_string()), "{}", pod.name_any());
    }
    load.flows().await;
    load.judge(&pair).await;
}

pub(crate) async fn what_somebody_changes_by_hand_is_put_right(stage: &Stage) {
    let pair = Pair::ready(stage).await;
    let load = pair.under_load().await;
    let acme = &pair.acme;
    let before = acme.incarnations().await;
    // The pods' own rights last: who is active must be known by then.
    comes_back::<PodDisruptionBudget>(acme).await;
    comes_back::<NetworkPolicy>(acme).await;
    comes_back::<RoleBinding>(acme).await;
    comes_back::<Role>(acme).await;
    comes_back::<Service>(acme).await;

    let services = acme.api::<Service>();
    let name = names::daemon_object(acme.name(), Daemon::SeonrdTcpip.name());
    let selector = |service: Service| service.spec.and_then(|spec| spec.selector);
    let right = selector(services.get(&name).await.unwrap());
    let wrong = json!({"spec": {"selector": {names::ROLE_LABEL: "nobody"}}});
    services.patch(&name, &PatchParams::default(), &Patch::Merge(wrong)).await.unwrap();
    eventually("the Service leads to the active pod again", async || {
        let found = services.get(&name).await.map(selector).map_err(|error| error.to_string())?;
        if found == right { Ok(()) } else { Err(format!("{found:?}")) }
    })
    .await;
    cluster::an_annotation_comes_back(&stage.client, acme.namespace(), names::APPLIED_ANNOTATION)
        .await;
    pair.is_ready().await;
    assert_eq!(acme.incarnations().await, before, "nothing was restarted");
    load.flows().await;
    load.judge(&pair).await;
    pair.leave().await;
}

/// Deletes all of a company's objects of a kind, and waits until they are there again.
async fn comes_back<K>(company: &Company<'_>)
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
        + Clone
        + Debug
        + DeserializeOwned,
{
    let api = company.api::<K>();
    let own =
        ListParams::default().labels(&format!("{}={}", names::INSTANCE_LABEL, company.name()));
    let identities = async || -> Result<BTreeSet<(String, Option<String>)>, String> {
        let list = api.list(&own).await.map_err(|error| error.to_string())?;
        Ok(list.iter().map(|object| (object.name_any(), object.uid())).collect())
    };
    let before = identities().await.unwrap();
    assert!(!before.is_empty(), "{} has {}", company.name(), K::plural(&()));
    for (name, _) in &before {
        api.delete(name, &DeleteParams::default()).await.unwrap();
    }
    eventually(&format!("the {} are there again", K::plural(&())), async || {
        let now = identities().await?;
        let are_new = before.is_disjoint(&now);
        let are_all = before.iter().map(|(name, _)| name).eq(now.iter().map(|(name, _)| name));
        if are_new && are_all { Ok(()) } else { Err(format!("{now:?}")) }
    })
    .await;
}
