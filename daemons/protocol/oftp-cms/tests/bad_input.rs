//! What a partner, or somebody in its name, may send us: each is refused with its code and its
//! answer.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[macro_use]
mod common;

use common::{alice, bob, content, encryption, known, mallory, package, suite, unpackage};
use oftp::NegativeReason;
use oftp_cms::receipt::{self, Detached};
use oftp_cms::{
    Certificate, CmsError, Expected, Identity, KeyError, Known, Layers, Plan, PrivateKey,
    SignatureError, Signing, StructureError, Unpackager,
};

const COMPRESSED: Layers = Layers { signed: false, compressed: true, encrypted: false };
const OPEN: Layers = Layers { signed: false, compressed: false, encrypted: false };

fn signed(content: &[u8]) -> Vec<u8> {
    let signing = Some(Signing::new(suite(4), alice().identity.clone()));
    package(Plan { signing, ..Plan::default() }, content, 1000)
}

/// Why a package is refused, with its code and answer.
fn refused(package: &[u8], layers: Layers) -> (CmsError, &'static str, NegativeReason) {
    let error = unpackage(package, known(), Expected::Announced(layers), 100).unwrap_err();
    let (code, answer) = (error.code(), error.answer());
    (error, code, answer)
}

/// An element of a definite length below 128.
fn element(identifier: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let mut element = vec![identifier, u8::try_from(content.len()).unwrap()];
    assert!(content.len() < 128);
    element.extend(content);
    element
}

/// `1.2.840.113549.1.7.` and a number.
fn content_type(number: u8) -> Vec<u8> {
    element(0x06, &[&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, number]])
}

fn content_info(number: u8, fields: &[u8]) -> Vec<u8> {
    element(0x30, &[&content_type(number), &element(0xa0, &[fields])])
}

#[test]
fn a_content_that_was_changed_has_another_digest() {
    let mut package = signed(b"pay 100 to Bob");
    let place = package.windows(3).position(|three| three == b"100").unwrap();
    package[place] = b'9';
    let (error, code, answer) = refused(&package, Layers::SIGNED);
    assert_eq!(error, SignatureError::Digest.into());
    assert_eq!((code, answer.number()), ("E-CMS-SIGNATURE", 31));
}

#[test]
fn a_signature_that_was_stripped_is_missing() {
    let set_of_nobody = [0x02, 0x01, 0x01, 0x31, 0x00];
    let inside = element(0x30, &[&content_type(1), &element(0xa0, &[&[0x04, 0x01, 0x07]])]);
    let fields = element(0x30, &[&set_of_nobody, &inside, &[0x31, 0x00]]);
    let package = content_info(2, &fields);
    let (error, _, answer) = refused(&package, Layers::SIGNED);
    assert_eq!(error, SignatureError::Missing.into());
    assert_eq!(answer, NegativeReason::InvalidSignature);
    // As a package that announces nothing it is a bundle.
    let (octets, found) = unpackage(&package, known(), Expected::Announced(OPEN), 100).unwrap();
    assert_eq!((octets, found.layers), (vec![7], OPEN));
}

#[test]
fn the_layers_around_a_signature_that_is_not_good_are_found_nevertheless() {
    let signing = Some(Signing::new(suite(4), mallory().identity.clone()));
    let encryption = Some(encryption(4));
    let package = package(Plan { signing, compressed: true, encryption }, &content(1000), 1000);
    let mut unpackager = Unpackager::new(known(), Expected::Anything);
    let mut out = Vec::new();
    // Of an envelope nothing is told before its end.
    let error = unpackager.push(&mut package.as_slice(), &mut out).unwrap_err();
    assert_eq!(error.code(), "E-CMS-SIGNER");
    let found = unpackager.found();
    assert_eq!(found.layers, Layers { signed: true, compressed: true, encrypted: true });
    assert_eq!((found.content, found.signers.len()), (1000, 1));
}

#[test]
fn a_signature_by_another_key_under_the_name_of_a_known_certificate_is_wrong() {
    let openssl = openssl!();
    let package = openssl.cms(
        "-sign -nodetach -noattr -nocerts -md sha256 -signer mallory.crt -inkey mallory.key \
         -outform DER",
        b"content",
    );
    let as_alice = replaced(
        &package,
        &issuer_and_serial(&mallory().certificate()),
        &issuer_and_serial(&alice().certificate()),
    );
    let (error, code, answer) = refused(&as_alice, Layers::SIGNED);
    assert_eq!(error, SignatureError::Signature.into());
    assert_eq!((code, answer.number()), ("E-CMS-SIGNATURE", 31));
}

#[test]
fn a_certificate_that_comes_along_proves_nothing() {
    let openssl = openssl!();
    let package = openssl.cms(
        "-sign -nodetach -md sha256 -signer mallory.crt -inkey mallory.key -outform DER",
        b"content",
    );
    let (error, code, answer) = refused(&package, Layers::SIGNED);
    assert!(matches!(error, CmsError::Signature(SignatureError::Unknown { .. })), "{error}");
    assert_eq!((code, answer.number()), ("E-CMS-SIGNER", 31));
    let seen = Unpackager::new(known(), Expected::Announced(Layers::SIGNED));
    assert!(seen.found().certificates.is_empty());
}

#[test]
fn signed_attributes_do_not_pass_for_a_signed_file() {
    let openssl = openssl!();
    let by_alice = "-signer alice.crt -inkey alice.key -md sha256 -outform DER";
    let package = openssl.cms(&format!("-sign -nodetach -nocerts {by_alice}"), b"content");
    // [0] becomes SET: what Alice's key has signed.
    let start = package.windows(2).rposition(|two| two == [0xa0, 0x81] || two == [0xa0, 0x69]);
    let start = start.unwrap();
    let (header, length) = match package[start + 1] {
        0x81 => (3, usize::from(package[start + 2])),
        short => (2, usize::from(short)),
    };
    let mut attributes = package[start..start + header + length].to_vec();
    attributes[0] = 0x31;
    let without = format!("-sign -nodetach -noattr -nocerts {by_alice}");
    let forged = openssl.cms(&without, &attributes);
    let (error, code, _) = refused(&forged, Layers::SIGNED);
    assert_eq!((error, code), (SignatureError::Attributes.into(), "E-CMS-SIGNATURE"));
    // One octet more, and it is a file like any other.
    attributes.push(0);
    let file = openssl.cms(&without, &attributes);
    assert!(unpackage(&file, known(), Expected::Announced(Layers::SIGNED), 7).is_ok());
}

#[test]
fn a_digest_and_an_algorithm_that_no_suite_has_do_not_count() {
    let openssl = openssl!();
    let sign = "-sign -nodetach -signer alice.crt -inkey alice.key -outform DER";
    let pss = "-md sha256 -keyopt rsa_padding_mode:pss -keyopt rsa_mgf1_md:sha384";
    for other in ["-md sha384", "-md sha224", pss] {
        let package = openssl.cms(&format!("{sign} {other}"), b"content");
        let (error, code, _) = refused(&package, Layers::SIGNED);
        assert!(matches!(error, CmsError::Signature(SignatureError::Unsupported(_))), "{error}");
        assert_eq!(code, "E-CMS-SIGNATURE", "{other}");
    }
}

#[test]
fn a_cipher_and_a_padding_that_no_suite_has_are_refused() {
    let openssl = openssl!();
    let encrypted = Layers { encrypted: true, ..Layers::default() };
    let package = openssl.cms("-encrypt -aes128 -outform DER -recip bob.crt", b"content");
    let (error, _, answer) = refused(&package, encrypted);
    assert_eq!(error, StructureError::Unsupported("encryption algorithm").into());
    assert_eq!(answer, NegativeReason::ProcessingFailed);
    let oaep = "-encrypt -aes256 -outform DER -recip bob.crt -keyopt rsa_padding_mode:oaep -keyopt \
                rsa_oaep_md:sha384";
    let (_, code, answer) = refused(&openssl.cms(oaep, b"content"), encrypted);
    assert_eq!((code, answer.number()), ("E-CMS-RECIPIENT", 33));
}

#[test]
fn compressed_content_that_is_damaged_cut_off_or_followed_by_more_is_refused() {
    let content = content(10_000);
    let stream = |octets: &[u8]| {
        let zlib = [&[0x06, 0x0b, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09][..], &[16, 3, 8]];
        let compressed = [0x06, 0x0b, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 16, 1, 9];
        let ends = [0; 12];
        let long = u8::try_from(octets.len() >> 8).unwrap();
        let length = [0x04, 0x82, long, octets.len().to_be_bytes()[7]];
        [
            &[0x30, 0x80][..],
            &compressed,
            &[0xa0, 0x80, 0x30, 0x80, 0x02, 0x01, 0x00],
            &element(0x30, &zlib),
            &[0x30, 0x80],
            &content_type(1),
            &[0xa0, 0x80, 0x24, 0x80],
            &length,
            octets,
            &ends,
        ]
        .concat()
    };
    let whole = package(Plan { compressed: true, ..Plan::default() }, &content, 10_000);
    let start = whole.windows(2).position(|two| two == [0x78, 0x9c]).unwrap();
    let zlib = &whole[start..whole.len() - 12];
    let (octets, _) =
        unpackage(&stream(zlib), known(), Expected::Announced(COMPRESSED), 100).unwrap();
    assert!(octets == content);
    let mut damaged = zlib.to_vec();
    damaged[1000] ^= 0x40;
    let more = [zlib, &[0]].concat();
    for bad in [&damaged, &zlib[..zlib.len() - 1], &zlib[..100], &more, &[][..]] {
        let (_, code, answer) = refused(&stream(bad), COMPRESSED);
        assert_eq!((code, answer.number()), ("E-CMS-DECOMPRESS", 32));
    }
}

#[test]
fn a_structure_that_lies_is_refused() {
    let sound = content_info(1, &[0x04, 0x01, 0x07]);
    let read = |octets: &[u8]| {
        unpackage(octets, known(), Expected::Announced(OPEN), 1).map(|(octets, _)| octets)
    };
    assert_eq!(read(&sound), Ok(vec![7]));
    let with = |place: usize, octet: u8| {
        let mut bad = sound.clone();
        bad[place] = octet;
        read(&bad).unwrap_err()
    };
    let last = sound.len() - 1;
    for (error, why) in [
        (with(0, 0x31), StructureError::Missing("ContentInfo")),
        (with(1, sound[1] + 1), StructureError::Truncated),
        (with(1, sound[1] - 1), StructureError::Length),
        (with(1, 0xff), StructureError::Length),
        (with(2, 0x1f), StructureError::Identifier),
        (with(3, 0x7f), StructureError::Length),
        (with(last - 1, 0x02), StructureError::Length),
        (with(last - 1, 0x80), StructureError::Length),
        (with(last - 2, 0x0c), StructureError::Missing("content")),
        (with(12, 0x63), StructureError::Unsupported("content type")),
        (read(&[]).unwrap_err(), StructureError::Truncated),
        (read(&element(0x30, &[])).unwrap_err(), StructureError::Missing("content type")),
        (
            read(&element(0x30, &[&content_type(1)])).unwrap_err(),
            StructureError::Missing("content"),
        ),
        (read(&content_info(1, &[])).unwrap_err(), StructureError::Missing("content")),
    ] {
        assert_eq!(error, why.into());
        assert_eq!((error.code(), error.answer().number()), ("E-CMS-STRUCTURE", 34));
    }
    // Strings in strings, for ever.
    let endless = [&[0x30, 0x80][..], &content_type(1), &[0xa0, 0x80], &[0x24, 0x80].repeat(50)];
    assert_eq!(read(&endless.concat()), Err(StructureError::Depth.into()));
    // Eight octets of length, and none of them true.
    let huge = [&[0x30, 0x88][..], &[0xff; 8]].concat();
    assert_eq!(read(&huge), Err(StructureError::Length.into()));
}

#[test]
fn a_receipt_is_signed_as_openssl_verifies_it_and_only_whole_unless_it_may_be_detached() {
    let octets = content(114);
    let signature = receipt::sign(alice().identity.clone(), suite(4), &octets).unwrap();
    let known = || vec![alice().certificate()];
    let found = receipt::verify(&signature, &octets, known(), Detached::Refused).unwrap();
    assert_eq!(found.check_suite(suite(4)), Ok(()));

    let openssl = openssl!();
    let verify = "-verify -noverify -certfile alice.crt -inform DER";
    assert_eq!(openssl.cms(verify, &signature), octets);

    let sign = "-sign -md sha256 -signer alice.crt -inkey alice.key -outform DER";
    let detached = openssl.cms(sign, &octets);
    assert!(receipt::verify(&detached, &octets, known(), Detached::Accepted).is_ok());
    let refused = receipt::verify(&detached, &octets, known(), Detached::Refused).unwrap_err();
    assert_eq!(refused, StructureError::Missing("content").into());
    let other = receipt::verify(&detached, b"other", known(), Detached::Accepted).unwrap_err();
    assert_eq!(other, SignatureError::Digest.into());
    let empty = openssl.cms(&format!("{sign} -nodetach"), b"");
    let other = receipt::verify(&empty, &octets, known(), Detached::Accepted).unwrap_err();
    assert_eq!(other, SignatureError::Content.into());
    // Nor does a file that has no content pass for one with it.
    let file = unpackage(&detached, common::known(), Expected::Announced(Layers::SIGNED), 100);
    assert_eq!(file.unwrap_err(), StructureError::Missing("content").into());
}

#[test]
fn keys_are_taken_in_each_form_and_refused_with_the_reason() {
    let openssl = openssl!();
    let pkcs1 = openssl.command("rsa -in alice.key -traditional -out out");
    let der = openssl.command("rsa -in alice.key -traditional -outform DER -out out");
    let pkcs8 = openssl.command("pkcs8 -topk8 -nocrypt -in alice.key -outform DER -out out");
    for key in [pkcs1, der, pkcs8] {
        let key = PrivateKey::parse(&key).unwrap();
        assert_eq!(format!("{key:?}"), "PrivateKey(..)");
        assert!(Identity::new(alice().certificate(), key.clone()).is_ok());
        assert_eq!(Identity::new(bob().certificate(), key).unwrap_err(), KeyError::NotAPair);
    }
    let certificate = openssl.command("x509 -in alice.crt -outform DER -out out");
    assert_eq!(Certificate::parse(&certificate), Ok(alice().certificate()));

    let short = openssl.command("genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:1024 -out out");
    let curve = openssl.command("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out out");
    let sec1 = openssl.command("ecparam -name prime256v1 -genkey -noout -out out");
    let locked = "pkcs8 -topk8 -in alice.key -passout pass:secret -out out";
    let locked = openssl.command(locked);
    let parse = |octets: &[u8]| PrivateKey::parse(octets).unwrap_err();
    assert_eq!(parse(&short), KeyError::TooShort(1024));
    assert_eq!(parse(&curve), KeyError::NotRsa);
    assert_eq!(parse(&sec1), KeyError::NotRsa);
    assert_eq!(parse(&locked), KeyError::PrivateKey);
    assert_eq!(parse(b""), KeyError::PrivateKey);
    assert_eq!(parse(&certificate), KeyError::PrivateKey);

    let parse = |octets: &[u8]| Certificate::parse(octets).unwrap_err();
    openssl.write("curve.key", std::str::from_utf8(&curve).unwrap());
    openssl.write("short.key", std::str::from_utf8(&short).unwrap());
    assert_eq!(
        parse(&openssl.command("req -x509 -key curve.key -subj /CN=x -out out")),
        KeyError::NotRsa
    );
    assert_eq!(
        parse(&openssl.command("req -x509 -key short.key -subj /CN=x -out out")),
        KeyError::TooShort(1024)
    );
    assert_eq!(parse(&certificate[..100]), KeyError::Certificate);
    assert_eq!(parse(b"no certificate"), KeyError::Certificate);
    assert_eq!(KeyError::NotRsa.code(), "E-CMS-KEY");
}

#[test]
fn nothing_secret_shows() {
    let plan = Plan { encryption: Some(encryption(4)), ..Plan::default() };
    let shown = format!("{plan:?} {:?}", known());
    assert!(shown.contains("ContentKey(..)") && shown.contains("PrivateKey(..)"), "{shown}");
    let Known { identities, .. } = known();
    assert!(format!("{identities:?}").contains("CN=Bob"));
}

/// `IssuerAndSerialNumber` as it stands in a signed package.
fn issuer_and_serial(certificate: &Certificate) -> Vec<u8> {
    let identity = [alice(), mallory()]
        .into_iter()
        .find(|party| party.certificate() == *certificate)
        .unwrap()
        .identity
        .clone();
    let package = receipt::sign(identity, suite(4), b"").unwrap();
    // After the set's header and the version of its only SignerInfo.
    let version = package.windows(3).rposition(|three| three == [0x02, 0x01, 0x01]).unwrap();
    let octets = &package[version + 3..];
    assert_eq!(octets[0], 0x30);
    octets[..2 + usize::from(octets[1])].to_vec()
}

fn replaced(octets: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let place = octets.windows(from.len()).rposition(|window| window == from).unwrap();
    let mut octets = octets.to_vec();
    octets[place..place + to.len()].copy_from_slice(to);
    octets
}
