//! The identity of a new virtual file: its dataset name and its stamp.

use std::path::Path;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use oftp::{DatasetName, Level, Stamp};
use unicode_normalization::UnicodeNormalization as _;

/// What tells two files of one name apart on the wire: the smallest step between their stamps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StampStep {
    /// The counter, which levels 1.4 and 2.0 carry.
    Counter,
    /// A second: a session below 1.4 shows no counter, and would show two files as one.
    Second,
}

impl StampStep {
    /// For a partner with whom no session is below this level.
    pub fn at(lowest: Level) -> Self {
        if lowest < Level::V1_4 { Self::Second } else { Self::Counter }
    }
}

/// The dataset name that a file's own name gives: upper case, and a hyphen for every character
/// that the RFC's set does not have, however the file system composes it. A name that is too long is refused rather than cut, since two
/// files could become one name.
pub fn dataset_name(file: &Path) -> Result<DatasetName, String> {
    let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    in_the_odette_set(name).parse().map_err(|_| {
        format!(
            "{}: the file's name cannot become a dataset name of 1 to 26 characters; give one \
             with --dataset-name (seoneq: -v)",
            file.display()
        )
    })
}

/// A text as far as the RFC's set has it, with a hyphen for every other character.
pub(crate) fn in_the_odette_set(text: &str) -> String {
    text.nfc().map(in_the_set).collect()
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
    at(moment.to_zoned(TimeZone::UTC).datetime())
}

fn at(time: DateTime) -> Stamp {
    let date = (time.year().unsigned_abs(), time.month().unsigned_abs(), time.day().unsigned_abs());
    let clock = (
        time.hour().unsigned_abs(),
        time.minute().unsigned_abs(),
        // A leap second has no place in a stamp.
        time.second().unsigned_abs().min(59),
    );
    with(date, clock, 1)
}

/// The stamp after this one: a stamp says which file it is, not exactly when. None after the last
/// counter or second that there is.
pub fn next(stamp: Stamp, step: StampStep) -> Option<Stamp> {
    let date = (stamp.year(), stamp.month(), stamp.day());
    let clock = (stamp.hour(), stamp.minute(), stamp.second());
    match step {
        StampStep::Counter => Stamp::new(date, clock, stamp.counter() + 1).ok(),
        StampStep::Second => {
            let [month, day, hour, minute, second] =
                [date.1, date.2, clock.0, clock.1, clock.2].map(|part| i8::try_from(part).ok());
            let year = i16::try_from(date.0).ok()?;
            let time = DateTime::new(year, month?, day?, hour?, minute?, second?, 0).ok()?;
            Some(at(time.checked_add(1.second()).ok()?))
        }
    }
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
        let next = |stamp| next(stamp, StampStep::Counter);
        assert_eq!(next(first).unwrap().to_string(), "202611202259580002");
        assert_eq!(next("202611202259589999".parse().unwrap()), None);
    }

    #[test]
    fn where_no_counter_is_shown_a_clash_takes_the_next_second() {
        let cases = [
            ("202611202259580001", "202611202259590001"),
            ("202612312359590007", "202701010000000001"),
        ];
        for (stamp, expected) in cases {
            let next = next(stamp.parse().unwrap(), StampStep::Second).unwrap();
            assert_eq!(next.to_string(), expected);
        }
        assert_eq!(next("999912312359590001".parse().unwrap(), StampStep::Second), None);
    }

    #[test]
    fn levels_below_1_4_show_no_counter() {
        let steps = [Level::V1_2, Level::V1_3, Level::V1_4, Level::V2_0].map(StampStep::at);
        let (second, counter) = (StampStep::Second, StampStep::Counter);
        assert_eq!(steps, [second, second, counter, counter]);
    }

    #[test]
    fn one_letter_composed_or_decomposed_gives_one_dataset_name() {
        let names = ["T\u{fc}r.dat", "Tu\u{308}r.dat"]
            .map(|file| dataset_name(Path::new(file)).unwrap().to_string());
        assert_eq!(names, ["T-R.DAT", "T-R.DAT"]);
    }
}
