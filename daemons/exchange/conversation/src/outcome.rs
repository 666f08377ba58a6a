//! How a session ended.

use domain::{ENDED_IN_ORDER, PartnerName};
use oftp::field::EndSessionReason;
use oftp::session::AbortOrigin;
use spool::SpoolError;
use store::{SessionCounts, StoreError};
use transport::ConnectionError;

/// The code of a connection that was closed without a word.
pub(crate) const TRANSPORT: &str = "E-SESSION-TRANSPORT";

/// How a session ended, for its row, the log, and whoever began it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The partner's name, if it got that far.
    pub partner: Option<PartnerName>,
    /// Whether files could flow: both sides knew and accepted each other.
    pub established: bool,
    /// Whether the partner only sent in it, so that no file of ours could go out.
    pub sends_only: bool,
    /// `ESID-00`, or what went wrong.
    pub code: String,
    /// In a sentence.
    pub text: Option<String>,
    /// What it carried.
    pub counts: SessionCounts,
}

impl Outcome {
    /// Whether both sides wanted the end.
    pub fn is_in_order(&self) -> bool {
        self.code == ENDED_IN_ORDER
    }

    /// Whether one side wanted the session authenticated by certificates and the other did not (ESID 12).
    pub fn is_for_want_of_authentication(&self) -> bool {
        let reason = EndSessionReason::AuthenticationIncompatible;
        let ways = [AbortOrigin::Partner, AbortOrigin::Local];
        !self.established && ways.iter().any(|by| abort_code(*by, reason) == self.code)
    }
}

/// Why we end a session ourselves.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Stop {
    #[error("{0}")]
    Store(#[from] StoreError),
    #[error("{0}")]
    Disk(#[from] SpoolError),
    #[error("{text}")]
    Refused { code: &'static str, reason: EndSessionReason, text: String },
    #[error("ended by an operator: {0}")]
    Operator(String),
    #[error("this daemon is stopping; the transfer goes on where it broke off")]
    Shutdown,
    #[error("the session was not established within {0} seconds")]
    LogonTooSlow(u64),
    #[error(
        "its place was needed for another caller, and it had not said who it is; if it is a partner, \
         ask it why it connects and says nothing"
    )]
    GaveWay,
    #[error("the partner took nothing for {0} seconds")]
    WriteTooSlow(u64),
    #[error("{0}")]
    Connection(#[from] ConnectionError),
    #[error("the engine refused a step: {0}")]
    Engine(#[from] oftp::session::UserError),
}

impl Stop {
    /// The stable code.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Store(error) => error.code(),
            Self::Disk(error) => error.code(),
            Self::Refused { code, .. } => code,
            Self::Operator(_) => "E-SESSION-ABORTED",
            Self::Shutdown => "E-SESSION-SHUTDOWN",
            Self::LogonTooSlow(_) => "E-SESSION-LOGON-TIMEOUT",
            Self::GaveWay => "E-LISTEN-GAVE-WAY",
            Self::WriteTooSlow(_) => "E-SESSION-WRITE-TIMEOUT",
            Self::Connection(error) => error.code(),
            Self::Engine(error) => error.code(),
        }
    }

    /// What the partner is told; nothing of our insides.
    pub(crate) fn farewell(&self) -> Option<(EndSessionReason, &'static str)> {
        match self {
            Self::Store(_) | Self::Disk(_) => {
                Some((EndSessionReason::ResourcesNotAvailable, "no resources, try again later"))
            }
            Self::Refused { .. } | Self::Connection(_) | Self::WriteTooSlow(_) | Self::GaveWay => {
                None
            }
            Self::Operator(_) => Some((EndSessionReason::EmergencyCloseDown, "ended by operator")),
            Self::Shutdown => Some((EndSessionReason::EmergencyCloseDown, "maintenance")),
            Self::LogonTooSlow(_) => Some((EndSessionReason::TimeOut, "logon took too long")),
            Self::Engine(_) => Some((EndSessionReason::Unspecified, "")),
        }
    }
}

/// The code of a session that the engine says has ended otherwise than in order.
pub(crate) fn abort_code(by: AbortOrigin, reason: EndSessionReason) -> String {
    match by {
        AbortOrigin::Partner => format!("E-SESSION-ESID-{:02}", reason.number()),
        AbortOrigin::Local => format!("E-SESSION-REFUSED-{:02}", reason.number()),
        AbortOrigin::Protocol => format!("E-SESSION-PROTOCOL-{:02}", reason.number()),
        AbortOrigin::Timeout => "E-SESSION-TIMEOUT".to_owned(),
        AbortOrigin::Transport => TRANSPORT.to_owned(),
    }
}

/// The same in a sentence.
pub(crate) fn abort_text(by: AbortOrigin, reason: EndSessionReason, text: &str) -> String {
    let detail = if text.is_empty() { String::new() } else { format!(" (\"{text}\")") };
    match by {
        AbortOrigin::Partner => {
            let said = format!("the partner ended the session: ESID reason {reason}{detail}");
            // The RFC's sentences end in a full stop, which a cure goes on after.
            match cure(reason) {
                "" => said,
                cure => format!("{}{cure}", said.trim_end_matches('.')),
            }
        }
        AbortOrigin::Local => format!("we ended the session: ESID reason {reason}{detail}"),
        AbortOrigin::Protocol => {
            format!("the partner broke the protocol: ESID reason {reason}{detail}")
        }
        AbortOrigin::Timeout => "the partner said nothing in time".to_owned(),
        AbortOrigin::Transport => "the connection was closed in the middle".to_owned(),
    }
}

/// What a person can do about a partner's refusal.
fn cure(reason: EndSessionReason) -> &'static str {
    match reason {
        EndSessionReason::UserCodeNotKnown => {
            "; compare spec.identity.odetteId with what the partner was told"
        }
        EndSessionReason::InvalidPassword => {
            "; correct the Secret of identity.ownPasswordSecretRef (some partners keep passwords \
             in upper case)"
        }
        EndSessionReason::Incompatible => "; compare level and modes with the partner's settings",
        EndSessionReason::AuthenticationIncompatible => {
            "; one side wants sessions authenticated by certificates, and the other does not: compare \
             spec.security.authentication with what the partner says"
        }
        EndSessionReason::ResourcesNotAvailable => "; it is tried again later",
        _ => "",
    }
}
