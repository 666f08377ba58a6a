//! The subject that somebody wants in a certificate.

use std::str::FromStr;

use der::Encode;
use der::oid::db::rfc4519;
use x509_cert::name::RdnSequence;

use crate::name::name;
use crate::reader::{Reader, SEQUENCE};

/// A subject as people write it (RFC 4514): `CN=acme files,O=Acme AG,C=DE`, the most specific part
/// first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    text: String,
    attributes: Vec<(Vec<u64>, String)>,
}

/// What was written is no subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "is not a subject: write it as CN=acme files,O=Acme AG,C=DE, with a backslash before a comma in a \
     value, and C as the two letters of a country"
)]
pub struct SubjectError;

impl Subject {
    /// Each attribute, the least specific one first, as a certificate has them: its object identifier
    /// and its value.
    pub fn attributes(&self) -> impl Iterator<Item = (&[u64], &str)> {
        self.attributes.iter().map(|(identifier, value)| (identifier.as_slice(), value.as_str()))
    }

    /// As [`CertificateFacts::subject`](crate::CertificateFacts::subject) will have it.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl FromStr for Subject {
    type Err = SubjectError;

    fn from_str(written: &str) -> Result<Self, Self::Err> {
        let read = RdnSequence::from_str(written).map_err(|_| SubjectError)?;
        let der = read.to_der().map_err(|_| SubjectError)?;
        let parts = Reader(&der).expect(SEQUENCE).ok_or(SubjectError)?;
        let (text, common_names) = name(parts, "").ok_or(SubjectError)?;
        let mut attributes = Vec::new();
        for part in read.as_ref() {
            for attribute in part.iter() {
                let value = String::from_utf8(attribute.value.value().to_vec());
                let value = value.map_err(|_| SubjectError)?;
                let is_country = attribute.oid == rfc4519::C;
                let is_two_letters =
                    value.len() == 2 && value.bytes().all(|octet| octet.is_ascii_uppercase());
                if value.trim().is_empty() || is_country && !is_two_letters {
                    return Err(SubjectError);
                }
                attributes.push((attribute.oid.arcs().map(u64::from).collect(), value));
            }
        }
        if common_names.is_empty() {
            return Err(SubjectError);
        }
        Ok(Self { text, attributes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_is_read_as_it_will_be_shown() {
        let subject: Subject = r"CN=acme files,OU=EDI\, East,O=Acme AG,C=DE".parse().unwrap();
        assert_eq!(subject.as_str(), r"CN=acme files,OU=EDI\, East,O=Acme AG,C=DE");
        let attributes: Vec<_> = subject.attributes().collect();
        assert_eq!(attributes[0], (&[2, 5, 4, 6][..], "DE"));
        assert_eq!(attributes[2], (&[2, 5, 4, 11][..], "EDI, East"));
        assert_eq!(attributes[3], (&[2, 5, 4, 3][..], "acme files"));
    }

    #[test]
    fn what_is_no_subject_is_refused() {
        for written in ["", "acme", "CN=", "O=Acme AG", "CN=acme,C=Germany", "CN=acme,C=de", "X=1"]
        {
            assert_eq!(written.parse::<Subject>(), Err(SubjectError), "{written}");
        }
    }
}
