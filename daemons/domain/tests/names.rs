//! Names that are safe to join to a directory.
#![allow(clippy::unwrap_used, reason = "what fails here is a test")]

use domain::{FileName, NameError, PartName, PartnerName, PayloadName, Target};
use proptest::prelude::*;
use uuid::Uuid;

#[test]
fn a_usual_dataset_name_is_its_own_file_name() {
    for usual in ["ENGDAT00471", "VDA4905.2", "A-B (C) #1", "a_b+c=d,e@f~{}!"] {
        assert_eq!(FileName::from_dataset_name(usual).unwrap().as_str(), usual);
    }
}

#[test]
fn what_a_file_system_or_shell_dislikes_is_escaped() {
    for (dataset_name, file_name) in [
        ("PLAN/7 & 8", "PLAN%2F7 %26 8"),
        ("..", "%2E%2E"),
        (".", "%2E"),
        ("../../etc/passwd", "%2E.%2F..%2Fetc%2Fpasswd"),
        (".HIDDEN", "%2EHIDDEN"),
        (" A ", "%20A%20"),
        ("A.", "A%2E"),
        ("100%", "100%25"),
        ("A:B*C?D\"E<F>G|H\\I", "A%3AB%2AC%3FD%22E%3CF%3EG%7CH%5CI"),
        ("Zeichnung-Nr-ä", "Zeichnung-Nr-%C3%A4"),
        ("A\nB\0", "A%0AB%00"),
    ] {
        let escaped = FileName::from_dataset_name(dataset_name).unwrap();
        assert_eq!(escaped.as_str(), file_name);
        assert_eq!(escaped.dataset_name().as_deref(), Some(dataset_name));
    }
}

#[test]
fn a_name_that_leaves_its_directory_or_hides_something_is_refused_with_the_reason() {
    let long = "x".repeat(201);
    for (refused, reason) in [
        ("", "it is empty"),
        (".", "it names a directory"),
        ("..", "it names a directory"),
        ("a/b", "separates directories"),
        ("/etc/passwd", "separates directories"),
        ("a\nb", "control characters"),
        ("a\0b", "control characters"),
        ("a\u{7f}", "control characters"),
        (long.as_str(), "longer than 200 octets"),
    ] {
        let error: NameError = refused.parse::<FileName>().unwrap_err();
        assert!(error.to_string().contains(reason), "{error}");
        assert!(!error.to_string().contains(['\n', '\0']), "a message stays one line");
        assert_eq!(error.code(), "E-SPOOL-NAME");
    }
}

#[test]
fn a_part_is_written_in_one_way_only() {
    let name: PartName = "7/0190a.part".parse().unwrap();
    assert_eq!((name.epoch().get(), name.id()), (7, "0190a"));
    assert_eq!(name.to_string(), "7/0190a.part");
    for refused in [
        "",
        "7",
        "0190a.part",
        "7/0190a",
        "7/.part",
        "0/0190a.part",
        "-1/0190a.part",
        "+7/0190a.part",
        "07/0190a.part",
        "7/../8/0190a.part",
        "7/..part",
        "7/a/b.part",
        "7/0190a.part\n",
    ] {
        assert!(refused.parse::<PartName>().is_err(), "{refused:?}");
    }
}

#[test]
fn a_payload_name_is_a_uuid_in_one_way_of_writing_it() {
    let one = PayloadName::new(Uuid::from_u128(0x0190_a000_0000_7000_8000_0000_0000_00ab));
    assert_eq!(one.to_string().parse(), Ok(one.clone()));
    for refused in ["", "../x", "file", &one.to_string().to_uppercase(), &format!("{{{one}}}")] {
        assert!(refused.parse::<PayloadName>().is_err(), "{refused:?}");
    }
}

#[test]
fn a_target_is_a_partners_folder_and_a_file() {
    let target: Target = "bolt/PLAN%2F7".parse().unwrap();
    assert_eq!((target.partner.as_str(), target.file.as_str()), ("bolt", "PLAN%2F7"));
    assert_eq!(target.to_string(), "bolt/PLAN%2F7");
    for refused in ["bolt", "/x", "bolt/", "bolt/../x", "../x", "bolt/a/b"] {
        assert!(refused.parse::<Target>().is_err(), "{refused:?}");
    }
}

#[test]
fn a_partners_name_is_a_folders_and_is_as_safe() {
    let partner: PartnerName = "bolt-2".parse().unwrap();
    assert_eq!(FileName::from(&partner), partner.as_str().parse().unwrap());
}

proptest! {
    #[test]
    fn every_dataset_name_has_a_safe_file_name_that_gives_it_back(dataset_name in "\\PC{1,26}|(?s).{1,20}") {
        let file_name = FileName::from_dataset_name(&dataset_name).unwrap();
        let text = file_name.as_str();
        prop_assert!(!text.contains(['/', '\0']) && !text.starts_with('.') && text.is_ascii());
        prop_assert!(!text.chars().any(char::is_control));
        prop_assert_eq!(file_name.dataset_name(), Some(dataset_name));
    }

    #[test]
    fn any_text_is_a_file_name_or_refused_and_never_another_one(text in "(?s).{0,40}") {
        if let Ok(name) = text.parse::<FileName>() {
            prop_assert_eq!(name.as_str(), &text);
            prop_assert!(!text.contains('/'));
        }
    }

    #[test]
    fn a_recorded_part_name_is_read_back(epoch in 1..=i64::MAX, id in "[a-z0-9][a-z0-9.-]{0,40}") {
        let name = PartName::new(epoch.try_into().unwrap(), &id).unwrap();
        prop_assert_eq!(name.id(), id.as_str());
        prop_assert_eq!(name.to_string().parse::<PartName>(), Ok(name));
    }
}
