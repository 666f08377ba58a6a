//! What the user asks of a session: the requests and responses of RFC 5024 section 9.4.

use crate::codec::EncodeError;
use crate::command::{Eerp, Nerp, Sfid};
use crate::field::{Counts, EndSessionReason, FileReason, ReasonText};
use crate::record::RecordError;

use super::state::State;
use super::terms::Terms;

/// Something the user wants done, or its answer to an [`Event`].
///
/// The doc of each variant names the primitive of RFC 5024 section 9.4 that it stands for.
/// `F_CONNECT_RQ` is [`Session::initiator`], `F_DATA_RQ` is [`Session::send_data`].
///
/// [`Event`]: super::Event
/// [`Session::initiator`]: super::Session::initiator
/// [`Session::send_data`]: super::Session::send_data
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// `F_CONNECT_RS`: the partner is known and its password right; these are our terms for it.
    AcceptSession(Box<Terms>),
    /// The partner is not accepted: ESID, 03 for an unknown code, 04 for a wrong password.
    RefuseSession {
        /// Why.
        reason: EndSessionReason,
        /// In words, shown to the partner from OFTP 2.0 on.
        text: ReasonText,
    },
    /// Our challenge, encrypted for the partner as CMS `EnvelopedData` (AUCH).
    Challenge(Vec<u8>),
    /// The partner's challenge, decrypted (AURP). If decryption fails answer with 20 random
    /// octets: a distinguishable failure would be an oracle.
    AnswerChallenge([u8; 20]),
    /// Whether the partner's answer equals our challenge.
    ChallengeVerified(bool),
    /// `F_START_FILE_RQ`: offers a file, from its start or from a restart position on.
    StartFile(Box<Sfid>),
    /// `F_START_FILE_RS(+)`: takes the offered file.
    AcceptFile {
        /// Restart position in the format's unit, at most the one offered; 0 for all of it.
        restart: u64,
        /// What lies before the restart position, for the counts at the end.
        /// For formats other than V, [`RestartPoint::at`] knows.
        ///
        /// [`RestartPoint::at`]: crate::restart::RestartPoint::at
        already: Counts,
    },
    /// `F_START_FILE_RS(-)`: does not take the offered file.
    RefuseFile {
        /// Why.
        reason: FileReason,
        /// Whether the partner may offer it again, in a later session.
        retry: bool,
        /// In words.
        text: ReasonText,
    },
    /// `F_CLOSE_FILE_RQ`: all data has been given to [`Session::send_data`].
    ///
    /// When the credit is used up the engine keeps the request and sends EFID after the partner's
    /// CDT, as RFC 5024 section 9.11.3 note 1 wants.
    ///
    /// [`Session::send_data`]: super::Session::send_data
    CloseFile {
        /// What lies before the restart position, for EFID counts the whole file.
        /// For formats other than V, [`RestartPoint::at`] knows.
        ///
        /// [`RestartPoint::at`]: crate::restart::RestartPoint::at
        already: Counts,
    },
    /// `F_CLOSE_FILE_RS(+)`: the received file is durable and ours now.
    AcceptClose {
        /// Whether we want to speak next.
        change_direction: bool,
    },
    /// `F_CLOSE_FILE_RS(-)`: the received file is not taken.
    RefuseClose {
        /// Why.
        reason: FileReason,
        /// In words.
        text: ReasonText,
    },
    /// `F_EERP_RQ`: a file has arrived at its destination.
    SendEerp(Box<Eerp>),
    /// `F_NERP_RQ`: a file did not arrive.
    SendNerp(Box<Nerp>),
    /// `F_RTR_RS`: the partner's receipt is recorded.
    ReadyToReceive,
    /// `F_CD_RQ`: the partner may speak.
    ChangeDirection,
    /// `F_RELEASE_RQ` with reason normal: ends the session, just after the partner passed the
    /// direction to us.
    Release,
    /// `F_RELEASE_RQ` with an error: ends the session now and tells the partner why.
    Abort {
        /// Why.
        reason: EndSessionReason,
        /// In words.
        text: ReasonText,
    },
    /// `F_ABORT_RQ`: closes the transport without a word.
    Disconnect,
}

impl Request {
    /// The request's name for messages.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::AcceptSession(_) => "accepting the session",
            Self::RefuseSession { .. } => "refusing the session",
            Self::Challenge(_) => "a challenge",
            Self::AnswerChallenge(_) => "the answer to a challenge",
            Self::ChallengeVerified(_) => "the verdict on an answer",
            Self::StartFile(_) => "offering a file",
            Self::AcceptFile { .. } => "accepting a file",
            Self::RefuseFile { .. } => "refusing a file",
            Self::CloseFile { .. } => "closing a file",
            Self::AcceptClose { .. } => "accepting a file's end",
            Self::RefuseClose { .. } => "refusing a file's end",
            Self::SendEerp(_) => "sending an EERP",
            Self::SendNerp(_) => "sending a NERP",
            Self::ReadyToReceive => "confirming a receipt",
            Self::ChangeDirection => "changing the direction",
            Self::Release => "ending the session",
            Self::Abort { .. } => "aborting the session",
            Self::Disconnect => "closing the connection",
        }
    }
}

/// A request that the session cannot take: `U` (user error) or `X` in the tables of RFC 5024
/// section 9. The session is as it was before.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UserError {
    /// The state tables know no such request in this state.
    #[error("{request} is not possible in state {state}")]
    NotNow {
        /// What was asked for.
        request: &'static str,
        /// Where the session stands.
        state: State,
    },
    /// A restart position other than 0 although restart was not agreed on.
    #[error("restart at position {position} although the session has no restart; offer position 0")]
    RestartNotAgreed {
        /// The position asked for.
        position: u64,
    },
    /// A restart position beyond the one that the partner offered.
    #[error(
        "restart at position {position}, beyond the offered {offered}; accept {offered} or less"
    )]
    RestartBeyondOffer {
        /// The position asked for.
        position: u64,
        /// The position offered.
        offered: u64,
    },
    /// The counts before the restart position do not belong to that position.
    #[error(
        "{already_records} records and {already_octets} octets do not lie before restart position \
         {position}; count again"
    )]
    CountsBeforeRestart {
        /// The restart position.
        position: u64,
        /// The records given.
        already_records: u64,
        /// The octets given.
        already_octets: u64,
    },
    /// A file to send in a session that only receives.
    #[error("this session only receives files; send this one in another")]
    ReceiveOnly,
    /// A file's data does not fit its format. There is no way to take a file back: abort.
    #[error("the file cannot be sent on: {0}")]
    Data(#[from] RecordError),
    /// The command cannot be said at the session's level.
    #[error("{request} cannot be put into a command of this session: {source}")]
    Encode {
        /// What was asked for.
        request: &'static str,
        /// Which field, and why.
        source: EncodeError,
    },
    /// More files refused one after the other than a session may hold.
    #[error("{refusals} files refused without one accepted; end the session and try later")]
    RefusedTooOften {
        /// How many.
        refusals: u32,
    },
}

impl UserError {
    /// Whether it is the file that cannot be sent, in whatever session.
    pub const fn is_of_the_file(&self) -> bool {
        matches!(self, Self::Data(_) | Self::Encode { .. })
    }

    /// The stable code used in the log, the journal and the docs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotNow { .. } => "E-OFTP-REQUEST-STATE",
            Self::RestartNotAgreed { .. } => "E-OFTP-REQUEST-RESTART",
            Self::RestartBeyondOffer { .. } => "E-OFTP-REQUEST-RESTART-BEYOND",
            Self::CountsBeforeRestart { .. } => "E-OFTP-REQUEST-COUNTS",
            Self::ReceiveOnly => "E-OFTP-REQUEST-RECEIVE-ONLY",
            Self::Data(_) => "E-OFTP-REQUEST-DATA",
            Self::Encode { .. } => "E-OFTP-REQUEST-ENCODE",
            Self::RefusedTooOften { .. } => "E-OFTP-REQUEST-REFUSED",
        }
    }
}
