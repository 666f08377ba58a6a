//! The daemons, from the lease rows and from what each says about itself.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use domain::Daemon;
use jiff::Timestamp;
use lease::LeaseRow;
use runtime::admin::{Address, Client, ClientError};
use runtime::status::{DaemonStatus, Direction, ListenerStatus, Role, SessionStatus};
use serde::Serialize;
use store::Store;

use crate::local::ask_all;
use crate::{Error, Instance};

/// A daemon that lives answers at once; one that is stuck must not hold up the table.
const PATIENCE: Duration = Duration::from_secs(2);

/// A daemon of the instance, as it is shown.
#[derive(Clone, Debug, Serialize)]
pub struct DaemonView {
    /// Which.
    pub daemon: Daemon,
    /// What its lease and its own words say together.
    pub state: State,
    /// Its process number.
    pub pid: Option<u32>,
    /// Its parent's.
    pub parent: Option<u32>,
    /// The host that it runs on.
    pub host: Option<String>,
    /// Its epoch.
    pub epoch: Option<i64>,
    /// When it became active.
    pub since: Option<Timestamp>,
    /// For how many more seconds its lease is valid.
    pub lease_valid_for: Option<u64>,
    /// What it listens on.
    pub listeners: Vec<ListenerStatus>,
    /// Its live sessions, with how far each is.
    pub sessions: Vec<SessionStatus>,
    /// Who waits to take over, as host and process number.
    pub standbys: Vec<String>,
    /// Where it was asked, if that is not this machine.
    #[serde(skip)]
    pub reached_at: Option<IpAddr>,
    /// Why it could not be asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// How a daemon is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It holds its lease and answers.
    Active,
    /// It holds its lease and does not answer from here.
    Unreachable,
    /// Nobody holds its lease.
    Inactive,
}

/// The daemons that the configuration wants and those that have a lease.
pub async fn look(instance: &Instance, store: &Store) -> Result<Vec<DaemonView>, Error> {
    let leases = store.leases().await?;
    let local = ask_local(instance).await?;
    let wanted = instance.configuration.daemons();
    let daemons: BTreeSet<_> =
        wanted.into_iter().chain(leases.iter().map(|row| row.daemon)).collect();
    let mut views = Vec::new();
    for daemon in daemons {
        let row = leases.iter().find(|row| row.daemon == daemon);
        views.push(view(daemon, row, &local).await);
    }
    Ok(views)
}

/// The sessions of this machine's daemons that send a file now.
pub async fn sending(instance: &Instance) -> Result<Vec<SessionStatus>, Error> {
    let statuses = ask_local(instance).await?;
    let sends = |session: &SessionStatus| {
        session.file.as_ref().is_some_and(|file| file.direction == Direction::Out)
    };
    Ok(statuses.into_iter().flat_map(|status| status.sessions).filter(sends).collect())
}

/// What every process of this instance on this machine says that answers.
pub async fn ask_local(instance: &Instance) -> Result<Vec<DaemonStatus>, Error> {
    let answered = ask_all(instance, status).await?;
    Ok(answered.into_iter().filter_map(|one| one.answer.ok()).collect())
}

async fn status(client: Client) -> Result<DaemonStatus, ClientError> {
    client.with_limit(PATIENCE).status().await
}

async fn view(daemon: Daemon, row: Option<&LeaseRow>, local: &[DaemonStatus]) -> DaemonView {
    let here = local.iter().filter(|status| status.daemon == daemon);
    let (standbys, others): (Vec<_>, Vec<_>) =
        here.partition(|status| status.role == Role::Standby);
    let standbys =
        standbys.iter().map(|status| format!("{}/{}", status.host, status.pid)).collect();
    let Some(row) = row.filter(|row| row.is_held()) else {
        return DaemonView::inactive(daemon, standbys);
    };
    let answer = match others.into_iter().find(|status| status.address == row.address) {
        Some(status) => Ok(status.clone()),
        // On another machine, or a process that did not answer before.
        None => match row.address.parse::<Address>() {
            Ok(address) => status(Client::new(address)).await.map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        },
    };
    DaemonView::active(row, answer, standbys)
}

impl DaemonView {
    /// Nobody holds its lease.
    pub fn inactive(daemon: Daemon, standbys: Vec<String>) -> Self {
        Self {
            daemon,
            state: State::Inactive,
            pid: None,
            parent: None,
            host: None,
            epoch: None,
            since: None,
            lease_valid_for: None,
            listeners: Vec::new(),
            sessions: Vec::new(),
            standbys,
            reached_at: None,
            error: None,
        }
    }

    fn active(row: &LeaseRow, answer: Result<DaemonStatus, String>, standbys: Vec<String>) -> Self {
        let lease = Self {
            state: State::Unreachable,
            pid: Some(row.holder.process),
            host: Some(row.holder.host.clone()),
            epoch: Some(row.epoch.get()),
            since: Timestamp::from_microsecond(row.acquired_at).ok(),
            lease_valid_for: Some(row.expires_in.as_secs()),
            reached_at: match row.address.parse() {
                Ok(Address::Tcp(address)) => Some(address.ip()),
                Ok(Address::Unix(_)) | Err(_) => None,
            },
            ..Self::inactive(row.daemon, standbys)
        };
        match answer {
            Err(error) => Self { error: Some(error), ..lease },
            Ok(status) => Self {
                state: State::Active,
                parent: status.parent,
                sessions: status.sessions,
                listeners: status.listeners,
                ..lease
            },
        }
    }

    /// Whether it is active and, if it is a receiver, listens.
    pub fn is_ready(&self) -> bool {
        let receives = matches!(
            self.daemon,
            Daemon::SeonrdTcpip | Daemon::SeonrdTcpipTls | Daemon::SeonrdCapi(_)
        );
        let listens = self.listeners.iter().all(|listener| listener.ok);
        self.state == State::Active && listens && !(receives && self.listeners.is_empty())
    }
}
