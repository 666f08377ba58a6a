//! `seon ps`: the daemons, from the lease rows and from what each says about itself.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::process::ExitCode;
use std::time::Duration;

use jiff::Timestamp;
use lease::{Daemon, LeaseRow};
use runtime::admin::{Address, Client, ClientError};
use runtime::status::{DaemonStatus, Direction, ListenerStatus, Role, SessionStatus};
use serde::Serialize;
use store::Store;

use super::Context;
use super::local::ask_all;
use crate::failure::Failure;
use crate::instance::Instance;
use crate::output::{self, Cell, Column, Format, Style, Table, Terminal, human};

/// A daemon that lives answers at once; one that is stuck must not hold up the table.
const PATIENCE: Duration = Duration::from_secs(2);

/// A daemon of the instance, as it is shown.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct DaemonView {
    /// Which.
    pub(crate) daemon: Daemon,
    /// What its lease and its own words say together.
    pub(crate) state: State,
    /// Its process number.
    pub(crate) pid: Option<u32>,
    /// Its parent's.
    pub(crate) parent: Option<u32>,
    /// The host that it runs on.
    pub(crate) host: Option<String>,
    /// Its epoch.
    pub(crate) epoch: Option<i64>,
    /// When it became active.
    pub(crate) since: Option<Timestamp>,
    /// For how many more seconds its lease is valid.
    pub(crate) lease_valid_for: Option<u64>,
    /// What it listens on.
    pub(crate) listeners: Vec<ListenerStatus>,
    /// Its live sessions, with how far each is.
    pub(crate) sessions: Vec<SessionStatus>,
    /// Who waits to take over, as host and process number.
    pub(crate) standbys: Vec<String>,
    /// Where it was asked, if that is not this machine.
    #[serde(skip)]
    pub(crate) reached_at: Option<IpAddr>,
    /// Why it could not be asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<String>,
}

/// How a daemon is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    /// It holds its lease and answers.
    Active,
    /// It holds its lease and does not answer from here.
    Unreachable,
    /// Nobody holds its lease.
    Inactive,
}

pub(super) async fn run(context: &Context) -> Result<ExitCode, Failure> {
    let instance = Instance::load(&context.shared.place)?;
    let store = instance.store().await?;
    let daemons = look(&instance, &store).await?;
    let text = match context.shared.format {
        Format::Json => output::json(&daemons),
        Format::Table => table(&daemons, Timestamp::now(), &context.terminal),
    };
    output::answer(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// The daemons that the configuration wants and those that have a lease.
pub(crate) async fn look(instance: &Instance, store: &Store) -> Result<Vec<DaemonView>, Failure> {
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

/// What every process of this instance on this machine says that answers.
pub(crate) async fn ask_local(instance: &Instance) -> Result<Vec<DaemonStatus>, Failure> {
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
    fn inactive(daemon: Daemon, standbys: Vec<String>) -> Self {
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
    pub(crate) fn is_ready(&self) -> bool {
        let receives = matches!(
            self.daemon,
            Daemon::SeonrdTcpip | Daemon::SeonrdTcpipTls | Daemon::SeonrdCapi(_)
        );
        let listens = self.listeners.iter().all(|listener| listener.ok);
        self.state == State::Active && listens && !(receives && self.listeners.is_empty())
    }

    fn holder(&self) -> Cell {
        match (self.state, &self.host) {
            (State::Active, Some(host)) => host.as_str().into(),
            (State::Unreachable, Some(host)) => {
                Cell::styled(Style::Warning, format!("{host} (no answer)"))
            }
            _ => Cell::styled(Style::Bad, "nobody"),
        }
    }

    fn listens(&self) -> Cell {
        let words: Vec<_> = self
            .listeners
            .iter()
            .map(|listener| {
                format!("{} {}", listener.address, if listener.ok { "ok" } else { "not ok" })
            })
            .collect();
        let all_ok = self.listeners.iter().all(|listener| listener.ok);
        Cell::styled(if all_ok { Style::Plain } else { Style::Bad }, words.join(", "))
    }

    fn sessions(&self) -> String {
        let count = |direction: Direction| {
            self.sessions.iter().filter(|session| session.direction == direction).count()
        };
        match (count(Direction::In), count(Direction::Out)) {
            (0, 0) => "0".into(),
            (coming, 0) => format!("{coming} in"),
            (0, going) => format!("{going} out"),
            (coming, going) => format!("{coming} in, {going} out"),
        }
    }
}

/// The daemons under headings.
pub(crate) fn table(daemons: &[DaemonView], now: Timestamp, terminal: &Terminal) -> String {
    let mut table = Table::new([
        Column::left("DAEMON"),
        Column::right("PID"),
        Column::right("PARENT"),
        Column::left("ACTIVE ON"),
        Column::right("EPOCH"),
        Column::left("SINCE"),
        Column::left("LISTENS ON"),
        Column::left("SESSIONS"),
        Column::left("STANDBY"),
    ]);
    let number = |number: Option<u32>| number.map(|number| number.to_string()).unwrap_or_default();
    for daemon in daemons {
        table.row([
            daemon.daemon.name().into(),
            number(daemon.pid).into(),
            number(daemon.parent).into(),
            daemon.holder(),
            daemon.epoch.map(|epoch| epoch.to_string()).unwrap_or_default().into(),
            daemon.since.map(|at| human::age(human::elapsed(at, now))).unwrap_or_default().into(),
            daemon.listens(),
            match daemon.state {
                State::Active => daemon.sessions().into(),
                State::Unreachable | State::Inactive => Cell::default(),
            },
            daemon.standbys.join(", ").into(),
        ]);
    }
    table.render(terminal)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn daemons() -> Vec<DaemonView> {
        let receiver = DaemonView {
            state: State::Active,
            pid: Some(418),
            parent: Some(412),
            host: Some("box1".into()),
            epoch: Some(3),
            since: Some("2026-11-20T08:14:02Z".parse().unwrap()),
            listeners: vec![ListenerStatus {
                name: "tcpip".into(),
                address: "0.0.0.0:3305".into(),
                ok: true,
                error: None,
            }],
            sessions: vec![session(), session()],
            ..DaemonView::inactive(Daemon::SeonrdTcpip, vec!["box2/99".into()])
        };
        vec![receiver, DaemonView::inactive(Daemon::Seonsqd, Vec::new())]
    }

    fn session() -> SessionStatus {
        SessionStatus {
            id: "1".into(),
            session: None,
            partner: Some("bolt".into()),
            direction: Direction::In,
            transport: "tcp".into(),
            peer: "192.0.2.7:50000".into(),
            since: "2026-11-22T12:14:00Z".parse().unwrap(),
            level: None,
            file: None,
        }
    }

    #[test]
    fn the_table_answers_who_where_since_when_and_on_which_address() {
        let now = "2026-11-22T12:14:02Z".parse().unwrap();
        assert_eq!(
            table(&daemons(), now, &Terminal::default()),
            "DAEMON        PID  PARENT  ACTIVE ON  EPOCH  SINCE  LISTENS ON       SESSIONS  STANDBY\n\
             seonrd_tcpip  418     412  box1           3  2d 4h  0.0.0.0:3305 ok  2 in      box2/99\n\
             seonsqd         -       -  nobody         -  -      -                -         -\n"
        );
    }

    #[test]
    fn as_json_a_daemon_has_its_classic_name() {
        let json = serde_json::to_value(daemons()).unwrap();
        assert_eq!(json[0]["daemon"], "seonrd_tcpip");
        assert_eq!(json[0]["listeners"][0]["address"], "0.0.0.0:3305");
        assert_eq!(json[1]["state"], "inactive");
    }
}
