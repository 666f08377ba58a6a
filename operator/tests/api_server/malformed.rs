//! One resource that cannot be read stands in nobody's way.

use std::sync::Arc;

use crds::SeonInstance;
use k8s_openapi::api::apps::v1::StatefulSet;
use kube::{Api, api::ListParams};
use operator::{
    controller::{Settings, run},
    metrics::Metrics,
    turns::{LIMIT, Turns},
};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::fixture::{Place, define, installation, instance, partner, until};

/// Definitions of another version, by which everything goes.
fn lax_definitions() -> Vec<Value> {
    let mut definitions: Vec<Value> =
        crds::definitions().iter().map(|definition| json!(definition)).collect();
    for definition in &mut definitions {
        definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"] = json!({
            "type": "object",
            "x-kubernetes-preserve-unknown-fields": true,
        });
        definition["spec"]["versions"][0]["selectableFields"] = Value::Null;
    }
    definitions
}

#[tokio::test]
async fn a_resource_that_cannot_be_read_stalls_no_other() {
    let server = cluster::api_server!();
    let definitions = lax_definitions().into_iter().map(|d| serde_json::from_value(d).unwrap());
    define(&server.client().await, definitions).await;
    let place = Place::new(&server).await;
    let raw = kube::core::ApiResource::erase::<SeonInstance>(&());
    let dynamic = Api::<kube::core::DynamicObject>::namespaced_with(
        place.client.clone(),
        &place.namespace,
        &raw,
    );
    let broken = instance("broken", |value| value["spec"]["receive"] = json!("everything"));
    let broken = serde_json::from_value(broken).unwrap();
    dynamic.create(&kube::api::PostParams::default(), &broken).await.unwrap();
    let raw = kube::core::ApiResource::erase::<crds::SeonPartner>(&());
    let partners = Api::<kube::core::DynamicObject>::namespaced_with(
        place.client.clone(),
        &place.namespace,
        &raw,
    );
    let broken = partner("broken", |value| value["spec"]["transports"] = json!(7));
    let broken = serde_json::from_value(broken).unwrap();
    partners.create(&kube::api::PostParams::default(), &broken).await.unwrap();

    let stop = CancellationToken::new();
    let metrics = Arc::new(Metrics::default());
    let settings = Settings {
        installation: installation(),
        identity: "test".into(),
        turns: Turns::new(4, LIMIT),
        with_nodes: false,
    };
    let running =
        tokio::spawn(run(place.client.clone(), None, settings, Arc::clone(&metrics), stop.clone()));
    place.instance(|_| ()).await;
    until("the good instance has its daemons", async || {
        let sets = place.api::<StatefulSet>().list(&ListParams::default()).await.unwrap();
        (sets.items.len() == 4).then_some(()).ok_or_else(|| format!("{}", sets.items.len()))
    })
    .await;
    until("the broken one is counted", async || {
        let text = metrics.text();
        text.contains("seon_operator_errors_total{code=\"E-OPERATOR-MALFORMED\"}")
            .then_some(())
            .ok_or(text)
    })
    .await;
    stop.cancel();
    tokio::time::timeout(crate::fixture::PATIENCE, running).await.unwrap().unwrap();
}
