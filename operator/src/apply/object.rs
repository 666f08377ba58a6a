//! One object: compared, written, or left alone.

use crds::names;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ManagedFieldsEntry, ObjectMeta};
use kube::{
    Api,
    api::{DeleteParams, Patch, PatchParams, PostParams, Preconditions},
};
use serde_json::{Value, json};

use super::{ApplyError, kind_name, names};
use crate::{
    context::Context,
    dereference::Found,
    fingerprint,
    world::{Kind, Made, Owned},
};

/// Applies the objects of one instance.
pub(super) struct Applier<'a> {
    pub(super) context: &'a Context,
    pub(super) found: &'a Found,
    pub(super) failures: Vec<ApplyError>,
}

impl Applier<'_> {
    pub(super) async fn all<K: Made>(&mut self, objects: &[K]) {
        for object in objects {
            if self.is_over() {
                return;
            }
            let result = self.one(object).await;
            self.failures.extend(result.err());
        }
    }

    /// Each only if the one before it is as it should be.
    pub(super) async fn in_order<K: Made>(&mut self, objects: &[K]) {
        for object in objects {
            if self.is_over() {
                return;
            }
            if let Err(failure) = self.one(object).await {
                self.failures.push(failure);
                return;
            }
        }
    }

    fn is_over(&self) -> bool {
        matches!(self.failures.last(), Some(ApplyError::Ending { .. }))
    }

    async fn one<K: Made>(&self, object: &K) -> Result<(), ApplyError> {
        let name = object.meta().name.clone().unwrap_or_default();
        let wanted = with_fingerprint(object);
        let known = self.found.owned.get(&(K::KIND, name.clone()));
        if known.is_some_and(|known| self.is_as_wanted(known, wanted.meta())) {
            return Ok(());
        }
        let written = match known {
            None => self.create(&name, &wanted).await?,
            Some(_) => self.put_right(&name, &wanted).await?,
        };
        self.note(&written);
        Ok(())
    }

    /// As far as we know there is none yet: one request, not a look and then another.
    async fn create<K: Made>(&self, name: &str, wanted: &K) -> Result<K, ApplyError> {
        let manager = Some(names::OPERATOR.to_owned());
        let parameters = PostParams { field_manager: manager, ..PostParams::default() };
        match self.api().create(&parameters, wanted).await {
            Err(error) if is_there_already(&error) => self.put_right(name, wanted).await,
            outcome => outcome.map_err(|error| self.not_written::<K>(name, error)),
        }
    }

    /// Makes what is there as we want it, if it is ours.
    async fn put_right<K: Made>(&self, name: &str, wanted: &K) -> Result<K, ApplyError> {
        let api: Api<K> = self.api();
        let not_written = |error| self.not_written::<K>(name, error);
        let Some(live) = api.get_opt(name).await.map_err(not_written)? else {
            return self.apply(name, wanted).await;
        };
        let owned = Owned::keep(live.meta()).map(|item| item.value);
        if !owned.is_some_and(|owned| self.is_ours(&owned)) {
            return Err(ApplyError::Foreign { kind: kind_name::<K>(), name: name.to_owned() });
        }
        if holds(&json!(live), &json!(wanted)) {
            return Ok(live);
        }
        if let Some(managed) = created_as_applied(live.meta()) {
            let version = live.meta().resource_version.as_deref();
            let patch = json!({"metadata": {"managedFields": managed, "resourceVersion": version}});
            let patch = Patch::Merge(patch);
            api.patch(name, &PatchParams::default(), &patch).await.map_err(not_written)?;
        }
        self.apply(name, wanted).await
    }

    async fn apply<K: Made>(&self, name: &str, wanted: &K) -> Result<K, ApplyError> {
        let parameters = PatchParams::apply(names::OPERATOR).force();
        let written = self.api().patch(name, &parameters, &Patch::Apply(wanted)).await;
        written.map_err(|error| self.not_written::<K>(name, error))
    }

    fn not_written<K: Made>(&self, name: &str, error: kube::Error) -> ApplyError {
        if is_of_an_ending_namespace(&error) {
            return ApplyError::Ending { namespace: self.found.key.namespace.clone() };
        }
        let (kind, name, error) = (kind_name::<K>(), name.to_owned(), Box::new(error));
        ApplyError::Refused { kind, name, error }
    }

    /// By the cache alone, without asking anybody: it is as we last saw that we want it.
    fn is_as_wanted(&self, known: &Owned, wanted: &ObjectMeta) -> bool {
        let annotations = wanted.annotations.as_ref();
        let fingerprint = annotations.and_then(|all| all.get(names::APPLIED_ANNOTATION));
        self.is_ours(known)
            && known.applied.as_ref() == fingerprint
            && self.context.verified.is(&known.uid, known.version)
    }

    /// A volume claim outlives its instance, and the next one of the same name takes it over.
    fn is_ours(&self, owned: &Owned) -> bool {
        let own = self.found.instance.metadata.uid.as_deref();
        owned.is_managed && (owned.owner.is_none() || owned.owner.as_deref() == own)
    }

    /// Remembers that this is how we want it.
    fn note<K: Made>(&self, live: &K) {
        let Some(mut item) = Owned::keep(live.meta()) else { return };
        self.context.verified.set(&item.value.uid, item.value.version);
        if let Some(before) = self.found.owned.get(&(K::KIND, item.name.clone())) {
            item.value.migration = before.migration;
        }
        if let Some(cache) = self.context.world.owned.get(&K::KIND) {
            cache.note(item);
        }
    }

    /// Deletes what we made and no longer want.
    pub(super) async fn orphans<K: Made>(&mut self, wanted: &[K]) {
        if self.is_over() {
            return;
        }
        let wanted = names(wanted);
        let own = self.found.instance.metadata.uid.as_deref();
        for ((kind, name), owned) in &self.found.owned {
            let is_orphan = *kind == K::KIND
                && !wanted.contains(name.as_str())
                && owned.is_managed
                && owned.owner.as_deref() == own
                && !owned.is_ending;
            if is_orphan && !self.is_used::<K>(name) {
                let result = self.delete::<K>(name, owned).await;
                self.failures.extend(result.err());
            }
        }
    }

    /// Rights go after the pods that use them: until its end a daemon writes on its pod.
    fn is_used<K: Made>(&self, name: &str) -> bool {
        let is_right = matches!(K::KIND, Kind::ServiceAccount | Kind::Role | Kind::RoleBinding);
        let instance = &self.found.key.name;
        let mut pods = self.found.pods.iter();
        is_right && pods.any(|pod| names::daemon_object(instance, pod.daemon.name()) == name)
    }

    async fn delete<K: Made>(&self, name: &str, owned: &Owned) -> Result<(), ApplyError> {
        let exactly = Preconditions { uid: Some(owned.uid.clone()), resource_version: None };
        // A Job would otherwise leave its pods.
        let parameters = DeleteParams::background().preconditions(exactly);
        let api: Api<K> = self.api();
        match api.delete(name, &parameters).await {
            Ok(_) => Ok(()),
            Err(error) if is_gone(&error) => Ok(()),
            Err(error) => {
                let (kind, name, error) = (kind_name::<K>(), name.to_owned(), Box::new(error));
                Err(ApplyError::Delete { kind, name, error })
            }
        }
    }

    fn api<K: Made>(&self) -> Api<K> {
        Api::namespaced(self.context.client.clone(), &self.found.key.namespace)
    }
}

/// Whether what was to go is gone, or was replaced by another one.
pub(super) fn is_gone(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if matches!(status.code, 404 | 409))
}

fn is_there_already(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.reason == "AlreadyExists")
}

/// Whether a namespace is on its way out, by the cause that the API server names for a refusal.
pub fn is_of_an_ending_namespace(error: &kube::Error) -> bool {
    const CAUSE: &str = "NamespaceTerminating";
    let kube::Error::Api(status) = error else { return false };
    let causes = status.details.iter().flat_map(|details| &details.causes);
    causes.into_iter().any(|cause| cause.reason == CAUSE)
}

/// The object as it is sent, with the fingerprint of what it is meant to be.
fn with_fingerprint<K: Made>(object: &K) -> K {
    let mut judged = json!(object);
    if K::KIND == Kind::Secret
        && let Some(object) = judged.as_object_mut()
    {
        // Its revision stands for its contents: what is derived from a password belongs nowhere.
        object.remove("data");
    }
    let mut wanted = object.clone();
    let annotations = wanted.meta_mut().annotations.get_or_insert_default();
    annotations.insert(names::APPLIED_ANNOTATION.to_owned(), fingerprint::of(&judged));
    wanted
}

/// Who manages which fields, with what we created counted as applied; nothing if it is so already.
///
/// Server-side apply takes back only what the same manager has *applied*: a field of the creation
/// that we no longer want would stay for ever.
fn created_as_applied(live: &ObjectMeta) -> Option<Vec<ManagedFieldsEntry>> {
    let is_ours = |entry: &ManagedFieldsEntry, operation: &str| {
        entry.manager.as_deref() == Some(names::OPERATOR)
            && entry.operation.as_deref() == Some(operation)
            && entry.subresource.is_none()
    };
    let mut managed = live.managed_fields.clone()?;
    if managed.iter().any(|entry| is_ours(entry, "Apply")) {
        return None;
    }
    managed.iter_mut().find(|entry| is_ours(entry, "Update"))?.operation = Some("Apply".to_owned());
    Some(managed)
}

/// Whether an object has all that is wanted of it, whatever it has besides.
fn holds(live: &Value, wanted: &Value) -> bool {
    match (live, wanted) {
        (Value::Object(live), Value::Object(wanted)) => wanted.iter().all(|(key, wanted)| {
            live.get(key).map_or_else(|| is_empty(wanted), |live| holds(live, wanted))
        }),
        (Value::Array(live), Value::Array(wanted)) => {
            live.len() == wanted.len() && live.iter().zip(wanted).all(|(l, w)| holds(l, w))
        }
        (live, wanted) => live == wanted,
    }
}

/// What an API server leaves out as it answers.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(value) => !value,
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Number(_) | Value::String(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_api_server_adds_is_no_difference_and_what_somebody_changed_is() {
        let wanted = json!({"spec": {"ports": [{"port": 1}], "type": "ClusterIP", "off": false}});
        let live =
            json!({"spec": {"ports": [{"port": 1, "protocol": "TCP"}], "type": "ClusterIP"}});
        assert!(holds(&live, &wanted));
        for other in [
            json!({"spec": {"ports": [{"port": 2}], "type": "ClusterIP"}}),
            json!({"spec": {"ports": [{"port": 1}, {"port": 2}], "type": "ClusterIP"}}),
            json!({"spec": {"ports": [{"port": 1}]}}),
        ] {
            assert!(!holds(&other, &wanted), "{other}");
        }
    }

    #[test]
    fn a_fingerprint_says_nothing_of_what_a_secret_holds() {
        let secret = |octet: u8| k8s_openapi::api::core::v1::Secret {
            data: Some([("a".into(), k8s_openapi::ByteString(vec![octet]))].into()),
            ..Default::default()
        };
        let annotations = |octet| with_fingerprint(&secret(octet)).metadata.annotations;
        assert_eq!(annotations(1), annotations(2));
    }
}
