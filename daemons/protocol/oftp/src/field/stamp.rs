//! A virtual file's date and time.

use std::fmt;
use std::str::FromStr;

use super::FieldError;

/// When a virtual file was made available, and a counter (SFIDDATE, SFIDTIME): part of the file's
/// identity, to be echoed unchanged, of no time zone that anybody could know.
///
/// Shown and stored as `CCYYMMDDHHMMSScccc`. Levels 1.2 and 1.3 carry `YYMMDDHHMMSS` only: the
/// years 80 to 99 are then of the 20th century, 00 to 79 of the 21st (the protocol is of 1986), and
/// the counter is 0.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Stamp {
    // The order of the fields is the order of the stamps.
    year: u16,
    month: u8,
    day: u8,
    hour: u8,
    minute: u8,
    second: u8,
    counter: u16,
}

impl Stamp {
    const EXPECTED: &'static str = "a virtual file's date and time, 18 digits CCYYMMDDHHMMSScccc \
         of a day and time that exist";

    /// A stamp of parts that are a day of the calendar, a time of the day and a counter of at most
    /// four digits.
    pub fn new(
        (year, month, day): (u16, u8, u8),
        (hour, minute, second): (u8, u8, u8),
        counter: u16,
    ) -> Result<Self, FieldError> {
        let stamp = Self { year, month, day, hour, minute, second, counter };
        if year <= 9999
            && (1..=12).contains(&month)
            && (1..=days_of(year, month)).contains(&day)
            && hour <= 23
            && minute <= 59
            && second <= 59
            && counter <= 9999
        {
            Ok(stamp)
        } else {
            Err(FieldError::new(stamp.to_string(), Self::EXPECTED))
        }
    }

    /// The year, four digits.
    pub fn year(self) -> u16 {
        self.year
    }

    /// The month, 1 to 12.
    pub fn month(self) -> u8 {
        self.month
    }

    /// The day of the month, from 1.
    pub fn day(self) -> u8 {
        self.day
    }

    /// The hour, 0 to 23.
    pub fn hour(self) -> u8 {
        self.hour
    }

    /// The minute, 0 to 59.
    pub fn minute(self) -> u8 {
        self.minute
    }

    /// The second, 0 to 59.
    pub fn second(self) -> u8 {
        self.second
    }

    /// The counter within the second, 0 to 9999; the RFC starts at 1.
    pub fn counter(self) -> u16 {
        self.counter
    }

    /// What is left of the stamp on levels 1.2 and 1.3, as it is read back there.
    #[must_use]
    pub fn truncated(self) -> Self {
        Self { year: full_year(self.year % 100), counter: 0, ..self }
    }

    /// Reads `YYMMDDHHMMSS`, twelve digits.
    pub(crate) fn from_short_digits(digits: &str) -> Option<Self> {
        let mut part = Parts(digits);
        let date = (full_year(part.next(2)?), part.next(2)?, part.next(2)?);
        let time = (part.next(2)?, part.next(2)?, part.next(2)?);
        if !part.0.is_empty() {
            return None;
        }
        Self::new(date, time, 0).ok()
    }

    /// Reads `CCYYMMDDHHMMSScccc`, eighteen digits.
    pub(crate) fn from_digits(digits: &str) -> Option<Self> {
        let mut part = Parts(digits);
        let date = (part.next(4)?, part.next(2)?, part.next(2)?);
        let time = (part.next(2)?, part.next(2)?, part.next(2)?);
        let counter = part.next(4)?;
        if !part.0.is_empty() {
            return None;
        }
        Self::new(date, time, counter).ok()
    }
}

impl FromStr for Stamp {
    type Err = FieldError;

    fn from_str(text: &str) -> Result<Self, FieldError> {
        Self::from_digits(text).ok_or_else(|| FieldError::new(text, Self::EXPECTED))
    }
}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { year, month, day, hour, minute, second, counter } = self;
        write!(f, "{year:04}{month:02}{day:02}{hour:02}{minute:02}{second:02}{counter:04}")
    }
}

impl fmt::Debug for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Stamp({self})")
    }
}

fn full_year(two_digits: u16) -> u16 {
    if two_digits < 80 { 2000 + two_digits } else { 1900 + two_digits }
}

fn days_of(year: u16, month: u8) -> u8 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Digits taken from the front.
struct Parts<'a>(&'a str);

impl Parts<'_> {
    fn next<T: FromStr>(&mut self, digits: usize) -> Option<T> {
        let (part, rest) = self.0.split_at_checked(digits)?;
        self.0 = rest;
        // `parse` alone would take a sign.
        if part.bytes().all(|octet| octet.is_ascii_digit()) { part.parse().ok() } else { None }
    }
}
