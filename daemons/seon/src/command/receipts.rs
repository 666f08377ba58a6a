//! `seon receipts`: the receipts that we owe our partners; `release` lets held ones go.

use std::process::ExitCode;

use jiff::Timestamp;
use lease::Daemon;
use serde::Serialize;
use store::{OperatorRequest, Receipt, ReceiptFilter, ReceiptId, ReceiptKind, ReceiptState};

use super::Context;
use super::request::{self, Obeyed, PATIENCE};
use crate::arguments::{ReceiptOrder, Receipts, ReceiptsFilter};
use crate::failure::Failure;
use crate::instance::Instance;
use crate::output::{self, Cell, Column, Format, Style, Table, Terminal, human};

pub(super) async fn run(context: &Context, command: Receipts) -> Result<ExitCode, Failure> {
    let instance = Instance::load(&context.shared.place)?;
    match command.order {
        None => list(context, &instance, command.filter).await,
        Some(ReceiptOrder::Release { ids }) => release(context, &instance, &ids).await,
    }
}

/// A receipt as it is shown.
#[derive(Debug, Serialize)]
struct ReceiptView {
    id: ReceiptId,
    partner: String,
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<u8>,
    dataset_name: String,
    stamp: String,
    originator: String,
    destination: String,
    state: ReceiptState,
    held: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_before: Option<Timestamp>,
    created_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    sent_at: Option<Timestamp>,
}

impl From<Receipt> for ReceiptView {
    fn from(receipt: Receipt) -> Self {
        let (kind, reason) = match receipt.kind {
            ReceiptKind::Positive => ("EERP", None),
            ReceiptKind::Negative { reason, .. } => ("NERP", Some(reason)),
        };
        Self {
            id: receipt.id,
            partner: receipt.partner,
            kind,
            reason,
            dataset_name: receipt.identity.dataset_name.to_string(),
            stamp: receipt.identity.stamp.to_string(),
            originator: receipt.identity.originator.to_string(),
            destination: receipt.identity.destination.to_string(),
            state: receipt.state,
            held: receipt.held,
            not_before: receipt.not_before,
            created_at: receipt.created_at,
            sent_at: receipt.sent_at,
        }
    }
}

async fn list(
    context: &Context,
    instance: &Instance,
    wanted: ReceiptsFilter,
) -> Result<ExitCode, Failure> {
    let store = instance.store().await?;
    let filter = ReceiptFilter { partner: wanted.partner, state: None, limit: wanted.limit };
    let states: &[Option<ReceiptState>] = if wanted.all {
        &[None]
    } else {
        &[Some(ReceiptState::Queued), Some(ReceiptState::Sending)]
    };
    let mut receipts = Vec::new();
    for &state in states {
        let filter = ReceiptFilter { state, ..filter.clone() };
        receipts.extend(store.receipts(&filter).await?.into_iter().map(ReceiptView::from));
    }
    let text = match context.shared.format {
        Format::Json => output::json(&receipts),
        Format::Table if receipts.is_empty() => "no receipt waits to be sent\n".into(),
        Format::Table => table(&receipts, Timestamp::now(), &context.terminal),
    };
    output::answer(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn table(receipts: &[ReceiptView], now: Timestamp, terminal: &Terminal) -> String {
    let mut table = Table::new([
        Column::right("ID"),
        Column::left("PARTNER"),
        Column::left("KIND"),
        Column::left("DATASET NAME"),
        Column::left("STATE"),
        Column::right("AGE"),
    ]);
    for receipt in receipts {
        let kind = match receipt.reason {
            None => receipt.kind.to_owned(),
            Some(reason) => format!("{} {reason:02}", receipt.kind),
        };
        table.row([
            receipt.id.to_string().into(),
            receipt.partner.as_str().into(),
            kind.into(),
            receipt.dataset_name.as_str().into(),
            receipt.state(now),
            human::age(human::elapsed(receipt.created_at, now)).into(),
        ]);
    }
    table.render(terminal)
}

impl ReceiptView {
    fn state(&self, now: Timestamp) -> Cell {
        let waits = self.not_before.filter(|at| *at > now && self.state == ReceiptState::Queued);
        match (self.held, waits) {
            (true, _) => Cell::styled(Style::Warning, "held"),
            (false, Some(at)) => {
                let left = human::span(human::elapsed(now, at));
                format!("{}, not for {left}", self.state).into()
            }
            (false, None) => self.state.as_str().into(),
        }
    }
}

async fn release(
    context: &Context,
    instance: &Instance,
    ids: &[ReceiptId],
) -> Result<ExitCode, Failure> {
    let store = instance.store().await?;
    // All are asked first, so that waiting for one does not hold up the next.
    let mut asked = Vec::new();
    for &id in ids {
        let wanted = OperatorRequest::ReleaseReceipt(id);
        asked.push((id, request::ask(context, &store, Daemon::Seonsqd, wanted).await?));
    }
    let mut released = Vec::new();
    for (id, request) in asked {
        let outcome = request::outcome(&store, Daemon::Seonsqd, request, PATIENCE).await?;
        released.push(Obeyed::new(id, outcome));
    }
    Obeyed::tell(context, &released)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receipt(id: i64, held: bool) -> ReceiptView {
        ReceiptView {
            id: id.into(),
            partner: "bolt".into(),
            kind: "EERP",
            reason: None,
            dataset_name: "ENGDAT00471".into(),
            stamp: "202611200814020001".into(),
            originator: "O0013000002BOLT".into(),
            destination: "O0013000001ACME".into(),
            state: ReceiptState::Queued,
            held,
            not_before: None,
            created_at: "2026-11-20T08:00:00Z".parse().unwrap(),
            sent_at: None,
        }
    }

    #[test]
    fn the_table_says_which_receipts_wait_for_a_person_and_which_for_a_session() {
        let now = "2026-11-20T08:19:30Z".parse().unwrap();
        let refusal = ReceiptView { kind: "NERP", reason: Some(3), ..receipt(8, false) };
        let later = ReceiptView {
            not_before: Some("2026-11-20T08:20:00Z".parse().unwrap()),
            ..receipt(9, false)
        };
        assert_eq!(
            table(&[receipt(7, true), refusal, later], now, &Terminal::default()),
            "ID  PARTNER  KIND     DATASET NAME  STATE                 AGE\n\
             \x207  bolt     EERP     ENGDAT00471   held                  19m\n\
             \x208  bolt     NERP 03  ENGDAT00471   queued                19m\n\
             \x209  bolt     EERP     ENGDAT00471   queued, not for 30 s  19m\n"
        );
    }
}
