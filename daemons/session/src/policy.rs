//! What we make of offers and refusals: total functions without I/O, each with a table of tests.

use configuration::OwnIdentity;
use oftp::command::Sfid;
use oftp::field::{Envelope, FileCompression, FileReason, OdetteId, SecurityLevel};

/// What an offered file is held against.
pub(crate) struct Reception<'a> {
    /// Who we are.
    pub(crate) identity: &'a OwnIdentity,
    /// Octets that the spool can take now.
    pub(crate) free_octets: u64,
}

/// Room that stays free whatever partners announce: the database lives on the same disk.
const RESERVED_OCTETS: u64 = 64 * 1024 * 1024;

/// Why an offered file is not taken (SFNA).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum OfferRefused {
    #[error(
        "destination {0} is not a station of ours; correct SFIDDEST, or add it to spec.identity.stations"
    )]
    Destination(OdetteId),
    #[error("the file is encrypted, and decryption is not built yet; send it plain")]
    Encrypted,
    #[error("the file is signed, and verification is not built yet; send it plain")]
    Signed,
    #[error("the file is compressed or enveloped as CMS, which is not built yet; send it plain")]
    Packaged,
    #[error("a signed receipt is asked for, and signing is not built yet; ask for a plain one")]
    SignedReceipt,
    #[error(
        "the file takes {announced} octets and only {free} are free; make room, then send it again"
    )]
    TooBig { announced: u64, free: u64 },
    #[error("this very file has arrived before ({state})")]
    Duplicate { state: String },
    #[error("another session is receiving this very file")]
    Busy,
}

impl OfferRefused {
    /// The stable code for log, journal and metric.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Destination(_) => "E-FILE-DESTINATION",
            Self::Encrypted => "E-FILE-ENCRYPTED",
            Self::Signed => "E-FILE-SIGNED",
            Self::Packaged => "E-FILE-PACKAGED",
            Self::SignedReceipt => "E-FILE-SIGNED-RECEIPT",
            Self::TooBig { .. } => "E-FILE-TOO-BIG",
            Self::Duplicate { .. } => "E-FILE-DUPLICATE",
            Self::Busy => "E-FILE-BUSY",
        }
    }

    /// What the partner is told.
    pub(crate) fn reason(&self) -> FileReason {
        match self {
            Self::Destination(_) => FileReason::InvalidDestination,
            Self::Encrypted => FileReason::EncryptedNotAllowed,
            Self::Signed => FileReason::SignedNotAllowed,
            Self::Packaged => FileReason::CompressionNotAllowed,
            Self::SignedReceipt | Self::Busy => FileReason::Unspecified,
            Self::TooBig { .. } => FileReason::FileTooBig,
            Self::Duplicate { .. } => FileReason::DuplicateFile,
        }
    }

    /// Whether the same offer may go well in a later session.
    pub(crate) fn retry(&self) -> bool {
        matches!(self, Self::TooBig { .. } | Self::Busy)
    }
}

/// Whether a file may come, judged by its SFID alone.
pub(crate) fn judge_offer(sfid: &Sfid, reception: &Reception<'_>) -> Result<(), OfferRefused> {
    if !reception.identity.is_ours(&sfid.file.destination) {
        return Err(OfferRefused::Destination(sfid.file.destination.clone()));
    }
    match sfid.security {
        SecurityLevel::None => {}
        SecurityLevel::Signed => return Err(OfferRefused::Signed),
        _ => return Err(OfferRefused::Encrypted),
    }
    if sfid.compression != FileCompression::None || sfid.envelope != Envelope::None {
        return Err(OfferRefused::Packaged);
    }
    if sfid.signed_receipt {
        return Err(OfferRefused::SignedReceipt);
    }
    let announced = sfid.size.get().saturating_mul(1024);
    let free = reception.free_octets.saturating_sub(RESERVED_OCTETS);
    // One block of grace: SFIDFSIZ is rounded up.
    if announced > free.saturating_add(1024) {
        return Err(OfferRefused::TooBig { announced, free });
    }
    Ok(())
}

/// What a partner's refusal of our file means for its queue entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AfterRefusal {
    /// The partner has the file: count it as sent, its receipt may be on the way.
    AlreadyThere,
    /// Offer it again in a later session.
    Retry,
    /// Offer it again in a later session, from position 0.
    RetryFromStart,
    /// A person must look.
    Block,
}

/// After SFNA.
pub(crate) fn after_start_refused(reason: FileReason, retry: bool) -> AfterRefusal {
    match reason {
        FileReason::DuplicateFile => AfterRefusal::AlreadyThere,
        _ if retry => AfterRefusal::Retry,
        _ => AfterRefusal::Block,
    }
}

/// After EFNA, which has no field for another try.
pub(crate) fn after_close_refused(reason: FileReason) -> AfterRefusal {
    match reason {
        FileReason::DuplicateFile => AfterRefusal::AlreadyThere,
        // What arrived was not what left: a fresh copy may well arrive whole.
        FileReason::InvalidRecordCount | FileReason::InvalidByteCount => {
            AfterRefusal::RetryFromStart
        }
        FileReason::AccessMethodFailure | FileReason::Unspecified => AfterRefusal::Retry,
        _ => AfterRefusal::Block,
    }
}

#[cfg(test)]
mod tests;
