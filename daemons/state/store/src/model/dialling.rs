//! Calls on ISDN: `open -> taken -> done`. `seonsqd` wants them, whoever holds a controller makes them.

use domain::{Daemon, Epoch, PartnerName};

use super::{SessionCounts, row_id, words};

row_id! {
    /// A wanted call's row.
    DialId
}

words! {
    /// How far a wanted call is.
    DialState {
        /// No controller has taken it yet.
        Open = "open",
        /// A controller calls, or runs the session.
        Taken = "taken",
        /// Its outcome is there.
        Done = "done",
    }
}

/// A call that is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewDial {
    /// The partner's name in the configuration.
    pub partner: PartnerName,
    /// The number that is called, as the configuration has it.
    pub number: String,
    /// Whether the session is to carry nothing of ours.
    pub ping: bool,
}

/// What came of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DialOutcome {
    /// Whether the partner's side answered; what follows is then its session's end.
    pub connected: bool,
    /// Whether the session came about.
    pub established: bool,
    /// Whether the partner only sent in it, and took no files.
    pub sends_only: bool,
    /// `ESID-00`, or what went wrong; never empty.
    pub code: String,
    /// In a sentence.
    pub text: Option<String>,
    /// What the session carried.
    pub counts: SessionCounts,
}

/// A wanted call's row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DialRecord {
    /// Its number.
    pub id: DialId,
    /// What is wanted.
    pub dial: NewDial,
    /// How far it is.
    pub state: DialState,
    /// Who makes it, and in which tenure.
    pub taken_by: Option<(Daemon, Epoch)>,
    /// What came of it, once done.
    pub outcome: Option<DialOutcome>,
}
