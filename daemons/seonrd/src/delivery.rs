//! From the spool into `incoming/<partner>/`, and the receipt that says so.
//!
//! Two commits stand around the rename: the target is recorded before, the delivery after. Whoever
//! finds a recorded target and no source knows that the rename has happened.

use std::time::Duration;

use configuration::Configuration;
use runtime::{Active, ServiceError};
use spool::{FileName, PartName, SpoolError, Target};
use store::{
    JournalEntry, JournalKind, NewReceipt, ReceiptKind, ReceiptTiming, ReceivedFile,
    ReceivedFilter, ReceivedState, StoreError,
};

/// Files delivered between two commits.
const FILES_AT_ONCE: u32 = 64;

/// News is followed at most this often: what came meanwhile shares commits and directory syncs, and
/// the receivers get their turn at the database.
const GATHER: Duration = Duration::from_millis(50);

/// A receipt for a later session waits so long, so that the running one ends without it.
const NEXT_SESSION: Duration = Duration::from_secs(30);

/// A file that could not be put in place is tried again after this pause: a full disk or a missing
/// folder is mended by people, not by haste.
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(5);

/// Delivers until shutdown.
pub(crate) async fn run(active: Active) -> Result<(), ServiceError> {
    let mut wakeups = active.store.wakeups();
    let (active_too, under_way) = (active.clone(), Vec::new());
    let mut pace = tokio::time::interval(GATHER);
    pace.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut delivery = Delivery { active: active_too, under_way, looked: false, refused: false };
    while !active.shutdown.is_cancelled() {
        let next = match delivery.round().await {
            Ok(next) => next,
            Err(error) if error.is_retryable() => {
                tracing::warn!(code = error.code(), "deliveries wait: {error}");
                active.metrics.error(error.code());
                Next::WaitForNews
            }
            Err(error) => return Err(error.into()),
        };
        let wait = async {
            match next {
                Next::GoOn => {}
                Next::WaitForNews => {
                    wakeups.changed().await;
                    pace.tick().await;
                }
                Next::WaitForDisk => tokio::time::sleep(TRY_AGAIN_AFTER).await,
            }
        };
        tokio::select! {
            () = wait => {}
            () = active.shutdown.cancelled() => {}
        }
    }
    Ok(())
}

enum Next {
    GoOn,
    WaitForNews,
    WaitForDisk,
}

struct Delivery {
    active: Active,
    /// Their targets are recorded in this tenure; the store does not name them again.
    under_way: Vec<UnderWay>,
    /// Whether this tenure has looked for what an older one began.
    looked: bool,
    /// Whether the last look met a file that no target could be found for.
    refused: bool,
}

struct UnderWay {
    file: ReceivedFile,
    part: PartName,
    target: Target,
    is_placed: bool,
}

impl Delivery {
    /// Records targets, renames, records deliveries with their receipts.
    async fn round(&mut self) -> Result<Next, StoreError> {
        let is_full = self.take_up().await?;
        if !self.under_way.is_empty() {
            self.place().await?;
            self.record().await?;
        }
        Ok(match (self.under_way.is_empty() && !self.refused, is_full) {
            (false, _) => Next::WaitForDisk,
            (true, true) => Next::GoOn,
            (true, false) => Next::WaitForNews,
        })
    }

    /// Decides and records the targets of files that have none; whether there may be more.
    async fn take_up(&mut self) -> Result<bool, StoreError> {
        self.refused = false;
        if self.under_way.len() >= FILES_AT_ONCE as usize || !self.has_news().await? {
            return Ok(false);
        }
        let configuration = self.active.configuration();
        let mut tx = self.active.store.fenced(&self.active.tenure).await?;
        let files = tx.next_to_deliver(FILES_AT_ONCE).await?;
        let is_full = files.len() == FILES_AT_ONCE as usize;
        let mut begun = Vec::with_capacity(files.len());
        for file in files {
            match self.plan(&configuration, &file, &begun) {
                Ok((part, target)) => {
                    begun.push(UnderWay { file, part, target, is_placed: false });
                }
                Err(error) => {
                    self.refused = true;
                    self.report(&file, &error);
                }
            }
        }
        let targets: Vec<_> =
            begun.iter().map(|work| (work.file.id, work.target.to_string())).collect();
        tx.delivering_all(&targets).await?;
        tx.commit().await?;
        self.looked = true;
        self.under_way.extend(begun);
        Ok(is_full)
    }

    /// A look costs nothing; a fenced transaction for every change of anything would.
    async fn has_news(&self) -> Result<bool, StoreError> {
        let received =
            ReceivedFilter { state: Some(ReceivedState::Received), limit: 1, ..Default::default() };
        Ok(!self.looked || !self.active.store.received_files(&received).await?.is_empty())
    }

    fn plan(
        &self,
        configuration: &Configuration,
        file: &ReceivedFile,
        begun: &[UnderWay],
    ) -> Result<(PartName, Target), SpoolError> {
        let part: PartName = file.part.parse().map_err(SpoolError::Name)?;
        // An older tenure decided, and may have renamed already: its decision stands.
        if let Some(target) = &file.target {
            return Ok((part, target.parse().map_err(SpoolError::Name)?));
        }
        let partner: FileName = file.partner.parse().map_err(SpoolError::Name)?;
        let wanted = match configuration.partner(&file.partner) {
            Some(known) => {
                known.files.file_name(&file.identity).parse().map_err(SpoolError::Name)?
            }
            None => FileName::from_dataset_name(file.identity.dataset_name.as_str())
                .map_err(SpoolError::Name)?,
        };
        let is_planned = |target: &Target| {
            self.under_way.iter().chain(begun).any(|other| other.target == *target)
        };
        let target = self.active.spool.plan_target(&partner, &wanted, is_planned)?;
        Ok((part, target))
    }

    /// Renames what is not in place yet; what the disk refuses stays under way.
    async fn place(&mut self) -> Result<(), StoreError> {
        let waiting: Vec<usize> =
            (0..self.under_way.len()).filter(|&index| !self.under_way[index].is_placed).collect();
        let moves: Vec<_> = waiting
            .iter()
            .map(|&index| &self.under_way[index])
            .map(|work| (work.part.clone(), work.target.clone()))
            .collect();
        let spool = self.active.spool.clone();
        let results = match tokio::task::spawn_blocking(move || spool.deliver_all(&moves)).await {
            Ok(Ok(results)) => results,
            Ok(Err(error)) => {
                self.active.metrics.error(error.code());
                tracing::error!(code = error.code(), "nothing delivered yet: {error}");
                return Ok(());
            }
            Err(error) => {
                tracing::error!("the disk task ended before its time: {error}");
                return Ok(());
            }
        };
        for (index, result) in waiting.into_iter().zip(results) {
            match result {
                Ok(_) => self.under_way[index].is_placed = true,
                Err(SpoolError::TargetTaken { .. }) => self.move_target(index).await?,
                Err(error) => self.report(&self.under_way[index].file, &error),
            }
        }
        Ok(())
    }

    /// Somebody else put a file at the target since it was decided: decide again, for the next
    /// round.
    async fn move_target(&mut self, index: usize) -> Result<(), StoreError> {
        let mut undecided = self.under_way[index].file.clone();
        undecided.target = None;
        match self.plan(&self.active.configuration(), &undecided, &[]) {
            Ok((_, target)) => {
                let mut tx = self.active.store.fenced(&self.active.tenure).await?;
                tx.delivering(undecided.id, &target.to_string()).await?;
                tx.commit().await?;
                self.under_way[index].target = target;
            }
            Err(error) => self.report(&undecided, &error),
        }
        Ok(())
    }

    /// What lies in place is delivered, and its receipt may go out, by one commit.
    async fn record(&mut self) -> Result<(), StoreError> {
        if !self.under_way.iter().any(|work| work.is_placed) {
            return Ok(());
        }
        let configuration = self.active.configuration();
        let mut tx = self.active.store.fenced(&self.active.tenure).await?;
        let placed = || self.under_way.iter().filter(|work| work.is_placed);
        let delivered: Vec<_> = placed()
            .map(|work| (work.file.id, Some(receipt(&configuration, &work.file))))
            .collect();
        tx.delivered_all(&delivered).await?;
        for work in placed() {
            let mut entry = JournalEntry::new(JournalKind::FileDelivered);
            entry.session = Some(work.file.last_session);
            entry.partner = Some(work.file.partner.clone());
            entry.dataset_name = Some(work.file.identity.dataset_name.clone());
            entry.octets = Some(work.file.durable.octets);
            entry.text = Some(format!("incoming/{}", work.target));
            tx.journal(&entry).await?;
        }
        tx.commit().await?;
        for work in self.under_way.extract_if(.., |work| work.is_placed) {
            tracing::info!(
                partner = work.file.partner, dataset_name = %work.file.identity.dataset_name,
                target = %work.target, "delivered"
            );
        }
        Ok(())
    }

    fn report(&self, file: &ReceivedFile, error: &SpoolError) {
        self.active.metrics.error(error.code());
        tracing::error!(
            partner = file.partner, dataset_name = %file.identity.dataset_name,
            code = error.code(), "not delivered yet: {error}"
        );
    }
}

/// The EERP, at the time that the partner's settings say.
fn receipt(configuration: &Configuration, file: &ReceivedFile) -> NewReceipt {
    let timing = configuration
        .partner(&file.partner)
        .map_or(configuration::ReceiptTiming::SameSession, |partner| partner.receipts.timing);
    NewReceipt {
        kind: ReceiptKind::Positive,
        user_data: file.user_data.clone(),
        timing: match timing {
            configuration::ReceiptTiming::SameSession => ReceiptTiming::Now,
            configuration::ReceiptTiming::NextSession => ReceiptTiming::After(NEXT_SESSION),
            configuration::ReceiptTiming::Manual => ReceiptTiming::Held,
        },
    }
}
