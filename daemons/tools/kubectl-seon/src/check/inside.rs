//! What `seon check` says in a pod, and what Kubernetes says of the same from outside.

use crds::{SeonInstance, names};
use domain::Daemon;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::ResourceExt;

use super::super::KubernetesError;
use super::super::cluster::Cluster;
use super::super::exec::{self, Running};
use super::super::instance::wanted;
use super::super::pod::PodView;
use super::hidden;
use commands::report::{Check, Report};
use terminal::Failure;
use terminal::Format;

/// Label that Kubernetes puts on the endpoints of a Service.
const SERVICE_LABEL: &str = "kubernetes.io/service-name";

/// What a pod answered, or why it did not.
pub(super) struct Inside {
    pod: String,
    answer: Result<Report, Failure>,
}

/// Runs `seon check` in the best pod; `None` if there is none.
pub(super) async fn ask(cluster: &Cluster, pods: &[PodView]) -> Option<Inside> {
    let pod = exec::choose(pods)?.name.clone();
    let answer = report(cluster, &pod).await;
    Some(Inside { pod, answer })
}

async fn report(cluster: &Cluster, pod: &str) -> Result<Report, Failure> {
    let running = Running::start(cluster, pod, Format::Json, &["check".into()]).await?;
    let printed = running.read().await?;
    serde_json::from_slice(&printed.output).map_err(|error| {
        let said = printed.errors.trim();
        KubernetesError::Exec(format!("seon check in pod {pod} gave no report: {error}; {said}"))
            .into()
    })
}

/// The checks of a category in the pod; none if it could not be asked.
pub(super) fn of(inside: Option<&Inside>, category: &str) -> Vec<Check> {
    inside
        .and_then(|inside| inside.answer.as_ref().ok())
        .map(|report| report.checks(category).to_vec())
        .unwrap_or_default()
}

/// Real calls from a pod, and whether the Services lead to somebody.
pub(super) async fn listeners(
    cluster: &Cluster,
    instance: &SeonInstance,
    inside: Option<&Inside>,
) -> Vec<Check> {
    let mut checks = of(inside, "listeners");
    if let Some(Inside { pod, answer: Err(failure) }) = inside {
        checks.push(
            Check::warning(
                format!("the listeners could not be called from pod {pod}"),
                "docs/kubectl.md#check",
            )
            .because_of(failure, failure.code()),
        );
    }
    for daemon in wanted(instance) {
        if !matches!(daemon, Daemon::SeonrdTcpip | Daemon::SeonrdTcpipTls) {
            continue;
        }
        let service = names::daemon_object(&instance.name_any(), daemon.name());
        let slices = cluster.list::<EndpointSlice>(&format!("{SERVICE_LABEL}={service}")).await;
        checks.push(match slices {
            Ok(slices) => endpoints(&service, &slices),
            Err(error) => hidden(&format!("where Service {service} leads to"), &error),
        });
    }
    checks
}

fn endpoints(service: &str, slices: &[EndpointSlice]) -> Check {
    let mut ready: Vec<_> = slices
        .iter()
        .flat_map(|slice| &slice.endpoints)
        .filter(|endpoint| {
            endpoint.conditions.as_ref().and_then(|conditions| conditions.ready).unwrap_or(true)
        })
        .filter_map(|endpoint| endpoint.target_ref.as_ref()?.name.clone())
        .collect();
    ready.sort_unstable();
    ready.dedup();
    if ready.is_empty() {
        return Check::bad(
            format!("Service {service} leads to nobody"),
            "it leads to the active pod: see kubectl seon status, docs/failover.md",
        );
    }
    Check::good(format!("Service {service} leads to {}", ready.join(", ")))
}

/// The queue as a pod sees it, else as the operator says.
pub(super) fn queue(instance: &SeonInstance, inside: Option<&Inside>) -> Vec<Check> {
    let checks = of(inside, "queue");
    if !checks.is_empty() {
        return checks;
    }
    let waiting = instance.status.as_ref().and_then(|status| status.queue);
    waiting
        .map(|waiting| {
            Check::warning(
                format!("{waiting} entries wait; how long and why could not be asked"),
                "see: kubectl seon queue",
            )
        })
        .into_iter()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instance::tests::instance;
    use commands::report::{Category, Verdict};

    #[test]
    fn a_service_must_lead_to_a_ready_pod() {
        let slice = |ready: bool| -> EndpointSlice {
            serde_yaml::from_str(&format!(
                "addressType: IPv4
endpoints:
- addresses: [10.0.0.7]
  conditions: {{ready: {ready}}}
  targetRef: {{kind: Pod, name: acme-seonrd-tcpip-1}}
"
            ))
            .unwrap()
        };
        assert_eq!(
            endpoints("acme-seonrd-tcpip", &[slice(true), slice(true)]),
            Check::good("Service acme-seonrd-tcpip leads to acme-seonrd-tcpip-1")
        );
        assert_eq!(endpoints("acme-seonrd-tcpip", &[slice(false)]).result, Verdict::Error);
        assert_eq!(endpoints("acme-seonrd-tcpip", &[]).result, Verdict::Error);
    }

    #[test]
    fn what_the_pod_says_is_taken_as_it_is_and_the_operators_count_stands_in_for_it() {
        let blocked = Check::bad("1 entry is blocked", "see why");
        let report = Report::new(vec![Category::new("queue", vec![blocked.clone()])]);
        let acme = instance("acme", "status: {queue: 3}\n");
        let inside = Inside { pod: "a".into(), answer: Ok(report) };
        assert_eq!(queue(&acme, Some(&inside)), [blocked]);
        let told = queue(&acme, None);
        assert_eq!(told[0].result, Verdict::Warning);
        assert_eq!(queue(&instance("acme", ""), None), []);
    }
}
