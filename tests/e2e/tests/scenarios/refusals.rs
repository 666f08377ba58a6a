//! Resources that cannot work.

use crds::conditions::{self, reason};
use crds::{SeonInstance, SeonPartner};
use e2e::{Company, Pair, Stage, eventually};
use kube::api::{Api, DeleteParams, DynamicObject, Patch, PatchParams};
use kube::discovery::ApiResource;
use kube::{Resource, ResourceExt};
use serde::Serialize;
use serde_json::{Value, json};

pub(crate) async fn what_one_resource_can_decide_is_refused_with_a_sentence_that_names_the_cure(
    stage: &Stage,
) {
    let pair = Pair::ready(stage).await;
    let (objects, _) = pair.objects();
    for (place, value, sentence) in [
        ("/metadata/name", json!("1acme"), "metadata.name becomes part of the daemons' names"),
        ("/spec/identity/odetteId", json!("acme"), "an Odette ID consists of A-Z"),
        ("/spec/lease/ttl", json!("1s"), "give 2s to 5m"),
        ("/spec/receive/tcpip/port", json!(66190), "spec.receive.tcpip.port"),
        ("/spec/storage/directory", json!("./data"), "storage is one of directory"),
        ("/spec/storage/volumeClaim/size", json!("much"), "give a size such as 50Gi"),
        ("/spec/suspended", json!(true), "suspended"),
    ] {
        let refusal = refusal::<SeonInstance>(&pair.acme, &objects.instance, place, value).await;
        assert!(refusal.contains(sentence), "{place}: {refusal}");
    }
    for (place, value, sentence) in [
        ("/spec/certificates", json!([]), "a tls transport needs certificates"),
        (
            "/spec/transports/0/tcp",
            json!({"host": "bolt"}),
            "a transport is one of tls, tcp and isdn",
        ),
        ("/spec/poll", json!("hourly"), "a cron expression has five fields"),
    ] {
        let refusal = refusal::<SeonPartner>(&pair.acme, &objects.partner, place, value).await;
        assert!(refusal.contains(sentence), "{place}: {refusal}");
    }
    for (patch, sentence) in [
        (
            json!({"spec": {"database": {"secretRef": {"name": "other", "key": "uri"}}}}),
            "set suspend: true first",
        ),
        (
            json!({"spec": {"storage": {"volumeClaim": {"storageClassName": "other"}}}}),
            "keeps its access mode and storage class",
        ),
    ] {
        let instances = pair.acme.api::<SeonInstance>();
        let dry = PatchParams { dry_run: true, ..PatchParams::default() };
        let refused = instances.patch("acme", &dry, &Patch::Merge(&patch)).await.unwrap_err();
        assert!(refused.to_string().contains(sentence), "{patch}: {refused}");
    }
    pair.leave().await;
}

/// What the API server says to an object with another value at that place.
async fn refusal<K>(company: &Company<'_>, object: &K, place: &str, value: Value) -> String
where
    K: Resource<DynamicType = ()> + Serialize,
{
    let mut changed = serde_json::to_value(object).unwrap();
    changed["metadata"]["name"] = format!("{}-2", object.name_any()).into();
    let (parent, field) = place.rsplit_once('/').unwrap();
    changed.pointer_mut(parent).unwrap_or_else(|| panic!("no {parent}"))[field] = value;
    let kind = ApiResource::erase::<K>(&());
    let api = Api::<DynamicObject>::namespaced_with(
        company.stage.client.clone(),
        company.namespace(),
        &kind,
    );
    let name = changed["metadata"]["name"].as_str().unwrap().to_owned();
    let mut administrator = PatchParams::apply("administrator").validation_strict();
    administrator.dry_run = true;
    match api.patch(&name, &administrator, &Patch::Apply(changed)).await {
        Ok(_) => "it was accepted".to_owned(),
        Err(error) => error.to_string(),
    }
}

pub(crate) async fn what_only_the_whole_can_decide_is_in_the_conditions(stage: &Stage) {
    let pair = Pair::ready(stage).await;
    let acme = &pair.acme;
    let load = pair.under_load().await;
    let before = acme.incarnations().await;

    let mut twin = pair.objects().0.partner;
    twin.metadata.name = Some("twin".to_owned());
    acme.apply(&twin).await;
    let message = partner_says(acme, "twin", reason::INVALID).await;
    assert!(message.starts_with("E-VALIDATE-SECRET-LABEL "), "{message}");
    acme.change(json!({"spec": {"partnerSecrets": "Any"}})).await;
    let message = eventually("twin is judged by what it says", async || {
        let message = partner_says(acme, "twin", reason::INVALID).await;
        if message.contains("E-VALIDATE-SECRET-LABEL") { Err(message) } else { Ok(message) }
    })
    .await;
    assert!(message.contains("O0013000002BOLT") && message.contains("bolt"), "{message}");
    acme.says(conditions::DEGRADED, "True", reason::PARTNERS_INVALID).await;

    let mut orphan = pair.objects().0.partner;
    orphan.metadata.name = Some("orphan".to_owned());
    orphan.spec.instance_ref.name = "nobody".into();
    acme.apply(&orphan).await;
    let message = partner_says(acme, "orphan", reason::NO_INSTANCE).await;
    assert!(message.contains("nobody"), "{message}");

    let secret = |name: &str| json!({"spec": {"identity": {"passwordSecretRef": {"name": name}}}});
    acme.change(secret("missing")).await;
    let message = acme.says(conditions::READY, "False", reason::INVALID).await;
    assert!(message.contains("missing"), "{message}");
    // What was valid before stays in effect.
    load.flows().await;
    acme.change(secret("acme-oftp")).await;
    for name in ["twin", "orphan"] {
        acme.api::<SeonPartner>().delete(name, &DeleteParams::default()).await.unwrap();
    }
    acme.change(json!({"spec": {"partnerSecrets": null}})).await;
    pair.is_ready().await;
    assert_eq!(acme.incarnations().await, before, "nothing was restarted");
    load.judge(&pair).await;
    pair.leave().await;
}

async fn partner_says(company: &Company<'_>, partner: &str, reason: &str) -> String {
    eventually(&format!("{partner} is not ready because of {reason}"), async || {
        let partner = company.api::<SeonPartner>().get(partner).await;
        let status = partner.map_err(|error| error.to_string())?.status.unwrap_or_default();
        let ready = status.conditions.into_iter().find(|one| one.kind == conditions::READY);
        match ready {
            Some(ready) if ready.status == "False" && ready.reason == reason => Ok(ready.message),
            other => Err(format!("{other:?}")),
        }
    })
    .await
}
