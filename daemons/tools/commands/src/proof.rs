//! Partners' signed receipts as proofs: kept with each entry, verified again whenever somebody asks,
//! and exported to a file that anybody can verify without a database.

use std::fs;
use std::path::Path;

use domain::{FileHash, OtherHashes, PartnerName};
use jiff::Timestamp;
use oftp::field::FileIdentity;
use packaging::proof::{Proof, Said, Shown};
use pem::Pem;
use serde::{Deserialize, Serialize};
use store::{EntryId, KeptReceipt, Store};

use crate::Error;
use crate::error::blocking;

/// A file of more octets is no exported receipt.
const LARGEST: u64 = 1 << 20;

/// What an exported receipt says that it is.
const KIND: &str = "seon receipt 1";

const CERTIFICATE: &str = "CERTIFICATE";
const SIGNATURE: &str = "CMS";

/// A receipt that was verified.
#[derive(Debug, Serialize)]
pub struct ProofView {
    /// The entry that it answers, in the database that it was kept in.
    pub entry: EntryId,
    /// The partner's name in the configuration of then.
    pub partner: PartnerName,
    /// The file's name on the wire.
    pub dataset_name: String,
    /// The file's date, time and counter on the wire.
    pub stamp: String,
    /// Who sent the file.
    pub originator: String,
    /// Who got it.
    pub destination: String,
    /// The hash of what was transmitted, in hexadecimal.
    pub hash: String,
    /// What the partner signed, if it is not that hash.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signed_instead: Option<String>,
    /// Who refuses the file (NERP); nothing if the partner has it (EERP).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused_by: Option<String>,
    /// When the receipt came.
    pub received_at: Timestamp,
    /// Who signed it.
    pub signer: SignerOfReceipt,
}

/// A certificate that a receipt was signed by.
#[derive(Debug, Serialize)]
pub struct SignerOfReceipt {
    /// Its subject.
    pub subject: String,
    /// Its issuer.
    pub issuer: String,
    /// Its serial number, in hexadecimal.
    pub serial: String,
    /// Its SHA-256, in hexadecimal: by this the partner can say whether it is its own.
    pub fingerprint: String,
    /// From when on it is valid.
    pub valid_from: Timestamp,
    /// Until when.
    pub expires: Timestamp,
}

/// An exported receipt. The octets stand there as PEM, which other programs read too.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Exported {
    kind: String,
    entry: i64,
    partner: String,
    dataset_name: String,
    stamp: String,
    originator: String,
    destination: String,
    hash: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    other_hashes: Option<String>,
    received_at: Timestamp,
    certificate: String,
    signature: String,
}

/// Verifies the receipt that is kept with an entry.
pub async fn verify(store: &Store, entry: EntryId) -> Result<ProofView, Error> {
    view(entry, kept(store, entry).await?)
}

/// Verifies a receipt that was exported to a file.
pub async fn verify_file(file: &Path) -> Result<ProofView, Error> {
    let file = file.to_owned();
    blocking(move || {
        let (entry, kept) = read(&file)?;
        view(entry, kept)
    })
    .await
}

/// The text of a file that has all that is needed to verify an entry's receipt. One that does not hold
/// is not exported.
pub async fn export(store: &Store, entry: EntryId) -> Result<String, Error> {
    let kept = kept(store, entry).await?;
    view(entry, kept.clone())?;
    let FileIdentity { dataset_name, stamp, originator, destination } = &kept.identity;
    let exported = Exported {
        kind: KIND.to_owned(),
        entry: entry.get(),
        partner: kept.partner.to_string(),
        dataset_name: dataset_name.to_string(),
        stamp: stamp.to_string(),
        originator: originator.to_string(),
        destination: destination.to_string(),
        hash: kept.hash.to_string(),
        other_hashes: (!kept.other_hashes.is_empty()).then(|| kept.other_hashes.to_string()),
        received_at: kept.received_at,
        certificate: pem(CERTIFICATE, kept.certificate.as_octets()),
        signature: pem(SIGNATURE, kept.signature.as_octets()),
    };
    let text = serde_json::to_string_pretty(&exported);
    text.map(|text| text + "\n").map_err(|error| Error::Invalid(error.to_string()))
}

async fn kept(store: &Store, entry: EntryId) -> Result<KeptReceipt, Error> {
    store.kept_receipt(entry).await?.ok_or_else(|| {
        Error::Invalid(format!(
            "entry {entry} has no signed receipt: it is not there, its receipt was not asked to be \
             signed or has not come, or it came before Seon kept certificates; see: seon queue --all"
        ))
    })
}

fn view(entry: EntryId, kept: KeptReceipt) -> Result<ProofView, Error> {
    let KeptReceipt { partner, identity, hash, other_hashes, signature, certificate, received_at } =
        kept;
    let proof = Proof { file: identity, hash, other_hashes, signature, certificate, received_at };
    let Shown { said, other_hash, certificate, facts } = proof.verify()?;
    Ok(ProofView {
        entry,
        partner,
        dataset_name: proof.file.dataset_name.to_string(),
        stamp: proof.file.stamp.to_string(),
        originator: proof.file.originator.to_string(),
        destination: proof.file.destination.to_string(),
        hash: proof.hash.to_string(),
        signed_instead: other_hash.map(|other| other.to_string()),
        refused_by: match said {
            Said::Received => None,
            Said::Refused { by } => Some(by.to_string()),
        },
        received_at,
        signer: SignerOfReceipt {
            subject: facts.subject,
            issuer: certificate.issuer().to_owned(),
            serial: certificate.serial().to_owned(),
            fingerprint: certificate.fingerprint(),
            valid_from: facts.valid_from,
            expires: facts.expires,
        },
    })
}

fn read(file: &Path) -> Result<(EntryId, KeptReceipt), Error> {
    let name = file.display();
    let about = fs::metadata(file).map_err(Error::io(format!("cannot read {name}")))?;
    if about.len() > LARGEST {
        return Err(Error::Invalid(format!("{name} is too large to be an exported receipt")));
    }
    let text = fs::read_to_string(file).map_err(Error::io(format!("cannot read {name}")))?;
    parse(&text).map_err(|problem| {
        Error::Invalid(format!("{name} is no receipt that seon exported: {problem}"))
    })
}

fn parse(text: &str) -> Result<(EntryId, KeptReceipt), String> {
    let exported: Exported = serde_json::from_str(text).map_err(|error| error.to_string())?;
    if exported.kind != KIND {
        let kind = exported.kind.escape_debug();
        return Err(format!("kind: \"{kind}\" is not \"{KIND}\""));
    }
    let kept = KeptReceipt {
        partner: field("partner", exported.partner.parse())?,
        identity: FileIdentity {
            dataset_name: field("dataset_name", exported.dataset_name.parse())?,
            stamp: field("stamp", exported.stamp.parse())?,
            originator: field("originator", exported.originator.parse())?,
            destination: field("destination", exported.destination.parse())?,
        },
        hash: field("hash", exported.hash.parse::<FileHash>())?,
        other_hashes: match exported.other_hashes {
            Some(hashes) => field("other_hashes", hashes.parse::<OtherHashes>())?,
            None => OtherHashes::default(),
        },
        signature: field("signature", octets(SIGNATURE, &exported.signature)?.try_into())?,
        certificate: field("certificate", octets(CERTIFICATE, &exported.certificate)?.try_into())?,
        received_at: exported.received_at,
    };
    Ok((exported.entry.into(), kept))
}

fn field<T, E: std::fmt::Display>(name: &str, read: Result<T, E>) -> Result<T, String> {
    read.map_err(|error| format!("{name}: {error}"))
}

fn pem(tag: &str, octets: &[u8]) -> String {
    pem::encode(&Pem::new(tag, octets))
}

fn octets(tag: &str, text: &str) -> Result<Vec<u8>, String> {
    match pem::parse(text) {
        Ok(pem) if pem.tag() == tag => Ok(pem.into_contents()),
        _ => Err(format!("{}: no -----BEGIN {tag}-----", tag.to_lowercase())),
    }
}
