//! When a partner is called even though there is nothing to send, and when it may be called at all.

use std::fmt;

use croner::{Cron, errors::CronError, parser::CronParser};
use jiff::Timestamp;
use jiff::tz::{TimeZone, TimeZoneDatabase};

/// A cron expression of five fields, in a time zone. What falls into the hour that daylight saving
/// time leaves out comes after it; what falls into the hour that comes twice is due once, and a
/// window opens in both.
#[derive(Clone)]
pub struct Poll {
    text: String,
    cron: Cron,
    zone: TimeZone,
}

impl Poll {
    /// The first call after this time; `None` if the expression has no further one.
    pub fn next_after(&self, time: Timestamp) -> Option<Timestamp> {
        let time = time.to_zoned(self.zone.clone());
        self.cron.find_next_occurrence(&time, false).ok().map(|next| next.timestamp())
    }

    fn names_minute_of(&self, time: Timestamp) -> bool {
        let time = time.to_zoned(self.zone.clone());
        let minute = time.with().second(0).subsec_nanosecond(0).build().unwrap_or(time);
        self.cron.is_time_matching(&minute).unwrap_or(false)
    }

    /// Reads an expression. The error continues a sentence.
    pub(crate) fn parse(text: &str, zone: TimeZone) -> Result<Self, String> {
        let fields = text.split_ascii_whitespace().count();
        if fields != 5 {
            return Err(format!("it has {fields} fields"));
        }
        let cron = CronParser::new().parse(text).map_err(|error| why(&error))?;
        let poll = Self { text: text.to_owned(), cron, zone };
        // Whenever one begins to look: the calendar comes again.
        match poll.next_after(Timestamp::UNIX_EPOCH) {
            Some(_) => Ok(poll),
            None => Err("the calendar has no such day".to_owned()),
        }
    }
}

/// The minutes in which a call may begin.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Windows(Vec<Poll>);

impl Windows {
    /// Windows that one of these expressions opens; without any, always.
    pub(crate) fn new(expressions: Vec<Poll>) -> Self {
        Self(expressions)
    }

    /// Whether a call may begin at this time.
    pub fn are_open_at(&self, time: Timestamp) -> bool {
        self.0.is_empty() || self.0.iter().any(|expression| expression.names_minute_of(time))
    }
}

/// A time zone by its name. From the database that is built in, whatever the machine has: the operator
/// and the daemons judge alike.
pub(crate) fn time_zone(name: &str) -> Option<TimeZone> {
    TimeZoneDatabase::bundled().get(name).ok()
}

/// Of the names that there are, those that come into question for a wrong one.
pub(crate) fn time_zones() -> Vec<String> {
    TimeZoneDatabase::bundled().available().map(|name| name.to_string()).collect()
}

/// The same if written the same.
impl PartialEq for Poll {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text && self.zone == other.zone
    }
}

impl Eq for Poll {}

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
