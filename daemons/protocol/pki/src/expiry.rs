//! What ends when, and what is said of it beforehand.

use jiff::{SignedDuration, Timestamp};

/// So many days before its end a certificate is told of.
pub const DAYS_BEFORE: [u16; 5] = [60, 30, 14, 7, 1];

/// From when on and until when a certificate counts; empty if it never does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The first moment at which it counts.
    pub from: Timestamp,
    /// The first moment at which it does not any more.
    pub until: Timestamp,
}

/// A time in which none of several certificates counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// Since when there is none: now, or later.
    pub from: Timestamp,
    /// From when on there is one again; `None`: never.
    pub until: Option<Timestamp>,
}

/// The first gap from now on between certificates that stand for one another. The last of them leaves
/// one that never ends, so there is always one.
pub fn first_gap(spans: impl IntoIterator<Item = Span>, now: Timestamp) -> Gap {
    let mut later: Vec<_> = spans.into_iter().filter(|span| span.until > now).collect();
    later.sort_by_key(|span| span.from);
    let mut covered = now;
    for span in later.iter().filter(|span| span.from < span.until) {
        if span.from > covered {
            return Gap { from: covered, until: Some(span.from) };
        }
        covered = covered.max(span.until);
    }
    Gap { from: covered, until: None }
}

/// How near an end is: the smallest of [`DAYS_BEFORE`] that it is within, `None` if none. Of a
/// certificate that lives shortly only days count that are a third of its life at most: it is renewed so
/// late on purpose.
pub fn days_before(span: Span, end: Timestamp, now: Timestamp) -> Option<u16> {
    let life = span.until.duration_since(span.from);
    let left = end.duration_since(now);
    let days = |days: u16| SignedDuration::from_hours(24 * i64::from(days));
    let counts = |before: u16| left <= days(before) && days(before) <= life / 3;
    DAYS_BEFORE.into_iter().filter(|before| counts(*before)).min()
}
