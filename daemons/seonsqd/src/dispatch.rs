//! Who is called when: what is due, as many calls as channels allow, polls, and what people want.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use configuration::{Configuration, Partner};
use jiff::Timestamp;
use runtime::{Active, Direction, ServiceError};
use session::operations::{WantedCall, attend, settle};
use session::{Outcome, Purpose};
use store::{
    EntryState, JournalEntry, JournalKind, PartnerWork, QueueFilter, RequestOutcome, RequestRecord,
    Retry, SessionFilter, StoreError,
};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::backoff::Backoff;
use crate::dial::{Dialled, dial};
use crate::{hot_folders, partners, payloads};

/// Calls that people asked for and that are not made yet.
const WANTED_CALLS: usize = 64;

/// A receipt younger than this may still go out in a session that is open: one that waits for it
/// takes it within moments. Later the session is busy with other files, and a call is worth it.
const FRESH_RECEIPT: Duration = Duration::from_secs(3);

/// Runs the send queue until shutdown.
pub async fn run(active: Active) -> Result<(), ServiceError> {
    partners::offer(&active);
    let (wanted_sender, wanted) = mpsc::channel(WANTED_CALLS);
    active.supervisor.spawn("requests", attend(active.clone(), Some(wanted_sender)));
    active.supervisor.spawn("hot folders", hot_folders::watch(active.clone()));
    active.supervisor.spawn("payloads", payloads::remove_finished(active.clone()));
    let dispatcher = Dispatcher {
        active,
        wanted,
        calls: JoinSet::new(),
        running: HashMap::new(),
        backoff: Backoff::default(),
        polls: HashMap::new(),
    };
    dispatcher.dispatch_until_shutdown().await
}

struct Dispatcher {
    active: Active,
    wanted: mpsc::Receiver<WantedCall>,
    calls: JoinSet<Ended>,
    /// Calls under way, by partner.
    running: HashMap<String, usize>,
    backoff: Backoff,
    /// When each partner that is polled is called next.
    polls: HashMap<String, Timestamp>,
}

/// A call that is over.
struct Ended {
    partner: String,
    dialled: Dialled,
    request: Option<RequestRecord>,
}

impl Dispatcher {
    async fn dispatch_until_shutdown(mut self) -> Result<(), ServiceError> {
        let mut wakeups = self.active.store.wakeups();
        let mut configuration = self.active.configuration.clone();
        while !self.active.shutdown.is_cancelled() {
            match self.dispatch().await {
                Ok(()) => {}
                Err(error) if error.is_retryable() => self.waits(&error),
                Err(error) => return Err(error.into()),
            }
            tokio::select! {
                () = self.active.shutdown.cancelled() => {}
                // At least once a second, so due times and polls need no timer of their own.
                () = wakeups.changed() => {}
                _ = configuration.changed() => self.polls.clear(),
                Some(ended) = self.calls.join_next(), if !self.calls.is_empty() => {
                    self.ended(ended).await?;
                }
                Some(wanted) = self.wanted.recv() => self.call_wanted(wanted).await?,
            }
        }
        while let Some(ended) = self.calls.join_next().await {
            self.ended(ended).await?;
        }
        Ok(())
    }

    fn waits(&self, error: &StoreError) {
        tracing::warn!(code = error.code(), "the queue waits: {error}");
        self.active.metrics.error(error.code());
    }

    /// One look at the queue and the clock.
    async fn dispatch(&mut self) -> Result<(), StoreError> {
        let configuration = self.active.configuration();
        if configuration.instance.suspend {
            return Ok(());
        }
        self.prepare_queued().await?;
        let mut due = self.active.store.due_partners().await?;
        due.sort_by_key(|work| (std::cmp::Reverse(work.priority), work.oldest));
        for work in &due {
            if !self.goes_by_itself(work).await? {
                self.call_due(&configuration, work);
            }
        }
        self.call_polled(&configuration);
        Ok(())
    }

    /// `queued` to `ready`. There is nothing to wrap yet.
    async fn prepare_queued(&self) -> Result<(), StoreError> {
        let queued =
            QueueFilter { state: Some(EntryState::Queued), limit: 1, ..QueueFilter::default() };
        // A look costs nothing; a fenced transaction for every change of anything would.
        if self.active.store.queue(&queued).await?.is_empty() {
            return Ok(());
        }
        let mut tx = self.active.store.fenced(&self.active.tenure).await?;
        tx.ready_queued().await?;
        tx.commit().await
    }

    /// Fresh receipts, and nothing else, are carried by the session that brought their files: it
    /// waits for them. A call of our own would only race it.
    async fn goes_by_itself(&self, work: &PartnerWork) -> Result<bool, StoreError> {
        let age = |oldest: Timestamp| Timestamp::now().duration_since(oldest).unsigned_abs();
        if work.entries > 0 || work.oldest.is_none_or(|oldest| age(oldest) > FRESH_RECEIPT) {
            return Ok(false);
        }
        let open = SessionFilter {
            partner: Some(work.partner.clone()),
            open: true,
            limit: 1,
            since: None,
        };
        Ok(!self.active.store.sessions(&open).await?.is_empty())
    }

    /// As many calls as the partner's due entries can use, beside those that are in the middle of a
    /// file: it may be a long one.
    fn call_due(&mut self, configuration: &Configuration, work: &PartnerWork) {
        let Some(partner) = configuration.partner(&work.partner) else { return };
        if work.entries == 0 && work.receipts == 0 {
            return;
        }
        let useful = usize::try_from(work.entries).unwrap_or(usize::MAX).max(1);
        let channels = partner.channels.get().min(self.busy(&work.partner) + useful);
        while self.running(&work.partner) < channels && self.may_call(configuration, partner) {
            self.call(partner.clone(), Purpose::Exchange, None);
        }
    }

    /// Calls that fetch, on their schedule.
    fn call_polled(&mut self, configuration: &Configuration) {
        let now = Timestamp::now();
        for partner in configuration.partners() {
            let Some(poll) = &partner.poll else { continue };
            let name = partner.name.as_str();
            let next = match self.polls.get(name) {
                Some(due) if *due <= now => {
                    if self.running(name) == 0 && self.may_call(configuration, partner) {
                        self.call(partner.clone(), Purpose::Exchange, None);
                    }
                    poll.next_after(now)
                }
                Some(_) => continue,
                None => poll.next_after(now),
            };
            if let Some(next) = next {
                self.polls.insert(name.to_owned(), next);
            }
        }
    }

    /// Calls in the middle of a file.
    fn busy(&self, partner: &str) -> usize {
        let sessions = self.active.activities.snapshot();
        let busy = sessions.iter().filter(|session| {
            session.direction == Direction::Out
                && session.partner.as_deref() == Some(partner)
                && session.file.is_some()
        });
        busy.count()
    }

    fn running(&self, partner: &str) -> usize {
        self.running.get(partner).copied().unwrap_or(0)
    }

    fn may_call(&self, configuration: &Configuration, partner: &Partner) -> bool {
        !partner.suspend
            && !partner.transports.is_empty()
            && partner.windows.are_open_at(Timestamp::now())
            && self.running.values().sum::<usize>() < configuration.instance.send.max_sessions.get()
            && self.backoff.until(partner.name.as_str(), Instant::now()).is_none()
    }

    /// Somebody wants this call now, whatever the back-off says.
    async fn call_wanted(&mut self, wanted: WantedCall) -> Result<(), StoreError> {
        let configuration = self.active.configuration();
        let refusal = match configuration.partner(&wanted.partner) {
            _ if configuration.instance.suspend => {
                Some(format!("{} is suspended", configuration.instance.name))
            }
            None => Some(format!("there is no partner {}", wanted.partner)),
            Some(partner) if partner.suspend => Some(format!("{} is suspended", wanted.partner)),
            Some(partner) if partner.transports.is_empty() => {
                Some(format!("{} has no transports, so only it can call", wanted.partner))
            }
            Some(partner) => {
                self.call(partner.clone(), wanted.purpose, Some(wanted.request.clone()));
                None
            }
        };
        match refusal {
            None => Ok(()),
            Some(text) => {
                let code = Some("E-REQUEST-PARTNER".to_owned());
                settle(&self.active, &wanted.request, RequestOutcome { code, text }).await
            }
        }
    }

    fn call(&mut self, partner: Arc<Partner>, purpose: Purpose, request: Option<RequestRecord>) {
        let name = partner.name.to_string();
        *self.running.entry(name.clone()).or_default() += 1;
        let active = self.active.clone();
        self.calls.spawn(async move {
            let dialled = Box::pin(dial(active, partner, purpose)).await;
            Ended { partner: name, dialled, request }
        });
    }

    /// A call is over: count it, and leave a partner alone that could not be reached.
    async fn ended(
        &mut self,
        ended: Result<Ended, tokio::task::JoinError>,
    ) -> Result<(), ServiceError> {
        let Ended { partner, dialled, request } =
            ended.map_err(|error| ServiceError::failed("E-TASK-PANICKED", error))?;
        if let Some(count) = self.running.get_mut(&partner) {
            *count = count.saturating_sub(1);
        }
        self.running.retain(|_, count| *count > 0);
        let failure = failure(&dialled);
        match &failure {
            None => self.backoff.succeeded(&partner),
            // What we ended ourselves says nothing of the partner, and a call that somebody asked
            // for does not count against what waits in the queue.
            Some((code, _)) if is_ours(code) || request.is_some() => {}
            Some((code, text)) => {
                let wait = self.leave_alone(&partner);
                self.record_failure(&partner, code, text, wait).await?;
            }
        }
        if let Some(request) = request {
            let outcome = answer(&partner, &dialled, failure);
            settle(&self.active, &request, outcome).await?;
        }
        Ok(())
    }

    fn leave_alone(&mut self, partner: &str) -> Duration {
        let retry = self.active.configuration().instance.send.retry;
        self.backoff.failed(partner, &retry, jitter(), Instant::now())
    }

    /// Every due entry of the partner has had an attempt; those with too many wait for a person.
    async fn record_failure(
        &self,
        partner: &str,
        code: &str,
        text: &str,
        wait: Duration,
    ) -> Result<(), ServiceError> {
        match self.try_record_failure(partner, code, text, wait).await {
            Ok(()) => Ok(()),
            Err(error) if error.is_retryable() => {
                self.waits(&error);
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn try_record_failure(
        &self,
        partner: &str,
        code: &str,
        text: &str,
        wait: Duration,
    ) -> Result<(), StoreError> {
        let attempts = self.active.configuration().instance.send.retry.attempts;
        let retry = Retry { after: wait, max_attempts: Some(attempts) };
        let mut tx = self.active.store.fenced(&self.active.tenure).await?;
        let blocked = tx.connect_failed(partner, code, text, retry).await?;
        let mut note = JournalEntry::new(JournalKind::ConnectFailed);
        note.partner = Some(partner.to_owned());
        note.code = Some(code.to_owned());
        note.text = Some(text.to_owned());
        tx.journal(&note).await?;
        for entry in blocked {
            let mut note = JournalEntry::new(JournalKind::EntryBlocked);
            note.partner = Some(partner.to_owned());
            note.entry = Some(entry);
            note.code = Some(code.to_owned());
            note.text = Some(format!("blocked after {attempts} attempts: {text}"));
            tx.journal(&note).await?;
        }
        tx.commit().await
    }
}

/// What went wrong, if the call brought nothing: no connection, no logon, or an error before the
/// first file or receipt.
fn failure(dialled: &Dialled) -> Option<(String, String)> {
    match dialled {
        Dialled::Unreachable { code, text } => Some((code.clone(), text.clone())),
        Dialled::Session(outcome) if outcome.is_in_order() || has_moved(outcome) => None,
        Dialled::Session(outcome) => {
            Some((outcome.code.clone(), outcome.text.clone().unwrap_or_default()))
        }
    }
}

/// Whether the end of a session was our own wish: a shutdown or an operator's.
fn is_ours(code: &str) -> bool {
    matches!(code, "E-SESSION-SHUTDOWN" | "E-SESSION-ABORTED")
}

fn has_moved(outcome: &Outcome) -> bool {
    outcome.counts.files_sent + outcome.counts.files_received > 0
}

fn answer(partner: &str, dialled: &Dialled, failure: Option<(String, String)>) -> RequestOutcome {
    match (failure, dialled) {
        (Some((code, text)), _) => RequestOutcome { code: Some(code), text },
        (None, Dialled::Session(outcome)) => RequestOutcome {
            code: None,
            text: format!(
                "session with {partner} ended in order: {} files sent, {} received",
                outcome.counts.files_sent, outcome.counts.files_received
            ),
        },
        (None, Dialled::Unreachable { text, .. }) => {
            RequestOutcome { code: None, text: text.clone() }
        }
    }
}

/// From 0 to 1. The clock's last digits are random enough to keep instances from calling in step.
fn jitter() -> f64 {
    f64::from(Timestamp::now().subsec_nanosecond().unsigned_abs() % 1000) / 1000.0
}
