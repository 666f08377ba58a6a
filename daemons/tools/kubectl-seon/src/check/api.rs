//! The API server, and whether it knows our kinds of objects.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::APIResourceList;
use k8s_openapi::apimachinery::pkg::version::Info;

use super::super::KubernetesError;
use super::super::cluster::Cluster;
use super::unseen;
use commands::report::Check;

/// The oldest minor version that Seon is made for, as the chart says (kubeVersion).
const OLDEST: u32 = 31;
/// The kinds that must be served.
const RESOURCES: [&str; 2] = ["seoninstances", "seonpartners"];

pub(super) async fn server(cluster: &Cluster) -> Vec<Check> {
    match cluster.client.apiserver_version().await {
        Ok(version) => vec![judge_version(&version)],
        Err(error) => vec![unseen(&cluster.explain("asking for the version", error))],
    }
}

fn judge_version(version: &Info) -> Check {
    let number = version.git_version.trim_start_matches('v');
    let answers = format!("API server answers, version {number}");
    // Some providers write 33+.
    let minor = version.minor.trim_end_matches(|letter: char| !letter.is_ascii_digit());
    match minor.parse::<u32>() {
        Ok(minor) if version.major == "1" && minor < OLDEST => Check::warning(
            answers,
            format!("Seon is made for 1.{OLDEST} and later; update the cluster"),
        ),
        _ => Check::good(answers),
    }
}

pub(super) async fn definitions(cluster: &Cluster) -> Vec<Check> {
    let served = cluster.client.list_api_group_resources(crds::API_VERSION).await;
    judge_definitions(served.map_err(|error| {
        let doing = format!("asking for the kinds of {}", crds::API_VERSION);
        cluster.explain(&doing, error)
    }))
}

fn judge_definitions(served: Result<APIResourceList, KubernetesError>) -> Vec<Check> {
    let install = "kubectl seon install | kubectl apply --server-side -f - \
                   (docs/kubectl.md#install)";
    let missing = |resource: &str| {
        Check::bad(format!("{resource} of {} are not served", crds::API_VERSION), install)
    };
    match served {
        Err(KubernetesError::NotInstalled { .. }) => RESOURCES.map(missing).into(),
        Err(error) => vec![unseen(&error)],
        Ok(list) => RESOURCES
            .map(|resource| {
                if list.resources.iter().any(|served| served.name == resource) {
                    Check::good(format!("{resource} are served as {}", crds::API_VERSION))
                } else {
                    missing(resource)
                }
            })
            .into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use commands::report::Verdict;

    #[test]
    fn an_old_server_is_a_warning() {
        let version = |minor: &str| Info {
            major: "1".into(),
            minor: minor.into(),
            git_version: format!("v1.{minor}.2"),
            ..Info::default()
        };
        assert_eq!(
            judge_version(&version("36")),
            Check::good("API server answers, version 1.36.2")
        );
        assert_eq!(judge_version(&version("33+")).result, Verdict::Success);
        assert_eq!(judge_version(&version("28")).result, Verdict::Warning);
    }

    #[test]
    fn kinds_that_are_not_served_are_an_error_that_says_how_to_install_them() {
        let list: APIResourceList = serde_json::from_value(serde_json::json!({
            "groupVersion": "seon.dev/v1alpha1",
            "resources": [{"name": "seoninstances", "kind": "SeonInstance", "namespaced": true,
                           "singularName": "", "verbs": []}],
        }))
        .unwrap();
        let results =
            |checks: Vec<Check>| checks.iter().map(|check| check.result).collect::<Vec<_>>();
        assert_eq!(results(judge_definitions(Ok(list))), [Verdict::Success, Verdict::Error]);
        let absent = KubernetesError::NotInstalled { doing: "asking".into() };
        assert_eq!(results(judge_definitions(Err(absent))), [Verdict::Error, Verdict::Error]);
    }
}
