//! The end of a session, however it comes: say goodbye, keep what came, give back what was
//! claimed, and write it all down in one commit.

use std::time::Duration;

use oftp::field::ReasonText;
use oftp::session::Request;
use store::{
    Direction, JournalKind, Progress, QueueEntry, ReceivedFileId, Refusal, Retry, SessionEnd,
    SessionId, StoreError,
};
use tokio::time::timeout;

use super::Conversation;
use crate::outcome::{ENDED_IN_ORDER, Outcome, Stop};

/// For the last words; a partner that does not take them has gone.
const FAREWELL_LIMIT: Duration = Duration::from_secs(5);

/// Between two attempts to record a session's end. If the database stays away, the lease goes too,
/// the process ends, and the next tenure recovers what this one had claimed.
const RECORD_AGAIN_AFTER: Duration = Duration::from_millis(250);

/// The code of a payload that does not fit its format, such as a short record in an F file.
const UNFIT_DATA: &str = "E-OFTP-REQUEST-DATA";

/// What has to be given back and recorded.
struct Remains {
    part: Option<(ReceivedFileId, Option<Progress>)>,
    /// The file that was on the wire.
    outgoing: Option<QueueEntry>,
    /// Claimed and not begun.
    entries: Vec<QueueEntry>,
    end: SessionEnd,
    /// Whether the interruption is a failed attempt, or meant.
    blameless: bool,
}

impl Conversation {
    /// We end the session: the reason is kept, and the partner hears what it needs to know.
    pub(super) async fn stop(&mut self, stop: Stop) {
        if let Stop::Store(StoreError::Fenced { .. }) = &stop {
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
                    self.flush().await?;
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
            ("E-SESSION-TRANSPORT".to_owned(), Some("the connection was closed".to_owned()))
        });
        self.report(&code, text.as_deref());
        let outcome = Outcome {
            partner: self.partner_name(),
            established: self.record.is_some(),
            code: code.clone(),
            text: text.clone(),
            counts: self.counts,
        };
        let remains = self.remains(SessionEnd { code, text, counts: self.counts }).await;
        self.record_end(remains).await;
        outcome
    }

    async fn remains(&mut self, end: SessionEnd) -> Remains {
        let part = match self.incoming.as_ref().and_then(super::Incoming::id) {
            Some(id) => Some((id, self.park_incoming().await.map(|(_, progress)| progress))),
            None => None,
        };
        let (outgoing, entries) = self.unfinished();
        let blameless = matches!(end.code.as_str(), "E-SESSION-SHUTDOWN" | "E-SESSION-ABORTED");
        Remains { part, outgoing, entries, end, blameless }
    }

    async fn record_end(&mut self, remains: Remains) {
        loop {
            let result = match self.record {
                Some(session) => self.try_record_end(session, &remains).await,
                None => self.try_record_refusal(&remains.end).await,
            };
            match result {
                Ok(()) => return,
                Err(StoreError::Fenced { .. }) => return self.active.fenced(),
                Err(error) if error.is_retryable() => {
                    tracing::warn!(code = error.code(), "session end not recorded yet: {error}");
                    tokio::time::sleep(RECORD_AGAIN_AFTER).await;
                }
                Err(error) => {
                    tracing::error!(code = error.code(), "session end not recorded: {error}");
                    self.active.metrics.error(error.code());
                    return;
                }
            }
        }
    }

    async fn try_record_end(
        &self,
        session: SessionId,
        remains: &Remains,
    ) -> Result<(), StoreError> {
        let mut tx = self.active.store.fenced(&self.active.tenure).await?;
        self.settle_in(&mut tx, session).await?;
        if let Some((id, progress)) = remains.part {
            if let Some(progress) = progress {
                tx.checkpoint(session, id, progress).await?;
            }
            tx.abandon_receiving(session, id).await?;
        }
        if let Some(entry) = &remains.outgoing {
            if remains.blameless {
                tx.entry_returned(session, entry.id).await?;
            } else if remains.end.code == UNFIT_DATA {
                // The same payload would fail again: a person must look.
                let text = remains.end.text.as_deref().unwrap_or_default();
                let then = Refusal::Block;
                tx.entry_refused(session, entry.id, UNFIT_DATA, text, then).await?;
            } else {
                let retry = self.retry_after(entry.attempts);
                let text = remains.end.text.as_deref().unwrap_or("the session ended");
                tx.entry_interrupted(session, entry.id, &remains.end.code, text, retry).await?;
                let mut note = self.journal(JournalKind::FileInterrupted);
                note.entry = Some(entry.id);
                note.dataset_name = Some(entry.identity.dataset_name.clone());
                note.code = Some(remains.end.code.clone());
                tx.journal(&note).await?;
            }
        }
        for entry in &remains.entries {
            tx.entry_returned(session, entry.id).await?;
        }
        tx.release_receipts(session).await?;
        tx.end_session(session, &remains.end).await?;
        let mut note = self.journal(JournalKind::SessionEnded);
        note.code = Some(remains.end.code.clone());
        note.text.clone_from(&remains.end.text);
        tx.journal(&note).await?;
        tx.commit().await
    }

    /// A session that never came about has no row, only a line in the journal; and not even that
    /// if nobody said who it was, for anybody can connect.
    async fn try_record_refusal(&self, end: &SessionEnd) -> Result<(), StoreError> {
        let anonymous = self.engine.presented().is_none() && self.partner.is_none();
        if anonymous {
            return Ok(());
        }
        let mut note = self.journal(JournalKind::SessionRefused);
        note.code = Some(end.code.clone());
        note.text.clone_from(&end.text);
        let mut tx = self.active.store.fenced(&self.active.tenure).await?;
        tx.journal(&note).await?;
        tx.commit().await
    }

    fn report(&self, code: &str, text: Option<&str>) {
        let partner = self.partner_name();
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
