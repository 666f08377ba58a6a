//! The database, as the operator and the migration see it.

use crds::{SeonInstance, conditions};
use k8s_openapi::api::batch::v1::Job;
use kube::ResourceExt;

use super::super::KubernetesError;
use super::conditions::cure_of;
use super::hidden;
use commands::report::Check;

pub(super) fn examine(
    instance: &SeonInstance,
    jobs: &Result<Vec<Job>, KubernetesError>,
) -> Vec<Check> {
    let mut checks = vec![condition(instance)];
    match jobs {
        Err(error) => checks.push(hidden("the migration", error)),
        Ok(jobs) => checks.extend(jobs.iter().map(migration)),
    }
    checks
}

fn condition(instance: &SeonInstance) -> Check {
    let status = instance.status.as_ref();
    let ready = status.and_then(|status| {
        status.conditions.iter().find(|it| it.kind == conditions::DATABASE_READY)
    });
    let hint = "see spec.database of the SeonInstance, its Secret, and docs/start.md";
    match ready.map(|ready| (ready.status.as_str(), &ready.message)) {
        Some(("True", _)) => Check::good("the database is ready and has this version's schema"),
        Some(("False", message)) => {
            Check::bad("the database is not ready", cure_of(message)).because(message)
        }
        Some((_, message)) => {
            Check::warning("the database has not been seen yet", hint).because(message)
        }
        None => Check::warning(
            "the operator has not said how the database is",
            "wait a moment; if it stays so, see the operator's log (docs/kubectl.md#check)",
        ),
    }
}

fn migration(job: &Job) -> Check {
    let name = job.name_any();
    let status = job.status.as_ref();
    let is = |wanted: &str| {
        let conditions = status.and_then(|status| status.conditions.as_ref()).into_iter().flatten();
        conditions.clone().any(|it| it.type_ == wanted && it.status == "True")
    };
    let failures = status.and_then(|status| status.failed).unwrap_or(0);
    let log = format!("see: kubectl logs job/{name}");
    if is("Complete") {
        Check::good(format!("the migration {name} is done"))
    } else if is("Failed") {
        Check::bad(format!("the migration {name} has failed"), log)
    } else if failures > 0 {
        Check::warning(format!("the migration {name} failed {failures} times and goes on"), log)
    } else {
        Check::warning(format!("the migration {name} runs"), "wait for it; daemons begin after it")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instance::tests::instance;
    use commands::report::Verdict;

    #[test]
    fn the_operators_condition_decides_and_its_message_is_shown() {
        let with = |status: &str| {
            instance(
                "acme",
                &format!(
                    "status:
  conditions:
  - {{type: DatabaseReady, status: '{status}', reason: X, message: no route to host,
     lastTransitionTime: '2026-11-20T08:14:02Z'}}
"
                ),
            )
        };
        let results = ["True", "False", "Unknown"].map(|status| condition(&with(status)).result);
        assert_eq!(results, [Verdict::Success, Verdict::Error, Verdict::Warning]);
        assert_eq!(condition(&instance("acme", "")).result, Verdict::Warning);
        let told = serde_json::to_string(&condition(&with("False"))).unwrap();
        assert!(told.contains("no route to host"), "{told}");
    }

    #[test]
    fn a_migration_is_done_runs_struggles_or_has_failed() {
        let job = |status: &str| -> Job {
            serde_yaml::from_str(&format!("metadata: {{name: acme-migrate-1}}\nstatus: {status}\n"))
                .unwrap()
        };
        let ended = |kind| format!("{{conditions: [{{type: {kind}, status: 'True'}}]}}");
        let results = [ended("Complete"), ended("Failed"), "{failed: 2}".into(), "{}".into()]
            .map(|status| migration(&job(&status)).result);
        let expected = [Verdict::Success, Verdict::Error, Verdict::Warning, Verdict::Warning];
        assert_eq!(results, expected);
    }
}
