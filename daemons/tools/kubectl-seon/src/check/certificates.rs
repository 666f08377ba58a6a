//! The certificates in the Secrets that an instance and its partners name.

use std::collections::BTreeMap;

use crds::{SeonInstance, SeonPartner, conditions};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;
use pki::certificate_facts;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use super::super::KubernetesError;
use super::super::cluster::Cluster;
use super::hidden;
use commands::check::{KeyUse, shared_keys, validity};
use commands::report::Check;

/// The key of a certificate in a Secret.
const CERTIFICATE: &str = "tls.crt";
/// The key of an authority's, which is enough for a partner that is known by it.
const AUTHORITY: &str = "ca.crt";

pub(super) async fn examine(
    cluster: &Cluster,
    instance: &SeonInstance,
    partners: &Result<Vec<SeonPartner>, KubernetesError>,
    now: Timestamp,
) -> Vec<Check> {
    let partners = partners.as_deref().unwrap_or_default();
    let mut checks: Vec<_> = ending(instance).into_iter().collect();
    let mut first = BTreeMap::new();
    for (name, whose) in named(instance, partners) {
        let secret = cluster.objects::<Secret>().get_opt(&name).await;
        match secret {
            Ok(secret) => {
                checks.push(judge(&whose, &name, secret.as_ref(), now));
                first.extend(
                    secret
                        .as_ref()
                        .and_then(|it| first_certificate(it, CERTIFICATE))
                        .map(|der| (name, der)),
                );
            }
            Err(error) => {
                let error = cluster.explain(&format!("reading Secret {name}"), error);
                // One is enough: the others are hidden in the same way.
                checks.push(hidden("the certificates", &error));
                return checks;
            }
        }
    }
    checks.extend(shared(instance, &first));
    checks
}

/// Our keys that have more than one use, by the certificates in our Secrets.
fn shared(
    instance: &SeonInstance,
    first: &BTreeMap<String, CertificateDer<'static>>,
) -> Vec<Check> {
    let spec = &instance.spec;
    let send = spec.send.tls.iter().map(|tls| &tls.certificate_secret_ref);
    let receive = spec.receive.tls.iter().map(|tls| &tls.certificate_secret_ref);
    let tls = send.chain(receive).map(|secret| (&secret.name, KeyUse::Tls));
    let files = spec.certificates.iter().flat_map(|certificate| {
        let uses = certificate.purpose.iter().map(|purpose| KeyUse::of(*purpose));
        uses.map(|one| (&certificate.secret_ref.name, one))
    });
    let known = files.chain(tls).filter_map(|(name, one)| Some((first.get(name)?, one, name)));
    shared_keys(known.map(|(der, one, name)| (der.as_ref(), one, Some(name.as_str()))))
}

/// What the operator says of days on which somebody will have no certificate.
fn ending(instance: &SeonInstance) -> Option<Check> {
    let conditions = &instance.status.as_ref()?.conditions;
    let told = conditions.iter().find(|it| it.kind == conditions::CERTIFICATES_CURRENT)?;
    let cure = "renew them in time (docs/certificates.md#renewal)";
    (told.status == "False")
        .then(|| Check::warning("certificates end soon", cure).because(&told.message))
}

/// Whose certificate is in a Secret.
#[derive(Debug, PartialEq, Eq)]
enum Whose {
    /// Ours: for what.
    Ours(&'static str),
    /// The partner's of this name, or its authority's.
    Partner(String),
}

/// The Secrets, each once, and what the certificate in each is.
fn named(instance: &SeonInstance, partners: &[SeonPartner]) -> BTreeMap<String, Whose> {
    let spec = &instance.spec;
    let send = spec.send.tls.as_ref().map(|tls| &tls.certificate_secret_ref.name);
    let receive = spec.receive.tls.as_ref().map(|tls| &tls.certificate_secret_ref.name);
    let of_partners = partners.iter().flat_map(|partner| {
        let name = partner.name_any();
        partner.spec.certificates.iter().map(move |certificate| {
            (certificate.secret_ref.name.clone(), Whose::Partner(name.clone()))
        })
    });
    let ours = [(send, "our certificate as a caller"), (receive, "our certificate for callers")];
    let ours = ours.into_iter().filter_map(|(name, what)| Some((name?.clone(), Whose::Ours(what))));
    let files = spec.certificates.iter().map(|certificate| {
        (certificate.secret_ref.name.clone(), Whose::Ours("our certificate for files"))
    });
    of_partners.chain(files).chain(ours).collect()
}

fn judge(whose: &Whose, name: &str, secret: Option<&Secret>, now: Timestamp) -> Check {
    let has = |key| {
        let data = secret.and_then(|secret| secret.data.as_ref());
        data.is_some_and(|data| data.contains_key(key))
    };
    let (what, key) = match whose {
        Whose::Ours(what) => ((*what).to_owned(), CERTIFICATE),
        Whose::Partner(partner) if has(AUTHORITY) && !has(CERTIFICATE) => {
            (format!("the authority of {partner}'s certificates"), AUTHORITY)
        }
        Whose::Partner(partner) => (format!("{partner}'s certificate"), CERTIFICATE),
    };
    let what = format!("{what} in Secret {name}");
    let correct = "correct the Secret, or the reference to it (docs/kubectl.md#check)";
    let Some(secret) = secret else {
        return Check::bad(format!("{what} is not there"), correct);
    };
    if !has(key) {
        let keys = match whose {
            Whose::Ours(_) => CERTIFICATE.to_owned(),
            Whose::Partner(_) => format!("{CERTIFICATE} or {AUTHORITY}"),
        };
        return Check::bad(format!("{what}: there is no key {keys}"), correct);
    }
    match first_certificate(secret, key).and_then(|first| certificate_facts(&first)) {
        Some(facts) => validity(&what, &facts, now),
        None => Check::bad(format!("{what} cannot be read"), correct),
    }
}

/// The certificate itself; those behind it are intermediate ones.
fn first_certificate(secret: &Secret, key: &str) -> Option<CertificateDer<'static>> {
    let pem = secret.data.as_ref()?.get(key)?;
    CertificateDer::pem_slice_iter(&pem.0).next()?.ok()
}

#[cfg(test)]
mod tests {
    use k8s_openapi::ByteString;

    use super::*;
    use crate::instance::tests::instance;
    use commands::report::Verdict;

    fn acme() -> SeonInstance {
        instance(
            "acme",
            "  receive: {tls: {certificateSecretRef: {name: acme-tls}}}
  certificates: [{purpose: [Sign], secretRef: {name: acme-files}}]\n",
        )
    }

    fn bolt() -> SeonPartner {
        serde_yaml::from_str(
            "apiVersion: seon.dev/v1alpha1
kind: SeonPartner
metadata: {name: bolt}
spec:
  instanceRef: {name: acme}
  identity: {odetteId: O0013000002BOLT, passwordSecretRef: {name: bolt-oftp, key: password}}
  certificates: [{purpose: [Tls], secretRef: {name: bolt-tls}}]
",
        )
        .unwrap()
    }

    fn secret(key: &str, text: &str) -> Secret {
        let data = BTreeMap::from([(key.to_owned(), ByteString(text.into()))]);
        Secret { data: Some(data), ..Secret::default() }
    }

    #[test]
    fn every_secret_is_looked_at_once_and_ours_come_under_our_name() {
        let names: Vec<_> = named(&acme(), &[bolt(), bolt()]).into_iter().collect();
        let expected = [
            ("acme-files", Whose::Ours("our certificate for files")),
            ("acme-tls", Whose::Ours("our certificate for callers")),
            ("bolt-tls", Whose::Partner("bolt".to_owned())),
        ]
        .map(|(name, whose)| (name.to_owned(), whose));
        assert_eq!(names, expected);
    }

    #[test]
    fn a_certificate_is_judged_by_the_end_of_its_validity() {
        let made = rcgen::generate_simple_self_signed(["oftp.acme.example".to_owned()]).unwrap();
        let good = secret(CERTIFICATE, &made.cert.pem());
        let result = |secret: Option<&Secret>, now: &str| {
            judge(&Whose::Ours("ours"), "acme-tls", secret, now.parse().unwrap()).result
        };
        let (then, much_later) = ("2026-11-22T00:00:00Z", "4100-01-01T00:00:00Z");
        assert_eq!(result(Some(&good), then), Verdict::Success);
        assert_eq!(result(Some(&good), much_later), Verdict::Error);
        assert_eq!(result(None, then), Verdict::Error);
        assert_eq!(result(Some(&secret("other", "")), then), Verdict::Error);
        assert_eq!(result(Some(&secret(CERTIFICATE, "no PEM")), then), Verdict::Error);

        // A partner may be known by its authority alone, and we are not.
        let authority = secret(AUTHORITY, &made.cert.pem());
        assert_eq!(result(Some(&authority), then), Verdict::Error);
        let partner = Whose::Partner("bolt".to_owned());
        let told = judge(&partner, "bolt-tls", Some(&authority), then.parse().unwrap());
        assert_eq!(told.result, Verdict::Success);
        assert!(told.description.starts_with("the authority of bolt's"), "{}", told.description);
        let neither =
            judge(&partner, "bolt-tls", Some(&secret("other", "")), then.parse().unwrap());
        assert!(
            neither.description.ends_with("no key tls.crt or ca.crt"),
            "{}",
            neither.description
        );
    }

    #[test]
    fn a_day_without_a_certificate_is_told_of_as_the_operator_says_it() {
        let told = |status: &str| {
            let condition = format!(
                "status:\n  conditions:\n  - {{type: CertificatesCurrent, status: '{status}', reason: X, \
                 message: 'from 2026-12-12 on bolt has no certificate for Encrypt', \
                 lastTransitionTime: '2026-11-20T08:14:02Z'}}\n"
            );
            ending(&instance("acme", &condition)).map(|check| (check.result, check.error))
        };
        assert_eq!(told("True"), None);
        let sentence = "from 2026-12-12 on bolt has no certificate for Encrypt".to_owned();
        assert_eq!(told("False"), Some((Verdict::Warning, Some(sentence))));
    }

    #[test]
    fn a_key_of_files_that_is_shown_in_tls_too_is_worth_a_look() {
        let der = || {
            let made = rcgen::generate_simple_self_signed(["acme".to_owned()]).unwrap();
            first_certificate(&secret(CERTIFICATE, &made.cert.pem()), CERTIFICATE).unwrap()
        };
        let (one, other) = (der(), der());
        let said = |tls: &CertificateDer<'static>, files: &CertificateDer<'static>| {
            let first = [("acme-tls", tls), ("acme-files", files)];
            let first = first.map(|(name, der)| (name.to_owned(), der.clone())).into();
            let checks = shared(&acme(), &first).into_iter();
            checks.map(|check| check.description).collect::<Vec<_>>()
        };
        let expected = "one key is for signing and for TLS (Secret acme-files, acme-tls)";
        assert_eq!(said(&one, &one), [expected]);
        assert_eq!(said(&one, &other), [""; 0]);
    }
}
