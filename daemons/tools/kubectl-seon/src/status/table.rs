//! The status for people.

use std::fmt::Write;

use crds::Condition;
use jiff::Timestamp;

use super::{DaemonView, InstanceView, PartnerView};
use crate::pod::{PodView, Role};
use terminal::{Cell, Column, Style, Table, Terminal, human};

/// A revision is a fingerprint: its beginning tells two apart.
const ENOUGH: usize = 12;

/// Everything, from the sentence that sums it up down to what could not be asked.
pub(super) fn text(
    view: &InstanceView,
    verbose: bool,
    now: Timestamp,
    terminal: &Terminal,
) -> String {
    let mut text = summary(view, terminal);
    let mut add = |table: String| {
        if !table.is_empty() {
            text.push('\n');
            text.push_str(&table);
        }
    };
    add(daemons(&view.daemons, now, terminal));
    add(conditions(&view.conditions, now, terminal));
    add(partners(&view.partners, now, terminal));
    if verbose {
        add(pods(&view.pods, now, terminal));
    }
    if !view.errors.is_empty() {
        text.push_str("\nnot everything could be asked:\n");
        for error in &view.errors {
            let _ = writeln!(text, "{} {error}", terminal.paint(Style::Bad, "×"));
        }
    }
    text
}

/// `acme in namespace office (O0013000001ACME) is ready: …`
fn summary(view: &InstanceView, terminal: &Terminal) -> String {
    let ready = view.conditions.iter().find(|condition| condition.kind == "Ready");
    let (state, style) = match ready.map(|condition| condition.status.as_str()) {
        _ if view.suspended => ("is suspended", Style::Warning),
        Some("True") => ("is ready", Style::Good),
        Some("False") => ("is not ready", Style::Bad),
        _ => ("has not been looked at by the operator", Style::Warning),
    };
    let state = terminal.paint(style, state);
    let why = ready.map(|ready| format!(": {}", ready.message)).unwrap_or_default();
    let queue = view.queue.map(|queue| {
        let waiting = u64::try_from(queue).unwrap_or_default();
        format!("{} to be sent\n", human::count(waiting, "entry waits", "entries wait"))
    });
    format!(
        "{} in namespace {} ({}) {state}{why}\n{}",
        terminal.paint(Style::Heading, &view.name),
        view.namespace,
        view.odette_id,
        queue.unwrap_or_default(),
    )
}

fn daemons(daemons: &[DaemonView], now: Timestamp, terminal: &Terminal) -> String {
    let mut table = Table::new([
        Column::left("DAEMON"),
        Column::left("ACTIVE POD"),
        Column::left("NODE"),
        Column::right("EPOCH"),
        Column::left("SINCE"),
        Column::left("LISTENS ON"),
        Column::right("SESSIONS"),
        Column::left("STANDBY"),
    ]);
    for daemon in daemons {
        let active = match daemon.active.as_slice() {
            [] => Cell::styled(Style::Bad, "nobody"),
            [one] => one.as_str().into(),
            several => Cell::styled(Style::Warning, several.join(" → ")),
        };
        let others = daemon.others.iter().map(|pod| format!("{pod} (not ready)"));
        let standbys: Vec<_> = daemon.standbys.iter().cloned().chain(others).collect();
        let style = if daemon.standbys.is_empty() { Style::Warning } else { Style::Plain };
        table.row([
            daemon.daemon.name().into(),
            active,
            daemon.node.as_deref().unwrap_or_default().into(),
            daemon.epoch.map(|epoch| epoch.to_string()).unwrap_or_default().into(),
            age(daemon.since, now).into(),
            daemon.listens.as_deref().unwrap_or_default().into(),
            daemon.sessions.map(|sessions| sessions.to_string()).unwrap_or_default().into(),
            Cell::styled(style, standbys.join(", ")),
        ]);
    }
    table.render(terminal)
}

fn conditions(conditions: &[Condition], now: Timestamp, terminal: &Terminal) -> String {
    let mut table = Table::new([
        Column::left("CONDITION"),
        Column::left("STATUS"),
        Column::left("REASON"),
        Column::left("SINCE"),
        Column::left("MESSAGE"),
    ]);
    for condition in conditions {
        table.row([
            condition.kind.as_str().into(),
            condition.status.as_str().into(),
            condition.reason.as_str().into(),
            age(Some(condition.last_transition_time.0), now).into(),
            condition.message.as_str().into(),
        ]);
    }
    table.render(terminal)
}

fn partners(partners: &[PartnerView], now: Timestamp, terminal: &Terminal) -> String {
    let mut table = Table::new([
        Column::left("PARTNER"),
        Column::left("ODETTE ID"),
        Column::left("READY"),
        Column::right("QUEUE"),
        Column::right("BLOCKED"),
        Column::left("LAST SESSION"),
        Column::left("REMARK"),
    ]);
    for partner in partners {
        let ready = partner.conditions.iter().find(|condition| condition.kind == "Ready");
        let status = ready.map(|ready| ready.status.as_str()).unwrap_or_default();
        let remark = match (partner.suspended, ready) {
            (true, _) => "suspended",
            (false, Some(ready)) if ready.status != "True" => &ready.message,
            _ => "",
        };
        let last = partner.last_session.map(|at| {
            let outcome = partner.last_outcome.as_deref().unwrap_or_default();
            format!("{} ago, {outcome}", age(Some(at), now))
        });
        let count = |count: Option<i64>| count.map(|count| count.to_string()).unwrap_or_default();
        let blocked = match partner.blocked {
            Some(1..) => Style::Bad,
            _ => Style::Plain,
        };
        table.row([
            partner.name.as_str().into(),
            partner.odette_id.as_str().into(),
            Cell::styled(if status == "False" { Style::Bad } else { Style::Plain }, status),
            count(partner.queued).into(),
            Cell::styled(blocked, count(partner.blocked)),
            last.unwrap_or_default().into(),
            remark.into(),
        ]);
    }
    table.render(terminal)
}

fn pods(pods: &[PodView], now: Timestamp, terminal: &Terminal) -> String {
    let mut table = Table::new([
        Column::left("POD"),
        Column::left("ROLE"),
        Column::left("READY"),
        Column::left("SINCE"),
        Column::left("NODE"),
        Column::right("RESTARTS"),
        Column::left("IMAGE"),
        Column::left("CONFIGURATION"),
    ]);
    for pod in pods {
        let ready = match (&pod.trouble, pod.ready) {
            (_, true) => "yes".into(),
            (Some(trouble), false) => Cell::styled(Style::Bad, trouble.as_str()),
            (None, false) => Cell::styled(Style::Bad, "no"),
        };
        table.row([
            pod.name.as_str().into(),
            pod.role.map(Role::word).unwrap_or_default().into(),
            ready,
            age(pod.since, now).into(),
            pod.node.as_deref().unwrap_or_default().into(),
            pod.restarts.to_string().into(),
            pod.image.as_deref().unwrap_or_default().into(),
            configuration(pod),
        ]);
    }
    table.render(terminal)
}

fn configuration(pod: &PodView) -> Cell {
    let short = |revision: &str| revision.chars().take(ENOUGH).collect::<String>();
    let has = pod.configuration.as_deref().map(short).unwrap_or_default();
    match (&pod.refused, &pod.wanted_configuration) {
        (Some(_), _) => Cell::styled(Style::Bad, format!("{has}, refused a newer one")),
        (None, Some(wanted)) if pod.configuration.as_ref() != Some(wanted) => {
            Cell::styled(Style::Warning, format!("{has}, comes to {}", short(wanted)))
        }
        _ => has.into(),
    }
}

fn age(at: Option<Timestamp>, now: Timestamp) -> String {
    at.map(|at| human::age(human::elapsed(at, now))).unwrap_or_default()
}
