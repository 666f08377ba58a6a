//! When a certificate counts.

use jiff::{SignedDuration, Timestamp, civil::DateTime, tz::TimeZone};

use crate::certificate::{CertificateFacts, certificate_facts};
use crate::expiry::Span;
use crate::reader::{GENERALIZED_TIME, UTC_TIME};

/// Why a certificate counts at another time only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OutOfDate {
    /// From then on.
    #[error("counts from {0} on")]
    NotYet(Timestamp),
    /// From then on, because the configuration says so.
    #[error("counts from {0} on")]
    Inactive(Timestamp),
    /// Until then.
    #[error("expired at {0}")]
    Expired(Timestamp),
}

impl OutOfDate {
    /// From when on it counts, if it ever will.
    pub fn counts_from(self) -> Option<Timestamp> {
        match self {
            Self::NotYet(from) | Self::Inactive(from) => Some(from),
            Self::Expired(_) => None,
        }
    }
}

impl CertificateFacts {
    /// The first moment after its validity, whose last second counts as a whole (RFC 5280 section
    /// 4.1.2.5).
    pub fn ends(&self) -> Timestamp {
        self.expires.saturating_add(SignedDuration::from_secs(1)).unwrap_or(Timestamp::MAX)
    }

    /// When it is valid.
    pub fn span(&self) -> Span {
        Span { from: self.valid_from, until: self.ends() }
    }

    /// Whether it is within its period of validity.
    pub fn in_date(&self, now: Timestamp) -> Result<(), OutOfDate> {
        if now >= self.ends() {
            return Err(OutOfDate::Expired(self.expires));
        }
        if now < self.valid_from {
            return Err(OutOfDate::NotYet(self.valid_from));
        }
        Ok(())
    }

    /// Whether it counts: by its own dates, and by the one from which on the configuration wants it.
    pub fn counts(&self, active_from: Option<Timestamp>, now: Timestamp) -> Result<(), OutOfDate> {
        self.in_date(now)?;
        active(active_from, now)
    }
}

/// Whether a certificate is within its period of validity. What is no certificate has none.
pub fn in_date(certificate: &[u8], now: Timestamp) -> Result<(), OutOfDate> {
    certificate_facts(certificate).map_or(Ok(()), |facts| facts.in_date(now))
}

/// Whether a certificate counts: by its own dates, and by the one from which on the configuration wants
/// it. What is no certificate has none of its own.
pub fn counts(
    certificate: &[u8],
    active_from: Option<Timestamp>,
    now: Timestamp,
) -> Result<(), OutOfDate> {
    in_date(certificate, now)?;
    active(active_from, now)
}

fn active(active_from: Option<Timestamp>, now: Timestamp) -> Result<(), OutOfDate> {
    match active_from.filter(|from| now < *from) {
        Some(from) => Err(OutOfDate::Inactive(from)),
        None => Ok(()),
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
