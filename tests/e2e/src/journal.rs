//! A company's journal, as `seon journal -o json` gives it.

use jiff::Timestamp;
use serde::Deserialize;

/// What happened, oldest first.
#[derive(Clone, Debug)]
pub struct Journal(pub Vec<Record>);

/// One thing that happened.
#[derive(Clone, Debug, Deserialize)]
pub struct Record {
    /// Its number; later ones are higher.
    pub id: i64,
    /// When, by the database's clock.
    pub at: Timestamp,
    /// What.
    pub kind: String,
    /// Who wrote it; nobody for a person's command.
    pub daemon: Option<String>,
    /// In which tenure.
    pub epoch: Option<i64>,
    /// Which session.
    pub session: Option<i64>,
    /// Which queue entry.
    pub entry: Option<i64>,
    /// Which file.
    pub dataset_name: Option<String>,
    /// The code of what went wrong, or how a session ended.
    pub code: Option<String>,
    /// In a sentence.
    pub text: Option<String>,
}

impl Record {
    /// Whether it tells of a receipt that was there already: the other side's daemon sent it, and
    /// ended before it had recorded that.
    pub fn is_repeated_receipt(&self) -> bool {
        self.kind == "receipt_received"
            && self.text.as_ref().is_some_and(|text| text.starts_with("repeated"))
    }
}

impl Journal {
    /// The records of one kind.
    pub fn of<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Record> {
        self.0.iter().filter(move |record| record.kind == kind)
    }

    /// Once a tenure has written, none before it writes again.
    pub fn assert_no_two_tenures_mix(&self, company: &str) {
        for daemon in domain::Daemon::all().map(domain::Daemon::name) {
            let mut latest = 0;
            for record in self.0.iter().filter(|record| record.daemon.as_deref() == Some(daemon)) {
                let epoch = record.epoch.unwrap_or(latest);
                assert!(
                    epoch >= latest,
                    "{daemon} of {company}: after epoch {latest} came {record:?}"
                );
                latest = epoch;
            }
        }
    }
}
