//! The first step: read everything that an instance consists of.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crds::{
    SecretReference, SeonInstance, SeonInstanceSpec, SeonPartner, SeonPartnerSpec, is_object_name,
};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ObjectReference, PersistentVolumeClaim, Secret};
use kube::{Api, Resource as _};

use crate::{
    context::Context,
    daemon::Daemon,
    questions::Readings,
    refusals,
    world::{InstanceKey, Kind, MigrationPod, ObservedNode, ObservedPod, Owned},
};

/// Everything that an instance consists of, as it is.
#[derive(Clone, Debug)]
pub struct Found {
    /// The instance.
    pub instance: Arc<SeonInstance>,
    /// Where it is.
    pub key: InstanceKey,
    /// The partners that refer to it, the oldest first: whoever came first keeps its Odette ID.
    pub partners: Vec<Arc<SeonPartner>>,
    /// The Secrets that these refer to, as far as they are there.
    pub secrets: BTreeMap<String, Secret>,
    /// The access modes of the volume claim that it names, if that is there.
    pub claim: Option<Vec<String>>,
    /// Its daemons' pods, by name.
    pub pods: Vec<ObservedPod>,
    /// The pods of its migrations.
    pub migrations: Vec<MigrationPod>,
    /// Why the cluster makes no pod of some of its objects, by the object's name.
    pub refusals: BTreeMap<String, String>,
    /// The nodes of these pods, as far as they are there; nothing, if nodes are not watched.
    pub nodes: Option<BTreeMap<String, ObservedNode>>,
    /// What we made for it before.
    pub owned: BTreeMap<(Kind, String), Owned>,
    /// What its active seonsqd says.
    pub readings: Readings,
    /// Now.
    pub now: Timestamp,
}

impl Found {
    /// The instance, for events.
    pub fn reference(&self) -> ObjectReference {
        self.instance.object_ref(&())
    }
}

/// Why something could not be read.
#[derive(Debug, thiserror::Error)]
pub enum DereferenceError {
    /// The API server did not give a Secret.
    #[error("Secret {name} cannot be read: {error}; see whether the operator may (docs: RBAC)")]
    Secret {
        /// Which one.
        name: String,
        /// Why not.
        #[source]
        error: Box<kube::Error>,
    },
    /// The API server did not give a volume claim.
    #[error(
        "volume claim {name} cannot be read: {error}; see whether the operator may (docs: RBAC)"
    )]
    Claim {
        /// Which one.
        name: String,
        /// Why not.
        #[source]
        error: Box<kube::Error>,
    },
}

impl DereferenceError {
    /// The stable code used in the event, the metric and the documentation.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Secret { .. } => "E-DEREFERENCE-SECRET",
            Self::Claim { .. } => "E-DEREFERENCE-CLAIM",
        }
    }
}

/// Reads: the caches, the Secrets that are referred to, and what the active seonsqd answers.
pub async fn dereference(
    context: &Context,
    instance: &Arc<SeonInstance>,
    key: &InstanceKey,
) -> Result<Found, DereferenceError> {
    let world = &context.world;
    let mut partners: Vec<_> = world.partners.of(key).into_values().collect();
    partners.sort_by_key(|partner| {
        let created = partner.metadata.creation_timestamp.as_ref().map(|time| time.0);
        (created, partner.metadata.name.clone())
    });

    let mut wanted = instance_secrets(&instance.spec);
    wanted.extend(partners.iter().flat_map(|partner| partner_secrets(&partner.spec)));
    // A name becomes part of a request's path, and another text would make it another request. The
    // definitions refuse such a name, but not in an object that is older than they are.
    wanted.retain(|name| is_object_name(name));
    // Before they are read: what changes from here on is news.
    world.references.set(key, wanted.clone());
    let secrets = secrets(context, key, wanted).await?;

    let claim = claim(context, instance, key).await?;
    let pods: Vec<_> = world.pods.of(key).into_values().map(Arc::unwrap_or_clone).collect();
    let active = pods.iter().find(|pod| pod.daemon == Daemon::Seonsqd && pod.is_active);
    let readings = context.questions.ask(active).await;
    let (owned, now) = (world.owned_by(key), ambient::now());
    let migrations: Vec<_> = world.migrations.of(key).into_values().collect();
    let missing = refusals::missing(instance, key, &pods, &owned, &migrations);
    Ok(Found {
        instance: Arc::clone(instance),
        key: key.clone(),
        partners,
        secrets,
        claim,
        migrations,
        refusals: refusals::ask(context, key, missing, now).await,
        nodes: world.nodes_of(&pods),
        owned,
        pods,
        readings,
        now,
    })
}

/// A claim that somebody else has made carries no label of ours, so no watch tells of it.
async fn claim(
    context: &Context,
    instance: &SeonInstance,
    key: &InstanceKey,
) -> Result<Option<Vec<String>>, DereferenceError> {
    let storage = &instance.spec.storage;
    let name = storage.claim_name.as_ref().filter(|name| is_object_name(name));
    let Some(name) = name.filter(|_| storage.volume_claim.is_none()) else { return Ok(None) };
    let api: Api<PersistentVolumeClaim> = Api::namespaced(context.client.clone(), &key.namespace);
    match api.get_opt(name).await {
        Ok(claim) => {
            Ok(claim.map(|claim| claim.spec.and_then(|spec| spec.access_modes).unwrap_or_default()))
        }
        Err(error) => Err(DereferenceError::Claim { name: name.clone(), error: Box::new(error) }),
    }
}

async fn secrets(
    context: &Context,
    key: &InstanceKey,
    wanted: BTreeSet<String>,
) -> Result<BTreeMap<String, Secret>, DereferenceError> {
    let api: Api<Secret> = Api::namespaced(context.client.clone(), &key.namespace);
    let found: Vec<Option<(String, Secret)>> = stream::iter(wanted)
        .map(|name| {
            let api = api.clone();
            async move {
                match api.get_opt(&name).await {
                    Ok(secret) => Ok(secret.map(|secret| (name, secret))),
                    Err(error) => Err(DereferenceError::Secret { name, error: Box::new(error) }),
                }
            }
        })
        .buffer_unordered(8)
        .try_collect()
        .await?;
    Ok(found.into_iter().flatten().collect())
}

/// Every Secret that an instance itself refers to.
pub fn instance_secrets(spec: &SeonInstanceSpec) -> BTreeSet<String> {
    let mut names: BTreeSet<String> = [spec.identity.password_secret_ref.name.clone()].into();
    names.extend(spec.database.iter().map(|database| database.secret_ref.name.clone()));
    names.extend(spec.receive.tls.iter().map(|tls| tls.certificate_secret_ref.name.clone()));
    names.extend(spec.send.tls.iter().map(|tls| tls.certificate_secret_ref.name.clone()));
    names.extend(spec.certificates.iter().map(|entry| entry.secret_ref.name.clone()));
    names.extend(accounts(spec).map(|secret| secret.name.clone()));
    names
}

/// Our accounts at the boxes that have ISDN controllers.
pub fn accounts(spec: &SeonInstanceSpec) -> impl Iterator<Item = &SecretReference> {
    let controllers = spec.receive.capi.iter().flat_map(|capi| &capi.controllers);
    controllers.filter_map(|controller| controller.remote.as_ref()?.secret_ref.as_ref())
}

/// Every Secret that a partner refers to.
pub fn partner_secrets(spec: &SeonPartnerSpec) -> BTreeSet<String> {
    let mut names: BTreeSet<String> = [spec.identity.password_secret_ref.name.clone()].into();
    names.extend(spec.identity.own_password_secret_ref.iter().map(|secret| secret.name.clone()));
    names.extend(spec.certificates.iter().map(|certificate| certificate.secret_ref.name.clone()));
    names
}
