//! What each side brings to a session, and what the two agree on: RFC 5024 section 5.3.2.

use crate::command::Ssid;
use crate::field::{
    BufferSize, Capability, Credit, EndSessionReason, Level, OdetteId, Password, ReasonText,
    UserData,
};

use crate::codec::Tolerance;

/// What one side brings to the negotiation.
///
/// There is no field for special logic: it belongs to asynchronous X.25 access, which no transport
/// of ours is (RFC 5024 Appendix C), so SSIDSPEC is always `N`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// The highest level that we speak with this partner.
    pub level: Level,
    /// The lowest level that we accept; below it the session is refused, never degraded.
    pub minimum_level: Level,
    /// Our identification code (SSIDCODE).
    pub identity: OdetteId,
    /// Our password (SSIDPSWD).
    pub password: Password,
    /// User data (SSIDUSER).
    pub user_data: UserData,
    /// The largest data exchange buffer that we take.
    pub buffer_size: BufferSize,
    /// The largest credit window that we grant and use.
    pub credit: Credit,
    /// Whether we can compress data exchange buffers.
    pub compression: bool,
    /// Whether we can restart files.
    pub restart: bool,
    /// Whether we send, receive, or both.
    pub capability: Capability,
    /// Whether the session must be authenticated by certificates; both sides have to say the same.
    pub authentication: bool,
}

/// What both sides agreed on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agreed {
    /// The partner's identification code.
    pub partner: OdetteId,
    /// The partner's user data.
    pub user_data: UserData,
    /// The level spoken.
    pub level: Level,
    /// The largest data exchange buffer, in octets.
    pub buffer_size: BufferSize,
    /// The credit window, in data exchange buffers.
    pub credit: Credit,
    /// Whether data exchange buffers may be compressed.
    pub compression: bool,
    /// Whether files may be restarted.
    pub restart: bool,
    /// What we may do: send, receive, or both.
    pub capability: Capability,
    /// Whether the session is authenticated by certificates.
    pub authentication: bool,
}

/// Why there is no agreement: reason and text of the ESID that says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Disagreement {
    pub(super) reason: EndSessionReason,
    pub(super) text: ReasonText,
}

impl Disagreement {
    /// ESID 10, mode or capabilities incompatible.
    fn capabilities(text: &str) -> Self {
        Self { reason: EndSessionReason::Incompatible, text: ReasonText::fitting(text) }
    }
}

impl Terms {
    /// The initiator's SSID: everything that we could do.
    pub(super) fn opening(&self) -> Ssid {
        Ssid {
            level: self.level,
            identity: self.identity.clone(),
            password: self.password.clone(),
            buffer_size: self.buffer_size,
            capability: self.capability,
            compression: self.compression,
            restart: self.restart,
            special_logic: false,
            credit: self.credit,
            authentication: self.authentication && self.level >= Level::V2_0,
            user_data: self.user_data.clone(),
        }
    }

    /// The responder's SSID: what has been agreed on, under our name.
    pub(super) fn answer(&self, agreed: &Agreed) -> Ssid {
        Ssid {
            level: agreed.level,
            identity: self.identity.clone(),
            password: self.password.clone(),
            buffer_size: agreed.buffer_size,
            capability: agreed.capability,
            compression: agreed.compression,
            restart: agreed.restart,
            special_logic: false,
            credit: agreed.credit,
            authentication: agreed.authentication,
            user_data: self.user_data.clone(),
        }
    }

    /// The responder's negotiation: the initiator's offer is cut down to what we can do.
    pub(super) fn respond(
        &self,
        theirs: &Ssid,
        tolerance: &Tolerance,
    ) -> Result<Agreed, Disagreement> {
        let (level, credit) = (self.level.min(theirs.level), self.credit.min(theirs.credit));
        self.agree(theirs, level, credit, tolerance)
    }

    /// The initiator's negotiation: the responder's answer must lie within our offer.
    pub(super) fn confirm(
        &self,
        theirs: &Ssid,
        tolerance: &Tolerance,
    ) -> Result<Agreed, Disagreement> {
        if theirs.level > self.level {
            return Err(Disagreement::capabilities(&format!(
                "level {} answered to level {}",
                theirs.level, self.level
            )));
        }
        if theirs.special_logic {
            return Err(Disagreement::capabilities("special logic answered, not offered"));
        }
        // A responder that keeps a larger window would wait for buffers that we never send while
        // we wait for its credit. No smaller number heals that.
        if theirs.credit > self.credit {
            return Err(Disagreement::capabilities(&format!(
                "credit {} answered to credit {}",
                theirs.credit.get(),
                self.credit.get()
            )));
        }
        self.agree(theirs, theirs.level, theirs.credit, tolerance)
    }

    fn agree(
        &self,
        theirs: &Ssid,
        level: Level,
        credit: Credit,
        tolerance: &Tolerance,
    ) -> Result<Agreed, Disagreement> {
        // RFC 2204 is 1.3 and says `1`, which is 1.2; the layouts are the same.
        let may_mean_1_3 = level == Level::V1_2 && tolerance.level_digit;
        let is_too_low = level < self.minimum_level;
        if is_too_low && !(may_mean_1_3 && self.minimum_level == Level::V1_3) {
            return Err(Disagreement::capabilities(&format!(
                "level {level} is below {}, the lowest accepted here",
                self.minimum_level
            )));
        }
        // Levels before 2.0 cannot say Y: a session that must be authenticated ends here, too.
        if self.authentication != theirs.authentication {
            return Err(Disagreement {
                reason: EndSessionReason::AuthenticationIncompatible,
                text: ReasonText::fitting(if self.authentication {
                    "secure authentication is required here"
                } else {
                    "secure authentication is not offered here"
                }),
            });
        }
        if self.authentication && level < Level::V2_0 {
            return Err(Disagreement {
                reason: EndSessionReason::AuthenticationIncompatible,
                text: ReasonText::fitting(&format!(
                    "level {level} has no secure authentication, which is required here"
                )),
            });
        }
        let capability = self
            .share(theirs.capability)
            .ok_or_else(|| Disagreement::capabilities("both sides only send, or only receive"))?;
        Ok(Agreed {
            partner: theirs.identity.clone(),
            user_data: theirs.user_data.clone(),
            level,
            buffer_size: self.buffer_size.min(theirs.buffer_size),
            credit,
            compression: self.compression && theirs.compression,
            restart: self.restart && theirs.restart,
            capability,
            authentication: self.authentication,
        })
    }

    /// RFC 5024 section 3.2.1, the table of modes, from our side.
    fn share(&self, theirs: Capability) -> Option<Capability> {
        use Capability::{Both, ReceiverOnly, SenderOnly};
        match (self.capability, theirs) {
            (Both, Both) => Some(Both),
            (Both | SenderOnly, ReceiverOnly) | (SenderOnly, Both) => Some(SenderOnly),
            (Both | ReceiverOnly, SenderOnly) | (ReceiverOnly, Both) => Some(ReceiverOnly),
            (SenderOnly, SenderOnly) | (ReceiverOnly, ReceiverOnly) => None,
        }
    }
}
