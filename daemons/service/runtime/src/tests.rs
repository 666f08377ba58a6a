//! A daemon's life in this process, with a real database, a real socket and a real directory.

mod admin;
mod identity;
mod life;
mod parts;
mod pods;
mod refusal;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use domain::Daemon;
use store::{DatabaseUri, JournalFilter, JournalKind, Store};
use support::TemporaryDirectory;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::admin::{Client, local_sockets};
use crate::run::Life;
use crate::signals::{Cause, Request};
use crate::{Active, RunError, ServiceError, Start};

/// Long enough for any machine; reached only by a failing test.
const DEADLINE: Duration = Duration::from_secs(30);

/// An instance in a directory of its own.
struct Instance {
    directory: TemporaryDirectory,
}

impl Instance {
    fn new() -> Self {
        let directory = TemporaryDirectory::new();
        let instance = Self { directory };
        instance.write("acme", "");
        instance
    }

    /// Writes the manifests, with further lines of the instance's `spec`.
    fn write(&self, name: &str, spec: &str) {
        let manifests = format!(
            "apiVersion: seon.dev/v1alpha1
kind: SeonInstance
metadata: {{name: {name}}}
spec:
  identity:
    odetteId: O0013000001ACME
    passwordSecretRef: {{name: acme-oftp, key: password}}
{spec}
---
apiVersion: v1
kind: Secret
metadata: {{name: acme-oftp}}
stringData: {{password: SECRET}}
"
        );
        std::fs::write(self.directory.join("acme.yaml"), manifests).unwrap();
    }

    fn data(&self) -> PathBuf {
        self.directory.join("data")
    }

    async fn store(&self) -> Store {
        let uri = DatabaseUri::sqlite(self.data().join("seon.db"));
        Store::open(&uri, "test").await.unwrap()
    }

    async fn journalled(&self) -> Vec<(JournalKind, Option<String>)> {
        let records = self.store().await.journal(&JournalFilter::default()).await.unwrap();
        records.into_iter().map(|record| (record.entry.kind, record.entry.code)).collect()
    }

    /// Starts a daemon whose service does `work` until it is told to end.
    async fn start<W, F>(&self, work: W) -> Running
    where
        W: FnOnce(Active) -> F + Send + 'static,
        F: Future<Output = Result<(), ServiceError>> + Send + 'static,
    {
        self.start_as(Start::new(Daemon::Seonsqd, self.directory.path()), work).await
    }

    async fn start_as<W, F>(&self, start: Start, work: W) -> Running
    where
        W: FnOnce(Active) -> F + Send + 'static,
        F: Future<Output = Result<(), ServiceError>> + Send + 'static,
    {
        let (requests, receiver) = mpsc::unbounded_channel();
        let (sender, active) = oneshot::channel();
        let ends = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&ends);
        let end = move || {
            counted.fetch_add(1, Ordering::SeqCst);
        };
        let life = Life { start, requests: receiver, end };
        let ended = tokio::spawn(life.run(move |active| {
            let _ = sender.send(active.clone());
            work(active)
        }));
        let active = tokio::time::timeout(DEADLINE, active).await.unwrap();
        let Ok(active) = active else { panic!("{:?}", ended.await.unwrap()) };
        Running { active, requests, ended, ends }
    }
}

/// A daemon that is active.
struct Running {
    active: Active,
    requests: mpsc::UnboundedSender<Request>,
    ended: JoinHandle<Result<(), RunError>>,
    ends: Arc<AtomicUsize>,
}

impl Running {
    fn client(&self) -> Client {
        let sockets = local_sockets(&self.active.data.join("run")).unwrap();
        let [(_, _, address)] = sockets.as_slice() else { panic!("{sockets:?}") };
        Client::new(address.clone())
    }

    fn ask(&self, request: Request) {
        self.requests.send(request).unwrap();
    }

    fn stop(&self) {
        self.ask(Request::Stop(Cause::Signal("SIGTERM")));
    }

    /// How the run ended, and how often the process would have been ended by force.
    async fn end(self) -> (Result<(), RunError>, usize) {
        let ended = tokio::time::timeout(DEADLINE, self.ended).await;
        (ended.expect("the run ends").unwrap(), self.ends.load(Ordering::SeqCst))
    }
}

/// A service without work that ends when it is told to.
async fn idle(active: Active) -> Result<(), ServiceError> {
    active.shutdown.cancelled().await;
    Ok(())
}
