//! An instance as it last was good, on the cluster: an operator that begins while it is not good keeps it
//! as well as the one that saw it.
//!
//! It lies in a Secret of its own, without what the daemons read, which stays as it is. Whoever may write
//! Secrets may not therefore say what pods are made from: it counts only if the instance's status, which
//! the operator alone writes, has its fingerprint.

use crds::names;
use k8s_openapi::{
    ByteString, api::core::v1::Secret, apimachinery::pkg::apis::meta::v1::ObjectMeta,
};
use kube::Api;
use serde_json::{Value, json};

use crate::{
    context::Context,
    dereference::{DereferenceError, Found},
    fingerprint,
    validate::ValidatedInstance,
};

/// The key in the Secret.
const KEY: &str = "instance.json";

/// By which it is known again.
pub fn fingerprint(instance: &ValidatedInstance) -> String {
    fingerprint::sha256(&json!(instance).to_string())
}

/// The Secret as it should be, with this metadata.
pub fn secret(instance: &ValidatedInstance, metadata: ObjectMeta) -> Secret {
    let value = json!(instance);
    let revision = (names::WANTED_ANNOTATION.to_owned(), fingerprint::sha256(&value.to_string()));
    let data = (KEY.to_owned(), ByteString(value.to_string().into_bytes()));
    Secret {
        metadata: ObjectMeta { annotations: Some([revision].into()), ..metadata },
        data: Some([data].into()),
        type_: Some("seon.dev/last-good".into()),
        ..Secret::default()
    }
}

/// What the instance last was, if it was ever good.
pub async fn read(
    context: &Context,
    found: &Found,
) -> Result<Option<ValidatedInstance>, DereferenceError> {
    let status = found.instance.status.as_ref();
    let Some(said) = status.and_then(|status| status.last_good.as_deref()) else { return Ok(None) };
    let api: Api<Secret> = Api::namespaced(context.client.clone(), &found.key.namespace);
    let name = names::last_good_secret(&found.key.name);
    match api.get_opt(&name).await {
        Ok(secret) => Ok(secret.and_then(|secret| of(&secret, found, said))),
        Err(error) => Err(DereferenceError::Secret { name, error: Box::new(error) }),
    }
}

/// What the Secret says, if that is what the status says, and of this very instance. An operator of
/// another version may have written it in a way that this one does not know.
fn of(secret: &Secret, found: &Found, said: &str) -> Option<ValidatedInstance> {
    let ByteString(octets) = secret.data.as_ref()?.get(KEY)?;
    let value: Value = serde_json::from_slice(octets).ok()?;
    if fingerprint::sha256(&value.to_string()) != said {
        return None;
    }
    let instance: ValidatedInstance = serde_json::from_value(value).ok()?;
    let uid = found.instance.metadata.uid.as_deref();
    (instance.key == found.key && Some(instance.owner.uid.as_str()) == uid).then_some(instance)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        plan::plan,
        sample::{found, instance, partner, validated},
    };

    /// One that uses as much as there is.
    fn good() -> (Found, ValidatedInstance) {
        let instance = instance(|value| {
            let controller = json!({"number": 3, "device": {}});
            let remote = json!({"host": "router.lan", "secretRef": {"name": "router"}});
            let controllers = json!([controller, {"number": 4, "remote": remote}]);
            value["spec"]["receive"]["capi"] = json!({"controllers": controllers});
            value["spec"]["daemonTemplate"] = json!({
                "replicas": 3,
                "env": [{"name": "TZ", "value": "UTC"}],
                "affinity": {"nodeAffinity": {}},
                "topologySpreadConstraints": [
                    {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"},
                ],
            });
        });
        let found = found(instance, vec![partner("bolt", |_| ())]);
        let good = validated(&found);
        (found, good)
    }

    #[test]
    fn what_was_good_plans_the_same_objects_from_the_secret_and_holds_nothing_that_is_secret() {
        let (found, good) = good();
        let secret = secret(&good, ObjectMeta::default());
        let text = String::from_utf8(secret.data.clone().unwrap()[KEY].0.clone()).unwrap();
        assert!(!text.contains("GEHEIM") && !text.contains("BEGIN"), "{text}");
        let again = of(&secret, &found, &fingerprint(&good)).unwrap();
        let (before, after) = (plan(&good, &found), plan(&again, &found));
        assert_eq!(after.objects.secrets, [], "they stay as they are");
        let objects = |plan: &crate::plan::Plan| crate::plan::Objects {
            secrets: Vec::new(),
            ..plan.objects.clone()
        };
        assert_eq!(objects(&before), objects(&after));
        assert_eq!((before.actions, before.replicas), (after.actions, after.replicas));
    }

    #[test]
    fn only_what_the_status_of_this_very_instance_says_counts() {
        let (found, good) = good();
        let said = fingerprint(&good);
        let secret = |change: fn(&mut Value)| {
            let mut secret = secret(&good, ObjectMeta::default());
            let mut value = json!(good);
            change(&mut value);
            let data = secret.data.get_or_insert_default();
            data.insert(KEY.into(), ByteString(value.to_string().into_bytes()));
            (fingerprint::of(&value), secret)
        };
        assert!(of(&secret(|_| ()).1, &found, &said).is_some());
        let (_, written_by_others) = secret(|value| value["image"] = json!("theirs"));
        assert!(of(&written_by_others, &found, &said).is_none());
        assert!(of(&Secret::default(), &found, &said).is_none());
        for change in [
            |value: &mut Value| value["owner"]["uid"] = json!("2"),
            |value: &mut Value| value["key"]["name"] = json!("other"),
            // Of an operator that knows it otherwise.
            |value: &mut Value| value["daemons"] = json!("all"),
        ] {
            let (said, secret) = secret(change);
            assert!(of(&secret, &found, &said).is_none());
        }
    }
}
