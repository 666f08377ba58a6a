//! What only one daemon can tell: its own paths of the admin endpoint.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, PoisonError, RwLock};

use serde::Serialize;
use serde_json::Value;

use crate::service_error::ServiceError;

/// The paths that a service answers by itself, for reading only; cheap to clone.
#[derive(Clone, Default)]
pub struct Readings(Arc<RwLock<BTreeMap<&'static str, Reader>>>);

type Reader = Arc<dyn Fn() -> Answer + Send + Sync>;
type Answer = Pin<Box<dyn Future<Output = Result<Value, ServiceError>> + Send>>;

impl Readings {
    /// Answers `GET path` (as `/partners`) with what `read` gives, as JSON, from now on.
    pub fn offer<T, E, F>(&self, path: &'static str, read: impl Fn() -> F + Send + Sync + 'static)
    where
        T: Serialize,
        E: Into<ServiceError>,
        F: Future<Output = Result<T, E>> + Send + 'static,
    {
        let reader: Reader = Arc::new(move || {
            let value = read();
            Box::pin(async move {
                let value = value.await.map_err(Into::into)?;
                serde_json::to_value(value)
                    .map_err(|error| ServiceError::failed("E-ADMIN-SERVE", error))
            })
        });
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(path, reader);
    }

    /// The answer to come, if anything answers at this path.
    pub(crate) fn read(&self, path: &str) -> Option<Answer> {
        let readers = self.0.read().unwrap_or_else(PoisonError::into_inner);
        readers.get(path).map(|reader| reader())
    }
}

impl fmt::Debug for Readings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let readers = self.0.read().unwrap_or_else(PoisonError::into_inner);
        f.debug_set().entries(readers.keys()).finish()
    }
}
