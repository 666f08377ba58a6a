//! The fifth step: say what is so, on the instance, on its partners, in events and metrics.

mod certificates;
mod conditions;
mod instance;
mod news;
mod obstacle;
mod partner;
mod phase;

use crds::{SeonInstance, SeonPartner, names};
use kube::{
    Api, Resource as _, ResourceExt as _,
    api::{Patch, PatchParams},
    runtime::{events::EventType, reflector::ObjectRef},
};
use serde_json::{Value, json};

use crate::{
    apply::ApplyError,
    context::{Context, News},
    dereference::Found,
    plan::Plan,
    reconcile::ReconcileError,
    validate::{ValidateError, ValidatedInstance},
    world::{GuardedInstance, InstanceKey},
};

/// What became of an instance in this turn.
#[derive(Debug)]
pub enum Outcome<'a> {
    /// It is not good; what runs goes on as it is.
    Invalid(&'a ValidateError),
    /// It is good, and was made so, or not.
    Planned {
        /// What is known to be good.
        instance: &'a ValidatedInstance,
        /// What should be.
        plan: &'a Plan,
        /// Why it is not.
        error: Option<&'a ApplyError>,
    },
}

/// Why what is so could not be said.
#[derive(Debug, thiserror::Error)]
pub enum StatusError {
    /// The API server did not take a status.
    #[error("the status of {object} was not written: {error}")]
    Write {
        /// Whose.
        object: String,
        /// Why not.
        #[source]
        error: Box<kube::Error>,
    },
}

impl StatusError {
    /// The stable code used in the event, the metric and the documentation.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Write { .. } => "E-STATUS-WRITE",
        }
    }
}

/// Says what is so, where it is not said already.
pub async fn update(
    context: &Context,
    found: &Found,
    outcome: &Outcome<'_>,
) -> Result<(), StatusError> {
    let before = found.instance.status.clone().unwrap_or_default();
    let after = instance::judge(&before, found, outcome);
    news::tell(context, found, &before, &after).await;
    if after != before {
        write::<SeonInstance>(context, &found.key, &found.key.name, &json!(after)).await?;
    }
    for partner in &found.partners {
        let before = partner.status.clone().unwrap_or_default();
        let after = partner::judge(&before, partner, found, outcome);
        news::tell_of_partner(context, partner, &before.conditions, &after.conditions).await;
        if after != before {
            write::<SeonPartner>(context, &found.key, &partner.name_any(), &json!(after)).await?;
        }
    }
    Ok(())
}

/// An instance is gone, or never was: its partners belong to nobody.
pub async fn without_instance(context: &Context, key: &InstanceKey) -> Result<(), StatusError> {
    context.metrics.forget(&key.namespace, &key.name);
    context.tenures.forget(key);
    context.world.references.set(key, [].into());
    for owned in context.world.owned_by(key).values() {
        context.verified.forget(&owned.uid);
    }
    for (name, partner) in context.world.partners.of(key) {
        let before = partner.status.clone().unwrap_or_default();
        let after = partner::nobodys(&before, &partner, key, ambient::now());
        news::tell_of_partner(context, &partner, &before.conditions, &after.conditions).await;
        if after != before {
            write::<SeonPartner>(context, key, &name, &json!(after)).await?;
        }
    }
    Ok(())
}

/// An instance that cannot be read: the schema of the cluster's definition is another one.
pub async fn malformed(context: &Context, instance: &GuardedInstance, error: &str) {
    let key = format!("{}/{}", instance.namespace().unwrap_or_default(), instance.name_any());
    let note = format!(
        "E-OPERATOR-MALFORMED this cannot be read and is left as it is; the cluster's definitions \
         are of another version than the operator: {error}",
    );
    let news = News { kind: severity(true), reason: "Malformed", note: &note, pod: None };
    context.say(&instance.object_ref(&()), news).await;
    context.metrics.failed("E-OPERATOR-MALFORMED");
    tracing::error!(
        code = "E-OPERATOR-MALFORMED",
        instance = %key,
        error,
        "a SeonInstance cannot be read; it is left as it is until it changes"
    );
}

/// A turn that was given up. What its status says else may still hold.
pub async fn late(context: &Context, instance: &GuardedInstance, error: &ReconcileError) {
    let note = format!("{} {error}", error.code());
    let news = News { kind: severity(true), reason: "Late", note: &note, pod: None };
    let about = instance.object_ref(&());
    let said = context.say(&about, news);
    let key = InstanceKey::new(instance.namespace().unwrap_or_default(), instance.name_any());
    // The newest: the turn may have written it before it was given up.
    let newest = context.world.instances.get(&ObjectRef::new(&key.name).within(&key.namespace));
    let newest = newest.as_deref().unwrap_or(instance);
    let Ok(readable) = &newest.0 else { return said.await };
    let before = readable.status.clone().unwrap_or_default();
    let generation = readable.metadata.generation;
    let after = instance::late(&before, note.clone(), generation, ambient::now());
    let ((), written) = tokio::join!(said, async {
        if after == before {
            return Ok(());
        }
        write::<SeonInstance>(context, &key, &key.name, &json!(after)).await
    });
    if let Err(error) = written {
        tracing::warn!(instance = %key, code = error.code(), "{error}");
    }
}

async fn write<K>(
    context: &Context,
    key: &InstanceKey,
    name: &str,
    status: &Value,
) -> Result<(), StatusError>
where
    K: kube::Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope>
        + serde::de::DeserializeOwned
        + Clone
        + std::fmt::Debug,
{
    let patch = json!({
        "apiVersion": crds::API_VERSION,
        "kind": K::kind(&()),
        "metadata": {"name": name},
        "status": status,
    });
    let api: Api<K> = Api::namespaced(context.client.clone(), &key.namespace);
    let parameters = PatchParams::apply(names::OPERATOR).force();
    match api.patch_status(name, &parameters, &Patch::Apply(&patch)).await {
        Ok(_) => Ok(()),
        // Deleted meanwhile: there is nobody to tell.
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
        Err(error) => {
            let object = format!("{} {name}", K::kind(&()));
            Err(StatusError::Write { object, error: Box::new(error) })
        }
    }
}

/// Whether an event is worth a second look.
fn severity(is_bad: bool) -> EventType {
    if is_bad { EventType::Warning } else { EventType::Normal }
}

#[cfg(test)]
mod tests;
