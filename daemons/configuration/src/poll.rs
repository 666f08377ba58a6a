//! When a partner is called even though there is nothing to send.

use std::fmt;

use croner::{Cron, parser::CronParser};
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

    /// Reads an expression. The error is croner's, without a full stop.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let fields = text.split_ascii_whitespace().count();
        if fields != 5 {
            return Err(format!("it has {fields} fields"));
        }
        let cron = CronParser::new()
            .parse(text)
            .map_err(|error| error.to_string().trim_end_matches('.').to_owned())?;
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
