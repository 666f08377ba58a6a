//! What follows when a child ends: pure, so that the rules stand in one table.

use std::fmt;
use std::process::ExitStatus;
use std::time::Duration;

use std::os::unix::process::ExitStatusExt;

/// How a child ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// By itself, with this exit code.
    Code(i32),
    /// By this signal.
    Signal(i32),
    /// Never ran: the operating system refused to start it.
    NotStarted,
}

impl From<ExitStatus> for Ending {
    fn from(status: ExitStatus) -> Self {
        match (status.code(), status.signal()) {
            (Some(code), _) => Self::Code(code),
            (None, Some(signal)) => Self::Signal(signal),
            (None, None) => Self::NotStarted,
        }
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(0) => f.write_str("ended"),
            Self::Code(64) => f.write_str("ended with exit code 64 (wrong usage)"),
            Self::Code(70) => f.write_str("ended with exit code 70 (lease lost)"),
            Self::Code(75) => f.write_str("ended with exit code 75 (already active elsewhere)"),
            Self::Code(78) => f.write_str("ended with exit code 78 (configuration error)"),
            Self::Code(code) => write!(f, "ended with exit code {code}"),
            Self::Signal(signal) => write!(f, "was ended by signal {signal}"),
            Self::NotStarted => f.write_str("could not be started"),
        }
    }
}

/// What to do about a child that ended unasked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Start it again after this pause.
    Restart(Duration),
    /// A new start would end the same way: report it and leave it.
    GiveUp,
}

/// How patiently children are started again and ended.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// The pause before the first new start; doubles with each further one.
    pub first_pause: Duration,
    /// The longest pause.
    pub longest_pause: Duration,
    /// A child that ran this long is healthy: its next end starts from the first pause again.
    pub healthy_after: Duration,
    /// Time between SIGTERM and SIGKILL.
    pub grace: Duration,
}

impl Default for Policy {
    /// Half a second growing to half a minute; a minute to finish or park what is running.
    fn default() -> Self {
        Self {
            first_pause: Duration::from_millis(500),
            longest_pause: Duration::from_secs(30),
            healthy_after: Duration::from_secs(30),
            grace: Duration::from_mins(1),
        }
    }
}

impl Policy {
    /// The verdict on an end after `starts` starts in a row that did not last.
    pub fn judge(&self, ending: Ending, starts: u32) -> Verdict {
        match ending {
            // 64 usage, 75 active elsewhere, 78 configuration: no new start changes these.
            Ending::Code(64 | 75 | 78) => Verdict::GiveUp,
            Ending::Code(_) | Ending::Signal(_) | Ending::NotStarted => {
                Verdict::Restart(self.pause(starts))
            }
        }
    }

    fn pause(&self, starts: u32) -> Duration {
        let doubling = 2_u32.saturating_pow(starts.saturating_sub(1));
        self.first_pause.saturating_mul(doubling).min(self.longest_pause)
    }
}
