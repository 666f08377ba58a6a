//! When a certificate counts.

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};

use crate::certificate::certificate_facts;
use crate::reader::{GENERALIZED_TIME, UTC_TIME};

/// Why a certificate counts at another time only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OutOfDate {
    /// From then on.
    #[error("counts from {0} on")]
    NotYet(Timestamp),
    /// Until then.
    #[error("expired at {0}")]
    Expired(Timestamp),
}

/// Whether a certificate is within its period of validity. What is no certificate has none.
pub fn in_date(certificate: &[u8], now: Timestamp) -> Result<(), OutOfDate> {
    match certificate_facts(certificate) {
        Some(facts) if now < facts.valid_from => Err(OutOfDate::NotYet(facts.valid_from)),
        Some(facts) if facts.expires <= now => Err(OutOfDate::Expired(facts.expires)),
        _ => Ok(()),
    }
}

/// A date as certificates have it (RFC 5280 section 4.1.2.5).
pub(crate) fn time((tag, value): (u8, &[u8])) -> Option<Timestamp> {
    let digits = value.strip_suffix(b"Z")?;
    let year_length = match tag {
        UTC_TIME => 2,
        GENERALIZED_TIME => 4,
        _ => return None,
    };
    if digits.len() != year_length + 10 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number =
        |digits: &[u8]| digits.iter().fold(0i16, |sum, digit| sum * 10 + i16::from(digit - b'0'));
    let (year, rest) = digits.split_at(year_length);
    let year = match (tag, number(year)) {
        (UTC_TIME, year @ 50..) => 1900 + year, // RFC 5280, 4.1.2.5.1
        (UTC_TIME, year) => 2000 + year,
        (_, year) => year,
    };
    let part = |index: usize| i8::try_from(number(&rest[index * 2..index * 2 + 2])).ok();
    let moment = DateTime::new(year, part(0)?, part(1)?, part(2)?, part(3)?, part(4)?, 0).ok()?;
    // 99991231235959Z, "never", lies a day behind the last timestamp that can be expressed.
    Some(TimeZone::UTC.to_timestamp(moment).unwrap_or(Timestamp::MAX))
}
