//! Which instances refer to which Secrets, so that a Secret that changes, appears or goes is news
//! to them.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Mutex, PoisonError},
};

use super::key::InstanceKey;

/// Who refers to what.
#[derive(Debug, Default)]
pub struct References(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    secrets: HashMap<InstanceKey, BTreeSet<String>>,
    instances: HashMap<(String, String), BTreeSet<InstanceKey>>,
}

impl References {
    /// Notes every Secret that an instance refers to, in place of what it referred to before.
    pub fn set(&self, instance: &InstanceKey, secrets: BTreeSet<String>) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.secrets.get(instance) == Some(&secrets) {
            return;
        }
        for gone in state.secrets.remove(instance).unwrap_or_default() {
            let place = (instance.namespace.clone(), gone);
            if let Some(instances) = state.instances.get_mut(&place) {
                instances.remove(instance);
                if instances.is_empty() {
                    state.instances.remove(&place);
                }
            }
        }
        for secret in &secrets {
            let place = (instance.namespace.clone(), secret.clone());
            state.instances.entry(place).or_default().insert(instance.clone());
        }
        if !secrets.is_empty() {
            state.secrets.insert(instance.clone(), secrets);
        }
    }

    /// The instances that refer to this Secret.
    pub fn to(&self, namespace: &str, secret: &str) -> BTreeSet<InstanceKey> {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.instances.get(&(namespace.to_owned(), secret.to_owned())).cloned().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_news_to_those_who_refer_to_it_now() {
        let references = References::default();
        let (acme, bolt) = (InstanceKey::new("n", "acme"), InstanceKey::new("n", "bolt"));
        references.set(&acme, ["a".into(), "b".into()].into());
        references.set(&bolt, ["b".into()].into());
        assert_eq!(references.to("n", "b"), [acme.clone(), bolt].into());
        assert_eq!(references.to("other", "b"), [].into());
        references.set(&acme, ["a".into()].into());
        assert_eq!(references.to("n", "b"), [InstanceKey::new("n", "bolt")].into());
        references.set(&acme, [].into());
        assert_eq!(references.to("n", "a"), [].into());
    }
}
