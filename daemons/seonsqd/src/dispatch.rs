//! Who is called when. What is done is decided by [`machine`]; here it is seen and carried out.

pub mod machine;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use conversation::Outcome;
use domain::PartnerName;
use operations::{Helpers, WantedCall, Wish, attend, settle};
use runtime::{Active, Direction, ServiceError};
use store::{
    FencedTx, IfAnswerLost, JournalEntry, JournalKind, PartnerWork, RequestOutcome, RequestRecord,
    Retry, Step, StoreError,
};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;

use self::machine::{
    Action, CallId, Dispatch, Ending, Failure, Input, Now, Refusal, Sessions, Sight, Work,
};
use crate::dial::{Dialled, dial};
use crate::{clock, gone, hot_folders, partners, payloads, preparing, revocation};

/// Calls that people asked for and that are not made yet.
const WANTED_CALLS: usize = 64;

/// Runs the send queue until shutdown.
pub async fn run(active: Active) -> Result<(), ServiceError> {
    partners::offer(&active);
    let (wanted_sender, wanted) = mpsc::channel(WANTED_CALLS);
    let helpers = Helpers { calls: Some(wanted_sender), ..Helpers::default() };
    active.supervisor.spawn("requests", attend(active.clone(), helpers));
    active.supervisor.spawn("hot folders", hot_folders::watch(active.clone()));
    active.supervisor.spawn("preparing", preparing::run(active.clone()));
    active.supervisor.spawn("gone daemons", gone::free(active.clone()));
    active.supervisor.spawn("revocation", revocation::fetch_lists(active.clone()));
    active.supervisor.spawn("clock", clock::watch(active.clone()));
    active.supervisor.spawn("payloads", payloads::remove_finished(active.clone()));
    let dispatcher = Dispatcher {
        active,
        machine: Dispatch::default(),
        origin: Instant::now(),
        wanted,
        calls: JoinSet::new(),
        requests: HashMap::new(),
    };
    dispatcher.dispatch_until_shutdown().await
}

struct Dispatcher {
    active: Active,
    machine: Dispatch,
    origin: Instant,
    wanted: mpsc::Receiver<Wish>,
    calls: JoinSet<Ended>,
    /// Who asked for a call that is under way.
    requests: HashMap<CallId, RequestRecord>,
}

/// A call that is over.
struct Ended {
    call: CallId,
    partner: PartnerName,
    dialled: Dialled,
}

impl Dispatcher {
    async fn dispatch_until_shutdown(mut self) -> Result<(), ServiceError> {
        let mut wakeups = self.active.store.wakeups();
        let mut configuration = self.active.configuration.clone();
        while !self.active.shutdown.is_cancelled() {
            match self.look().await {
                Ok(sight) => self.input(Input::Seen(sight), None).await?,
                Err(error) if error.is_retryable() => self.waits(&error),
                Err(error) => return Err(error.into()),
            }
            tokio::select! {
                () = self.active.shutdown.cancelled() => {}
                // At least once a second, so due times and polls need no timer of their own.
                () = wakeups.changed() => {}
                _ = configuration.changed() => self.input(Input::Reconfigured, None).await?,
                Some(ended) = self.calls.join_next(), if !self.calls.is_empty() => {
                    self.ended(ended).await?;
                }
                Some(wish) = self.wanted.recv() => match wish {
                    Wish::Call(WantedCall { request, partner, purpose }) => {
                        self.input(Input::CallRequested { partner, purpose }, Some(request)).await?;
                    }
                    Wish::WaitNoMore(partner) => {
                        self.input(Input::WaitNoMore(partner), None).await?;
                    }
                },
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

    /// What waits, and what our sessions are at.
    async fn look(&self) -> Result<Sight, StoreError> {
        if self.active.configuration().instance.suspend {
            return Ok(Sight { sessions: self.sessions(), ..Sight::default() });
        }
        let due = self.active.store.due_partners().await?;
        let work: Vec<_> = due.into_iter().map(work).collect();
        let now = ambient::now();
        // A look at the sessions is worth it only for those.
        let fresh = work.iter().any(|it| it.entries == 0 && machine::is_fresh(it.oldest, now));
        let in_session =
            if fresh { self.active.store.partners_in_session().await? } else { BTreeSet::new() };
        Ok(Sight { work, in_session, sessions: self.sessions() })
    }

    fn sessions(&self) -> BTreeMap<PartnerName, Sessions> {
        let mut sessions: BTreeMap<PartnerName, Sessions> = BTreeMap::new();
        for session in self.active.activities.snapshot() {
            if session.direction != Direction::Out || session.session.is_none() {
                continue;
            }
            let Some(partner) = session.partner else { continue };
            let counted = sessions.entry(partner).or_default();
            counted.established += 1;
            counted.busy += usize::from(session.file.is_some());
        }
        sessions
    }

    async fn input(
        &mut self,
        input: Input,
        mut request: Option<RequestRecord>,
    ) -> Result<(), ServiceError> {
        let now = Now { elapsed: self.origin.elapsed(), time: ambient::now() };
        let configuration = self.active.configuration();
        for action in self.machine.step(input, now, &configuration) {
            match action {
                Action::Call { call, partner, purpose } => {
                    let Some(known) = configuration.partner(partner.as_str()) else { continue };
                    if let Some(request) = request.take() {
                        self.requests.insert(call, request);
                    }
                    let (active, known) = (self.active.clone(), Arc::clone(known));
                    self.calls.spawn(async move {
                        let dialled = Box::pin(dial(active, known, purpose)).await;
                        Ended { call, partner, dialled }
                    });
                }
                Action::Refuse { .. } | Action::RecordFailure { .. } => {
                    self.carry_out(action, request.take()).await?;
                }
            }
        }
        Ok(())
    }

    async fn carry_out(
        &self,
        action: Action,
        request: Option<RequestRecord>,
    ) -> Result<(), ServiceError> {
        let recorded = match action {
            Action::Call { .. } => Ok(()),
            Action::Refuse { partner, refusal } => match request {
                Some(request) => self.refuse(&request, &partner, refusal).await,
                None => Ok(()),
            },
            Action::RecordFailure { partner, failure, wait } => {
                self.record_failure(&partner, &failure, wait).await
            }
        };
        match recorded {
            Err(error) if error.is_retryable() => {
                self.waits(&error);
                Ok(())
            }
            other => Ok(other?),
        }
    }

    async fn refuse(
        &self,
        request: &RequestRecord,
        partner: &PartnerName,
        refusal: Refusal,
    ) -> Result<(), StoreError> {
        let text = match refusal {
            Refusal::InstanceSuspended => {
                format!("{} is suspended", self.active.configuration().instance.name)
            }
            Refusal::UnknownPartner => format!("there is no partner {partner}"),
            Refusal::PartnerSuspended => format!("{partner} is suspended"),
            Refusal::NoTransports => format!("{partner} has no transports, so only it can call"),
        };
        let code = Some("E-REQUEST-PARTNER".to_owned());
        settle(&self.active, request, RequestOutcome { code, text }).await
    }

    /// A call is over: the machine counts it, and whoever asked for it is answered.
    async fn ended(
        &mut self,
        ended: Result<Ended, tokio::task::JoinError>,
    ) -> Result<(), ServiceError> {
        let Ended { call, partner, dialled } =
            ended.map_err(|error| ServiceError::failed("E-TASK-PANICKED", error))?;
        let ending = ending(&dialled);
        let request = self.requests.remove(&call);
        let input = Input::Ended { call, ending: ending.clone(), jitter: jitter() };
        self.input(input, None).await?;
        if let Some(request) = request {
            let outcome = answer(&partner, &dialled, ending);
            settle(&self.active, &request, outcome).await?;
        }
        Ok(())
    }

    /// Every due entry of the partner has had an attempt; those with too many wait for a person.
    async fn record_failure(
        &self,
        partner: &PartnerName,
        failure: &Failure,
        wait: Duration,
    ) -> Result<(), StoreError> {
        let attempts = self.active.configuration().instance.send.retry.attempts;
        let retry = Retry { after: wait, max_attempts: Some(attempts) };
        let (partner, failure) = (partner.clone(), failure.clone());
        self.active.run(RecordFailure { partner, failure, retry }).await
    }
}

/// Records that a call brought nothing: an attempt for each of its entries that is due.
#[derive(Debug, PartialEq)]
struct RecordFailure {
    partner: PartnerName,
    failure: Failure,
    retry: Retry,
}

impl Step for RecordFailure {
    const NAME: &'static str = "connect_failed";
    const IF_ANSWER_LOST: IfAnswerLost = IfAnswerLost::Mark;
    type Output = ();

    async fn run(&self, tx: &mut FencedTx) -> Result<(), StoreError> {
        let Self { partner, failure: Failure { code, text, has_connected }, retry } = self;
        let blocked = tx.connect_failed(partner, code, text, *retry).await?;
        let note = |kind| JournalEntry {
            partner: Some(partner.clone()),
            code: Some(code.clone()),
            text: Some(text.clone()),
            ..JournalEntry::new(kind)
        };
        let kind =
            if *has_connected { JournalKind::CallFailed } else { JournalKind::ConnectFailed };
        tx.journal(&note(kind)).await?;
        let attempts = retry.max_attempts.unwrap_or_default();
        for entry in blocked {
            let mut note = note(JournalKind::EntryBlocked);
            note.entry = Some(entry);
            note.text = Some(format!("blocked after {attempts} attempts: {text}"));
            tx.journal(&note).await?;
        }
        Ok(())
    }
}

fn work(work: PartnerWork) -> Work {
    let PartnerWork { partner, entries, receipts, priority, oldest, .. } = work;
    Work { partner, entries, receipts, priority, oldest }
}

/// A call brought nothing if there was no connection, no logon, or an error before the first file or
/// receipt.
fn ending(dialled: &Dialled) -> Ending {
    match dialled {
        Dialled::Unreachable { code, text } => {
            let (code, text) = (code.clone(), text.clone());
            Ending::Failed(Failure { code, text, has_connected: false })
        }
        Dialled::Session(outcome) if outcome.is_in_order() || has_moved(outcome) => {
            if outcome.sends_only { Ending::SentOnly } else { Ending::Useful }
        }
        Dialled::Session(outcome) => Ending::Failed(Failure {
            code: outcome.code.clone(),
            text: outcome.text.clone().unwrap_or_default(),
            has_connected: true,
        }),
    }
}

fn has_moved(outcome: &Outcome) -> bool {
    outcome.counts.files_sent + outcome.counts.files_received > 0
}

fn answer(partner: &PartnerName, dialled: &Dialled, ending: Ending) -> RequestOutcome {
    match (ending, dialled) {
        (Ending::Failed(Failure { code, text, .. }), _) => {
            RequestOutcome { code: Some(code), text }
        }
        (_, Dialled::Session(outcome)) => {
            let only = if outcome.sends_only { "; the partner only sends" } else { "" };
            RequestOutcome {
                code: None,
                text: format!(
                    "session with {partner} ended in order: {} files sent, {} received{only}",
                    outcome.counts.files_sent, outcome.counts.files_received
                ),
            }
        }
        (_, Dialled::Unreachable { text, .. }) => RequestOutcome { code: None, text: text.clone() },
    }
}

/// From 0 to 1. The clock's last digits are random enough to keep instances from calling in step.
fn jitter() -> f64 {
    ambient::chance()
}
