//! `seon ps`: the daemons, from the lease rows and from what each says about itself.

use std::process::ExitCode;

use commands::Instance;
use commands::ps::{self, DaemonView, State};
use jiff::Timestamp;
use runtime::status::Direction;
use terminal::{Cell, Column, Failure, Format, Style, Table, Terminal, human};

use super::Context;

pub(super) async fn run(context: &Context) -> Result<ExitCode, Failure> {
    let instance = Instance::load(&context.place())?;
    let daemons = ps::look(&instance, &instance.store().await?).await?;
    let text = match context.shared.format {
        Format::Json => terminal::json(&daemons),
        Format::Table => table(&daemons, ambient::now(), &context.terminal),
    };
    terminal::answer(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// The daemons under headings.
pub(super) fn table(daemons: &[DaemonView], now: Timestamp, terminal: &Terminal) -> String {
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
            holder(daemon),
            daemon.epoch.map(|epoch| epoch.to_string()).unwrap_or_default().into(),
            daemon.since.map(|at| human::age(human::elapsed(at, now))).unwrap_or_default().into(),
            listens(daemon),
            match daemon.state {
                State::Active => sessions(daemon).into(),
                State::Unreachable | State::Inactive => Cell::default(),
            },
            daemon.standbys.join(", ").into(),
        ]);
    }
    table.render(terminal)
}

fn holder(view: &DaemonView) -> Cell {
    match (view.state, &view.host) {
        (State::Active, Some(host)) => host.as_str().into(),
        (State::Unreachable, Some(host)) => {
            Cell::styled(Style::Warning, format!("{host} (no answer)"))
        }
        _ => Cell::styled(Style::Bad, "nobody"),
    }
}

fn listens(view: &DaemonView) -> Cell {
    let words: Vec<_> = view
        .listeners
        .iter()
        .map(|listener| {
            format!("{} {}", listener.address, if listener.ok { "ok" } else { "not ok" })
        })
        .collect();
    let all_ok = view.listeners.iter().all(|listener| listener.ok);
    Cell::styled(if all_ok { Style::Plain } else { Style::Bad }, words.join(", "))
}

fn sessions(view: &DaemonView) -> String {
    let count = |direction: Direction| {
        view.sessions.iter().filter(|session| session.direction == direction).count()
    };
    match (count(Direction::In), count(Direction::Out)) {
        (0, 0) => "0".into(),
        (coming, 0) => format!("{coming} in"),
        (0, going) => format!("{going} out"),
        (coming, going) => format!("{coming} in, {going} out"),
    }
}

#[cfg(test)]
mod tests {
    use domain::Daemon;
    use runtime::status::{ListenerStatus, SessionStatus};

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
            partner: "bolt".parse().ok(),
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
