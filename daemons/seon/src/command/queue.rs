//! `seon queue`: the send queue, and what people do to its entries.

use std::process::ExitCode;

use jiff::Timestamp;
use lease::Daemon;
use serde::Serialize;
use store::{EntryId, EntryState, OperatorRequest, QueueEntry, QueueFilter, Store};

use super::Context;
use super::request::{self, Obeyed, PATIENCE};
use crate::arguments::{Entries, Order, Queue, QueueFilter as Wanted};
use crate::failure::Failure;
use crate::instance::Instance;
use crate::output::{self, Cell, Column, Format, Style, Table, Terminal, human};

pub(super) async fn run(context: &Context, command: Queue) -> Result<ExitCode, Failure> {
    let instance = Instance::load(&context.shared.place)?;
    let store = instance.store().await?;
    match command.order {
        None => list(context, &store, command.filter).await,
        Some(order) => obey(context, &store, &order).await,
    }
}

/// A queue entry as it is shown.
#[derive(Debug, Serialize)]
pub(crate) struct EntryView {
    id: EntryId,
    partner: String,
    dataset_name: String,
    stamp: String,
    originator: String,
    destination: String,
    format: char,
    octets: u64,
    priority: i64,
    passive: bool,
    state: EntryState,
    attempts: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_before: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<String>,
    created_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    sent_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    finished_at: Option<Timestamp>,
}

impl From<QueueEntry> for EntryView {
    fn from(entry: QueueEntry) -> Self {
        Self {
            id: entry.id,
            partner: entry.partner,
            dataset_name: entry.identity.dataset_name.to_string(),
            stamp: entry.identity.stamp.to_string(),
            originator: entry.identity.originator.to_string(),
            destination: entry.identity.destination.to_string(),
            format: entry.format.letter(),
            octets: entry.octets,
            priority: entry.priority,
            passive: entry.passive,
            state: entry.state,
            attempts: entry.attempts,
            not_before: entry.not_before,
            error_code: entry.error_code,
            error_text: entry.error_text,
            comment: entry.comment,
            created_at: entry.created_at,
            sent_at: entry.sent_at,
            finished_at: entry.finished_at,
        }
    }
}

async fn list(context: &Context, store: &Store, wanted: Wanted) -> Result<ExitCode, Failure> {
    let filter = QueueFilter {
        partner: wanted.partner,
        // Whoever asks for acknowledged entries wants to see them.
        unfinished: !wanted.all && wanted.state.is_none(),
        state: wanted.state,
        limit: wanted.limit,
    };
    let entries: Vec<EntryView> = store.queue(&filter).await?.into_iter().map(Into::into).collect();
    let text = match context.shared.format {
        Format::Json => output::json(&entries),
        Format::Table if entries.is_empty() => "the queue is empty\n".into(),
        Format::Table => table(&entries, Timestamp::now(), &context.terminal),
    };
    output::answer(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn table(entries: &[EntryView], now: Timestamp, terminal: &Terminal) -> String {
    let mut table = Table::new([
        Column::right("ID"),
        Column::left("PARTNER"),
        Column::left("DATASET NAME"),
        Column::right("SIZE"),
        Column::left("STATE"),
        Column::right("TRIES"),
        Column::right("AGE"),
        Column::left("REMARK"),
    ]);
    for entry in entries {
        table.row([
            entry.id.to_string().into(),
            entry.partner.as_str().into(),
            entry.dataset_name.as_str().into(),
            human::octets(entry.octets).into(),
            Cell::styled(style(entry.state), entry.state.as_str()),
            entry.attempts.to_string().into(),
            human::age(human::elapsed(entry.created_at, now)).into(),
            entry.remark(now).into(),
        ]);
    }
    table.render(terminal)
}

fn style(state: EntryState) -> Style {
    match state {
        EntryState::Acknowledged => Style::Good,
        EntryState::Blocked | EntryState::Rejected => Style::Bad,
        EntryState::Held => Style::Warning,
        EntryState::Cancelled => Style::Faint,
        EntryState::Queued | EntryState::Ready | EntryState::Sending | EntryState::Sent => {
            Style::Plain
        }
    }
}

impl EntryView {
    /// Why it is where it is, in a few words.
    fn remark(&self, now: Timestamp) -> String {
        let mut remarks = Vec::new();
        if self.passive && self.finished_at.is_none() {
            remarks.push("the partner fetches it".to_owned());
        }
        if self.state == EntryState::Sent && self.finished_at.is_none() {
            remarks.push("waits for the receipt".to_owned());
        }
        if let Some(at) = self.not_before.filter(|at| *at > now && self.finished_at.is_none()) {
            remarks.push(format!("again in {}", human::span(human::elapsed(now, at))));
        }
        remarks.extend(self.error_code.clone());
        remarks.extend(self.comment.clone());
        remarks.join(", ")
    }
}

async fn obey(context: &Context, store: &Store, order: &Order) -> Result<ExitCode, Failure> {
    let (Order::Hold(Entries { ids })
    | Order::Release(Entries { ids })
    | Order::Cancel(Entries { ids })
    | Order::Unblock(Entries { ids })
    | Order::Abort(Entries { ids })) = order;
    // All are asked first, so that waiting for one does not hold up the next.
    let mut asked = Vec::new();
    for &id in ids {
        asked.push((id, ask(context, store, order, id).await?));
    }
    let mut obeyed = Vec::new();
    for (id, asked) in asked {
        obeyed.push(match asked {
            Ok(request) => {
                let outcome = request::outcome(store, Daemon::Seonsqd, request, PATIENCE).await?;
                Obeyed::new(id, outcome)
            }
            Err(text) => Obeyed { id, done: false, code: Some("E-QUEUE-STATE".into()), text },
        });
    }
    Obeyed::tell(context, &obeyed)
}

/// Writes the request, or says why there is nothing to ask for.
async fn ask(
    context: &Context,
    store: &Store,
    order: &Order,
    id: EntryId,
) -> Result<Result<store::RequestId, String>, Failure> {
    let wanted = match order {
        Order::Hold(_) => OperatorRequest::Hold(id),
        Order::Release(_) => OperatorRequest::Release(id),
        Order::Cancel(_) => OperatorRequest::Cancel(id),
        Order::Unblock(_) => OperatorRequest::Unblock(id),
        Order::Abort(_) => match store.entry(id).await? {
            None => return Ok(Err(format!("there is no queue entry {id}"))),
            Some(QueueEntry { claim: Some(claim), .. }) => {
                OperatorRequest::AbortSession(claim.session)
            }
            Some(entry) => {
                return Ok(Err(format!("entry {id} is {}, no transfer is running", entry.state)));
            }
        },
    };
    request::ask(context, store, Daemon::Seonsqd, wanted).await.map(Ok)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry() -> EntryView {
        EntryView {
            id: 17.into(),
            partner: "bolt".into(),
            dataset_name: "ENGDAT00471".into(),
            stamp: "202611200814020001".into(),
            originator: "O0013000001ACME".into(),
            destination: "O0013000002BOLT".into(),
            format: 'U',
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
    fn as_json_an_entry_says_everything_under_the_same_names() {
        let json = serde_json::to_value(entry()).unwrap();
        assert_eq!(json["id"], 17);
        assert_eq!(json["state"], "ready");
        assert_eq!(json["not_before"], "2026-11-20T08:20:00Z");
        assert_eq!(json.get("comment"), None);
    }
}
