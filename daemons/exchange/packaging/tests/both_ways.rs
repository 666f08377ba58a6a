//! A file through both companies' hands, with the keys of their configurations, by a spool on a
//! disk.

#![allow(clippy::unwrap_used, clippy::panic, reason = "what fails here is a test")]

use std::fs;
use std::future::poll_fn;
use std::path::PathBuf;
use std::sync::LazyLock;
use std::task::Poll;

use aws_lc_rs::digest;
use configuration::{Configuration, NoneUsable, Partner};
use domain::security::ReceiptHash;
use domain::{CertificateOctets, Epoch, FileHash, OtherHash, OtherHashes, Packaging, PartName};
use jiff::Timestamp;
use oftp::command::{Eerp, Nerp, Seal};
use oftp::field::{Blocks, FileIdentity, Format, ReasonText, UserData};
use oftp::{NegativeReason, OdetteId, Quirk};
use oftp_cms::Certificate;
use packaging::proof::{Proof, Said};
use packaging::receipt::{Signer, Unproven, verify};
use packaging::{
    Cores, Made, Opened, Opening, PackagingError, Sealing, UnwrapError, Wrapped, hash, package,
    unwrap,
};
use spool::{Part, Parts, Payload, Payloads, Spool, TakeIn};
use support::{Identity, PseudoRandom, TemporaryDirectory};

static KEYS: LazyLock<[Identity; 3]> =
    LazyLock::new(|| ["acme files", "bolt decryption", "bolt receipts"].map(Identity::rsa));

/// Of acme, which sends, or of bolt, which receives; both know each other's certificates.
fn manifests(is_acme: bool) -> Configuration {
    let (own, partner) = if is_acme { ("acme", "bolt") } else { ("bolt", "acme") };
    let indented = |pem: &str| format!("    {}\n", pem.trim_end().replace('\n', "\n    "));
    let secret = |name: &str, key: &Identity| {
        format!(
            "---\napiVersion: v1\nkind: Secret\nmetadata: {{name: {name}}}\nstringData:\n  \
             tls.crt: |\n{}  tls.key: |\n{}",
            indented(&key.certificate_pem),
            indented(&key.key_pem)
        )
    };
    let (ours, theirs) = if is_acme {
        (
            "  - {purpose: [Sign], secretRef: {name: sign}}\n",
            "[Encrypt], secretRef: {name: decrypt}}\n  - {purpose: [VerifyReceipt], secretRef: {name: receipts}",
        )
    } else {
        (
            "  - {purpose: [Decrypt], secretRef: {name: decrypt}}\n  - {purpose: [SignReceipt], secretRef: {name: receipts}}\n",
            "[VerifySignature], secretRef: {name: sign}",
        )
    };
    let text = format!(
        "
apiVersion: seon.dev/v1alpha1
kind: SeonInstance
metadata: {{name: {own}}}
spec:
  identity: {{odetteId: O0013{own}, passwordSecretRef: {{name: oftp, key: password}}}}
  certificates:
{ours}---
apiVersion: v1
kind: Secret
metadata: {{name: oftp}}
stringData: {{password: PASSWORD}}
---
apiVersion: seon.dev/v1alpha1
kind: SeonPartner
metadata: {{name: {partner}}}
spec:
  instanceRef: {{name: {own}}}
  identity: {{odetteId: O0013{partner}, passwordSecretRef: {{name: oftp, key: password}}}}
  certificates:
  - {{purpose: {theirs}}}
{}{}{}",
        secret("sign", &KEYS[0]),
        secret("decrypt", &KEYS[1]),
        secret("receipts", &KEYS[2])
    )
    .replace("O0013acme", "O0013000001ACME")
    .replace("O0013bolt", "O0013000002BOLT");
    configuration::parse(&[("all.yaml", &text)]).unwrap_or_else(|errors| panic!("{errors:#?}"))
}

struct World {
    spool: Spool,
    acme: Configuration,
    bolt: Configuration,
    directory: TemporaryDirectory,
}

impl World {
    fn new() -> Self {
        let directory = TemporaryDirectory::new();
        let data = directory.join("data");
        fs::create_dir(&data).unwrap();
        let spool = Spool::open(&data).unwrap();
        Self { spool, acme: manifests(true), bolt: manifests(false), directory }
    }

    fn bolt_as_partner(&self) -> &Partner {
        self.acme.partner("bolt").unwrap()
    }

    fn sealing(&self, packaging: Packaging) -> Result<Sealing, PackagingError> {
        Sealing::of(&self.acme.instance, self.bolt_as_partner(), packaging, ambient::now())
    }

    fn opening(&self, packaging: Packaging, now: Timestamp) -> Opening {
        let acme = self.bolt.partner("acme").unwrap();
        Opening::of(&self.bolt.instance, acme, packaging, now).unwrap()
    }

    async fn payload(&self, octets: &[u8]) -> Payload {
        let file = self.directory.join("original");
        fs::write(&file, octets).unwrap();
        self.spool.take_in(&file, TakeIn::Copy).await.unwrap()
    }

    fn path(&self, payload: &Payload) -> PathBuf {
        self.directory.join("data/spool/out").join(payload.name.to_string())
    }

    async fn packaged(&self, octets: &[u8], packaging: Packaging) -> (Made, Vec<u8>) {
        let payload = self.payload(octets).await;
        let made = self.package(&Cores::default(), &payload, packaging).await.unwrap();
        let transmitted = fs::read(self.path(made.package.as_ref().unwrap_or(&payload))).unwrap();
        (made, transmitted)
    }

    async fn package(
        &self,
        cores: &Cores,
        payload: &Payload,
        packaging: Packaging,
    ) -> Result<Made, PackagingError> {
        let sealing = self.sealing(packaging)?;
        let as_it_is = (Format::Unstructured, packaging);
        package(&self.spool, cores, payload, as_it_is, sealing, 0).await
    }

    /// Receives what was transmitted and unwraps it; the original, if there is one.
    async fn unwrapped(
        &self,
        transmitted: &[u8],
        packaging: Packaging,
    ) -> Result<(Opened, Option<Vec<u8>>), UnwrapError> {
        self.unwrapped_at(ambient::now(), transmitted, packaging, Format::Unstructured).await
    }

    async fn unwrapped_at(
        &self,
        now: Timestamp,
        transmitted: &[u8],
        packaging: Packaging,
        format: Format,
    ) -> Result<(Opened, Option<Vec<u8>>), UnwrapError> {
        let [part, into] = ["came", "original"].map(part);
        let mut received = self.spool.write_part(&part, transmitted.to_vec()).await.unwrap();
        received.append(&mut Vec::new()).await.unwrap();
        received.finish().await.unwrap();
        let opening = self.opening(packaging, now);
        let wrapped = Wrapped { part, packaging, format, original_size: Blocks::saturating(0) };
        let opened = unwrap(&self.spool, &Cores::default(), &wrapped, &into, opening).await;
        let lies_at = self.directory.join("data/spool/in").join(format!("{into}"));
        let original = fs::read(lies_at);
        match opened {
            Ok(opened) => Ok((opened, original.ok())),
            Err(error) => {
                assert!(original.is_err(), "nothing is left of what failed");
                Err(error)
            }
        }
    }
}

fn part(name: &str) -> PartName {
    PartName::new(Epoch::try_from(1_i64).unwrap(), name).unwrap()
}

fn packagings() -> Vec<Packaging> {
    [
        "00 00 0 0 N",
        "00 04 0 0 Y",
        "00 00 1 1 N",
        "01 04 0 1 N",
        "02 04 0 1 Y",
        "03 04 0 1 N",
        "03 04 1 1 Y",
        "01 06 1 1 N",
        "02 07 1 1 Y",
    ]
    .map(|text| text.parse().unwrap())
    .to_vec()
}

fn sha256(octets: &[u8]) -> FileHash {
    hash_by(&digest::SHA256, octets)
}

fn hash_by(algorithm: &'static digest::Algorithm, octets: &[u8]) -> FileHash {
    digest::digest(algorithm, octets).as_ref().to_vec().try_into().unwrap()
}

/// The partner, of whose receipts other hashes count too.
fn tolerant(partner: &Partner) -> Partner {
    let mut partner = Partner::clone(partner);
    partner.receipts.hash = ReceiptHash::Tolerant;
    partner
}

#[tokio::test]
async fn whatever_is_done_to_a_file_it_comes_out_as_it_was() {
    let world = World::new();
    for packaging in packagings() {
        for size in [0, 1, 300_000] {
            let content: Vec<u8> = (0..size).map(|number: u32| (number % 251) as u8).collect();
            let (made, transmitted) = world.packaged(&content, packaging).await;
            assert_eq!(made.package.is_some(), packaging.is_packaged(), "{packaging}");
            assert_eq!(made.hash.is_some(), packaging.receipt_suite().is_some(), "{packaging}");
            let (opened, original) = world.unwrapped(&transmitted, packaging).await.unwrap();
            assert_eq!(opened.hash, made.hash, "both sign the same");
            if packaging.is_packaged() {
                assert_eq!((original, opened.original), (Some(content), Some(size.into())));
            } else {
                assert_eq!((original, opened.original), (None, None));
            }
            let signed = packaging.is_signed_and_encrypted().0;
            assert_eq!(opened.signer.is_some_and(|it| it.contains("acme files")), signed);
        }
    }
}

#[tokio::test]
async fn the_hash_of_a_receipt_is_over_what_is_transmitted() {
    let world = World::new();
    let packaging = "03 04 1 1 Y".parse().unwrap();
    let (made, transmitted) = world.packaged(b"a drawing", packaging).await;
    assert_eq!(made.hash, Some(sha256(&transmitted)));
    let part = part("by-itself");
    world.spool.write_part(&part, transmitted.clone()).await.unwrap().finish().await.unwrap();
    let suite = packaging.receipt_suite().unwrap();
    assert_eq!(hash(&world.spool, &Cores::default(), &part, suite).await.unwrap(), made.hash);
}

#[tokio::test]
async fn for_a_tolerant_receipt_the_other_hashes_of_a_file_are_made_beside_its_own() {
    use OtherHash::{Original, OriginalSha1, TransmittedSha1};
    let world = World::new();
    let bolt = tolerant(world.bolt_as_partner());
    let file = vec![7; 700_000];
    let payload = world.payload(&file).await;
    let by = |suite: &str, octets: &[u8]| match suite {
        "02" => hash_by(&digest::SHA1_FOR_LEGACY_USE_ONLY, octets),
        _ => sha256(octets),
    };
    let sha1 = |octets: &[u8]| by("02", octets);
    for (packaging, suite) in [
        ("03 04 1 1 Y", "04"),
        ("00 04 1 1 Y", "04"),
        ("00 04 0 0 Y", "04"),
        ("03 02 1 1 Y", "02"),
        ("00 02 0 0 Y", "02"),
        ("03 04 1 1 N", "04"),
    ] {
        let packaging: Packaging = packaging.parse().unwrap();
        let instance = &world.acme.instance;
        let sealing = Sealing::of(instance, &bolt, packaging, ambient::now()).unwrap();
        let (cores, format) = (Cores::default(), Format::Unstructured);
        let made = package(&world.spool, &cores, &payload, (format, packaging), sealing, 0);
        let made = made.await.unwrap();
        let sent = fs::read(world.path(made.package.as_ref().unwrap_or(&payload))).unwrap();
        let is_signed = packaging.receipt_suite().is_some();
        let is_other = suite != "02";
        let expected: OtherHashes = [
            is_other.then(|| (TransmittedSha1, sha1(&sent))),
            packaging.is_packaged().then(|| (Original, by(suite, &file))),
            (packaging.is_packaged() && is_other).then(|| (OriginalSha1, sha1(&file))),
        ]
        .into_iter()
        .flatten()
        .filter(|_| is_signed)
        .collect();
        assert_eq!(made.hash, is_signed.then(|| by(suite, &sent)), "{packaging}");
        assert_eq!(made.other_hashes, expected, "{packaging}");
        // And none of it for a partner that is held to the RFC.
        let made = world.package(&cores, &payload, packaging).await.unwrap();
        assert!(made.other_hashes.is_empty(), "{packaging}");
    }
}

#[tokio::test]
async fn a_package_is_another_one_each_time() {
    let world = World::new();
    let packaging = "01 04 0 1 N".parse().unwrap();
    let (_, one) = world.packaged(b"the same", packaging).await;
    let (_, other) = world.packaged(b"the same", packaging).await;
    assert_ne!(one, other, "key and initialisation vector are never used again");
}

#[tokio::test]
async fn what_was_changed_or_cut_off_or_is_not_what_was_announced_leaves_nothing() {
    let world = World::new();
    let packaging = "02 04 0 1 N".parse().unwrap();
    let (_, transmitted) = world.packaged(&[7; 5000], packaging).await;
    for place in (0..transmitted.len()).step_by(397) {
        let mut changed = transmitted.clone();
        changed[place] ^= 1;
        let outcome = world.unwrapped(&changed, packaging).await;
        assert!(outcome.is_err_and(|error| error.answer().is_some()), "octet {place}");
    }
    let cut = &transmitted[..transmitted.len() - 1];
    assert_eq!(world.unwrapped(cut, packaging).await.unwrap_err().code(), "E-CMS-STRUCTURE");
    for announced in ["03 04 0 1 N", "02 04 1 1 N", "02 06 0 1 N", "00 00 1 1 N"] {
        let error = world.unwrapped(&transmitted, announced.parse().unwrap()).await.unwrap_err();
        let expected = ["E-CMS-ANNOUNCED", "E-CMS-STRUCTURE"];
        assert!(expected.contains(&error.code()), "{announced}: {error}");
    }
}

#[tokio::test]
async fn a_file_whose_records_are_not_of_its_format_is_not_packaged() {
    let world = World::new();
    let packaging = "02 04 0 1 N".parse().unwrap();
    for (format, length, content) in
        [('F', 50, [0; 120].as_slice()), ('V', 4, b"\0\x05abcde"), ('V', 4, b"\0\x04abc")]
    {
        let payload = world.payload(content).await;
        let records = Format::from_parts(format, length).unwrap();
        let sealing = world.sealing(packaging).unwrap();
        let cores = Cores::default();
        let made = package(&world.spool, &cores, &payload, (records, packaging), sealing, 0).await;
        let error = made.unwrap_err();
        assert_eq!((error.code(), error.is_lasting()), ("E-OFTP-REQUEST-DATA", true), "{error}");
    }
}

#[tokio::test]
async fn a_package_is_the_same_however_many_cores_make_it() {
    let world = World::new();
    // Signed and compressed: an encrypted one has a key of its own each time.
    let packaging = "02 04 1 1 Y".parse().unwrap();
    let octets = PseudoRandom::new(1).octets(3_000_000);
    let payload = world.payload(&octets).await;
    let mut packages = Vec::new();
    for number in [1, 2, 8] {
        let made = world.package(&Cores::new(number), &payload, packaging).await.unwrap();
        let package = made.package.unwrap();
        packages.push((fs::read(world.path(&package)).unwrap(), made.hash));
    }
    assert!(packages[0].0.len() > 3_000_000, "it did not compress");
    assert!(packages.iter().all(|package| *package == packages[0]));
}

#[tokio::test]
async fn a_compressed_package_begins_though_its_file_is_larger_than_what_is_free() {
    let world = World::new();
    let (cores, packaging) = (Cores::default(), "03 04 1 1 N".parse().unwrap());
    let free = world.spool.free_octets().unwrap().unwrap();
    let file = world.directory.join("large");
    fs::File::create(&file).unwrap().set_len(free / 2 * 3).unwrap();
    let large = world.spool.take_in(&file, TakeIn::Move).await.unwrap();
    let mut package = Box::pin(world.package(&cores, &large, packaging));
    let begun = poll_fn(|context| {
        if let Poll::Ready(made) = package.as_mut().poll(context) {
            panic!("it is not begun: {made:?}");
        }
        match world.spool.free_octets().unwrap().unwrap() {
            left if left < free - large.octets / 20 => Poll::Ready(()),
            _ => Poll::Pending,
        }
    });
    begun.await;
}

#[tokio::test]
async fn a_compressed_package_that_did_not_fit_is_not_begun_again_before_there_is_more_room() {
    let world = World::new();
    let (cores, packaging) = (Cores::default(), "02 04 1 1 N".parse().unwrap());
    let payload = world.payload(b"small").await;
    let begun = async |grown| {
        let sealing = world.sealing(packaging).unwrap();
        let as_it_is = (Format::Unstructured, packaging);
        package(&world.spool, &cores, &payload, as_it_is, sealing, grown).await
    };
    let free = world.spool.free_octets().unwrap().unwrap();
    let error = begun(free * 2).await.unwrap_err();
    assert_eq!((error.code(), error.is_lasting()), ("E-SPOOL-FULL", false));
    assert!(begun(free / 2).await.unwrap().package.is_some());
}

#[tokio::test]
async fn a_package_that_may_not_fit_is_not_begun_and_one_under_way_counts() {
    let world = World::new();
    let (cores, packaging) = (Cores::default(), "03 04 0 1 N".parse().unwrap());
    let free = world.spool.free_octets().unwrap().unwrap();
    let file = world.directory.join("large");
    fs::File::create(&file).unwrap().set_len(free / 5 * 3).unwrap();
    let large = world.spool.take_in(&file, TakeIn::Move).await.unwrap();
    let mut first = Box::pin(world.package(&cores, &large, packaging));
    let second = poll_fn(|context| {
        assert!(first.as_mut().poll(context).is_pending());
        match world.spool.free_octets().unwrap().unwrap() {
            left if left < large.octets => Poll::Ready(()),
            _ => Poll::Pending,
        }
    });
    second.await;
    let error = world.package(&cores, &large, packaging).await.unwrap_err();
    assert_eq!((error.code(), error.is_lasting()), ("E-SPOOL-FULL", false));
    // What fits is not behind it.
    let small = world.payload(b"small").await;
    assert!(world.package(&cores, &small, packaging).await.unwrap().package.is_some());
}

#[tokio::test]
async fn on_one_core_a_small_file_waits_for_no_large_ones() {
    let world = World::new();
    let (cores, packaging) = (Cores::new(1), "03 04 1 1 N".parse().unwrap());
    let mut large = Vec::new();
    for number in 0..4 {
        let file = world.directory.join(format!("large {number}"));
        fs::File::create(&file).unwrap().set_len(64 << 20).unwrap();
        large.push(world.spool.take_in(&file, TakeIn::Move).await.unwrap());
    }
    let small = world.payload(b"small").await;
    let mut at_work: Vec<_> =
        large.iter().map(|payload| Box::pin(world.package(&cores, payload, packaging))).collect();
    let mut small = std::pin::pin!(world.package(&cores, &small, packaging));
    let made = poll_fn(|context| {
        for package in &mut at_work {
            if let Poll::Ready(large) = package.as_mut().poll(context) {
                panic!("a large one is done before the small one: {large:?}");
            }
        }
        small.as_mut().poll(context)
    });
    assert!(made.await.unwrap().package.is_some());
}

#[test]
fn without_a_key_or_a_certificate_nothing_is_sent_with_less() {
    let world = World::new();
    let (acme, bolt) = (&world.bolt.instance, world.bolt.partner("acme").unwrap());
    for (packaging, cure) in [("02 04 0 1 N", "purpose Sign"), ("01 04 0 1 N", "purpose Encrypt")] {
        // Bolt has neither a key that signs files nor a certificate of acme's to encrypt for.
        let error =
            Sealing::of(acme, bolt, packaging.parse().unwrap(), ambient::now()).unwrap_err();
        assert_eq!((error.code(), error.is_lasting()), ("E-POLICY-CERTIFICATE", true));
        assert!(error.to_string().contains(cure), "{error}");
    }
    let error = Signer::of(&world.acme.instance, ambient::now()).unwrap_err();
    assert!(matches!(error, PackagingError::NoReceiptKey(NoneUsable::Missing)));
}

/// Before the certificates of this test begin, and after their end.
fn too_early_and_too_late() -> [(Timestamp, &'static str); 2] {
    [("2000-01-01T00:00:00Z", "counts from 20"), ("2200-01-01T00:00:00Z", "expired at 20")]
        .map(|(now, why)| (now.parse().unwrap(), why))
}

#[test]
fn nothing_is_signed_or_encrypted_by_a_certificate_that_is_out_of_date_and_it_is_waited_for() {
    let world = World::new();
    for (now, why) in too_early_and_too_late() {
        for packaging in ["02 04 0 1 N", "01 04 0 1 N"] {
            let packaging = packaging.parse().unwrap();
            let partner = world.bolt_as_partner();
            let error = Sealing::of(&world.acme.instance, partner, packaging, now).unwrap_err();
            assert_eq!((error.code(), error.is_lasting()), ("E-POLICY-CERTIFICATE", false));
            assert!(error.to_string().contains(why), "{error}");
        }
        let error = Signer::of(&world.bolt.instance, now).unwrap_err();
        assert!(error.to_string().contains(&format!("(that of Secret receipts {why}")), "{error}");
    }
}

#[tokio::test]
async fn a_file_signed_by_a_certificate_that_is_out_of_date_is_refused_with_the_reason() {
    let world = World::new();
    let packaging = "02 04 0 1 N".parse().unwrap();
    let (_, transmitted) = world.packaged(b"a drawing", packaging).await;
    for (now, why) in too_early_and_too_late() {
        let outcome = world.unwrapped_at(now, &transmitted, packaging, Format::Unstructured).await;
        let error = outcome.unwrap_err();
        assert_eq!(error.code(), "E-CMS-SIGNER");
        assert_eq!(error.answer(), Some(NegativeReason::InvalidSignature));
        let said = format!("it is signed by CN=acme files, whose certificate {why}");
        assert!(error.to_string().starts_with(&said), "{error}");
    }
}

#[tokio::test]
async fn a_file_whose_records_inside_are_not_of_its_format_is_refused() {
    let world = World::new();
    let packaging = "02 04 1 1 N".parse().unwrap();
    let (fixed, variable) =
        (Format::from_parts('F', 50).unwrap(), Format::from_parts('V', 4).unwrap());
    for (format, content, is_good) in [
        (fixed, [0; 100].as_slice(), true),
        (fixed, &[0; 120], false),
        (variable, b"\0\x04abcd\0\0", true),
        (variable, b"\0\x05abcde", false),
        (variable, b"\0\x04abc", false),
    ] {
        let (_, transmitted) = world.packaged(content, packaging).await;
        let outcome = world.unwrapped_at(ambient::now(), &transmitted, packaging, format).await;
        assert_eq!(outcome.is_ok(), is_good, "{format:?} {content:?}");
        if let Err(error) = outcome {
            assert_eq!(error.code(), "E-FILE-RECORD");
            assert_eq!(error.answer(), Some(NegativeReason::ProcessingFailed));
        }
    }
}

fn eerp(seal: Seal) -> Eerp {
    let file = FileIdentity {
        dataset_name: "ENGDAT00471".parse().unwrap(),
        stamp: "202611221405060001".parse().unwrap(),
        originator: "O0013000001ACME".parse().unwrap(),
        destination: "O0013000002BOLT".parse().unwrap(),
    };
    Eerp { file, user_data: UserData::default(), seal: Some(seal) }
}

#[test]
fn a_signed_receipt_proves_its_hash_and_nothing_else_does() {
    let world = World::new();
    let partner = world.bolt_as_partner();
    let signer = Signer::of(&world.bolt.instance, ambient::now()).unwrap();
    let digest = sha256(b"what was transmitted");
    let octets = |seal| eerp(seal).signed_octets();
    let proof = signer.sign(4.try_into().unwrap(), digest.clone(), octets).unwrap();
    let seal =
        Seal { hash: digest.as_octets().to_vec(), signature: proof.signature.as_octets().to_vec() };
    let judged = |seal: &Seal| {
        let octets = eerp(seal.clone()).signed_octets();
        verify(partner, Some(seal), || octets, ambient::now())
    };
    let proven = judged(&seal).unwrap();
    assert_eq!((proven.hash, proven.signature), (digest, proof.signature));
    assert!(proven.signer.subject().contains("bolt receipts"), "{}", proven.signer);

    let other = Seal { hash: sha256(b"something else").as_octets().to_vec(), ..seal.clone() };
    assert_eq!(judged(&other).unwrap_err().code(), "E-RECEIPT-SIGNATURE");
    let short = Seal { hash: vec![1, 2, 3], ..seal.clone() };
    assert_eq!(judged(&short), Err(Unproven::Hash(3)));
    assert_eq!(judged(&Seal::default()), Err(Unproven::Unsigned));
    // By the suite that SFID names, and not by a weaker one.
    let weak = signer.sign(2.try_into().unwrap(), sha256(b"what was transmitted"), octets).unwrap();
    let weak = Seal { signature: weak.signature.as_octets().to_vec(), ..seal.clone() };
    assert_eq!(judged(&weak), Err(Unproven::Digest));
    for (now, why) in too_early_and_too_late() {
        let error = verify(partner, Some(&seal), || octets(seal.clone()), now).unwrap_err();
        assert_eq!(error.code(), "E-RECEIPT-CERTIFICATE");
        assert!(error.to_string().contains(&format!("whose certificate {why}")), "{error}");
    }
    let nobody = world.bolt.partner("acme").unwrap();
    let by_nobody = verify(nobody, Some(&seal), || octets(seal.clone()), ambient::now());
    assert_eq!(by_nobody, Err(Unproven::NoCertificate));
}

#[tokio::test]
async fn a_limit_of_the_instance_is_what_a_package_is_held_to() {
    let mut world = World::new();
    assert_eq!(
        packaging::limits(&world.bolt.instance.package_limits),
        oftp_cms::Limits::default(),
        "what is written nowhere is the default of oftp-cms"
    );
    let packaging = "00 00 1 1 N".parse().unwrap();
    let (_, transmitted) = world.packaged(&vec![0; 3 << 20], packaging).await;
    let limits = |change: &dyn Fn(&mut configuration::PackageLimits)| {
        let mut instance = configuration::Instance::clone(&world.bolt.instance);
        change(&mut instance.package_limits);
        instance
    };
    for (instance, told) in [
        (limits(&|it| it.content = 1 << 20), "the package has more than 1048576 octets of content"),
        (limits(&|it| it.depth = 2), "the package is nested too deeply"),
    ] {
        world.bolt.instance = instance;
        let refused = world.unwrapped(&transmitted, packaging).await.unwrap_err();
        assert!(refused.to_string().starts_with(told), "{refused}");
    }
}

#[test]
fn a_receipt_over_sha_1_and_signed_by_the_suite_proves_its_hash_where_that_is_tolerated() {
    let world = World::new();
    let signer = Signer::of(&world.bolt.instance, ambient::now()).unwrap();
    let hash = hash_by(&digest::SHA1_FOR_LEGACY_USE_ONLY, b"what was transmitted");
    let octets = |seal| eerp(seal).signed_octets();
    let proof = signer.sign(4.try_into().unwrap(), hash.clone(), octets).unwrap();
    let seal =
        Seal { hash: hash.as_octets().to_vec(), signature: proof.signature.as_octets().to_vec() };
    let judged = |partner: &Partner, seal: &Seal| {
        verify(partner, Some(seal), || octets(seal.clone()), ambient::now())
    };
    let strict = world.bolt_as_partner();
    assert_eq!(judged(strict, &seal), Err(Unproven::Digest));
    assert_eq!(judged(&tolerant(strict), &seal).unwrap().hash, hash);
    // The signature first, whatever the hash, and by nothing weaker than that.
    let other = Seal { hash: sha256(b"something else").as_octets().to_vec(), ..seal };
    assert_eq!(judged(&tolerant(strict), &other).unwrap_err().code(), "E-RECEIPT-SIGNATURE");
    let weak = signer.sign(2.try_into().unwrap(), sha256(b"what was transmitted"), octets).unwrap();
    let hash = weak.hash.as_octets().to_vec();
    let weak = Seal { hash, signature: weak.signature.as_octets().to_vec() };
    assert_eq!(judged(&tolerant(strict), &weak), Err(Unproven::Digest));
}

/// What is kept of a receipt that bolt signed.
fn kept(world: &World, octets: impl FnOnce(Seal) -> Vec<u8>) -> Proof {
    let signer = Signer::of(&world.bolt.instance, ambient::now()).unwrap();
    let hash = sha256(b"what was transmitted");
    let signature = signer.sign(4.try_into().unwrap(), hash.clone(), octets).unwrap().signature;
    let certificate = pem_to_der(&KEYS[2].certificate_pem);
    let file = eerp(Seal::default()).file;
    let (other_hashes, received_at) = (OtherHashes::default(), ambient::now());
    Proof { file, hash, other_hashes, signature, certificate, received_at }
}

fn pem_to_der(pem: &str) -> CertificateOctets {
    Certificate::parse(pem.as_bytes()).unwrap().der().to_vec().try_into().unwrap()
}

#[test]
fn a_receipt_that_was_kept_is_verified_again_by_nothing_but_itself() {
    let world = World::new();
    let proof = kept(&world, |seal| eerp(seal).signed_octets());
    let shown = proof.verify().unwrap();
    assert_eq!(shown.said, Said::Received);
    assert!(shown.certificate.subject().contains("bolt receipts"));
    let creator: OdetteId = "O0013000003CRANE".parse().unwrap();
    let nerp = |seal| Nerp {
        file: eerp(Seal::default()).file,
        creator: creator.clone(),
        reason: NegativeReason::DecryptionFailure,
        text: ReasonText::default(),
        seal: Some(seal),
    };
    let refusal = kept(&world, |seal| nerp(seal).signed_octets());
    assert_eq!(refusal.verify().unwrap().said, Said::Refused { by: creator.clone() });
    // Over another hash that counts, it says which one.
    let original = sha256(b"the original");
    for proof in [proof, refusal] {
        assert_eq!(proof.verify().unwrap().other_hash, None);
        let said = proof.verify().unwrap().said;
        let other_hashes = [(OtherHash::Original, proof.hash)].into_iter().collect();
        let other = Proof { hash: original.clone(), other_hashes, ..proof };
        let shown = other.verify().unwrap();
        assert_eq!((shown.said, shown.other_hash), (said, Some(OtherHash::Original)));
    }
}

#[test]
fn a_receipt_that_was_kept_shows_nothing_if_anything_of_it_was_changed() {
    let world = World::new();
    let good = kept(&world, |seal| eerp(seal).signed_octets());
    let mut other_file = good.clone();
    other_file.file.dataset_name = "ENGDAT00472".parse().unwrap();
    let other_hash = Proof { hash: sha256(b"something else"), ..good.clone() };
    let other_key = Proof { certificate: pem_to_der(&KEYS[0].certificate_pem), ..good.clone() };
    let [early, late] =
        too_early_and_too_late().map(|(received_at, _)| Proof { received_at, ..good.clone() });
    let no_certificate = Proof { certificate: vec![1, 2, 3].try_into().unwrap(), ..good.clone() };
    for (proof, code) in [
        (other_file, "E-RECEIPT-SIGNATURE"),
        (other_hash, "E-RECEIPT-HASH"),
        (other_key, "E-RECEIPT-SIGNATURE"),
        (early, "E-RECEIPT-CERTIFICATE"),
        (late, "E-RECEIPT-CERTIFICATE"),
        (no_certificate, "E-RECEIPT-CERTIFICATE"),
    ] {
        assert_eq!(proof.verify().unwrap_err().code(), code, "{proof:?}");
    }
    let octets = good.signature.as_octets();
    for place in (0..octets.len()).step_by(7) {
        let mut changed = octets.to_vec();
        changed[place] ^= 1;
        let proof = Proof { signature: changed.try_into().unwrap(), ..good.clone() };
        // A few octets of a package say nothing: version numbers, or how an absent parameter is written.
        if let Ok(shown) = proof.verify() {
            assert_eq!(shown.said, Said::Received, "octet {place}");
        }
    }
}

/// A signature of bolt's receipts without the octets that it is over, as one family of products sends
/// them. `None`: openssl is not installed.
fn detached(world: &World, octets: &[u8]) -> Option<Vec<u8>> {
    let directory = world.directory.join("detached");
    fs::create_dir_all(&directory).unwrap();
    for (name, text) in [("crt", &KEYS[2].certificate_pem), ("key", &KEYS[2].key_pem)] {
        fs::write(directory.join(name), text).unwrap();
    }
    fs::write(directory.join("octets"), octets).unwrap();
    let sign = "cms -sign -binary -md sha256 -signer crt -inkey key -outform DER -in octets";
    let mut openssl = std::process::Command::new("openssl");
    let signed = openssl.args(sign.split(' ')).current_dir(&directory).output();
    let signed = signed.ok()?;
    assert!(signed.status.success(), "{}", String::from_utf8_lossy(&signed.stderr));
    Some(signed.stdout)
}

#[test]
fn a_receipt_whose_signature_comes_without_its_octets_proves_the_same_unless_that_is_turned_off() {
    let world = World::new();
    let hash = sha256(b"what was transmitted");
    let seal = |signature| Seal { hash: hash.as_octets().to_vec(), signature };
    let eerp_octets = eerp(seal(Vec::new())).signed_octets();
    let Some(signature) = detached(&world, &eerp_octets) else {
        support::skip!(openssl, "openssl is not installed")
    };
    let judged = |partner: &Partner| {
        let octets = || eerp_octets.clone();
        verify(partner, Some(&seal(signature.clone())), octets, ambient::now())
    };
    assert_eq!(judged(world.bolt_as_partner()).unwrap().hash, hash);
    let mut strict = Partner::clone(world.bolt_as_partner());
    strict.protocol.tolerance = strict.protocol.tolerance.with(Quirk::DetachedReceipts, false);
    assert_eq!(judged(&strict).unwrap_err().code(), "E-RECEIPT-SIGNATURE");

    let nerp = Nerp {
        file: eerp(Seal::default()).file,
        creator: "O0013000002BOLT".parse().unwrap(),
        reason: NegativeReason::DecryptionFailure,
        text: ReasonText::default(),
        seal: Some(seal(Vec::new())),
    };
    let refusal = detached(&world, &nerp.signed_octets()).unwrap();
    for (octets, said) in
        [(signature, Said::Received), (refusal, Said::Refused { by: nerp.creator.clone() })]
    {
        let good = Proof {
            signature: octets.try_into().unwrap(),
            ..kept(&world, |seal| eerp(seal).signed_octets())
        };
        assert_eq!(good.verify().unwrap().said, said);
        let other = Proof { hash: sha256(b"something else"), ..good };
        assert_eq!(other.verify().unwrap_err().code(), "E-RECEIPT-SIGNATURE");
    }
}
