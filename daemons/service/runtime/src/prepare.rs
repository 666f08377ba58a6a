//! What a daemon has before it has its lease.

use std::path::PathBuf;
use std::sync::Arc;

use lease::{Candidate, Keeper, Terms, Watchdog};
use spool::{Folders, Spool};
use store::Store;
use tokio::sync::watch;

use crate::admin::{Endpoint, run_directory};
use crate::error::RunError;
use crate::metrics::Metrics;
use crate::process::Process;
use crate::reload::Reload;
use crate::standing::{Known, Standings};
use crate::start::Start;
use crate::supervisor::{Supervisor, Watch};
use crate::telemetry::Telemetry;
use crate::watch::reload_on_change;

/// What is there before the database is: a process that answers, and says what it waits for.
pub(crate) struct Begun {
    pub(crate) process: Arc<Process>,
    pub(crate) data: PathBuf,
    pub(crate) admin: Watch,
    pub(crate) spool: Spool,
    folders: Folders,
    terms: Terms,
    /// Its socket goes when this goes.
    endpoint: Endpoint,
    known: Option<Known>,
}

/// What is there before the lease is.
pub(crate) struct Prepared {
    pub(crate) process: Arc<Process>,
    pub(crate) data: PathBuf,
    pub(crate) store: Store,
    pub(crate) spool: Spool,
    pub(crate) folders: Folders,
    pub(crate) keeper: Keeper<Store, Watchdog>,
    pub(crate) _endpoint: Endpoint,
    /// Tasks that live as long as the process.
    pub(crate) admin: Watch,
    /// What others know of us, if somebody tells them.
    pub(crate) known: Option<Known>,
}

impl Begun {
    pub(crate) fn begin(start: &Start, telemetry: Telemetry) -> Result<Self, RunError> {
        let metrics = Metrics::new(start.daemon);
        let reload = Reload::first(start, telemetry.clone(), metrics.clone())?;
        let configuration = reload.current();
        let data = start.directory.join(&configuration.instance.data_directory);
        let terms = Terms::try_from(configuration.instance.lease.ttl)
            .map_err(|error| RunError::Lease { code: error.code(), message: error.to_string() })?;
        // First, because it makes the data directory and names what is wrong with it.
        let spool = Spool::open(&data)?;
        let folders = Folders::open(&data)?;
        let sockets = run_directory(start.run_directory.as_deref(), &data);
        let mut endpoint = Endpoint::bind(start.daemon, &sockets, start.admin_tcp)?;
        let directory =
            std::fs::canonicalize(&start.directory).unwrap_or_else(|_| start.directory.clone());
        let address = endpoint.address(start.reached_at);
        let process = Process::new(start.daemon, directory, address, telemetry, metrics, reload);
        let process = Arc::new(process);
        let (supervisor, mut admin) = Supervisor::new();
        endpoint.serve(&process, &supervisor);
        if start.watch {
            let watching = reload_on_change(start.directory.clone(), process.reload.clone());
            supervisor.spawn("watch of the configuration", watching);
        }
        let known = start.announce.as_ref().map(|announce| {
            let sender = watch::Sender::new(process.standing());
            let (standings, known) = Standings::new(sender.subscribe());
            supervisor.spawn("standing", Arc::clone(&process).tell_standing(sender));
            supervisor.spawn("announcement", announce(standings));
            known
        });
        // At once: who waits for a database or a lease, or ends before, answers all the same.
        admin.start_newcomers();
        Ok(Self { process, data, admin, spool, folders, terms, endpoint, known })
    }

    pub(crate) fn prepare(self, store: Store) -> Result<Prepared, RunError> {
        let Self { process, data, admin, spool, folders, terms, endpoint, known } = self;
        let candidate = Candidate {
            daemon: process.daemon,
            holder: process.holder.clone(),
            address: process.address.to_string(),
        };
        let watchdog = Watchdog::ending_the_process()
            .map_err(|error| RunError::System { what: "the watchdog thread", error })?;
        let keeper = Keeper::new(Arc::new(store.clone()), candidate, terms, watchdog);
        process.watches(keeper.handle());
        Ok(Prepared {
            process,
            data,
            store,
            spool,
            folders,
            keeper,
            _endpoint: endpoint,
            admin,
            known,
        })
    }
}
