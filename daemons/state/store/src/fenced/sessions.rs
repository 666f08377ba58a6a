//! Sessions begin and end.

use oftp::field::Level;

use super::FencedTx;
use crate::StoreError;
use crate::backend::values;
use crate::model::{NewSession, SessionEnd, SessionId};
use crate::statement::statement;

impl FencedTx {
    /// A session begins; its number is what claims are made with.
    /// Nothing waits any more for the partner to be there again, nor a signed receipt for a session
    /// that can carry it.
    pub async fn begin_session(&mut self, new: &NewSession) -> Result<SessionId, StoreError> {
        let level = new.level.map(|level| level.to_string());
        let values = values![
            &new.partner,
            self.daemon.name(),
            self.epoch.get(),
            new.direction.as_str(),
            new.transport.as_str(),
            &new.peer_address,
            level.as_deref(),
            new.sends_only,
        ];
        self.transaction.execute(statement!("queue", "end_waiting"), values![&new.partner]).await?;
        if new.level.is_some_and(|level| level >= Level::V2_0) {
            let statement = statement!("receipts", "end_deferral");
            self.transaction.execute(statement, values![&new.partner]).await?;
        }
        let row = self.fetch_first(statement!("sessions", "begin_session"), values).await?;
        let row = row.ok_or_else(|| StoreError::Unexpected {
            reason: "a session began without a number".to_owned(),
        })?;
        Ok(row.get::<i64>("id")?.into())
    }

    /// The level that a session agreed on.
    pub async fn session_level(&mut self, id: SessionId, level: Level) -> Result<(), StoreError> {
        let values = values![id.get(), level.to_string()];
        let changed =
            self.transaction.execute(statement!("sessions", "session_level"), values).await?;
        found(changed, id)
    }

    /// A session ends. Whatever it still claims is free again: entries are `ready`, receipts
    /// `queued`, files wait for the partner to come back. A repeat changes nothing.
    pub async fn end_session(&mut self, id: SessionId, end: &SessionEnd) -> Result<(), StoreError> {
        let counts = end.counts;
        let values = values![
            id.get(),
            &end.code,
            &end.text,
            counts.files_sent,
            counts.files_received,
            counts.octets_sent,
            counts.octets_received,
        ];
        let transaction = &mut self.transaction;
        transaction.execute(statement!("sessions", "end_session"), values).await?;
        let session = values![id.get()];
        let freed = [
            statement!("queue", "free_entries_of_session"),
            statement!("receiving", "free_files_of_session"),
            statement!("receipts", "release_receipts"),
        ];
        for statement in freed {
            self.is_news |= transaction.execute(statement, session).await? > 0;
        }
        Ok(())
    }
}

fn found(changed: u64, id: SessionId) -> Result<(), StoreError> {
    if changed == 0 {
        return Err(StoreError::NotFound { subject: format!("open session {id}") });
    }
    Ok(())
}
