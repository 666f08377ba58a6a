//! Operators' requests are taken, handed on, and done.

use domain::Daemon;

use super::FencedTx;
use crate::StoreError;
use crate::backend::values;
use crate::model::{RequestId, RequestOutcome, RequestRecord};
use crate::rows::request;
use crate::statement::statement;

impl FencedTx {
    /// Takes this daemon's open requests, oldest first. One that is not done when the tenure ends
    /// comes again in the next.
    pub async fn take_requests(&mut self) -> Result<Vec<RequestRecord>, StoreError> {
        let values = values![self.daemon.name(), self.epoch.get()];
        let rows = self.transaction.fetch(statement!("requests", "take"), values).await?;
        let mut requests: Vec<_> = rows.iter().map(request).collect::<Result<_, _>>()?;
        requests.sort_by_key(|request| request.id);
        Ok(requests)
    }

    /// A taken request is done; best in the same commit as its effect.
    pub async fn request_done(
        &mut self,
        id: RequestId,
        outcome: &RequestOutcome,
    ) -> Result<(), StoreError> {
        let (daemon, epoch) = (self.daemon.name(), self.epoch.get());
        let values = values![id.get(), &outcome.code, &outcome.text, daemon, epoch];
        let changed = self.transaction.execute(statement!("requests", "done"), values).await?;
        self.is_news = true;
        taken(changed, id)
    }

    /// A taken request is another daemon's: the entry is in one of its sessions.
    pub async fn forward_request(&mut self, id: RequestId, to: Daemon) -> Result<(), StoreError> {
        let values = values![id.get(), to.name(), self.daemon.name(), self.epoch.get()];
        let changed = self.transaction.execute(statement!("requests", "forward"), values).await?;
        self.is_news = true;
        taken(changed, id)
    }
}

fn taken(changed: u64, id: RequestId) -> Result<(), StoreError> {
    if changed == 0 {
        let subject = format!("request {id} taken in this tenure");
        return Err(StoreError::NotFound { subject });
    }
    Ok(())
}
