//! What a watch told us, by the instance that it is about, as little of it as is needed.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
};

use kube::runtime::watcher::Event;

use super::key::InstanceKey;

/// Something of an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item<T> {
    /// Whose it is.
    pub instance: InstanceKey,
    /// Its own name.
    pub name: String,
    /// What is kept of it.
    pub value: T,
}

/// The objects of one kind.
#[derive(Debug)]
pub struct Cache<T>(Mutex<State<T>>);

#[derive(Debug)]
struct State<T> {
    current: Groups<T>,
    /// What a watch that begins again has listed so far.
    listed: Groups<T>,
}

type Groups<T> = HashMap<InstanceKey, BTreeMap<String, T>>;

impl<T> Default for Cache<T> {
    fn default() -> Self {
        Self(Mutex::new(State { current: HashMap::new(), listed: HashMap::new() }))
    }
}

impl<T: Clone> Cache<T> {
    /// Takes in what a watch says, and gives the instances that it is about. `item` keeps what is
    /// needed of an object; nothing, if it belongs to no instance.
    pub fn fold<K>(
        &self,
        event: Event<K>,
        item: impl Fn(K) -> Option<Item<T>>,
    ) -> BTreeSet<InstanceKey> {
        let mut state = self.state();
        match event {
            Event::Apply(object) => item(object).map_or_else(BTreeSet::new, |item| {
                let instance = item.instance.clone();
                insert(&mut state.current, item);
                [instance].into()
            }),
            Event::Delete(object) => item(object).map_or_else(BTreeSet::new, |item| {
                if let Some(group) = state.current.get_mut(&item.instance) {
                    group.remove(&item.name);
                    if group.is_empty() {
                        state.current.remove(&item.instance);
                    }
                }
                [item.instance].into()
            }),
            Event::Init => {
                state.listed = HashMap::new();
                BTreeSet::new()
            }
            Event::InitApply(object) => {
                if let Some(item) = item(object) {
                    insert(&mut state.listed, item);
                }
                BTreeSet::new()
            }
            Event::InitDone => {
                let listed = std::mem::take(&mut state.listed);
                let before = std::mem::replace(&mut state.current, listed);
                before.into_keys().chain(state.current.keys().cloned()).collect()
            }
        }
    }

    /// Everything of an instance, by name.
    pub fn of(&self, instance: &InstanceKey) -> BTreeMap<String, T> {
        self.state().current.get(instance).cloned().unwrap_or_default()
    }

    /// What we know before the watch tells us, because we made it.
    pub fn note(&self, item: Item<T>) {
        insert(&mut self.state().current, item);
    }

    /// Everything of every instance.
    pub fn each(&self, mut visit: impl FnMut(&InstanceKey, &str, &T)) {
        for (instance, group) in &self.state().current {
            for (name, value) in group {
                visit(instance, name, value);
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        // Nothing in here leaves a state half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn insert<T>(groups: &mut Groups<T>, item: Item<T>) {
    groups.entry(item.instance).or_default().insert(item.name, item.value);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What has no name belongs to nobody.
    fn item((instance, name, value): (&str, &str, u8)) -> Option<Item<u8>> {
        if name.is_empty() {
            return None;
        }
        let instance = InstanceKey::new("a", instance);
        Some(Item { instance, name: name.into(), value })
    }

    fn keys<const N: usize>(names: [&str; N]) -> BTreeSet<InstanceKey> {
        names.map(|name| InstanceKey::new("a", name)).into()
    }

    #[test]
    fn a_change_is_about_the_instance_that_it_belongs_to() {
        let cache = Cache::default();
        assert_eq!(cache.fold(Event::Apply(("acme", "", 1)), item), keys([]));
        assert_eq!(cache.fold(Event::Apply(("acme", "x", 1)), item), keys(["acme"]));
        assert_eq!(cache.of(&InstanceKey::new("a", "acme")), [("x".into(), 1)].into());
        assert_eq!(cache.fold(Event::Delete(("acme", "x", 1)), item), keys(["acme"]));
        assert_eq!(cache.of(&InstanceKey::new("a", "acme")), BTreeMap::new());
    }

    #[test]
    fn a_watch_that_begins_again_forgets_what_went_meanwhile() {
        let cache = Cache::default();
        cache.fold(Event::Apply(("acme", "x", 1)), item);
        cache.fold(Event::<(&str, &str, u8)>::Init, item);
        cache.fold(Event::InitApply(("bolt", "y", 2)), item);
        assert_eq!(cache.of(&InstanceKey::new("a", "acme")).len(), 1, "old until it is done");
        assert_eq!(
            cache.fold(Event::<(&str, &str, u8)>::InitDone, item),
            keys(["acme", "bolt"]),
            "what went is news too"
        );
        assert_eq!(cache.of(&InstanceKey::new("a", "acme")), BTreeMap::new());
        assert_eq!(cache.of(&InstanceKey::new("a", "bolt")), [("y".into(), 2)].into());
    }
}
