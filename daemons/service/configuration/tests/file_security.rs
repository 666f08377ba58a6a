//! Certificates and keys for files and receipts, and what is asked of files.

#![allow(clippy::unwrap_used, clippy::panic, reason = "what fails here is a test")]

mod common;

use std::{collections::BTreeSet, sync::LazyLock};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use common::{INSTANCE, PARTNER, SECRETS};
use configuration::{
    Configuration, FileKey, KeyPurpose, NoneUsable, Partner, Scope, SecretFolder, Sources,
    parse_for, read_for,
};
use domain::security::{Asked, Authentication, Demand};
use jiff::Timestamp;
use rcgen::{CertificateParams, KeyPair, PKCS_RSA_SHA256, RsaKeySize, date_time_ymd};

/// A certificate and its key, PEM.
struct Pair {
    certificate: String,
    key: String,
    key_der: Vec<u8>,
}

fn pair(keys: &KeyPair) -> Pair {
    let parameters = CertificateParams::new(vec!["oftp.example".into()]).unwrap();
    let certificate = parameters.self_signed(keys).unwrap().pem();
    Pair { certificate, key: keys.serialize_pem(), key_der: keys.serialize_der() }
}

/// Different ones; they take a while to make.
static RSA: LazyLock<[Pair; 3]> = LazyLock::new(|| {
    [(); 3].map(|()| pair(&KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap()))
});

fn folder(name: &str, certificate: &str, key: &str) -> SecretFolder {
    let values = [("tls.crt", certificate), ("tls.key", key)].into_iter();
    let values = values.filter(|(_, text)| !text.is_empty());
    let values = values.map(|(key, text)| (key.to_owned(), text.as_bytes().to_vec()));
    SecretFolder::new(format!("secrets/{name}"), name, values)
}

fn rsa(name: &str, index: usize) -> SecretFolder {
    folder(name, &RSA[index].certificate, &RSA[index].key)
}

fn sources(instance: &str, partner: &str, secrets: Vec<SecretFolder>) -> Sources {
    let files = [("acme.yaml", instance), ("bolt.yaml", partner), ("secrets.yaml", SECRETS)];
    let manifests = files.map(|(name, text)| (name.to_owned(), text.to_owned())).to_vec();
    Sources { manifests, secrets, revision: None }
}

fn parsed(scope: Scope, sources: &Sources) -> Configuration {
    parse_for(scope, sources).unwrap_or_else(|errors| panic!("{errors:#?}"))
}

fn messages(sources: &Sources) -> Vec<String> {
    let errors = parse_for(Scope::Everything, sources).map(|_| ()).unwrap_err();
    errors.iter().map(ToString::to_string).collect()
}

fn at(time: &str) -> Timestamp {
    time.parse().unwrap()
}

const OWN: &str = "  certificates:
  - {purpose: [Sign], secretRef: {name: sign}}
  - {purpose: [Decrypt], secretRef: {name: decrypt}}
  - {purpose: [SignReceipt, Sign], secretRef: {name: receipts}, activeFrom: 2026-12-01}
";

#[test]
fn each_daemon_is_given_the_keys_of_its_purposes_and_needs_no_others() {
    use KeyPurpose::{Decrypt, Sign, SignReceipt};
    let instance = format!("{INSTANCE}{OWN}");
    let all = ["sign", "decrypt", "receipts"];
    for (scope, mounted, expected) in [
        (
            Scope::Everything,
            &all[..],
            vec![
                ("sign", vec![Sign]),
                ("decrypt", vec![Decrypt]),
                ("receipts", vec![Sign, SignReceipt]),
            ],
        ),
        (
            Scope::SendQueue,
            &["sign", "receipts"],
            vec![("sign", vec![Sign]), ("receipts", vec![Sign])],
        ),
        (
            Scope::ReceiveMaster,
            &["decrypt", "receipts"],
            vec![("decrypt", vec![Decrypt]), ("receipts", vec![SignReceipt])],
        ),
        (Scope::TlsReceiver, &[], vec![]),
        (Scope::CapiReceiver(1.try_into().unwrap()), &[], vec![]),
        (Scope::WithoutKeys, &[], vec![]),
    ] {
        let expected: Vec<(&str, BTreeSet<KeyPurpose>)> = expected
            .into_iter()
            .map(|(secret, purposes)| (secret, purposes.into_iter().collect()))
            .collect();
        for mounted in [mounted, &all] {
            let secrets = mounted
                .iter()
                .map(|name| rsa(name, all.iter().position(|other| other == name).unwrap()));
            let sources = sources(&instance, PARTNER, secrets.collect());
            let keys = parsed(scope, &sources).instance.file_keys;
            let given: Vec<_> =
                keys.all().iter().map(|key| (key.secret.as_str(), key.purposes.clone())).collect();
            assert_eq!(given, expected, "{scope:?}");
            // What there are keys for is known to all: it decides which files are taken.
            assert!([Sign, Decrypt, SignReceipt].into_iter().all(|purpose| keys.has(purpose)));
        }
    }
}

#[test]
fn the_newest_key_that_is_active_signs_and_all_of_them_decrypt() {
    let instance = format!(
        "{INSTANCE}  certificates:
  - {{purpose: [Sign, Decrypt, SignReceipt], secretRef: {{name: later}}, activeFrom: 2026-12-01}}
  - {{purpose: [Sign, Decrypt], secretRef: {{name: first}}}}
  - {{purpose: [Sign, Decrypt], secretRef: {{name: second}}}}
"
    );
    let secrets = vec![rsa("later", 0), rsa("first", 1), rsa("second", 2)];
    let keys = parsed(Scope::Everything, &sources(&instance, PARTNER, secrets)).instance.file_keys;
    let name = |key: Result<&FileKey, NoneUsable>| key.map(|key| key.secret.clone());
    let (before, after) = (at("2026-11-30T23:59:59Z"), at("2026-12-01T00:00:00Z"));
    assert_eq!(name(keys.signing(before)).as_deref(), Ok("second"), "of one date the last");
    assert_eq!(name(keys.signing(after)).as_deref(), Ok("later"));
    let none = name(keys.signing_receipts(before)).unwrap_err();
    assert_eq!(none.to_string(), "that of Secret later counts from 2026-12-01T00:00:00Z on");
    assert_eq!(name(keys.signing_receipts(after)).as_deref(), Ok("later"));
    let decrypting: Vec<_> = keys.decrypting().map(|key| key.secret.as_str()).collect();
    assert_eq!(decrypting, ["later", "first", "second"]);
}

/// Of the first key, valid from the first day of a year to the first day of another.
fn dated(name: &str, from: i32, to: i32) -> SecretFolder {
    let keys = KeyPair::from_pem(&RSA[0].key).unwrap();
    let mut parameters = CertificateParams::new(vec!["oftp.example".into()]).unwrap();
    parameters.not_before = date_time_ymd(from, 1, 1);
    parameters.not_after = date_time_ymd(to, 1, 1);
    folder(name, &parameters.self_signed(&keys).unwrap().pem(), &RSA[0].key)
}

#[test]
fn what_is_out_of_date_is_not_used_and_what_is_left_is() {
    let entries = |purposes: &str| {
        format!(
            "  certificates:
  - {{purpose: {purposes}, secretRef: {{name: twenties}}}}
  - {{purpose: {purposes}, secretRef: {{name: thirties}}, activeFrom: 2025-06-01}}
"
        )
    };
    let instance = format!("{INSTANCE}{}", entries("[Sign]"));
    let partner = format!("{PARTNER}{}", entries("[Encrypt, VerifySignature]"));
    let secrets = vec![dated("twenties", 2020, 2030), dated("thirties", 2030, 2040)];
    let parsed = parsed(Scope::Everything, &sources(&instance, &partner, secrets));
    let (keys, bolt) = (&parsed.instance.file_keys, bolt(&parsed));
    let [twenties, thirties] =
        [0, 1].map(|entry: usize| bolt.file_certificates[entry].certificates.first().unwrap());
    for (now, secret, first) in [
        ("2026-01-01T00:00:00Z", "twenties", [twenties, thirties]),
        ("2030-01-01T00:00:01Z", "thirties", [thirties, twenties]),
    ] {
        let now = at(now);
        assert_eq!(keys.signing(now).map(|key| key.secret.as_str()), Ok(secret));
        assert_eq!(bolt.encryption_certificate(now), Ok(first[0]));
        assert_eq!(bolt.signature_certificates(now), first, "who is in date stands first");
    }
    let said = |now: &str| keys.signing(at(now)).unwrap_err().to_string();
    assert_eq!(
        said("2019-12-31T23:59:59Z"),
        "that of Secret twenties counts from 2020-01-01T00:00:00Z on"
    );
    assert_eq!(
        said("2040-01-01T00:00:01Z"),
        "that of Secret thirties expired at 2040-01-01T00:00:00Z"
    );
}

const THEIRS: &str = "  certificates:
  - {purpose: [Encrypt, VerifySignature], secretRef: {name: old}}
  - {purpose: [Encrypt, VerifyReceipt], secretRef: {name: new}, activeFrom: 2026-12-01}
";

fn bolt(configuration: &Configuration) -> Partner {
    Partner::clone(configuration.partner("bolt").unwrap())
}

#[test]
fn a_partners_certificates_are_used_by_their_purposes_from_their_dates_on() {
    let partner = format!("{PARTNER}{THEIRS}");
    let both = format!("{}{}", RSA[1].certificate, RSA[2].certificate);
    let secrets = vec![rsa("old", 0), folder("new", &both, "")];
    let bolt = bolt(&parsed(Scope::WithoutKeys, &sources(INSTANCE, &partner, secrets)));
    let (before, after) = (at("2026-11-30T23:59:59Z"), at("2026-12-01T00:00:00Z"));
    let [old, new] = bolt.file_certificates.as_slice() else { panic!("two are written") };
    assert_eq!(bolt.encryption_certificate(before).ok(), old.certificates.first());
    assert_eq!(bolt.encryption_certificate(after).ok(), new.certificates.first(), "of two");
    assert_eq!(bolt.signature_certificates(after).len(), 1);
    assert_eq!(bolt.receipt_certificates(before).len(), 0);
    assert_eq!(bolt.receipt_certificates(after).len(), 2);
    assert!(bolt.tls_certificates.is_empty(), "nobody is known in TLS by these");
}

#[test]
fn who_writes_nothing_sends_plain_files_and_takes_none_that_need_a_key() {
    let bolt = bolt(&parsed(Scope::Everything, &sources(INSTANCE, PARTNER, vec![])));
    let packaging = bolt.security.outbound.packaging(Asked::default());
    assert_eq!(packaging, Ok(domain::Packaging::NONE));
    let inbound = &bolt.security.inbound;
    assert_eq!((inbound.sign, inbound.encrypt), (Demand::Forbidden, Demand::Forbidden));
    assert_eq!((inbound.compress, inbound.signs_receipts), (Demand::Allowed, false));
    let suites: Vec<_> = inbound.suites.iter().map(ToString::to_string).collect();
    assert_eq!(suites, ["04", "06", "07"]);
}

#[test]
fn what_there_are_keys_for_is_taken_and_a_suite_that_is_named_too() {
    let partner = format!("{PARTNER}{THEIRS}  security: {{outbound: {{cipherSuite: \"02\"}}}}\n");
    let instance = format!("{INSTANCE}{OWN}");
    let secrets = || vec![rsa("old", 0), rsa("new", 0)];
    let of = |partner: &str| {
        bolt(&parsed(Scope::WithoutKeys, &sources(&instance, partner, secrets()))).security
    };
    let security = of(&partner);
    let inbound = &security.inbound;
    assert_eq!((inbound.sign, inbound.encrypt), (Demand::Allowed, Demand::Allowed));
    assert!(inbound.signs_receipts);
    let suites = |security: &domain::security::FileSecurity| {
        security.inbound.suites.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(suites(&security), ["02", "04", "06", "07"]);
    let means = security.outbound.means;
    assert!(means.signing_key && means.encryption_certificate && means.receipt_certificate);
    let named = partner.replace("\"02\"}", "\"02\"}, inbound: {cipherSuites: [\"01\"]}");
    assert_eq!(suites(&of(&named)), ["01"]);
    let by_pss = partner.replace("\"02\"", "\"08\"");
    assert_eq!(suites(&of(&by_pss)), ["04", "06", "07", "08"]);
}

#[test]
fn what_is_required_has_to_be_possible() {
    let wants = |security: &str| format!("{PARTNER}  security: {security}\n");
    for (security, field, whose, purpose) in [
        ("{outbound: {sign: Required}}", "outbound.sign", "SeonInstance acme", "Sign"),
        ("{outbound: {encrypt: Required}}", "outbound.encrypt", "this partner", "Encrypt"),
        ("{inbound: {sign: Required}}", "inbound.sign", "this partner", "VerifySignature"),
        ("{inbound: {encrypt: Required}}", "inbound.encrypt", "SeonInstance acme", "Decrypt"),
        ("{receipts: {signed: Required}}", "receipts.signed", "this partner", "VerifyReceipt"),
    ] {
        let said = messages(&sources(INSTANCE, &wants(security), vec![]));
        let expected = format!(
            "spec.security.{field}: is Required, and {whose} has no certificate for that; add to \
             its spec.certificates an entry with purpose [{purpose}], or give Allowed"
        );
        let [said] = said.as_slice() else { panic!("{said:?}") };
        assert!(said.ends_with(&expected), "{said}");
    }
    let everything = "{outbound: {sign: Required, encrypt: Required, compress: Required}, \
                      inbound: {sign: Required, encrypt: Required, compress: Required}, \
                      receipts: {signed: Required}}";
    let partner = wants(everything) + THEIRS;
    let secrets = || {
        vec![rsa("sign", 0), rsa("decrypt", 1), rsa("receipts", 2), rsa("old", 0), rsa("new", 1)]
    };
    parsed(Scope::Everything, &sources(&format!("{INSTANCE}{OWN}"), &partner, secrets()));
    let without_receipts = partner + "  receipts: {expected: false}\n";
    let said = messages(&sources(&format!("{INSTANCE}{OWN}"), &without_receipts, secrets()));
    assert_eq!(
        said,
        ["bolt.yaml:12:158: spec.security.receipts.signed: is Required, and receipts.expected is \
          false, so that no receipt would ever be looked for; set receipts.expected: true, or \
          give Allowed"]
    );
}

#[test]
fn a_level_that_cannot_say_what_is_required_is_a_contradiction() {
    for (setting, named) in [
        ("outbound: {compress: Required}", "outbound.compress"),
        ("inbound: {compress: Required}", "inbound.compress"),
    ] {
        let partner =
            format!("{PARTNER}  security: {{{setting}}}\n  protocol: {{highestLevel: \"1.4\"}}\n");
        assert_eq!(
            messages(&sources(INSTANCE, &partner, vec![])),
            [format!(
                "bolt.yaml:13:14: spec.protocol.highestLevel: 1.4 is the highest level that is \
                 offered, and what spec.security.{named} requires came with 2.0; raise \
                 highestLevel to \"2.0\", or give Allowed there"
            )]
        );
    }
}

/// What is said of our key when its Secret has these values.
fn own_key_says(certificate: &str, key: &str) -> Vec<String> {
    let instance =
        format!("{INSTANCE}  certificates: [{{purpose: [Sign], secretRef: {{name: sign}}}}]\n");
    let sources = sources(&instance, PARTNER, vec![folder("sign", certificate, key)]);
    match parse_for(Scope::SendQueue, &sources) {
        Ok(_) => Vec::new(),
        Err(errors) => errors.iter().map(ToString::to_string).collect(),
    }
}

fn elliptic() -> Pair {
    pair(&KeyPair::generate().unwrap())
}

/// A key as OpenSSL's older commands write it: what stands within PKCS #8.
fn pkcs1(pair: &Pair) -> String {
    // The octet string of an RSA key begins at one place, whatever the key.
    let inner = BASE64.encode(&pair.key_der[26..]);
    format!("-----BEGIN RSA PRIVATE KEY-----\n{inner}\n-----END RSA PRIVATE KEY-----\n")
}

const SMALL: &str = include_str!("certificates/rsa-1024.pem");

#[test]
fn a_key_of_ours_is_rsa_and_belongs_to_its_certificate() {
    let [good, other, _] = &*RSA;
    assert_eq!(own_key_says(&good.certificate, &good.key), [""; 0]);
    assert_eq!(own_key_says(&good.certificate, &pkcs1(good)), [""; 0]);
    let with_issuer = format!("{}{}", good.certificate, elliptic().certificate);
    assert_eq!(own_key_says(&with_issuer, &good.key), [""; 0], "the first one counts");
    let elliptic = elliptic();
    for (certificate, key, expected) in [
        (
            elliptic.certificate.as_str(),
            elliptic.key.as_str(),
            "tls.crt: holds as certificate 1 one without an RSA key, and files and receipts are \
             signed and encrypted by RSA; ask for one with an RSA key of 2048 bits or more",
        ),
        (
            SMALL,
            &good.key,
            "tls.crt: holds as certificate 1 one with an RSA key of 1024 bits, which is not taken \
             for files and receipts; ask for one of 2048 to 8192 bits",
        ),
        (
            &good.certificate,
            &other.key,
            "tls.key: is not the key of the certificate in tls.crt; put both of one pair into the \
             Secret",
        ),
        (
            &good.certificate,
            &elliptic.key,
            "tls.key: is no RSA key of 2048 to 8192 bits; give the one of the certificate in \
             tls.crt",
        ),
        (
            "none",
            &good.key,
            "tls.crt: holds no certificate; give PEM, beginning with -----BEGIN CERTIFICATE-----",
        ),
        (
            &good.certificate,
            &good.certificate,
            "tls.key: holds no private key; give PEM, beginning with -----BEGIN PRIVATE KEY-----",
        ),
    ] {
        assert_eq!(own_key_says(certificate, key), [format!("secrets/sign: {expected}")]);
    }
    let said = own_key_says(&good.certificate, "");
    assert_eq!(
        said,
        ["acme.yaml:12:48: spec.certificates[0].secretRef.name: Secret sign has no key tls.key; \
          did you mean tls.crt? add tls.key to it"]
    );
}

#[test]
fn a_partner_with_a_certificate_that_is_of_no_use_is_left_out_and_told_of() {
    let [good, ..] = &*RSA;
    let elliptic = elliptic().certificate;
    let only_authority = SecretFolder::new(
        "secrets/theirs",
        "theirs",
        [("ca.crt".to_owned(), good.certificate.clone().into_bytes())],
    );
    let request = include_str!("certificates/request.pem").replace(" REQUEST", "");
    for (secret, expected) in [
        (
            folder("theirs", &format!("{}{elliptic}", good.certificate), ""),
            "secrets/theirs: tls.crt: holds as certificate 2 one without an RSA key, and files and \
             receipts are signed and encrypted by RSA; ask for one with an RSA key of 2048 bits or \
             more",
        ),
        (
            folder("theirs", &request, ""),
            "secrets/theirs: tls.crt: holds as certificate 1 no X.509 certificate; give the \
             certificate itself, no request",
        ),
        (
            only_authority,
            "bolt.yaml:12:51: spec.certificates[0].secretRef.name: Secret theirs has ca.crt and no \
             tls.crt, and an issuer's certificate is for purpose Tls only; add the partner's own \
             certificate as tls.crt",
        ),
    ] {
        let partner = format!(
            "{PARTNER}  certificates: [{{purpose: [Encrypt], secretRef: {{name: theirs}}}}]\n"
        );
        let read = read_for(Scope::SendQueue, &sources(INSTANCE, &partner, vec![secret])).unwrap();
        assert_eq!(read.partners().len(), 0);
        let [left_out] = read.left_out() else { panic!("{:?}", read.left_out()) };
        let said: Vec<_> = left_out.errors.iter().map(ToString::to_string).collect();
        assert_eq!((left_out.partner.as_deref(), said), (Some("bolt"), vec![expected.to_owned()]));
    }
}

#[test]
fn one_entry_serves_tls_and_files_and_names_are_for_tls_alone() {
    let entry = |purpose: &str| {
        format!(
            "{PARTNER}  certificates: [{{purpose: [{purpose}], names: [oftp.bolt.example], \
             secretRef: {{name: theirs}}}}]\n"
        )
    };
    let secrets = || vec![rsa("theirs", 0)];
    let bolt =
        bolt(&parsed(Scope::Everything, &sources(INSTANCE, &entry("Tls, Encrypt"), secrets())));
    assert_eq!((bolt.tls_certificates.len(), bolt.file_certificates.len()), (1, 1));
    assert_eq!(
        messages(&sources(INSTANCE, &entry("Encrypt"), secrets())),
        ["bolt.yaml:12:39: spec.certificates[0].names: belongs to the purpose Tls; add Tls to \
          purpose, or leave out names"]
    );
}

#[test]
fn a_suite_is_written_as_text() {
    let partner = format!("{PARTNER}  security: {{outbound: {{cipherSuite: 04}}}}\n");
    let said = messages(&sources(INSTANCE, &partner, vec![]));
    let [said] = said.as_slice() else { panic!("{said:?}") };
    assert!(said.starts_with("bolt.yaml:12:25: spec.security.outbound.cipherSuite: "), "{said}");
    assert!(said.contains("quotes"), "{said}");
}

#[test]
fn no_key_is_shown() {
    let instance = format!("{INSTANCE}{OWN}");
    let secrets = vec![rsa("sign", 0), rsa("decrypt", 1), rsa("receipts", 2)];
    let shown = format!("{:?}", parsed(Scope::Everything, &sources(&instance, PARTNER, secrets)));
    let middle = |pair: &Pair| format!("{:?}", &pair.key_der[100..110]).replace(['[', ']'], "");
    assert!(shown.contains("PrivateKey(…)"));
    assert!(RSA.iter().all(|pair| !shown.contains(&middle(pair))));
}

#[test]
fn sessions_that_are_authenticated_need_a_certificate_on_both_sides_and_a_level_that_has_it() {
    let theirs = "  certificates: [{purpose: [Authenticate], secretRef: {name: theirs}}]\n";
    let ours = "  certificates: [{purpose: [Authenticate], secretRef: {name: ours}}]\n";
    let wanted = |how: &str| format!("  security: {{authentication: {how}}}\n");
    for how in ["Prepared", "Required"] {
        let partner = format!("{PARTNER}{theirs}{}", wanted(how));
        let instance = format!("{INSTANCE}{ours}");
        let secrets = vec![rsa("ours", 0), rsa("theirs", 1)];
        let parsed = parsed(Scope::TcpReceiver, &sources(&instance, &partner, secrets));
        let bolt = bolt(&parsed);
        assert_ne!(bolt.authentication, Authentication::Forbidden);
        let challenge = bolt.challenge_certificate(at("2026-12-01T00:00:00Z"));
        assert_eq!(challenge.ok(), bolt.file_certificates[0].certificates.first());
        assert_eq!(parsed.instance.file_keys.authenticating().count(), 1, "who holds sessions");

        let partner = format!("{PARTNER}{}", wanted(how));
        let said = messages(&sources(INSTANCE, &partner, vec![]));
        for whose in ["this partner has no certificate", "SeonInstance acme has no certificate"] {
            let expected = format!("spec.security.authentication: is {how}, and {whose} for that");
            assert!(said.iter().any(|message| message.contains(&expected)), "{said:#?}");
        }
    }
    let old = "  protocol: {highestLevel: \"1.4\"}\n";
    let partner = format!("{PARTNER}{theirs}{old}{}", wanted("Required"));
    let secrets = vec![rsa("ours", 0), rsa("theirs", 1)];
    let said = messages(&sources(&format!("{INSTANCE}{ours}"), &partner, secrets));
    assert!(said.iter().any(|message| message.contains("raise highestLevel")), "{said:#?}");
}

#[test]
fn who_holds_sessions_is_given_the_keys_that_authenticate_them_and_the_master_is_not() {
    let ours = "  certificates: [{purpose: [Authenticate], secretRef: {name: ours}}]\n";
    let instance = format!("{INSTANCE}{ours}");
    let capi = Scope::CapiReceiver(1.try_into().unwrap());
    for (scope, expected) in [
        (Scope::TcpReceiver, 1),
        (Scope::TlsReceiver, 1),
        (capi, 1),
        (Scope::SendQueue, 1),
        (Scope::ReceiveMaster, 0),
        (Scope::WithoutKeys, 0),
    ] {
        let secrets = if expected == 0 { vec![] } else { vec![rsa("ours", 0)] };
        let keys = parsed(scope, &sources(&instance, PARTNER, secrets)).instance.file_keys;
        assert_eq!(keys.authenticating().count(), expected, "{scope:?}");
    }
}
