//! Between `queued` and `ready`: entries are claimed by a tenure, to be prepared, and by no session.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use domain::PartnerName;
use serde_json::json;

use super::{FencedTx, json};
use crate::StoreError;
use crate::backend::values;
use crate::model::{EntryId, Hindrance, PreparedEntry, QueueEntry, WorkLane};
use crate::rows::queue_entry;
use crate::statement::statement;

impl FencedTx {
    /// Claims up to `of_each` entries of each of these lanes that are `queued`, most urgent first,
    /// then oldest: they are `preparing` until this tenure says what came of it, or a person holds
    /// or cancels them. If the tenure ends before, the next one queues them again.
    pub async fn claim_queued(
        &mut self,
        lanes: &[WorkLane],
        of_each: u32,
    ) -> Result<Vec<QueueEntry>, StoreError> {
        let lanes = json::array(lanes.iter().map(|WorkLane { partner, work }| {
            json!({"partner": partner.as_str(), "work": work.as_str()})
        }));
        let values = values![self.daemon.name(), self.epoch.get(), lanes, of_each];
        let rows = self.transaction.fetch(statement!("queue", "claim_queued"), values).await?;
        let mut entries: Vec<_> = rows.iter().map(queue_entry).collect::<Result<_, _>>()?;
        entries.sort_by_key(|entry| (Reverse(entry.priority), entry.id));
        Ok(entries)
    }

    /// Makes those of the entries `ready` that are still being prepared in this tenure, with what was made
    /// of their payloads. Returns how many.
    pub async fn prepared(&mut self, entries: &[PreparedEntry]) -> Result<u64, StoreError> {
        if entries.is_empty() {
            return Ok(0);
        }
        let done = entries.iter().map(|PreparedEntry { id, package, hash, other_hashes }| {
            json!({
                "id": id.get(),
                "package": package.as_ref().map(|package| package.name.to_string()),
                "octets": package.as_ref().map(|package| package.octets),
                "made_for": package.as_ref().and_then(|package| package.made_for.as_deref()),
                "hash": hash.as_ref().map(ToString::to_string),
                "other_hashes": (!other_hashes.is_empty()).then(|| other_hashes.to_string()),
            })
        });
        let values = values![self.daemon.name(), self.epoch.get(), json::array(done)];
        let changed = self.transaction.execute(statement!("queue", "prepared"), values).await?;
        self.is_news |= changed > 0;
        Ok(changed)
    }

    /// Writes down what keeps entries from getting on that are still being prepared in this tenure.
    pub async fn hindered_entries(
        &mut self,
        hindered: &[(EntryId, Hindrance)],
    ) -> Result<(), StoreError> {
        if hindered.is_empty() {
            return Ok(());
        }
        let hindered = json::array(hindered.iter().map(|(id, why)| json::hindered(id.get(), why)));
        let values = values![self.daemon.name(), self.epoch.get(), hindered];
        self.transaction.execute(statement!("queue", "hindered_entries"), values).await?;
        Ok(())
    }

    /// Queues those entries again whose package is made for another certificate than the one that
    /// files for the partner are encrypted for now (`None`: there is none), or nobody knows for which,
    /// and of which nothing has left. Returns how many.
    pub async fn package_anew(
        &mut self,
        made_for: &BTreeMap<PartnerName, Option<String>>,
    ) -> Result<u64, StoreError> {
        let current = made_for
            .iter()
            .map(|(partner, made_for)| json!({"partner": partner.as_str(), "made_for": made_for}));
        let values = values![json::array(current)];
        let changed = self.transaction.execute(statement!("queue", "package_anew"), values).await?;
        self.is_news |= changed > 0;
        Ok(changed)
    }

    /// Blocks an entry that cannot be prepared, which counts as no attempt. `false` if it is not
    /// being prepared in this tenure any more.
    pub async fn not_prepared(
        &mut self,
        id: EntryId,
        code: &str,
        text: &str,
    ) -> Result<bool, StoreError> {
        let values = values![self.daemon.name(), self.epoch.get(), id.get(), code, text];
        let blocked = self.fetch_first(statement!("queue", "not_prepared"), values).await?;
        self.is_news |= blocked.is_some();
        Ok(blocked.is_some())
    }
}
