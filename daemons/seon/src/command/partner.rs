//! `seon partner list`; `call`, and `ping`: a session without a transfer.

use std::process::ExitCode;
use std::time::Duration;

use commands::Instance;
use commands::partner::{self, Called, PartnerView, Purpose};
use jiff::Timestamp;
use terminal::arguments::{Calling, Partner, PartnerVerb};
use terminal::{Cell, Column, Failure, Format, Style, Table, Terminal, escaped, human};

use super::Context;

pub(super) async fn run(context: &Context, command: Partner) -> Result<ExitCode, Failure> {
    let instance = Instance::load(&context.place())?;
    match command.verb {
        PartnerVerb::List => list(context, &instance).await,
        PartnerVerb::Ping(calling) => call(context, &instance, &calling, Purpose::Ping).await,
        PartnerVerb::Call(calling) => call(context, &instance, &calling, Purpose::Exchange).await,
    }
}

async fn list(context: &Context, instance: &Instance) -> Result<ExitCode, Failure> {
    let partners = partner::list(instance, &instance.store().await?).await?;
    let text = match context.shared.format {
        Format::Json => terminal::json(&partners),
        Format::Table if partners.is_empty() => {
            format!("{} has no partner yet; write a SeonPartner\n", instance.name())
        }
        Format::Table => table(&partners, ambient::now(), &context.terminal),
    };
    terminal::answer(&text)?;
    Ok(ExitCode::SUCCESS)
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
            let only = if partner.sends_only { ", sends only" } else { "" };
            format!("{age} ago, {}{only}", partner.last_end.as_deref().unwrap_or("running"))
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

async fn call(
    context: &Context,
    instance: &Instance,
    Calling { name, wait }: &Calling,
    purpose: Purpose,
) -> Result<ExitCode, Failure> {
    let patience = Duration::from_secs(*wait);
    let requested_by = context.requested_by();
    let called = partner::call(instance, name, purpose, patience, &requested_by).await?;
    let text = match context.shared.format {
        Format::Json => terminal::json(&called),
        Format::Table => outcome(&called, &context.terminal),
    };
    terminal::answer(&text)?;
    Ok(if called.success { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn outcome(called: &Called, terminal: &Terminal) -> String {
    let Called { success, code, text, milliseconds, .. } = called;
    let (mark, style) = if *success { ("√", Style::Good) } else { ("×", Style::Bad) };
    let code = code.as_ref().map(|code| format!("{code} ")).unwrap_or_default();
    let took = human::span(Duration::from_millis(*milliseconds));
    let told = format!("{code}{text}");
    format!("{} {} ({took})\n", terminal.paint(style, mark), escaped(&told))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_says_how_a_partner_is_called_and_how_the_last_session_ended() {
        let now: Timestamp = "2026-11-20T08:14:02Z".parse().unwrap();
        let bolt = PartnerView {
            name: "bolt".parse().unwrap(),
            odette_id: "O0013000002BOLT".into(),
            transports: vec!["tls 10.0.0.2:6619".into()],
            suspended: false,
            queued: 12,
            blocked: 1,
            sends_only: true,
            last_session: Some("2026-11-20T08:03:02Z".parse().unwrap()),
            last_end: Some("ESID-00".into()),
        };
        let mute = PartnerView {
            name: "mute".parse().unwrap(),
            odette_id: "O1".into(),
            transports: Vec::new(),
            suspended: false,
            queued: 0,
            blocked: 0,
            sends_only: false,
            last_session: None,
            last_end: None,
        };
        assert_eq!(
            table(&[bolt, mute], now, &Terminal::default()),
            "NAME  ODETTE ID        CALLED BY          QUEUE  BLOCKED  LAST SESSION\n\
             bolt  O0013000002BOLT  tls 10.0.0.2:6619     12        1  11m ago, ESID-00, sends only\n\
             mute  O1               it calls us            0        0  -\n"
        );
    }
}
