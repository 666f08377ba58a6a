//! Until both sides know each other: who calls, with which password and certificate, and on which
//! terms we speak.

use std::sync::Arc;

use configuration::{Configuration, IdentifyError, Partner, Protocol};
use domain::PartnerName;
use oftp::command::Ssid;
use oftp::field::{Capability, EndSessionReason, ReasonText};
use oftp::session::{Agreed, Request, Terms, Timers};
use packaging::PackagingError;
use packaging::challenge::{self, Challenge};
use runtime::Activity;
use store::NewSession;
use tokio::time::sleep;

use super::Conversation;
use super::recorded::{BeginSession, SENDS_ONLY};
use super::speaking::too_early;
use super::turn::Turn;
use crate::door::PAUSE;
use crate::outcome::Stop;

/// What we bring to a session with this partner (RFC 5024 section 5.3.2), authenticated or not.
pub(super) fn terms(
    configuration: &Configuration,
    partner: &Partner,
    authentication: bool,
) -> Terms {
    let protocol = &partner.protocol;
    Terms {
        level: protocol.highest_level,
        minimum_level: protocol.minimum_level,
        identity: configuration.instance.identity.odette_id.clone(),
        password: partner.own_password.clone(),
        user_data: partner.user_data.clone(),
        buffer_size: protocol.buffer_size,
        credit: protocol.credit,
        compression: protocol.compression,
        restart: protocol.restart,
        capability: Capability::Both,
        authentication,
    }
}

/// How long we wait for this partner.
pub(super) fn timers(partner: &Partner) -> Timers {
    let Protocol { response_timeout, end_file_timeout, .. } = partner.protocol;
    Timers { response: response_timeout, end_file: end_file_timeout, ..Timers::default() }
}

/// What is ours to mend; the partner hears no more than that it goes on otherwise.
fn not_authenticated(error: &PackagingError) -> Stop {
    Stop::Refused {
        code: error.code(),
        reason: EndSessionReason::ResourcesNotAvailable,
        text: error.to_string(),
    }
}

/// Why a caller is not let in, and what it hears of that.
struct TurnedAway {
    code: &'static str,
    reason: EndSessionReason,
    text: String,
}

impl Conversation {
    /// A caller says who it is.
    pub(super) async fn partner_presented(&mut self, ssid: &Ssid) -> Result<(), Stop> {
        let configuration = self.configuration.clone();
        let partner = match self.recognise(&configuration, ssid) {
            Ok(partner) => partner,
            Err(turned_away) => return self.turn_away(turned_away).await,
        };
        self.activity.partner_known(partner.name.clone());
        self.engine.tolerate(partner.protocol.tolerance);
        self.engine.wait_by(timers(&partner));
        let authentication = partner.authentication.answer(ssid.authentication);
        let terms = terms(&configuration, &partner, authentication);
        let now = self.now();
        Ok(self.engine.handle(Request::AcceptSession(Box::new(terms)), now)?)
    }

    /// The password is looked at last, so that nothing but coming in tells a guesser that it was right.
    fn recognise(
        &mut self,
        configuration: &Configuration,
        ssid: &Ssid,
    ) -> Result<Arc<Partner>, TurnedAway> {
        let caller = self.connection.origin();
        let partner = match configuration.identify(&ssid.identity) {
            Ok(partner) => partner.clone(),
            Err(error) => {
                let reason = EndSessionReason::UserCodeNotKnown;
                return Err(TurnedAway { code: error.code(), reason, text: error.to_string() });
            }
        };
        let name = &partner.name;
        self.partner = Some(partner.clone());
        if let Err(mismatch) = self.connection.permits(name.as_str()) {
            let reason = EndSessionReason::UserCodeNotKnown;
            return Err(TurnedAway { code: mismatch.code(), reason, text: mismatch.to_string() });
        }
        let is_proved = self.connection.certificate().is_some();
        if let Some(left) = self.door.locked_for(&caller, name).filter(|_| !is_proved) {
            return Err(TurnedAway {
                code: "E-SESSION-LOCKED-OUT",
                reason: EndSessionReason::ResourcesNotAvailable,
                text: format!(
                    "a logon as {name} was not looked at for {} s more, because of wrong ones before; \
                     if they were {name}'s own, correct the Secret of identity.passwordSecretRef and \
                     reload, which ends the lock-out; otherwise block the address",
                    left.as_secs() + 1
                ),
            });
        }
        if let Err(error) = partner.lets_in(&ssid.password) {
            return Err(self.wrong_logon(&error, &caller, name));
        }
        self.door.right(&caller, name);
        self.connection.recognised(name.as_str()).map_err(|full| TurnedAway {
            code: full.code(),
            reason: EndSessionReason::ResourcesNotAvailable,
            text: full.to_string(),
        })?;
        Ok(partner)
    }

    fn wrong_logon(&self, error: &IdentifyError, caller: &str, name: &PartnerName) -> TurnedAway {
        let (code, mut text) = (error.code(), error.to_string());
        if !matches!(error, IdentifyError::WrongPassword { .. }) {
            return TurnedAway { code, reason: EndSessionReason::ResourcesNotAvailable, text };
        }
        if let Some(lock) = self.door.wrong(caller, name) {
            text =
                format!("{text}; after several of them it is locked out for {} s", lock.as_secs());
        }
        TurnedAway { code, reason: EndSessionReason::InvalidPassword, text }
    }

    /// Refuses the caller, after a moment; the journal gets the whole sentence, the caller the bare
    /// reason.
    async fn turn_away(&mut self, turned_away: TurnedAway) -> Result<(), Stop> {
        let TurnedAway { code, reason, text } = turned_away;
        self.ended = Some((code.to_owned(), Some(text)));
        tokio::select! {
            () = sleep(PAUSE) => {}
            () = self.active.shutdown.cancelled() => {}
        }
        let now = self.now();
        let refusal = Request::RefuseSession { reason, text: ReasonText::default() };
        Ok(self.engine.handle(refusal, now)?)
    }

    /// The partner is to show who it is: only its key decrypts the challenge.
    pub(super) async fn challenge_wanted(&mut self) -> Result<(), Stop> {
        let partner = self.partner.clone().ok_or_else(too_early)?;
        let made = Challenge::make(&partner, ambient::now()).await;
        let challenge = made.map_err(|error| not_authenticated(&error))?;
        let wrapped = challenge.wrapped.clone();
        self.challenge = Some(challenge);
        let now = self.now();
        Ok(self.engine.handle(Request::Challenge(wrapped), now)?)
    }

    /// We are to show who we are.
    pub(super) async fn challenge_received(&mut self, wrapped: Vec<u8>) -> Result<(), Stop> {
        let answered = challenge::answer(&self.configuration.instance, wrapped).await;
        let response = answered.map_err(|error| not_authenticated(&error))?;
        let now = self.now();
        Ok(self.engine.handle(Request::AnswerChallenge(response), now)?)
    }

    /// Whether the partner is who it says, the engine tells it.
    pub(super) fn challenge_answered(
        &mut self,
        response: &[u8; challenge::OCTETS],
    ) -> Result<(), Stop> {
        let challenge = self.challenge.take();
        let is_right = challenge.is_some_and(|challenge| challenge.is_answered_by(response));
        let now = self.now();
        Ok(self.engine.handle(Request::ChallengeVerified(is_right), now)?)
    }

    /// The terms are agreed on; as the caller we still check that we reached the right one.
    pub(super) async fn established(&mut self, agreed: &Agreed) -> Result<(), Stop> {
        let Some(partner) = self.partner.clone() else {
            return Err(Stop::Refused {
                code: "E-SESSION-UNKNOWN-PARTNER",
                reason: EndSessionReason::UserCodeNotKnown,
                text: "the session has no partner".to_owned(),
            });
        };
        if self.direction == store::Direction::Out {
            self.check_called(&partner)?;
        }
        self.activity.level_agreed(agreed.level);
        let new = NewSession {
            partner: partner.name.clone(),
            direction: self.direction,
            transport: match self.connection.kind() {
                transport::Kind::Tcp => store::Transport::Tcp,
                transport::Kind::Tls => store::Transport::Tls,
                transport::Kind::Isdn => store::Transport::Isdn,
            },
            peer_address: self.connection.peer(),
            level: Some(agreed.level),
            sends_only: agreed.capability == Capability::ReceiverOnly,
        };
        if new.sends_only {
            tracing::info!(partner = %partner.name, "{SENDS_ONLY}");
        }
        let session = self.active.run(BeginSession::new(new, agreed.authentication)).await?;
        self.record = Some(session);
        self.turn = Turn::begins();
        Activity::recorded(&self.activity, session);
        Ok(())
    }

    /// Whoever answers our call must say the partner's code and password.
    fn check_called(&self, partner: &Partner) -> Result<(), Stop> {
        let Some(answer) = self.engine.presented() else {
            return Ok(());
        };
        if answer.identity != partner.odette_id {
            return Err(Stop::Refused {
                code: "E-SESSION-WRONG-PARTNER",
                reason: EndSessionReason::UserCodeNotKnown,
                text: format!(
                    "{} answered, not {} of {}; compare the transport's address and \
                     identity.odetteId",
                    answer.identity, partner.odette_id, partner.name
                ),
            });
        }
        if !partner.accepts_password(&answer.password) {
            return Err(Stop::Refused {
                code: "E-SESSION-PASSWORD",
                reason: EndSessionReason::InvalidPassword,
                text: format!(
                    "{} answered with a wrong password; correct the Secret of \
                     identity.passwordSecretRef",
                    partner.name
                ),
            });
        }
        Ok(())
    }
}
