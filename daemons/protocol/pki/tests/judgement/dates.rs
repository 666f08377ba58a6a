//! When certificates count, and what ends when.

use jiff::Timestamp;
use pki::{Gap, OutOfDate, Span, certificate_facts, counts, days_before, first_gap, in_date};

use crate::makers::recipe;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[test]
fn a_certificate_counts_within_its_own_dates_and_from_the_configurations_on() {
    let certificate = recipe("bolt").valid(2025, 2027).self_signed().certificate;
    let (from, ends) = (at("2025-01-01T00:00:00Z"), at("2027-01-01T00:00:00Z"));
    let active = at("2026-01-01T00:00:00Z");
    for (now, active_from, expected) in [
        ("2024-12-31T23:59:59.999Z", None, Err(OutOfDate::NotYet(from))),
        ("2024-12-31T23:59:59.999Z", Some(active), Err(OutOfDate::NotYet(from))),
        ("2025-01-01T00:00:00Z", None, Ok(())),
        ("2025-01-01T00:00:00Z", Some(active), Err(OutOfDate::Inactive(active))),
        ("2026-01-01T00:00:00Z", Some(active), Ok(())),
        ("2027-01-01T00:00:00.999Z", None, Ok(())),
        ("2027-01-01T00:00:01Z", None, Err(OutOfDate::Expired(ends))),
        ("2028-01-01T00:00:00Z", Some(at("2029-01-01T00:00:00Z")), Err(OutOfDate::Expired(ends))),
    ] {
        assert_eq!(counts(&certificate, active_from, at(now)), expected, "{now} {active_from:?}");
    }
    let facts = certificate_facts(&certificate).unwrap();
    assert!(facts.in_date(facts.ends()).is_err());
    assert_eq!(in_date(b"no certificate", at("2028-01-01T00:00:00Z")), Ok(()));
}

#[test]
fn a_certificate_says_from_when_on_it_counts_unless_it_has_expired() {
    let day = at("2026-12-01T00:00:00Z");
    assert_eq!(OutOfDate::NotYet(day).counts_from(), Some(day));
    assert_eq!(OutOfDate::Inactive(day).counts_from(), Some(day));
    assert_eq!(OutOfDate::Expired(day).counts_from(), None);
}

fn day(number: i64) -> Timestamp {
    Timestamp::from_second(number * 86_400).unwrap()
}

#[test]
fn the_first_gap_between_certificates_is_found_in_whichever_order_they_are_written() {
    let gap = |from, until: Option<i64>| Gap { from: day(from), until: until.map(day) };
    // Today is day 100.
    for (spans, expected) in [
        (vec![], gap(100, None)),
        (vec![(0, 50)], gap(100, None)),
        (vec![(0, 150)], gap(150, None)),
        (vec![(0, 150), (150, 200)], gap(200, None)),
        (vec![(140, 200), (0, 150)], gap(200, None)),
        (vec![(160, 200), (0, 150)], gap(150, Some(160))),
        (vec![(120, 200)], gap(100, Some(120))),
        (vec![(0, 50), (120, 200)], gap(100, Some(120))),
        (vec![(0, 300), (120, 200)], gap(300, None)),
        (vec![(0, 150), (400, 160)], gap(150, None)),
        (vec![(0, 150), (150, 150), (170, 180)], gap(150, Some(170))),
    ] {
        let spans_of =
            spans.iter().map(|&(from, until)| Span { from: day(from), until: day(until) });
        assert_eq!(first_gap(spans_of, day(100)), expected, "{spans:?}");
    }
}

#[test]
fn an_end_is_told_of_sixty_thirty_fourteen_seven_and_one_days_before_it() {
    let year = Span { from: day(0), until: day(365) };
    for (left, expected) in [
        (61, None),
        (60, Some(60)),
        (31, Some(60)),
        (30, Some(30)),
        (15, Some(30)),
        (14, Some(14)),
        (7, Some(7)),
        (2, Some(7)),
        (1, Some(1)),
        (0, Some(1)),
        (-5, Some(1)),
    ] {
        assert_eq!(days_before(year, year.until, day(365 - left)), expected, "{left}");
    }
}

#[test]
fn what_lives_shortly_is_told_of_so_late_as_it_is_renewed() {
    for (life, left, expected) in [
        (90, 60, None),
        (90, 31, None),
        (90, 30, Some(30)),
        (47, 30, None),
        (47, 14, Some(14)),
        (6, 2, None),
        (6, 1, Some(1)),
    ] {
        let span = Span { from: day(0), until: day(life) };
        assert_eq!(days_before(span, span.until, day(life - left)), expected, "{life} {left}");
    }
}
