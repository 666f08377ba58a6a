//! The lease machine: a total function from state, input and time to the next state and one
//! action. No clock and no I/O; `now` is the caller's time since an origin of its choice, on a
//! clock that counts suspended time.
//!
//! Why two holders never both rely on it: a grant or renewal is judged by the database at a moment not
//! before the attempt started, and lasts `ttl` from that moment; the holder relies on it only for
//! `ttl - margin` from the *start* of the attempt.

use std::fmt;
use std::time::Duration;

use domain::Epoch;

use crate::Terms;

/// Where a process stands with its lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// Waiting; the next attempt is due at `attempt_at`, a wake-up may bring it forward to
    /// `not_before`.
    Standby {
        /// No attempt before this, however often we are woken.
        not_before: Duration,
        /// The next attempt without a wake-up.
        attempt_at: Duration,
    },
    /// An attempt is under way.
    Acquiring {
        /// When it started.
        started: Duration,
        /// Whether a grant is to be given back, because we were told to release meanwhile.
        releasing: bool,
    },
    /// The lease is ours, and valid until a moment.
    Active {
        /// The token.
        epoch: Epoch,
        /// From this moment on we must have done nothing more.
        valid_until: Duration,
        /// What the upkeep is doing.
        renewal: Renewal,
    },
    /// The lease was lost: the process must end. Final.
    Lost(Loss),
    /// The lease was given back, or never taken. Final.
    Released,
}

/// The upkeep of an active lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Renewal {
    /// The next renewal starts at this time.
    Due(Duration),
    /// A renewal is under way.
    Running {
        /// When it started.
        started: Duration,
        /// When it is given up for a fresh one, which may find a better connection.
        give_up_at: Duration,
    },
}

/// Why a lease was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Loss {
    /// No renewal succeeded in time.
    Expired,
    /// The database said that the lease is not ours any more.
    Refused,
    /// A fenced transaction found another epoch.
    Fenced,
}

impl Loss {
    /// The stable code for logs, metrics, journal and docs.
    pub fn code(self) -> &'static str {
        match self {
            Self::Expired => "E-LEASE-EXPIRED",
            Self::Refused => "E-LEASE-LOST",
            Self::Fenced => "E-LEASE-FENCED",
        }
    }
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Expired => "the lease could not be renewed in time; is the database reachable?",
            Self::Refused => "the lease belongs to another process now (taken over or forced)",
            Self::Fenced => "a write was refused because another process holds a later epoch",
        })
    }
}

/// What can happen to a process's lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Input {
    /// Time has passed, possibly beyond [`deadline`].
    TimePassed,
    /// Something changed in the database: a look may be worth it.
    Woken,
    /// The attempt was granted.
    Granted(Epoch),
    /// The attempt found a holder, whose lease ends in this time unless it renews.
    HeldByAnother {
        /// What is left of the other's lease.
        expires_in: Duration,
    },
    /// The attempt brought no answer.
    AcquireFailed,
    /// The renewal was granted.
    Renewed,
    /// The renewal was refused.
    RenewalRefused,
    /// The renewal brought no answer.
    RenewalFailed,
    /// A fenced transaction was refused.
    Fenced,
    /// The process is done and gives the lease back.
    Release,
}

/// What the keeper has to do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Nothing but waiting.
    Wait,
    /// Try to take the lease.
    Acquire,
    /// Begin to work: the lease is ours.
    Activate,
    /// Try to renew the lease.
    Renew,
    /// Rely on the lease until the new moment in the state.
    Extend,
    /// Give this tenure back.
    GiveBack(Epoch),
    /// End the process at once.
    StepDown,
}

/// The first state: an attempt is due at once.
pub fn begin(now: Duration) -> State {
    State::Standby { not_before: now, attempt_at: now }
}

/// When [`Input::TimePassed`] is due; `None` in a final state.
pub fn deadline(state: State, terms: &Terms) -> Option<Duration> {
    match state {
        State::Standby { attempt_at, .. } => Some(attempt_at),
        State::Acquiring { started, .. } => Some(started.saturating_add(terms.validity())),
        State::Active { valid_until, renewal, .. } => Some(valid_until.min(match renewal {
            Renewal::Due(at) => at,
            Renewal::Running { give_up_at, .. } => give_up_at,
        })),
        State::Lost(_) | State::Released => None,
    }
}

/// Whether the lease may be acted upon at this moment.
pub fn is_valid(state: State, now: Duration) -> bool {
    matches!(state, State::Active { valid_until, .. } if now < valid_until)
}

/// The next state and what to do. Total: an input that means nothing in a state changes nothing.
pub fn step(state: State, input: Input, now: Duration, terms: &Terms) -> (State, Action) {
    match state {
        State::Standby { not_before, attempt_at } => standby(not_before, attempt_at, input, now),
        State::Acquiring { started, releasing } => acquiring(started, releasing, input, now, terms),
        State::Active { valid_until, .. } if now >= valid_until => lose(Loss::Expired),
        State::Active { epoch, valid_until, renewal } => {
            active(Active { epoch, valid_until, renewal }, input, now, terms)
        }
        State::Lost(_) | State::Released => (state, Action::Wait),
    }
}

fn standby(
    not_before: Duration,
    attempt_at: Duration,
    input: Input,
    now: Duration,
) -> (State, Action) {
    match input {
        Input::TimePassed if now >= attempt_at => {
            (State::Acquiring { started: now, releasing: false }, Action::Acquire)
        }
        Input::Woken => {
            let attempt_at = attempt_at.min(not_before.max(now));
            (State::Standby { not_before, attempt_at }, Action::Wait)
        }
        Input::Release => (State::Released, Action::Wait),
        _ => (State::Standby { not_before, attempt_at }, Action::Wait),
    }
}

fn acquiring(
    started: Duration,
    releasing: bool,
    input: Input,
    now: Duration,
    terms: &Terms,
) -> (State, Action) {
    let valid_until = started.saturating_add(terms.validity());
    let back = |wait: Duration| {
        if releasing { State::Released } else { rest(now, wait, terms) }
    };
    match input {
        Input::Granted(epoch) if releasing || now >= valid_until => {
            (back(terms.poll_every()), Action::GiveBack(epoch))
        }
        Input::Granted(epoch) => {
            let renewal = Renewal::Due(started.saturating_add(terms.renew_every()).max(now));
            (State::Active { epoch, valid_until, renewal }, Action::Activate)
        }
        // The holder may well renew, but if it does not we are there the moment its lease ends.
        Input::HeldByAnother { expires_in } => {
            (back(expires_in.min(terms.poll_every())), Action::Wait)
        }
        Input::AcquireFailed => (back(terms.poll_every()), Action::Wait),
        Input::TimePassed if now >= valid_until => (back(terms.poll_every()), Action::Wait),
        Input::Release => (State::Acquiring { started, releasing: true }, Action::Wait),
        _ => (State::Acquiring { started, releasing }, Action::Wait),
    }
}

/// Standby after an attempt: the next one after `wait`, or sooner when woken, but never at once,
/// so that a busy database does not make a standby busy.
fn rest(now: Duration, wait: Duration, terms: &Terms) -> State {
    let pause = terms.poll_every() / 10;
    State::Standby {
        not_before: now.saturating_add(pause),
        attempt_at: now.saturating_add(wait.max(pause)),
    }
}

/// The fields of [`State::Active`] while it is valid.
#[derive(Clone, Copy)]
struct Active {
    epoch: Epoch,
    valid_until: Duration,
    renewal: Renewal,
}

impl From<Active> for State {
    fn from(Active { epoch, valid_until, renewal }: Active) -> Self {
        Self::Active { epoch, valid_until, renewal }
    }
}

fn active(lease: Active, input: Input, now: Duration, terms: &Terms) -> (State, Action) {
    let retry = || Renewal::Due(now.saturating_add(terms.renew_every() / 4));
    match (input, lease.renewal) {
        (Input::RenewalRefused, Renewal::Running { .. }) => lose(Loss::Refused),
        (Input::Fenced, _) => lose(Loss::Fenced),
        (Input::Release, _) => (State::Released, Action::GiveBack(lease.epoch)),
        (Input::TimePassed, Renewal::Due(at)) if now >= at => {
            // Half of what is left: a connection that went silent leaves time for another.
            let give_up_at = now.saturating_add(lease.valid_until.saturating_sub(now) / 2);
            let renewal = Renewal::Running { started: now, give_up_at };
            (Active { renewal, ..lease }.into(), Action::Renew)
        }
        (Input::TimePassed, Renewal::Running { give_up_at, .. }) if now >= give_up_at => {
            (Active { renewal: retry(), ..lease }.into(), Action::Wait)
        }
        (Input::RenewalFailed, Renewal::Running { .. }) => {
            (Active { renewal: retry(), ..lease }.into(), Action::Wait)
        }
        (Input::Renewed, Renewal::Running { started, .. }) => {
            let valid_until = started.saturating_add(terms.validity());
            let renewal = Renewal::Due(started.saturating_add(terms.renew_every()).max(now));
            (Active { valid_until, renewal, ..lease }.into(), Action::Extend)
        }
        _ => (lease.into(), Action::Wait),
    }
}

fn lose(loss: Loss) -> (State, Action) {
    (State::Lost(loss), Action::StepDown)
}

#[cfg(test)]
mod tests;
