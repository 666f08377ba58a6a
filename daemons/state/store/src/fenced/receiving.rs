//! A file is received: claimed with its offer, made durable step by step, ours at the end.

use domain::PartName;
use oftp::field::FileIdentity;

use super::FencedTx;
use crate::StoreError;
use crate::backend::{Row, values};
use crate::model::{
    Offer, Progress, ReceivedFile, ReceivedFileId, ReceivedState, Receiving, SessionId,
};
use crate::rows::{partners_file, received_file};
use crate::statement::statement;
use crate::virtual_file::record_length;

impl FencedTx {
    /// Answers an offer (SFID) and claims the file for the session, unless it is ours already or
    /// another session is at it. What another partner brought is another file, whatever it is called. Commit before SFPA goes out. (A small file may be taken
    /// without: [`FencedTx::receive_whole`].)
    ///
    /// A broken-off transfer is resumed only if the partner offers the same file again: the same
    /// identity, format, sizes, packaging, description and user data. Otherwise it starts afresh, and the old
    /// part is nobody's any more.
    pub async fn begin_receiving(
        &mut self,
        session: SessionId,
        offer: &Offer,
    ) -> Result<Receiving, StoreError> {
        let FileIdentity { dataset_name, stamp, originator, destination } = &offer.identity;
        let values = values![
            &offer.partner,
            dataset_name.as_str(),
            stamp.to_string(),
            originator.as_str(),
            destination.as_str(),
            offer.format.letter().to_string(),
            record_length(offer.format),
            offer.description.text(),
            offer.user_data.as_str(),
            offer.announced_size.get(),
            offer.original_size.get(),
            offer.packaging.to_string(),
            &offer.part,
            self.daemon.name(),
            self.epoch.get(),
            session.get(),
        ];
        if let Some(row) =
            self.fetch_first(statement!("receiving", "begin_receiving"), values).await?
        {
            return Ok(Receiving::Fresh { id: row.get::<i64>("id")?.into() });
        }
        let statement = statement!("receiving", "offered_before");
        match self.fetch_first(statement, &partners_file(&offer.identity, &offer.partner)).await? {
            Some(row) => self.receive_again(session, offer, &row).await,
            // Discarded by another session between the two statements.
            None => Err(StoreError::Busy {
                reason: format!("the file {} is just being discarded", offer.identity),
            }),
        }
    }

    async fn receive_again(
        &mut self,
        session: SessionId,
        offer: &Offer,
        row: &Row,
    ) -> Result<Receiving, StoreError> {
        let known = received_file(row)?;
        let id = known.id;
        if known.state != ReceivedState::Receiving {
            return Ok(Receiving::Duplicate { id, state: known.state });
        }
        if let Some(claim) = known.claim
            && claim.session != session
            && row.get("claim_stands")?
        {
            return Ok(Receiving::Busy { session: claim.session });
        }
        let (daemon, epoch) = (self.daemon.name(), self.epoch.get());
        if is_same_file(&known, offer) && known.durable.octets > 0 {
            let values = values![id.get(), daemon, epoch, session.get()];
            let statement = statement!("receiving", "resume_receiving");
            self.transaction.execute(statement, values).await?;
            return Ok(Receiving::Resume { id, part: known.part, durable: known.durable });
        }
        let values = values![
            id.get(),
            daemon,
            epoch,
            session.get(),
            offer.format.letter().to_string(),
            record_length(offer.format),
            offer.description.text(),
            offer.user_data.as_str(),
            offer.announced_size.get(),
            offer.original_size.get(),
            offer.packaging.to_string(),
            &offer.part,
        ];
        self.transaction.execute(statement!("receiving", "restart_receiving"), values).await?;
        Ok(Receiving::Fresh { id })
    }

    /// A resumed file goes on from here: under another part's name, one that carries this tenure's
    /// epoch, or before what was durable. Commit before the first octet is written, or a power loss
    /// leaves a position on record whose octets were being written anew.
    pub async fn resume_at(
        &mut self,
        session: SessionId,
        id: ReceivedFileId,
        part: &PartName,
        from: Progress,
    ) -> Result<(), StoreError> {
        let values = values![id.get(), session.get(), part, from.octets, from.records];
        let statement = statement!("receiving", "resume_at");
        self.change_claimed(statement, values, || subject(id), session).await
    }

    /// So much is durable in the spool (after its fdatasync): a restart may begin here.
    pub async fn checkpoint(
        &mut self,
        session: SessionId,
        id: ReceivedFileId,
        durable: Progress,
    ) -> Result<(), StoreError> {
        let values = values![id.get(), session.get(), durable.octets, durable.records];
        let statement = statement!("receiving", "checkpoint");
        self.change_claimed(statement, values, || subject(id), session).await
    }

    /// The whole file is durable in the spool and ours: once this is committed, EFPA may go out.
    /// A repeat after a lost answer changes nothing.
    pub async fn file_received(
        &mut self,
        session: SessionId,
        id: ReceivedFileId,
        whole: Progress,
    ) -> Result<(), StoreError> {
        let values = values![id.get(), session.get(), whole.octets, whole.records];
        let changed =
            self.transaction.execute(statement!("receiving", "file_received"), values).await?;
        if changed == 0 {
            let values = values![id.get(), session.get(), whole.octets];
            let statement = statement!("receiving", "was_received");
            if self.fetch_first(statement, values).await?.is_none() {
                return Err(StoreError::ClaimLost { subject: subject(id), session });
            }
        }
        self.is_news = true;
        Ok(())
    }

    /// A small file that is whole and durable before anything of it was recorded: offer and end at
    /// once. Nothing, and nothing is changed, if it is ours already or another session is at it.
    pub async fn receive_whole(
        &mut self,
        session: SessionId,
        offer: &Offer,
        whole: Progress,
    ) -> Result<Option<ReceivedFileId>, StoreError> {
        let FileIdentity { dataset_name, stamp, originator, destination } = &offer.identity;
        let values = values![
            &offer.partner,
            dataset_name.as_str(),
            stamp.to_string(),
            originator.as_str(),
            destination.as_str(),
            offer.format.letter().to_string(),
            record_length(offer.format),
            offer.description.text(),
            offer.user_data.as_str(),
            offer.announced_size.get(),
            offer.original_size.get(),
            offer.packaging.to_string(),
            &offer.part,
            session.get(),
            whole.octets,
            whole.records,
        ];
        let statement = statement!("receiving", "receive_whole");
        if let Some(row) = self.fetch_first(statement, values).await? {
            self.is_news = true;
            return Ok(Some(row.get::<i64>("id")?.into()));
        }
        // Known since: in another session, or in an earlier one that broke off.
        let id = match self.begin_receiving(session, offer).await? {
            Receiving::Fresh { id } => id,
            Receiving::Resume { id, .. } => {
                self.resume_at(session, id, &offer.part, Progress::default()).await?;
                id
            }
            Receiving::Duplicate { .. } | Receiving::Busy { .. } => return Ok(None),
        };
        self.file_received(session, id, whole).await?;
        Ok(Some(id))
    }

    /// The transfer broke off: what was checkpointed waits for the partner to come back.
    pub async fn abandon_receiving(
        &mut self,
        session: SessionId,
        id: ReceivedFileId,
    ) -> Result<(), StoreError> {
        let values = values![id.get(), session.get()];
        let statement = statement!("receiving", "abandon_receiving");
        self.change_claimed(statement, values, || subject(id), session).await
    }

    /// The file is refused at its end (EFNA) or of no use: it was never offered. Remove the part
    /// after the commit.
    pub async fn discard_partial(
        &mut self,
        session: SessionId,
        id: ReceivedFileId,
    ) -> Result<(), StoreError> {
        let values = values![id.get(), session.get()];
        let statement = statement!("receiving", "discard_partial");
        self.change_claimed(statement, values, || subject(id), session).await
    }
}

fn subject(id: ReceivedFileId) -> String {
    format!("received file {id}")
}

/// What a restart goes by, beside the identity (RFC 5024 leaves it open): whatever would change if
/// the partner had made the file anew.
fn is_same_file(known: &ReceivedFile, offer: &Offer) -> bool {
    known.format == offer.format
        && known.announced_size == offer.announced_size
        && known.original_size == offer.original_size
        && known.packaging == offer.packaging
        && known.user_data == offer.user_data
        && known.description.text().replace('\u{FFFD}', "\0")
            == offer.description.text().replace('\u{FFFD}', "\0")
}
