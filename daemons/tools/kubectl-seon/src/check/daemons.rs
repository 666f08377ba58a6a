//! The daemons: who holds which lease, and are the pods as they are wanted?

use crds::{SeonInstance, names};
use domain::Daemon;
use k8s_openapi::api::apps::v1::StatefulSet;
use kube::ResourceExt;

use super::super::KubernetesError;
use super::super::instance::wanted;
use super::super::pod::PodView;
use super::hidden;
use commands::report::Check;

/// One check for each daemon: exactly one active pod, and the epoch that the operator knows.
pub(super) fn leases(instance: &SeonInstance, pods: &[PodView]) -> Vec<Check> {
    wanted(instance).into_iter().map(|daemon| lease(instance, daemon, pods)).collect()
}

fn lease(instance: &SeonInstance, daemon: Daemon, pods: &[PodView]) -> Check {
    let active: Vec<_> =
        pods.iter().filter(|pod| pod.daemon == daemon && pod.is_active()).collect();
    let names = || active.iter().map(|pod| pod.name.as_str()).collect::<Vec<_>>().join(", ");
    let known = instance
        .status
        .iter()
        .flat_map(|status| &status.daemons)
        .find(|known| known.name == daemon.name());
    let pod = match active.as_slice() {
        [] => {
            return Check::bad(
                format!("no pod of {daemon} is active"),
                format!(
                    "see: kubectl seon logs {} {daemon}, docs/failover.md",
                    instance.name_any()
                ),
            );
        }
        [pod] => pod,
        several => {
            let mut epochs: Vec<_> = several.iter().map(|pod| pod.epoch).collect();
            epochs.sort_unstable();
            epochs.dedup();
            let hint = "the one with the lower epoch is shut out by the database and ends by \
                        itself; if it stays, delete its pod (docs/failover.md)";
            let what = format!("several pods of {daemon} say that they are active: {}", names());
            // One lease has one holder: with one epoch, one of them is not what it says.
            return if epochs.len() == several.len() {
                Check::warning(what, hint)
            } else {
                Check::bad(format!("{what}, in one epoch"), hint)
            };
        }
    };
    let Some(epoch) = pod.epoch else {
        return Check::warning(
            format!("{} is active for {daemon} and has not said its epoch", pod.name),
            "wait a moment; if it stays so, see its log",
        );
    };
    match known.map(|known| (known.epoch, known.highest_epoch)) {
        Some((_, Some(highest))) if highest > epoch => Check::bad(
            format!("{} is active for {daemon} in epoch {epoch}, after {highest}", pod.name),
            "the database has lost what it had committed: it was restored, or failed over to a \
             standby that was behind (docs/failover.md)",
        ),
        Some((Some(seen), _)) if seen != epoch => Check::warning(
            format!("{} is active for {daemon} in epoch {epoch}; the status says {seen}", pod.name),
            "the operator follows in a moment; if not, see its log (docs/kubectl.md#check)",
        ),
        _ => Check::good(format!("{} is active for {daemon} (epoch {epoch})", pod.name)),
    }
}

/// Checks of each daemon's pods: ready, from the newest template, by the newest configuration.
pub(super) fn examine(
    instance: &SeonInstance,
    pods: &[PodView],
    sets: &Result<Vec<StatefulSet>, KubernetesError>,
) -> Vec<Check> {
    let mut checks = Vec::new();
    if let Err(error) = sets {
        checks.push(hidden("the StatefulSets", error));
    }
    for daemon in wanted(instance) {
        let ours: Vec<_> = pods.iter().filter(|pod| pod.daemon == daemon).collect();
        let object = names::daemon_object(&instance.name_any(), daemon.name());
        let set = sets.as_ref().ok().map(|sets| sets.iter().find(|it| it.name_any() == object));
        if matches!(set, Some(None)) {
            checks.push(Check::bad(
                format!("there is no StatefulSet {object}"),
                "the operator makes it: see its log, and docs/kubectl.md#check",
            ));
            continue;
        }
        let set = set.flatten();
        checks.push(readiness(daemon, set, &ours));
        checks.extend(image(daemon, set, &ours));
        checks.extend(ours.iter().filter_map(|pod| configuration(pod)));
    }
    checks
}

fn readiness(daemon: Daemon, set: Option<&StatefulSet>, pods: &[&PodView]) -> Check {
    let replicas = set.and_then(|set| set.spec.as_ref()).and_then(|spec| spec.replicas);
    let wanted = replicas.map_or(pods.len(), |count| usize::try_from(count).unwrap_or(0));
    let ready = pods.iter().filter(|pod| pod.ready).count();
    let what = format!("{daemon}: {ready} of {wanted} pods are ready");
    if ready >= wanted && ready > 0 {
        return Check::good(what);
    }
    let troubled = pods.iter().find(|pod| !pod.ready);
    let hint = match troubled {
        Some(pod) => format!("see: kubectl describe pod {}; kubectl logs {0}", pod.name),
        None => "see the StatefulSet's events: kubectl describe statefulset".to_owned(),
    };
    let check = if ready == 0 { Check::bad(what, hint) } else { Check::warning(what, hint) };
    match troubled.and_then(|pod| pod.trouble.as_ref().map(|trouble| (pod, trouble))) {
        Some((pod, trouble)) => check.because(format!("{}: {trouble}", pod.name)),
        None => check,
    }
}

/// Something if a pod runs another image than its template wants.
fn image(daemon: Daemon, set: Option<&StatefulSet>, pods: &[&PodView]) -> Option<Check> {
    let template = &set?.spec.as_ref()?.template;
    let wanted = template.spec.as_ref()?.containers.first()?.image.as_ref()?;
    let other = pods.iter().find(|pod| pod.image.as_ref() != Some(wanted))?;
    let has = other.image.as_deref().unwrap_or("no image");
    Some(Check::warning(
        format!("{daemon}: {} runs {has}, wanted is {wanted}", other.name),
        "the operator rolls it out, standbys first; see: kubectl seon status",
    ))
}

/// Something if a pod does not run by the newest configuration.
fn configuration(pod: &PodView) -> Option<Check> {
    if let Some(refused) = &pod.refused {
        let hint = "correct it: the pod goes on with the one before (docs/errors.md#configuration)";
        let what = format!("{} refused the newest configuration", pod.name);
        return Some(Check::bad(what, hint).because(refused));
    }
    let wanted = pod.wanted_configuration.as_ref().filter(|_| pod.running)?;
    if pod.configuration.as_ref() == Some(wanted) {
        return None;
    }
    Some(Check::warning(
        format!("{} has not come to the newest configuration yet", pod.name),
        "it takes the kubelet some seconds; if it stays so, see the pod's log",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instance::tests::instance;
    use crate::pod::tests::ready;
    use commands::report::Verdict;

    const DAEMON: Daemon = Daemon::Seonsqd;

    fn acme(status: &str) -> SeonInstance {
        instance("acme", &format!("status: {{daemons: [{{name: seonsqd, {status}}}]}}\n"))
    }

    fn active(name: &str, epoch: i64) -> PodView {
        PodView { epoch: Some(epoch), ..ready(name, DAEMON, "active") }
    }

    fn set() -> StatefulSet {
        serde_yaml::from_str(
            "metadata: {name: acme-seonsqd}
spec:
  replicas: 2
  selector: {}
  serviceName: acme-pods
  template: {spec: {containers: [{name: seon, image: 'registry.local/seon:1'}]}}
",
        )
        .unwrap()
    }

    fn result(instance: &SeonInstance, pods: &[PodView]) -> Verdict {
        lease(instance, DAEMON, pods).result
    }

    #[test]
    fn a_lease_has_one_holder_whose_epoch_the_operator_knows() {
        let known = acme("epoch: 4, highestEpoch: 4");
        assert_eq!(result(&known, &[active("a", 4)]), Verdict::Success);
        assert_eq!(result(&known, &[]), Verdict::Error);
        assert_eq!(result(&known, &[active("a", 5)]), Verdict::Warning, "the status is behind");
        assert_eq!(result(&known, &[active("a", 5), active("b", 4)]), Verdict::Warning);
        assert_eq!(result(&known, &[active("a", 4), active("b", 4)]), Verdict::Error);
        let silent = PodView { epoch: None, ..active("a", 4) };
        assert_eq!(result(&known, &[silent]), Verdict::Warning);
    }

    #[test]
    fn an_epoch_below_one_that_was_seen_means_a_database_that_forgot() {
        let check = lease(&acme("epoch: 3, highestEpoch: 9"), DAEMON, &[active("a", 3)]);
        assert_eq!(check.result, Verdict::Error);
        assert!(serde_json::to_string(&check).unwrap().contains("lost what it had committed"));
    }

    #[test]
    fn a_suspended_instance_wants_no_daemon() {
        assert_eq!(leases(&instance("acme", "  suspend: true\n"), &[]), []);
    }

    #[test]
    fn pods_are_judged_by_readiness_and_the_trouble_is_named() {
        let (one, two) = (active("a", 4), ready("b", DAEMON, "standby"));
        let stuck =
            PodView { ready: false, trouble: Some("ImagePullBackOff".into()), ..two.clone() };
        let set = set();
        let judged = |pods: &[&PodView]| readiness(DAEMON, Some(&set), pods);
        assert_eq!(judged(&[&one, &two]).result, Verdict::Success);
        assert_eq!(judged(&[&one, &stuck]).result, Verdict::Warning);
        assert_eq!(judged(&[&stuck]).result, Verdict::Error);
        assert_eq!(judged(&[]).result, Verdict::Error);
        let told = serde_json::to_string(&judged(&[&one, &stuck])).unwrap();
        assert!(told.contains("b: ImagePullBackOff"), "{told}");
    }

    #[test]
    fn another_image_and_another_configuration_are_named() {
        let old = PodView { image: Some("registry.local/seon:0".into()), ..active("a", 4) };
        assert!(image(DAEMON, Some(&set()), &[&old]).is_some());
        assert_eq!(image(DAEMON, Some(&set()), &[&active("a", 4)]), None);

        let at = |has: &str, wants: &str| PodView {
            configuration: Some(has.into()),
            wanted_configuration: Some(wants.into()),
            ..active("a", 4)
        };
        assert_eq!(configuration(&at("r7", "r7")), None);
        assert_eq!(configuration(&at("r7", "r8")).unwrap().result, Verdict::Warning);
        let refused = PodView { refused: Some("E-CONFIG-VALUE no".into()), ..at("r7", "r8") };
        assert_eq!(configuration(&refused).unwrap().result, Verdict::Error);
    }

    #[test]
    fn a_daemon_without_its_statefulset_is_an_error() {
        let checks = examine(&acme("epoch: 4"), &[], &Ok(vec![set()]));
        let results: Vec<_> = checks.iter().map(|check| check.result).collect();
        assert_eq!(results, [Verdict::Error, Verdict::Error], "{checks:?}");
        assert!(serde_json::to_string(&checks).unwrap().contains("no StatefulSet acme-seonrd\""));
    }
}
