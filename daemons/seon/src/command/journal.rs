//! `seon journal`: what happened.

use std::process::ExitCode;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use lease::{Daemon, Epoch};
use serde::Serialize;
use store::{EntryId, JournalFilter, JournalId, JournalKind, JournalRecord, SessionId, Store};
use tokio::time::interval;

use super::Context;
use crate::arguments::Journal;
use crate::failure::Failure;
use crate::instance::Instance;
use crate::output::{self, Cell, Column, Format, Style, Table, Terminal, human};

/// How often a followed journal is read; a hint of the database comes no faster.
const TICK: Duration = Duration::from_millis(250);

/// A journal record as it is shown.
#[derive(Debug, Serialize)]
pub(crate) struct RecordView {
    id: JournalId,
    at: Timestamp,
    kind: JournalKind,
    #[serde(skip_serializing_if = "Option::is_none")]
    daemon: Option<Daemon>,
    #[serde(skip_serializing_if = "Option::is_none")]
    epoch: Option<Epoch>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<SessionId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    partner: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    entry: Option<EntryId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dataset_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    octets: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<serde_json::Value>,
}

impl From<JournalRecord> for RecordView {
    fn from(record: JournalRecord) -> Self {
        let JournalRecord { id, at, daemon, epoch, entry } = record;
        let details = entry
            .details
            .map(|text| serde_json::from_str(&text).unwrap_or(serde_json::Value::String(text)));
        Self {
            id,
            at,
            kind: entry.kind,
            daemon,
            epoch,
            session: entry.session,
            partner: entry.partner,
            entry: entry.entry,
            dataset_name: entry.dataset_name.map(|name| name.to_string()),
            octets: entry.octets,
            code: entry.code,
            text: entry.text,
            details,
        }
    }
}

pub(super) async fn run(context: &Context, command: Journal) -> Result<ExitCode, Failure> {
    let instance = Instance::load(&context.shared.place)?;
    let store = instance.store().await?;
    let mut filter = JournalFilter {
        partner: command.partner,
        kind: command.kind,
        since: command.since.map(|since| since.from(Timestamp::now())),
        after: None,
        limit: command.limit,
    };
    let records = read(&store, &filter).await?;
    if !command.follow {
        let text = match context.shared.format {
            Format::Json => output::json(&records),
            Format::Table if records.is_empty() => "the journal has nothing like that\n".into(),
            Format::Table => table(&records, &context.terminal),
        };
        output::answer(&text)?;
        return Ok(ExitCode::SUCCESS);
    }
    filter.limit = 0;
    follow(context, &store, filter, records).await
}

async fn follow(
    context: &Context,
    store: &Store,
    mut filter: JournalFilter,
    mut records: Vec<RecordView>,
) -> Result<ExitCode, Failure> {
    let mut tick = interval(TICK);
    loop {
        for record in &records {
            filter.after = Some(record.id);
            let line = match context.shared.format {
                // One line for each, as programs read a stream.
                Format::Json => serde_json::to_string(record).unwrap_or_default() + "\n",
                Format::Table => record.line(&context.terminal),
            };
            output::answer(&line)?;
        }
        tokio::select! {
            _ = tokio::signal::ctrl_c() => return Ok(ExitCode::SUCCESS),
            _ = tick.tick() => {}
        }
        records = read(store, &filter).await?;
    }
}

/// The records, oldest first.
async fn read(store: &Store, filter: &JournalFilter) -> Result<Vec<RecordView>, Failure> {
    Ok(store.journal(filter).await?.into_iter().map(Into::into).collect())
}

/// The records under headings.
pub(crate) fn table(records: &[RecordView], terminal: &Terminal) -> String {
    let mut table = Table::new([
        Column::left("TIME"),
        Column::left("DAEMON"),
        Column::left("PARTNER"),
        Column::left("WHAT"),
        Column::right("ENTRY"),
        Column::left("DATASET NAME"),
        Column::right("SIZE"),
        Column::left("CODE"),
        Column::left("TEXT"),
    ]);
    for record in records {
        table.row([
            record.time().into(),
            record.daemon.map(Daemon::name).unwrap_or_default().into(),
            record.partner.clone().unwrap_or_default().into(),
            Cell::styled(style(record.kind), record.kind.as_str()),
            record.entry.map(|entry| entry.to_string()).unwrap_or_default().into(),
            record.dataset_name.clone().unwrap_or_default().into(),
            record.octets.map(human::octets).unwrap_or_default().into(),
            record.code.clone().unwrap_or_default().into(),
            record.text.clone().unwrap_or_default().into(),
        ]);
    }
    table.render(terminal)
}

fn style(kind: JournalKind) -> Style {
    match kind {
        JournalKind::FileSent
        | JournalKind::FileReceived
        | JournalKind::FileDelivered
        | JournalKind::ReceiptSent
        | JournalKind::ReceiptReceived => Style::Good,
        JournalKind::SessionRefused
        | JournalKind::ConnectFailed
        | JournalKind::FileFailed
        | JournalKind::FileRefused
        | JournalKind::EntryBlocked => Style::Bad,
        JournalKind::FileInterrupted | JournalKind::LeaseForced | JournalKind::OrphansRecovered => {
            Style::Warning
        }
        _ => Style::Plain,
    }
}

impl RecordView {
    fn time(&self) -> String {
        self.at.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M:%S").to_string()
    }

    /// One line of a followed journal: columns cannot be measured before they are all there.
    fn line(&self, terminal: &Terminal) -> String {
        let words = [
            Some(self.time()),
            self.daemon.map(|daemon| daemon.name().to_owned()),
            self.partner.clone(),
            Some(terminal.paint(style(self.kind), self.kind.as_str())),
            self.entry.map(|entry| format!("entry {entry}")),
            self.dataset_name.clone(),
            self.octets.map(human::octets),
            self.code.clone(),
            self.text.clone(),
        ];
        words.into_iter().flatten().collect::<Vec<_>>().join("  ") + "\n"
    }
}

#[cfg(test)]
mod tests {
    use store::JournalEntry;

    use super::*;

    fn record() -> RecordView {
        RecordView::from(JournalRecord {
            id: 3.into(),
            at: "2026-11-20T08:14:02Z".parse().unwrap(),
            daemon: Some(Daemon::Seonsqd),
            epoch: Epoch::try_from(4).ok(),
            entry: JournalEntry {
                partner: Some("bolt".into()),
                entry: Some(17.into()),
                dataset_name: "ENGDAT00471".parse().ok(),
                octets: Some(10_000),
                details: Some("{\"restart\":7}".into()),
                ..JournalEntry::new(JournalKind::FileSent)
            },
        })
    }

    #[test]
    fn a_record_is_a_row_and_what_it_does_not_know_is_a_dash() {
        assert_eq!(
            table(&[record()], &Terminal::default()),
            "TIME                 DAEMON   PARTNER  WHAT       ENTRY  DATASET NAME     SIZE  CODE  TEXT\n\
             2026-11-20 08:14:02  seonsqd  bolt     file_sent     17  ENGDAT00471   9.8 KiB  -     -\n"
        );
    }

    #[test]
    fn a_followed_record_is_a_line() {
        assert_eq!(
            record().line(&Terminal::default()),
            "2026-11-20 08:14:02  seonsqd  bolt  file_sent  entry 17  ENGDAT00471  9.8 KiB\n"
        );
    }

    #[test]
    fn details_are_json_within_the_json() {
        let json = serde_json::to_value(record()).unwrap();
        assert_eq!(json["details"]["restart"], 7);
        assert_eq!(json["daemon"], "seonsqd");
    }
}
