//! Calls on ISDN are wanted, taken, and answered.

use super::FencedTx;
use crate::StoreError;
use crate::backend::values;
use crate::model::{DialId, DialOutcome, DialRecord, NewDial};
use crate::rows::dial;
use crate::statement::statement;

impl FencedTx {
    /// Wants a call. Who wants it watches it ([`crate::Store::dial`]) and ends the question by
    /// [`FencedTx::withdraw_dial`]; if its tenure ends before, so does the question.
    pub async fn request_dial(&mut self, new: &NewDial) -> Result<DialId, StoreError> {
        let NewDial { partner, number, ping } = new;
        let values = values![partner, number, *ping, self.daemon.name(), self.epoch.get()];
        let row = self.fetch_first(statement!("dialling", "request"), values).await?;
        let row = row.ok_or_else(|| StoreError::Unexpected {
            reason: "a call was wanted without a number".to_owned(),
        })?;
        self.is_news = true;
        Ok(row.get::<i64>("id")?.into())
    }

    /// Takes the oldest call that is wanted; nobody else gets it. One that is not done when the
    /// tenure ends is answered with `E-DIAL-LOST`: it may have run a session, and a second one is
    /// for who wanted it to decide.
    pub async fn take_dial(&mut self) -> Result<Option<DialRecord>, StoreError> {
        let values = values![self.daemon.name(), self.epoch.get()];
        let row = self.fetch_first(statement!("dialling", "take"), values).await?;
        self.is_news |= row.is_some();
        row.as_ref().map(dial).transpose()
    }

    /// Says what came of a call that this tenure has taken.
    pub async fn dial_done(&mut self, id: DialId, outcome: &DialOutcome) -> Result<(), StoreError> {
        let DialOutcome { connected, established, sends_only, code, text, counts } = outcome;
        let values = values![
            id.get(),
            *connected,
            *established,
            *sends_only,
            code,
            text,
            counts.files_sent,
            counts.files_received,
            counts.octets_sent,
            counts.octets_received,
            self.daemon.name(),
            self.epoch.get(),
        ];
        let changed = self.transaction.execute(statement!("dialling", "done"), values).await?;
        self.is_news = true;
        match changed {
            0 => {
                let subject = format!("wanted call {id} taken in this tenure");
                Err(StoreError::NotFound { subject })
            }
            _ => Ok(()),
        }
    }

    /// Ends the question, if nobody is at it: the call is not made any more, or its answer was
    /// read. `false` while somebody is.
    pub async fn withdraw_dial(&mut self, id: DialId) -> Result<bool, StoreError> {
        let values = values![id.get(), self.daemon.name(), self.epoch.get()];
        let withdrawn =
            self.transaction.execute(statement!("dialling", "withdraw"), values).await?;
        Ok(withdrawn > 0)
    }

    /// Answers a call with `E-DIAL-LOST` if the tenure that took it is over; whether it was.
    pub async fn lose_dial(&mut self, id: DialId) -> Result<bool, StoreError> {
        let values = values![id.get(), self.daemon.name(), self.epoch.get()];
        let lost = self.transaction.execute(statement!("dialling", "lose"), values).await?;
        Ok(lost > 0)
    }
}
