//! The dispatch machine: from what waits, the configuration, the clock, the calls under way and the
//! back-off to the calls to be made. A total function; no clock and no I/O.
//!
//! `spec.send.maxSessions` bounds sessions, and dialling is not yet one: a call that brought no
//! session within [`PATIENCE`] gives its place back and goes on beside the others, so that partners
//! who accept and never speak hold up nobody but themselves.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use configuration::{Configuration, Partner, Transport};
use domain::{Fault, PartnerName, Purpose};
use jiff::Timestamp;

use crate::backoff::Backoff;

/// A receipt younger than this may still go out in a session that is open: one that waits for it
/// takes it within moments. Later the session is busy with other files, and a call is worth it.
const FRESH_RECEIPT: Duration = Duration::from_secs(3);

/// So long a call that dials holds a session's place.
const PATIENCE: Duration = Duration::from_secs(3);

/// Calls that dial beside the sessions; more of them hold places.
const MOST_BESIDE: usize = 64;

/// The moment of an input: on a clock that only goes forward, and by the calendar.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// Since an origin of the caller's choice.
    pub elapsed: Duration,
    /// For windows, polls and the age of what waits.
    pub time: Timestamp,
}

/// What waits for a partner and is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Work {
    /// The partner.
    pub partner: PartnerName,
    /// Active entries.
    pub entries: u64,
    /// Receipts.
    pub receipts: u64,
    /// The highest of its entries.
    pub priority: i64,
    /// Since when what has waited longest is due.
    pub oldest: Option<Timestamp>,
}

/// Our sessions with a partner that we called.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sessions {
    /// Both sides know each other.
    pub established: usize,
    /// Of these, in the middle of a file: it may be a long one.
    pub busy: usize,
}

/// A look at the queue and around.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sight {
    /// What is due.
    pub work: Vec<Work>,
    /// Partners with a session under way in any daemon.
    pub in_session: BTreeSet<PartnerName>,
    /// Our sessions with partners that we called.
    pub sessions: BTreeMap<PartnerName, Sessions>,
}

/// A call, for as long as it is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(u64);

/// What can happen.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// A look was made.
    Seen(Sight),
    /// Somebody wants this call now, whatever the back-off says.
    CallRequested {
        /// The partner.
        partner: PartnerName,
        /// What for.
        purpose: Purpose,
    },
    /// Somebody wants what waits for the partner to go: it is not left alone any longer.
    WaitNoMore(PartnerName),
    /// A call is over.
    Ended {
        /// Which.
        call: CallId,
        /// What it came to.
        ending: Ending,
        /// From 0 to 1; it keeps instances from calling in step.
        jitter: f64,
    },
    /// The configuration is another.
    Reconfigured,
}

/// What a call came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// A session that did what it could.
    Useful,
    /// The same, but the partner only sent in it: no file could go out.
    SentOnly,
    /// Nothing.
    Failed(Failure),
}

/// Why a call brought nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The stable code.
    pub code: String,
    /// A sentence.
    pub text: String,
    /// Whether there was a connection, and it was the session that failed.
    pub has_connected: bool,
}

/// What has to be done now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Call the partner.
    Call {
        /// The call's name from here on.
        call: CallId,
        /// The partner.
        partner: PartnerName,
        /// What for.
        purpose: Purpose,
    },
    /// The call that was wanted is not made.
    Refuse {
        /// The partner.
        partner: PartnerName,
        /// Why.
        refusal: Refusal,
    },
    /// Record that the partner was not reached, and is left alone for so long.
    RecordFailure {
        /// The partner.
        partner: PartnerName,
        /// Why.
        failure: Failure,
        /// For how long it is left alone.
        wait: Duration,
    },
}

/// Why a call that was wanted is not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The whole instance stands still.
    InstanceSuspended,
    /// There is no such partner.
    UnknownPartner,
    /// Sessions with the partner stand still.
    PartnerSuspended,
    /// Only the partner can call.
    NoTransports,
}

/// The calls under way, and what is remembered of those before.
#[derive(Debug, Default)]
pub struct Dispatch {
    calls: BTreeMap<CallId, Call>,
    last: u64,
    backoff: Backoff,
    /// Partners that took no files when they were called last. They are not called again at once for
    /// what waits, but for receipts and on their schedule; nothing counts against their entries.
    send_only: Backoff,
    /// When each partner that is polled is called next.
    polls: BTreeMap<PartnerName, Timestamp>,
    /// When they were last looked at.
    polls_seen: Timestamp,
}

#[derive(Debug)]
struct Call {
    partner: PartnerName,
    began: Duration,
    is_wanted: bool,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Dialling,
    Established,
}

impl Dispatch {
    /// What to do now.
    pub fn step(&mut self, input: Input, now: Now, configuration: &Configuration) -> Vec<Action> {
        match input {
            Input::Seen(sight) => self.seen(sight, now, configuration),
            Input::CallRequested { partner, purpose } => {
                vec![match refusal(configuration, &partner) {
                    Some(refusal) => Action::Refuse { partner, refusal },
                    None => self.call(configuration, &partner, purpose, true, now),
                }]
            }
            Input::WaitNoMore(partner) => {
                self.backoff.succeeded(&partner);
                self.send_only.succeeded(&partner);
                Vec::new()
            }
            Input::Ended { call, ending, jitter } => {
                self.ended(call, ending, jitter, now, configuration).into_iter().collect()
            }
            Input::Reconfigured => {
                self.polls.clear();
                Vec::new()
            }
        }
    }

    fn seen(&mut self, sight: Sight, now: Now, configuration: &Configuration) -> Vec<Action> {
        let Sight { mut work, in_session, sessions } = sight;
        self.mark_established(&sessions);
        if configuration.instance.suspend {
            return Vec::new();
        }
        let mut actions = Vec::new();
        work.sort_by_key(|work| (Reverse(work.priority), work.oldest));
        for work in work.iter().filter(|work| !goes_by_itself(work, &in_session, now.time)) {
            let busy = sessions.get(&work.partner).map_or(0, |sessions| sessions.busy);
            self.call_due(work, busy, now, configuration, &mut actions);
        }
        self.call_polled(now, configuration, &mut actions);
        actions
    }

    /// The calls of a partner are all alike here: its oldest are those that got through.
    fn mark_established(&mut self, sessions: &BTreeMap<PartnerName, Sessions>) {
        let mut left: BTreeMap<_, _> =
            sessions.iter().map(|(partner, sessions)| (partner, sessions.established)).collect();
        for call in self.calls.values_mut() {
            if let Some(left) = left.get_mut(&call.partner).filter(|left| **left > 0) {
                *left -= 1;
                call.stage = Stage::Established;
            }
        }
    }

    /// As many calls as the partner's due entries can use, beside those that are in the middle of a
    /// file.
    fn call_due(
        &mut self,
        work: &Work,
        busy: usize,
        now: Now,
        configuration: &Configuration,
        actions: &mut Vec<Action>,
    ) {
        let Some(partner) = configuration.partner(work.partner.as_str()) else { return };
        let takes_files = self.send_only.until(&work.partner, now.elapsed).is_none();
        let entries = if takes_files { work.entries } else { 0 };
        if entries == 0 && work.receipts == 0 {
            return;
        }
        let useful = usize::try_from(entries).unwrap_or(usize::MAX).max(1);
        let channels = partner.channels.get().min(busy.saturating_add(useful));
        while self.under_way(&work.partner) < channels && self.may_call(partner, now, configuration)
        {
            actions.push(self.call(configuration, &work.partner, Purpose::Exchange, false, now));
        }
    }

    /// Calls that fetch, on their schedule.
    fn call_polled(&mut self, now: Now, configuration: &Configuration, actions: &mut Vec<Action>) {
        if now.time < self.polls_seen {
            // The clock was set back: what comes next by it comes sooner than what is noted.
            self.polls.clear();
        }
        self.polls_seen = now.time;
        for partner in configuration.partners() {
            let Some(poll) = &partner.poll else { continue };
            let due = self.polls.get(&partner.name).copied();
            if due.is_some_and(|due| due > now.time) {
                continue;
            }
            if due.is_some()
                && self.under_way(&partner.name) == 0
                && self.may_call(partner, now, configuration)
            {
                let call = self.call(configuration, &partner.name, Purpose::Exchange, false, now);
                actions.push(call);
            }
            if let Some(next) = poll.next_after(now.time) {
                self.polls.insert(partner.name.clone(), next);
            }
        }
    }

    fn under_way(&self, partner: &PartnerName) -> usize {
        self.calls.values().filter(|call| call.partner == *partner).count()
    }

    fn may_call(&self, partner: &Partner, now: Now, configuration: &Configuration) -> bool {
        !partner.suspend
            && !partner.transports.is_empty()
            && partner.windows.are_open_at(now.time)
            && self.places_taken(now) < configuration.instance.send.max_sessions.get()
            && self.backoff.until(&partner.name, now.elapsed).is_none()
    }

    /// Sessions, and calls that may become one any moment.
    fn places_taken(&self, now: Now) -> usize {
        let is_beside = |call: &&Call| {
            call.stage == Stage::Dialling && now.elapsed >= call.began.saturating_add(PATIENCE)
        };
        let beside = self.calls.values().filter(is_beside).count();
        self.calls.len() - beside.min(MOST_BESIDE)
    }

    fn call(
        &mut self,
        configuration: &Configuration,
        partner: &PartnerName,
        purpose: Purpose,
        is_wanted: bool,
        now: Now,
    ) -> Action {
        self.last += 1;
        let call = CallId(self.last);
        // Such a session is another daemon's; we do not see it.
        let is_elsewhere = configuration.partner(partner.as_str()).is_some_and(|partner| {
            partner.transports.iter().all(|transport| matches!(transport, Transport::Isdn(_)))
        });
        let stage = if is_elsewhere { Stage::Established } else { Stage::Dialling };
        let partner = partner.clone();
        let began = now.elapsed;
        self.calls.insert(call, Call { partner: partner.clone(), began, is_wanted, stage });
        Action::Call { call, partner, purpose }
    }

    /// A call is over: a partner that could not be reached is left alone.
    fn ended(
        &mut self,
        call: CallId,
        ending: Ending,
        jitter: f64,
        now: Now,
        configuration: &Configuration,
    ) -> Option<Action> {
        let Call { partner, is_wanted, .. } = self.calls.remove(&call)?;
        let retry = configuration.instance.send.retry;
        let failure = match ending {
            Ending::Failed(failure) => failure,
            Ending::Useful | Ending::SentOnly => {
                self.backoff.succeeded(&partner);
                if ending == Ending::SentOnly {
                    self.send_only.failed(&partner, &retry, jitter, now.elapsed);
                } else {
                    self.send_only.succeeded(&partner);
                }
                return None;
            }
        };
        match Fault::of(&failure.code) {
            Fault::Wish => return None,
            // It says nothing of the partner, so it is no attempt; but what is wrong with us is not
            // better at once.
            Fault::Ours => {
                self.backoff.rest(&partner, retry.wait_after(1), now.elapsed);
                return None;
            }
            // A call that somebody asked for does not count against what waits in the queue.
            Fault::Partners if is_wanted => return None,
            Fault::Partners => {}
        }
        let wait = self.backoff.failed(&partner, &retry, jitter, now.elapsed);
        Some(Action::RecordFailure { partner, failure, wait })
    }
}

/// Fresh receipts, and nothing else, are carried by the session that brought their files: it waits
/// for them. A call of our own would only race it.
fn goes_by_itself(work: &Work, in_session: &BTreeSet<PartnerName>, now: Timestamp) -> bool {
    work.entries == 0 && is_fresh(work.oldest, now) && in_session.contains(&work.partner)
}

/// Whether this may still be on its way without us.
pub fn is_fresh(oldest: Option<Timestamp>, now: Timestamp) -> bool {
    oldest.is_some_and(|oldest| now.duration_since(oldest).unsigned_abs() <= FRESH_RECEIPT)
}

fn refusal(configuration: &Configuration, partner: &PartnerName) -> Option<Refusal> {
    match configuration.partner(partner.as_str()) {
        _ if configuration.instance.suspend => Some(Refusal::InstanceSuspended),
        None => Some(Refusal::UnknownPartner),
        Some(partner) if partner.suspend => Some(Refusal::PartnerSuspended),
        Some(partner) if partner.transports.is_empty() => Some(Refusal::NoTransports),
        Some(_) => None,
    }
}
