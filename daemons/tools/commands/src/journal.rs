//! What happened.

use std::collections::BTreeSet;

use domain::{Daemon, Epoch, PartnerName};
use jiff::Timestamp;
use serde::Serialize;
use store::{EntryId, JournalFilter, JournalId, JournalKind, JournalRecord, SessionId, Store};

use crate::Error;

/// A journal record as it is shown.
#[derive(Debug, Serialize)]
pub struct RecordView {
    /// Its number; later ones are higher.
    pub id: JournalId,
    /// When.
    pub at: Timestamp,
    /// What happened.
    pub kind: JournalKind,
    /// Who wrote it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub daemon: Option<Daemon>,
    /// In which tenure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epoch: Option<Epoch>,
    /// In which session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
    /// With whom.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partner: Option<PartnerName>,
    /// To which entry of the queue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entry: Option<EntryId>,
    /// To which file, by its name on the wire.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dataset_name: Option<String>,
    /// How much.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub octets: Option<u64>,
    /// The stable code, if something was refused or went wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// In words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// What else there is to say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub details: Option<serde_json::Value>,
}

impl From<JournalRecord> for RecordView {
    fn from(record: JournalRecord) -> Self {
        let JournalRecord { id, at, daemon, epoch, entry } = record;
        let details = entry
            .details
            .map(|text| serde_json::from_str(&text).unwrap_or(serde_json::Value::String(text)));
        Self {
            id,
            at,
            kind: entry.kind,
            daemon,
            epoch,
            session: entry.session,
            partner: entry.partner,
            entry: entry.entry,
            dataset_name: entry.dataset_name.map(|name| name.to_string()),
            octets: entry.octets,
            code: entry.code,
            text: entry.text,
            details,
        }
    }
}

/// Records may be committed in another order than they were numbered in: so many behind the latest are
/// looked for again.
const LATE: u32 = 1000;

/// Goes on reading a journal: each record once, in the order in which they can be read, also one that was
/// numbered before another and committed after it.
#[derive(Debug)]
pub struct Follower {
    filter: JournalFilter,
    /// What is not above it is of no interest.
    floor: i64,
    highest: i64,
    /// What was given, of what is looked for again.
    given: BTreeSet<i64>,
}

impl Follower {
    /// Begins after what was read by that filter.
    pub fn after(filter: JournalFilter, read: &[RecordView]) -> Self {
        let ids = || read.iter().map(|record| record.id.get());
        // Of a journal that was read whole, everything else is news.
        let is_whole = read.len() < filter.limit as usize;
        let floor = if is_whole { 0 } else { ids().min().unwrap_or(0) };
        let filter = JournalFilter { limit: 2 * LATE, ..filter };
        Self { filter, floor, highest: ids().max().unwrap_or(0), given: ids().collect() }
    }

    /// What can be read and was not given yet; at most a thousand or two at once.
    pub async fn next(&mut self, store: &Store) -> Result<Vec<RecordView>, Error> {
        let filter = JournalFilter { after: Some(self.horizon().into()), ..self.filter.clone() };
        let records = read(store, &filter).await?;
        Ok(self.news(records))
    }

    fn horizon(&self) -> i64 {
        self.floor.max(self.highest - i64::from(LATE))
    }

    fn news(&mut self, mut records: Vec<RecordView>) -> Vec<RecordView> {
        records.retain(|record| self.given.insert(record.id.get()));
        let latest = records.iter().map(|record| record.id.get()).max();
        self.highest = self.highest.max(latest.unwrap_or(0));
        self.given = self.given.split_off(&(self.horizon() + 1));
        records
    }
}

/// The records that a filter lets through, oldest first.
pub async fn read(store: &Store, filter: &JournalFilter) -> Result<Vec<RecordView>, Error> {
    Ok(store.journal(filter).await?.into_iter().map(Into::into).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(ids: &[i64]) -> Vec<RecordView> {
        let record = |&id: &i64| JournalRecord {
            id: id.into(),
            at: Timestamp::UNIX_EPOCH,
            daemon: None,
            epoch: None,
            entry: store::JournalEntry::new(JournalKind::FileSent),
        };
        ids.iter().map(record).map(RecordView::from).collect()
    }

    fn ids(records: &[RecordView]) -> Vec<i64> {
        records.iter().map(|record| record.id.get()).collect()
    }

    /// What a follower gives of a journal that it sees so far.
    fn news(follower: &mut Follower, journal: &[i64]) -> Vec<i64> {
        let after = follower.horizon();
        let seen: Vec<i64> = journal.iter().copied().filter(|id| *id > after).collect();
        ids(&follower.news(records(&seen)))
    }

    #[test]
    fn each_record_is_given_once_also_one_that_is_committed_after_a_later_one() {
        let filter = JournalFilter { limit: 2, ..JournalFilter::default() };
        let mut follower = Follower::after(filter, &records(&[8, 9]));
        assert_eq!(news(&mut follower, &[1, 8, 9, 12]), [12]);
        assert_eq!(news(&mut follower, &[1, 8, 9, 11, 12, 13]), [11, 13]);
        assert_eq!(news(&mut follower, &[1, 8, 9, 10, 11, 12, 13]), [10]);
        assert_eq!(news(&mut follower, &[1, 8, 9, 10, 11, 12, 13]), [0; 0]);
    }

    #[test]
    fn of_a_journal_that_was_read_whole_everything_that_comes_is_news() {
        let filter = JournalFilter { limit: 50, ..JournalFilter::default() };
        let mut follower = Follower::after(filter.clone(), &records(&[8]));
        assert_eq!(news(&mut follower, &[7, 8, 9]), [7, 9]);
        assert_eq!(news(&mut Follower::after(filter, &[]), &[3, 4]), [3, 4]);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let filter = JournalFilter { limit: 50, ..JournalFilter::default() };
        let mut follower = Follower::after(filter, &[]);
        for turn in 0..20 {
            let new: Vec<i64> = (turn * 700 + 1..=turn * 700 + 700).collect();
            assert_eq!(news(&mut follower, &new), new);
            assert!(follower.given.len() <= LATE as usize);
        }
    }
}
