//! A session between two other implementations: its signed receipt is verified, and what it
//! encrypted for others is told from what is for us.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use common::{alice, known, unpackage};
use oftp::{Command, Eerp, Level, Nerp, Seal, Tolerance};
use oftp_cms::receipt::{self, Detached};
use oftp_cms::{Certificate, CmsError, Digest, Expected, Layers, SignatureError};

const SESSION: &str =
    include_str!("../../oftp/tests/vectors/oftp2-auth-sign-zip-encrypt-signed-eerp.txt");
const RESPONDER: &[u8] = include_bytes!("../../oftp/tests/vectors/responder.crt");
const INITIATOR: &[u8] = include_bytes!("../../oftp/tests/vectors/initiator.crt");

/// The exchange buffers of a command.
fn buffers(command: &str) -> Vec<Vec<u8>> {
    let lines = SESSION.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    let of_command = lines.filter(|words| words.get(2) == Some(&command));
    let octets = |hex: &str| -> Vec<u8> {
        let octet = |place| u8::from_str_radix(&hex[place..place + 2], 16).unwrap();
        (0..hex.len()).step_by(2).map(octet).collect()
    };
    // Without the stream transmission header.
    of_command.map(|words| octets(words[3])[4..].to_vec()).collect()
}

fn receipt() -> Eerp {
    let octets = buffers("EERP").remove(0);
    match Command::decode(&octets, Some(Level::V2_0), &Tolerance::default()).unwrap() {
        Command::Eerp(eerp) => eerp,
        other => panic!("{other:?}"),
    }
}

fn certificate(octets: &[u8]) -> Certificate {
    Certificate::parse(octets).unwrap()
}

#[test]
fn the_receipt_is_signed_by_the_responder_over_its_own_fields() {
    let eerp = receipt();
    let signature = &eerp.seal.as_ref().unwrap().signature;
    let octets = eerp.signed_octets();
    let known = vec![certificate(INITIATOR), certificate(RESPONDER)];
    for detached in [Detached::Refused, Detached::Accepted] {
        let found = receipt::verify(signature, &octets, known.clone(), detached).unwrap();
        let signer = found.signer().unwrap();
        assert_eq!(signer.certificate, Some(1));
        assert_eq!(signer.digest, Some(Digest::Sha1));
        assert_eq!(found.check_suite(common::suite(2)), Ok(()));
        assert!(found.check_suite(common::suite(4)).is_err());
    }
}

#[test]
fn the_receipt_is_not_one_of_another_file_nor_by_somebody_else() {
    let eerp = receipt();
    let signature = &eerp.seal.as_ref().unwrap().signature;
    let octets = eerp.signed_octets();
    let verify = |octets: &[u8], by: &[u8]| {
        let known = vec![certificate(by)];
        receipt::verify(signature, octets, known, Detached::Accepted).unwrap_err()
    };
    for place in 0..octets.len() {
        let mut other = octets.clone();
        other[place] ^= 1;
        assert_eq!(verify(&other, RESPONDER), SignatureError::Content.into(), "octet {place}");
    }
    let error = verify(&octets, INITIATOR);
    assert!(matches!(error, CmsError::Signature(SignatureError::Unknown { .. })), "{error}");
}

#[test]
fn a_negative_receipt_is_signed_over_its_creator_too() {
    let Eerp { file, seal, .. } = receipt();
    let mut nerp = Nerp {
        file,
        creator: "O0013RELAY".parse().unwrap(),
        reason: oftp::NegativeReason::InvalidSignature,
        text: oftp::ReasonText::default(),
        seal: seal.map(|Seal { hash, .. }| Seal { hash, signature: Vec::new() }),
    };
    let (signer, octets) = (alice().identity.clone(), nerp.signed_octets());
    assert_eq!(octets.len(), 26 + 8 + 10 + 25 + 25 + 25 + 20);
    let signature = receipt::sign(signer, common::suite(2), &octets).unwrap();
    let verify = |nerp: &Nerp| {
        let known = vec![alice().certificate()];
        receipt::verify(&signature, &nerp.signed_octets(), known, Detached::Refused)
    };
    assert!(verify(&nerp).is_ok());
    nerp.creator = "O0013OTHER".parse().unwrap();
    assert_eq!(verify(&nerp), Err(SignatureError::Content.into()));
}

#[test]
fn the_challenges_and_the_file_are_for_others_and_say_for_whom() {
    let challenges: Vec<_> = buffers("AUCH").iter().map(|octets| octets[3..].to_vec()).collect();
    // One buffer, of sub-records of 63 octets.
    let mut file = Vec::new();
    let mut incoming =
        oftp::record::Incoming::new(oftp::Format::Unstructured, oftp::Counts::default());
    for data in buffers("DATA") {
        incoming.take(&data[1..], &mut file).unwrap();
    }
    for (package, recipient) in
        [(&challenges[0], "oftp-b"), (&challenges[1], "oftp-a"), (&file, "oftp-a")]
    {
        let layers = Layers { encrypted: true, ..Layers::default() };
        let error = unpackage(package, known(), Expected::Announced(layers), 100).unwrap_err();
        assert_eq!(error.code(), "E-CMS-RECIPIENT");
        assert!(error.to_string().contains(recipient), "{error}");
    }
}
