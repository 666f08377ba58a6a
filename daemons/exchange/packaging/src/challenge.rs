//! Challenges, by which both sides of a session prove who they are (RFC 5024 sections 5.3.15 to 5.3.17).

use configuration::{Instance, Partner};
use jiff::Timestamp;
use oftp_cms::{
    Certificate, ContentKey, Encryption, Expected, Known, Layers, Packager, Plan, Unpackager,
};

use crate::PackagingError;
use crate::beside::beside;
use crate::keys::{cms_suite, identity, limits};

/// The random octets of a challenge.
pub const OCTETS: usize = 20;

/// What a partner is asked, and what only the partner can answer.
#[derive(Clone)]
pub struct Challenge {
    /// AUCHCHAL: the octets, encrypted for the partner's certificate.
    pub wrapped: Vec<u8>,
    /// AURPRSP, if it is right.
    octets: [u8; OCTETS],
}

impl Challenge {
    /// Makes one for a partner.
    pub async fn make(partner: &Partner, now: Timestamp) -> Result<Self, PackagingError> {
        let certificate = partner.challenge_certificate(now);
        let certificate = certificate.map_err(PackagingError::NoChallengeCertificate)?;
        let recipient = Certificate::parse(certificate)?;
        let suite = cms_suite(partner.security.outbound.suite).map_err(PackagingError::Suite)?;
        let octets = ambient::secret().ok_or(PackagingError::Random)?;
        let key = ContentKey::from_random(ambient::secret().ok_or(PackagingError::Random)?);
        let encryption = Some(Encryption::new(suite, recipient, key));
        let wrap = move || {
            let mut packager = Packager::new(Plan { encryption, ..Plan::default() })?;
            let mut wrapped = Vec::new();
            packager.push(&octets, &mut wrapped)?;
            packager.finish(&mut wrapped)?;
            Ok::<_, PackagingError>(wrapped)
        };
        Ok(Self { wrapped: beside(wrap).await??, octets })
    }

    /// Whether a partner's answer is right; the comparison takes the same time for each.
    pub fn is_answered_by(&self, response: &[u8; OCTETS]) -> bool {
        let differs =
            self.octets.iter().zip(response).fold(0, |seen, (one, other)| seen | (one ^ other));
        std::hint::black_box(differs) == 0
    }
}

/// Our answer to a partner's challenge. What cannot be decrypted is answered all the same, by octets that
/// mean nothing: the partner does not learn why it was wrong.
pub async fn answer(instance: &Instance, wrapped: Vec<u8>) -> Result<[u8; OCTETS], PackagingError> {
    let nothing = ambient::secret().ok_or(PackagingError::Random)?;
    let keys = instance.file_keys.authenticating().map(identity);
    let identities = keys.collect::<Result<Vec<_>, _>>()?;
    let limits = limits(&instance.package_limits);
    let known = Known { identities, certificates: Vec::new(), limits };
    Ok(beside(move || unwrap(known, &wrapped)).await?.unwrap_or(nothing))
}

fn unwrap(known: Known, wrapped: &[u8]) -> Option<[u8; OCTETS]> {
    let layers = Layers { encrypted: true, ..Layers::default() };
    let mut unpackager = Unpackager::new(known, Expected::Announced(layers));
    let (mut rest, mut octets) = (wrapped, Vec::new());
    while !rest.is_empty() {
        if octets.len() > OCTETS {
            return None;
        }
        unpackager.push(&mut rest, &mut octets).ok()?;
    }
    unpackager.finish(&mut octets).ok()?;
    octets.try_into().ok()
}
