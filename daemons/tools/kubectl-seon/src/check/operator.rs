//! The operator: does it run, and does one of its replicas act?

use std::time::Duration;

use crds::names;
use jiff::Timestamp;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::coordination::v1::Lease;
use kube::api::ListParams;
use kube::{Api, ResourceExt};

use super::super::KubernetesError;
use super::super::cluster::Cluster;
use super::hidden;
use commands::human;
use commands::report::Check;

/// Our clock and the operator's may differ.
const CLOCKS: Duration = Duration::from_secs(15);

pub(super) async fn examine(cluster: &Cluster, now: Timestamp) -> Vec<Check> {
    let (deployments, is_everywhere) = match find(cluster).await {
        Ok(found) => found,
        Err(error) => return vec![hidden("the operator", &error)],
    };
    let Some(deployment) = deployments.first() else {
        return vec![absent(is_everywhere, &cluster.namespace)];
    };
    let namespace = deployment.namespace().unwrap_or_default();
    let leases = Api::<Lease>::namespaced(cluster.client.clone(), &namespace);
    let lease = leases.get_opt(names::OPERATOR).await;
    let doing = format!("reading the operator's Lease in namespace {namespace}");
    let lease = lease.map_err(|error| cluster.explain(&doing, error));
    vec![judge_deployment(deployment), judge_lease(lease, now)]
}

/// The operator's Deployments; whether the whole cluster was looked at.
async fn find(cluster: &Cluster) -> Result<(Vec<Deployment>, bool), KubernetesError> {
    let labels = format!("app.kubernetes.io/name={}", names::OPERATOR);
    let everywhere = Api::<Deployment>::all(cluster.client.clone());
    match everywhere.list(&ListParams::default().labels(&labels)).await {
        Ok(list) => Ok((list.items, true)),
        // Where only namespaces are ours, the operator may be in ours.
        Err(_) => cluster.list::<Deployment>(&labels).await.map(|found| (found, false)),
    }
}

fn absent(is_everywhere: bool, namespace: &str) -> Check {
    if is_everywhere {
        let hint = "install it by helm, or: kubectl seon install | kubectl apply --server-side -f \
                    - (docs/kubectl.md#install)";
        return Check::bad("there is no operator on this cluster", hint);
    }
    Check::warning(
        format!("there is no operator in namespace {namespace}, and others may not be looked at"),
        "ask whoever runs the cluster whether there is one (docs/kubectl.md#permissions)",
    )
}

fn judge_deployment(deployment: &Deployment) -> Check {
    let (name, namespace) = (deployment.name_any(), deployment.namespace().unwrap_or_default());
    let wanted = deployment.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
    let status = deployment.status.as_ref();
    let ready = status.and_then(|status| status.ready_replicas).unwrap_or(0);
    let what = format!("Deployment {name} in namespace {namespace} has {ready} of {wanted} ready");
    let hint = format!("see: kubectl -n {namespace} describe deployment {name}");
    match ready {
        _ if ready >= wanted && wanted > 0 => Check::good(what),
        // The daemons go on, also while nobody operates them.
        0 => Check::bad(format!("{what}; daemons go on, changes wait"), hint),
        _ => Check::warning(what, hint),
    }
}

fn judge_lease(lease: Result<Option<Lease>, KubernetesError>, now: Timestamp) -> Check {
    let nobody = || {
        Check::bad(
            "no replica of the operator acts: nobody holds its Lease",
            "see the operator's log; it takes the Lease within seconds (docs/kubectl.md#check)",
        )
    };
    let spec = match lease {
        Err(error) => return hidden("the operator's Lease", &error),
        Ok(lease) => match lease.and_then(|lease| lease.spec) {
            Some(spec) => spec,
            None => return nobody(),
        },
    };
    let (Some(holder), Some(renewed)) =
        (spec.holder_identity.filter(|holder| !holder.is_empty()), spec.renew_time)
    else {
        return nobody();
    };
    let age = human::elapsed(renewed.0, now);
    let seconds = u64::try_from(spec.lease_duration_seconds.unwrap_or(15)).unwrap_or(15);
    let told = human::span(Duration::from_secs(age.as_secs()));
    if age > Duration::from_secs(seconds) + CLOCKS {
        return Check::bad(
            format!("{holder} holds the operator's Lease and renewed it {told} ago: nobody acts"),
            "see the operator's log and pods (docs/kubectl.md#check)",
        );
    }
    Check::good(format!("{holder} acts (renewed {told} ago)"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use commands::report::Verdict;

    fn deployment(ready: i32) -> Deployment {
        serde_yaml::from_str(&format!(
            "metadata: {{name: seon-operator, namespace: seon}}
spec: {{replicas: 2, selector: {{}}, template: {{}}}}
status: {{readyReplicas: {ready}}}"
        ))
        .unwrap()
    }

    fn lease(yaml: &str) -> Lease {
        serde_yaml::from_str(&format!("spec: {yaml}")).unwrap()
    }

    #[test]
    fn an_operator_with_one_ready_replica_works_and_with_none_it_does_not() {
        let results = [2, 1, 0].map(|ready| judge_deployment(&deployment(ready)).result);
        assert_eq!(results, [Verdict::Success, Verdict::Warning, Verdict::Error]);
    }

    #[test]
    fn the_replica_that_renewed_its_lease_acts() {
        let now: Timestamp = "2026-11-22T12:00:20Z".parse().unwrap();
        let held = |renewed: &str| {
            lease(&format!(
                "{{holderIdentity: seon-operator-a, leaseDurationSeconds: 15, renewTime: '{renewed}'}}"
            ))
        };
        let result = |lease| judge_lease(lease, now).result;
        assert_eq!(result(Ok(Some(held("2026-11-22T12:00:15.000000Z")))), Verdict::Success);
        assert_eq!(result(Ok(Some(held("2026-11-22T11:58:00.000000Z")))), Verdict::Error);
        assert_eq!(result(Ok(Some(lease("{holderIdentity: ''}")))), Verdict::Error);
        assert_eq!(result(Ok(None)), Verdict::Error);
        let denied = KubernetesError::Forbidden { doing: "reading".into(), reason: "no".into() };
        assert_eq!(result(Err(denied)), Verdict::Warning);
    }

    #[test]
    fn no_operator_is_an_error_only_if_the_whole_cluster_could_be_seen() {
        assert_eq!(absent(true, "office").result, Verdict::Error);
        assert_eq!(absent(false, "office").result, Verdict::Warning);
    }
}
