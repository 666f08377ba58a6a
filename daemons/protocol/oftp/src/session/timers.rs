//! Timers as data.

use core::time::Duration;

/// How long a session waits. RFC 5024 section 4.7.2 asks for timers and leaves their values open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timers {
    /// The inactivity timer: how long the next command may take, the partner's or our own
    /// user's. It is the RFC's only timer.
    pub response: Duration,
    /// How long the transport may stay open after our ESID until we close it ourselves
    /// (state `WF_NDISC`).
    pub disconnect: Duration,
}

impl Default for Timers {
    /// Two minutes to answer, half of which a partner may well spend on storing a large file;
    /// ten seconds to hang up.
    fn default() -> Self {
        Self { response: Duration::from_mins(2), disconnect: Duration::from_secs(10) }
    }
}
