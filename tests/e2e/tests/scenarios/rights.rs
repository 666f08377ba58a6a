//! What the operator and the daemons may do, held against what they did in all scenarios before.

use std::collections::{BTreeMap, BTreeSet};

use e2e::Stage;
use k8s_openapi::api::rbac::v1::{ClusterRole, PolicyRule, Role};
use kube::api::Api;
use serde_json::Value;
use support::skip;

/// The chart's ServiceAccount and ClusterRole.
const OPERATOR: &str = "seon-operator";

/// API group, resource with subresource, verb.
type Right = (String, String, String);

pub(crate) async fn every_right_is_used_and_none_is_missing(stage: &Stage) {
    let Some(all) = stage.cluster.audit_events() else {
        skip!(nodes, "an existing cluster's audit log is not ours (SEON_TEST_CLUSTER)");
    };
    // Everybody but Kubernetes itself, whose own are not in the log.
    let ours =
        |event: &&Value| user(event).is_some_and(|user| user.starts_with("system:serviceaccount:"));
    let events: Vec<&Value> = all.iter().filter(ours).collect();
    let ending = ending(&all);
    let refused: Vec<_> =
        events.iter().filter(|event| is_missing_a_right(event, &ending)).collect();
    assert!(refused.is_empty(), "{refused:#?}");

    let granted = granted(stage).await;
    let used: BTreeSet<Right> = events.iter().flat_map(|event| rights(event)).collect();
    let unused: Vec<&Right> = granted.difference(&used).collect();
    assert!(unused.is_empty(), "granted and never used: {unused:#?}");
}

/// By the chart's roles. What the operator passes on to the daemons is used by them.
async fn granted(stage: &Stage) -> BTreeSet<Right> {
    let namespace = stage.operator_namespace();
    let of_all = Api::<ClusterRole>::all(stage.client.clone()).get(OPERATOR).await.unwrap();
    let namespaced = Api::<Role>::namespaced(stage.client.clone(), namespace);
    let own = namespaced.get(&format!("{OPERATOR}-lease")).await.unwrap();
    let rules = of_all.rules.into_iter().chain(own.rules).flatten();
    rules.flat_map(|rule| rights_of(&rule)).collect()
}

fn rights_of(rule: &PolicyRule) -> Vec<Right> {
    let mut rights = Vec::new();
    for group in rule.api_groups.iter().flatten() {
        for resource in rule.resources.iter().flatten() {
            for verb in &rule.verbs {
                rights.push((group.clone(), resource.clone(), verb.clone()));
            }
        }
    }
    rights
}

/// What a request needed: to apply an object that was not there is also to create it.
fn rights(event: &Value) -> Vec<Right> {
    let object = &event["objectRef"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let resource = match object["subresource"].as_str() {
        None => text(&object["resource"]),
        Some(subresource) => format!("{}/{subresource}", text(&object["resource"])),
    };
    let right = |verb: String| (text(&object["apiGroup"]), resource.clone(), verb);
    let mut rights = vec![right(text(&event["verb"]))];
    if event["verb"] == "patch" && code(event) == Some(201) {
        rights.push(right("create".to_owned()));
    }
    rights
}

/// The namespaces that were deleted, and since when.
fn ending(events: &[Value]) -> BTreeMap<&str, &str> {
    let deleted = events.iter().filter(|event| {
        event["verb"] == "delete" && event["objectRef"]["resource"] == "namespaces"
    });
    deleted.filter_map(|event| Some((event["objectRef"]["name"].as_str()?, time(event)?))).collect()
}

/// In a namespace that is on its way out the rights go before those who used them.
fn is_missing_a_right(event: &Value, ending: &BTreeMap<&str, &str>) -> bool {
    let since = event["objectRef"]["namespace"].as_str().and_then(|name| ending.get(name));
    let is_over = since.is_some_and(|since| time(event) >= Some(since));
    code(event) == Some(403) && !is_over
}

/// In the notation of RFC 3339 with microseconds, which sorts as text.
fn time(event: &Value) -> Option<&str> {
    event["requestReceivedTimestamp"].as_str()
}

fn user(event: &Value) -> Option<&str> {
    event["user"]["username"].as_str()
}

fn code(event: &Value) -> Option<i64> {
    event["responseStatus"]["code"].as_i64()
}
