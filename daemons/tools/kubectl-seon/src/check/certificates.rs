//! The certificates in the Secrets that an instance and its partners name.

use std::collections::BTreeMap;

use crds::{SeonInstance, SeonPartner};
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

pub(super) async fn examine(
    cluster: &Cluster,
    instance: &SeonInstance,
    partners: &Result<Vec<SeonPartner>, KubernetesError>,
    now: Timestamp,
) -> Vec<Check> {
    let partners = partners.as_deref().unwrap_or_default();
    let mut checks = Vec::new();
    let mut first = BTreeMap::new();
    for (name, what) in named(instance, partners) {
        let secret = cluster.objects::<Secret>().get_opt(&name).await;
        match secret {
            Ok(secret) => {
                checks.push(judge(&what, &name, secret.as_ref(), now));
                first.extend(secret.as_ref().and_then(first_certificate).map(|der| (name, der)));
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

/// The Secrets, each once, and what the certificate in each is.
fn named(instance: &SeonInstance, partners: &[SeonPartner]) -> BTreeMap<String, String> {
    let spec = &instance.spec;
    let send = spec.send.tls.as_ref().map(|tls| &tls.certificate_secret_ref.name);
    let receive = spec.receive.tls.as_ref().map(|tls| &tls.certificate_secret_ref.name);
    let of_partners = partners.iter().flat_map(|partner| {
        let name = partner.name_any();
        partner.spec.certificates.iter().map(move |certificate| {
            (certificate.secret_ref.name.clone(), format!("{name}'s certificate"))
        })
    });
    let ours = [(send, "our certificate as a caller"), (receive, "our certificate for callers")];
    let ours = ours.into_iter().filter_map(|(name, what)| Some((name?.clone(), what.to_owned())));
    let files = spec.certificates.iter().map(|certificate| {
        (certificate.secret_ref.name.clone(), "our certificate for files".to_owned())
    });
    of_partners.chain(files).chain(ours).collect()
}

fn judge(what: &str, name: &str, secret: Option<&Secret>, now: Timestamp) -> Check {
    let what = format!("{what} in Secret {name}");
    let correct = "correct the Secret, or the reference to it (docs/kubectl.md#check)";
    let Some(secret) = secret else {
        return Check::bad(format!("{what} is not there"), correct);
    };
    if !secret.data.as_ref().is_some_and(|data| data.contains_key(CERTIFICATE)) {
        return Check::bad(format!("{what}: there is no key {CERTIFICATE}"), correct);
    }
    match first_certificate(secret).and_then(|first| certificate_facts(&first)) {
        Some(facts) => validity(&what, &facts, now),
        None => Check::bad(format!("{what} cannot be read"), correct),
    }
}

/// The certificate itself; those behind it are intermediate ones.
fn first_certificate(secret: &Secret) -> Option<CertificateDer<'static>> {
    let pem = secret.data.as_ref()?.get(CERTIFICATE)?;
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
            ("acme-files", "our certificate for files"),
            ("acme-tls", "our certificate for callers"),
            ("bolt-tls", "bolt's certificate"),
        ]
        .map(|(name, what)| (name.to_owned(), what.to_owned()));
        assert_eq!(names, expected);
    }

    #[test]
    fn a_certificate_is_judged_by_the_end_of_its_validity() {
        let made = rcgen::generate_simple_self_signed(["oftp.acme.example".to_owned()]).unwrap();
        let good = secret(CERTIFICATE, &made.cert.pem());
        let result = |secret: Option<&Secret>, now: &str| {
            judge("ours", "acme-tls", secret, now.parse().unwrap()).result
        };
        let (then, much_later) = ("2026-11-22T00:00:00Z", "4100-01-01T00:00:00Z");
        assert_eq!(result(Some(&good), then), Verdict::Success);
        assert_eq!(result(Some(&good), much_later), Verdict::Error);
        assert_eq!(result(None, then), Verdict::Error);
        assert_eq!(result(Some(&secret("other", "")), then), Verdict::Error);
        assert_eq!(result(Some(&secret(CERTIFICATE, "no PEM")), then), Verdict::Error);
    }
    #[test]
    fn a_key_of_files_that_is_shown_in_tls_too_is_worth_a_look() {
        let der = || {
            let made = rcgen::generate_simple_self_signed(["acme".to_owned()]).unwrap();
            first_certificate(&secret(CERTIFICATE, &made.cert.pem())).unwrap()
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
