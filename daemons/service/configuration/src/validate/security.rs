//! How files are secured, and whether there is all that it takes.

use crds::{
    CertificatePurpose, CertificateUsage, CipherSuite, KeyPurpose, SeonPartnerSpec,
    SessionAuthentication,
};
use domain::{
    Suite,
    security::{
        Authentication, Demand, FileSecurity, InboundPolicy, OutboundMeans, OutboundPolicy,
        ReceiptHash,
    },
};
use oftp::Level;
use pki::UsageRule;

use super::Checker;
use crate::{error::Problem, instance::Instance};

/// What is asked of a partner's files. What is Required has to be possible.
pub(super) fn validate(
    check: &mut Checker<'_, '_>,
    spec: &SeonPartnerSpec,
    highest_level: Level,
    instance: Option<&Instance>,
) -> Option<FileSecurity> {
    required_is_possible(check, spec, highest_level, instance);
    let crds::Security { outbound, inbound, receipts, .. } = &spec.security;
    let theirs = |purpose| spec.certificates.iter().any(|entry| entry.purpose.contains(&purpose));
    // What an instance has that is not good itself is not known.
    let ours = |purpose| instance.is_none_or(|instance| instance.file_keys.has(purpose));
    let own_suite = suite(outbound.cipher_suite)?;
    let suites = match &inbound.cipher_suites {
        Some(suites) => suites.iter().map(|named| suite(*named)).collect::<Option<_>>()?,
        None => Suite::usual().chain([own_suite]).collect(),
    };
    // What we have no key for cannot be taken, whoever allows it.
    let with = |demand, is_there| if is_there { demand_of(demand) } else { Demand::Forbidden };
    Some(FileSecurity {
        outbound: OutboundPolicy {
            sign: demand_of(outbound.sign),
            encrypt: demand_of(outbound.encrypt),
            compress: demand_of(outbound.compress),
            signed_receipt: demand_of(receipts.signed),
            suite: own_suite,
            means: OutboundMeans {
                signing_key: ours(KeyPurpose::Sign),
                encryption_certificate: theirs(CertificatePurpose::Encrypt),
                receipt_certificate: theirs(CertificatePurpose::VerifyReceipt),
                highest_level,
            },
        },
        inbound: InboundPolicy {
            sign: with(inbound.sign, theirs(CertificatePurpose::VerifySignature)),
            encrypt: with(inbound.encrypt, ours(KeyPurpose::Decrypt)),
            compress: demand_of(inbound.compress),
            suites,
            signs_receipts: ours(KeyPurpose::SignReceipt),
        },
    })
}

/// Whether sessions are authenticated. What is not Forbidden has to be possible, on both sides.
pub(super) fn authentication(
    check: &mut Checker<'_, '_>,
    spec: &SeonPartnerSpec,
    highest_level: Level,
    instance: Option<&Instance>,
) -> Authentication {
    const FIELD: &str = "spec.security.authentication";
    let wanted = match spec.security.authentication {
        SessionAuthentication::Forbidden => return Authentication::Forbidden,
        SessionAuthentication::Prepared => Authentication::Prepared,
        SessionAuthentication::Required => Authentication::Required,
    };
    if highest_level < Level::V2_0 && wanted == Authentication::Required {
        let problem = format!(
            "is Required, and protocol.highestLevel is {highest_level}, which cannot do it; raise \
             highestLevel to \"2.0\", or give Forbidden"
        );
        check.fail(FIELD, Problem::Conflict(problem));
    }
    let theirs = spec.certificates.iter();
    let is_theirs_there = theirs
        .flat_map(|entry| &entry.purpose)
        .any(|purpose| *purpose == CertificatePurpose::Authenticate);
    let is_ours_there =
        instance.is_none_or(|instance| instance.file_keys.has(KeyPurpose::Authenticate));
    let named = instance.map_or_else(String::new, |instance| instance.name.to_string());
    for (is_there, whose) in [
        (is_theirs_there, "this partner".to_owned()),
        (is_ours_there, format!("SeonInstance {named}")),
    ] {
        if !is_there {
            let problem = format!(
                "is {wanted:?}, and {whose} has no certificate for that; add to its \
                 spec.certificates an entry with purpose [Authenticate], or give Forbidden"
            );
            check.fail(FIELD, Problem::Conflict(problem));
        }
    }
    wanted
}

pub(super) fn receipt_hash(hash: crds::ReceiptHash) -> ReceiptHash {
    match hash {
        crds::ReceiptHash::Strict => ReceiptHash::Strict,
        crds::ReceiptHash::Tolerant => ReceiptHash::Tolerant,
    }
}

pub(super) fn certificate_usage(usage: CertificateUsage) -> UsageRule {
    match usage {
        CertificateUsage::Tolerant => UsageRule::Tolerant,
        CertificateUsage::Strict => UsageRule::Strict,
    }
}

fn demand_of(demand: crds::Demand) -> Demand {
    match demand {
        crds::Demand::Required => Demand::Required,
        crds::Demand::Allowed => Demand::Allowed,
        crds::Demand::Forbidden => Demand::Forbidden,
    }
}

fn suite(suite: CipherSuite) -> Option<Suite> {
    Suite::try_from(i64::from(suite.number())).ok()
}

/// What has to be there for a setting that is Required.
enum Needs {
    Ours(KeyPurpose),
    Theirs(CertificatePurpose),
    Nothing,
}

fn required_is_possible(
    check: &mut Checker<'_, '_>,
    spec: &SeonPartnerSpec,
    highest_level: Level,
    instance: Option<&Instance>,
) {
    let crds::Security { outbound, inbound, receipts, .. } = &spec.security;
    let settings = [
        ("outbound.sign", outbound.sign, Needs::Ours(KeyPurpose::Sign)),
        ("outbound.encrypt", outbound.encrypt, Needs::Theirs(CertificatePurpose::Encrypt)),
        ("outbound.compress", outbound.compress, Needs::Nothing),
        ("inbound.sign", inbound.sign, Needs::Theirs(CertificatePurpose::VerifySignature)),
        ("inbound.encrypt", inbound.encrypt, Needs::Ours(KeyPurpose::Decrypt)),
        ("inbound.compress", inbound.compress, Needs::Nothing),
        ("receipts.signed", receipts.signed, Needs::Theirs(CertificatePurpose::VerifyReceipt)),
    ];
    let required: Vec<_> =
        settings.into_iter().filter(|(_, demand, _)| *demand == crds::Demand::Required).collect();
    if highest_level < Level::V2_0
        && let Some((first, ..)) = required.first()
    {
        let problem = format!(
            "{highest_level} is the highest level that is offered, and what spec.security.{first} \
             requires came with 2.0; raise highestLevel to \"2.0\", or give Allowed there"
        );
        check.fail("spec.protocol.highestLevel", Problem::Conflict(problem));
    }
    if receipts.signed == crds::Demand::Required && !spec.receipts.expected {
        let problem = "is Required, and receipts.expected is false, so that no receipt would ever \
                       be looked for; set receipts.expected: true, or give Allowed";
        check.fail("spec.security.receipts.signed", Problem::Conflict(problem.into()));
    }
    for (setting, _, needs) in required {
        let (whose, purpose) = match needs {
            Needs::Ours(purpose) => match instance {
                Some(instance) if !instance.file_keys.has(purpose) => {
                    (format!("SeonInstance {}", instance.name), format!("{purpose:?}"))
                }
                _ => continue,
            },
            Needs::Theirs(purpose) => {
                if spec.certificates.iter().any(|entry| entry.purpose.contains(&purpose)) {
                    continue;
                }
                ("this partner".to_owned(), format!("{purpose:?}"))
            }
            Needs::Nothing => continue,
        };
        let problem = format!(
            "is Required, and {whose} has no certificate for that; add to its spec.certificates \
             an entry with purpose [{purpose}], or give Allowed"
        );
        check.fail(&format!("spec.security.{setting}"), Problem::Conflict(problem));
    }
}
