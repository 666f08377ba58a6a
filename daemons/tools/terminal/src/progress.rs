//! Progress: a bar that is drawn over on a terminal, a line now and then elsewhere.

use std::time::Duration;

use domain::escaped;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::time::Instant;

use crate::output::shown;
use crate::{Terminal, complain, human};

/// Without a terminal, a line for every so many percent.
const STEP: u64 = 10;

/// Several bars, one under the other.
pub struct Board {
    bars: Option<MultiProgress>,
}

impl Board {
    /// A board on standard error, so that standard output stays for the result.
    pub fn new(terminal: &Terminal) -> Self {
        let drawn = || MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(10));
        Self { bars: terminal.interactive.then(drawn) }
    }

    /// Adds a bar for something measured in octets.
    pub fn octets(&self, title: impl Into<String>, total: u64) -> Progress {
        self.add(title, total, Unit::Octets)
    }

    /// Adds a bar for something that is counted.
    pub fn pieces(&self, title: impl Into<String>, total: u64, unit: &'static str) -> Progress {
        self.add(title, total, Unit::Pieces(unit))
    }

    /// A line above the bars.
    pub fn say(&self, line: &str) {
        match &self.bars {
            Some(bars) => {
                let _ = bars.println(shown(line));
            }
            None => complain(&format!("{line}\n")),
        }
    }

    fn add(&self, title: impl Into<String>, total: u64, unit: Unit) -> Progress {
        let title = escaped(&title.into()).into_owned();
        let bar = self.bars.as_ref().map(|bars| {
            let bar = bars.add(ProgressBar::new(total).with_style(style(&title)));
            bar.enable_steady_tick(Duration::from_millis(100));
            bar
        });
        Progress { bar, title, total, unit, started: Instant::now(), position: 0, said: 0 }
    }
}

/// One thing's progress.
pub struct Progress {
    bar: Option<ProgressBar>,
    title: String,
    total: u64,
    unit: Unit,
    started: Instant,
    position: u64,
    said: u64,
}

#[derive(Clone, Copy)]
enum Unit {
    Octets,
    Pieces(&'static str),
}

impl Progress {
    /// The same for something that began before it was shown: speed and time left go by that.
    #[must_use]
    pub fn begun(self, started: Instant) -> Self {
        Self { started, ..self }
    }

    /// So far done, and a few words on how.
    pub fn set(&mut self, position: u64, remark: &str) {
        self.position = position.min(self.total);
        let message = self.message(&escaped(remark));
        match &self.bar {
            Some(bar) => {
                bar.set_position(self.position);
                bar.set_message(message);
            }
            None => self.say_at_steps(&message),
        }
    }

    /// Takes the bar away and leaves one line in its place.
    pub fn finish(self, line: &str) {
        match &self.bar {
            Some(bar) => {
                bar.println(shown(line));
                bar.finish_and_clear();
            }
            None => complain(&format!("{line}\n")),
        }
    }

    fn say_at_steps(&mut self, message: &str) {
        let percent = percent(self.position, self.total);
        if percent / STEP > self.said / STEP {
            self.said = percent;
            complain(&format!("{}  {percent} %  {message}\n", self.title));
        }
    }

    fn message(&self, remark: &str) -> String {
        let done = match self.unit {
            Unit::Octets => {
                let elapsed = self.started.elapsed();
                let rate = human::rate(self.position, elapsed);
                let amounts =
                    format!("{} of {}", human::octets(self.position), human::octets(self.total));
                match remaining(self.position, self.total, elapsed) {
                    Some(left) => format!("{amounts}  {rate}  {} s", left.as_secs()),
                    None => format!("{amounts}  {rate}"),
                }
            }
            Unit::Pieces(unit) => format!("{} of {} {unit}", self.position, self.total),
        };
        if remark.is_empty() { done } else { format!("{done}  {remark}") }
    }
}

fn style(title: &str) -> ProgressStyle {
    // The title may hold a brace of a dataset name, which the template would take for a field.
    let title = title.replace('{', "{{").replace('}', "}}");
    ProgressStyle::with_template(&format!("{title}  {{bar:22}} {{percent:>3}} %  {{msg}}"))
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("█▉▊▋▌▍▎▏ ")
}

fn percent(position: u64, total: u64) -> u64 {
    // Nothing to do is done.
    (u128::from(position) * 100)
        .checked_div(u128::from(total))
        .map_or(100, |percent| u64::try_from(percent).unwrap_or(100))
}

fn remaining(position: u64, total: u64, elapsed: Duration) -> Option<Duration> {
    if position == 0 || position >= total {
        return None;
    }
    let whole = elapsed.as_secs_f64() * human::precise(total) / human::precise(position);
    Duration::try_from_secs_f64(whole - elapsed.as_secs_f64()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_of_nothing_is_all() {
        assert_eq!(
            [(0, 0), (0, 7), (1, 3), (u64::MAX, u64::MAX)].map(|(p, t)| percent(p, t)),
            [100, 0, 33, 100]
        );
    }

    #[test]
    fn what_remains_is_foretold_from_what_was() {
        let elapsed = Duration::from_secs(30);
        assert_eq!(remaining(75, 100, elapsed), Some(Duration::from_secs(10)));
        assert_eq!(remaining(0, 100, elapsed), None);
        assert_eq!(remaining(100, 100, elapsed), None);
    }

    #[test]
    fn without_a_terminal_there_is_a_line_for_every_ten_percent() {
        let board = Board::new(&Terminal::default());
        let mut progress = board.pieces("files", 100, "files");
        for position in 0..=35 {
            progress.set(position, "");
        }
        assert_eq!(progress.said, 30);
    }
}
