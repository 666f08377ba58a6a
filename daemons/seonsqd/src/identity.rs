//! The identity of a new virtual file: its dataset name and its stamp.

use std::path::Path;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use oftp::{DatasetName, Stamp};

/// The dataset name that a file's own name gives: upper case, and a hyphen for every character
/// that the RFC's set does not have. A name that is too long is refused rather than cut, since two
/// files could become one name.
pub fn dataset_name(file: &Path) -> Result<DatasetName, String> {
    let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let fitting: String = name.chars().map(in_the_set).collect();
    fitting.parse().map_err(|_| {
        format!(
            "{}: the file's name cannot become a dataset name of 1 to 26 characters; give one \
             with --dataset-name (seoneq: -v)",
            file.display()
        )
    })
}

fn in_the_set(character: char) -> char {
    let character = character.to_ascii_uppercase();
    match character {
        'A'..='Z' | '0'..='9' | '/' | '-' | '.' | '&' | '(' | ')' => character,
        _ => '-',
    }
}

/// The stamp of a moment, in UTC, with the first counter of its second.
pub fn stamp(moment: Timestamp) -> Stamp {
    let time = moment.to_zoned(TimeZone::UTC).datetime();
    let date = (time.year().unsigned_abs(), time.month().unsigned_abs(), time.day().unsigned_abs());
    let clock = (
        time.hour().unsigned_abs(),
        time.minute().unsigned_abs(),
        // A leap second has no place in a stamp.
        time.second().unsigned_abs().min(59),
    );
    with(date, clock, 1)
}

/// The same second with the next counter, if there is one.
pub fn next(stamp: Stamp) -> Option<Stamp> {
    let date = (stamp.year(), stamp.month(), stamp.day());
    let clock = (stamp.hour(), stamp.minute(), stamp.second());
    Stamp::new(date, clock, stamp.counter() + 1).ok()
}

fn with(date: (u16, u8, u8), clock: (u8, u8, u8), counter: u16) -> Stamp {
    // A moment of the calendar always is a stamp; the fallback keeps this total.
    Stamp::new(date, clock, counter)
        .or_else(|_| Stamp::new((1970, 1, 1), (0, 0, 0), counter))
        .unwrap_or_else(|_| unreachable!("1970-01-01 00:00:00 is a day and time that exist"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_files_name_becomes_a_name_of_the_odette_set() {
        let names = ["big.dat", "/tmp/Zeichnung_ä 1.CATPart", "ENGDAT00471"]
            .map(|file| dataset_name(Path::new(file)).unwrap().to_string());
        assert_eq!(names, ["BIG.DAT", "ZEICHNUNG---1.CATPART", "ENGDAT00471"]);
    }

    #[test]
    fn a_name_that_does_not_fit_is_refused_with_its_cure() {
        for file in ["a-name-of-twenty-seven-chars", "/", ""] {
            let error = dataset_name(Path::new(file)).unwrap_err();
            assert!(error.contains("--dataset-name"), "{error}");
        }
    }

    #[test]
    fn a_stamp_is_the_moment_in_utc_and_counts_from_one() {
        let moment: Timestamp = "2026-11-20T23:59:58.999+01:00".parse().unwrap();
        assert_eq!(stamp(moment).to_string(), "202611202259580001");
    }

    #[test]
    fn a_clash_takes_the_next_counter_until_there_is_none() {
        let first: Stamp = "202611202259580001".parse().unwrap();
        assert_eq!(next(first).unwrap().to_string(), "202611202259580002");
        assert_eq!(next("202611202259589999".parse().unwrap()), None);
    }
}
