//! Lengths of time as Kubernetes writes them: `30s`, `1h30m`.

use std::time::Duration;

/// Reads whole numbers with units, largest first or not: h, m, s, ms.
pub(crate) fn parse(text: &str) -> Option<Duration> {
    let mut total = Duration::ZERO;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, unit_and_rest) = rest.split_at(digits);
        let end = unit_and_rest.find(|c: char| c.is_ascii_digit()).unwrap_or(unit_and_rest.len());
        let (unit, next) = unit_and_rest.split_at(end);
        let milliseconds = match unit {
            "h" => 3_600_000,
            "m" => 60_000,
            "s" => 1_000,
            "ms" => 1,
            _ => return None,
        };
        let number: u64 = number.parse().ok()?;
        let part = Duration::from_millis(number.checked_mul(milliseconds)?);
        total = total.checked_add(part)?;
        rest = next;
    }
    (!text.is_empty()).then_some(total)
}
