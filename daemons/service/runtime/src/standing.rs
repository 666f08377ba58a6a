//! How a process stands, for those who lead others to it.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use domain::Epoch;
use jiff::Timestamp;
use tokio::sync::watch;

use crate::service_error::ServiceError;
use crate::status::{ConfigurationStatus, Role};

/// How a process stands: what others need to know to lead traffic to it or away from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// What the process is doing about its lease.
    pub role: Role,
    /// Since when.
    pub since: Timestamp,
    /// The epoch, while active.
    pub epoch: Option<Epoch>,
    /// The addresses on which it really listens.
    pub listens: Vec<String>,
    /// What a start waits for, or a standby that does not see its lease.
    pub waits_for: Option<String>,
    /// The configuration in effect, and whether a later one was refused.
    pub configuration: ConfigurationStatus,
}

/// Follows how this process stands. For a task that makes it known somewhere (see
/// [`Start::announce`](crate::Start::announce)).
#[derive(Debug)]
pub struct Standings {
    current: watch::Receiver<Standing>,
    known: watch::Sender<Option<Role>>,
}

/// Which role others know of.
#[derive(Debug)]
pub struct Known(watch::Receiver<Option<Role>>);

/// Starts the task that makes known how the process stands.
pub(crate) type Announce = Arc<dyn Fn(Standings) -> Announcing + Send + Sync>;
pub(crate) type Announcing = Pin<Box<dyn Future<Output = Result<(), ServiceError>> + Send>>;

impl Standings {
    /// Follows what the sender of this channel says.
    pub fn new(current: watch::Receiver<Standing>) -> (Self, Known) {
        let known = watch::Sender::new(None);
        let role = Known(known.subscribe());
        (Self { current, known }, role)
    }

    /// How the process stands now; [`Standings::changed`] waits for anything later.
    pub fn current(&mut self) -> Standing {
        self.current.borrow_and_update().clone()
    }

    /// Completes when something is not as [`Standings::current`] said.
    pub async fn changed(&mut self) {
        if self.current.changed().await.is_err() {
            // The process is ending: nothing changes any more.
            std::future::pending::<()>().await;
        }
    }

    /// Others know this now. A process that stops waits a moment for that before it gives its lease
    /// back, so that nobody is led to it any more when its successor begins.
    pub fn is_known(&self, standing: &Standing) {
        self.known.send_replace(Some(standing.role));
    }
}

impl Known {
    /// Completes when others know this role, at the latest after `limit`; whether they do.
    pub async fn wait_for(&mut self, role: Role, limit: Duration) -> bool {
        let known = self.0.wait_for(|known| *known == Some(role));
        matches!(tokio::time::timeout(limit, known).await, Ok(Ok(_)))
    }
}
