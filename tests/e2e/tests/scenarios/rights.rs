//! What the operator and the daemons may do, held against what they did in all scenarios before.

use std::collections::BTreeSet;

use e2e::{Audit, Right, Stage, counted};
use k8s_openapi::api::rbac::v1::{ClusterRole, PolicyRule, Role};
use kube::api::Api;
use support::skip;

/// The chart's ServiceAccount and ClusterRole.
const OPERATOR: &str = "seon-operator";

pub(crate) async fn every_right_is_used_and_none_is_missing(stage: &Stage) {
    let Some(events) = stage.cluster.audit_events() else {
        skip!(nodes, "an existing cluster's audit log is not ours (SEON_TEST_CLUSTER)");
    };
    let audit = Audit::of(events);
    let refused = audit.refused();
    println!("rights: refused for a moment: {}", counted(&refused.for_a_moment));
    let for_good = counted(&refused.for_good);
    let each: Vec<_> = refused.for_good.iter().map(ToString::to_string).collect();
    assert!(each.is_empty(), "rights are missing: {for_good}\n{}", each.join("\n"));

    let granted = granted(stage).await;
    let used = audit.used();
    let unused: Vec<&Right> = granted.difference(&used).collect();
    assert!(unused.is_empty(), "granted and never used: {unused:?}");
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
