//! Sizes and spans as people read them.

use std::time::Duration;

use jiff::Timestamp;

/// How long ago or since when, for a column: `2d 4h`, `9d`, `3h 12m`, `11m`, `45s`.
pub fn age(span: Duration) -> String {
    let seconds = span.as_secs();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, _) => format!("{minutes}m"),
        (0, _, 0) => format!("{hours}h"),
        (0, _, _) => format!("{hours}h {minutes}m"),
        (1..=7, 1.., _) => format!("{days}d {hours}h"),
        _ => format!("{days}d"),
    }
}

/// From then until now, never negative.
pub fn elapsed(since: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(since)).unwrap_or_default()
}

/// A span inside a sentence: `0.4 s`, `11.2 s`, `3 min 4 s`, `2 h 4 min`, `3 d 2 h`.
pub fn span(span: Duration) -> String {
    let seconds = span.as_secs();
    match seconds {
        0..100 if !span.as_millis().is_multiple_of(1000) => format!("{:.1} s", span.as_secs_f64()),
        0..60 => format!("{seconds} s"),
        60..3600 => pair(seconds / 60, "min", seconds % 60, "s"),
        3600..86_400 => pair(seconds / 3600, "h", seconds / 60 % 60, "min"),
        _ => pair(seconds / 86_400, "d", seconds / 3600 % 24, "h"),
    }
}

fn pair(large: u64, large_unit: &str, small: u64, small_unit: &str) -> String {
    match small {
        0 => format!("{large} {large_unit}"),
        _ => format!("{large} {large_unit} {small} {small_unit}"),
    }
}

/// A size: `999 B`, `9.8 KiB`, `742 MiB`, `1.0 GiB`.
pub fn octets(octets: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if octets < 1024 {
        return format!("{octets} B");
    }
    let mut value = precise(octets) / 1024.0;
    let mut unit = 0;
    // 1023.5 would be shown as 1024 of the smaller unit.
    while value >= 1023.5 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    // 9.95 would be shown as 10.0.
    if value < 9.95 {
        format!("{value:.1} {}", UNITS[unit])
    } else {
        format!("{value:.0} {}", UNITS[unit])
    }
}

/// Octets a second over a span: `98 MiB/s`.
pub fn rate(amount: u64, span: Duration) -> String {
    let a_second = precise(amount) / span.as_secs_f64().max(0.001);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "finite, not negative"
    )]
    let whole = a_second as u64;
    format!("{}/s", octets(whole))
}

/// `1 file`, `300 files`.
pub fn count(number: u64, one: &str, many: &str) -> String {
    match number {
        1 => format!("1 {one}"),
        _ => format!("{number} {many}"),
    }
}

/// The value as a float; sizes beyond 2^53 octets lose digits that nobody is shown.
#[expect(clippy::cast_precision_loss, reason = "shown with two or three digits")]
pub fn precise(value: u64) -> f64 {
    value as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_show_the_two_largest_units_that_matter() {
        let shown = [0, 45, 60, 659, 3600, 11_520, 86_400, 187_200, 777_600 + 7200]
            .map(|seconds| age(Duration::from_secs(seconds)));
        assert_eq!(shown, ["0s", "45s", "1m", "10m", "1h", "3h 12m", "1d", "2d 4h", "9d"]);
    }

    #[test]
    fn spans_in_sentences_keep_a_tenth_while_it_matters() {
        let shown = [400, 7000, 11_200, 59_000, 184_000, 7_440_000, 266_400_000, 120_000]
            .map(|milliseconds| span(Duration::from_millis(milliseconds)));
        assert_eq!(
            shown,
            ["0.4 s", "7 s", "11.2 s", "59 s", "3 min 4 s", "2 h 4 min", "3 d 2 h", "2 min"]
        );
    }

    #[test]
    fn sizes_have_two_or_three_digits() {
        let shown = [0, 999, 1024, 10_000, 1_048_575, 778_043_392, 1 << 30, u64::MAX].map(octets);
        assert_eq!(
            shown,
            ["0 B", "999 B", "1.0 KiB", "9.8 KiB", "1.0 MiB", "742 MiB", "1.0 GiB", "16 EiB"]
        );
    }

    #[test]
    fn a_rate_over_no_time_is_still_a_number() {
        assert_eq!(rate(0, Duration::ZERO), "0 B/s");
        assert_eq!(rate(1 << 30, Duration::from_secs(8)), "128 MiB/s");
    }

    #[test]
    fn a_clock_that_went_back_gives_no_negative_age() {
        let now: Timestamp = "2026-11-20T08:14:02Z".parse().unwrap();
        assert_eq!(elapsed("2026-11-20T08:15:02Z".parse().unwrap(), now), Duration::ZERO);
        assert_eq!(elapsed("2026-11-20T08:13:02Z".parse().unwrap(), now), Duration::from_mins(1));
    }
}
