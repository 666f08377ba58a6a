use oftp::field::{Blocks, CipherSuite, Description, FileIdentity, Format, UserData};

use super::*;

const ROOM: u64 = 1 << 40;

fn identity() -> OwnIdentity {
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
";
    configuration::parse(&[("bolt.yaml", text)]).unwrap().instance.identity
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
    let identity = identity();
    judge_offer(sfid, &Reception { identity: &identity, free_octets })
        .map_err(|refused| (refused.code(), refused.reason().number(), refused.retry()))
}

#[test]
fn a_plain_file_for_us_is_taken() {
    assert_eq!(judged(&sfid(), ROOM), Ok(()));
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
fn what_is_not_built_yet_is_refused_by_its_own_reason_and_never_stored_as_if_it_were_plain() {
    let with = |change: fn(&mut Sfid)| {
        let mut sfid = sfid();
        change(&mut sfid);
        judged(&sfid, ROOM)
    };
    let table: [(fn(&mut Sfid), _); 5] = [
        (|sfid| sfid.security = SecurityLevel::Encrypted, ("E-FILE-ENCRYPTED", 16, false)),
        (|sfid| sfid.security = SecurityLevel::EncryptedAndSigned, ("E-FILE-ENCRYPTED", 16, false)),
        (|sfid| sfid.security = SecurityLevel::Signed, ("E-FILE-SIGNED", 19, false)),
        (|sfid| sfid.compression = FileCompression::Zlib, ("E-FILE-PACKAGED", 18, false)),
        (|sfid| sfid.signed_receipt = true, ("E-FILE-SIGNED-RECEIPT", 99, false)),
    ];
    for (change, refusal) in table {
        assert_eq!(with(change), Err(refusal));
    }
}

#[test]
fn a_file_without_room_is_refused_with_06_and_may_come_again() {
    assert_eq!(judged(&sfid(), RESERVED_OCTETS), Err(("E-FILE-TOO-BIG", 6, true)));
    assert_eq!(judged(&sfid(), RESERVED_OCTETS + 1_000_000), Ok(()));
}

#[test]
fn an_empty_file_needs_no_room() {
    let mut sfid = sfid();
    sfid.size = Blocks::of_octets(0);
    assert_eq!(judged(&sfid, 0), Ok(()));
}

#[test]
fn a_duplicate_counts_as_sent_whether_it_is_noticed_before_or_after_the_file() {
    let duplicate = FileReason::DuplicateFile;
    assert_eq!(after_start_refused(duplicate, false), AfterRefusal::AlreadyThere);
    assert_eq!(after_start_refused(duplicate, true), AfterRefusal::AlreadyThere);
    assert_eq!(after_close_refused(duplicate), AfterRefusal::AlreadyThere);
}

#[test]
fn every_other_sfna_is_tried_again_exactly_if_the_partner_says_so() {
    for reason in FileReason::KNOWN {
        if *reason != FileReason::DuplicateFile {
            assert_eq!(after_start_refused(*reason, true), AfterRefusal::Retry);
            assert_eq!(after_start_refused(*reason, false), AfterRefusal::Block);
        }
    }
}

#[test]
fn wrong_counts_after_the_file_make_it_go_again_from_its_start() {
    for reason in [FileReason::InvalidRecordCount, FileReason::InvalidByteCount] {
        assert_eq!(after_close_refused(reason), AfterRefusal::RetryFromStart);
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
        assert_eq!(after_close_refused(*reason), expected, "{reason}");
    }
}
