//! Kinds of calls, and sets of bits.

use super::code::{bits, codes};

codes! {
    /// The kind of a call: the Compatibility Information Profile (CAPI 2.0 Part I, parameter CIP
    /// Value).
    Cip, otherwise "a kind of call that CAPI does not define";
    NONE 0 "no predefined kind: the bearer capability says more"
    SPEECH 1 "speech"
    UNRESTRICTED_DIGITAL 2 "unrestricted digital information"
    RESTRICTED_DIGITAL 3 "restricted digital information"
    AUDIO_3_1_KHZ 4 "3.1 kHz audio"
    AUDIO_7_KHZ 5 "7 kHz audio"
    VIDEO 6 "video"
    PACKET_MODE 7 "packet mode"
    RATE_ADAPTION_56_KBIT 8 "56 kbit/s rate adaption"
    UNRESTRICTED_WITH_TONES 9 "unrestricted digital information with tones"
    TELEPHONY 16 "telephony"
    FAX_GROUP_2_3 17 "fax group 2 and 3"
    FAX_GROUP_4 18 "fax group 4 class 1"
    TELETEX_MIXED 19 "teletex, basic and mixed"
    TELETEX_PROCESSABLE 20 "teletex, basic and processable"
    TELETEX 21 "teletex, basic"
    VIDEOTEX 22 "videotex"
    TELEX 23 "telex"
    X400 24 "message handling by X.400"
    X200 25 "OSI applications by X.200"
    TELEPHONY_7_KHZ 26 "7 kHz telephony"
    VIDEO_TELEPHONY 27 "video telephony, first connection"
    VIDEO_TELEPHONY_SECOND 28 "video telephony, second connection"
}

bits! {
    /// Kinds of calls to listen for: bit n is the [`Cip`] n (CAPI 2.0 Part I, parameter CIP Mask).
    CipMask(u32);
    ANY 0x0000_0001 "Every call, whatever its kind."
    UNRESTRICTED_DIGITAL 0x0000_0004 "Unrestricted digital information, what OFTP runs on."
}

impl CipMask {
    /// The kind alone; none for a kind beyond bit 31.
    pub fn of(cip: Cip) -> Self {
        Self(1_u32.checked_shl(cip.0.into()).unwrap_or_default())
    }

    /// Whether a call of the kind is listened for.
    pub fn admits(self, cip: Cip) -> bool {
        self.contains(Self::ANY) || (cip != Cip::NONE && self.0 & Self::of(cip).0 != 0)
    }
}

bits! {
    /// What of the network's messages is to be indicated (CAPI 2.0 Part I, parameter Info Mask).
    InfoMask(u32);
    CAUSE 0x0001 "Why the network clears."
    DATE_TIME 0x0002 "The network's date and time."
    DISPLAY 0x0004 "Text to be displayed."
    USER_USER 0x0008 "User to user information."
    CALL_PROGRESS 0x0010 "How a call gets on."
    FACILITY 0x0020 "Supplementary services."
    CHARGING 0x0040 "Charging."
    CALLED_NUMBER 0x0080 "Further digits of the called number."
    CHANNEL 0x0100 "Which B channel."
    EARLY_B3 0x0200 "A connection before the call is up."
    REDIRECTION 0x0400 "Redirections."
    SENDING_COMPLETE 0x1000 "That the called number is complete."
}

codes! {
    /// Which information element an `INFO_IND` brings, by its number in Q.931.
    InfoNumber, otherwise "another information element";
    CAUSE 0x08 "cause"
    CALL_STATE 0x14 "call state"
    CHANNEL 0x18 "channel identification"
    FACILITY 0x1c "facility"
    PROGRESS 0x1e "progress indicator"
    DISPLAY 0x28 "display"
    DATE_TIME 0x29 "date and time"
    CALLED_NUMBER 0x70 "called party number"
    USER_USER 0x7e "user to user information"
    SENDING_COMPLETE 0xa1 "sending complete"
}

bits! {
    /// Flags of a block of data (CAPI 2.0 Part I, parameter Flags of `DATA_B3`).
    DataFlags(u16);
    QUALIFIER 0x0001 "Qualified data (the Q bit), which OFTP does not use."
    MORE 0x0002 "More data of the same unit follow (the M bit)."
    DELIVERY_CONFIRMATION 0x0004 "Delivery confirmation (the D bit), which OFTP does not use."
    EXPEDITED 0x0008 "Expedited data."
    BREAK 0x0010 "Break, or unnumbered information."
    FRAMING_ERROR 0x8000 "The block has a framing error."
}
