//! How long everything took: shown at the end, never judged.

use std::fmt::{self, Display};
use std::sync::Mutex;

use jiff::{SignedDuration, Timestamp};
use lease::Daemon;

use crate::{Active, Company, Journal, Load, Outcome, Pair};

/// What was measured.
#[derive(Debug, Default)]
pub struct Figures(Mutex<Vec<Row>>);

/// One daemon's change of tenure.
#[derive(Debug)]
struct Row {
    scenario: String,
    company: &'static str,
    daemon: Daemon,
    how: &'static str,
    /// From the crash, or from the release, to the next tenure, ...
    tenure: SignedDuration,
    /// ... and to the first thing that it did: a session accepted or made, a file delivered.
    work: Option<SignedDuration>,
    /// Sessions that ended in order with a file under way, to go on where it was.
    parked: usize,
    /// Sessions that nobody ended: whose daemon, or whose connection, was suddenly gone.
    aborted: usize,
}

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
        Self { scenario: scenario.to_owned(), from: Timestamp::now(), until: None, before }
    }

    /// What comes now is not its doing.
    pub fn is_over(&mut self) {
        self.until = Some(Timestamp::now());
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
        let mut rows = figures.0.lock().unwrap();
        let mut aborted = 0;
        for (company, daemon, before) in &self.before {
            let journal = if *company == "acme" { &outcome.acme } else { &outcome.bolt };
            if let Some(row) = self.row(company, *daemon, before, journal) {
                aborted += row.aborted;
                rows.push(row);
            }
        }
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

impl Display for Figures {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = self.0.lock().unwrap();
        if rows.is_empty() {
            return Ok(());
        }
        writeln!(
            formatter,
            "\n{:44} {:5} {:17} {:12} {:>9} {:>9} {:>7} {:>8}",
            "SCENARIO", "WHOSE", "DAEMON", "HOW", "TENURE", "WORK", "PARKED", "ABORTED"
        )?;
        for row in &*rows {
            let work = row.work.map_or_else(|| "-".to_owned(), seconds);
            writeln!(
                formatter,
                "{:44} {:5} {:17} {:12} {:>9} {work:>9} {:>7} {:>8}",
                row.scenario,
                row.company,
                row.daemon.name(),
                row.how,
                seconds(row.tenure),
                row.parked,
                row.aborted
            )?;
        }
        writeln!(
            formatter,
            "TENURE, WORK: from the crash or the release to the next tenure, and to its first \
             session or delivery.\nPARKED: sessions ended in order, their file goes on where it \
             was. ABORTED: sessions that nobody ended."
        )
    }
}

fn seconds(duration: SignedDuration) -> String {
    format!("{:.2} s", duration.as_secs_f64())
}
