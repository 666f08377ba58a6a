//! What every reconciliation works with.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use crds::names;
use k8s_openapi::api::{core::v1::ObjectReference, networking::v1::NetworkPolicyPeer};
use kube::{
    Client,
    runtime::events::{Event, EventType, Recorder, Reporter},
};

use crate::{
    claims::Claims,
    metrics::Metrics,
    questions::Questions,
    tenures::Tenures,
    world::{InstanceKey, PodKey, World},
};

/// What the operator was told as it was installed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Installation {
    /// The daemons' image, where an instance does not say another.
    pub image: String,
    /// The namespace of the operator's own pods.
    pub namespace: String,
    /// Who may read the daemons' metrics, beside the operator and the instance itself.
    pub metrics_from: Vec<NetworkPolicyPeer>,
    /// Secrets by which the daemons' images are fetched, beside those of an instance.
    pub pull_secrets: Vec<String>,
    /// Whether the platform says as which user pods run.
    pub platform_users: bool,
}

/// What every reconciliation works with.
#[derive(Clone)]
pub struct Context {
    /// The way to the API server.
    pub client: Client,
    /// What the watches told us.
    pub world: Arc<World>,
    /// What the operator was told as it was installed.
    pub installation: Installation,
    /// Objects that are known to be as we want them.
    pub verified: Arc<Verified>,
    /// Instances whose namespace is on its way out.
    pub doomed: Arc<Doomed>,
    /// The namespaces that are ours to act in.
    pub claims: Arc<Claims>,
    /// Who was active last.
    pub tenures: Arc<Tenures>,
    /// Asks daemons.
    pub questions: Questions,
    /// Counts.
    pub metrics: Arc<Metrics>,
    recorder: Recorder,
}

impl Context {
    /// Everything, for a replica of this name.
    pub fn new(
        client: Client,
        world: Arc<World>,
        installation: Installation,
        identity: String,
        metrics: Arc<Metrics>,
    ) -> Self {
        let reporter = Reporter { controller: names::OPERATOR.into(), instance: Some(identity) };
        Self {
            recorder: Recorder::new(client.clone(), reporter),
            claims: Arc::new(Claims::new(client.clone(), installation.namespace.clone())),
            client,
            world,
            installation,
            verified: Arc::default(),
            doomed: Arc::default(),
            tenures: Arc::default(),
            questions: Questions::default(),
            metrics,
        }
    }

    /// An event about an object. One that cannot be written is no reason to stop.
    pub async fn say(&self, about: &ObjectReference, news: News<'_>) {
        let News { kind, reason, note, pod } = news;
        // What differs in reason, action or pod is another event; the rest is counted as one.
        let action = note.split(' ').next().filter(|word| word.starts_with("E-"));
        let event = Event {
            type_: kind,
            reason: reason.into(),
            note: Some(note.chars().take(1000).collect()),
            action: action.unwrap_or("Reconcile").into(),
            secondary: pod.map(|pod| ObjectReference {
                api_version: Some("v1".into()),
                kind: Some("Pod".into()),
                namespace: about.namespace.clone(),
                name: Some(pod.name.clone()),
                uid: Some(pod.uid.clone()),
                ..ObjectReference::default()
            }),
        };
        if let Err(error) = self.recorder.publish(&event, about).await {
            let name = about.name.as_deref().unwrap_or_default();
            tracing::warn!(name, %error, "an event was not written");
        }
    }
}

/// What an event says.
#[derive(Clone, Copy, Debug)]
pub struct News<'a> {
    /// Whether it is worth a second look.
    pub kind: EventType,
    /// One word.
    pub reason: &'a str,
    /// A sentence; an error begins with its code.
    pub note: &'a str,
    /// The pod that it is about, too.
    pub pod: Option<&'a PodKey>,
}

/// Objects that are known to be as we want them, by uid and version.
#[derive(Debug, Default)]
pub struct Verified(Mutex<HashMap<String, u64>>);

impl Verified {
    /// Whether this version of the object is.
    pub fn is(&self, uid: &str, version: u64) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(uid) == Some(&version)
    }

    /// It is.
    pub fn set(&self, uid: &str, version: u64) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(uid.to_owned(), version);
    }

    /// The object is gone.
    pub fn forget(&self, uid: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(uid);
    }
}

/// Instances whose namespace is on its way out, with their uid: one that comes later under the same
/// name is another one. A namespace that has begun to end never comes back.
#[derive(Debug, Default)]
pub struct Doomed(Mutex<HashMap<InstanceKey, Option<String>>>);

impl Doomed {
    /// Whether this one is.
    pub fn is(&self, key: &InstanceKey, uid: Option<&str>) -> bool {
        let doomed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        doomed.get(key).is_some_and(|doomed| doomed.as_deref() == uid)
    }

    /// It is.
    pub fn set(&self, key: InstanceKey, uid: Option<String>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key, uid);
    }

    /// The instance is gone.
    pub fn forget(&self, key: &InstanceKey) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }
}
