//! An API server alone: what tests rely on.

#![allow(clippy::unwrap_used, reason = "what fails here is a test")]

use k8s_openapi::api::core::v1::{ConfigMap, ServiceAccount};
use kube::api::{Api, ListParams, ObjectMeta, PostParams};

fn named<T: Default>(name: &str, set: impl FnOnce(&mut T) -> &mut ObjectMeta) -> T {
    let mut object = T::default();
    set(&mut object).name = Some(name.to_owned());
    object
}

#[tokio::test]
async fn two_api_servers_at_once_know_nothing_of_each_other() {
    let one = cluster::api_server!();
    let two = cluster::api_server!();
    let namespace = one.namespace("here").await;
    let exists = async |server: &cluster::ApiServer| {
        let names = server.kubectl(&["get", "namespaces", "--output=name"]).await.unwrap();
        names.contains(&namespace)
    };
    assert!(exists(&one).await);
    assert!(!exists(&two).await);
}

#[tokio::test]
async fn who_asks_decides_what_is_allowed_and_the_audit_log_has_both() {
    let server = cluster::api_server!();
    let namespace = server.namespace("rights").await;
    let accounts = Api::<ServiceAccount>::namespaced(server.client().await, &namespace);
    let account = named("reader", |account: &mut ServiceAccount| &mut account.metadata);
    accounts.create(&PostParams::default(), &account).await.unwrap();

    let maps = |client| Api::<ConfigMap>::namespaced(client, &namespace);
    let stranger = maps(server.client_as("anna", &["people"]).await);
    let reader = maps(server.client_of(&namespace, "reader").await);
    for client in [&stranger, &reader] {
        let refused = client.list(&ListParams::default()).await.unwrap_err();
        assert!(refused.to_string().contains("cannot list resource"), "{refused}");
    }
    let kubectl = async |command: &str| {
        let arguments: Vec<&str> = command.split(' ').chain(["--namespace", &namespace]).collect();
        server.kubectl(&arguments).await.unwrap();
    };
    kubectl("create role reader --verb=list --resource=configmaps").await;
    kubectl(&format!(
        "create rolebinding readers --role=reader --group=people \
         --serviceaccount={namespace}:reader"
    ))
    .await;
    for client in [&stranger, &reader] {
        // The authorizer learns of the binding by a watch.
        let deadline = std::time::Duration::from_secs(20);
        support::wait_until("the reader may read", deadline, async || {
            client.list(&ListParams::default()).await
        })
        .await;
    }

    let events = server.audit_events().unwrap();
    let by = |field: &str, user: &str| {
        let of_user = |event: &&serde_json::Value| {
            event[field]["username"] == user && event["objectRef"]["resource"] == "configmaps"
        };
        let codes = events.iter().filter(of_user).map(|event| &event["responseStatus"]["code"]);
        codes.filter_map(serde_json::Value::as_i64).collect::<Vec<_>>()
    };
    let reader = by("user", &format!("system:serviceaccount:{namespace}:reader"));
    for codes in [reader, by("impersonatedUser", "anna")] {
        assert_eq!((codes.first(), codes.last()), (Some(&403), Some(&200)), "{codes:?}");
    }
}
