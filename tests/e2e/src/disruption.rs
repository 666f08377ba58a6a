//! What happens to two companies, and what came of it.

use domain::Daemon;
use jiff::Timestamp;

use crate::figures::Row;
use crate::{Active, Company, Figures, Journal, Load, Outcome, Pair};

/// Something is about to happen to two companies.
#[derive(Debug)]
pub struct Disruption {
    scenario: String,
    from: Timestamp,
    until: Option<Timestamp>,
    before: Vec<(&'static str, Daemon, Active)>,
}

impl Disruption {
    /// Waits for the middle of a file each way, and notes who is active, and the time: what happens
    /// has to come next.
    pub async fn begins(scenario: &str, pair: &Pair<'_>, load: &Load) -> Self {
        load.is_in_the_middle_of_files(pair).await;
        let mut before = Vec::new();
        for (company, daemon) in pair.daemons() {
            before.push((company.name(), daemon, company.active(daemon).await));
        }
        Self { scenario: scenario.to_owned(), from: ambient::now(), until: None, before }
    }

    /// What comes now is not its doing.
    pub fn is_over(&mut self) {
        self.until = Some(ambient::now());
    }

    /// Who was active.
    pub fn active(&self, company: &Company<'_>, daemon: Daemon) -> &Active {
        let mut before = self.before.iter();
        let found = before.find(|(name, which, _)| *name == company.name() && *which == daemon);
        &found.expect("a daemon of the pair").2
    }

    /// Waits until every daemon has another tenure.
    pub async fn all_taken_over(&self, pair: &Pair<'_>) {
        self.taken_over(pair, |_| true).await;
    }

    /// Waits until every daemon that was active on a node has another tenure.
    pub async fn all_left(&self, pair: &Pair<'_>, node: &str) {
        self.taken_over(pair, |before| before.node == node).await;
    }

    async fn taken_over(&self, pair: &Pair<'_>, concerned: impl Fn(&Active) -> bool) {
        for (company, daemon) in pair.daemons() {
            let before = self.active(company, daemon);
            if concerned(before) {
                company.taken_over(daemon, before).await;
            }
        }
    }

    /// How many sessions broke off without an end in order; the rest is in the figures.
    pub fn measure(&self, outcome: &Outcome, figures: &Figures) -> usize {
        let rows: Vec<Row> = self
            .before
            .iter()
            .filter_map(|(company, daemon, before)| {
                let journal = if *company == "acme" { &outcome.acme } else { &outcome.bolt };
                self.row(company, *daemon, before, journal)
            })
            .collect();
        let aborted = rows.iter().map(|row| row.aborted).sum();
        figures.add(rows);
        aborted
    }

    fn row(
        &self,
        company: &'static str,
        daemon: Daemon,
        before: &Active,
        journal: &Journal,
    ) -> Option<Row> {
        let own = || {
            let then = journal.0.iter().filter(|record| {
                record.at >= self.from && self.until.is_none_or(|until| record.at <= until)
            });
            then.filter(|record| record.daemon.as_deref() == Some(daemon.name()))
        };
        let later =
            || own().filter(|record| record.epoch.is_some_and(|epoch| epoch > before.epoch));
        let acquired = later().find(|record| record.kind == "lease_acquired")?;
        let released = own()
            .find(|record| record.kind == "lease_released" && record.epoch == Some(before.epoch));
        let from = released.map_or(self.from, |record| record.at);
        let work = later()
            .find(|record| ["session_started", "file_delivered"].contains(&record.kind.as_str()));
        let ended = |codes: &[&str]| {
            let ended = own().filter(|record| record.kind == "session_ended");
            ended.filter(|record| codes.contains(&record.code.as_deref().unwrap_or(""))).count()
        };
        Some(Row {
            scenario: self.scenario.clone(),
            company,
            daemon,
            how: if released.is_some() { "handed over" } else { "crashed" },
            tenure: acquired.at.duration_since(from),
            work: work.map(|record| record.at.duration_since(from)),
            parked: ended(&["E-SESSION-SHUTDOWN"]),
            aborted: ended(&["E-SESSION-CRASHED", "E-SESSION-TRANSPORT"]),
        })
    }
}
