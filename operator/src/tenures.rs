//! Who was active last.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use jiff::Timestamp;

use crate::{
    daemon::Daemon,
    world::{InstanceKey, ObservedPod},
};

/// A pod that holds or held a daemon's lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tenure {
    pub(crate) pod: String,
    uid: String,
    pub(crate) node: Option<String>,
    pub(crate) epoch: i64,
    pub(crate) process_ended: Option<Timestamp>,
}

/// The last tenure of each daemon as far as it was seen: by the time that the next one has begun,
/// the pod of this one may be gone.
#[derive(Debug, Default)]
pub struct Tenures(Mutex<HashMap<(InstanceKey, Daemon), Tenure>>);

impl Tenures {
    /// Takes in what is seen, and gives what was known of the tenure before the present one.
    pub(crate) fn see(
        &self,
        key: &InstanceKey,
        daemon: Daemon,
        pods: &[&ObservedPod],
    ) -> Option<Tenure> {
        let mut tenures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let slot = (key.clone(), daemon);
        if let Some(known) = tenures.get_mut(&slot)
            && let Some(pod) = pods.iter().find(|pod| pod.uid == known.uid)
        {
            known.process_ended = pod.process_ended.or(known.process_ended);
        }
        let before = tenures.get(&slot).cloned();
        let holder = pods.iter().filter(|pod| pod.is_active).max_by_key(|pod| pod.epoch);
        if let Some(holder) = holder
            && let Some(epoch) = holder.epoch
            && before.as_ref().is_none_or(|before| before.epoch < epoch)
        {
            let tenure = Tenure {
                pod: holder.name.clone(),
                uid: holder.uid.clone(),
                node: holder.node.clone(),
                epoch,
                process_ended: None,
            };
            tenures.insert(slot, tenure);
        }
        before
    }

    /// An instance is gone.
    pub fn forget(&self, key: &InstanceKey) {
        let mut tenures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tenures.retain(|(of, _), _| of != key);
    }
}
