//! Who holds a daemon's lease, and the token that every change of state is fenced by.

use std::fmt;

use domain::{Daemon, Epoch};
use serde::{Deserialize, Serialize};

/// One process start: unique even when a process number comes back on the same host.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Holder {
    /// The host's (or pod's) name.
    pub host: String,
    /// The process number on that host.
    pub process: u32,
    /// What makes this start unique, drawn once by the process.
    pub start: String,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.host, self.process, self.start)
    }
}

/// A holder's time with one epoch: what a fenced transaction asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tenure {
    /// The daemon whose lease is held.
    pub daemon: Daemon,
    /// Who holds it.
    pub holder: Holder,
    /// Under which token.
    pub epoch: Epoch,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_holder_is_shown_as_host_process_and_start() {
        let holder = Holder { host: "box1".into(), process: 418, start: "a7".into() };
        assert_eq!(holder.to_string(), "box1/418/a7");
    }
}
