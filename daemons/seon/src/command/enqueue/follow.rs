//! `--follow`: shows each transfer until its receipt is there.

use std::process::ExitCode;
use std::time::Duration;

use commands::enqueue::Enqueued;
use commands::queue::EntryView;
use commands::{Instance, ps};
use domain::Daemon;
use lease::LeaseTable;
use runtime::status::SessionStatus;
use store::{EntryState, QueueEntry, Store};
use terminal::progress::{Board, Progress};
use terminal::{Failure, Format, Stop, Style, Terminal, escaped, human};
use tokio::time::interval;

use super::super::Context;

const TICK: Duration = Duration::from_millis(200);

/// Follows the entries to their ends; exit code 1 if one was not acknowledged.
pub(super) async fn run(
    context: &Context,
    instance: &Instance,
    store: &Store,
    enqueued: &[Enqueued],
) -> Result<ExitCode, Failure> {
    let board = Board::new(&context.terminal);
    if !store.read(Daemon::Seonsqd).await?.is_some_and(|row| row.is_held()) {
        let directory = instance.directory.display();
        board.say(&format!(
            "seonsqd is not active, so the files wait; start it: seon up {directory}"
        ));
    }
    let mut followed: Vec<_> = enqueued.iter().map(|one| Followed::new(&board, one)).collect();
    let mut stop = Stop::listen()?;
    let mut tick = interval(TICK);
    let mut all_well = true;
    let mut ends = Vec::new();
    while !followed.is_empty() {
        tokio::select! {
            _ = tick.tick() => {}
            // The entries stay in the queue: only the watching ends.
            () = stop.asked() => return Err(Failure::Interrupted),
        }
        let sessions = ps::sending(instance).await?;
        let mut rest = Vec::new();
        for mut one in followed {
            let Some(entry) = store.entry(one.enqueued.id).await? else {
                continue;
            };
            match End::of(&entry) {
                None => {
                    one.show(&entry, &sessions);
                    rest.push(one);
                }
                Some(end) => {
                    all_well &= end.is_good();
                    one.progress.finish(&end.line(&entry, &context.terminal));
                    ends.push(EntryView::from(entry));
                }
            }
        }
        followed = rest;
    }
    if context.shared.format == Format::Json {
        terminal::answer(&terminal::json(&ends))?;
    }
    Ok(if all_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

struct Followed<'a> {
    enqueued: &'a Enqueued,
    progress: Progress,
}

impl<'a> Followed<'a> {
    fn new(board: &Board, enqueued: &'a Enqueued) -> Self {
        let file = enqueued.file.file_name().unwrap_or_default().to_string_lossy();
        let title = format!("{file} → {}  {}", enqueued.partner, enqueued.dataset_name);
        Self { enqueued, progress: board.octets(title, enqueued.octets) }
    }

    fn show(&mut self, entry: &QueueEntry, sessions: &[SessionStatus]) {
        let id = entry.id.to_string();
        let live = sessions.iter().find_map(|session| {
            let file = session.file.as_ref()?;
            (file.entry.as_ref() == Some(&id)).then_some((session, file))
        });
        match (entry.state, live) {
            (_, Some((session, file))) => self.progress.set(file.octets, &session.transport),
            (EntryState::Sent, None) => {
                self.progress.set(entry.octets, "sent, waits for the receipt");
            }
            (EntryState::Sending, None) => {}
            (_, None) => self.progress.set(0, &waiting(entry)),
        }
    }
}

fn waiting(entry: &QueueEntry) -> String {
    match (&entry.error_text, entry.passive) {
        (Some(text), _) => text.clone(),
        (None, true) => "waits until the partner fetches it".into(),
        (None, false) => entry.state.to_string(),
    }
}

/// How an entry ended.
enum End {
    Acknowledged,
    /// The partner gives no receipts.
    Sent,
    Failed,
}

impl End {
    fn of(entry: &QueueEntry) -> Option<Self> {
        match entry.state {
            EntryState::Acknowledged => Some(Self::Acknowledged),
            EntryState::Sent if entry.finished_at.is_some() => Some(Self::Sent),
            EntryState::Rejected | EntryState::Blocked | EntryState::Cancelled => {
                Some(Self::Failed)
            }
            EntryState::Held
            | EntryState::Queued
            | EntryState::Preparing
            | EntryState::Ready
            | EntryState::Sending
            | EntryState::Sent => None,
        }
    }

    fn is_good(&self) -> bool {
        matches!(self, Self::Acknowledged | Self::Sent)
    }

    fn line(&self, entry: &QueueEntry, terminal: &Terminal) -> String {
        let took = |at: Option<jiff::Timestamp>| {
            let at = at.unwrap_or(entry.updated_at);
            human::span(human::elapsed(entry.created_at, at))
        };
        let name = &entry.identity.dataset_name;
        let good = terminal.paint(Style::Good, "√");
        match self {
            Self::Acknowledged => format!(
                "{good} {name} sent in {}, receipt in {}",
                took(entry.sent_at),
                took(entry.finished_at)
            ),
            Self::Sent => format!("{good} {name} sent in {}", took(entry.sent_at)),
            Self::Failed => format!(
                "{} {name} {}: {} {}",
                terminal.paint(Style::Bad, "×"),
                entry.state,
                entry.error_code.as_deref().unwrap_or_default(),
                escaped(entry.error_text.as_deref().unwrap_or_default()),
            ),
        }
    }
}
