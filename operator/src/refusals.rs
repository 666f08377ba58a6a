//! Why the cluster makes no pod of a StatefulSet or a Job: a quota, a policy, a webhook. Nothing but an
//! event says so.

use std::{collections::BTreeMap, time::Duration};

use crds::{SeonInstance, names};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::events::v1::Event;
use kube::{Api, api::ListParams};
use tokio::time::{Instant, timeout_at};

use crate::{
    context::Context,
    daemon::Daemon,
    world::{InstanceKey, Kind, Migration, MigrationPod, ObservedPod, Owned},
};

/// For how long a refusal counts: the controllers of Kubernetes try again after a quarter of an hour at
/// the latest.
const COUNTS: SignedDuration = SignedDuration::from_mins(20);

/// How long a turn waits for the events of all its objects.
const PATIENCE: Duration = Duration::from_secs(2);
/// So many of an object are looked at: a controller repeats itself in one event.
const MOST: u32 = 50;

/// The reasons, by the name of the object whose pods are missing. An event that cannot be read is no
/// reason to stop.
pub(crate) async fn ask(
    context: &Context,
    key: &InstanceKey,
    missing: BTreeMap<String, Option<Timestamp>>,
    now: Timestamp,
) -> BTreeMap<String, String> {
    let api: Api<Event> = Api::namespaced(context.client.clone(), &key.namespace);
    let mut refusals = BTreeMap::new();
    let until = Instant::now() + PATIENCE;
    for (name, since) in missing {
        let fields = format!("regarding.name={name},reason=FailedCreate");
        let parameters = ListParams::default().fields(&fields).limit(MOST);
        let Ok(events) = timeout_at(until, api.list(&parameters)).await else {
            tracing::debug!(name, "events are not there in time");
            break;
        };
        match events {
            Ok(events) => refusals.extend(newest(&events.items, since, now).map(|why| (name, why))),
            Err(error) => tracing::debug!(name, %error, "events cannot be read"),
        }
    }
    refusals
}

/// The objects whose pods are missing, each with when its newest pod was made: what was said before is
/// over.
pub(crate) fn missing(
    instance: &SeonInstance,
    key: &InstanceKey,
    pods: &[ObservedPod],
    owned: &BTreeMap<(Kind, String), Owned>,
    migrations: &[MigrationPod],
) -> BTreeMap<String, Option<Timestamp>> {
    let daemons = instance.status.iter().flat_map(|status| &status.daemons);
    let daemons = daemons.filter(|_| !instance.spec.suspend).filter_map(|status| {
        let daemon: Daemon = status.name.parse().ok()?;
        let of_daemon = || pods.iter().filter(|pod| pod.daemon == daemon);
        let is_short = of_daemon().count() < usize::try_from(status.replicas).unwrap_or(0);
        let name = names::daemon_object(&key.name, daemon.name());
        is_short.then(|| (name, of_daemon().filter_map(|pod| pod.created).max()))
    });
    let jobs = owned.iter().filter(|((kind, name), job)| {
        *kind == Kind::Job
            && job.migration != Migration::Done
            && !migrations.iter().any(|pod| pod.job == *name)
    });
    daemons.chain(jobs.map(|((_, name), _)| (name.clone(), None))).collect()
}

/// The newest of these, if it still counts.
fn newest(events: &[Event], since: Option<Timestamp>, now: Timestamp) -> Option<String> {
    let dated = events.iter().filter_map(|event| Some((last_seen(event)?, event)));
    let (seen, event) = dated.max_by_key(|(seen, _)| *seen)?;
    let is_over = since.is_some_and(|since| seen < since) || now.duration_since(seen) > COUNTS;
    let note = event.note.as_deref()?;
    // The API server's own sentence, behind what was tried.
    let why = note.split_once(" error: ").map_or(note, |(_, why)| why);
    (!is_over).then(|| why.chars().take(300).collect())
}

fn last_seen(event: &Event) -> Option<Timestamp> {
    let in_series = event.series.as_ref().map(|series| series.last_observed_time.0);
    let counted = event.deprecated_last_timestamp.as_ref().map(|time| time.0);
    let first = event.event_time.as_ref().map(|time| time.0);
    in_series.or(counted).or(first)
}

#[cfg(test)]
mod tests {
    use jiff::ToSpan as _;
    use serde_json::json;

    use super::{missing as missing_of, *};
    use crate::sample::{instance, now, pod};

    #[test]
    fn an_object_with_fewer_pods_than_are_wanted_is_asked_about_since_its_newest_one() {
        let key = InstanceKey::new("trade", "acme");
        let with = |replicas: i32, suspend: bool| {
            instance(|value| {
                value["spec"]["suspend"] = json!(suspend);
                value["status"] = json!({"daemons": [
                    {"name": "seonsqd", "replicas": replicas, "readyReplicas": 0},
                ]});
            })
        };
        let there = ObservedPod { created: Some(now()), ..pod(Daemon::Seonsqd, 0) };
        let missing =
            |instance: &SeonInstance, owned: &BTreeMap<_, _>, migrations: &[MigrationPod]| {
                missing_of(instance, &key, std::slice::from_ref(&there), owned, migrations)
            };
        let none = BTreeMap::new();
        let expected = BTreeMap::from([("acme-seonsqd".to_owned(), Some(now()))]);
        assert_eq!(missing(&with(2, false), &none, &[]), expected);
        assert!(missing(&with(1, false), &none, &[]).is_empty());
        assert!(missing(&with(2, true), &none, &[]).is_empty());

        let job = |migration| {
            let job = Owned {
                uid: "1".into(),
                version: 0,
                applied: None,
                owner: None,
                is_managed: true,
                is_ending: false,
                migration,
            };
            BTreeMap::from([((Kind::Job, "acme-migrate-1".to_owned()), job)])
        };
        let pod = MigrationPod { job: "acme-migrate-1".into(), trouble: None };
        let running = job(Migration::Running);
        assert!(missing(&with(1, false), &running, &[]).contains_key("acme-migrate-1"));
        assert!(missing(&with(1, false), &running, &[pod]).is_empty());
        assert!(missing(&with(1, false), &job(Migration::Done), &[]).is_empty());
    }

    #[test]
    fn the_newest_refusal_counts_until_a_pod_is_made_or_it_is_old() {
        let event = |seen: Timestamp, note: &str| -> Event {
            serde_json::from_value(json!({
                "metadata": {}, "eventTime": null, "note": note,
                "deprecatedLastTimestamp": seen.to_string(),
            }))
            .unwrap()
        };
        let quota = "create Pod acme-seonrd-0 in StatefulSet acme-seonrd failed error: pods \
                     \"acme-seonrd-0\" is forbidden: exceeded quota: small";
        let events = [event(now() - 9.minutes(), "older"), event(now() - 1.minutes(), quota)];
        let said = |since| newest(&events, since, now());
        let why = "pods \"acme-seonrd-0\" is forbidden: exceeded quota: small";
        assert_eq!(said(None).as_deref(), Some(why));
        assert_eq!(said(Some(now() - 2.minutes())).as_deref(), Some(why));
        assert_eq!(said(Some(now())), None, "a pod was made since");
        assert_eq!(newest(&events, None, now() + 30.minutes()), None, "it is old");
        assert_eq!(newest(&[], None, now()), None);
    }
}
