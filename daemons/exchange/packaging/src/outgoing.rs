//! A file of ours, made into what is transmitted.

use aws_lc_rs::digest;
use configuration::Partner;
use domain::{FileHash, OtherHashes, Packaging};
use jiff::Timestamp;
use oftp::field::Format;
use oftp::record::{Checker, check_length};
use oftp_cms::Certificate;
use spool::{Payload, PayloadWriter, Payloads, Reader, Spool, SpoolError};

use crate::hashes::Hashes;
use crate::packing::Packing;
use crate::{Cores, PackagingError, Sealing};

/// What was made of a payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// What is transmitted in its place; `None`: it is itself.
    pub package: Option<Payload>,
    /// Of what is transmitted, where the receipt is to be signed.
    pub hash: Option<FileHash>,
    /// Other hashes that the partner may sign in its place.
    pub other_hashes: OtherHashes,
}

/// Packages a payload of a format as its packaging says. The package is in the spool when this returns,
/// and nobody's until it is recorded. None is begun that the spool has no room for, beside those that
/// are under way; one that is compressed may find out as it grows ([`PackagingError::NoRoom`]), and is
/// not begun again before there is room for that (`grown`; 0 if it was not tried yet).
pub async fn package(
    spool: &Spool,
    cores: &Cores,
    payload: &Payload,
    (format, packaging): (Format, Packaging),
    sealing: Sealing,
    grown: u64,
) -> Result<Made, PackagingError> {
    check_length(format, payload.octets).map_err(PackagingError::Records)?;
    let mut reader = spool.open_payload(payload, 0).await?;
    let counts = sealing.receipt_hash;
    let Some(mut packing) = Packing::new(cores.clone(), packaging, sealing)? else {
        let hashes = Hashes::of(packaging, counts)?;
        let (hash, other_hashes) = hash_as_it_is(&mut reader, cores, hashes).await?;
        return Ok(Made { package: None, hash, other_hashes });
    };
    let promised = promised(payload.octets, packaging).max(grown);
    let mut writer = spool.new_payload(promised).await?;
    // Its receiver would find out no sooner than when it is unwrapped.
    let mut records = Checker::new(format);
    let mut chunk = Vec::new();
    loop {
        chunk = reader.next(chunk).await?;
        if chunk.is_empty() {
            break;
        }
        records.push(&chunk).map_err(PackagingError::Records)?;
        chunk = packing.push(chunk).await?;
        append(&mut writer, packing.made()).await?;
    }
    records.finish().map_err(PackagingError::Records)?;
    let (hash, other_hashes) = packing.finish().await?;
    append(&mut writer, packing.made()).await?;
    Ok(Made { package: Some(writer.finish().await?), hash, other_hashes })
}

async fn append(
    writer: &mut impl PayloadWriter,
    chunk: &mut Vec<u8>,
) -> Result<(), PackagingError> {
    let grown = writer.octets().saturating_add(chunk.len() as u64);
    writer.append(chunk).await.map_err(|error| match error {
        full @ SpoolError::Full { .. } => PackagingError::NoRoom { grown, full },
        error => error.into(),
    })
}

async fn hash_as_it_is(
    reader: &mut impl Reader,
    cores: &Cores,
    hashes: Option<Hashes>,
) -> Result<(Option<FileHash>, OtherHashes), PackagingError> {
    let Some(mut hashes) = hashes else { return Ok((None, OtherHashes::default())) };
    let mut chunk = reader.next(Vec::new()).await?;
    while !chunk.is_empty() {
        let turn = move || {
            hashes.transmitted(&chunk);
            (hashes, chunk)
        };
        (hashes, chunk) = cores.work(turn).await?;
        chunk = reader.next(chunk).await?;
    }
    Ok(hashes.finish())
}

/// The certificate that files for a partner are encrypted for now: SHA-256 in hexadecimal.
pub fn made_for(partner: &Partner, now: Timestamp) -> Option<String> {
    let certificate = partner.encryption_certificate(now).ok()?;
    Some(Certificate::parse(certificate).ok()?.fingerprint())
}

/// What a package needs room for as it begins. How small a compressed one becomes nobody knows
/// before: it begins with a tenth and gets more as it grows, or it might never begin.
fn promised(octets: u64, packaging: Packaging) -> u64 {
    let most = at_most(octets);
    if packaging.is_compressed() { most / 10 } else { most }
}

/// What a package may become at most. A layer adds four octets for each 32 KiB, what does not compress
/// some for each 16 KiB, and signatures, keys and names are some kilobytes.
fn at_most(octets: u64) -> u64 {
    octets.saturating_add(octets / 1024).saturating_add(32 * 1024)
}

pub(crate) fn update(hash: Option<&mut digest::Context>, octets: &[u8]) {
    if let Some(hash) = hash {
        hash.update(octets);
    }
}
