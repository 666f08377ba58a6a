//! A partner's signed receipt with all that is needed to verify it again, years later and by anybody:
//! the partner's own word that it has, or refuses, the very octets that were transmitted.

use std::iter;

use domain::{CertificateOctets, FileHash, OtherHash, OtherHashes, SignatureOctets};
use jiff::Timestamp;
use oftp::OdetteId;
use oftp::command::Eerp;
use oftp::field::{FileIdentity, UserData};
use oftp_cms::receipt::{self, Detached};
use oftp_cms::{
    Certificate, CmsError, Expected, KeyError, Known, Layers, Limits, SignatureError, Unpackager,
};
use pki::{CertificateFacts, OutOfDate, certificate_facts, in_date};

/// What was kept of a receipt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// The file, as the partner has to name it.
    pub file: FileIdentity,
    /// The hash of what was transmitted.
    pub hash: FileHash,
    /// What the partner may have signed in its place.
    pub other_hashes: OtherHashes,
    /// The CMS object of EERPSIG or NERPSIG.
    pub signature: SignatureOctets,
    /// The certificate of whoever signed it.
    pub certificate: CertificateOctets,
    /// When it came.
    pub received_at: Timestamp,
}

/// What a proof shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// What the partner says of the file.
    pub said: Said,
    /// Which hash it signed, if that is not the one of what was transmitted.
    pub other_hash: Option<OtherHash>,
    /// The certificate that it was signed by.
    pub certificate: Certificate,
    /// What that says about itself.
    pub facts: CertificateFacts,
}

/// What a partner says of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// It has it (EERP).
    Received,
    /// It, or somebody behind it, refuses it (NERP). The reason is not signed.
    Refused {
        /// Who made the refusal.
        by: OdetteId,
    },
}

/// Why a proof shows nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Disproof {
    /// The certificate cannot be used.
    #[error("the certificate cannot be used: {0}")]
    Key(#[from] KeyError),
    /// It did not count when the receipt came.
    #[error("the certificate {0}, and the receipt came at another time")]
    OutOfDate(OutOfDate),
    /// The signature does not hold.
    #[error("the signature does not hold: {0}")]
    Signature(#[from] CmsError),
    /// What is signed is the receipt of another file.
    #[error("what is signed is the receipt of another file")]
    File,
    /// What is signed is not what was transmitted.
    #[error("what is signed is the hash of other octets than those that were transmitted")]
    Hash,
}

impl Disproof {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Key(_) | Self::OutOfDate(_) => "E-RECEIPT-CERTIFICATE",
            Self::Signature(_) | Self::File => "E-RECEIPT-SIGNATURE",
            Self::Hash => "E-RECEIPT-HASH",
        }
    }
}

impl Proof {
    /// Verifies it by nothing but itself. Whether the certificate is the partner's is for whoever
    /// knows the partner to say.
    pub fn verify(&self) -> Result<Shown, Disproof> {
        let octets = self.certificate.as_octets();
        let certificate = Certificate::parse(octets)?;
        let facts = certificate_facts(octets).ok_or(KeyError::Certificate)?;
        in_date(octets, self.received_at).map_err(Disproof::OutOfDate)?;
        let (said, other_hash) = self.said(&certificate)?;
        Ok(Shown { said, other_hash, certificate, facts })
    }

    /// A signature that comes without its octets is over those that they have to be; a NERP's creator is
    /// then the partner itself.
    fn said(&self, certificate: &Certificate) -> Result<(Said, Option<OtherHash>), Disproof> {
        let (signature, by) = (self.signature.as_octets(), &self.file.destination);
        let creator = format!("{by:<CREATOR$}");
        let file = self.file_octets();
        for (other, hash) in self.hashes() {
            for (said, creator) in
                [(Said::Received, ""), (Said::Refused { by: by.clone() }, creator.as_str())]
            {
                let octets = [&file, creator.as_bytes(), hash].concat();
                let certificates = vec![certificate.clone()];
                if receipt::verify(signature, &octets, certificates, Detached::Accepted).is_ok() {
                    return Ok((said, other));
                }
            }
        }
        self.said_by(&content(certificate, signature)?)
    }

    /// The one that counts in any case, and the others.
    fn hashes(&self) -> impl Iterator<Item = (Option<OtherHash>, &[u8])> {
        let others = self.other_hashes.iter().map(|(other, hash)| (Some(other), hash.as_octets()));
        iter::once((None, self.hash.as_octets())).chain(others)
    }

    /// What is signed begins with the file and ends with the hash; between them only a NERP has its
    /// creator (RFC 5024 sections 5.3.13 and 5.3.14).
    fn said_by(&self, signed: &[u8]) -> Result<(Said, Option<OtherHash>), Disproof> {
        let rest = signed.strip_prefix(self.file_octets().as_slice()).ok_or(Disproof::File)?;
        let before = |(other, hash)| Some((rest.strip_suffix(hash)?, other));
        let (creator, other) = self.hashes().find_map(before).ok_or(Disproof::Hash)?;
        if creator.is_empty() {
            return Ok((Said::Received, other));
        }
        let creator = str::from_utf8(creator).ok().filter(|text| text.len() == CREATOR);
        let by = creator.and_then(|text| text.trim_end().parse().ok()).ok_or(Disproof::File)?;
        Ok((Said::Refused { by }, other))
    }

    fn file_octets(&self) -> Vec<u8> {
        let (file, user_data) = (self.file.clone(), UserData::default());
        Eerp { file, user_data, seal: None }.signed_octets()
    }
}

/// Octets of NERPCREA.
const CREATOR: usize = 25;

/// The longest that a receipt's signed octets are: a NERP's with a hash of 64 octets.
const LONGEST: usize = 26 + 18 + 25 + 25 + CREATOR + 64;

/// The content of a signature that was made by a certificate's key.
fn content(certificate: &Certificate, signature: &[u8]) -> Result<Vec<u8>, CmsError> {
    let certificates = vec![certificate.clone()];
    let known = Known { identities: Vec::new(), certificates, limits: Limits::default() };
    let mut unpackager = Unpackager::new(known, Expected::Announced(Layers::SIGNED));
    let (mut rest, mut content) = (signature, Vec::new());
    while !rest.is_empty() {
        if content.len() > LONGEST {
            return Err(SignatureError::Content.into());
        }
        unpackager.push(&mut rest, &mut content)?;
    }
    unpackager.finish(&mut content)?;
    Ok(content)
}
