//! What the status says of what was seen.

use crds::{SeonInstanceStatus, SeonPartnerStatus};
use jiff::ToSpan as _;
use serde_json::{Value, json};

use super::*;
use crate::{
    daemon::{
        Daemon::{self, Seonrd, SeonrdTcpip, SeonrdTcpipTls, Seonsqd},
        OnCluster as _,
    },
    plan::plan,
    questions::{PartnerReading, Readings, SessionReading},
    sample::{active, found, instance, migrated, node, now, partner, pod, refused, validated},
    tenures::Tenures,
    world::{Migration, MigrationPod, NodeState, ObservedPod},
};

/// The status after one more look, with the migration done.
fn judged(before: &SeonInstanceStatus, found: &mut Found) -> SeonInstanceStatus {
    let validated = validated(found);
    migrated(found, &validated);
    let plan = plan(&validated, found);
    let outcome = Outcome::Planned { instance: &validated, plan: &plan, error: None };
    instance::judge(before, found, &outcome)
}

fn condition(status: &SeonInstanceStatus, kind: &str) -> (String, String, String) {
    let condition = status.conditions.iter().find(|c| c.kind == kind).unwrap();
    (condition.status.clone(), condition.reason.clone(), condition.message.clone())
}

fn says(status: &str, reason: &str, message: &str) -> (String, String, String) {
    (status.into(), reason.into(), message.into())
}

/// Every daemon with an active pod and a standby, up to date.
fn all_well(change: impl FnOnce(&mut Value)) -> Found {
    let mut found = found(instance(change), vec![partner("bolt", |_| ())]);
    let validated = validated(&found);
    let plan = plan(&validated, &found);
    for (epoch, daemon) in (7..).zip(validated.daemons.iter().map(|wanted| wanted.daemon)) {
        let name = format!("acme-{}", daemon.label());
        let set = plan.objects.stateful_sets.iter().find(|set| set.name_any() == name).unwrap();
        let template = set.spec.as_ref().unwrap().template.metadata.clone().unwrap();
        let template = template.annotations.unwrap()[names::TEMPLATE_ANNOTATION].clone();
        for pod in [active(daemon, 0, epoch), pod(daemon, 1)] {
            found.pods.push(ObservedPod {
                template: Some(template.clone()),
                configuration: Some(validated.revision.clone()),
                since: Some(now() - 60.seconds()),
                ..pod
            });
        }
    }
    found
}

fn pod_of(found: &mut Found, daemon: Daemon, ordinal: u32) -> &mut ObservedPod {
    found.pods.iter_mut().find(|p| p.daemon == daemon && p.ordinal() == ordinal).unwrap()
}

#[test]
fn an_instance_that_does_its_work_is_ready_and_says_who_is_active() {
    let mut found = all_well(|_| ());
    pod_of(&mut found, SeonrdTcpip, 0).listens = Some("0.0.0.0:3305".into());
    let status = judged(&SeonInstanceStatus::default(), &mut found);
    for kind in ["Ready", "Available", "ConfigurationApplied", "DatabaseReady"] {
        assert_eq!(condition(&status, kind).0, "True", "{:?}", condition(&status, kind));
    }
    for kind in ["Reconciling", "Degraded"] {
        assert_eq!(condition(&status, kind).0, "False", "{:?}", condition(&status, kind));
    }
    assert_eq!(status.receive.as_deref(), Some("tls,tcpip"));
    assert_eq!((status.send.as_deref(), status.partners), (Some("True"), Some(1)));
    assert_eq!(status.observed_generation, Some(4));
    let daemon = status.daemons.iter().find(|d| d.name == "seonrd_tcpip").unwrap();
    assert_eq!(daemon.active_pod.as_deref(), Some("acme-seonrd-tcpip-0"));
    assert_eq!(daemon.node.as_deref(), Some("n1"));
    assert_eq!((daemon.epoch, daemon.highest_epoch), (Some(8), Some(8)));
    assert_eq!(daemon.listens.as_deref(), Some("0.0.0.0:3305"));
    assert_eq!(daemon.standbys, ["acme-seonrd-tcpip-1"]);
    assert_eq!((daemon.replicas, daemon.ready_replicas), (2, 2));
}

#[test]
fn a_second_look_at_the_same_is_the_same() {
    let mut found = all_well(|_| ());
    let first = judged(&SeonInstanceStatus::default(), &mut found);
    found.now += 60.seconds();
    assert_eq!(judged(&first, &mut found), first);
}

#[test]
fn a_condition_s_time_changes_with_its_status_and_not_with_its_words() {
    let mut found = all_well(|_| ());
    let first = judged(&SeonInstanceStatus::default(), &mut found);
    found.now += 60.seconds();
    pod_of(&mut found, Seonsqd, 0).is_active = false;
    let second = judged(&first, &mut found);
    let time = |status: &SeonInstanceStatus, kind: &str| {
        status.conditions.iter().find(|c| c.kind == kind).unwrap().last_transition_time.0
    };
    assert_eq!(time(&second, "Ready"), now() + 60.seconds());
    assert_eq!(time(&second, "DatabaseReady"), now());
    found.now += 60.seconds();
    pod_of(&mut found, Seonrd, 0).is_active = false;
    let third = judged(&second, &mut found);
    assert_ne!(condition(&third, "Ready").2, condition(&second, "Ready").2);
    assert_eq!(time(&third, "Ready"), now() + 60.seconds());
}

#[test]
fn without_an_active_pod_it_is_not_ready_and_says_why() {
    let mut found = all_well(|_| ());
    *pod_of(&mut found, Seonsqd, 0) = ObservedPod {
        is_active: false,
        is_ready: false,
        waits_for: Some("ImagePullBackOff".into()),
        ..pod_of(&mut found, Seonsqd, 0).clone()
    };
    let status = judged(&SeonInstanceStatus::default(), &mut found);
    let message = "no active pod of seonsqd (acme-seonsqd-0: ImagePullBackOff)";
    assert_eq!(condition(&status, "Ready"), says("False", "NoActivePod", message));
    assert_eq!(
        condition(&status, "Degraded"),
        says("True", "PodsNotReady", "acme-seonsqd-0: ImagePullBackOff")
    );
    assert_eq!(status.send.as_deref(), Some("False"));
}

#[test]
fn an_epoch_that_falls_raises_an_alarm_that_stays() {
    let mut found = all_well(|_| ());
    let first = judged(&SeonInstanceStatus::default(), &mut found);
    pod_of(&mut found, Seonrd, 0).epoch = Some(3);
    let second = judged(&first, &mut found);
    assert_eq!(condition(&second, "Degraded").1, "EpochRegressed");
    assert!(condition(&second, "Degraded").2.starts_with("seonrd is at epoch 3, and 7 was seen"));
    assert_eq!(condition(&judged(&second, &mut found), "Degraded").1, "EpochRegressed");
}

#[test]
fn of_two_that_say_they_are_active_the_one_with_the_higher_epoch_is() {
    let mut found = all_well(|_| ());
    let second = pod_of(&mut found, Seonsqd, 1);
    (second.is_active, second.epoch) = (true, Some(11));
    let status = judged(&SeonInstanceStatus::default(), &mut found);
    let daemon = status.daemons.iter().find(|d| d.name == "seonsqd").unwrap();
    assert_eq!((daemon.active_pod.as_deref(), daemon.epoch), (Some("acme-seonsqd-1"), Some(11)));
}

#[test]
fn two_pods_that_calls_are_led_to_are_told_of_once_no_take_over_explains_them() {
    let mut found = all_well(|_| ());
    pod_of(&mut found, SeonrdTcpip, 1).is_active = true;
    let status = judged(&SeonInstanceStatus::default(), &mut found);
    let (is, reason, message) = condition(&status, "Degraded");
    assert_eq!((is.as_str(), reason.as_str()), ("True", "RolesDoubled"));
    assert!(message.contains("acme-seonrd-tcpip-0, acme-seonrd-tcpip-1"), "{message}");
    pod_of(&mut found, SeonrdTcpip, 0).since = Some(now() - 3.seconds());
    let status = judged(&SeonInstanceStatus::default(), &mut found);
    assert_eq!(condition(&status, "Degraded").0, "False");
}

#[test]
fn settings_that_count_at_the_next_start_are_not_said_to_be_in_effect() {
    let mut found = all_well(|_| ());
    pod_of(&mut found, Seonsqd, 0).at_next_start = Some("spec.lease".into());
    let status = judged(&SeonInstanceStatus::default(), &mut found);
    let (is, reason, message) = condition(&status, "ConfigurationApplied");
    assert_eq!((is.as_str(), reason.as_str()), ("False", "Pending"));
    assert!(message.contains("only of acme-seonsqd-0 (spec.lease)"), "{message}");
    assert_eq!(condition(&status, "Reconciling").1, "RollingOut");
    assert_eq!(condition(&status, "Ready").0, "True", "it works by the one before");
}

#[test]
fn a_daemon_that_says_so_of_the_settings_that_it_began_with_halts_the_roll_out() {
    let mut found = all_well(|_| ());
    let pod = pod_of(&mut found, Seonsqd, 1);
    pod.at_next_start = Some("spec.lease".into());
    pod.begun_with.clone_from(&pod.configuration);
    let status = judged(&SeonInstanceStatus::default(), &mut found);
    for kind in ["Stalled", "Ready"] {
        let (_, reason, message) = condition(&status, kind);
        assert_eq!(reason, "RolloutHalted", "{kind}");
        let says = "the roll-out has halted: acme-seonsqd-1 began with the very settings";
        assert!(message.starts_with(says), "{message}");
    }
    let (is, _, message) = condition(&status, "ConfigurationApplied");
    assert_eq!(is, "False");
    assert!(message.ends_with("(spec.lease); that has halted"), "{message}");
}

#[test]
fn a_lost_node_is_named() {
    let mut found = all_well(|_| ());
    found.nodes.as_mut().unwrap().insert("n1".into(), node(NodeState::Unreachable));
    let status = judged(&SeonInstanceStatus::default(), &mut found);
    let message = "node n1 of acme-seonrd-0 cannot be reached";
    assert_eq!(condition(&status, "Degraded"), says("True", "NodeLost", message));
    assert_eq!(condition(&status, "Ready").0, "False", "nobody who can be asked is active");
}

#[test]
fn a_configuration_is_applied_when_every_pod_says_so() {
    let mut found = all_well(|_| ());
    pod_of(&mut found, Seonsqd, 1).configuration = Some("older".into());
    let status = judged(&SeonInstanceStatus::default(), &mut found);
    let (is, reason, message) = condition(&status, "ConfigurationApplied");
    assert_eq!((is.as_str(), reason.as_str()), ("False", "Pending"));
    assert!(message.ends_with("is not in effect yet in acme-seonsqd-1"), "{message}");
    pod_of(&mut found, Seonsqd, 1).refused = Some("E-CONFIG-INVALID 1 error".into());
    let status = judged(&SeonInstanceStatus::default(), &mut found);
    let (_, reason, message) = condition(&status, "ConfigurationApplied");
    assert_eq!(reason, "Refused");
    assert!(message.starts_with("acme-seonsqd-1 refused revision "), "{message}");
    assert!(message.ends_with(": E-CONFIG-INVALID 1 error"), "{message}");
}

#[test]
fn an_instance_that_is_suspended_says_so() {
    let mut found = all_well(|_| ());
    found.pods.clear();
    found.instance = std::sync::Arc::new(instance(|v| v["spec"]["suspend"] = json!(true)));
    let status = judged(&SeonInstanceStatus::default(), &mut found);
    let message = "spec.suspend is true: every daemon stands still";
    assert_eq!(condition(&status, "Ready"), says("False", "Suspended", message));
    assert_eq!(condition(&status, "Degraded").0, "False");
    assert_eq!(condition(&status, "Reconciling").0, "False");
}

#[test]
fn an_invalid_instance_says_what_is_wrong_and_still_who_is_active() {
    let mut found = all_well(|_| ());
    let before = judged(&SeonInstanceStatus::default(), &mut found);
    found.instance = std::sync::Arc::new(instance(|v| v["spec"]["storage"] = json!({})));
    let error = refused(&found);
    let status = instance::judge(&before, &found, &Outcome::Invalid(&error));
    assert_eq!(condition(&status, "Ready").1, "Invalid");
    assert!(condition(&status, "Ready").2.starts_with("E-VALIDATE-STORAGE spec.storage: "));
    assert_eq!(condition(&status, "Available").0, "True", "what runs goes on");
    assert_eq!(status.daemons, before.daemons);
}

#[test]
fn the_queue_is_what_seonsqd_says_and_the_last_word_if_it_says_nothing() {
    let mut found = all_well(|_| ());
    let session = SessionReading {
        at: "2026-11-25T11:59:00.25Z".parse().unwrap(),
        outcome: "failed".into(),
        code: Some("E-CONNECT".into()),
    };
    let reading = PartnerReading {
        partner: "bolt".into(),
        queued: 12,
        blocked: 1,
        sends_only: true,
        last_session: Some(session),
    };
    found.readings = Readings { partners: Some([("bolt".into(), reading)].into()) };
    let status = judged(&SeonInstanceStatus::default(), &mut found);
    assert_eq!(status.queue, Some(12));
    let validated = validated(&found);
    let plan = plan(&validated, &found);
    let outcome = Outcome::Planned { instance: &validated, plan: &plan, error: None };
    let partner = found.partners[0].clone();
    let said = partner::judge(&SeonPartnerStatus::default(), &partner, &found, &outcome);
    assert_eq!((said.queued, said.blocked), (Some(12), Some(1)));
    let message = &said.conditions.iter().find(|it| it.kind == "Ready").unwrap().message;
    assert!(message.ends_with("it only sends, so that what is queued for it waits"), "{message}");
    let last = said.last_session.clone().unwrap();
    assert_eq!((last.outcome.as_str(), last.code.as_deref()), ("failed", Some("E-CONNECT")));
    assert_eq!(last.at.0, "2026-11-25T11:59:00Z".parse().unwrap());
    found.readings = Readings::default();
    assert_eq!(judged(&status, &mut found).queue, Some(12));
    let unheard = partner::judge(&said, &partner, &found, &outcome);
    assert_eq!((unheard.queued, unheard.last_session), (said.queued, said.last_session));
}

#[test]
fn a_fail_over_is_told_with_both_pods_their_nodes_and_the_gap() {
    let mut found = all_well(|_| ());
    let before = judged(&SeonInstanceStatus::default(), &mut found);
    let tenures = Tenures::default();
    news::changes(&tenures, &found, &before, &before);
    let old = pod_of(&mut found, SeonrdTcpipTls, 0);
    old.is_active = false;
    old.process_ended = Some(now() - 3.seconds());
    let new = pod_of(&mut found, SeonrdTcpipTls, 1);
    (new.is_active, new.epoch, new.since) = (true, Some(10), Some(now() - 1.seconds()));
    let after = judged(&before, &mut found);
    let changes = news::changes(&tenures, &found, &before, &after);
    let [change] = &changes[..] else { panic!("{changes:?}") };
    assert_eq!(
        change.note,
        "seonrd_tcpip_tls: acme-seonrd-tcpip-tls-1 on n2 is active, epoch 10; before: \
         acme-seonrd-tcpip-tls-0 on n1, epoch 9, after 2.0 s without one"
    );
    assert_eq!(change.gap, Some(2.0));
    assert_eq!(news::changes(&tenures, &found, &after, &after), []);
}

#[test]
fn the_first_active_pod_of_a_new_instance_is_no_fail_over() {
    let mut found = all_well(|_| ());
    let after = judged(&SeonInstanceStatus::default(), &mut found);
    assert_eq!(
        news::changes(&Tenures::default(), &found, &SeonInstanceStatus::default(), &after),
        []
    );
}

#[test]
fn a_fail_over_is_told_also_when_the_old_pod_is_gone_by_then() {
    let mut found = all_well(|_| ());
    let first = judged(&SeonInstanceStatus::default(), &mut found);
    let tenures = Tenures::default();
    news::changes(&tenures, &found, &first, &first);
    found.pods.retain(|pod| pod.name != "acme-seonsqd-0");
    let between = judged(&first, &mut found);
    assert_eq!(news::changes(&tenures, &found, &first, &between), []);
    let new = pod_of(&mut found, Seonsqd, 1);
    (new.is_active, new.epoch) = (true, Some(11));
    let after = judged(&between, &mut found);
    let [change] = &news::changes(&tenures, &found, &between, &after)[..] else { panic!() };
    assert_eq!(
        change.note,
        "seonsqd: acme-seonsqd-1 on n2 is active, epoch 11; before: acme-seonsqd-0 on n1, epoch 10"
    );
}

#[test]
fn a_pod_that_has_just_begun_is_nothing_to_worry_about_and_one_that_stays_so_is() {
    let mut found = all_well(|_| ());
    let created = found.now;
    let pod = pod_of(&mut found, Seonsqd, 1);
    (pod.is_ready, pod.created) = (false, Some(created));
    let status = judged(&SeonInstanceStatus::default(), &mut found);
    assert_eq!(condition(&status, "Degraded").0, "False");
    found.now += 60.seconds();
    let status = judged(&status, &mut found);
    let message = "acme-seonsqd-1 is not ready";
    assert_eq!(condition(&status, "Degraded"), says("True", "PodsNotReady", message));
}

fn capi() -> Daemon {
    Daemon::SeonrdCapi(1.try_into().unwrap())
}

/// All well, with an ISDN controller of a node.
fn all_well_with_isdn() -> Found {
    let mut found = all_well(|value| {
        value["spec"]["receive"]["capi"] = json!({"controllers": [{"number": 1, "device": {}}]});
    });
    // One pod is what a device has.
    found.pods.retain(|pod| pod.daemon != capi() || pod.ordinal() == 0);
    pod_of(&mut found, capi(), 0).listens = Some("controller 1".into());
    found
}

#[test]
fn a_daemon_of_isdn_is_told_like_every_other_and_takes_calls_with_its_controller_only() {
    let mut found = all_well_with_isdn();
    let status = judged(&SeonInstanceStatus::default(), &mut found);
    assert_eq!(condition(&status, "Ready").0, "True");
    assert_eq!(condition(&status, "Reconciling").0, "False", "one pod is all that is wanted");
    assert_eq!(status.receive.as_deref(), Some("tls,tcpip,capi"));
    let daemon = status.daemons.iter().find(|d| d.name == "seonrd_capi_0").unwrap();
    assert_eq!((daemon.active_pod.as_deref(), daemon.replicas), (Some("acme-seonrd-capi-0-0"), 1));
    assert_eq!(daemon.listens.as_deref(), Some("controller 1"));
    pod_of(&mut found, capi(), 0).listens = None;
    let after = judged(&status, &mut found);
    assert_eq!(after.receive.as_deref(), Some("tls,tcpip"));
    // Also of an instance that has become invalid.
    found.instance = std::sync::Arc::new(instance(|v| v["spec"]["storage"] = json!({})));
    let error = refused(&found);
    let invalid = instance::judge(&after, &found, &Outcome::Invalid(&error));
    assert!(invalid.daemons.iter().any(|d| d.name == "seonrd_capi_0"));
}

#[test]
fn a_pod_that_no_node_takes_says_what_they_lack() {
    let mut found = all_well_with_isdn();
    let created = found.now;
    *pod_of(&mut found, capi(), 0) = ObservedPod {
        is_ready: false,
        node: None,
        created: Some(created),
        unplaced: Some(
            "0/2 nodes are available: 2 Insufficient seon.dev/capi-controller-1.".into(),
        ),
        ..pod(capi(), 0)
    };
    let status = judged(&SeonInstanceStatus::default(), &mut found);
    assert_eq!(condition(&status, "Degraded").0, "False", "it has just begun");
    found.now += 60.seconds();
    let status = judged(&status, &mut found);
    let why = "acme-seonrd-capi-0-0: 0/2 nodes are available: 2 Insufficient \
               seon.dev/capi-controller-1.";
    assert_eq!(condition(&status, "Degraded"), says("True", "PodsNotReady", why));
    let message = format!("no active pod of seonrd_capi_0 ({why})");
    assert_eq!(condition(&status, "Ready"), says("False", "NoActivePod", &message));
    assert_eq!(condition(&status, "Stalled").0, "False", "such a node may be made");
    found.now += 9.minutes();
    let status = judged(&status, &mut found);
    assert_eq!(condition(&status, "Stalled"), says("True", "NoActivePod", &message));
}

/// The status while the migration is so far.
fn migrating(found: &mut Found, migration: Migration) -> SeonInstanceStatus {
    let validated = validated(found);
    migrated(found, &validated);
    found.owned.values_mut().for_each(|job| job.migration = migration);
    let plan = plan(&validated, found);
    let outcome = Outcome::Planned { instance: &validated, plan: &plan, error: None };
    instance::judge(&SeonInstanceStatus::default(), found, &outcome)
}

/// Reconciling, Stalled and Ready: what kstatus reads.
fn kstatus(status: &SeonInstanceStatus) -> [String; 3] {
    ["Reconciling", "Stalled", "Ready"].map(|kind| condition(status, kind).0)
}

fn image_is_missing(pod: &mut ObservedPod) {
    (pod.is_ready, pod.is_active) = (false, false);
    pod.waits_for = Some("ErrImagePull: not found".into());
}

#[test]
fn a_roll_out_that_halts_is_stalled_and_not_ready_though_the_former_version_works() {
    let mut found = all_well(|_| ());
    pod_of(&mut found, Seonsqd, 0).template = Some("old".into());
    let going = judged(&SeonInstanceStatus::default(), &mut found);
    assert_eq!(kstatus(&going), ["True", "False", "True"]);
    assert_eq!(going.phase.as_deref(), Some("RollingOut"));
    image_is_missing(pod_of(&mut found, Seonsqd, 1));
    let status = judged(&going, &mut found);
    assert_eq!(kstatus(&status), ["False", "True", "False"]);
    assert_eq!(status.phase.as_deref(), Some("Stalled"));
    let why = "the roll-out has halted: acme-seonsqd-1 is not ready: ErrImagePull: not found; \
               acme-seonsqd-1: ErrImagePull: not found";
    for kind in ["Ready", "Stalled"] {
        let status = if kind == "Ready" { "False" } else { "True" };
        assert_eq!(
            condition(&judged(&going, &mut found), kind),
            says(status, "RolloutHalted", why)
        );
    }
    assert_eq!(condition(&status, "Available").0, "True");
    assert_eq!(condition(&status, "Degraded").1, "PodsNotReady");
    // Each is told of, with the pod that it is about.
    let told: Vec<_> = news::worth_telling(&going.conditions, &status.conditions).collect();
    let kinds: Vec<_> = told.iter().map(|condition| condition.kind.as_str()).collect();
    assert_eq!(kinds, ["Ready", "Degraded"]);
    for condition in told {
        let pod = news::named(&condition.message, &found.pods).unwrap();
        assert_eq!(pod.name, "acme-seonsqd-1");
    }
}

#[test]
fn a_standby_that_is_away_without_a_roll_out_is_on_its_way() {
    let mut found = all_well(|_| ());
    image_is_missing(pod_of(&mut found, Seonsqd, 1));
    let status = judged(&SeonInstanceStatus::default(), &mut found);
    assert_eq!(kstatus(&status), ["True", "False", "True"]);
    assert_eq!(status.phase.as_deref(), Some("Degraded"));
}

#[test]
fn a_daemon_that_cannot_begin_anywhere_is_stalled() {
    let mut found = all_well(|_| ());
    found.pods.retain(|pod| pod.daemon != Seonsqd);
    let beginning = judged(&SeonInstanceStatus::default(), &mut found);
    assert_eq!(kstatus(&beginning), ["True", "False", "False"]);
    assert_eq!(beginning.phase.as_deref(), Some("Starting"));
    found.refusals.insert("acme-seonsqd".into(), "exceeded quota: small".into());
    let status = judged(&beginning, &mut found);
    assert_eq!(kstatus(&status), ["False", "True", "False"]);
    let why = "acme-seonsqd cannot have another pod: exceeded quota: small";
    assert_eq!(condition(&status, "Degraded"), says("True", "PodsNotReady", why));
    let message = format!("no active pod of seonsqd ({why})");
    for kind in ["Ready", "Stalled"] {
        assert_eq!(condition(&status, kind).2, message);
    }
}

#[test]
fn a_migration_that_cannot_begin_or_fails_is_named_with_what_is_in_its_way() {
    let mut found = all_well(|_| ());
    let going = migrating(&mut found, Migration::Running);
    assert_eq!(kstatus(&going), ["False", "False", "True"], "what runs, runs");
    assert_eq!(going.phase.as_deref(), Some("Migrating"));
    let job = found.owned.keys().next().unwrap().1.clone();
    let pulls = "ErrImagePull: not found";
    for (migration, trouble, refusal, says) in [
        (Migration::Running, Some(pulls), None, pulls),
        (
            Migration::Failing,
            Some("E-STORE-CONNECT no such role"),
            None,
            "E-STORE-CONNECT no such role",
        ),
        (Migration::Running, None, Some("exceeded quota: small"), "exceeded quota: small"),
        (Migration::Failing, None, None, "has failed and is tried again"),
    ] {
        let pod = MigrationPod { job: job.clone(), trouble: trouble.map(str::to_owned) };
        found.migrations = vec![pod];
        found.refusals = refusal.map(|why| (job.clone(), why.to_owned())).into_iter().collect();
        let status = migrating(&mut found, migration);
        assert_eq!(kstatus(&status), ["False", "True", "False"], "{says}");
        for kind in ["Ready", "Stalled", "Degraded", "DatabaseReady"] {
            let (_, reason, message) = condition(&status, kind);
            assert_eq!(reason, "MigrationFailing", "{kind}");
            assert!(message.contains(says), "{kind}: {message}");
        }
    }
}

#[test]
fn a_database_that_refuses_the_daemons_now_is_not_ready() {
    let mut found = all_well(|_| ());
    let created = found.now;
    let standby = pod_of(&mut found, Seonsqd, 1);
    (standby.is_ready, standby.created) = (false, Some(created));
    standby.waits_for = Some("the database: E-STORE-CONNECT password authentication failed".into());
    let status = judged(&SeonInstanceStatus::default(), &mut found);
    let (is, reason, message) = condition(&status, "DatabaseReady");
    assert_eq!((is.as_str(), reason.as_str()), ("False", "DatabaseRefuses"));
    assert!(message.starts_with("acme-seonsqd-1 waits for the database: E-STORE"), "{message}");
    assert_eq!(condition(&status, "Degraded").0, "False", "a database may come a little later");
    found.now += 60.seconds();
    let status = judged(&status, &mut found);
    assert!(condition(&status, "Degraded").2.contains("password authentication failed"));
}

#[test]
fn a_refusal_of_another_revision_is_none_of_this_one() {
    let mut found = all_well(|_| ());
    let standby = pod_of(&mut found, Seonsqd, 1);
    standby.configuration = Some("older".into());
    (standby.refused, standby.refused_revision) =
        (Some("E-CONFIG-INVALID".into()), Some("r".into()));
    let status = judged(&SeonInstanceStatus::default(), &mut found);
    assert_eq!(kstatus(&status), ["True", "False", "True"]);
    pod_of(&mut found, Seonsqd, 1).refused_revision = Some(validated(&found).revision);
    let status = judged(&SeonInstanceStatus::default(), &mut found);
    assert_eq!(kstatus(&status), ["False", "True", "False"]);
    assert_eq!(condition(&status, "Stalled").1, "Refused");
}

#[test]
fn a_partner_that_is_not_good_is_stalled_and_told_of_once() {
    let found = found(
        instance(|_| ()),
        vec![
            partner("bolt", |_| ()),
            partner("cast", |value| {
                value["spec"]["identity"]["passwordSecretRef"]["name"] = json!("nowhere");
            }),
        ],
    );
    let validated = validated(&found);
    let plan = plan(&validated, &found);
    let outcome = Outcome::Planned { instance: &validated, plan: &plan, error: None };
    for (partner, expected) in found.partners.iter().zip([("False", 0), ("True", 1)]) {
        let judge = |before: &_| partner::judge(before, partner, &found, &outcome);
        let first = judge(&SeonPartnerStatus::default());
        let stalled = first.conditions.iter().find(|it| it.kind == "Stalled").unwrap();
        let told = news::worth_telling(&[], &first.conditions).count();
        assert_eq!((stalled.status.as_str(), told), expected, "{}", partner.name_any());
        let again = judge(&first).conditions;
        assert_eq!(news::worth_telling(&first.conditions, &again).count(), 0);
    }
}
