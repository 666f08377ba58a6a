//! What if the operator stops between two writes? The next one finishes what it began.

use std::collections::BTreeMap;

use k8s_openapi::api::{
    apps::v1::StatefulSet,
    batch::v1::Job,
    core::v1::{PersistentVolumeClaim, Secret, Service, ServiceAccount},
    networking::v1::NetworkPolicy,
    policy::v1::PodDisruptionBudget,
    rbac::v1::{Role, RoleBinding},
};
use kube::ResourceExt as _;
use operator::world::Made;
use serde_json::{Value, json};

use crate::fixture::{Operator, Place, server};

/// Everything that we made, without what differs from place to place.
async fn everything(place: &Place) -> BTreeMap<String, Value> {
    let mut all = BTreeMap::new();
    collect::<ServiceAccount>(place, &mut all).await;
    collect::<Role>(place, &mut all).await;
    collect::<RoleBinding>(place, &mut all).await;
    collect::<Secret>(place, &mut all).await;
    collect::<PersistentVolumeClaim>(place, &mut all).await;
    collect::<NetworkPolicy>(place, &mut all).await;
    collect::<Service>(place, &mut all).await;
    collect::<PodDisruptionBudget>(place, &mut all).await;
    collect::<Job>(place, &mut all).await;
    collect::<StatefulSet>(place, &mut all).await;
    all
}

async fn collect<K: Made>(place: &Place, all: &mut BTreeMap<String, Value>) {
    for object in place.all::<K>().await {
        if !object.labels().contains_key(crds::names::INSTANCE_LABEL) {
            continue;
        }
        // What is certain whatever was done in between: which objects, and what they were meant to
        // be.
        let kind = K::kind(&());
        let mut applied = object.annotations().clone();
        if kind == "Secret" {
            // The revision follows from the Secrets' versions, which are each place's own.
            applied.clear();
        }
        let owners = object.owner_references().len();
        let value = json!({"labels": object.labels(), "owners": owners, "generation":
            object.meta().generation, "annotations": applied.len()});
        all.insert(format!("{kind} {}", object.name_any()), value);
    }
}

/// First as it is, then with another image and without a listener, so that something is deleted
/// too.
async fn change(place: &Place) {
    place
        .instance(|value| {
            value["spec"]["image"] = json!("registry.local/seon:2");
            value["spec"]["receive"] =
                json!({"tls": {"certificateSecretRef": {"name": "acme-tls"}}});
        })
        .await;
}

#[tokio::test]
async fn an_operator_that_dies_after_any_of_its_writes_leaves_what_the_next_one_finishes() {
    let server = server!();
    let place = Place::new(server).await;
    place.instance(|_| ()).await;
    place.partner("bolt", |_| ()).await;
    let operator = Operator::start(&place).await;
    operator.turn(&place, "acme").await.unwrap();
    let first = operator.writes();
    let after_first = everything(&place).await;
    change(&place).await;
    operator.turn(&place, "acme").await.unwrap();
    let second = operator.writes() - first;
    let after_second = everything(&place).await;
    assert!(first > 30 && second > 10, "{first} writes, then {second}");
    assert_ne!(after_first, after_second);

    // All at once: each in a place of its own.
    let at_first = (0..first).map(|writes| async move {
        let place = Place::new(server).await;
        place.instance(|_| ()).await;
        place.partner("bolt", |_| ()).await;
        die_and_finish(&place, writes).await;
        (writes, everything(&place).await)
    });
    for (writes, found) in futures::future::join_all(at_first).await {
        assert_eq!(found, after_first, "died after {writes} writes");
    }
    let at_second = (0..second).map(|writes| async move {
        let place = Place::new(server).await;
        place.instance(|_| ()).await;
        place.partner("bolt", |_| ()).await;
        Operator::start(&place).await.turn(&place, "acme").await.unwrap();
        change(&place).await;
        die_and_finish(&place, writes).await;
        (writes, everything(&place).await)
    });
    for (writes, found) in futures::future::join_all(at_second).await {
        assert_eq!(found, after_second, "died after {writes} writes of the change");
    }
}

/// One dies, the next one finishes, and then there is nothing more to write.
async fn die_and_finish(place: &Place, writes: u64) {
    let dying = Operator::dying_after(place, writes).await;
    dying.turn(place, "acme").await.unwrap_err();
    assert_eq!(dying.writes(), writes);
    drop(dying);
    let next = Operator::start(place).await;
    next.turn(place, "acme").await.unwrap();
    let written = next.writes();
    next.turn(place, "acme").await.unwrap();
    assert_eq!(next.writes(), written);
}
