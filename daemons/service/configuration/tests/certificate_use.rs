//! What certificates are used for and say of it, and from when on one is missing.

#![allow(clippy::unwrap_used, clippy::panic, reason = "what fails here is a test")]

mod common;

use std::sync::LazyLock;

use common::{INSTANCE, PARTNER, SECRETS};
use configuration::{
    Configuration, Owner, Scope, SecretFolder, Sources, missing, parse_for, read_for,
};
use jiff::Timestamp;
use rcgen::ExtendedKeyUsagePurpose::{self as Extended, EmailProtection, ServerAuth};
use rcgen::KeyUsagePurpose::{self as Usage, DigitalSignature, KeyEncipherment};
use rcgen::{CertificateParams, KeyPair, PKCS_RSA_SHA256, RsaKeySize, date_time_ymd};

static KEY: LazyLock<KeyPair> =
    LazyLock::new(|| KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap());

/// A Secret with a certificate from the first day of a year to that of another, and its key.
fn secret(name: &str, years: (i32, i32), usage: &[Usage], extended: &[Extended]) -> SecretFolder {
    let mut parameters = CertificateParams::new(vec!["oftp.example".into()]).unwrap();
    parameters.not_before = date_time_ymd(years.0, 1, 1);
    parameters.not_after = date_time_ymd(years.1, 1, 1);
    parameters.key_usages = usage.to_vec();
    parameters.extended_key_usages = extended.to_vec();
    let certificate = parameters.self_signed(&*KEY).unwrap().pem();
    let values = [("tls.crt", certificate), ("tls.key", KEY.serialize_pem())];
    let values = values.map(|(key, text)| (key.to_owned(), text.into_bytes()));
    SecretFolder::new(format!("secrets/{name}"), name, values)
}

fn sources(instance: &str, partner: &str, secrets: Vec<SecretFolder>) -> Sources {
    let files = [("acme.yaml", instance), ("bolt.yaml", partner), ("secrets.yaml", SECRETS)];
    let manifests = files.map(|(name, text)| (name.to_owned(), text.to_owned())).to_vec();
    Sources { manifests, secrets, revision: None }
}

fn strict(purposes: &str, usage: &[Usage], extended: &[Extended], rule: &str) -> Sources {
    let partner = format!(
        "{PARTNER}  security: {{certificateUsage: {rule}}}
  certificates: [{{purpose: {purposes}, secretRef: {{name: files}}}}]
"
    );
    sources(INSTANCE, &partner, vec![secret("files", (2020, 2120), usage, extended)])
}

#[test]
fn a_strict_partners_certificate_for_files_is_for_all_that_it_is_used_for() {
    let table: &[(&str, &[Usage], &[Extended], bool)] = &[
        ("[Encrypt, VerifySignature, VerifyReceipt, Authenticate]", &[], &[], true),
        ("[Encrypt, Authenticate]", &[KeyEncipherment], &[EmailProtection], true),
        ("[VerifySignature, VerifyReceipt]", &[DigitalSignature], &[EmailProtection], true),
        ("[Encrypt]", &[DigitalSignature], &[], false),
        ("[Authenticate]", &[DigitalSignature], &[], false),
        ("[VerifySignature]", &[KeyEncipherment], &[], false),
        ("[VerifyReceipt]", &[KeyEncipherment], &[], false),
        ("[VerifySignature, Encrypt]", &[DigitalSignature], &[], false),
        ("[Encrypt]", &[], &[ServerAuth], false),
    ];
    for (purposes, usage, extended, is_good) in table {
        let parse =
            |rule| parse_for(Scope::Everything, &strict(purposes, usage, extended, rule)).is_ok();
        assert!(parse("Tolerant"), "{purposes}");
        assert_eq!(parse("Strict"), *is_good, "{purposes} {usage:?} {extended:?}");
    }
}

#[test]
fn what_is_used_for_something_else_is_named_with_the_rule_and_the_cure_and_leaves_its_partner_out()
{
    let sources = strict("[Encrypt]", &[DigitalSignature], &[], "Strict");
    let errors = parse_for(Scope::Everything, &sources).map(|_| ()).unwrap_err();
    let said: Vec<_> = errors.iter().map(|error| (error.code(), error.to_string())).collect();
    let sentence = "secrets/files: tls.crt: holds as certificate 1 one that is not for encrypting files: \
                    its key usage has digitalSignature, and not keyEncipherment; ask the partner for \
                    one that is, give each purpose a Secret of its own, or set \
                    spec.security.certificateUsage: Tolerant";
    assert_eq!(said, [("E-CONFIG-SECRET", sentence.to_owned())]);
    let read = read_for(Scope::Everything, &sources).unwrap();
    assert_eq!((read.partners().len(), read.left_out().len()), (0, 1));
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// Who will have no certificate for what, from when on and until when.
fn told(configuration: &Configuration, now: &str) -> Vec<String> {
    let all = configuration.certificates();
    let missing = missing(&all, at(now)).into_iter();
    let told = missing.map(|it| {
        let owner = match it.owner {
            Owner::Ours => "we".to_owned(),
            Owner::Partner(name) => name.to_string(),
        };
        let date = |moment: Timestamp| moment.to_string()[..10].to_owned();
        let until = it.gap.until.map(|until| format!(" to {}", date(until))).unwrap_or_default();
        let days = it.days_before(at(now)).map(|days| format!(", {days}")).unwrap_or_default();
        format!("{owner} {} {}{until}{days}", it.usage, date(it.gap.from))
    });
    told.collect()
}

#[test]
fn a_day_on_which_somebody_has_no_certificate_for_something_is_known_long_before() {
    let instance = format!(
        "{INSTANCE}  certificates:
  - {{purpose: [Sign, Decrypt], secretRef: {{name: ours}}}}
  - {{purpose: [Sign, Decrypt], secretRef: {{name: next}}, activeFrom: 2029-03-01}}
"
    );
    let partner = format!(
        "{PARTNER}  certificates:
  - {{purpose: [Encrypt, VerifySignature], secretRef: {{name: theirs}}}}
  - {{purpose: [Encrypt], secretRef: {{name: next}}, activeFrom: 2027-12-01}}
"
    );
    let secrets = vec![
        secret("ours", (2020, 2029), &[], &[]),
        secret("theirs", (2020, 2028), &[], &[]),
        secret("next", (2026, 2030), &[], &[]),
    ];
    let configuration =
        parse_for(Scope::Everything, &sources(&instance, &partner, secrets)).unwrap();
    // Ours that decrypts does so before its date, so that only signing has a gap.
    assert_eq!(
        told(&configuration, "2026-12-01T00:00:00Z"),
        [
            "we Sign 2029-01-01 to 2029-03-01",
            "we Decrypt 2030-01-01",
            "bolt Encrypt 2030-01-01",
            "bolt VerifySignature 2028-01-01",
        ]
    );
    assert_eq!(
        told(&configuration, "2027-12-20T00:00:00Z")[3],
        "bolt VerifySignature 2028-01-01, 14"
    );
    assert_eq!(
        told(&configuration, "2029-02-01T00:00:00Z"),
        [
            "we Sign 2029-02-01 to 2029-03-01, 1",
            "we Decrypt 2030-01-01",
            "bolt Encrypt 2030-01-01",
            "bolt VerifySignature 2029-02-01, 1",
        ]
    );
}
