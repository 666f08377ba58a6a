//! The life of a daemon, from its start to its end.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use domain::Daemon;
use lease::{Attempt, EXIT_LEASE_LOST, Ending, Loss, Tenure};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use store::{
    FencedTx, IfAnswerLost, JournalEntry, JournalKind, Note, Recovered, Step, Store, StoreError,
};
use tokio::sync::{Notify, mpsc};
use tokio::task::{JoinError, JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::active::Active;
use crate::database;
use crate::error::{HeldByAnother, RunError, Started};
use crate::identity;
use crate::prepare::{Begun, Prepared};
use crate::process::Process;
use crate::revocation::Lists;
use crate::service_error::ServiceError;
use crate::signals::{self, Cause, Request};
use crate::standing::Known;
use crate::start::Start;
use crate::status::Role;
use crate::supervisor::{Supervisor, TaskEnd, Watch};
use crate::telemetry::Telemetry;

/// Runs a daemon until it is told to end (`Ok`), cannot start, or must end (`Err`, whose
/// [`RunError::exit_code`] is the process's).
///
/// `service` is started when the lease is ours, and is expected to run until
/// [`Active::shutdown`] is cancelled. A process that loses its lease does not come back from
/// here: it ends at once with exit code 70.
pub fn run<S, F>(start: Start, service: S) -> Result<(), RunError>
where
    S: FnOnce(Active) -> F + Send,
    F: Future<Output = Result<(), ServiceError>> + Send + 'static,
{
    raise_descriptors();
    ambient::leave_no_core();
    // Few threads keep an idle daemon small; file writes of many sessions share the blocking ones.
    // They come as they are needed: some may wait for disks that do not answer.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(64)
        .enable_all()
        .build()
        .map_err(|error| RunError::System { what: "threads", error })?;
    let parent = start.parent;
    let result = runtime.block_on(async {
        let requests = signals::of_process(parent)?;
        let end = || std::process::exit(EXIT_LEASE_LOST);
        Life { start, requests, end }.run(service).await
    });
    // A blocking write that hangs in a dead file system must not keep the process.
    runtime.shutdown_timeout(Duration::from_secs(1));
    result
}

/// Hundreds of partners' folders and sessions need more open files than the usual soft limit of 1,024;
/// how many there may be is the hard limit's to say.
fn raise_descriptors() {
    let limit = getrlimit(Resource::Nofile);
    // Where even this is refused, the limit shows when it is reached.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
}

type Requests = mpsc::UnboundedReceiver<Request>;

/// One daemon's life, with its connections to the process as arguments.
pub(crate) struct Life<E> {
    pub(crate) start: Start,
    pub(crate) requests: Requests,
    /// Ends the process at once with [`EXIT_LEASE_LOST`]; comes back in tests only.
    pub(crate) end: E,
}

/// What is there while the daemon works.
struct Working {
    process: Arc<Process>,
    store: Store,
    tenure: Arc<Tenure>,
    lease: lease::Handle,
    keeping: JoinHandle<Ending>,
    tasks: Watch,
    admin: Watch,
    shutdown: CancellationToken,
    known: Option<Known>,
}

impl<E: Fn()> Life<E> {
    pub(crate) async fn run<S, F>(mut self, service: S) -> Result<(), RunError>
    where
        S: FnOnce(Active) -> F + Send,
        F: Future<Output = Result<(), ServiceError>> + Send + 'static,
    {
        let level = self.start.log_level.as_deref().unwrap_or("info,sqlx=warn");
        let telemetry = Telemetry::start(self.start.log_format, level)?;
        let mut begun = Begun::begin(&self.start, telemetry)?;
        let Some(store) = self.open_store(&mut begun).await? else {
            tracing::info!("ended before the database was there");
            return Ok(());
        };
        begun.process.reload.keep_name();
        let mut prepared = begun.prepare(store)?;
        let Some(tenure) = self.acquire(&mut prepared).await? else {
            tracing::info!("ended before the lease was ours");
            return Ok(());
        };
        self.work(prepared, tenure, service).await
    }

    /// The database; `None` when we were told to end before it was there.
    async fn open_store(&mut self, begun: &mut Begun) -> Result<Option<Store>, RunError> {
        let Begun { process, data, spool, admin, .. } = begun;
        let mut opening = pin!(database::open(process, data, spool, self.start.migrate));
        loop {
            tokio::select! {
                opened = &mut opening => return Ok(Some(opened?)),
                end = admin.first_end() => return Err(end.into()),
                // A database that does not answer must not keep a process that is told to end.
                Some(request) = self.requests.recv() => match request {
                    Request::Stop(_) => return Ok(None),
                    Request::Reload => reload(process),
                },
            }
        }
    }

    /// Our tenure; `None` when we were told to end before we had one.
    async fn acquire(&mut self, prepared: &mut Prepared) -> Result<Option<Tenure>, RunError> {
        if self.start.standby {
            prepared.process.standing_by();
            self.stand_by(prepared).await
        } else {
            self.attempt(prepared).await
        }
    }

    async fn attempt(&mut self, prepared: &mut Prepared) -> Result<Option<Tenure>, RunError> {
        let lease = prepared.keeper.handle();
        let attempted = {
            let mut attempt = pin!(prepared.keeper.attempt());
            loop {
                tokio::select! {
                    attempted = &mut attempt => break attempted,
                    Some(request) = self.requests.recv() => match request {
                        Request::Stop(_) => lease.release(),
                        Request::Reload => {}
                    },
                }
            }
        };
        match attempted {
            Ok(Attempt::Granted(tenure)) => Ok(Some(tenure)),
            // After a crash of the whole machine nobody has to be told to wait: the one that holds
            // the lease is gone, and the lease runs out by itself.
            Ok(Attempt::HeldByAnother(row))
                if prepared.process.was_here_and_is_gone(&row.holder) =>
            {
                tracing::info!(
                    daemon = %row.daemon, holder = %row.holder, expires_in = ?row.expires_in,
                    "the holder has died; waiting until its lease has run out"
                );
                prepared.process.standing_by();
                self.stand_by(prepared).await
            }
            Ok(Attempt::HeldByAnother(row)) => {
                let instance = prepared.process.reload.current().instance.name.to_string();
                let directory = self.start.directory.clone();
                let started = Started::Daemon;
                Err(RunError::HeldByAnother(Box::new(HeldByAnother {
                    instance,
                    directory,
                    started,
                    row,
                })))
            }
            Err(lease::KeeperError::GivenUp) => Ok(None),
            Err(error) => Err(RunError::Lease { code: error.code(), message: error.to_string() }),
        }
    }

    async fn stand_by(&mut self, prepared: &mut Prepared) -> Result<Option<Tenure>, RunError> {
        let process = Arc::clone(&prepared.process);
        let lease = prepared.keeper.handle();
        let woken = Notify::new();
        let mut wakeups = prepared.store.wakeups();
        let mut waking = pin!(async {
            loop {
                wakeups.changed().await;
                woken.notify_one();
            }
        });
        let mut standing = pin!(prepared.keeper.stand_by(&woken));
        tracing::info!(daemon = %process.daemon, "standing by for the lease");
        loop {
            tokio::select! {
                tenure = &mut standing => return Ok(tenure),
                () = &mut waking => {}
                end = prepared.admin.first_end() => return Err(end.into()),
                Some(request) = self.requests.recv() => match request {
                    Request::Stop(_) => lease.release(),
                    Request::Reload => reload(&process),
                },
            }
        }
    }

    async fn work<S, F>(
        mut self,
        prepared: Prepared,
        tenure: Tenure,
        service: S,
    ) -> Result<(), RunError>
    where
        S: FnOnce(Active) -> F + Send,
        F: Future<Output = Result<(), ServiceError>> + Send + 'static,
    {
        let Prepared { process, data, store, spool, folders, keeper, _endpoint, admin, known } =
            prepared;
        let lease = keeper.handle();
        // Before anything else: whatever follows may take longer than a lease.
        let keeping = tokio::spawn(keeper.keep());
        let (supervisor, tasks) = Supervisor::new();
        let shutdown = CancellationToken::new();
        let active = Active {
            daemon: process.daemon,
            tenure: Arc::new(tenure),
            directory: self.start.directory.clone(),
            data,
            store: store.clone(),
            spool,
            folders,
            configuration: process.reload.subscribe(),
            shutdown: shutdown.clone(),
            activities: process.activities.clone(),
            listeners: process.listeners.clone(),
            metrics: process.metrics.clone(),
            readings: process.readings.clone(),
            supervisor: supervisor.clone(),
            reload: process.reload.clone(),
            lease: lease.clone(),
        };
        let tenure = Arc::clone(&active.tenure);
        let mut working =
            Working { process, store, tenure, lease, keeping, tasks, admin, shutdown, known };
        let reason = match working.take_over(&active).await {
            Ok(lists) => {
                let Working { process, store, tenure, shutdown, .. } = &working;
                let reload = process.reload.clone();
                let journal =
                    reload.keep_journal(store.clone(), Arc::clone(tenure), shutdown.clone());
                supervisor.spawn("journal of reloads", journal);
                supervisor.spawn("identity", identity::watch(active.clone()));
                supervisor.spawn("revocation lists", lists.follow(active.clone()));
                supervisor.spawn("service", service(active));
                self.until_reason(&mut working).await
            }
            Err(reason) => reason,
        };
        self.end(working, reason).await
    }

    /// Works until there is a reason to end.
    async fn until_reason(&mut self, working: &mut Working) -> Reason {
        loop {
            tokio::select! {
                biased;
                ending = &mut working.keeping => return Reason::lost(&ending),
                Some(request) = self.requests.recv() => match request {
                    Request::Stop(what) => return Reason::Asked(what),
                    Request::Reload => reload(&working.process),
                },
                end = working.tasks.first_end() => return Reason::ended(end),
                end = working.admin.first_end() => return Reason::ended(end),
            }
        }
    }

    /// Ends in order, unless the lease is lost already or gets lost meanwhile.
    async fn end(mut self, mut working: Working, reason: Reason) -> Result<(), RunError> {
        let daemon = working.process.daemon;
        working.process.stopping();
        let result = match reason {
            Reason::Lost(loss) => return self.lost(daemon, &working.lease, loss),
            Reason::Asked(what) => {
                tracing::info!(%daemon, "ending because of {what}");
                Ok(())
            }
            Reason::Failed(error) => {
                tracing::error!(%daemon, code = error.code(), %error, "ending");
                working.process.metrics.error(error.code());
                Err(error)
            }
        };
        let listened = !working.process.listeners.snapshot().is_empty();
        working.shutdown.cancel();
        let grace = self.start.grace;
        let mut keeping = working.keeping;
        let drained = tokio::select! {
            biased;
            ending = &mut keeping => Drained::Lost(lost(&ending)),
            () = second_signal(&mut self.requests) => Drained::Interrupted,
            fenced = drain(&mut working.tasks, &working.process, grace) => {
                if fenced { Drained::Lost(Loss::Fenced) } else { Drained::Quiet }
            }
        };
        match drained {
            Drained::Lost(loss) => return self.lost(daemon, &working.lease, loss),
            Drained::Interrupted => return Err(RunError::Interrupted),
            Drained::Quiet => {}
        }
        // The last write of this tenure, then the lease goes back: the successor starts at once.
        close_tenure(&working.store, &working.tenure).await;
        leave(working.known.as_mut()).await;
        working.lease.release();
        if let Ok(Ending::Lost(loss)) = keeping.await {
            tracing::warn!(%daemon, code = loss.code(), "the lease was lost at the very end");
        }
        if listened && working.known.is_some() {
            refuse_latecomers(&mut self.requests).await;
        }
        tracing::info!(%daemon, "ended");
        result
    }

    /// Ends the process before it can do anything more.
    fn lost(&self, daemon: Daemon, lease: &lease::Handle, loss: Loss) -> Result<(), RunError> {
        tracing::error!(%daemon, code = loss.code(), "the lease is lost: {loss}");
        (self.end)();
        lease.fenced();
        Err(RunError::Lost { daemon, loss })
    }
}

/// Why a daemon ends.
enum Reason {
    Asked(Cause),
    Lost(Loss),
    Failed(RunError),
}

/// How the drain ended.
enum Drained {
    Quiet,
    Interrupted,
    Lost(Loss),
}

impl Reason {
    fn lost(ending: &Result<Ending, JoinError>) -> Self {
        Self::Lost(lost(ending))
    }

    fn ended(end: TaskEnd) -> Self {
        if end.is_fenced() { Self::Lost(Loss::Fenced) } else { Self::Failed(end.into()) }
    }
}

fn lost(ending: &Result<Ending, JoinError>) -> Loss {
    match ending {
        Ok(Ending::Lost(loss)) => *loss,
        // Nobody asked for a release yet, and a keeper that panicked keeps nothing.
        Ok(Ending::Released) | Err(_) => Loss::Expired,
    }
}

/// Lets tasks end by themselves, then ends sessions, then tasks. Whether a write was fenced.
async fn drain(tasks: &mut Watch, process: &Process, grace: Duration) -> bool {
    const LAST_WORDS: Duration = Duration::from_secs(3);
    let mut failures = tasks.drain(grace).await;
    if !tasks.is_empty() {
        let sessions = process.activities.abort("the daemon ends", |_| true);
        tracing::warn!(sessions, "the time for an orderly end is over: aborting sessions");
        failures.extend(tasks.drain(LAST_WORDS).await);
    }
    for name in tasks.abort().await {
        tracing::error!(code = "E-TASK-STUCK", name, "a task did not end and was aborted");
    }
    for end in &failures {
        tracing::error!(code = end.code(), %end, "a task failed while ending");
    }
    failures.iter().any(TaskEnd::is_fenced)
}

/// Completes with a second request to stop that is a signal. The parent's death is none: it often
/// follows a signal to both.
async fn second_signal(requests: &mut Requests) {
    loop {
        match requests.recv().await {
            Some(Request::Stop(Cause::ParentDied) | Request::Reload) => {}
            Some(Request::Stop(Cause::Signal(_))) => return,
            None => std::future::pending().await,
        }
    }
}

fn reload(process: &Arc<Process>) {
    let process = Arc::clone(process);
    // Errors are logged, counted and shown in the status where they arise.
    tokio::spawn(async move { process.reload.reload().await.is_ok() });
}

/// The first write of a tenure.
#[derive(Debug, PartialEq)]
struct TakeOver;

impl Step for TakeOver {
    const NAME: &'static str = "take_over";
    const IF_ANSWER_LOST: IfAnswerLost = IfAnswerLost::Mark;
    type Output = Recovered;

    async fn run(&self, tx: &mut FencedTx) -> Result<Recovered, StoreError> {
        tx.journal(&JournalEntry::new(JournalKind::LeaseAcquired)).await?;
        let recovered = tx.recover_orphans().await?;
        if recovered != Recovered::default() {
            let text = Some(recovered.to_string());
            let entry = JournalEntry::new(JournalKind::OrphansRecovered);
            tx.journal(&JournalEntry { text, ..entry }).await?;
        }
        Ok(recovered)
    }
}

impl Working {
    /// The first write of a tenure: it says so, and frees what this daemon's earlier tenures held.
    ///
    /// Before it, database and volume are looked at once more: who stood by for long may have seen them
    /// before a person's `seon adopt`, which does nothing from the moment that we have the lease.
    ///
    /// What is known of revoked certificates is read before anybody's is looked at.
    async fn take_over(&mut self, active: &Active) -> Result<Lists, Reason> {
        tokio::select! {
            biased;
            ending = &mut self.keeping => return Err(Reason::lost(&ending)),
            is_one = active.is_one_instance() => {
                is_one.map_err(|error| Reason::Failed(error.into()))?;
            }
        }
        let taken = self.store.run(&self.tenure, TakeOver);
        let recovered = tokio::select! {
            biased;
            ending = &mut self.keeping => return Err(Reason::lost(&ending)),
            recovered = taken => recovered.map_err(|error| {
                if error.is_fenced() { Reason::Lost(Loss::Fenced) } else { Reason::Failed(error.into()) }
            })?,
        };
        let mut lists = Lists::default();
        tokio::select! {
            biased;
            ending = &mut self.keeping => return Err(Reason::lost(&ending)),
            looked = lists.look(active) => match looked {
                // They are looked for again at once, and until then nobody is known to be good or bad.
                Err(error) if error.is_retryable() => {
                    tracing::warn!(code = error.code(), "the lists of revoked certificates wait: {error}");
                }
                looked => looked.map_err(|error| Reason::Failed(error.into()))?,
            },
        }
        self.process.activated(self.tenure.epoch);
        let (daemon, epoch) = (self.tenure.daemon, self.tenure.epoch);
        tracing::info!(%daemon, %epoch, %recovered, "active");
        Ok(lists)
    }
}

/// Nobody should be led to us any more when the successor begins; but it must not wait for that.
async fn leave(known: Option<&mut Known>) {
    const LIMIT: Duration = Duration::from_secs(1);
    if let Some(known) = known
        && !known.wait_for(Role::Stopping, LIMIT).await
    {
        tracing::warn!("the lease goes back before it is known that this process stops");
    }
}

/// Where others lead callers to us, some of them still come after it is known that we stop. Nobody
/// listens, so they are refused and call again at once; an address that is gone would leave them
/// waiting for an answer.
async fn refuse_latecomers(requests: &mut Requests) {
    const LIMIT: Duration = Duration::from_secs(3);
    tokio::select! {
        () = second_signal(requests) => {}
        () = tokio::time::sleep(LIMIT) => {}
    }
}

/// The last write of a tenure. What fails here is no reason to keep the lease from the successor.
async fn close_tenure(store: &Store, tenure: &Tenure) {
    const LIMIT: Duration = Duration::from_secs(3);
    let written = store.run(tenure, Note(JournalEntry::new(JournalKind::LeaseReleased)));
    match tokio::time::timeout(LIMIT, written).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            tracing::warn!(code = error.code(), %error, "the end of the tenure is not journalled");
        }
        Err(_) => tracing::warn!("the end of the tenure is not journalled: the database is slow"),
    }
}
