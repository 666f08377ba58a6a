//! `seon partner list`; `call`, and `ping`: a session without a transfer.

use std::process::ExitCode;
use std::time::Duration;

use configuration::{Partner, Transport};
use jiff::Timestamp;
use lease::Daemon;
use serde::Serialize;
use store::{EntryState, OperatorRequest, QueueFilter, SessionFilter, Store};
use tokio::time::Instant;

use super::{Context, request};
use crate::arguments::{Calling, Partner as Command, PartnerVerb};
use crate::failure::Failure;
use crate::instance::Instance;
use crate::output::{self, Cell, Column, Format, Style, Table, Terminal, human};

pub(super) async fn run(context: &Context, command: Command) -> Result<ExitCode, Failure> {
    let instance = Instance::load(&context.shared.place)?;
    match command.verb {
        PartnerVerb::List => list(context, &instance).await,
        PartnerVerb::Ping(calling) => {
            call(context, &instance, calling, OperatorRequest::PingPartner).await
        }
        PartnerVerb::Call(calling) => {
            call(context, &instance, calling, OperatorRequest::CallPartner).await
        }
    }
}

/// A partner as it is shown.
#[derive(Debug, Serialize)]
struct PartnerView {
    name: String,
    odette_id: String,
    transports: Vec<String>,
    suspended: bool,
    queued: u64,
    blocked: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_session: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_end: Option<String>,
}

async fn list(context: &Context, instance: &Instance) -> Result<ExitCode, Failure> {
    let store = instance.store().await?;
    let mut partners = Vec::new();
    for partner in instance.configuration.partners() {
        partners.push(view(&store, partner).await?);
    }
    let text = match context.shared.format {
        Format::Json => output::json(&partners),
        Format::Table if partners.is_empty() => {
            format!("{} has no partner yet; write a SeonPartner\n", instance.name())
        }
        Format::Table => table(&partners, Timestamp::now(), &context.terminal),
    };
    output::answer(&text)?;
    Ok(ExitCode::SUCCESS)
}

async fn view(store: &Store, partner: &Partner) -> Result<PartnerView, Failure> {
    let name = partner.name.to_string();
    let unfinished =
        QueueFilter { partner: Some(name.clone()), unfinished: true, ..QueueFilter::default() };
    let entries = store.queue(&unfinished).await?;
    let blocked = entries.iter().filter(|entry| entry.state == EntryState::Blocked).count();
    let newest =
        SessionFilter { partner: Some(name.clone()), limit: 1, ..SessionFilter::default() };
    let session = store.sessions(&newest).await?.into_iter().next();
    Ok(PartnerView {
        name,
        odette_id: partner.odette_id.to_string(),
        transports: partner.transports.iter().map(transport).collect(),
        suspended: partner.suspend,
        queued: entries.len() as u64,
        blocked: blocked as u64,
        last_session: session.as_ref().map(|session| session.started_at),
        last_end: session.and_then(|session| session.end_code),
    })
}

fn transport(transport: &Transport) -> String {
    match transport {
        Transport::Tls { host, port, .. } => format!("tls {host}:{port}"),
        Transport::Tcp { host, port } => format!("tcp {host}:{port}"),
        Transport::Isdn(address) => format!("isdn {}", address.number),
    }
}

fn table(partners: &[PartnerView], now: Timestamp, terminal: &Terminal) -> String {
    let mut table = Table::new([
        Column::left("NAME"),
        Column::left("ODETTE ID"),
        Column::left("CALLED BY"),
        Column::right("QUEUE"),
        Column::right("BLOCKED"),
        Column::left("LAST SESSION"),
    ]);
    for partner in partners {
        let called = match (partner.suspended, partner.transports.as_slice()) {
            (true, _) => Cell::styled(Style::Warning, "suspended"),
            (false, []) => "it calls us".into(),
            (false, transports) => transports.join(", ").into(),
        };
        let blocked = match partner.blocked {
            0 => "0".into(),
            blocked => Cell::styled(Style::Bad, blocked.to_string()),
        };
        let last = partner.last_session.map(|at| {
            let age = human::age(human::elapsed(at, now));
            format!("{age} ago, {}", partner.last_end.as_deref().unwrap_or("running"))
        });
        table.row([
            partner.name.as_str().into(),
            partner.odette_id.as_str().into(),
            called,
            partner.queued.to_string().into(),
            blocked,
            last.unwrap_or_default().into(),
        ]);
    }
    table.render(terminal)
}

/// What came of a call.
#[derive(Serialize)]
struct Called<'a> {
    partner: &'a str,
    success: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    text: String,
    milliseconds: u64,
}

async fn call(
    context: &Context,
    instance: &Instance,
    Calling { name, wait }: Calling,
    wanted: fn(String) -> OperatorRequest,
) -> Result<ExitCode, Failure> {
    let (name, patience) = (name.as_str(), Duration::from_secs(wait));
    let partner = instance.partner(name)?;
    if partner.transports.is_empty() {
        return Err(Failure::Usage(format!(
            "{name} has no transports, so we never call it; add spec.transports to its SeonPartner"
        )));
    }
    let store = instance.store().await?;
    let asked = Instant::now();
    let id = request::ask(context, &store, Daemon::Seonsqd, wanted(name.to_owned())).await?;
    let outcome = request::outcome(&store, Daemon::Seonsqd, id, patience).await?;
    let elapsed = asked.elapsed();
    let called = Called {
        partner: name,
        success: outcome.code.is_none(),
        code: outcome.code,
        text: outcome.text,
        milliseconds: u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
    };
    let text = match context.shared.format {
        Format::Json => output::json(&called),
        Format::Table => called.line(&context.terminal, elapsed),
    };
    output::answer(&text)?;
    Ok(if called.success { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Called<'_> {
    fn line(&self, terminal: &Terminal, elapsed: Duration) -> String {
        let Self { success, code, text, .. } = self;
        let (mark, style) = if *success { ("√", Style::Good) } else { ("×", Style::Bad) };
        let code = code.as_ref().map(|code| format!("{code} ")).unwrap_or_default();
        format!("{} {code}{text} ({})\n", terminal.paint(style, mark), human::span(elapsed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_says_how_a_partner_is_called_and_how_the_last_session_ended() {
        let now: Timestamp = "2026-11-20T08:14:02Z".parse().unwrap();
        let bolt = PartnerView {
            name: "bolt".into(),
            odette_id: "O0013000002BOLT".into(),
            transports: vec!["tls 10.0.0.2:6619".into()],
            suspended: false,
            queued: 12,
            blocked: 1,
            last_session: Some("2026-11-20T08:03:02Z".parse().unwrap()),
            last_end: Some("ESID-00".into()),
        };
        let mute = PartnerView {
            name: "mute".into(),
            odette_id: "O1".into(),
            transports: Vec::new(),
            suspended: false,
            queued: 0,
            blocked: 0,
            last_session: None,
            last_end: None,
        };
        assert_eq!(
            table(&[bolt, mute], now, &Terminal::default()),
            "NAME  ODETTE ID        CALLED BY          QUEUE  BLOCKED  LAST SESSION\n\
             bolt  O0013000002BOLT  tls 10.0.0.2:6619     12        1  11m ago, ESID-00\n\
             mute  O1               it calls us            0        0  -\n"
        );
    }
}
