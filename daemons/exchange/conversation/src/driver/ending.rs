//! The end of a session, however it comes: say goodbye, keep what came, give back what was
//! claimed, and write it all down in one commit.

use std::time::Duration;

use domain::{ENDED_IN_ORDER, Fault};
use oftp::field::{Capability, ReasonText};
use oftp::session::Request;
use store::{Direction, JournalEntry, JournalKind, Note, Refusal, Retry, SessionEnd, SessionId};
use tokio::time::timeout;
use tracing::field::display;

use super::Conversation;
use super::outgoing::Outgoing;
use super::recorded::{EndSession, FailedAttempt, Unfinished};
use crate::door::{Refused, Told};
use crate::outcome::{Outcome, Stop, TRANSPORT};

/// For the last words; a partner that does not take them has gone.
const FAREWELL_LIMIT: Duration = Duration::from_secs(5);

/// The code of a payload that does not fit its format, such as a short record in an F file.
const UNFIT_DATA: &str = "E-OFTP-REQUEST-DATA";

/// The code of one that was not what was recorded any more when the partner had said yes to it.
const NOT_AS_RECORDED: &str = "E-SPOOL-PAYLOAD";

impl Conversation {
    /// We end the session: the reason is kept, and the partner hears what it needs to know.
    pub(super) async fn stop(&mut self, stop: Stop) {
        if let Stop::Store(error) = &stop
            && error.is_fenced()
        {
            self.active.fenced();
        }
        self.ended = Some((stop.code().to_owned(), Some(stop.to_string())));
        let farewell = match &stop {
            Stop::Refused { reason, .. } => Some((*reason, "")),
            stop => stop.farewell(),
        };
        if let Some((reason, text)) = farewell {
            let now = self.now();
            let abort = Request::Abort { reason, text: ReasonText::fitting(text) };
            // Refused only when the session is over anyway.
            if self.engine.handle(abort, now).is_ok() {
                // A connection that fails now has nothing to add to the reason.
                let _ = timeout(FAREWELL_LIMIT, async {
                    self.connection.send(&mut self.engine).await?;
                    self.connection.last_words_heard().await;
                    Ok::<_, Stop>(())
                })
                .await;
            }
        }
    }

    /// Closes everything and records the end.
    pub(super) async fn close(mut self) -> Outcome {
        let _ = timeout(FAREWELL_LIMIT, self.connection.close()).await;
        let (code, text) = self.ended.take().unwrap_or_else(|| {
            (TRANSPORT.to_owned(), Some("the connection was closed".to_owned()))
        });
        let outcome = Outcome {
            partner: self.partner_name(),
            established: self.record.is_some(),
            sends_only: self.sends_only(),
            code: code.clone(),
            text: text.clone(),
            counts: self.counts,
        };
        let end = SessionEnd { code, text, counts: self.counts };
        if self.record.is_none() && self.direction == Direction::In {
            self.not_let_in(end).await;
        } else {
            self.report(&end.code, end.text.as_deref());
            self.record_end(end).await;
        }
        outcome
    }

    /// A caller that never became a session: the door tells of it or counts it. Whoever said nothing
    /// is not worth a line in the journal, for anybody can connect; who went by himself, not in the log.
    async fn not_let_in(&self, end: SessionEnd) {
        let told = match self.engine.presented() {
            Some(_) => Told::Journal,
            None if !self.has_heard && end.code == TRANSPORT => Told::Nobody,
            None => Told::Log,
        };
        let refused = Refused {
            code: end.code,
            text: end.text.unwrap_or_default(),
            caller: self.connection.origin(),
            partner: self.partner_name(),
            told,
        };
        self.door.refused(&self.active, refused).await;
    }

    /// Whether the partner took no files of ours, whatever they are.
    fn sends_only(&self) -> bool {
        let agreed = self.engine.agreed().map(|agreed| agreed.capability);
        agreed == Some(Capability::ReceiverOnly)
    }

    /// If the database stays away, the lease goes too, the process ends, and the next tenure recovers
    /// what this one had claimed.
    async fn record_end(&mut self, end: SessionEnd) {
        let recorded = if let Some(session) = self.record {
            let end = self.end_of_session(session, end).await;
            self.active.run_until_done(|| end.clone()).await
        } else {
            let note = self.refusal(&end);
            self.active.run_until_done(|| Note(note.clone())).await
        };
        match recorded {
            Ok(()) => {}
            Err(error) if error.is_fenced() => self.active.fenced(),
            Err(error) => {
                tracing::error!(code = error.code(), "session end not recorded: {error}");
                self.active.metrics.error(error.code());
            }
        }
    }

    async fn end_of_session(&mut self, session: SessionId, end: SessionEnd) -> EndSession {
        let part = match self.incoming.as_ref().and_then(super::Incoming::id) {
            Some(id) => Some((id, self.park_incoming().await.map(|(_, progress)| progress))),
            None => None,
        };
        let (outgoing, entries) = self.unfinished();
        let mut note = self.journal(JournalKind::SessionEnded);
        note.code = Some(end.code.clone());
        note.text.clone_from(&end.text);
        EndSession {
            settled: self.what_is_settled(session),
            part,
            outgoing: outgoing.map(|outgoing| self.unfinished_file(&outgoing, &end)),
            returned: entries.iter().map(|entry| entry.id).collect(),
            end,
            note,
        }
    }

    fn unfinished_file(&self, outgoing: &Outgoing, end: &SessionEnd) -> Unfinished {
        let Outgoing { entry, reached, .. } = outgoing;
        // One that is unusable is ours too, but stops the entry instead of being met again and again.
        let is_the_entrys = matches!(end.code.as_str(), UNFIT_DATA | NOT_AS_RECORDED);
        if !is_the_entrys && Fault::of(&end.code) != Fault::Partners {
            return Unfinished { entry: entry.id, reached: *reached, failed: None };
        }
        let mut note = self.journal(JournalKind::FileInterrupted);
        note.entry = Some(entry.id);
        note.dataset_name = Some(entry.identity.dataset_name.clone());
        note.code = Some(end.code.clone());
        let text = end.text.clone().unwrap_or_else(|| "the session ended".to_owned());
        let retry = self.retry_after(entry.attempts);
        let again = match end.code.as_str() {
            _ if is_the_entrys => Refusal::Block,
            // Its answer to the restart was wrong, and would be the next time.
            code if outgoing.awaits_position() && is_protocol_error(code) => {
                Refusal::RetryFromStart(retry)
            }
            _ => Refusal::Retry(retry),
        };
        let failed = FailedAttempt { code: end.code.clone(), text, again, note };
        Unfinished { entry: entry.id, reached: *reached, failed: Some(failed) }
    }

    /// A call of ours that came to no session has no row, only a line in the journal.
    fn refusal(&self, end: &SessionEnd) -> JournalEntry {
        let mut note = self.journal(JournalKind::SessionRefused);
        note.code = Some(end.code.clone());
        note.text.clone_from(&end.text);
        note
    }

    fn report(&self, code: &str, text: Option<&str>) {
        let partner = self.partner_name().map(display);
        let peer = self.connection.peer();
        let counts = &self.counts;
        if code == ENDED_IN_ORDER {
            tracing::info!(
                partner, %peer, sent = counts.files_sent, received = counts.files_received,
                "session ended"
            );
        } else {
            self.active.metrics.error(code);
            let text = text.unwrap_or_default();
            match self.direction {
                Direction::In => tracing::warn!(partner, %peer, code, "session ended: {text}"),
                Direction::Out => tracing::warn!(partner, %peer, code, "call ended: {text}"),
            }
        }
    }

    /// When an interrupted or refused entry is tried again.
    pub(super) fn retry_after(&self, attempts: u32) -> Retry {
        let retry = &self.configuration.instance.send.retry;
        Retry { after: retry.wait_after(attempts + 1), max_attempts: Some(retry.attempts) }
    }
}

/// Whether one side broke the protocol, as this side or the partner found.
fn is_protocol_error(code: &str) -> bool {
    code.starts_with("E-SESSION-PROTOCOL-") || code == "E-SESSION-ESID-02"
}
