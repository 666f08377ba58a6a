//! `seon queue`: the send queue, and what people do to its entries.

use std::process::ExitCode;

use commands::Instance;
use commands::queue::{self, EntryView};
use jiff::Timestamp;
use store::{EntryState, QueueFilter, Store};
use terminal::arguments::{Queue, QueueFilter as Filter};
use terminal::{Cell, Column, Failure, Format, Style, Table, Terminal, human};

use super::Context;
use super::request::tell;
use super::secured;

pub(super) async fn run(context: &Context, command: Queue) -> Result<ExitCode, Failure> {
    let instance = Instance::load(&context.place())?;
    let store = instance.store().await?;
    let Some(order) = command.order else {
        return list(context, &store, command.filter).await;
    };
    let (order, ids) = order.parts();
    tell(context, &queue::obey(&store, order, ids, &context.requested_by()).await?)
}

async fn list(context: &Context, store: &Store, wanted: Filter) -> Result<ExitCode, Failure> {
    let filter = QueueFilter {
        partner: wanted.partner,
        // Whoever asks for acknowledged entries wants to see them.
        unfinished: !wanted.all && wanted.state.is_none(),
        state: wanted.state,
        limit: wanted.limit,
    };
    let entries = queue::list(store, &filter).await?;
    let text = match context.shared.format {
        Format::Json => terminal::json(&entries),
        Format::Table if entries.is_empty() => "the queue is empty\n".into(),
        Format::Table => table(&entries, ambient::now(), &context.terminal),
    };
    terminal::answer(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn table(entries: &[EntryView], now: Timestamp, terminal: &Terminal) -> String {
    // Whoever secures nothing has no column for it.
    let security = entries.iter().any(|entry| entry.security.is_some());
    let mut columns = vec![
        Column::right("ID"),
        Column::left("PARTNER"),
        Column::left("DATASET NAME"),
        Column::right("SIZE"),
        Column::left("STATE"),
        Column::right("TRIES"),
        Column::right("AGE"),
    ];
    columns.extend(security.then(|| Column::left("SECURITY")));
    columns.push(Column::left("REMARK"));
    let mut table = Table::new(columns);
    for entry in entries {
        let mut cells: Vec<Cell> = vec![
            entry.id.to_string().into(),
            entry.partner.as_str().into(),
            entry.dataset_name.as_str().into(),
            human::octets(entry.octets).into(),
            Cell::styled(style(entry.state), entry.state.as_str()),
            entry.attempts.to_string().into(),
            human::age(human::elapsed(entry.created_at, now)).into(),
        ];
        cells.extend(security.then(|| secured::words(entry.security.as_ref()).into()));
        cells.push(remark(entry, now).into());
        table.row(cells);
    }
    table.render(terminal)
}

fn style(state: EntryState) -> Style {
    match state {
        EntryState::Acknowledged => Style::Good,
        EntryState::Blocked | EntryState::Rejected => Style::Bad,
        EntryState::Held => Style::Warning,
        EntryState::Cancelled => Style::Faint,
        EntryState::Queued
        | EntryState::Preparing
        | EntryState::Ready
        | EntryState::Sending
        | EntryState::Sent => Style::Plain,
    }
}

/// Why it is where it is, in a few words.
fn remark(entry: &EntryView, now: Timestamp) -> String {
    let mut remarks = Vec::new();
    if entry.passive && entry.finished_at.is_none() {
        remarks.push("the partner fetches it".to_owned());
    }
    if entry.state == EntryState::Sent && entry.finished_at.is_none() {
        remarks.push("waits for the receipt".to_owned());
    }
    if let Some(at) = entry.not_before.filter(|at| *at > now && entry.finished_at.is_none()) {
        remarks.push(format!("again in {}", human::span(human::elapsed(now, at))));
    }
    remarks.extend(entry.hindrance.as_ref().map(|why| format!("waits: {} {}", why.code, why.text)));
    remarks.extend(entry.error_code.clone());
    let signer = entry.receipt_signer.as_ref();
    remarks.extend(signer.map(|signer| format!("receipt signed by {signer}")));
    remarks.extend(entry.comment.clone());
    remarks.join(", ")
}

#[cfg(test)]
mod tests {
    use commands::{HindranceView, SecurityView};

    use super::*;

    fn entry() -> EntryView {
        EntryView {
            id: 17.into(),
            partner: "bolt".parse().unwrap(),
            dataset_name: "ENGDAT00471".into(),
            stamp: "202611200814020001".into(),
            originator: "O0013000001ACME".into(),
            destination: "O0013000002BOLT".into(),
            format: 'U',
            security: None,
            hindrance: None,
            receipt_signer: None,
            octets: 1 << 30,
            priority: 0,
            passive: false,
            state: EntryState::Ready,
            attempts: 2,
            not_before: Some("2026-11-20T08:20:00Z".parse().unwrap()),
            error_code: Some("E-CONNECT-REFUSED".into()),
            error_text: None,
            comment: None,
            created_at: "2026-11-20T08:00:00Z".parse().unwrap(),
            sent_at: None,
            finished_at: None,
        }
    }

    #[test]
    fn the_queue_shows_why_an_entry_waits() {
        let now = "2026-11-20T08:19:30Z".parse().unwrap();
        assert_eq!(
            table(&[entry()], now, &Terminal::default()),
            "ID  PARTNER  DATASET NAME     SIZE  STATE  TRIES  AGE  REMARK\n\
             17  bolt     ENGDAT00471   1.0 GiB  ready      2  19m  again in 30 s, E-CONNECT-REFUSED\n"
        );
    }

    #[test]
    fn of_an_entry_that_waits_while_it_is_prepared_the_queue_says_for_what() {
        let why = HindranceView { code: "E-SPOOL-FULL".into(), text: "no room".into() };
        let waits = EntryView {
            state: EntryState::Preparing,
            hindrance: Some(why),
            not_before: None,
            error_code: None,
            ..entry()
        };
        let now = "2026-11-20T08:19:30Z".parse().unwrap();
        assert_eq!(remark(&waits, now), "waits: E-SPOOL-FULL no room");
    }

    #[test]
    fn security_has_a_column_where_there_is_some_and_a_receipts_signer_is_named() {
        let secured = EntryView {
            security: Some(SecurityView {
                signed: true,
                encrypted: true,
                compressed: false,
                signed_receipt: true,
                suite: Some("04".into()),
            }),
            receipt_signer: Some("CN=bolt receipts".into()),
            state: EntryState::Acknowledged,
            not_before: None,
            error_code: None,
            ..entry()
        };
        let plain = EntryView { id: 18.into(), not_before: None, error_code: None, ..entry() };
        let now = "2026-11-20T08:19:30Z".parse().unwrap();
        assert_eq!(
            table(&[secured, plain], now, &Terminal::default()),
            "ID  PARTNER  DATASET NAME     SIZE  STATE         TRIES  AGE  \
             SECURITY               REMARK\n\
             17  bolt     ENGDAT00471   1.0 GiB  acknowledged      2  19m  \
             signed, encrypted; 04  receipt signed by CN=bolt receipts\n\
             18  bolt     ENGDAT00471   1.0 GiB  ready             2  19m  \
             -                      -\n"
        );
    }

    #[test]
    fn as_json_an_entry_says_everything_under_the_same_names() {
        let json = serde_json::to_value(entry()).unwrap();
        assert_eq!(json["id"], 17);
        assert_eq!(json["state"], "ready");
        assert_eq!(json["not_before"], "2026-11-20T08:20:00Z");
        assert_eq!(json.get("comment"), None);
    }
}
