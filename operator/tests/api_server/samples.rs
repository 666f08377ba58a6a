//! The samples for ISDN, as somebody applies them.

use crds::SeonInstance;
use k8s_openapi::api::{apps::v1::StatefulSet, networking::v1::NetworkPolicy};
use serde::Deserialize as _;
use serde_json::{Value, json};

use crate::fixture::{Operator, Place, server};

/// A file of deploy/samples, document by document.
fn documents(name: &str) -> Vec<Value> {
    let path = format!("{}/../deploy/samples/{name}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).unwrap();
    serde_yaml::Deserializer::from_str(&text).map(|one| Value::deserialize(one).unwrap()).collect()
}

/// Applies a sample and its database in a namespace of its own, and lets the operator see it.
async fn apply(server: &cluster::ApiServer, sample: &str) -> Place {
    let namespace = server.namespace("samples").await;
    for mut document in documents("cluster-database.yaml").into_iter().chain(documents(sample)) {
        document["metadata"]["namespace"] = json!(namespace);
        server.apply(&document.to_string()).await.unwrap();
    }
    let place = Place { client: server.client().await, namespace };
    let operator = Operator::start(&place).await;
    operator.turn(&place, "acme").await.unwrap();
    let status = place.get::<SeonInstance>("acme").await.status.unwrap();
    let ready = status.conditions.iter().find(|condition| condition.kind == "Ready").unwrap();
    assert_eq!(ready.reason, "NoActivePod", "good, and nobody runs pods here: {}", ready.message);
    assert_eq!(status.partners, Some(1));
    place
}

#[tokio::test]
async fn the_sample_with_an_adapter_asks_for_the_controller_of_a_node() {
    let place = apply(server!(), "isdn-device.yaml").await;
    let set = place.get::<StatefulSet>("acme-seonrd-capi-0").await;
    let pod = json!(set.spec.unwrap().template.spec);
    let resources = &pod["containers"][0]["resources"];
    for kind in ["requests", "limits"] {
        assert_eq!(resources[kind]["seon.dev/capi-controller-1"], "1");
    }
}

#[tokio::test]
async fn the_sample_with_a_router_reaches_it_and_nothing_else_of_its_kind() {
    let place = apply(server!(), "isdn-remote.yaml").await;
    let policy = place.get::<NetworkPolicy>("acme-seonrd-capi-0").await;
    let egress = json!(policy.spec.unwrap().egress);
    let router = egress.as_array().unwrap().last().unwrap();
    assert_eq!(router["to"], json!([{"ipBlock": {"cidr": "192.0.2.7/32"}}]));
    assert_eq!(router["ports"], json!([{"port": 2662, "protocol": "TCP"}]));
    let set = place.get::<StatefulSet>("acme-seonrd-capi-0").await;
    assert!(json!(set.spec).to_string().contains("secrets/acme-router/password"));
}
