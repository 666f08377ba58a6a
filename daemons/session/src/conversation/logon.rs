//! Until both sides know each other: who calls, with which password and certificate, and on which
//! terms we speak.

use configuration::{Configuration, Partner};
use oftp::command::Ssid;
use oftp::field::{Capability, EndSessionReason, ReasonText};
use oftp::session::{Agreed, Request, Terms};
use runtime::Activity;
use store::{JournalEntry, JournalKind, NewSession};

use super::Conversation;
use crate::outcome::Stop;

/// What we bring to a session with this partner (RFC 5024 section 5.3.2).
pub(super) fn terms(configuration: &Configuration, partner: &Partner) -> Terms {
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
        // Its exchange of commands is built, its cryptography is not.
        authentication: false,
    }
}

impl Conversation {
    /// A caller says who it is.
    pub(super) fn partner_presented(&mut self, ssid: &Ssid) -> Result<(), Stop> {
        let configuration = self.configuration.clone();
        let partner = match configuration.identify(&ssid.identity, &ssid.password) {
            Ok(partner) => partner.clone(),
            Err(error) => {
                let reason = match error {
                    configuration::IdentifyError::UnknownPartner { .. } => {
                        EndSessionReason::UserCodeNotKnown
                    }
                    configuration::IdentifyError::WrongPassword { .. } => {
                        EndSessionReason::InvalidPassword
                    }
                    _ => EndSessionReason::ResourcesNotAvailable,
                };
                return self.turn_away(error.code(), reason, error.to_string());
            }
        };
        self.activity.partner_known(partner.name.as_str());
        if let Err(mismatch) = self.connection.permits(partner.name.as_str()) {
            self.partner = Some(partner);
            let reason = EndSessionReason::UserCodeNotKnown;
            return self.turn_away(mismatch.code(), reason, mismatch.to_string());
        }
        self.connection.recognised();
        self.engine.tolerate(partner.protocol.tolerance);
        let terms = terms(&configuration, &partner);
        self.partner = Some(partner);
        let now = self.now();
        Ok(self.engine.handle(Request::AcceptSession(Box::new(terms)), now)?)
    }

    /// Refuses the caller; the journal gets the whole sentence, the caller the bare reason.
    fn turn_away(
        &mut self,
        code: &'static str,
        reason: EndSessionReason,
        text: String,
    ) -> Result<(), Stop> {
        self.ended = Some((code.to_owned(), Some(text)));
        let now = self.now();
        let refusal = Request::RefuseSession { reason, text: ReasonText::default() };
        Ok(self.engine.handle(refusal, now)?)
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
        let mut tx = self.active.store.fenced(&self.active.tenure).await?;
        let session = tx
            .begin_session(&NewSession {
                partner: partner.name.to_string(),
                direction: self.direction,
                transport: match self.connection.kind() {
                    crate::transport::Kind::Tcp => store::Transport::Tcp,
                    crate::transport::Kind::Tls => store::Transport::Tls,
                    crate::transport::Kind::Isdn => store::Transport::Isdn,
                },
                peer_address: self.connection.peer(),
                level: Some(agreed.level),
            })
            .await?;
        let mut entry = JournalEntry::new(JournalKind::SessionStarted);
        entry.session = Some(session);
        entry.partner = Some(partner.name.to_string());
        tx.journal(&entry).await?;
        tx.commit().await?;
        self.record = Some(session);
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
