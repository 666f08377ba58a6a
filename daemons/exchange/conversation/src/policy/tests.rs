use configuration::Configuration;
use oftp::field::{
    Blocks, CipherSuite, Description, Envelope, FileCompression, FileIdentity, Format,
    SecurityLevel, UserData,
};

use super::*;

const ROOM: u64 = 1 << 40;

fn manifests() -> Configuration {
    let text = "
apiVersion: seon.dev/v1alpha1
kind: SeonInstance
metadata: {name: bolt}
spec:
  identity:
    odetteId: O0013000002BOLT
    passwordSecretRef: {name: bolt-oftp, key: password}
    stations: [{odetteId: O0013000002BOLTKOELN}]
---
apiVersion: v1
kind: Secret
metadata: {name: bolt-oftp}
stringData: {password: BOLTSPW}
---
apiVersion: seon.dev/v1alpha1
kind: SeonPartner
metadata: {name: acme}
spec:
  instanceRef: {name: bolt}
  identity:
    odetteId: O0013000001ACME
    passwordSecretRef: {name: bolt-oftp, key: password}
    stations: [{odetteId: O0013000001ACMEKOELN}]
";
    configuration::parse(&[("bolt.yaml", text)]).unwrap()
}

fn sfid() -> Sfid {
    Sfid {
        file: FileIdentity {
            dataset_name: "ENGDAT00471".parse().unwrap(),
            stamp: "202611221405060001".parse().unwrap(),
            originator: "O0013000001ACME".parse().unwrap(),
            destination: "O0013000002BOLT".parse().unwrap(),
        },
        user_data: UserData::default(),
        format: Format::Unstructured,
        size: Blocks::of_octets(1_000_000),
        original_size: Blocks::of_octets(1_000_000),
        restart: 0,
        security: SecurityLevel::None,
        cipher_suite: CipherSuite::NONE,
        compression: FileCompression::None,
        envelope: Envelope::None,
        signed_receipt: false,
        description: Description::default(),
    }
}

fn judged(sfid: &Sfid, free_octets: u64) -> Result<(), (&'static str, u8, bool)> {
    let manifests = manifests();
    let (identity, partner) = (&manifests.instance.identity, manifests.partner("acme").unwrap());
    judge_offer(sfid, &Reception { identity, partner, free_octets })
        .map(|packaging| assert_eq!(packaging, Packaging::NONE))
        .map_err(|refused| (refused.code(), refused.reason().number(), refused.retry()))
}

#[test]
fn an_offer_with_an_unfit_field_is_refused_for_good_with_the_reason_of_the_field() {
    let error = DecodeError::Field {
        command: oftp::CommandName::Sfid,
        field: "SFIDDEST",
        value: String::new(),
        expected: "an identification code",
    };
    let reason = error.refusal().unwrap();
    let refused = OfferRefused::Unfit { reason, error };
    assert_eq!(
        (refused.code(), refused.reason().number(), refused.retry()),
        ("E-FILE-FIELD", 2, false)
    );
    assert!(refused.to_string().contains("SFIDDEST"), "{refused}");
}

#[test]
fn a_plain_file_for_us_is_taken() {
    assert_eq!(judged(&sfid(), ROOM), Ok(()));
}

#[test]
fn a_file_of_records_that_no_v_file_can_have_is_refused_with_05_and_the_longest_is_taken() {
    let of_records = |octets: u32| {
        let maximum_record_length = octets.try_into().unwrap();
        judged(&Sfid { format: Format::Variable { maximum_record_length }, ..sfid() }, ROOM)
    };
    assert_eq!(of_records(65_535), Ok(()));
    assert_eq!(of_records(65_536), Err(("E-FILE-RECORD-LENGTH", 5, false)));
}

#[test]
fn a_file_for_one_of_our_further_stations_is_taken() {
    let mut sfid = sfid();
    sfid.file.destination = "O0013000002BOLTKOELN".parse().unwrap();
    assert_eq!(judged(&sfid, ROOM), Ok(()));
}

#[test]
fn a_file_for_somebody_else_is_refused_with_02_for_good() {
    let mut sfid = sfid();
    sfid.file.destination = "O0013000003DENT".parse().unwrap();
    assert_eq!(judged(&sfid, ROOM), Err(("E-FILE-DESTINATION", 2, false)));
}

#[test]
fn a_file_of_a_station_of_the_partner_is_taken() {
    let mut sfid = sfid();
    sfid.file.originator = "O0013000001ACMEKOELN".parse().unwrap();
    assert_eq!(judged(&sfid, ROOM), Ok(()));
}

#[test]
fn a_file_that_says_to_be_anothers_is_refused() {
    let mut sfid = sfid();
    for another in ["O0013000003CRANE", "O0013000002BOLT", "O0013000001ACMEBONN"] {
        sfid.file.originator = another.parse().unwrap();
        assert_eq!(judged(&sfid, ROOM), Err(("E-FILE-ORIGINATOR", 3, false)), "{another}");
    }
}

#[test]
fn what_we_have_no_key_or_certificate_for_is_refused_by_its_own_reason_and_never_stored() {
    let with = |change: fn(&mut Sfid)| {
        let mut sfid = Sfid { cipher_suite: 4.try_into().unwrap(), ..sfid() };
        change(&mut sfid);
        if sfid.is_packaged() {
            sfid.envelope = Envelope::Cms;
        }
        judged(&sfid, ROOM)
    };
    let table: [(fn(&mut Sfid), _); 4] = [
        (|sfid| sfid.security = SecurityLevel::Encrypted, ("E-FILE-ENCRYPTED", 16, false)),
        (|sfid| sfid.security = SecurityLevel::EncryptedAndSigned, ("E-FILE-ENCRYPTED", 16, false)),
        (|sfid| sfid.security = SecurityLevel::Signed, ("E-FILE-SIGNED", 19, false)),
        (|sfid| sfid.signed_receipt = true, ("E-FILE-SIGNED-RECEIPT", 99, false)),
    ];
    for (change, refusal) in table {
        assert_eq!(with(change), Err(refusal));
    }
}

#[test]
fn a_compressed_file_needs_no_key_and_is_taken() {
    let sfid = Sfid { compression: FileCompression::Zlib, envelope: Envelope::Cms, ..sfid() };
    let manifests = manifests();
    let (identity, partner) = (&manifests.instance.identity, manifests.partner("acme").unwrap());
    let packaging = judge_offer(&sfid, &Reception { identity, partner, free_octets: ROOM });
    assert_eq!(packaging.unwrap().to_string(), "00 00 1 1 N");
}

#[test]
fn an_offer_that_contradicts_itself_is_refused_by_the_field_to_be_mended() {
    let table: [(fn(&mut Sfid), _); 3] = [
        (
            |sfid| (sfid.security, sfid.envelope) = (SecurityLevel::Encrypted, Envelope::Cms),
            ("E-FILE-CONTRADICTORY", 15, false),
        ),
        (|sfid| sfid.signed_receipt = true, ("E-FILE-CONTRADICTORY", 15, false)),
        (|sfid| sfid.compression = FileCompression::Zlib, ("E-FILE-CONTRADICTORY", 99, false)),
    ];
    for (change, refusal) in table {
        let mut sfid = sfid();
        change(&mut sfid);
        assert_eq!(judged(&sfid, ROOM), Err(refusal));
    }
}

#[test]
fn a_cipher_suite_that_nothing_asks_for_does_no_harm() {
    let named = Sfid { cipher_suite: 1.try_into().unwrap(), ..sfid() };
    assert_eq!(judged(&named, ROOM), Ok(()));
}

#[test]
fn a_file_without_room_is_refused_with_06_and_may_come_again() {
    assert_eq!(judged(&sfid(), 0), Err(("E-FILE-TOO-BIG", 6, true)));
    assert_eq!(judged(&sfid(), 1_000_000), Ok(()));
}

#[test]
fn a_package_needs_room_for_its_original_too() {
    let mut sfid = sfid();
    (sfid.compression, sfid.envelope) = (FileCompression::Zlib, Envelope::Cms);
    sfid.original_size = Blocks::of_octets(50_000_000);
    let manifests = manifests();
    let (identity, partner) = (&manifests.instance.identity, manifests.partner("acme").unwrap());
    for (free_octets, is_taken) in [(50_000_000, false), (51_100_000, true)] {
        let judged = judge_offer(&sfid, &Reception { identity, partner, free_octets });
        let is_too_big = |refused: &OfferRefused| matches!(refused, OfferRefused::TooBig(_));
        assert_eq!(judged.is_ok(), is_taken, "{judged:?}");
        assert!(is_taken || judged.is_err_and(|refused| is_too_big(&refused)));
    }
}

#[test]
fn a_partner_whose_file_has_no_room_is_not_told_how_much_there_is() {
    let said = OfferRefused::TooBig(30_720).to_string();
    assert_eq!(
        said,
        "there is no room for the 30720 octets that are announced now; send it again later"
    );
}

#[test]
fn an_empty_file_needs_no_room() {
    let mut sfid = sfid();
    sfid.size = Blocks::of_octets(0);
    assert_eq!(judged(&sfid, 0), Ok(()));
}

#[test]
fn a_duplicate_of_what_left_whole_counts_as_sent_whether_it_is_noticed_before_or_after_the_file() {
    let (duplicate, reached) = (FileReason::DuplicateFile, Reached::Whole);
    assert_eq!(after_start_refused(duplicate, false, reached), AfterRefusal::AlreadyThere);
    assert_eq!(after_start_refused(duplicate, true, reached), AfterRefusal::AlreadyThere);
    assert_eq!(after_close_refused(duplicate, reached), AfterRefusal::AlreadyThere);
}

#[test]
fn a_duplicate_of_what_never_left_whole_is_a_refusal_as_any_other() {
    let duplicate = FileReason::DuplicateFile;
    for reached in [Reached::Nothing, Reached::Part] {
        assert_eq!(after_start_refused(duplicate, false, reached), AfterRefusal::Block);
        assert_eq!(after_start_refused(duplicate, true, reached), AfterRefusal::Retry);
        assert_eq!(after_close_refused(duplicate, reached), AfterRefusal::Block);
    }
}

#[test]
fn every_other_sfna_is_tried_again_exactly_if_the_partner_says_so() {
    for reason in FileReason::KNOWN {
        if *reason != FileReason::DuplicateFile {
            for reached in Reached::ALL {
                let then = |retry| after_start_refused(*reason, retry, *reached);
                assert_eq!((then(true), then(false)), (AfterRefusal::Retry, AfterRefusal::Block));
            }
        }
    }
}

#[test]
fn wrong_counts_after_the_file_make_it_go_again_from_its_start() {
    for reason in [FileReason::InvalidRecordCount, FileReason::InvalidByteCount] {
        assert_eq!(after_close_refused(reason, Reached::Whole), AfterRefusal::RetryFromStart);
    }
}

#[test]
fn storage_trouble_after_the_file_is_tried_again_and_the_rest_waits_for_a_person() {
    for reason in FileReason::KNOWN {
        let expected = match reason.number() {
            12 | 99 => AfterRefusal::Retry,
            10 | 11 => AfterRefusal::RetryFromStart,
            13 => AfterRefusal::AlreadyThere,
            _ => AfterRefusal::Block,
        };
        assert_eq!(after_close_refused(*reason, Reached::Whole), expected, "{reason}");
    }
}
