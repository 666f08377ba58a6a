//! Moments on the command line: how long ago, or when.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// A moment, told from now or fixed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// So long before now.
    Ago(SignedDuration),
    /// At this moment.
    At(Timestamp),
}

impl Since {
    /// Reads `90s`, `15m`, `2h`, `3d`, `2026-11-20` (UTC) or `2026-11-20T08:14:02Z`.
    pub fn parse(text: &str) -> Result<Self, String> {
        span(text)
            .map(Self::Ago)
            .or_else(|| text.parse().ok().map(Self::At))
            .or_else(|| date(text).map(Self::At))
            .ok_or_else(|| {
                format!("\"{text}\" is no moment; give a span as 15m, 2h, 3d, a date as 2026-11-20, or a moment as 2026-11-20T08:14:02Z")
            })
    }

    /// The moment, seen from `now`.
    pub fn from(self, now: Timestamp) -> Timestamp {
        match self {
            Self::Ago(span) => now.checked_sub(span).unwrap_or(Timestamp::MIN),
            Self::At(moment) => moment,
        }
    }
}

fn span(text: &str) -> Option<SignedDuration> {
    let unit = match text.chars().last()? {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        _ => return None,
    };
    let number: u32 = text.get(..text.len() - 1)?.parse().ok()?;
    Some(SignedDuration::from_secs(i64::from(number) * unit))
}

fn date(text: &str) -> Option<Timestamp> {
    let date: Date = text.parse().ok()?;
    Some(date.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_counts_back_from_now() {
        let now: Timestamp = "2026-11-20T08:00:00Z".parse().unwrap();
        let moments = ["90s", "15m", "2h", "3d"]
            .map(|text| Since::parse(text).unwrap().from(now).to_string());
        assert_eq!(
            moments,
            [
                "2026-11-20T07:58:30Z",
                "2026-11-20T07:45:00Z",
                "2026-11-20T06:00:00Z",
                "2026-11-17T08:00:00Z"
            ]
        );
    }

    #[test]
    fn dates_and_moments_are_taken_as_they_are() {
        let now = Timestamp::UNIX_EPOCH;
        let moments = ["2026-11-20", "2026-11-20T08:14:02Z"]
            .map(|text| Since::parse(text).unwrap().from(now).to_string());
        assert_eq!(moments, ["2026-11-20T00:00:00Z", "2026-11-20T08:14:02Z"]);
    }

    #[test]
    fn what_is_no_moment_is_named_with_a_cure() {
        for text in ["", "yesterday", "h", "-3d", "2026-13-01"] {
            assert!(Since::parse(text).unwrap_err().contains("as 15m"), "{text}");
        }
    }
}
