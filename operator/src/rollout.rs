//! The next pod of a roll-out: a pure function over the pods as they are.
//!
//! One pod at a time in the whole instance: what is outdated and stands by first, then the outdated
//! active one, whose end hands over to a standby of the new kind. Every step begins from what is
//! seen, so that it does not matter when an operator stops or another one takes over.

use crate::{daemon::Daemon, world::ObservedPod};

/// A daemon and its pods.
#[derive(Clone, Copy, Debug)]
pub struct Group<'a> {
    /// Which daemon.
    pub daemon: Daemon,
    /// Pods that are wanted.
    pub replicas: usize,
    /// The fingerprint of the template that they should be made from.
    pub template: &'a str,
    /// Pods that are there.
    pub pods: &'a [&'a ObservedPod],
}

/// What comes next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step<'a> {
    /// Every pod is as it should be.
    Done,
    /// Something has to happen first, in words.
    Wait(String),
    /// Nothing of this comes by itself, in words.
    Halt(String),
    /// This pod goes, and the StatefulSet makes it anew.
    Replace(&'a ObservedPod),
}

/// The next step over all daemons.
pub fn next<'a>(groups: &[Group<'a>], is_migrated: bool) -> Step<'a> {
    let mut outdated = groups.iter().filter(|group| !group.outdated().is_empty()).peekable();
    let halted = groups.iter().find_map(Group::halt);
    if outdated.peek().is_none() {
        return halted.unwrap_or(Step::Done);
    }
    if !is_migrated {
        return Step::Wait("the database is not migrated yet".into());
    }
    // A daemon that has begun goes on before another one begins, and one that is through is to be
    // well before the next one.
    if let Some(step) = groups.iter().find_map(Group::wait) {
        return step;
    }
    halted.unwrap_or_else(|| outdated.next().map_or(Step::Done, Group::replace))
}

impl<'a> Group<'a> {
    /// Made from an older template, or begun with settings that are others by now.
    fn is_outdated(&self, pod: &ObservedPod) -> bool {
        let is_begun_otherwise = pod.at_next_start.is_some() && !is_in_vain(pod);
        pod.template.as_deref() != Some(self.template) || is_begun_otherwise
    }

    /// One that was made anew and is no better: the next one would be none either.
    fn halt(&self) -> Option<Step<'a>> {
        let in_vain = |pod: &&&ObservedPod| is_in_vain(pod) && !self.is_outdated(pod);
        let pod = self.pods.iter().find(in_vain)?;
        let settings = pod.at_next_start.as_deref().unwrap_or_default();
        Some(Step::Halt(format!(
            "{} began with the very settings that it says count from its next start ({settings}), so \
             that another start would change nothing; take the change back, and report it as a defect",
            pod.name,
        )))
    }

    fn outdated(&self) -> Vec<&'a ObservedPod> {
        self.pods.iter().copied().filter(|pod| self.is_outdated(pod)).collect()
    }

    /// What keeps the whole roll-out waiting.
    fn wait(&self) -> Option<Step<'a>> {
        if let Some(pod) = self.pods.iter().find(|pod| pod.ends.is_some()) {
            return Some(Step::Wait(format!("{} is ending", pod.name)));
        }
        if self.pods.len() < self.replicas {
            let there = self.pods.len();
            let wanted = self.replicas;
            return Some(Step::Wait(format!("{} has {there} of {wanted} pods", self.daemon)));
        }
        let late = self.pods.iter().find(|pod| !self.is_outdated(pod) && !pod.is_ready)?;
        Some(Step::Wait(match &late.waits_for {
            Some(reason) => format!("{} is not ready: {reason}", late.name),
            None => format!("{} is not ready yet", late.name),
        }))
    }

    fn replace(&self) -> Step<'a> {
        let outdated = self.outdated();
        let pod = outdated.iter().copied().max_by_key(|pod| {
            // What does not work anyway costs nothing; what is active goes last.
            (!pod.is_active, !pod.is_ready, pod.ordinal())
        });
        pod.map_or(Step::Done, Step::Replace)
    }
}

/// As a daemon names the setting of which only the address is mounted, from a Secret of its own.
const DATABASE: &str = "spec.database";

/// It says that a start would change something, and began with just what it has. What is mounted from
/// another Secret, the database's, may have come after that.
fn is_in_vain(pod: &ObservedPod) -> bool {
    let named = pod.at_next_start.as_deref();
    named.is_some_and(|named| !named.contains(DATABASE))
        && pod.begun_with.is_some()
        && pod.begun_with == pod.configuration
}

#[cfg(test)]
mod tests;
