//! What we may do, asked before it is tried.

use futures::future::join_all;
use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec,
};
use kube::Api;
use kube::api::PostParams;

use super::super::KubernetesError;
use super::super::cluster::Cluster;
use super::unseen;
use commands::report::Check;

/// Something that commands do.
struct Need {
    verb: &'static str,
    group: &'static str,
    resource: &'static str,
    subresource: &'static str,
    /// What does not work without it.
    commands: &'static str,
    /// Whether nothing works without it.
    is_basic: bool,
}

const fn need(
    verb: &'static str,
    group: &'static str,
    resource: &'static str,
    subresource: &'static str,
    commands: &'static str,
) -> Need {
    Need { verb, group, resource, subresource, commands, is_basic: false }
}

const fn basic(verb: &'static str, group: &'static str, resource: &'static str) -> Need {
    let commands = "every command";
    Need { verb, group, resource, subresource: "", commands, is_basic: true }
}

/// Everything; docs/kubectl.md#permissions has it as a Role.
const NEEDS: [Need; 12] = [
    basic("get", "seon.dev", "seoninstances"),
    basic("list", "seon.dev", "seoninstances"),
    basic("list", "", "pods"),
    need("list", "seon.dev", "seonpartners", "", "status, check"),
    need("list", "apps", "statefulsets", "", "check"),
    need("list", "batch", "jobs", "", "check"),
    need("get", "", "secrets", "", "check of certificates"),
    need("list", "discovery.k8s.io", "endpointslices", "", "check of listeners"),
    need("get", "", "pods", "log", "logs"),
    need("watch", "", "pods", "", "switchover --wait"),
    need("create", "", "pods", "exec", "ps, queue, journal, receipts, partner, force, enqueue"),
    need("patch", "seon.dev", "seoninstances", "", "switchover, suspend, resume"),
];

pub(super) async fn examine(cluster: &Cluster) -> Vec<Check> {
    let answers = join_all(NEEDS.iter().map(|need| may(cluster, need))).await;
    judge(&cluster.namespace, answers)
}

async fn may(cluster: &Cluster, need: &Need) -> Result<bool, KubernetesError> {
    let attributes = ResourceAttributes {
        verb: Some(need.verb.into()),
        group: Some(need.group.into()),
        resource: Some(need.resource.into()),
        subresource: Some(need.subresource.into()).filter(|name: &String| !name.is_empty()),
        namespace: Some(cluster.namespace.clone()),
        ..ResourceAttributes::default()
    };
    let review = SelfSubjectAccessReview {
        spec: SelfSubjectAccessReviewSpec {
            resource_attributes: Some(attributes),
            ..SelfSubjectAccessReviewSpec::default()
        },
        ..SelfSubjectAccessReview::default()
    };
    let reviews = Api::<SelfSubjectAccessReview>::all(cluster.client.clone());
    let answer = reviews.create(&PostParams::default(), &review).await;
    answer
        .map(|review| review.status.is_some_and(|status| status.allowed))
        .map_err(|error| cluster.explain("asking what we may do", error))
}

/// One line if everything may be done, else one for each thing that may not.
fn judge(namespace: &str, answers: Vec<Result<bool, KubernetesError>>) -> Vec<Check> {
    let mut checks = Vec::new();
    for (need, answer) in NEEDS.iter().zip(answers) {
        match answer {
            Ok(true) => {}
            Ok(false) => checks.push(denied(need, namespace)),
            // One that is not answered is enough: the others fail in the same way.
            Err(error) => return vec![unseen(&error)],
        }
    }
    if checks.is_empty() {
        checks.push(Check::good(format!("we may do everything in namespace {namespace}")));
    }
    checks
}

fn denied(need: &Need, namespace: &str) -> Check {
    let resource = match need.subresource {
        "" => need.resource.to_owned(),
        subresource => format!("{}/{subresource}", need.resource),
    };
    let what = format!(
        "we may not {} {resource} in namespace {namespace}, so this does not work: {}",
        need.verb, need.commands
    );
    let hint = "ask for a Role with it: docs/kubectl.md#permissions";
    if need.is_basic { Check::bad(what, hint) } else { Check::warning(what, hint) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use commands::report::Verdict;

    fn answers(denied: &str) -> Vec<Result<bool, KubernetesError>> {
        NEEDS.iter().map(|need| Ok(need.resource != denied)).collect()
    }

    #[test]
    fn who_may_do_everything_reads_one_line() {
        let checks = judge("office", answers(""));
        assert_eq!(checks, [Check::good("we may do everything in namespace office")]);
    }

    #[test]
    fn what_may_not_be_done_names_the_commands_and_only_the_basics_are_an_error() {
        let checks = judge("office", answers("secrets"));
        assert_eq!(checks.len(), 1);
        assert_eq!(checks[0].result, Verdict::Warning);
        let shown = serde_json::to_string(&checks).unwrap();
        assert!(shown.contains("may not get secrets") && shown.contains("check of certificates"));
        let checks = judge("office", answers("pods"));
        assert_eq!(checks[0].result, Verdict::Error);
        assert!(serde_json::to_string(&checks).unwrap().contains("pods/exec"));
    }

    #[test]
    fn the_documentation_lists_every_permission() {
        let text = include_str!("../../../../../docs/kubectl.md");
        for Need { verb, resource, subresource, .. } in &NEEDS {
            let resource = match *subresource {
                "" => (*resource).to_owned(),
                subresource => format!("{resource}/{subresource}"),
            };
            let rule = text.lines().find(|line| {
                line.contains("resources: [")
                    && line.split(['[', ']', ',', ' ']).any(|word| word == resource)
                    && line.split(['[', ']', ',', ' ']).any(|word| word == *verb)
            });
            assert!(rule.is_some(), "docs/kubectl.md has no rule to {verb} {resource}");
        }
    }
}
