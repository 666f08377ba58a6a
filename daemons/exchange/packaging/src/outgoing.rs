//! A file of ours, made into what is transmitted.

use aws_lc_rs::digest;
use configuration::Partner;
use domain::{FileHash, Packaging};
use jiff::Timestamp;
use oftp::field::Format;
use oftp::record::check_length;
use oftp_cms::{Certificate, ContentKey, Encryption, Packager, Plan, Signing};
use spool::{Payload, PayloadWriter, Payloads, Reader, Spool};

use crate::keys::cms_suite;
use crate::{Cores, PackagingError, Sealing};

/// What was made of a payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// What is transmitted in its place; `None`: it is itself.
    pub package: Option<Payload>,
    /// Of what is transmitted, where the receipt is to be signed.
    pub hash: Option<FileHash>,
}

/// Packages a payload of a format as its packaging says. The package is in the spool when this returns,
/// and nobody's until it is recorded. None is begun that the spool has no room for, beside those that
/// are under way.
pub async fn package(
    spool: &Spool,
    cores: &Cores,
    payload: &Payload,
    format: Format,
    packaging: Packaging,
    sealing: Sealing,
) -> Result<Made, PackagingError> {
    check_length(format, payload.octets).map_err(PackagingError::Records)?;
    let mut reader = spool.open_payload(payload, 0).await?;
    let mut work = Work::new(packaging, sealing)?;
    let mut writer = match &work.packager {
        Some(_) => Some(spool.new_payload(at_most(payload.octets)).await?),
        None => None,
    };
    let mut chunk = Vec::new();
    loop {
        chunk = reader.next(chunk).await?;
        if chunk.is_empty() {
            break;
        }
        (work, chunk) = cores.work(move || work.push(chunk)).await??;
        if let Some(writer) = &mut writer {
            writer.append(&mut work.made).await?;
        }
    }
    let (hash, mut rest) = cores.work(move || work.finish()).await??;
    let package = match writer {
        Some(mut writer) => {
            writer.append(&mut rest).await?;
            Some(writer.finish().await?)
        }
        None => None,
    };
    Ok(Made { package, hash })
}

/// The certificate that files for a partner are encrypted for now: SHA-256 in hexadecimal.
pub fn made_for(partner: &Partner, now: Timestamp) -> Option<String> {
    let certificate = partner.encryption_certificate(now).ok()?;
    Some(Certificate::parse(certificate).ok()?.fingerprint())
}

/// What a package may become at most. A layer adds four octets for each 32 KiB, what does not compress
/// five for each 16 KiB, and signatures, keys and names are some kilobytes.
fn at_most(octets: u64) -> u64 {
    octets.saturating_add(octets / 1024).saturating_add(32 * 1024)
}

struct Work {
    /// `None` if the payload is transmitted as it is, and only hashed.
    packager: Option<Packager>,
    hash: Option<digest::Context>,
    made: Vec<u8>,
}

impl Work {
    fn new(packaging: Packaging, sealing: Sealing) -> Result<Self, PackagingError> {
        let hash = match packaging.receipt_suite() {
            Some(suite) => {
                Some(cms_suite(suite).map_err(PackagingError::Suite)?.digest().context())
            }
            None => None,
        };
        Ok(Self { packager: packager(packaging, sealing)?, hash, made: Vec::new() })
    }

    fn push(mut self, chunk: Vec<u8>) -> Result<(Self, Vec<u8>), PackagingError> {
        match &mut self.packager {
            Some(packager) => {
                packager.push(&chunk, &mut self.made)?;
                update(self.hash.as_mut(), &self.made);
            }
            None => update(self.hash.as_mut(), &chunk),
        }
        Ok((self, chunk))
    }

    fn finish(mut self) -> Result<(Option<FileHash>, Vec<u8>), PackagingError> {
        if let Some(packager) = self.packager {
            packager.finish(&mut self.made)?;
            update(self.hash.as_mut(), &self.made);
        }
        let hash = self.hash.and_then(|hash| hash.finish().as_ref().to_vec().try_into().ok());
        Ok((hash, self.made))
    }
}

pub(crate) fn update(hash: Option<&mut digest::Context>, octets: &[u8]) {
    if let Some(hash) = hash {
        hash.update(octets);
    }
}

/// What packages a file as its packaging says; `None`: it is transmitted as it is.
pub fn packager(
    packaging: Packaging,
    sealing: Sealing,
) -> Result<Option<Packager>, PackagingError> {
    if !packaging.is_packaged() {
        return Ok(None);
    }
    Ok(Some(Packager::new(plan(packaging, sealing)?)?))
}

fn plan(packaging: Packaging, sealing: Sealing) -> Result<Plan, PackagingError> {
    let compressed = packaging.is_compressed();
    let Packaging::Secured { suite, .. } = packaging else {
        return Ok(Plan { compressed, ..Plan::default() });
    };
    let suite = cms_suite(suite).map_err(PackagingError::Suite)?;
    let encryption = match sealing.recipient {
        Some(recipient) => {
            let octets = ambient::secret().ok_or(PackagingError::Random)?;
            Some(Encryption::new(suite, recipient, ContentKey::from_random(octets)))
        }
        None => None,
    };
    let signing = sealing.signer.map(|signer| Signing::new(suite, signer));
    Ok(Plan { signing, compressed, encryption })
}
