//! When a partner is called even though there is nothing to send.

use std::fmt;

use croner::{Cron, errors::CronError, parser::CronParser};
use jiff::{Timestamp, tz::TimeZone};

/// A cron expression of five fields, in UTC.
#[derive(Clone)]
pub struct Poll {
    text: String,
    cron: Cron,
}

impl Poll {
    /// The first call after this time; `None` if the expression has no further one.
    pub fn next_after(&self, time: Timestamp) -> Option<Timestamp> {
        let time = time.to_zoned(TimeZone::UTC);
        self.cron.find_next_occurrence(&time, false).ok().map(|next| next.timestamp())
    }

    /// Reads an expression. The error continues a sentence.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let fields = text.split_ascii_whitespace().count();
        if fields != 5 {
            return Err(format!("it has {fields} fields"));
        }
        let cron = CronParser::new().parse(text).map_err(|error| why(&error))?;
        Ok(Self { text: text.to_owned(), cron })
    }
}

impl fmt::Display for Poll {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl fmt::Debug for Poll {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Poll({:?})", self.text)
    }
}

/// Croner's reason without the sort of error before it and the full stop after it.
fn why(error: &CronError) -> String {
    let text = error.to_string();
    text.rsplit(": ").next().unwrap_or(&text).trim_end_matches('.').to_lowercase()
}
