//! `seon received`: the received files; `reject` refuses one that was received whole.

use std::process::ExitCode;

use commands::received::{self, ReceivedView};
use commands::{HindranceView, Instance};
use jiff::Timestamp;
use store::{ReceivedFilter, ReceivedState};
use terminal::arguments::{Received, ReceivedFilesFilter, ReceivedOrder, Reject};
use terminal::{Cell, Column, Failure, Format, Style, Table, Terminal, human};

use super::request::tell;
use super::{Context, secured};

pub(super) async fn run(context: &Context, wanted: Received) -> Result<ExitCode, Failure> {
    let instance = Instance::load(&context.place())?;
    let store = instance.store().await?;
    let Received { order, filter } = wanted;
    if let Some(ReceivedOrder::Reject(Reject { id, reason, text })) = order {
        let by = context.requested_by();
        return tell(context, &[received::reject(&store, id, reason, text, &by).await?]);
    }
    let ReceivedFilesFilter { partner, state, limit } = filter;
    let filter = ReceivedFilter { partner, state, limit };
    let files = received::list(&instance, &store, &filter).await?;
    let text = match context.shared.format {
        Format::Json => terminal::json(&files),
        Format::Table if files.is_empty() => "no received file is on record\n".into(),
        Format::Table => table(&files, ambient::now(), &context.terminal),
    };
    terminal::answer(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn table(files: &[ReceivedView], now: Timestamp, terminal: &Terminal) -> String {
    // Whoever gets nothing secured has no column for it.
    let security = files.iter().any(|file| file.security.is_some());
    let mut columns = vec![
        Column::right("ID"),
        Column::left("PARTNER"),
        Column::left("DATASET NAME"),
        Column::right("SIZE"),
        Column::left("STATE"),
        Column::right("AGE"),
    ];
    columns.extend(security.then(|| Column::left("SECURITY")));
    columns.push(Column::left("REMARK"));
    let mut table = Table::new(columns);
    for file in files {
        let mut cells: Vec<Cell> = vec![
            file.id.to_string().into(),
            file.partner.as_str().into(),
            file.dataset_name.as_str().into(),
            human::octets(file.original_octets.unwrap_or(file.octets)).into(),
            Cell::styled(style(file.state), file.state.as_str()),
            human::age(human::elapsed(file.created_at, now)).into(),
        ];
        cells.extend(security.then(|| secured::words(file.security.as_ref()).into()));
        cells.push(remark(file).into());
        table.row(cells);
    }
    table.render(terminal)
}

fn style(state: ReceivedState) -> Style {
    match state {
        ReceivedState::Delivered => Style::Good,
        ReceivedState::Failed => Style::Bad,
        ReceivedState::Receiving
        | ReceivedState::Unwrapping
        | ReceivedState::Received
        | ReceivedState::Delivering => Style::Plain,
    }
}

/// What is wrong with it, else where it lies and who signed it.
fn remark(file: &ReceivedView) -> String {
    let mut remarks = Vec::new();
    if let Some(code) = &file.error_code {
        let text = file.error_text.as_deref().unwrap_or_default();
        remarks.push(format!("{code} {text}").trim_end().to_owned());
    }
    if let Some(HindranceView { code, text }) = &file.hindrance {
        remarks.push(format!("waits: {code} {text}"));
    }
    // Also of one that was rejected afterwards.
    if matches!(file.state, ReceivedState::Delivered | ReceivedState::Failed) {
        remarks.extend(file.target.clone());
    }
    remarks.extend(file.signer.as_ref().map(|signer| format!("signed by {signer}")));
    remarks.join(", ")
}

#[cfg(test)]
mod tests {
    use commands::SecurityView;

    use super::*;

    fn file(id: i64, state: ReceivedState) -> ReceivedView {
        ReceivedView {
            id: id.into(),
            partner: "bolt".parse().unwrap(),
            dataset_name: "ENGDAT00471".into(),
            stamp: "202611200814020001".into(),
            originator: "O0013000002BOLT".into(),
            destination: "O0013000001ACME".into(),
            format: 'U',
            octets: 1024,
            original_octets: None,
            security: None,
            signer: None,
            state,
            target: None,
            error_code: None,
            error_text: None,
            hindrance: None,
            created_at: "2026-11-20T08:00:00Z".parse().unwrap(),
            received_at: None,
            finished_at: None,
        }
    }

    fn delivered() -> ReceivedView {
        ReceivedView {
            target: Some("data/incoming/bolt/ENGDAT00471".into()),
            ..file(7, ReceivedState::Delivered)
        }
    }

    fn shown(files: &[ReceivedView]) -> String {
        table(files, "2026-11-20T08:19:30Z".parse().unwrap(), &Terminal::default())
    }

    #[test]
    fn the_table_says_where_a_file_lies() {
        assert_eq!(
            shown(&[delivered(), file(8, ReceivedState::Receiving)]),
            "ID  PARTNER  DATASET NAME     SIZE  STATE      AGE  REMARK\n\
             \x207  bolt     ENGDAT00471   1.0 KiB  delivered  19m  data/incoming/bolt/ENGDAT00471\n\
             \x208  bolt     ENGDAT00471   1.0 KiB  receiving  19m  -\n"
        );
    }

    #[test]
    fn of_secured_files_it_says_how_and_by_whom_and_what_is_wrong() {
        let security = || {
            Some(SecurityView {
                signed: true,
                encrypted: false,
                compressed: true,
                signed_receipt: false,
                suite: Some("04".into()),
            })
        };
        let good = ReceivedView {
            original_octets: Some(2048),
            security: security(),
            signer: Some("CN=bolt files".into()),
            ..delivered()
        };
        let bad = ReceivedView {
            security: security(),
            error_code: Some("E-CMS-SIGNATURE".into()),
            error_text: Some("nobody has signed it".into()),
            ..file(8, ReceivedState::Failed)
        };
        assert_eq!(
            shown(&[good, bad]),
            "ID  PARTNER  DATASET NAME     SIZE  STATE      AGE  SECURITY                REMARK\n\
             \x207  bolt     ENGDAT00471   2.0 KiB  delivered  19m  signed, compressed; 04  \
             data/incoming/bolt/ENGDAT00471, signed by CN=bolt files\n\
             \x208  bolt     ENGDAT00471   1.0 KiB  failed     19m  signed, compressed; 04  \
             E-CMS-SIGNATURE nobody has signed it\n"
        );
    }

    #[test]
    fn of_a_file_that_waits_it_says_for_what() {
        let hindrance =
            Some(HindranceView { code: "E-CMS-KEY".into(), text: "it is not an RSA key".into() });
        let waits = ReceivedView { hindrance, ..file(8, ReceivedState::Unwrapping) };
        assert_eq!(remark(&waits), "waits: E-CMS-KEY it is not an RSA key");
    }

    #[test]
    fn as_json_it_says_everything_under_the_same_names() {
        let json = serde_json::to_value(delivered()).unwrap();
        assert_eq!((&json["id"], &json["state"]), (&7.into(), &"delivered".into()));
        assert_eq!(json["target"], "data/incoming/bolt/ENGDAT00471");
        assert_eq!(json.get("error_code"), None);
    }
}
