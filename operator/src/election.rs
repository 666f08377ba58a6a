//! Which of the operator's replicas acts: whoever holds the coordination Lease.
//!
//! That two act at once for a moment is no danger (every write is server-side apply or names the
//! very pod that it is about); one is simply enough. What is dangerous in the daemons is fenced by
//! the database, not by this.

pub mod machine;

use std::{sync::Arc, time::Duration};

use k8s_openapi::{
    api::coordination::v1::{Lease, LeaseSpec},
    apimachinery::pkg::apis::meta::v1::MicroTime,
};
use kube::{
    Api, Client,
    api::{ObjectMeta, PostParams},
};
use tokio::time::{Instant, sleep, timeout};

use crate::metrics::Metrics;
use machine::{Machine, Observed, Step, Terms};

/// The Lease's name.
pub const LEASE: &str = crds::names::OPERATOR;

/// Why a replica no longer acts.
#[derive(Debug, thiserror::Error)]
pub enum ElectionError {
    /// The lease could not be renewed in time, or another replica has it.
    #[error("the lease was lost; this replica ends and waits as a new one")]
    Lost,
}

impl ElectionError {
    /// The stable code used in the log and the documentation.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Lost => "E-ELECTION-LOST",
        }
    }
}

/// Takes part in the election.
pub struct Election {
    api: Api<Lease>,
    identity: String,
    terms: Terms,
    machine: Machine,
    started: Instant,
    metrics: Arc<Metrics>,
}

impl Election {
    /// A replica of this name.
    pub fn new(
        client: Client,
        namespace: &str,
        identity: String,
        terms: Terms,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self {
            api: Api::namespaced(client, namespace),
            machine: Machine::new(identity.clone(), terms),
            identity,
            terms,
            started: Instant::now(),
            metrics,
        }
    }

    /// Waits until this replica acts. `heard` is called whenever the API server has answered.
    pub async fn won(&mut self, heard: impl Fn()) {
        loop {
            if self.turn(&heard).await {
                return;
            }
            sleep(self.terms.retry).await;
        }
    }

    /// Keeps the lease; ends when it is lost, at the latest when it is no longer valid.
    pub async fn kept(&mut self) -> ElectionError {
        loop {
            sleep(self.terms.retry.min(self.valid_for())).await;
            let valid_for = self.valid_for();
            let _ = timeout(valid_for, self.turn(&|| ())).await;
            let now = self.started.elapsed();
            self.metrics.lease_age(self.machine.age(now).as_secs_f64());
            if !self.machine.is_valid(now) {
                return ElectionError::Lost;
            }
        }
    }

    fn valid_for(&self) -> Duration {
        self.terms.validity.saturating_sub(self.machine.age(self.started.elapsed()))
    }

    /// Gives the lease back, so that the next one need not wait.
    pub async fn resign(self) {
        let Ok(Some(mut lease)) = self.api.get_opt(LEASE).await else { return };
        let Some(spec) = &mut lease.spec else { return };
        if spec.holder_identity.as_deref() == Some(&self.identity) {
            spec.holder_identity = None;
            // With the resource version that was read: a successor's is not overwritten.
            let _ = self.api.replace(LEASE, &PostParams::default(), &lease).await;
        }
    }

    /// One look and, if need be, one write; says whether the lease is ours.
    async fn turn(&mut self, heard: &impl Fn()) -> bool {
        let attempted = self.started.elapsed();
        let patience = self.terms.retry.max(Duration::from_secs(1)) * 2;
        let held = match timeout(patience, self.attempt()).await {
            Ok(Ok(held)) => {
                heard();
                held
            }
            Ok(Err(error)) => {
                tracing::warn!(%error, "the lease cannot be read or written");
                return false;
            }
            Err(_) => {
                tracing::warn!("the API server does not answer about the lease");
                return false;
            }
        };
        if held {
            // From the beginning of the attempt: the others may count from then on.
            self.machine.renewed(attempted);
        }
        held
    }

    async fn attempt(&mut self) -> Result<bool, kube::Error> {
        let found = self.api.get_opt(LEASE).await?;
        let observed = found.as_ref().map(observed);
        let now = self.started.elapsed();
        let transitions = match self.machine.observe(observed.as_ref(), now) {
            Step::Wait => return Ok(false),
            Step::Renew => observed.as_ref().map_or(0, |observed| observed.transitions),
            Step::Take => observed.as_ref().map_or(0, |observed| observed.transitions + 1),
        };
        let written = match found {
            None => self.api.create(&PostParams::default(), &self.lease(None, transitions)).await,
            Some(found) => {
                let lease = self.lease(Some(found), transitions);
                self.api.replace(LEASE, &PostParams::default(), &lease).await
            }
        };
        match written {
            Ok(_) => Ok(true),
            // Another replica was faster.
            Err(kube::Error::Api(status)) if status.code == 409 => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn lease(&self, found: Option<Lease>, transitions: i32) -> Lease {
        let now = MicroTime(ambient::now());
        let before = found.as_ref().and_then(|lease| lease.spec.as_ref());
        let acquired = before
            .filter(|spec| spec.holder_identity.as_deref() == Some(&self.identity))
            .and_then(|spec| spec.acquire_time.clone());
        let spec = LeaseSpec {
            holder_identity: Some(self.identity.clone()),
            acquire_time: acquired.or_else(|| Some(now.clone())),
            renew_time: Some(now),
            lease_duration_seconds: i32::try_from(self.terms.duration.as_secs()).ok(),
            lease_transitions: Some(transitions),
            ..LeaseSpec::default()
        };
        let metadata = found.map_or_else(
            || ObjectMeta { name: Some(LEASE.into()), ..ObjectMeta::default() },
            |lease| lease.metadata,
        );
        Lease { metadata, spec: Some(spec) }
    }
}

/// A Lease, as far as it is judged.
pub fn observed(lease: &Lease) -> Observed {
    let spec = lease.spec.clone().unwrap_or_default();
    Observed {
        holder: spec.holder_identity.filter(|holder| !holder.is_empty()),
        record: lease.metadata.resource_version.clone().unwrap_or_default(),
        transitions: spec.lease_transitions.unwrap_or(0),
    }
}
