//! What an administrator changes while files are exchanged.

use std::fmt::Debug;

use crds::{SeonPartner, names};
use domain::Daemon;
use e2e::{Company, Load, Pair, Stage, eventually};
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{Secret, Service, ServiceAccount};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::api::rbac::v1::{Role, RoleBinding};
use kube::Resource;
use kube::api::{Api, DeleteParams, Patch, PatchParams};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// At one small buffer a round trip, longer than all changes together.
const LONG: usize = 400_000_000;

pub(crate) async fn a_long_transfer_goes_on_while_replicas_ports_listeners_and_partners_change(
    stage: &Stage,
) {
    let pair = Pair::ready(stage).await;
    let load = pair.at_rest().await;
    let long = load.send_to_bolt(LONG).await;
    is_under_way(&pair, &long).await;

    pair.bolt.change(json!({"spec": {"receive": {"tls": {"replicas": 3}}}})).await;
    pair.bolt.is_ready().await;
    assert_eq!(pair.bolt.pods_of(Daemon::SeonrdTcpipTls).await.unwrap().len(), 3);
    pair.bolt.change(json!({"spec": {"receive": {"tls": {"replicas": 2}}}})).await;
    pair.bolt.is_ready().await;
    is_under_way(&pair, &long).await;

    pair.bolt.change(json!({"spec": {"receive": {"tls": {"port": 6620}}}})).await;
    let host = pair.objects().0.partner.spec.transports[0].tls.clone().unwrap().host;
    let transports = json!({"spec": {"transports": [{"tls": {"host": host, "port": 6620}}]}});
    change_partner(&pair.acme, "bolt", transports).await;
    pair.is_ready().await;
    load.flows().await;
    is_under_way(&pair, &long).await;

    a_second_listener_comes_and_goes(&pair.bolt).await;
    load.flows().await;
    is_under_way(&pair, &long).await;

    a_third_partner_comes_and_goes(&pair).await;
    load.flows().await;
    is_under_way(&pair, &long).await;
    for company in pair.companies() {
        let journal = company.journal().await;
        let broken: Vec<_> = journal.of("file_interrupted").collect();
        assert!(broken.is_empty(), "{broken:?}");
        let ended =
            journal.of("session_ended").filter(|end| end.code.as_deref() != Some("ESID-00"));
        assert_eq!(ended.count(), 0, "a session of {} was dropped", company.name());
    }

    hurry(&pair, &load).await;
    load.judge(&pair).await;
}

/// Fails if the transfer is over: then the changes proved nothing.
async fn is_under_way(pair: &Pair<'_>, name: &str) {
    eventually("the long transfer is under way", async || {
        let queue: Vec<Value> = pair.acme.ask(&["queue", "--all"]).await?;
        let entry = queue.into_iter().find(|entry| entry["dataset_name"] == name);
        let state = entry.map(|entry| entry["state"].as_str().unwrap_or_default().to_owned());
        assert!(state.as_deref() != Some("acknowledged"), "the transfer should be longer");
        if state.as_deref() == Some("sending") { Ok(()) } else { Err(format!("{state:?}")) }
    })
    .await;
}

async fn a_second_listener_comes_and_goes(company: &Company<'_>) {
    let daemon = Daemon::SeonrdTcpip;
    company.change(json!({"spec": {"receive": {"tcpip": {}}}})).await;
    company.active(daemon).await;
    company.is_ready().await;
    company.change(json!({"spec": {"receive": {"tcpip": null}}})).await;
    let object = names::daemon_object(company.name(), daemon.name());
    is_gone::<StatefulSet>(company, &object).await;
    is_gone::<Service>(company, &object).await;
    is_gone::<PodDisruptionBudget>(company, &object).await;
    is_gone::<NetworkPolicy>(company, &object).await;
    is_gone::<RoleBinding>(company, &object).await;
    is_gone::<Role>(company, &object).await;
    is_gone::<ServiceAccount>(company, &object).await;
    company.is_ready().await;
}

async fn is_gone<K>(company: &Company<'_>, name: &str)
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
        + Clone
        + Debug
        + DeserializeOwned,
{
    eventually(&format!("{} {name} is gone", K::kind(&())), async || {
        match company.api::<K>().get_opt(name).await {
            Ok(None) => Ok(()),
            Ok(Some(_)) => Err("it is there".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    })
    .await;
}

async fn a_third_partner_comes_and_goes(pair: &Pair<'_>) {
    for company in pair.companies() {
        let mut carl = pair.objects().0.partner;
        carl.metadata.name = Some("carl".to_owned());
        carl.metadata.namespace = Some(company.namespace().to_owned());
        carl.spec.instance_ref.name = company.name().to_owned();
        carl.spec.identity.odette_id = "O0013000003CARL".into();
        carl.spec.transports.clear();
        carl.spec.certificates.clear();
        let secret = &carl.spec.identity.password_secret_ref.name;
        let label = json!({"metadata": {"labels": {names::partner_label("carl"): ""}}});
        let (secrets, merge) = (company.api::<Secret>(), Patch::Merge(label));
        secrets.patch(secret, &PatchParams::default(), &merge).await.unwrap();
        company.apply(&carl).await;
    }
    pair.is_ready().await;
    for company in pair.companies() {
        let count = company.instance().await.unwrap().status.unwrap().partners;
        assert_eq!(count, Some(2));
        company.api::<SeonPartner>().delete("carl", &DeleteParams::default()).await.unwrap();
    }
    for company in pair.companies() {
        eventually("carl is gone", async || {
            let count = company.instance().await?.status.and_then(|status| status.partners);
            if count == Some(1) { Ok(()) } else { Err(format!("{count:?}")) }
        })
        .await;
    }
    pair.is_ready().await;
}

async fn change_partner(company: &Company<'_>, partner: &str, patch: Value) {
    let partners: Api<SeonPartner> = company.api();
    partners.patch(partner, &PatchParams::default(), &Patch::Merge(patch)).await.unwrap();
}

/// Lets the rest of the transfer go by as fast as it can, from where it is.
async fn hurry(pair: &Pair<'_>, load: &Load) {
    let protocol = json!({"spec": {"protocol": {"buffer": 32768, "credit": 64}}});
    change_partner(&pair.acme, "bolt", protocol.clone()).await;
    change_partner(&pair.bolt, "acme", protocol).await;
    pair.is_ready().await;
    let before = pair.acme.active(Daemon::Seonsqd).await;
    let wish = names::daemon_label(Daemon::Seonsqd.name());
    let wish = json!({"metadata": {"annotations": {names::SWITCHOVER_ANNOTATION: wish}}});
    pair.acme.change(wish).await;
    pair.acme.taken_over(Daemon::Seonsqd, &before).await;
    load.flows().await;
}
