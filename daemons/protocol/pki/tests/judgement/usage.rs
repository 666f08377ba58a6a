//! What certificates say of their use, held against what they are used for.

use pki::{Purpose, Role, UsageRule, certificate_facts};
use rcgen::ExtendedKeyUsagePurpose::{self as Extended, ClientAuth, EmailProtection, ServerAuth};
use rcgen::KeyUsagePurpose::{
    self as Usage, ContentCommitment, DataEncipherment, DigitalSignature, KeyEncipherment,
};
use rustls_pki_types::ServerName;

use crate::makers::{
    TODAY, assert_says, authority, issued_by, issued_to_strict, judge, pinned, recipe, strict,
};

const ALL: [Purpose; 6] = [
    Purpose::TlsServer,
    Purpose::TlsClient,
    Purpose::Sign,
    Purpose::Encrypt,
    Purpose::SignReceipt,
    Purpose::Authenticate,
];

#[test]
fn a_certificate_is_for_what_both_of_its_usages_name_and_for_everything_if_it_has_none() {
    use Purpose::{Authenticate, Encrypt, Sign, SignReceipt, TlsClient, TlsServer};
    let table: &[(&[Usage], &[Extended], &[Purpose])] = &[
        (&[], &[], &ALL),
        (&[DigitalSignature], &[], &[TlsServer, TlsClient, Sign, SignReceipt]),
        (&[ContentCommitment], &[], &[Sign, SignReceipt]),
        (&[KeyEncipherment], &[], &[Encrypt, Authenticate]),
        (&[DataEncipherment], &[], &[]),
        (&[Usage::KeyCertSign, Usage::CrlSign], &[], &[]),
        (&[DigitalSignature, KeyEncipherment], &[], &ALL),
        (&[], &[ServerAuth], &[TlsServer]),
        (&[], &[ClientAuth], &[TlsClient, Authenticate]),
        (&[], &[EmailProtection], &[Sign, Encrypt, SignReceipt, Authenticate]),
        (&[], &[ServerAuth, ClientAuth, EmailProtection], &ALL),
        (&[], &[Extended::Any], &ALL),
        (&[], &[Extended::TimeStamping], &[]),
        (&[DigitalSignature], &[EmailProtection], &[Sign, SignReceipt]),
        (&[KeyEncipherment], &[EmailProtection], &[Encrypt, Authenticate]),
        (&[KeyEncipherment], &[ServerAuth], &[]),
    ];
    for (usage, extended, expected) in table {
        let made = recipe("bolt").for_uses(usage).for_purposes(extended).self_signed();
        let says = certificate_facts(&made.certificate).unwrap().extensions;
        let is_for: Vec<_> = ALL.into_iter().filter(|one| says.are_for(*one).is_ok()).collect();
        assert_eq!(is_for, *expected, "{usage:?} {extended:?}");
    }
}

#[test]
fn what_is_used_for_something_else_is_told_with_what_it_has_and_what_it_needs() {
    let says = |usage: &[Usage], extended: &[Extended], purpose| {
        let made = recipe("bolt").for_uses(usage).for_purposes(extended).self_signed();
        let facts = certificate_facts(&made.certificate).unwrap();
        facts.extensions.are_for(purpose).unwrap_err().to_string()
    };
    assert_eq!(
        says(&[DigitalSignature], &[], Purpose::Encrypt),
        "is not for encrypting files: its key usage has digitalSignature, and not keyEncipherment"
    );
    assert_eq!(
        says(&[], &[ServerAuth, Extended::TimeStamping], Purpose::Authenticate),
        "is not for authenticating sessions: its extended key usage has serverAuth, \
         1.3.6.1.5.5.7.3.8, and not emailProtection or clientAuth"
    );
}

const PURPOSE: Option<&str> = Some("E-TLS-CERTIFICATE-PURPOSE");

type Row = (&'static [Usage], &'static [Extended], [Option<&'static str>; 4]);

#[test]
fn in_tls_a_tolerated_partner_may_show_a_certificate_of_either_direction_and_a_strict_one_may_not()
{
    let root = authority("Root");
    let host = ServerName::try_from("bolt.example").unwrap();
    // What the certificate is for; what comes of it where it calls and where it is called, tolerated
    // and held to it.
    let table: &[Row] = &[
        (&[], &[], [None; 4]),
        (&[], &[ServerAuth, ClientAuth], [None; 4]),
        (&[], &[ServerAuth], [None, None, PURPOSE, None]),
        (&[], &[ClientAuth], [None, None, None, PURPOSE]),
        (&[], &[Extended::Any], [None; 4]),
        (&[], &[EmailProtection], [PURPOSE; 4]),
        (&[KeyEncipherment], &[], [None, None, PURPOSE, PURPOSE]),
        (&[DigitalSignature], &[ServerAuth], [None, None, PURPOSE, None]),
    ];
    for (usage, extended, expected) in table {
        let bolt = root.issue(&recipe("bolt.example").for_uses(usage).for_purposes(extended));
        let tolerant = issued_by("bolt", &root, &["bolt.example"]);
        let strict = issued_to_strict("bolt", &root, &["bolt.example"]);
        let code = |partner, role| {
            let judged = judge(&[partner], &[&bolt.certificate], role, TODAY);
            judged.err().map(|refusal| refusal.code())
        };
        let found = [
            code(tolerant.clone(), Role::Client),
            code(tolerant, Role::Server(&host)),
            code(strict.clone(), Role::Client),
            code(strict, Role::Server(&host)),
        ];
        assert_eq!(found, *expected, "{usage:?} {extended:?}");
    }
}

#[test]
fn a_pinned_certificate_is_asked_for_its_use_only_of_a_strict_partner() {
    let bolt = recipe("bolt.example").for_purposes(&[EmailProtection]).self_signed();
    let chain = [&bolt.certificate];
    assert!(judge(&[pinned("bolt", &bolt)], &chain, Role::Client, TODAY).is_ok());
    let refusal = judge(&[strict("bolt", &bolt)], &chain, Role::Client, TODAY).unwrap_err();
    assert_eq!(refusal.code(), "E-TLS-CERTIFICATE-PURPOSE");
    let said = ["partner bolt", "calling by TLS", "emailProtection", "clientAuth", "Tolerant"];
    assert_says(&refusal.to_string(), &said);
}

#[test]
fn nobody_is_strict_without_being_told() {
    assert_eq!(UsageRule::default(), UsageRule::Tolerant);
}
