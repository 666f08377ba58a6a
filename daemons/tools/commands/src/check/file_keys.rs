//! Checks of the certificates and keys for files and receipts: whether they are valid, and apart.

use std::collections::BTreeSet;

use configuration::{Instance as Settings, KeyPurpose, Partner};
use jiff::Timestamp;
use pki::{certificate_facts, same_key};

use super::certificates::validity;
use crate::report::Check;

/// Whether our certificates for files are valid, and each key is for one thing.
pub(super) fn own(settings: &Settings, now: Timestamp) -> Vec<Check> {
    let keys = settings.file_keys.all().iter();
    let valid = keys.map(|key| {
        valid(&format!("our certificate for files in Secret {}", key.secret), &key.certificate, now)
    });
    valid.chain(shared(settings)).collect()
}

/// Whether a partner's certificates for files are valid.
pub(super) fn of_partner(partner: &Partner, now: Timestamp) -> Vec<Check> {
    let active = partner.file_certificates.iter().filter(|entry| entry.is_active(now));
    active
        .flat_map(|entry| {
            let what =
                format!("{}'s certificate for files in Secret {}", partner.name, entry.secret);
            entry.certificates.iter().map(move |certificate| valid(&what, certificate, now))
        })
        .collect()
}

fn valid(what: &str, certificate: &[u8], now: Timestamp) -> Check {
    match certificate_facts(certificate) {
        Some(facts) => validity(what, &facts, now),
        None => Check::bad(format!("{what} cannot be read"), "correct its Secret"),
    }
}

/// What should be apart: who gets hold of a key can then do only one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyUse {
    /// Signing files and receipts.
    Signing,
    /// Decrypting files.
    Decryption,
    /// Decrypting challenges: whoever has it decrypts what else was encrypted for it, too.
    Authentication,
    /// Showing ourselves in TLS.
    Tls,
}

impl KeyUse {
    /// What a purpose is.
    pub fn of(purpose: KeyPurpose) -> Self {
        match purpose {
            KeyPurpose::Sign | KeyPurpose::SignReceipt => Self::Signing,
            KeyPurpose::Decrypt => Self::Decryption,
            KeyPurpose::Authenticate => Self::Authentication,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Signing => "signing",
            Self::Decryption => "decryption",
            Self::Authentication => "authentication of sessions",
            Self::Tls => "TLS",
        }
    }
}

fn shared(settings: &Settings) -> Vec<Check> {
    let receive = settings.receive.tls.as_ref().and_then(|tls| tls.certificate.as_ref());
    let send = settings.send.tls.as_ref().and_then(|tls| tls.certificate.as_ref());
    let shown = receive.into_iter().chain(send).filter_map(|own| own.chain.first());
    let tls = shown.map(|certificate| (certificate.as_ref(), KeyUse::Tls, None));
    let files = settings.file_keys.all().iter().flat_map(|key| {
        let uses = key.purposes.iter().map(|purpose| KeyUse::of(*purpose));
        uses.map(|one| (key.certificate.as_ref(), one, Some(key.secret.as_str())))
    });
    shared_keys(files.chain(tls))
}

/// Warns of keys that have more than one use, whichever Secrets they lie in: of certificates in DER,
/// each with a use and with the Secret's name, if that is known.
pub fn shared_keys<'a>(
    certificates: impl Iterator<Item = (&'a [u8], KeyUse, Option<&'a str>)>,
) -> Vec<Check> {
    let mut keys: Vec<(&[u8], BTreeSet<KeyUse>, BTreeSet<&str>)> = Vec::new();
    for (certificate, one, secret) in certificates {
        match keys.iter_mut().find(|(known, ..)| same_key(known, certificate)) {
            Some((_, uses, secrets)) => {
                uses.insert(one);
                secrets.extend(secret);
            }
            None => keys.push((certificate, [one].into(), secret.into_iter().collect())),
        }
    }
    let shared = keys.into_iter().filter(|(_, uses, _)| uses.len() > 1);
    shared
        .map(|(_, uses, secrets)| {
            let uses: Vec<_> = uses.into_iter().map(KeyUse::name).collect();
            let secrets: Vec<_> = secrets.into_iter().collect();
            Check::warning(
                format!(
                    "one key is for {} (Secret {})",
                    uses.join(" and for "),
                    secrets.join(", ")
                ),
                "give each a key of its own, so that whoever gets hold of one has only that: \
                 docs/partners.md#keys-for-files",
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use configuration::Configuration;
    use support::Identity;

    use super::*;
    use crate::report::Verdict;

    fn secret(name: &str, identity: &Identity) -> String {
        let indented = |text: &str| text.replace('\n', "\n    ");
        format!(
            "---\napiVersion: v1\nkind: Secret\nmetadata: {{name: {name}}}\nstringData:\n  \
             tls.crt: |\n    {}\n  tls.key: |\n    {}\n",
            indented(&identity.certificate_pem),
            indented(&identity.key_pem)
        )
    }

    fn configuration(certificates: &str, secrets: &[String]) -> Configuration {
        let text = format!(
            "apiVersion: seon.dev/v1alpha1
kind: SeonInstance
metadata: {{name: acme}}
spec:
  identity: {{odetteId: O0013000001ACME, passwordSecretRef: {{name: acme-oftp, key: password}}}}
  receive: {{tls: {{certificateSecretRef: {{name: a}}}}}}
  certificates: {certificates}
---
apiVersion: v1
kind: Secret
metadata: {{name: acme-oftp}}
stringData: {{password: ACMEPW}}
{}",
            secrets.concat()
        );
        configuration::parse(&[("acme.yaml", text)]).unwrap()
    }

    fn warnings(certificates: &str, secrets: &[String]) -> Vec<String> {
        let now = ambient::now();
        let checks = own(&configuration(certificates, secrets).instance, now).into_iter();
        let warnings = checks.filter(|check| check.result == Verdict::Warning);
        warnings.map(|check| check.description).collect()
    }

    #[test]
    fn a_key_of_two_uses_is_worth_a_look_in_whichever_secrets_it_lies() {
        let [one, other, third] = ["one", "other", "third"].map(Identity::rsa);
        let secrets = [("a", &third), ("b", &one), ("c", &one), ("d", &other)]
            .map(|(name, identity)| secret(name, identity));
        for (certificates, expected) in [
            ("[{purpose: [Sign, SignReceipt], secretRef: {name: b}}]", &[][..]),
            (
                "[{purpose: [Sign], secretRef: {name: b}}, \
                 {purpose: [Decrypt], secretRef: {name: d}}]",
                &[],
            ),
            (
                "[{purpose: [Sign, Decrypt], secretRef: {name: d}}]",
                &["one key is for signing and for decryption (Secret d)"],
            ),
            (
                "[{purpose: [Sign], secretRef: {name: b}}, \
                 {purpose: [Decrypt], secretRef: {name: c}}]",
                &["one key is for signing and for decryption (Secret b, c)"],
            ),
            (
                "[{purpose: [SignReceipt], secretRef: {name: a}}]",
                &["one key is for signing and for TLS (Secret a)"],
            ),
            (
                "[{purpose: [Sign, Decrypt], secretRef: {name: a}}]",
                &["one key is for signing and for decryption and for TLS (Secret a)"],
            ),
        ] {
            assert_eq!(warnings(certificates, &secrets), expected, "{certificates}");
        }
    }

    #[test]
    fn our_certificates_for_files_are_judged_by_the_end_of_their_validity() {
        let secrets = ["a", "b"].map(|name| secret(name, &Identity::rsa(name)));
        let keys = configuration("[{purpose: [Sign], secretRef: {name: b}}]", &secrets).instance;
        let result = |now: Timestamp| own(&keys, now)[0].clone();
        let good = result(ambient::now());
        assert_eq!(good.result, Verdict::Success);
        assert!(good.description.starts_with("our certificate for files in Secret b is valid for"));
        assert_eq!(result("4100-01-01T00:00:00Z".parse().unwrap()).result, Verdict::Error);
    }
}
