//! What the watches have told us.

mod cache;
mod key;
mod migration;
mod node;
mod owned;
mod pod;
mod references;
mod watch;

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, PoisonError, RwLock},
};

use crds::{SeonInstance, SeonPartner};
use kube::{core::DeserializeGuard, runtime::reflector::Store};

pub use cache::{Cache, Item};
pub use key::InstanceKey;
pub use migration::MigrationPod;
pub use node::{NodeState, ObservedNode};
pub use owned::{Kind, MANAGED_BY, Made, Migration, Owned};
pub use pod::{ObservedPod, PodKey};
pub use references::References;
pub use watch::{Watches, watch};

/// An instance, or why it cannot be read.
pub type GuardedInstance = DeserializeGuard<SeonInstance>;

/// Everything that is watched, as far as it is needed.
#[derive(Debug)]
pub struct World {
    /// The instances.
    pub instances: Store<GuardedInstance>,
    /// Their partners.
    pub partners: Cache<Arc<SeonPartner>>,
    /// Their daemons' pods.
    pub pods: Cache<Arc<ObservedPod>>,
    /// Their migrations' pods.
    pub migrations: Cache<MigrationPod>,
    /// The nodes that these run on; nothing, if nodes are not watched.
    pub nodes: RwLock<Option<HashMap<String, ObservedNode>>>,
    /// The objects that we made, kind by kind.
    pub owned: BTreeMap<Kind, Cache<Owned>>,
    /// Which Secrets they refer to.
    pub references: References,
}

impl World {
    /// Knows nothing yet.
    pub fn new(instances: Store<GuardedInstance>) -> Self {
        Self {
            instances,
            partners: Cache::default(),
            pods: Cache::default(),
            migrations: Cache::default(),
            nodes: RwLock::default(),
            owned: Kind::ALL.map(|kind| (kind, Cache::default())).into(),
            references: References::default(),
        }
    }

    /// The nodes of these pods, as far as they are there; nothing, if nodes are not watched.
    pub fn nodes_of(&self, pods: &[ObservedPod]) -> Option<BTreeMap<String, ObservedNode>> {
        let nodes = self.nodes.read().unwrap_or_else(PoisonError::into_inner);
        let nodes = nodes.as_ref()?;
        let of =
            |pod: &ObservedPod| Some((pod.node.clone()?, nodes.get(pod.node.as_ref()?)?.clone()));
        Some(pods.iter().filter_map(of).collect())
    }

    /// What we made for an instance, by kind and name.
    pub fn owned_by(&self, instance: &InstanceKey) -> BTreeMap<(Kind, String), Owned> {
        self.owned
            .iter()
            .flat_map(|(kind, cache)| {
                cache.of(instance).into_iter().map(|(name, owned)| ((*kind, name), owned))
            })
            .collect()
    }
}
