//! `kubectl seon check`: examines an instance and everything under it, in the order in which things
//! depend on each other. What cannot be examined because of an error before it is left out.

mod api;
mod certificates;
mod conditions;
mod daemons;
mod database;
mod inside;
mod operator;
mod partners;
mod permissions;

use std::process::ExitCode;
use std::time::Duration;

use crds::SeonInstance;
use futures::future::join4;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::batch::v1::Job;
use kube::ResourceExt;
use tokio::time::{Instant, interval};

use super::KubernetesError;
use super::arguments::{CheckOptions, Connection};
use super::cluster::Cluster;
use super::{instance, pod};
use commands::report::{Category, Check, Report};
use terminal::{Failure, Format, Stop, Terminal, report};

/// How often it is looked again with --wait, and for how long.
const TICK: Duration = Duration::from_secs(2);
const PATIENCE: Duration = Duration::from_mins(5);

pub(super) async fn run(
    connection: &Connection,
    format: Format,
    terminal: Terminal,
    options: &CheckOptions,
) -> Result<ExitCode, Failure> {
    let deadline = Instant::now() + PATIENCE;
    let mut stop = Stop::listen()?;
    let mut tick = interval(TICK);
    let mut told = String::new();
    let report = loop {
        tokio::select! {
            _ = tick.tick() => {}
            () = stop.asked() => return Err(Failure::Interrupted),
        }
        let report = examine(connection, options.instance.as_deref()).await;
        if report.is_success() || !options.wait || Instant::now() >= deadline {
            break report;
        }
        let waits = report.first_error().unwrap_or_default();
        if waits != told {
            terminal::complain(&format!("waiting: {waits}\n"));
            waits.clone_into(&mut told);
        }
    };
    terminal::answer(&match format {
        Format::Json => terminal::json(&report),
        Format::Table => report::render(&report, &terminal),
    })?;
    Ok(if report.is_success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn examine(connection: &Connection, name: Option<&str>) -> Report {
    let mut categories = Vec::new();
    match Cluster::connect(connection).await {
        Ok(cluster) => examine_cluster(&cluster, name, &mut categories).await,
        Err(error) => categories.push(Category::new("kubernetes", vec![unseen(&error)])),
    }
    Report::new(categories)
}

/// Pushes a category; whether what depends on it can be examined.
fn push(categories: &mut Vec<Category>, name: &'static str, checks: Vec<Check>) -> bool {
    let category = Category::new(name, checks);
    let is_sound = category.is_sound();
    if !category.is_empty() {
        categories.push(category);
    }
    is_sound
}

async fn examine_cluster(cluster: &Cluster, name: Option<&str>, categories: &mut Vec<Category>) {
    if !push(categories, "kubernetes", api::server(cluster).await)
        || !push(categories, "crds", api::definitions(cluster).await)
        || !push(categories, "permissions", permissions::examine(cluster).await)
    {
        return;
    }
    let instance = instance::find(cluster, name).await;
    // How it stands as a whole comes before what it stands on.
    push(
        categories,
        "instance",
        match &instance {
            Ok(instance) => {
                conditions::examine(instance).into_iter().chain(state(instance)).collect()
            }
            Err(error) => vec![unseen(error)],
        },
    );
    push(categories, "operator", operator::examine(cluster, ambient::now()).await);
    if let Ok(instance) = instance {
        examine_instance(cluster, &instance, categories).await;
    }
}

/// What is wanted, and whether it is wanted at all.
fn state(instance: &SeonInstance) -> Vec<Check> {
    let name = instance.name_any();
    if instance.spec.suspend {
        return vec![Check::warning(
            format!("{name} is suspended: its daemons stand still"),
            format!("start them: kubectl seon resume {name}"),
        )];
    }
    let status = instance.status.as_ref();
    let seen = status.and_then(|status| status.observed_generation);
    if seen == instance.metadata.generation {
        return vec![Check::good(format!("the operator has seen {name} as it is now"))];
    }
    vec![Check::warning(
        format!("the operator has not yet seen the newest {name}"),
        "wait a moment; if it stays so, see the operator's log (docs/kubectl.md#check)",
    )]
}

async fn examine_instance(
    cluster: &Cluster,
    instance: &SeonInstance,
    categories: &mut Vec<Category>,
) {
    let (name, now) = (instance.name_any(), ambient::now());
    let labels = format!("{}={name}", crds::names::INSTANCE_LABEL);
    let (pods, sets, jobs, known) = join4(
        pod::list(cluster, &name),
        cluster.list::<StatefulSet>(&labels),
        cluster.list::<Job>(&labels),
        instance::partners(cluster, &name),
    )
    .await;
    push(categories, "database", database::examine(instance, &jobs));
    let inside = match &pods {
        Err(error) => {
            push(categories, "daemons", vec![unseen(error)]);
            None
        }
        Ok(pods) => {
            push(categories, "leases", daemons::leases(instance, pods));
            push(categories, "daemons", daemons::examine(instance, pods, &sets));
            inside::ask(cluster, pods).await
        }
    };
    push(categories, "listeners", inside::listeners(cluster, instance, inside.as_ref()).await);
    push(categories, "certificates", certificates::examine(cluster, instance, &known, now).await);
    push(categories, "spool", inside::of(inside.as_ref(), "spool"));
    push(categories, "identity", inside::of(inside.as_ref(), "identity"));
    push(categories, "partners", partners::examine(&known));
    push(categories, "queue", inside::queue(instance, inside.as_ref()));
    for category in ["received files", "requests", "hot folders"] {
        push(categories, category, inside::of(inside.as_ref(), category));
    }
}

/// Something that could not be looked at, and its cure, which the error says itself.
fn unseen(error: &KubernetesError) -> Check {
    let hint = format!("see docs/errors.md#{}", error.code().to_lowercase());
    Check::bad(error.to_string(), hint)
}

/// Something of less weight that may not be looked at.
fn hidden(what: &str, error: &KubernetesError) -> Check {
    Check::warning(format!("{what} cannot be seen"), "docs/kubectl.md#permissions").because(error)
}

#[cfg(test)]
mod tests;
