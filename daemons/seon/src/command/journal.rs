//! `seon journal`: what happened.

use std::process::ExitCode;
use std::time::Duration;

use commands::Instance;
use commands::journal::{self, Follower, RecordView};
use domain::{Daemon, PartnerName};
use jiff::tz::TimeZone;
use store::{JournalFilter, JournalKind, Store};
use terminal::arguments::Journal;
use terminal::{Cell, Column, Failure, Format, Style, Table, Terminal, escaped, human};
use tokio::time::interval;

use super::Context;

/// How often a followed journal is read; a hint of the database comes no faster.
const TICK: Duration = Duration::from_millis(250);

pub(super) async fn run(context: &Context, command: Journal) -> Result<ExitCode, Failure> {
    let instance = Instance::load(&context.place())?;
    let store = instance.store().await?;
    let filter = JournalFilter {
        partner: command.partner,
        kind: command.kind,
        since: command.since.map(|since| since.from(ambient::now())),
        after: None,
        limit: command.limit,
    };
    let records = journal::read(&store, &filter).await?;
    if !command.follow {
        let text = match context.shared.format {
            Format::Json => terminal::json(&records),
            Format::Table if records.is_empty() => "the journal has nothing like that\n".into(),
            Format::Table => table(&records, &context.terminal),
        };
        terminal::answer(&text)?;
        return Ok(ExitCode::SUCCESS);
    }
    follow(context, &store, Follower::after(filter, &records), records).await
}

async fn follow(
    context: &Context,
    store: &Store,
    mut follower: Follower,
    mut records: Vec<RecordView>,
) -> Result<ExitCode, Failure> {
    let mut tick = interval(TICK);
    loop {
        for record in &records {
            let line = match context.shared.format {
                // One line for each, as programs read a stream.
                Format::Json => serde_json::to_string(record).unwrap_or_default() + "\n",
                Format::Table => line(record, &context.terminal),
            };
            terminal::answer(&line)?;
        }
        tokio::select! {
            _ = tokio::signal::ctrl_c() => return Ok(ExitCode::SUCCESS),
            _ = tick.tick() => {}
        }
        records = follower.next(store).await?;
    }
}

/// The records under headings.
fn table(records: &[RecordView], terminal: &Terminal) -> String {
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
            time(record).into(),
            record.daemon.map(Daemon::name).unwrap_or_default().into(),
            record.partner.as_ref().map_or("", PartnerName::as_str).into(),
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
        | JournalKind::FileRejected
        | JournalKind::FileRefused
        | JournalKind::EntryBlocked => Style::Bad,
        JournalKind::FileInterrupted
        | JournalKind::LeaseForced
        | JournalKind::OrphansRecovered
        | JournalKind::InstanceAdopted => Style::Warning,
        _ => Style::Plain,
    }
}

fn time(record: &RecordView) -> String {
    record.at.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// One line of a followed journal: columns cannot be measured before they are all there.
fn line(record: &RecordView, terminal: &Terminal) -> String {
    let word = |text: &Option<String>| text.as_deref().map(|text| escaped(text).into_owned());
    let words = [
        Some(time(record)),
        record.daemon.map(|daemon| daemon.name().to_owned()),
        record.partner.as_ref().map(PartnerName::to_string),
        Some(terminal.paint(style(record.kind), record.kind.as_str())),
        record.entry.map(|entry| format!("entry {entry}")),
        word(&record.dataset_name),
        record.octets.map(human::octets),
        word(&record.code),
        word(&record.text),
    ];
    words.into_iter().flatten().collect::<Vec<_>>().join("  ") + "\n"
}

#[cfg(test)]
mod tests {
    use domain::Epoch;
    use store::{JournalEntry, JournalRecord};

    use super::*;

    fn record() -> RecordView {
        RecordView::from(JournalRecord {
            id: 3.into(),
            at: "2026-11-20T08:14:02Z".parse().unwrap(),
            daemon: Some(Daemon::Seonsqd),
            epoch: Epoch::try_from(4).ok(),
            entry: JournalEntry {
                partner: "bolt".parse().ok(),
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
            line(&record(), &Terminal::default()),
            "2026-11-20 08:14:02  seonsqd  bolt  file_sent  entry 17  ENGDAT00471  9.8 KiB\n"
        );
    }

    #[test]
    fn what_a_partner_wrote_is_no_line_of_its_own_in_table_and_followed_journal() {
        let text =
            Some("bye\n2026-11-20 08:14:03  seonsqd  bolt  file_sent\x1b]0;owned\x07".into());
        let record = RecordView { text, ..record() };
        let terminal = Terminal::default();
        let followed = line(&record, &terminal);
        for (shown, lines) in [(followed, 1), (table(&[record], &terminal), 2)] {
            assert_eq!(shown.lines().count(), lines, "{shown}");
            assert!(
                shown.contains(r"bye\n2026") && shown.contains(r"\u001b]0;owned\u0007"),
                "{shown}"
            );
        }
    }

    #[test]
    fn details_are_json_within_the_json() {
        let json = serde_json::to_value(record()).unwrap();
        assert_eq!(json["details"]["restart"], 7);
        assert_eq!(json["daemon"], "seonsqd");
    }
}
