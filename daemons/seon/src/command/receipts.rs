//! `seon receipts`: the receipts that we owe our partners; `release` lets those go that wait. And the
//! signed ones that partners gave us: `verify` and `export`.

use std::process::ExitCode;

use commands::Instance;
use commands::proof::{self, ProofView};
use commands::receipts::{self, ReceiptSelection, ReceiptView};
use jiff::Timestamp;
use store::{ReceiptState, Store};
use terminal::arguments::{Kept, ReceiptOrder, Receipts, ReceiptsFilter};
use terminal::{Cell, Column, Failure, Format, Style, Table, Terminal, human};

use super::Context;
use super::request::tell;

pub(super) async fn run(context: &Context, command: Receipts) -> Result<ExitCode, Failure> {
    match command.order {
        Some(ReceiptOrder::Verify(Kept { file: Some(file), .. })) => {
            show(context, &proof::verify_file(&file).await?)
        }
        order => with_store(context, order, command.filter).await,
    }
}

async fn with_store(
    context: &Context,
    order: Option<ReceiptOrder>,
    filter: ReceiptsFilter,
) -> Result<ExitCode, Failure> {
    let instance = Instance::load(&context.place())?;
    let store = instance.store().await?;
    match order {
        None | Some(ReceiptOrder::Verify(Kept { entry: None, .. })) => {
            list(context, &store, filter).await
        }
        Some(ReceiptOrder::Release { ids }) => {
            tell(context, &receipts::release(&store, &ids, &context.requested_by()).await?)
        }
        Some(ReceiptOrder::Verify(Kept { entry: Some(entry), .. })) => {
            show(context, &proof::verify(&store, entry).await?)
        }
        Some(ReceiptOrder::Export { entry }) => {
            terminal::answer(&proof::export(&store, entry).await?)?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn show(context: &Context, proof: &ProofView) -> Result<ExitCode, Failure> {
    terminal::answer(&terminal::proof::text(proof, context.shared.format, &context.terminal))?;
    Ok(ExitCode::SUCCESS)
}

async fn list(
    context: &Context,
    store: &Store,
    filter: ReceiptsFilter,
) -> Result<ExitCode, Failure> {
    let ReceiptsFilter { partner, all, limit } = filter;
    let receipts = receipts::list(store, &ReceiptSelection { partner, all, limit }).await?;
    let text = match context.shared.format {
        Format::Json => terminal::json(&receipts),
        Format::Table if receipts.is_empty() => "no receipt waits to be sent\n".into(),
        Format::Table => table(&receipts, ambient::now(), &context.terminal),
    };
    terminal::answer(&text)?;
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
            state(receipt, now),
            human::age(human::elapsed(receipt.created_at, now)).into(),
        ]);
    }
    table.render(terminal)
}

fn state(receipt: &ReceiptView, now: Timestamp) -> Cell {
    let is_queued = receipt.state == ReceiptState::Queued;
    let waits = receipt.not_before.filter(|at| *at > now && is_queued);
    match (receipt.held, waits) {
        (true, _) => Cell::styled(Style::Warning, "held"),
        (false, Some(at)) => {
            let left = human::span(human::elapsed(now, at));
            format!("{}, not for {left}", receipt.state).into()
        }
        (false, None) => receipt.state.as_str().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receipt(id: i64, held: bool) -> ReceiptView {
        ReceiptView {
            id: id.into(),
            partner: "bolt".parse().unwrap(),
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
