//! A store of whole objects: put, get, list and delete, and nothing else. What is put is durable.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use spool::SpoolError;

#[derive(Clone, Default)]
pub(crate) struct Bucket(Arc<Contents>);

#[derive(Default)]
struct Contents {
    objects: Mutex<BTreeMap<String, Object>>,
    refuses_deletions: AtomicBool,
}

#[derive(Clone)]
struct Object {
    octets: Arc<[u8]>,
    put_at: Instant,
}

impl Bucket {
    pub(crate) fn put(&self, key: String, octets: &[u8]) {
        let object = Object { octets: octets.into(), put_at: Instant::now() };
        self.0.objects.lock().unwrap().insert(key, object);
    }

    pub(crate) fn get(&self, key: &str) -> Option<Arc<[u8]>> {
        self.0.objects.lock().unwrap().get(key).map(|object| Arc::clone(&object.octets))
    }

    /// The keys below a prefix that were put at least so long ago.
    pub(crate) fn list(&self, prefix: &str, age: Duration) -> Vec<String> {
        let objects = self.0.objects.lock().unwrap();
        let below = objects.iter().filter(|(key, _)| key.starts_with(prefix));
        below
            .filter(|(_, object)| object.put_at.elapsed() >= age)
            .map(|(key, _)| key.clone())
            .collect()
    }

    /// Whether there was one.
    pub(crate) fn delete(&self, key: &str) -> Result<bool, SpoolError> {
        if self.0.refuses_deletions.load(Ordering::Relaxed) {
            return Err(SpoolError::Io {
                doing: "delete",
                path: key.into(),
                source: std::io::Error::other("the store is away"),
            });
        }
        Ok(self.0.objects.lock().unwrap().remove(key).is_some())
    }

    /// As if whoever deletes ended just before.
    pub(crate) fn refuse_deletions(&self, refuse: bool) {
        self.0.refuses_deletions.store(refuse, Ordering::Relaxed);
    }
}
