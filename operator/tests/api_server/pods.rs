//! Pods as daemons and people write on them, and what the operator does about it.

use crds::{SeonInstance, names};
use k8s_openapi::api::{apps::v1::StatefulSet, batch::v1::Job, core::v1::Pod, events::v1::Event};
use kube::api::{ListParams, Patch, PatchParams};
use serde_json::{Value, json};

use crate::fixture::{Operator, Place, server, until};

/// A pod as a StatefulSet's controller makes it, ready, with these labels and annotations.
async fn pod(place: &Place, set: &StatefulSet, ordinal: u8, metadata: &Value) -> String {
    let template = set.spec.clone().unwrap().template;
    let mut pod =
        Pod { metadata: template.metadata.unwrap(), spec: template.spec, ..Pod::default() };
    let name = format!("{}-{ordinal}", set.metadata.name.clone().unwrap());
    pod.metadata.name = Some(name.clone());
    place.create(&pod).await;
    let api = place.api::<Pod>();
    let parameters = PatchParams::default();
    let patch = Patch::Merge(json!({"metadata": metadata}));
    api.patch(&name, &parameters, &patch).await.unwrap();
    let ready = json!({"status": {"conditions": [{"type": "Ready", "status": "True"}]}});
    api.patch_status(&name, &parameters, &Patch::Merge(ready)).await.unwrap();
    name
}

/// Waits until the operator's watch has told it of a pod in this state.
async fn until_known(operator: &Operator, place: &Place, name: &str) {
    let version = place.get::<Pod>(name).await.metadata.resource_version.unwrap();
    let key = operator::world::InstanceKey::new(&place.namespace, "acme");
    until("the operator knows the pod", async || {
        let pods = operator.context.world.pods.of(&key);
        let is_known = pods.get(name).is_some_and(|pod| pod.version == version);
        is_known.then_some(()).ok_or_else(|| "not yet".into())
    })
    .await;
}

#[tokio::test]
async fn roles_that_daemons_cannot_put_right_are_and_what_counts_at_a_start_is_rolled_out() {
    let place = Place::new(server!()).await;
    place.instance(|_| ()).await;
    let operator = Operator::start(&place).await;
    operator.turn(&place, "acme").await.unwrap();
    let set = place.get::<StatefulSet>("acme-seonsqd").await;
    // Somebody has exchanged the labels by hand.
    let holder = json!({
        "labels": {names::ROLE_LABEL: names::STANDBY},
        "annotations": {names::EPOCH_ANNOTATION: "3", names::AT_NEXT_START_ANNOTATION: "spec.lease"},
    });
    let holder = pod(&place, &set, 0, &holder).await;
    let standby = json!({
        "labels": {names::ROLE_LABEL: names::ACTIVE},
        "annotations": {names::AT_NEXT_START_ANNOTATION: "spec.lease"},
    });
    let standby = pod(&place, &set, 1, &standby).await;
    for name in [&holder, &standby] {
        until_known(&operator, &place, name).await;
    }
    operator.turn(&place, "acme").await.unwrap();
    let role = async |name: &str| {
        place.get::<Pod>(name).await.metadata.labels.unwrap()[names::ROLE_LABEL].clone()
    };
    assert_eq!(role(&holder).await, names::ACTIVE);
    assert_eq!(role(&standby).await, names::STANDBY);
    for name in [&holder, &standby] {
        until_known(&operator, &place, name).await;
    }

    // The database is migrated: what has begun with other settings goes, the standby first.
    for job in place.all::<Job>().await {
        let name = job.metadata.name.unwrap();
        let done = Patch::Merge(json!({"status": {"succeeded": 1}}));
        place.api::<Job>().patch_status(&name, &PatchParams::default(), &done).await.unwrap();
    }
    // The other daemons have their pods.
    for set in place.all::<StatefulSet>().await {
        let name = set.metadata.name.clone().unwrap();
        for ordinal in [0, 1] {
            if name != "acme-seonsqd" {
                let name = pod(&place, &set, ordinal, &json!({})).await;
                until_known(&operator, &place, &name).await;
            }
        }
    }
    until("the standby is replaced", async || {
        operator.turn(&place, "acme").await.map_err(|error| error.to_string())?;
        let gone = place.api::<Pod>().get_opt(&standby).await.unwrap().is_none();
        gone.then_some(()).ok_or_else(|| "it is still there".into())
    })
    .await;
    assert_eq!(role(&holder).await, names::ACTIVE, "one at a time");
    let status = place.get::<SeonInstance>("acme").await.status.unwrap();
    let applied = status.conditions.iter().find(|it| it.kind == "ConfigurationApplied").unwrap();
    assert_eq!(applied.status, "False");
    // Both are told of with the pods that they are about.
    let events = place.api::<Event>().list(&ListParams::default()).await.unwrap().items;
    for (reason, about) in [("RoleCorrected", &holder), ("RollingOut", &standby)] {
        let told = events.iter().any(|event| {
            event.reason.as_deref() == Some(reason)
                && event.related.as_ref().and_then(|pod| pod.name.as_ref()) == Some(about)
        });
        assert!(told, "{reason} of {about}");
    }
}
