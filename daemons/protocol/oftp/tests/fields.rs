//! What the fields take, show and compare as.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::collections::HashSet;

use oftp::{
    Blocks, BufferSize, CipherSuite, Credit, DatasetName, Description, EndSessionReason,
    FileReason, Format, Level, NegativeReason, OdetteId, Password, ReasonText, RecordLength, Stamp,
    UserData,
};
use support::{field, identity};

#[test]
fn an_identification_code_has_up_to_25_characters_of_the_odette_set() {
    for code in ["O", "O0013SEON", "O0013SEON         SUB001", "A/-.&()Z09", &"X".repeat(25)] {
        assert_eq!(field::<OdetteId>(code).as_str(), code);
    }
    for code in ["", " ", " O", "o0013", "O_", "Ö", "O\t", "O\0", &"X".repeat(26)] {
        let error = code.parse::<OdetteId>().unwrap_err();
        assert_eq!(error.code(), "E-OFTP-FIELD");
        assert!(error.to_string().contains("1 to 25 characters"), "{error}");
    }
    assert_eq!(field::<OdetteId>("O0013  "), field("O0013"));
}

#[test]
fn a_dataset_name_has_up_to_26_printable_characters_and_knows_if_it_is_standard() {
    assert!(field::<DatasetName>("A/B-C.D&(E)").is_standard());
    for name in ["ODETTE_CERTIFICATE_REQUEST", "lower", "A B"] {
        assert!(!field::<DatasetName>(name).is_standard());
    }
    for name in ["", " A", "Ä", "A\n", &"X".repeat(27)] {
        assert!(name.parse::<DatasetName>().is_err(), "{name:?}");
    }
}

#[test]
fn user_data_and_passwords_have_up_to_8_characters_and_may_be_empty() {
    assert_eq!(field::<UserData>(""), UserData::default());
    assert!("123456789".parse::<UserData>().is_err());
    assert_eq!(field::<Password>(""), Password::default());
    assert!(field::<Password>("GEHEIM&1").is_standard());
    assert!(!field::<Password>("geheim").is_standard());
    assert_ne!(field::<Password>("geheim"), field("GEHEIM"));
    assert_ne!(field::<Password>("A"), field("AB"));
    assert_eq!(field::<Password>("AB "), field("AB"));
}

#[test]
fn a_password_is_shown_nowhere() {
    assert_eq!(format!("{:?}", field::<Password>("GEHEIM")), "Password(…)");
    let error = "GEHEIM789".parse::<Password>().unwrap_err();
    assert!(!format!("{error} {error:?}").contains("GEHEIM"));
}

#[test]
fn long_texts_are_cut_between_characters() {
    let text = "ü".repeat(600);
    assert!(text.parse::<Description>().is_err());
    assert_eq!(ReasonText::fitting(&text).as_octets().len(), 998);
    assert!(!ReasonText::fitting(&text).is_lossy());
    assert_eq!(Description::from_octets(&[b'x'; 2000]).as_octets().len(), 999);
    assert!(Description::default().is_empty());
}

#[test]
fn numbers_keep_to_their_ranges() {
    for (octets, is_right) in [(127, false), (128, true), (99_999, true), (100_000, false)] {
        assert_eq!(BufferSize::try_from(octets).is_ok(), is_right);
    }
    for (buffers, is_right) in [(0, false), (1, true), (999, true), (1000, false)] {
        assert_eq!(Credit::try_from(buffers).is_ok(), is_right);
    }
    for (octets, is_right) in [(0, false), (1, true), (99_999, true), (100_000, false)] {
        assert_eq!(RecordLength::try_from(octets).is_ok(), is_right);
    }
    assert!(CipherSuite::try_from(99).is_ok() && CipherSuite::try_from(100).is_err());
}

#[test]
fn a_size_is_in_started_blocks_and_ends_at_thirteen_digits() {
    let blocks = [0, 1, 1024, 1025, u64::MAX].map(|octets| Blocks::of_octets(octets).get());
    assert_eq!(blocks, [0, 1, 1, 2, 9_999_999_999_999]);
}

#[test]
fn a_level_is_written_as_people_say_it() {
    for level in Level::ALL {
        assert_eq!(field::<Level>(&level.to_string()), level);
        assert_eq!(Level::from_digit(level.digit()), Some(level));
    }
    assert!(Level::ALL.is_sorted());
    assert!("1.5".parse::<Level>().is_err());
}

#[test]
fn a_format_is_stored_as_a_letter_and_a_length() {
    let formats = [('F', 80), ('V', 99_999), ('U', 0), ('T', 0)];
    for (letter, length) in formats {
        let format = Format::from_parts(letter, length).unwrap();
        assert_eq!(format.letter(), letter);
        assert_eq!(format.record_length().map_or(0, RecordLength::get), length);
    }
    for (letter, length) in [('F', 0), ('V', 100_000), ('X', 1)] {
        assert!(Format::from_parts(letter, length).is_err());
    }
}

#[test]
fn a_stamp_is_a_day_and_a_time_that_exist() {
    for stamp in ["202402292359599999", "200002290000000000", "000101010000000001"] {
        assert_eq!(field::<Stamp>(stamp).to_string(), stamp);
    }
    for stamp in [
        "202602290000000000",
        "190002290000000000",
        "202613010000000000",
        "202600010000000000",
        "202604310000000000",
        "202601002359590000",
        "202601012400000000",
        "202601010060000000",
        "202601010000600000",
        "20260101000000000",
        "2026010100000000000",
        "2026010100000000+1",
        "+02601010000000000",
        "２０２６",
    ] {
        assert!(stamp.parse::<Stamp>().is_err(), "{stamp}");
    }
    let parts = Stamp::new((2026, 11, 22), (13, 30, 15), 42).unwrap();
    assert_eq!(parts, field("202611221330150042"));
    assert_eq!((parts.year(), parts.month(), parts.day()), (2026, 11, 22));
    assert_eq!((parts.hour(), parts.minute(), parts.second(), parts.counter()), (13, 30, 15, 42));
    assert!(Stamp::new((2026, 11, 22), (13, 30, 15), 10_000).is_err());
    assert!(Stamp::new((10_000, 1, 1), (0, 0, 0), 0).is_err());
}

#[test]
fn stamps_are_in_order_of_time() {
    let stamps = ["199912312359599999", "202601010000000000", "202601010000000001"];
    assert!(stamps.map(field::<Stamp>).is_sorted());
}

#[test]
fn old_levels_put_the_years_80_to_99_into_the_last_century() {
    let truncated = [
        ("202611221330150042", "202611221330150000"),
        ("207912312359590001", "207912312359590000"),
        ("198001010000000001", "198001010000000000"),
        ("208001010000000001", "198001010000000000"),
        ("189912310000000001", "199912310000000000"),
    ];
    for (stamp, left) in truncated {
        assert_eq!(field::<Stamp>(stamp).truncated(), field(left));
    }
}

#[test]
fn a_files_identity_on_an_old_level_has_the_truncated_stamp() {
    let file = identity("A", "202611221330150042");
    assert_eq!(file.at(Level::V2_0), file);
    assert_eq!(file.at(Level::V1_4), file);
    for level in [Level::V1_2, Level::V1_3] {
        assert_eq!(file.at(level), identity("A", "202611221330150000"));
    }
    assert_eq!(file.to_string(), "A 202611221330150042 from O0013ORIGIN to O0013DESTINATION");
}

#[test]
fn every_number_is_a_reason_and_stays_that_number() {
    for number in 0..=99 {
        assert_eq!(EndSessionReason::from_number(number).number(), number);
        assert_eq!(FileReason::from_number(number).number(), number);
        assert_eq!(NegativeReason::from_number(number).number(), number);
    }
    assert_eq!(FileReason::from_number(200), FileReason::Unspecified);
    assert_eq!(EndSessionReason::KNOWN.len(), 14);
    assert_eq!(FileReason::KNOWN.len(), 21);
    assert_eq!(NegativeReason::KNOWN.len(), 29);
    let sentences: HashSet<_> = FileReason::KNOWN.iter().map(|reason| reason.sentence()).collect();
    assert_eq!(sentences.len(), 21);
    assert_eq!(FileReason::DuplicateFile.to_string(), "13 Duplicate file.");
    assert_eq!(EndSessionReason::Normal.code(), "00");
}

#[test]
fn a_files_refusal_is_a_negative_reason_ten_higher_but_for_the_two_that_are_exchanged() {
    let negative = |reason| NegativeReason::from(reason).number();
    for &reason in FileReason::KNOWN {
        let expected = match reason {
            FileReason::DecryptionFailure => 33,
            FileReason::DecompressionFailure => 32,
            FileReason::Unspecified => 99,
            _ => reason.number() + 10,
        };
        assert_eq!(negative(reason), expected);
    }
    assert_eq!(negative(FileReason::from_number(42)), 99);
    let of_sessions = [3, 4, 99, 5].map(EndSessionReason::from_number);
    assert_eq!(of_sessions.map(|reason| NegativeReason::from(reason).number()), [3, 4, 9, 9]);
}

#[test]
fn negative_reasons_that_came_with_2_0_are_99_at_1_4() {
    let at = |number, level| NegativeReason::from_number(number).at(level).number();
    assert_eq!([24, 25, 33, 34, 50].map(|n| at(n, Level::V1_4)), [24, 99, 99, 34, 50]);
    assert_eq!([24, 25, 33, 34, 50].map(|n| at(n, Level::V2_0)), [24, 25, 33, 34, 50]);
}
