//! A person's request that a daemon's active pod hands over.
//!
//! The annotation first names the daemon (`seonrd-tcpip`). The operator notes in it which pod is
//! meant, deletes exactly that pod, and removes the annotation when the pod is gone. Stopped
//! anywhere in between, it neither forgets the request nor fulfils it twice.

use crate::{
    daemon::{Daemon, OnCluster as _},
    world::ObservedPod,
};

/// What the annotation asks for next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NextStep<'a> {
    /// Note the pod: this is the annotation's new value.
    Note(String),
    /// Delete the pod that is noted.
    HandOver(&'a ObservedPod),
    /// The pod is on its way out.
    Wait,
    /// The pod is gone; remove the annotation.
    Done,
    /// It cannot be done, and why; remove the annotation.
    Refuse(String),
}

/// Reads the annotation.
pub fn read<'a>(annotation: &str, pods: &'a [ObservedPod]) -> NextStep<'a> {
    if let Some((_, uid)) = annotation.split_once('/') {
        return match pods.iter().find(|pod| pod.uid == uid) {
            None => NextStep::Done,
            Some(pod) if pod.ends.is_some() => NextStep::Wait,
            Some(pod) => NextStep::HandOver(pod),
        };
    }
    let Some(daemon) = Daemon::of_label(&crds::names::daemon_label(annotation)) else {
        let known = Daemon::SINGLE.map(Daemon::label).join(", ");
        return NextStep::Refuse(format!(
            "\"{annotation}\" is no daemon; give one of {known}, or that of an ISDN controller, such as \
             seonrd-capi-0"
        ));
    };
    let mut pods = pods.iter().filter(|pod| pod.daemon == daemon);
    let Some(active) = pods.clone().find(|pod| pod.is_active) else {
        return NextStep::Refuse(format!("{daemon} has no active pod that could hand over"));
    };
    let successor = |pod: &ObservedPod| pod.uid != active.uid && pod.is_ready && pod.ends.is_none();
    if !pods.any(successor) {
        return NextStep::Refuse(format!("{daemon} has no standby that is ready to take over"));
    }
    NextStep::Note(format!("{}/{}", daemon.label(), active.uid))
}

#[cfg(test)]
mod tests;
