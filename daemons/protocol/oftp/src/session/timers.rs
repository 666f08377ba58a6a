//! Timers as data.

use core::time::Duration;

use super::State;

/// How long a session waits. RFC 5024 section 4.7.2 asks for timers and leaves their values open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timers {
    /// The inactivity timer: how long the next command may take, the partner's or our own
    /// user's. It is the RFC's only timer.
    pub response: Duration,
    /// The same where the partner has a whole file to store, to check or to scan, before it answers
    /// EFID (state CLOP).
    pub end_file: Duration,
    /// How long the transport may stay open after our ESID until we close it ourselves
    /// (state `WF_NDISC`).
    pub disconnect: Duration,
}

impl Default for Timers {
    /// Two minutes to answer, five for a whole file; ten seconds to hang up.
    fn default() -> Self {
        Self {
            response: Duration::from_mins(2),
            end_file: Duration::from_mins(5),
            disconnect: Duration::from_secs(10),
        }
    }
}

impl Timers {
    /// How long a state may last without a step.
    pub(super) fn limit(&self, state: State) -> Option<Duration> {
        match state {
            State::Idle | State::WaitForConnection => None,
            State::WaitForDisconnect => Some(self.disconnect),
            State::CloseOutPending => Some(self.end_file),
            _ => Some(self.response),
        }
    }
}
