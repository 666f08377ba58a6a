//! The states of RFC 5024 section 9.3, their names in words.

use core::fmt;

/// Where a session stands: RFC 5024 section 9.3.
///
/// Displayed by its name in the RFC, so that a log line can be held beside the state tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum State {
    /// IDLE: no network connection, either not yet or not any more.
    Idle,
    /// `I_WF_NC`: the initiator waits for the transport to connect.
    WaitForConnection,
    /// `I_WF_RM`: the initiator waits for the responder's SSRM.
    WaitForReadyMessage,
    /// `I_WF_SSID`: the initiator has sent its SSID and waits for the responder's.
    WaitForStartSession,
    /// `A_NC_ONLY`: the responder has sent its SSRM and waits for the initiator's SSID.
    ConnectedOnly,
    /// `A_WF_CONRS`: the responder waits for [`Request::AcceptSession`].
    ///
    /// [`Request::AcceptSession`]: super::Request::AcceptSession
    WaitForAcceptance,
    /// `WF_SECD`: secure authentication, our partner has to pass the direction to us.
    WaitForSecurityDirection,
    /// `WF_AUCH`: secure authentication, our partner has to challenge us; once it has, we wait
    /// for [`Request::AnswerChallenge`].
    ///
    /// [`Request::AnswerChallenge`]: super::Request::AnswerChallenge
    WaitForChallenge,
    /// `WF_AURP`: secure authentication, our partner has to answer our challenge; once it has,
    /// we wait for [`Request::ChallengeVerified`].
    ///
    /// [`Request::ChallengeVerified`]: super::Request::ChallengeVerified
    WaitForChallengeResponse,
    /// IDLESP: the speaker may offer a file or a receipt, or pass the direction on.
    IdleSpeaker,
    /// IDLESPCD: as [`State::IdleSpeaker`], just after the partner passed the direction to us of
    /// its own accord. Here, and only here, the session may be ended; passing the direction
    /// straight back is forbidden.
    IdleSpeakerDirectionReceived,
    /// `WF_RTR`: the speaker has sent a receipt and waits for its RTR.
    WaitForReadyToReceive,
    /// `WF_CD`: we asked for the direction with our EFPA and wait for CD.
    WaitForDirection,
    /// ERSTWFCD: as [`State::WaitForDirection`], an EERP is kept until we speak.
    EerpStored,
    /// NRSTWFCD: as [`State::WaitForDirection`], a NERP is kept until we speak.
    NerpStored,
    /// SFSTWFCD: as [`State::WaitForDirection`], an SFID is kept until we speak.
    StartFileStored,
    /// CDSTWFCD: as [`State::WaitForDirection`], a CD is kept until we speak.
    DirectionStored,
    /// OPOP: the speaker has offered a file and waits for SFPA or SFNA.
    OpenOutPending,
    /// OPO: the speaker may send data.
    OpenOut,
    /// OPOWFC: the speaker has used its credit up and waits for CDT.
    OpenOutWaitForCredit,
    /// CLOP: the speaker has sent EFID and waits for EFPA or EFNA.
    CloseOutPending,
    /// IDLELI: the listener waits for whatever the speaker does next.
    IdleListener,
    /// IDLELICD: as [`State::IdleListener`], just after we passed the direction on. Here, and
    /// only here, the partner may end the session.
    IdleListenerDirectionGiven,
    /// OPIP: the listener was offered a file and waits for [`Request::AcceptFile`] or
    /// [`Request::RefuseFile`].
    ///
    /// [`Request::AcceptFile`]: super::Request::AcceptFile
    /// [`Request::RefuseFile`]: super::Request::RefuseFile
    OpenInPending,
    /// OPI: the listener receives data.
    OpenIn,
    /// CLIP: the file has ended; we wait for [`Request::AcceptClose`] or
    /// [`Request::RefuseClose`].
    ///
    /// [`Request::AcceptClose`]: super::Request::AcceptClose
    /// [`Request::RefuseClose`]: super::Request::RefuseClose
    CloseInPending,
    /// RTRP: the listener has received a receipt and waits for [`Request::ReadyToReceive`].
    ///
    /// [`Request::ReadyToReceive`]: super::Request::ReadyToReceive
    ReadyToReceivePending,
    /// `WF_NDISC`: ESID is sent; whatever comes is ignored until the transport is closed.
    WaitForDisconnect,
}

impl State {
    /// Every state, in the order of the tables.
    pub const ALL: [Self; 28] = [
        Self::Idle,
        Self::WaitForConnection,
        Self::WaitForReadyMessage,
        Self::WaitForStartSession,
        Self::ConnectedOnly,
        Self::WaitForAcceptance,
        Self::WaitForChallenge,
        Self::WaitForChallengeResponse,
        Self::WaitForSecurityDirection,
        Self::IdleSpeaker,
        Self::IdleSpeakerDirectionReceived,
        Self::WaitForReadyToReceive,
        Self::WaitForDirection,
        Self::EerpStored,
        Self::NerpStored,
        Self::StartFileStored,
        Self::DirectionStored,
        Self::OpenOutPending,
        Self::OpenOut,
        Self::OpenOutWaitForCredit,
        Self::CloseOutPending,
        Self::IdleListener,
        Self::IdleListenerDirectionGiven,
        Self::OpenInPending,
        Self::OpenIn,
        Self::CloseInPending,
        Self::ReadyToReceivePending,
        Self::WaitForDisconnect,
    ];

    /// The state's name in RFC 5024.
    pub const fn rfc_name(self) -> &'static str {
        match self {
            Self::Idle => "IDLE",
            Self::WaitForConnection => "I_WF_NC",
            Self::WaitForReadyMessage => "I_WF_RM",
            Self::WaitForStartSession => "I_WF_SSID",
            Self::ConnectedOnly => "A_NC_ONLY",
            Self::WaitForAcceptance => "A_WF_CONRS",
            Self::WaitForSecurityDirection => "WF_SECD",
            Self::WaitForChallenge => "WF_AUCH",
            Self::WaitForChallengeResponse => "WF_AURP",
            Self::IdleSpeaker => "IDLESP",
            Self::IdleSpeakerDirectionReceived => "IDLESPCD",
            Self::WaitForReadyToReceive => "WF_RTR",
            Self::WaitForDirection => "WF_CD",
            Self::EerpStored => "ERSTWFCD",
            Self::NerpStored => "NRSTWFCD",
            Self::StartFileStored => "SFSTWFCD",
            Self::DirectionStored => "CDSTWFCD",
            Self::OpenOutPending => "OPOP",
            Self::OpenOut => "OPO",
            Self::OpenOutWaitForCredit => "OPOWFC",
            Self::CloseOutPending => "CLOP",
            Self::IdleListener => "IDLELI",
            Self::IdleListenerDirectionGiven => "IDLELICD",
            Self::OpenInPending => "OPIP",
            Self::OpenIn => "OPI",
            Self::CloseInPending => "CLIP",
            Self::ReadyToReceivePending => "RTRP",
            Self::WaitForDisconnect => "WF_NDISC",
        }
    }

    /// Whether we speak, or are about to because the partner owes us the direction.
    pub const fn is_speaker(self) -> bool {
        matches!(
            self,
            Self::IdleSpeaker
                | Self::IdleSpeakerDirectionReceived
                | Self::WaitForReadyToReceive
                | Self::WaitForDirection
                | Self::EerpStored
                | Self::NerpStored
                | Self::StartFileStored
                | Self::DirectionStored
                | Self::OpenOutPending
                | Self::OpenOut
                | Self::OpenOutWaitForCredit
                | Self::CloseOutPending
        )
    }

    /// Whether we listen.
    pub const fn is_listener(self) -> bool {
        matches!(
            self,
            Self::IdleListener
                | Self::IdleListenerDirectionGiven
                | Self::OpenInPending
                | Self::OpenIn
                | Self::CloseInPending
                | Self::ReadyToReceivePending
        )
    }

    /// Whether the session is being set up: the states of the session connection table.
    pub const fn is_connecting(self) -> bool {
        matches!(
            self,
            Self::WaitForConnection
                | Self::WaitForReadyMessage
                | Self::WaitForStartSession
                | Self::ConnectedOnly
                | Self::WaitForAcceptance
                | Self::WaitForSecurityDirection
                | Self::WaitForChallenge
                | Self::WaitForChallengeResponse
        )
    }
}

impl fmt::Display for State {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.rfc_name())
    }
}
