//! One operator in a namespace: a Lease there says whose it is, so that a second one, of another release,
//! leaves alone what it would otherwise write over and over against the first.
//!
//! All replicas of a release are one here, by the namespace that they run in; which of them acts is the
//! election's to say. Nobody gives a claim back: it runs out when its operator is gone.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use crds::names::OPERATOR_CLAIM;
use k8s_openapi::{
    api::coordination::v1::{Lease, LeaseSpec},
    apimachinery::pkg::apis::meta::v1::MicroTime,
};
use kube::{
    Api, Client,
    api::{ObjectMeta, PostParams},
};
use tokio::time::{Instant, sleep};

use crate::election::{
    machine::{Machine, Step, Terms},
    observed,
};

/// Long, because every namespace costs a write each time. Nothing depends on who has it but that it is one.
pub const TERMS: Terms = Terms {
    duration: Duration::from_mins(3),
    validity: Duration::from_mins(2),
    retry: Duration::from_secs(40),
};

/// Why nothing may be done in a namespace.
#[derive(Debug, thiserror::Error)]
pub enum ClaimError {
    /// Another operator is there.
    #[error(
        "namespace {namespace} is worked on by the operator in namespace {holder} (Lease {OPERATOR_CLAIM}), \
         and this one does nothing there; uninstall one of them, or give each its own watchNamespaces. \
         If that one is gone, this one takes over within {} minutes",
        limit.as_secs().div_ceil(60)
    )]
    Held {
        /// Where.
        namespace: String,
        /// The namespace of the other one's pods.
        holder: String,
        /// How long its claim lasts without it.
        limit: Duration,
    },
    /// The API server did not say.
    #[error(
        "Lease {OPERATOR_CLAIM} in namespace {namespace} cannot be read or written: {error}; see whether \
         the operator may (docs: RBAC)"
    )]
    Lease {
        /// Where.
        namespace: String,
        /// Why not.
        #[source]
        error: Box<kube::Error>,
    },
}

impl ClaimError {
    /// The stable code used in the event, the metric and the documentation.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Held { .. } => "E-CLAIM-HELD",
            Self::Lease { .. } => "E-CLAIM-LEASE",
        }
    }
}

/// The namespaces that are ours to act in.
pub struct Claims {
    client: Client,
    holder: String,
    terms: Terms,
    began: Instant,
    /// One look at each at a time.
    machines: Mutex<HashMap<String, Arc<tokio::sync::Mutex<Machine>>>>,
}

impl Claims {
    /// None yet, for the operator in this namespace.
    pub fn new(client: Client, holder: String) -> Self {
        Self::with_terms(client, holder, TERMS)
    }

    /// The same with other terms.
    pub fn with_terms(client: Client, holder: String, terms: Terms) -> Self {
        Self { client, holder, terms, began: Instant::now(), machines: Mutex::default() }
    }

    /// Makes sure that a namespace is ours. At once, if it surely still is.
    pub async fn hold(&self, namespace: &str) -> Result<(), ClaimError> {
        let machine = self.machine(namespace);
        let mut machine = machine.lock().await;
        if machine.is_valid(self.began.elapsed()) {
            return Ok(());
        }
        self.attempt(namespace, &mut machine).await
    }

    /// Keeps those of these namespaces that are ours, and forgets the others; never ends.
    pub async fn keep(&self, wanted: impl Fn() -> BTreeSet<String>) {
        loop {
            sleep(self.terms.retry).await;
            for namespace in self.only(&wanted()) {
                let machine = self.machine(&namespace);
                let mut machine = machine.lock().await;
                // Whoever needs another one's asks for it.
                if !machine.is_valid(self.began.elapsed()) {
                    continue;
                }
                if let Err(error) = self.attempt(&namespace, &mut machine).await {
                    tracing::warn!(code = error.code(), "{error}");
                }
            }
        }
    }

    /// Those of these that we know, and no others any more.
    fn only(&self, wanted: &BTreeSet<String>) -> Vec<String> {
        let mut machines = self.machines();
        machines.retain(|namespace, _| wanted.contains(namespace));
        machines.keys().cloned().collect()
    }

    /// One look and, if need be, one write.
    async fn attempt(&self, namespace: &str, machine: &mut Machine) -> Result<(), ClaimError> {
        let attempted = self.began.elapsed();
        let not_known =
            |error| ClaimError::Lease { namespace: namespace.to_owned(), error: Box::new(error) };
        let api: Api<Lease> = Api::namespaced(self.client.clone(), namespace);
        let found = api.get_opt(OPERATOR_CLAIM).await.map_err(not_known)?;
        let seen = found.as_ref().map(observed);
        if machine.observe(seen.as_ref(), attempted) == Step::Wait {
            let holder = seen.and_then(|seen| seen.holder).unwrap_or_default();
            let (namespace, limit) = (namespace.to_owned(), self.terms.duration);
            return Err(ClaimError::Held { namespace, holder, limit });
        }
        let lease = self.lease(found.as_ref());
        // With the resource version that was read: of two that take it one is refused.
        let written = match found {
            None => api.create(&PostParams::default(), &lease).await,
            Some(_) => api.replace(OPERATOR_CLAIM, &PostParams::default(), &lease).await,
        };
        written.map_err(not_known)?;
        machine.renewed(attempted);
        Ok(())
    }

    fn lease(&self, found: Option<&Lease>) -> Lease {
        let now = MicroTime(ambient::now());
        let before = found.and_then(|lease| lease.spec.clone()).unwrap_or_default();
        let is_ours = before.holder_identity.as_ref() == Some(&self.holder);
        let fresh = || ObjectMeta { name: Some(OPERATOR_CLAIM.into()), ..ObjectMeta::default() };
        let spec = LeaseSpec {
            holder_identity: Some(self.holder.clone()),
            acquire_time: before.acquire_time.filter(|_| is_ours).or_else(|| Some(now.clone())),
            renew_time: Some(now),
            lease_duration_seconds: i32::try_from(self.terms.duration.as_secs()).ok(),
            ..LeaseSpec::default()
        };
        let metadata = found.map_or_else(fresh, |lease| lease.metadata.clone());
        Lease { metadata, spec: Some(spec) }
    }

    fn machine(&self, namespace: &str) -> Arc<tokio::sync::Mutex<Machine>> {
        let fresh =
            || Arc::new(tokio::sync::Mutex::new(Machine::new(self.holder.clone(), self.terms)));
        Arc::clone(self.machines().entry(namespace.to_owned()).or_insert_with(fresh))
    }

    fn machines(
        &self,
    ) -> std::sync::MutexGuard<'_, HashMap<String, Arc<tokio::sync::Mutex<Machine>>>> {
        self.machines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
