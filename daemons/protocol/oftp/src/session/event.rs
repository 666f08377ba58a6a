//! What a session tells its user: the indications and confirmations of RFC 5024 section 9.5.

use crate::codec::DecodeError;
use crate::command::{Eerp, Nerp, Sfid, Ssid};
use crate::field::{Counts, EndSessionReason, FileReason, ReasonText};

use crate::record::RecordError;

use super::terms::Agreed;

/// Something that happened, in the order in which it happened.
///
/// The doc of each variant names the primitive of RFC 5024 section 9.5 that it stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// `F_CONNECT_IND`: a partner calls and says who it is. Answer with
    /// [`Request::AcceptSession`] or [`Request::RefuseSession`].
    ///
    /// [`Request::AcceptSession`]: super::Request::AcceptSession
    /// [`Request::RefuseSession`]: super::Request::RefuseSession
    PartnerPresented(Box<Ssid>),
    /// `F_CONNECT_CF`, and the same for the responder: files may flow. The initiator speaks.
    Established(Box<Agreed>),
    /// The partner waits for a challenge (SECD). Answer with [`Request::Challenge`].
    ///
    /// [`Request::Challenge`]: super::Request::Challenge
    ChallengeWanted,
    /// The partner challenges us (AUCH): the encrypted challenge. Answer with
    /// [`Request::AnswerChallenge`].
    ///
    /// [`Request::AnswerChallenge`]: super::Request::AnswerChallenge
    ChallengeReceived(Vec<u8>),
    /// The partner answers our challenge (AURP). Compare in constant time and answer with
    /// [`Request::ChallengeVerified`].
    ///
    /// [`Request::ChallengeVerified`]: super::Request::ChallengeVerified
    ChallengeAnswered([u8; 20]),
    /// `F_START_FILE_IND`: the partner offers a file. Answer with [`Request::AcceptFile`] or
    /// [`Request::RefuseFile`].
    ///
    /// [`Request::AcceptFile`]: super::Request::AcceptFile
    /// [`Request::RefuseFile`]: super::Request::RefuseFile
    FileOffered(Box<Sfid>),
    /// The partner offers a file by an SFID that is whole but for a field, so that it cannot be taken:
    /// the RFC has no primitive for that. Answer with [`Request::RefuseFile`].
    ///
    /// [`Request::RefuseFile`]: super::Request::RefuseFile
    UnfitFileOffered {
        /// The reason to refuse with.
        reason: FileReason,
        /// The field, and what is wrong with it.
        error: DecodeError,
    },
    /// `F_START_FILE_CF(+)`: the partner wants the file, from this position on.
    FileAccepted {
        /// Restart position in the format's unit, at most the one offered.
        restart: u64,
    },
    /// `F_START_FILE_CF(-)`: the partner does not want the file.
    FileRefused {
        /// Why.
        reason: FileReason,
        /// Whether it may be offered again, in a later session.
        retry: bool,
        /// The partner's words; empty before OFTP 2.0.
        text: ReasonText,
    },
    /// `F_CLOSE_FILE_IND`: the file has ended; all its payload has been handed over. Answer with
    /// [`Request::AcceptClose`] or [`Request::RefuseClose`].
    ///
    /// [`Request::AcceptClose`]: super::Request::AcceptClose
    /// [`Request::RefuseClose`]: super::Request::RefuseClose
    FileEnded {
        /// What the partner says that the whole file holds.
        announced: Counts,
        /// What we hold of it, the part before a restart included.
        seen: Counts,
        /// Why it is not to be taken, if so.
        fault: Option<FileFault>,
    },
    /// `F_CLOSE_FILE_CF(+)`: the partner owns the file now.
    FileCompleted {
        /// The partner asked for the direction and has it; we listen now.
        change_direction: bool,
    },
    /// `F_CLOSE_FILE_CF(-)`: the partner does not take the file that it received.
    FileCloseRefused {
        /// Why.
        reason: FileReason,
        /// The partner's words; empty before OFTP 2.0.
        text: ReasonText,
    },
    /// `F_EERP_IND`: a file of ours has arrived at its destination. Record it, then answer with
    /// [`Request::ReadyToReceive`].
    ///
    /// [`Request::ReadyToReceive`]: super::Request::ReadyToReceive
    EerpReceived(Box<Eerp>),
    /// `F_NERP_IND`: a file of ours did not arrive. Record it, then answer with
    /// [`Request::ReadyToReceive`].
    ///
    /// [`Request::ReadyToReceive`]: super::Request::ReadyToReceive
    NerpReceived(Box<Nerp>),
    /// `F_RTR_CF`: the partner has taken our receipt.
    ReceiptConfirmed,
    /// `F_CD_IND`: we speak now. Whether the session may be ended at once tells
    /// [`Session::may_release`].
    ///
    /// It also comes when the direction arrives that we asked for with EFPA, unless a request
    /// was waiting for it; the RFC has no primitive for that.
    ///
    /// [`Session::may_release`]: super::Session::may_release
    DirectionReceived,
    /// `F_RELEASE_IND`: the partner ended the session in good order.
    Released,
    /// `F_ABORT_IND`: the session has ended otherwise.
    Aborted {
        /// Who ended it.
        by: AbortOrigin,
        /// Why, in the words of ESID.
        reason: EndSessionReason,
        /// Details: the partner's text, or what we found wrong.
        text: ReasonText,
    },
    /// `N_DISC_RQ`: write what is left in [`Session::transmit`], then close the transport.
    ///
    /// [`Session::transmit`]: super::Session::transmit
    Disconnect,
}

/// Why a file that came to its end is not to be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileFault {
    /// A record is not of the file's format; what came after it was not kept.
    Records(RecordError),
    /// EFID counts otherwise than we do: invalid record count (10) or invalid byte count (11).
    Count(FileReason),
}

impl FileFault {
    /// The reason to refuse with.
    pub fn reason(&self) -> FileReason {
        match self {
            Self::Records(error) => error.file_reason(),
            Self::Count(reason) => *reason,
        }
    }
}

/// Who ended a session before its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AbortOrigin {
    /// We did: the terms do not match, or the partner's authentication failed.
    Local,
    /// The partner did, by ESID.
    Partner,
    /// We did: the partner broke the protocol.
    Protocol,
    /// The next command did not come in time.
    Timeout,
    /// The transport was closed or reset.
    Transport,
}
