//! The objects that the operator made, as far as it needs to know whether to write them again.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use crds::names;
use k8s_openapi::{
    api::{
        apps::v1::StatefulSet,
        batch::v1::Job,
        core::v1::{PersistentVolumeClaim, Secret, Service, ServiceAccount},
        networking::v1::NetworkPolicy,
        policy::v1::PodDisruptionBudget,
        rbac::v1::{Role, RoleBinding},
    },
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};

use super::{cache::Item, key::InstanceKey};

/// A kind of object that the operator makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Who a daemon is to the API server.
    ServiceAccount,
    /// What it may do there.
    Role,
    /// And that it may.
    RoleBinding,
    /// The rendered configuration.
    Secret,
    /// The volume for files.
    PersistentVolumeClaim,
    /// Who may connect.
    NetworkPolicy,
    /// The way to pods.
    Service,
    /// What a drain may take.
    PodDisruptionBudget,
    /// The migration.
    Job,
    /// A daemon.
    StatefulSet,
}

impl Kind {
    /// Every kind, in the order in which they are applied.
    pub const ALL: [Self; 10] = [
        Self::ServiceAccount,
        Self::Role,
        Self::RoleBinding,
        Self::Secret,
        Self::PersistentVolumeClaim,
        Self::NetworkPolicy,
        Self::Service,
        Self::PodDisruptionBudget,
        Self::Job,
        Self::StatefulSet,
    ];
}

/// A type of which the operator makes objects.
pub trait Made:
    kube::Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope>
    + Clone
    + std::fmt::Debug
    + serde::Serialize
    + serde::de::DeserializeOwned
    + Send
    + Sync
    + 'static
{
    /// Its kind.
    const KIND: Kind;
}

macro_rules! made {
    ($($kind:ident),*) => { $(impl Made for $kind { const KIND: Kind = Kind::$kind; })* };
}
made!(
    ServiceAccount,
    Role,
    RoleBinding,
    Secret,
    PersistentVolumeClaim,
    NetworkPolicy,
    Service,
    PodDisruptionBudget,
    Job,
    StatefulSet
);

/// What is kept of an object that carries our label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owned {
    /// Which object of that name.
    pub uid: String,
    /// Another one when something changed that we may have to put right.
    pub version: u64,
    /// The fingerprint of what we wanted when we last wrote it.
    pub applied: Option<String>,
    /// The instance that owns it; a volume claim that outlives its instance has none.
    pub owner: Option<String>,
    /// Whether the operator made it.
    pub is_managed: bool,
    /// Whether it is on its way out.
    pub is_ending: bool,
    /// How far a migration is.
    pub migration: Migration,
}

/// How far a migration is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Migration {
    /// It runs, or waits to.
    #[default]
    Running,
    /// It has failed at least once and is tried again.
    Failing,
    /// The database has the schema.
    Done,
}

/// The label by which other tools know who made an object.
pub const MANAGED_BY: &str = "app.kubernetes.io/managed-by";

impl Owned {
    /// Keeps what is needed of an object; nothing, if it belongs to no instance.
    pub fn keep(metadata: &ObjectMeta) -> Option<Item<Self>> {
        let labels = metadata.labels.as_ref()?;
        let instance = labels.get(names::INSTANCE_LABEL)?;
        let owner = metadata.owner_references.iter().flatten().find(|owner| {
            owner.kind == "SeonInstance" && owner.api_version.starts_with("seon.dev/")
        });
        Some(Item {
            instance: InstanceKey::new(metadata.namespace.clone()?, instance.clone()),
            name: metadata.name.clone()?,
            value: Self {
                uid: metadata.uid.clone()?,
                version: version(metadata),
                applied: metadata
                    .annotations
                    .as_ref()
                    .and_then(|annotations| annotations.get(names::APPLIED_ANNOTATION).cloned()),
                owner: owner.map(|owner| owner.uid.clone()),
                is_managed: labels.get(MANAGED_BY).is_some_and(|by| by == names::OPERATOR),
                is_ending: metadata.deletion_timestamp.is_some(),
                migration: Migration::Running,
            },
        })
    }

    /// As [`Self::keep`], with how far it is.
    pub fn keep_job(job: &Job) -> Option<Item<Self>> {
        let mut item = Self::keep(&job.metadata)?;
        let status = job.status.as_ref();
        item.value.migration = match status {
            Some(status) if status.succeeded.unwrap_or(0) > 0 => Migration::Done,
            Some(status) if status.failed.unwrap_or(0) > 0 => Migration::Failing,
            _ => Migration::Running,
        };
        Some(item)
    }
}

/// A kind with a status has a generation, which counts changes of the spec alone; the others have
/// nothing but their resource version.
fn version(metadata: &ObjectMeta) -> u64 {
    let mut hasher = DefaultHasher::new();
    match metadata.generation {
        Some(generation) => generation.hash(&mut hasher),
        None => metadata.resource_version.hash(&mut hasher),
    }
    metadata.labels.hash(&mut hasher);
    metadata.annotations.hash(&mut hasher);
    metadata.owner_references.iter().flatten().for_each(|owner| owner.uid.hash(&mut hasher));
    hasher.finish()
}
