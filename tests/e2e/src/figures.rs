//! How long everything took: shown at the end, never judged.

use std::fmt::{self, Display};
use std::sync::Mutex;

use domain::Daemon;
use jiff::SignedDuration;

/// What was measured.
#[derive(Debug, Default)]
pub struct Figures(Mutex<Vec<Row>>);

/// One daemon's change of tenure.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) scenario: String,
    pub(crate) company: &'static str,
    pub(crate) daemon: Daemon,
    pub(crate) how: &'static str,
    /// From the crash, or from the release, to the next tenure, ...
    pub(crate) tenure: SignedDuration,
    /// ... and to the first thing that it did: a session accepted or made, a file delivered.
    pub(crate) work: Option<SignedDuration>,
    /// Sessions that ended in order with a file under way, to go on where it was.
    pub(crate) parked: usize,
    /// Sessions that nobody ended: whose daemon, or whose connection, was suddenly gone.
    pub(crate) aborted: usize,
}

impl Figures {
    /// What came of a disruption.
    pub(crate) fn add(&self, rows: Vec<Row>) {
        self.0.lock().unwrap().extend(rows);
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
