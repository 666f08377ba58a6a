//! What was measured, as a table for people and as JSON for programs.

use std::fmt::Write;

use serde::{Deserialize, Serialize};

/// All that was measured.
pub(crate) struct Report {
    machine: String,
    lines: Vec<Line>,
}

/// One row of the table.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Line {
    name: String,
    outcome: Outcome,
    /// What exactly was measured.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    notes: Vec<String>,
}

/// What came of a row.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    /// It was measured.
    Measured(Measurement),
    /// The machine lacks something; the reason.
    Skipped(String),
    /// It should have worked; the reason.
    Failed(String),
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Measurement {
    measured: Figure,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    peer: Option<Peer>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    goal: Option<Goal>,
}

/// Whom it was compared with in the same run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Peer {
    name: String,
    figure: Figure,
}

/// A number and its unit.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Figure {
    pub(crate) value: f64,
    unit: String,
}

/// What is wanted.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Goal {
    /// Of the measured figure.
    AtLeast(f64),
    /// Of the measured figure.
    Below(f64),
    /// Of the measured figure divided by the peer's.
    RatioAtLeast(f64),
}

impl Figure {
    pub(crate) fn new(value: f64, unit: &str) -> Self {
        Self { value, unit: unit.to_owned() }
    }

    fn text(&self) -> String {
        format!("{} {}", number(self.value), self.unit)
    }
}

impl Peer {
    pub(crate) fn new(name: &str, figure: Figure) -> Self {
        Self { name: name.to_owned(), figure }
    }
}

impl Line {
    /// A figure that was measured.
    pub(crate) fn measured(name: impl Into<String>, measured: Figure) -> Self {
        let measurement = Measurement { measured, peer: None, goal: None };
        Self { name: name.into(), outcome: Outcome::Measured(measurement), notes: Vec::new() }
    }

    /// A row that this machine cannot measure.
    pub(crate) fn skipped(name: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { name: name.into(), outcome: Outcome::Skipped(reason.into()), notes: Vec::new() }
    }

    /// A row that should have worked.
    pub(crate) fn failed(name: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { name: name.into(), outcome: Outcome::Failed(reason.into()), notes: Vec::new() }
    }

    pub(crate) fn beside(mut self, peer: Peer) -> Self {
        if let Outcome::Measured(measurement) = &mut self.outcome {
            measurement.peer = Some(peer);
        }
        self
    }

    pub(crate) fn goal(mut self, goal: Goal) -> Self {
        if let Outcome::Measured(measurement) = &mut self.outcome {
            measurement.goal = Some(goal);
        }
        self
    }

    pub(crate) fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }
}

impl Measurement {
    fn ratio(&self) -> Option<f64> {
        let peer = self.peer.as_ref()?;
        (peer.figure.value > 0.0).then(|| self.measured.value / peer.figure.value)
    }

    /// `None` without a goal.
    fn is_met(&self) -> Option<bool> {
        let value = self.measured.value;
        Some(match self.goal? {
            Goal::AtLeast(least) => value >= least,
            Goal::Below(limit) => value < limit,
            Goal::RatioAtLeast(least) => self.ratio()? >= least,
        })
    }

    fn goal_text(&self) -> String {
        let unit = &self.measured.unit;
        match self.goal {
            None => String::new(),
            Some(Goal::AtLeast(least)) => format!(">= {} {unit}", number(least)),
            Some(Goal::Below(limit)) => format!("< {} {unit}", number(limit)),
            Some(Goal::RatioAtLeast(least)) => format!(">= {least:.2} x"),
        }
    }
}

impl Report {
    /// An empty one, with the machine that it is of.
    pub(crate) fn new(machine: String) -> Self {
        Self { machine, lines: Vec::new() }
    }

    pub(crate) fn add(&mut self, lines: Vec<Line>, label: Option<&str>) {
        self.lines.extend(lines.into_iter().map(|mut line| {
            if let Some(label) = label {
                line.name = format!("{}, {label}", line.name);
            }
            line
        }));
    }

    pub(crate) fn has_failed(&self) -> bool {
        self.lines.iter().any(|line| matches!(line.outcome, Outcome::Failed(_)))
    }

    /// Goals met and missed.
    fn count(&self) -> (usize, usize) {
        let verdicts = self.lines.iter().filter_map(|line| match &line.outcome {
            Outcome::Measured(measurement) => measurement.is_met(),
            Outcome::Skipped(_) | Outcome::Failed(_) => None,
        });
        verdicts.fold(
            (0, 0),
            |(met, missed), is_met| {
                if is_met { (met + 1, missed) } else { (met, missed + 1) }
            },
        )
    }

    pub(crate) fn table(&self) -> String {
        let head = ["ROW", "MEASURED", "PEER IN THE SAME RUN", "RATIO", "GOAL", ""];
        let mut cells = vec![head.map(str::to_owned)];
        for line in &self.lines {
            cells.push(match &line.outcome {
                Outcome::Measured(measurement) => [
                    line.name.clone(),
                    measurement.measured.text(),
                    measurement.peer.as_ref().map_or_else(String::new, |peer| {
                        format!("{} {}", peer.name, peer.figure.text())
                    }),
                    measurement.ratio().map_or_else(String::new, |ratio| format!("{ratio:.2}")),
                    measurement.goal_text(),
                    match measurement.is_met() {
                        Some(true) => "met",
                        Some(false) => "MISSED",
                        None => "",
                    }
                    .to_owned(),
                ],
                outcome => {
                    let word =
                        if matches!(outcome, Outcome::Failed(_)) { "FAILED" } else { "SKIPPED" };
                    let empty = String::new;
                    [line.name.clone(), word.to_owned(), empty(), empty(), empty(), empty()]
                }
            });
        }
        let mut text = format!("{}\n\n", self.machine);
        text.push_str(&aligned(&cells));
        text.push_str(&self.notes());
        let (met, missed) = self.count();
        let _ = writeln!(text, "goals: {met} met, {missed} missed");
        text
    }

    /// What was measured, and why something was not.
    fn notes(&self) -> String {
        let mut text = String::from("\n");
        for line in &self.lines {
            for note in &line.notes {
                let _ = writeln!(text, "{}: {note}", line.name);
            }
        }
        text.push('\n');
        for line in &self.lines {
            match &line.outcome {
                Outcome::Skipped(reason) => {
                    let _ = writeln!(text, "SKIPPED: {}: {reason}", line.name);
                }
                Outcome::Failed(reason) => {
                    let _ = writeln!(text, "FAILED: {}: {reason}", line.name);
                }
                Outcome::Measured(_) => {}
            }
        }
        text
    }

    pub(crate) fn json(&self) -> anyhow::Result<String> {
        let lines = self.lines.iter().map(|line| {
            let mut value = serde_json::to_value(line)?;
            if let (Outcome::Measured(measurement), Some(object)) =
                (&line.outcome, value.as_object_mut())
            {
                object.insert("ratio".into(), measurement.ratio().into());
                object.insert("is_met".into(), measurement.is_met().into());
            }
            Ok(value)
        });
        let lines = lines.collect::<anyhow::Result<Vec<_>>>()?;
        let (met, missed) = self.count();
        let value = serde_json::json!({
            "machine": self.machine, "lines": lines, "met": met, "missed": missed,
        });
        Ok(serde_json::to_string_pretty(&value)? + "\n")
    }

    /// The lines of what [`Report::json`] wrote.
    pub(crate) fn lines_of(json: &str) -> anyhow::Result<Vec<Line>> {
        let value: serde_json::Value = serde_json::from_str(json)?;
        Ok(serde_json::from_value(value.get("lines").cloned().unwrap_or_default())?)
    }
}

/// Three significant digits.
fn number(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

fn aligned<const N: usize>(rows: &[[String; N]]) -> String {
    let mut widths = [0; N];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(widths) {
            let _ = write!(line, "{cell:width$}  ");
        }
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        let mut report = Report::new("two processors".into());
        let rate = |value| Figure::new(value, "GB/s");
        report.add(
            vec![
                Line::measured("decode", rate(5.0))
                    .beside(Peer::new("memcpy", rate(20.0)))
                    .goal(Goal::AtLeast(4.0))
                    .note("32 KiB buffers"),
                Line::measured("transfer", rate(1.0))
                    .beside(Peer::new("socat", rate(2.0)))
                    .goal(Goal::RatioAtLeast(0.9)),
                Line::skipped("sftp", "there is no sshd"),
            ],
            None,
        );
        report
    }

    #[test]
    fn the_table_ends_with_the_goals_that_are_met_and_missed() {
        assert_eq!(
            report().table(),
            "two processors\n\n\
             ROW       MEASURED   PEER IN THE SAME RUN  RATIO  GOAL\n\
             decode    5.00 GB/s  memcpy 20.0 GB/s      0.25   >= 4.00 GB/s  met\n\
             transfer  1.00 GB/s  socat 2.00 GB/s       0.50   >= 0.90 x     MISSED\n\
             sftp      SKIPPED\n\
             \ndecode: 32 KiB buffers\n\
             \nSKIPPED: sftp: there is no sshd\n\
             goals: 1 met, 1 missed\n"
        );
    }

    #[test]
    fn what_json_says_can_be_read_again() {
        let lines = Report::lines_of(&report().json().unwrap()).unwrap();
        let mut again = Report::new("two processors".into());
        again.add(lines, None);
        assert_eq!(again.table(), report().table());
    }

    #[test]
    fn only_what_should_have_worked_is_a_failure() {
        let mut report = report();
        assert!(!report.has_failed());
        report.add(vec![Line::failed("codec", "no idea")], Some("1 ms"));
        assert!(report.has_failed());
        assert!(report.table().contains("FAILED: codec, 1 ms: no idea"));
    }
}
