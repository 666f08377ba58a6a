//! An authority's answer, put into a Secret with its key.

use std::fs;
use std::path::PathBuf;

use jiff::Timestamp;
use pki::{same_key, subject_public_key};
use rcgen::{KeyPair, PublicKeyData};
use serde::Serialize;
use serde_json::json;
use zeroize::Zeroizing;

use super::answer::{Answered, certificates, chain, issuer};
use super::{OwnKeyError, OwnPurpose, key_of, named, read, write_new};
use crate::Error;

/// What is wanted.
#[derive(Debug)]
pub struct Import<'a> {
    /// Of the key's file `NAME.key.pem`, and of the Secret.
    pub name: &'a str,
    /// What for.
    pub uses: &'a [OwnPurpose],
    /// Files with what the authority answered.
    pub answers: &'a [PathBuf],
    /// The Secret's namespace, if the manifest is to name it.
    pub namespace: Option<&'a str>,
    /// Where the key lies and the files come to lie.
    pub folder: PathBuf,
}

/// What was made of it.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Imported {
    /// A Secret of type kubernetes.io/tls with key and certificates, which only its owner may read.
    pub secret: PathBuf,
    /// The certificate alone, in PEM: for the partners.
    pub certificate: PathBuf,
    /// Subjects, from the certificate to the last authority between.
    pub chain: Vec<String>,
    /// SHA-256 of the certificate, hexadecimal digits.
    pub sha256: String,
    /// The start of its validity.
    pub valid_from: Timestamp,
    /// The end of its validity.
    pub expires: Timestamp,
    /// What to know before it is used.
    pub notes: Vec<Note>,
}

/// What is not as it should be, and does not keep it from being used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Note(pub String);

/// Finds the certificate of the key in the answers, and writes `NAME.secret.yaml` and `NAME.crt.pem`.
pub fn import(order: &Import<'_>, now: Timestamp) -> Result<Imported, Error> {
    let name = named(order.name)?;
    let key_file = order.folder.join(format!("{name}.key.pem"));
    let key = key_of(&key_file)?;
    let key_pem = Zeroizing::new(key.serialize_pem());
    let mut all = Vec::new();
    for file in order.answers {
        let found = certificates(&read(file)?);
        if found.is_empty() {
            return Err(OwnKeyError::Empty(file.clone()).into());
        }
        all.extend(found);
    }
    let own = own(&key, &all).ok_or_else(|| OwnKeyError::OfAnother {
        key: key_file.clone(),
        found: all.iter().map(described).collect(),
    })?;
    if own.facts.expires <= now {
        let (subject, ended) = (own.facts.subject.clone(), own.facts.expires);
        return Err(OwnKeyError::Ended { subject, ended }.into());
    }
    let chain = chain(own, &all);
    let secret_file = order.folder.join(format!("{name}.secret.yaml"));
    let certificate_file = order.folder.join(format!("{name}.crt.pem"));
    let pem_of =
        |certificate: &Answered| pem::encode(&pem::Pem::new("CERTIFICATE", &*certificate.der));
    let certificates: String = chain.iter().map(|one| pem_of(one)).collect();
    let secret = Zeroizing::new(secret(order, &certificates, &key_pem));
    let certificate_pem = pem_of(own);
    // The same one is what an import has left that was stopped before the Secret.
    let is_there = fs::read(&certificate_file).ok().as_deref() == Some(certificate_pem.as_bytes());
    if !is_there {
        write_new(&certificate_file, &certificate_pem, 0o644)?;
    }
    if let Err(error) = write_new(&secret_file, &secret, 0o600) {
        // Both or none: the next try is to find nothing in its way.
        if !is_there {
            let _ = fs::remove_file(&certificate_file);
        }
        return Err(error);
    }
    Ok(Imported {
        secret: secret_file,
        certificate: certificate_file,
        chain: chain.iter().map(|one| one.facts.subject.clone()).collect(),
        sha256: pki::fingerprint(&own.der),
        valid_from: own.facts.valid_from,
        expires: own.facts.expires,
        notes: notes(order.uses, own, &all, now),
    })
}

/// The certificate about the key; of several the one that ends last.
fn own<'a>(key: &KeyPair, all: &'a [Answered]) -> Option<&'a Answered> {
    let wanted = key.subject_public_key_info();
    let is_about_it =
        |one: &&Answered| subject_public_key(&one.der).is_some_and(|found| found.info == wanted);
    all.iter().filter(is_about_it).max_by_key(|one| one.facts.expires)
}

fn described(one: &Answered) -> String {
    format!("{} (serial {})", one.facts.subject, one.facts.serial)
}

/// In JSON's spelling, which is YAML too, so that nothing in a value can end it.
fn secret(order: &Import<'_>, certificates: &str, key: &str) -> String {
    let mut metadata = json!({"name": order.name});
    if let Some(namespace) = order.namespace {
        metadata["namespace"] = namespace.into();
    }
    let head = "apiVersion: v1\nkind: Secret";
    let mut secret =
        format!("{head}\nmetadata: {metadata}\ntype: kubernetes.io/tls\nstringData:\n");
    for (name, text) in [("tls.crt", certificates), ("tls.key", key)] {
        secret.extend(["  ", name, ": |\n"]);
        text.lines().for_each(|line| secret.extend(["    ", line, "\n"]));
    }
    secret
}

fn notes(uses: &[OwnPurpose], own: &Answered, all: &[Answered], now: Timestamp) -> Vec<Note> {
    let mut notes = Vec::new();
    let mut note = |text: String| notes.push(Note(text));
    if own.facts.valid_from > now {
        note(format!("it counts from {} on, and not before", own.facts.valid_from));
    }
    for purpose in uses.iter().flat_map(|usage| usage.judged()) {
        if let Err(misuse) = own.facts.extensions.are_for(*purpose) {
            note(format!(
                "it {misuse}; partners that go by that refuse it (Seon's with certificateUsage: Strict): \
                 ask the authority for one with that usage"
            ));
        }
    }
    let is_alone = own.facts.issuer != own.facts.subject && issuer(own, all).is_none();
    if is_alone && uses.contains(&OwnPurpose::Tls) {
        note(format!(
            "the certificate of its issuer {} is not among what was answered; partners that know it \
             by an authority above that one do not find the way: give that file too",
            own.facts.issuer
        ));
    }
    let others = all.iter().filter(|one| *one != own && same_key(&one.der, &own.der));
    for other in others {
        note(format!(
            "{} is about the same key and was left out, since it ends earlier",
            described(other)
        ));
    }
    notes
}

#[cfg(test)]
mod tests {
    use rcgen::{
        BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, date_time_ymd,
    };
    use support::TemporaryDirectory;

    use super::*;

    const NOW: &str = "2026-12-01T12:00:00Z";

    fn parameters(name: &str, end: i32) -> CertificateParams {
        let mut parameters = CertificateParams::default();
        parameters.distinguished_name.push(DnType::CommonName, name);
        parameters.not_before = date_time_ymd(2020, 1, 1);
        parameters.not_after = date_time_ymd(end, 1, 1);
        parameters.use_authority_key_identifier_extension = true;
        parameters
    }

    /// An authority that signs itself.
    fn authority(name: &str) -> CertifiedIssuer<'static, KeyPair> {
        let mut parameters = parameters(name, 2040);
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        CertifiedIssuer::self_signed(parameters, KeyPair::generate().unwrap()).unwrap()
    }

    struct Desk {
        folder: TemporaryDirectory,
        key: KeyPair,
    }

    impl Desk {
        fn new() -> Self {
            let (folder, key) = (TemporaryDirectory::new(), KeyPair::generate().unwrap());
            fs::write(folder.join("acme.key.pem"), key.serialize_pem()).unwrap();
            Self { folder, key }
        }

        fn certificate(&self, issuer: &CertifiedIssuer<'_, KeyPair>, end: i32) -> String {
            parameters("acme", end).signed_by(&self.key, issuer).unwrap().pem()
        }

        fn import(&self, answer: &str) -> Result<Imported, Error> {
            fs::write(self.folder.join("answer.pem"), answer).unwrap();
            let order = Import {
                name: "acme",
                uses: &[OwnPurpose::Tls],
                answers: &[self.folder.join("answer.pem")],
                namespace: Some("exchange"),
                folder: self.folder.path().to_owned(),
            };
            import(&order, NOW.parse().unwrap())
        }
    }

    #[test]
    fn of_two_certificates_of_the_key_the_one_that_ends_last_counts_and_the_other_is_told_of() {
        let (desk, issuer) = (Desk::new(), authority("one"));
        let answer = [desk.certificate(&issuer, 2028), desk.certificate(&issuer, 2030)].concat();
        let made = desk.import(&answer).unwrap();
        assert_eq!(made.expires, "2030-01-01T00:00:00Z".parse().unwrap());
        assert!(made.notes.iter().any(|note| note.0.contains("ends earlier")), "{made:?}");
        assert!(made.notes.iter().any(|note| note.0.contains("issuer CN=one")), "{made:?}");
        let secret = fs::read_to_string(made.secret).unwrap();
        assert!(secret.contains(r#""namespace":"exchange""#), "{secret}");
    }

    #[test]
    fn of_two_authorities_with_one_name_the_one_that_issued_it_is_in_the_chain() {
        let (desk, root) = (Desk::new(), authority("root"));
        let issuing = || {
            let mut parameters = parameters("issuing", 2040);
            parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            CertifiedIssuer::signed_by(parameters, KeyPair::generate().unwrap(), &root).unwrap()
        };
        let (old, new) = (issuing(), issuing());
        let answer = [old.pem(), desk.certificate(&new, 2030), root.pem(), new.pem()].concat();
        let made = desk.import(&answer).unwrap();
        assert_eq!(made.chain, ["CN=acme", "CN=issuing"]);
        assert_eq!(made.notes, []);
        let secret = fs::read_to_string(made.secret).unwrap();
        let lines = |pem: &str| pem.lines().map(str::trim).collect::<String>();
        assert!(lines(&secret).contains(&lines(&new.pem())), "the new one's");
        assert!(!lines(&secret).contains(&lines(&old.pem())), "and not the old one's");
    }

    #[test]
    fn an_import_that_was_stopped_before_the_secret_is_done_again() {
        let (desk, issuer) = (Desk::new(), authority("one"));
        let answer = desk.certificate(&issuer, 2030);
        let made = desk.import(&answer).unwrap();
        let secret = fs::read(&made.secret).unwrap();
        assert_eq!(desk.import(&answer).unwrap_err().code(), "E-KEY-EXISTS");
        assert!(made.certificate.exists(), "what another import has made is not removed");
        fs::remove_file(&made.secret).unwrap();
        assert_eq!(desk.import(&answer).unwrap().secret, made.secret);
        assert_eq!(fs::read(&made.secret).unwrap(), secret);
    }

    #[test]
    fn what_has_ended_is_refused_and_leaves_nothing() {
        let (desk, issuer) = (Desk::new(), authority("one"));
        let error = desk.import(&desk.certificate(&issuer, 2026)).unwrap_err();
        assert_eq!(error.code(), "E-KEY-ENDED", "{error}");
        let files = fs::read_dir(desk.folder.path()).unwrap().count();
        assert_eq!(files, 2, "the key and the answer");
    }
}
