//! Dead task, dead process: every task that should live as long as the process is supervised.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::{Id, JoinError, JoinSet};

use crate::service_error::ServiceError;

/// Starts tasks whose end is the process's end; cheap to clone.
#[derive(Clone, Debug)]
pub struct Supervisor {
    newcomers: mpsc::UnboundedSender<Newcomer>,
}

/// Watches the tasks of a [`Supervisor`].
pub(crate) struct Watch {
    newcomers: mpsc::UnboundedReceiver<Newcomer>,
    tasks: JoinSet<Result<(), ServiceError>>,
    names: HashMap<Id, &'static str>,
}

struct Newcomer {
    name: &'static str,
    task: Pin<Box<dyn Future<Output = Result<(), ServiceError>> + Send>>,
}

/// A supervised task that ended, and how.
#[derive(Debug, thiserror::Error)]
pub enum TaskEnd {
    /// It returned without an error, although nobody had asked the process to end.
    #[error("the task \"{0}\" ended although it should run as long as the process")]
    Returned(&'static str),
    /// It failed.
    #[error("the task \"{name}\" failed: {error}")]
    Failed {
        /// The task.
        name: &'static str,
        /// Why.
        #[source]
        error: ServiceError,
    },
    /// It panicked.
    #[error("the task \"{name}\" panicked: {message}")]
    Panicked {
        /// The task.
        name: &'static str,
        /// What it said.
        message: String,
    },
}

impl TaskEnd {
    /// The stable code for logs, metrics, journal and docs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Returned(_) => "E-TASK-ENDED",
            Self::Failed { error, .. } => error.code(),
            Self::Panicked { .. } => "E-TASK-PANICKED",
        }
    }

    /// Whether a fenced write was refused: the lease is lost.
    pub(crate) fn is_fenced(&self) -> bool {
        matches!(self, Self::Failed { error: ServiceError::Fenced(_), .. })
    }
}

impl Supervisor {
    pub(crate) fn new() -> (Self, Watch) {
        let (sender, newcomers) = mpsc::unbounded_channel();
        let watch = Watch { newcomers, tasks: JoinSet::new(), names: HashMap::new() };
        (Self { newcomers: sender }, watch)
    }

    /// Starts a task that should run until the shutdown token is cancelled. If it ends before,
    /// for whatever reason, the process ends with that reason.
    ///
    /// Sessions do not belong here: one that fails must not take the others along.
    pub fn spawn(
        &self,
        name: &'static str,
        task: impl Future<Output = Result<(), ServiceError>> + Send + 'static,
    ) {
        // Only a process that has ended its watch already refuses: then there is nothing to run.
        let _ = self.newcomers.send(Newcomer { name, task: Box::pin(task) });
    }
}

impl Watch {
    /// Completes with the first task that ends.
    pub(crate) async fn first_end(&mut self) -> TaskEnd {
        loop {
            tokio::select! {
                Some(newcomer) = self.newcomers.recv() => self.start(newcomer),
                Some(ended) = self.tasks.join_next_with_id() => return self.end(ended),
                else => return std::future::pending().await,
            }
        }
    }

    /// Starts what was spawned since the last look. A watch that is not being waited on starts
    /// nothing by itself.
    pub(crate) fn start_newcomers(&mut self) {
        while let Ok(newcomer) = self.newcomers.try_recv() {
            self.start(newcomer);
        }
    }

    /// Waits until all tasks have ended, at most `grace`; returns how some of them failed.
    pub(crate) async fn drain(&mut self, grace: Duration) -> Vec<TaskEnd> {
        let mut failures = Vec::new();
        let drained = async {
            loop {
                self.start_newcomers();
                match self.tasks.join_next_with_id().await {
                    None => break,
                    Some(ended) => match self.end(ended) {
                        // An end is what was asked for.
                        TaskEnd::Returned(_) => {}
                        failure => failures.push(failure),
                    },
                }
            }
        };
        // What is left after the time is for the caller to see.
        let _ = tokio::time::timeout(grace, drained).await;
        failures
    }

    /// Whether no task is running.
    pub(crate) fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    /// Ends what still runs, without asking; returns the names.
    pub(crate) async fn abort(&mut self) -> Vec<&'static str> {
        let names = self.names.drain().map(|(_, name)| name).collect();
        self.tasks.shutdown().await;
        names
    }

    fn start(&mut self, Newcomer { name, task }: Newcomer) {
        let handle = self.tasks.spawn(task);
        self.names.insert(handle.id(), name);
    }

    fn end(&mut self, ended: Result<(Id, Result<(), ServiceError>), JoinError>) -> TaskEnd {
        match ended {
            Ok((id, Ok(()))) => TaskEnd::Returned(self.forget(id)),
            Ok((id, Err(error))) => TaskEnd::Failed { name: self.forget(id), error },
            Err(error) => {
                let name = self.forget(error.id());
                TaskEnd::Panicked { name, message: message(error) }
            }
        }
    }

    fn forget(&mut self, id: Id) -> &'static str {
        self.names.remove(&id).unwrap_or("unknown")
    }
}

/// What a panic said.
fn message(error: JoinError) -> String {
    match error.try_into_panic() {
        Ok(panic) => match panic.downcast::<String>() {
            Ok(text) => *text,
            Err(panic) => panic
                .downcast_ref::<&str>()
                .map_or_else(|| "no message".to_owned(), |text| (*text).to_owned()),
        },
        Err(_) => "it was cancelled".to_owned(),
    }
}
