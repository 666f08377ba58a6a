//! `kubectl seon status`: an instance as its pods, the operator and the daemons themselves tell it.
//!
//! What cannot be asked is told at the end; what is known is shown all the same.

mod table;

use std::process::ExitCode;

use crds::{Condition, SeonInstance, SeonPartner};
use domain::Daemon;
use jiff::Timestamp;
use kube::ResourceExt;
use serde::{Deserialize, Serialize};

use super::arguments::StatusOptions;
use super::exec::{self, Running};
use super::pod::{self, PodView};
use super::{Context, KubernetesError, instance};
use terminal::Failure;
use terminal::Format;

pub(super) async fn run(context: &Context, options: &StatusOptions) -> Result<ExitCode, Failure> {
    let cluster = &context.cluster;
    let instance = instance::find(cluster, options.instance.as_deref()).await?;
    let name = instance.name_any();
    let (pods, partners) =
        futures::future::join(pod::list(cluster, &name), instance::partners(cluster, &name)).await;
    let mut errors = Vec::new();
    let pods = pods.unwrap_or_else(|error| told(&mut errors, &error));
    let partners = partners.unwrap_or_else(|error| told(&mut errors, &error));
    let sessions = match exec::choose(&pods) {
        None => Vec::new(),
        Some(pod) => match sessions(context, &pod.name).await {
            Ok(sessions) => sessions,
            Err(failure) => {
                errors.push(format!("{} {failure}", failure.code()));
                Vec::new()
            }
        },
    };
    let view = InstanceView::of(&instance, pods, &partners, &sessions, errors);
    terminal::answer(&match context.format {
        Format::Json => terminal::json(&view),
        Format::Table => table::text(&view, options.verbose, ambient::now(), &context.terminal),
    })?;
    Ok(if view.errors.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn told<T>(errors: &mut Vec<String>, error: &KubernetesError) -> Vec<T> {
    errors.push(format!("{} {error}", error.code()));
    Vec::new()
}

/// What `seon ps -o json` says of a daemon, as far as it is needed here.
#[derive(Debug, Deserialize)]
struct Told {
    daemon: Daemon,
    state: String,
    sessions: Vec<serde_json::Value>,
}

/// The daemons' own words, by `seon ps` in a pod.
async fn sessions(context: &Context, pod: &str) -> Result<Vec<Told>, Failure> {
    let words = ["ps".into()];
    let running = Running::start(&context.cluster, pod, Format::Json, &words).await?;
    let printed = running.read().await?;
    let why = |reason: String| {
        Failure::from(KubernetesError::Exec(format!(
            "the sessions cannot be told: seon ps in pod {pod}: {reason}"
        )))
    };
    if printed.exit != 0 {
        return Err(why(printed.errors.trim().to_owned()));
    }
    serde_json::from_slice(&printed.output).map_err(|error| why(error.to_string()))
}

/// An instance, as it is shown.
#[derive(Debug, Serialize)]
struct InstanceView {
    name: String,
    namespace: String,
    odette_id: String,
    suspended: bool,
    conditions: Vec<Condition>,
    /// How many files and receipts wait to be sent.
    queue: Option<i64>,
    daemons: Vec<DaemonView>,
    partners: Vec<PartnerView>,
    pods: Vec<PodView>,
    /// What could not be asked.
    errors: Vec<String>,
}

/// A daemon, as it is shown.
#[derive(Debug, Serialize)]
struct DaemonView {
    daemon: Daemon,
    /// The pod that says it is active; several while one takes over from the other.
    active: Vec<String>,
    node: Option<String>,
    epoch: Option<i64>,
    since: Option<Timestamp>,
    listens: Option<String>,
    /// Live sessions; `None` when the daemon was not asked.
    sessions: Option<usize>,
    standbys: Vec<String>,
    /// Pods that are neither.
    others: Vec<String>,
}

/// A partner, as it is shown.
#[derive(Debug, Serialize)]
struct PartnerView {
    name: String,
    odette_id: String,
    suspended: bool,
    conditions: Vec<Condition>,
    queued: Option<i64>,
    blocked: Option<i64>,
    last_session: Option<Timestamp>,
    last_outcome: Option<String>,
}

impl InstanceView {
    fn of(
        instance: &SeonInstance,
        pods: Vec<PodView>,
        partners: &[SeonPartner],
        sessions: &[Told],
        errors: Vec<String>,
    ) -> Self {
        let wanted = instance::wanted(instance);
        let is_shown = |daemon: &Daemon| {
            wanted.contains(daemon) || pods.iter().any(|pod| pod.daemon == *daemon)
        };
        let daemons = Daemon::all()
            .filter(is_shown)
            .map(|daemon| DaemonView::of(daemon, &pods, sessions))
            .collect();
        let status = instance.status.as_ref();
        Self {
            name: instance.name_any(),
            namespace: instance.namespace().unwrap_or_default(),
            odette_id: instance.spec.identity.odette_id.clone(),
            suspended: instance.spec.suspend,
            conditions: status.map(|status| status.conditions.clone()).unwrap_or_default(),
            queue: status.and_then(|status| status.queue),
            daemons,
            partners: partners.iter().map(PartnerView::of).collect(),
            pods,
            errors,
        }
    }
}

impl DaemonView {
    fn of(daemon: Daemon, pods: &[PodView], sessions: &[Told]) -> Self {
        let ours: Vec<_> = pods.iter().filter(|pod| pod.daemon == daemon).collect();
        let names = |wanted: &dyn Fn(&PodView) -> bool| {
            ours.iter().filter(|pod| wanted(pod)).map(|pod| pod.name.clone()).collect()
        };
        // While one takes over from the other, the higher epoch is the one that counts.
        let active =
            ours.iter().filter(|pod| pod.is_active()).max_by_key(|pod| pod.epoch.unwrap_or(0));
        let answered = sessions.iter().find(|told| told.daemon == daemon && told.state == "active");
        Self {
            daemon,
            active: names(&PodView::is_active),
            node: active.and_then(|pod| pod.node.clone()),
            epoch: active.and_then(|pod| pod.epoch),
            since: active.and_then(|pod| pod.since),
            listens: active.and_then(|pod| pod.listens.clone()),
            sessions: answered.map(|told| told.sessions.len()),
            standbys: names(&PodView::is_ready_standby),
            others: names(&|pod| !pod.is_active() && !pod.is_ready_standby()),
        }
    }
}

impl PartnerView {
    fn of(partner: &SeonPartner) -> Self {
        let status = partner.status.as_ref();
        let last = status.and_then(|status| status.last_session.as_ref());
        Self {
            name: partner.name_any(),
            odette_id: partner.spec.identity.odette_id.clone(),
            suspended: partner.spec.suspend,
            conditions: status.map(|status| status.conditions.clone()).unwrap_or_default(),
            queued: status.and_then(|status| status.queued),
            blocked: status.and_then(|status| status.blocked),
            last_session: last.map(|last| last.at.0),
            last_outcome: last
                .map(|last| last.code.clone().unwrap_or_else(|| last.outcome.clone())),
        }
    }
}

#[cfg(test)]
mod tests;
