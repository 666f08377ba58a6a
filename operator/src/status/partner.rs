//! What a partner's status says. Pure.

use crds::{LastSession, SeonPartner, SeonPartnerStatus, conditions, conditions::reason};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt as _;

use super::{
    Outcome, certificates,
    conditions::{Judged, merge},
};
use crate::{
    dereference::Found, problem::sentence, validate::ValidatedInstance, world::InstanceKey,
};

/// Judges one partner of an instance.
pub(super) fn judge(
    before: &SeonPartnerStatus,
    partner: &SeonPartner,
    found: &Found,
    outcome: &Outcome<'_>,
) -> SeonPartnerStatus {
    let name = partner.name_any();
    let (accepted, rejected) = match outcome {
        Outcome::Planned { instance, .. } => (instance.accepted.get(&name), &instance.rejected),
        Outcome::Invalid(error) => (None, &error.rejected),
    };
    let readings = found.readings.partners.as_ref();
    let reading = readings.and_then(|partners| partners.get(&name));
    let ready = |is, reason, message: String| Judged::new(conditions::READY, is, reason, message);
    let judged = match (accepted, rejected.get(&name)) {
        (Some(_), _) if partner.spec.suspend => {
            ready(false, reason::SUSPENDED, "spec.suspend is true: what is queued waits".into())
        }
        (Some(_), _) => {
            let sends_only = reading.is_some_and(|reading| reading.sends_only);
            let only = if sends_only {
                "; it only sends, so that what is queued for it waits"
            } else {
                ""
            };
            ready(true, reason::ACCEPTED, format!("part of {}{only}", found.key.name))
        }
        (None, Some(problems)) => ready(false, reason::INVALID, sentence(problems)),
        (None, None) => ready(
            false,
            reason::INSTANCE_INVALID,
            format!("SeonInstance {} is not valid; see its condition Ready", found.key.name),
        ),
    };
    let of_partner = |instance: &ValidatedInstance| {
        let own = instance.endings.iter().filter(|it| it.partner.as_deref() == Some(name.as_str()));
        certificates::judge(own)
    };
    let certificates = match outcome {
        Outcome::Planned { instance, .. } => accepted.map(|_| of_partner(instance)),
        Outcome::Invalid(_) => None,
    };
    let generation = partner.metadata.generation;
    let session = reading.and_then(|reading| reading.last_session.as_ref());
    let session = session.map(|session| LastSession {
        at: Time(whole_seconds(session.at)),
        outcome: session.outcome.clone(),
        code: session.code.clone(),
    });
    SeonPartnerStatus {
        observed_generation: generation,
        conditions: merge(
            &before.conditions,
            with_stalled(judged).into_iter().chain(certificates),
            generation,
            found.now,
        ),
        instance: accepted.map(|_| found.key.name.clone()),
        certificate_expires: accepted.copied().flatten().map(|at| Time(whole_seconds(at))),
        queued: reading.map(|reading| reading.queued).or(before.queued),
        blocked: reading.map(|reading| reading.blocked).or(before.blocked),
        last_session: session.or_else(|| before.last_session.clone()),
    }
}

/// A partner of an instance that is not there.
pub(super) fn nobodys(
    before: &SeonPartnerStatus,
    partner: &SeonPartner,
    instance: &InstanceKey,
    now: Timestamp,
) -> SeonPartnerStatus {
    let message = format!(
        "there is no SeonInstance {} in namespace {}; make one, or a SeonPartner for another one",
        instance.name, instance.namespace,
    );
    let judged = Judged::new(conditions::READY, false, reason::NO_INSTANCE, message);
    let generation = partner.metadata.generation;
    SeonPartnerStatus {
        observed_generation: generation,
        conditions: merge(&before.conditions, with_stalled(judged), generation, now),
        instance: None,
        ..before.clone()
    }
}

/// With what kstatus reads: a partner that is not ready does not become so by itself.
fn with_stalled(ready: Judged) -> [Judged; 2] {
    let is_stalled = !ready.is && ready.reason != reason::SUSPENDED;
    let message = if is_stalled { ready.message.as_str() } else { "nothing is in the way" };
    let stalled_by = if is_stalled { ready.reason } else { reason::AS_WANTED };
    let stalled = Judged::new(conditions::STALLED, is_stalled, stalled_by, message);
    [ready, stalled]
}

/// As the API server gives it back; anything finer would be a difference for ever.
fn whole_seconds(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}
