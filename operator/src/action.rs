//! What is to be done with pods that are there: asked for a new configuration, replaced, handed
//! over, removed from a lost node. Pure; [`apply`](crate::apply) does it.

use std::collections::BTreeMap;

use crds::names;
use kube::ResourceExt as _;

use crate::{
    daemon::Daemon,
    dereference::Found,
    failover::{self, Verdict},
    roles,
    rollout::{self, Group, Step},
    stranding::is_stranded,
    switchover::{self, NextStep},
    validate::ValidatedInstance,
    world::{Migration, ObservedPod, PodKey},
};

/// One thing to do. Each names the very pod that it is about, so that none is done to its
/// successor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Ask a pod to come to a revision; its kubelet renews the mounted files at once.
    AskFor {
        /// Which pod.
        pod: PodKey,
        /// Which revision.
        revision: String,
    },
    /// Give a pod the role that it has, or take one that it has not.
    Label {
        /// Which pod.
        pod: PodKey,
        /// Which state of it: of another one nobody has judged.
        version: String,
        /// Whether it is active.
        is_active: bool,
    },
    /// Note the pod that a switchover is about.
    NoteSwitchover {
        /// The annotation's new value.
        value: String,
    },
    /// Remove the annotation.
    EndSwitchover {
        /// Why it was refused; nothing, if it was done.
        refused: Option<String>,
    },
    /// End a pod, which hands over what it holds.
    End {
        /// Which pod.
        pod: PodKey,
        /// Why, for the event.
        why: Why,
    },
    /// Remove the object of a pod whose node is lost.
    Remove {
        /// Which pod.
        pod: PodKey,
        /// Where it was.
        node: Option<String>,
    },
}

/// Why a pod is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// It was made from an older template.
    Outdated,
    /// It has begun with settings that are others by now.
    AtNextStart,
    /// A person asked for it.
    Switchover,
    /// Its node has lost the ISDN controller that it had.
    Stranded,
}

/// What to do, and what a roll-out waits for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Steps {
    /// In this order.
    pub actions: Vec<Action>,
    /// In words; nothing, if no roll-out is under way.
    pub rollout: Option<String>,
    /// Whether that does not come by itself.
    pub is_halted: bool,
}

/// Decides.
pub fn decide(
    instance: &ValidatedInstance,
    found: &Found,
    templates: &BTreeMap<Daemon, String>,
    replicas: &BTreeMap<Daemon, i32>,
    migration: Migration,
) -> Steps {
    let mut steps = Steps::default();
    steps.actions.extend(ask_for(&instance.revision, &found.pods));
    steps.actions.extend(remove_lost(found));
    steps.actions.extend(templates.keys().flat_map(|daemon| label(&found.pods, *daemon)));
    // A person's request comes first, and at most one pod is ended in a turn.
    if let Some(annotation) = found.instance.annotations().get(names::SWITCHOVER_ANNOTATION) {
        steps.actions.extend(switch_over(annotation, &found.pods));
        return steps;
    }
    let nodes = found.nodes.as_ref();
    if let Some(pod) = found.pods.iter().find(|pod| is_stranded(pod, nodes, found.now)) {
        steps.rollout = Some(format!("{} is replaced", pod.name));
        steps.actions.push(Action::End { pod: pod.key(), why: Why::Stranded });
        return steps;
    }
    let pods: Vec<(Daemon, Vec<&ObservedPod>)> =
        templates.keys().map(|daemon| (*daemon, of_daemon(&found.pods, *daemon))).collect();
    let mut groups: Vec<Group<'_>> = pods
        .iter()
        .filter_map(|(daemon, pods)| {
            let replicas = replicas.get(daemon).copied().unwrap_or(0);
            Some(Group {
                daemon: *daemon,
                replicas: usize::try_from(replicas).ok()?,
                template: templates.get(daemon)?,
                pods,
            })
        })
        .collect();
    // A line that is away holds up nobody else.
    groups.sort_by_key(|group| matches!(group.daemon, Daemon::SeonrdCapi(_)));
    match rollout::next(&groups, migration == Migration::Done) {
        Step::Done => {}
        Step::Wait(why) => steps.rollout = Some(why),
        Step::Halt(why) => {
            steps.rollout = Some(why);
            steps.is_halted = true;
        }
        Step::Replace(pod) => {
            steps.rollout = Some(format!("{} is replaced", pod.name));
            let template = templates.get(&pod.daemon);
            let is_outdated = pod.template.as_ref() != template;
            let why = if is_outdated { Why::Outdated } else { Why::AtNextStart };
            steps.actions.push(Action::End { pod: pod.key(), why });
        }
    }
    steps
}

/// The pods of one daemon.
pub fn of_daemon(pods: &[ObservedPod], daemon: Daemon) -> Vec<&ObservedPod> {
    pods.iter().filter(|pod| pod.daemon == daemon).collect()
}

fn ask_for<'a>(
    revision: &'a str,
    pods: &'a [ObservedPod],
) -> impl Iterator<Item = Action> + use<'a> {
    pods.iter()
        .filter(move |pod| {
            let has = |value: &Option<String>| value.as_deref() == Some(revision);
            // A pod that says nothing yet reads the newest as it starts.
            pod.configuration.is_some() && !has(&pod.configuration) && !has(&pod.wanted)
        })
        .map(move |pod| Action::AskFor { pod: pod.key(), revision: revision.to_owned() })
}

fn remove_lost(found: &Found) -> impl Iterator<Item = Action> + use<'_> {
    found
        .pods
        .iter()
        .filter(|pod| {
            let peers = of_daemon(&found.pods, pod.daemon);
            failover::judge(pod, &peers, found.nodes.as_ref(), found.now) == Verdict::Remove
        })
        .map(|pod| Action::Remove { pod: pod.key(), node: pod.node.clone() })
}

fn label(pods: &[ObservedPod], daemon: Daemon) -> Vec<Action> {
    let wrong = roles::wrong(&of_daemon(pods, daemon)).into_iter();
    let label = |(pod, is_active): (&ObservedPod, bool)| Action::Label {
        pod: pod.key(),
        version: pod.version.clone(),
        is_active,
    };
    wrong.map(label).collect()
}

fn switch_over(annotation: &str, pods: &[ObservedPod]) -> Option<Action> {
    match switchover::read(annotation, pods) {
        NextStep::Note(value) => Some(Action::NoteSwitchover { value }),
        NextStep::HandOver(pod) => Some(Action::End { pod: pod.key(), why: Why::Switchover }),
        NextStep::Wait => None,
        NextStep::Done => Some(Action::EndSwitchover { refused: None }),
        NextStep::Refuse(why) => Some(Action::EndSwitchover { refused: Some(why) }),
    }
}
