//! What we make of offers and refusals: total functions without I/O, each with a table of tests.

use std::fmt;

use configuration::{OwnIdentity, Partner};
use domain::security::PackagingRefused;
use domain::{Packaging, PackagingContradiction};
use oftp::DecodeError;
use oftp::command::Sfid;
use oftp::field::{Counts, FileReason, Format, OdetteId};
use oftp::session::FileFault;
use packaging::receipt::Unproven;
use store::{EntryId, EntryState, Reached};

/// What an offered file is held against.
pub(crate) struct Reception<'a> {
    /// Who we are.
    pub(crate) identity: &'a OwnIdentity,
    /// Who offers it.
    pub(crate) partner: &'a Partner,
    /// Octets that the spool can take now.
    pub(crate) free_octets: u64,
}

/// What the two octets of length before a record of format V can say.
const LONGEST_RECORD: usize = u16::MAX as usize;

/// Why an offered file is not taken (SFNA).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum OfferRefused {
    #[error("{error}; the partner has to correct it")]
    Unfit { reason: FileReason, error: DecodeError },
    #[error(
        "destination {0} is not a station of ours; correct SFIDDEST, or add it to spec.identity.stations"
    )]
    Destination(OdetteId),
    #[error(
        "originator {0} is no Odette ID of this partner; correct SFIDORIG, or add it to the partner's spec.identity.stations"
    )]
    Originator(OdetteId),
    #[error(
        "records of up to {0} octets are announced, and a record of format V can have {LONGEST_RECORD}; send the file as U"
    )]
    RecordLength(usize),
    #[error("{0}")]
    Contradictory(PackagingContradiction),
    #[error(transparent)]
    Packaging(PackagingRefused),
    // Not how much there is: the text is for the partner too.
    #[error("there is no room for the {0} octets that are announced now; send it again later")]
    TooBig(u64),
    #[error("this very file has arrived before ({state})")]
    Duplicate { state: String },
    #[error("another session is receiving this very file")]
    Busy,
}

impl OfferRefused {
    /// The stable code for log, journal and metric.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Unfit { .. } => "E-FILE-FIELD",
            Self::Destination(_) => "E-FILE-DESTINATION",
            Self::Originator(_) => "E-FILE-ORIGINATOR",
            Self::RecordLength(_) => "E-FILE-RECORD-LENGTH",
            Self::Contradictory(_) => "E-FILE-CONTRADICTORY",
            Self::Packaging(refused) => refused.code(),
            Self::TooBig(_) => "E-FILE-TOO-BIG",
            Self::Duplicate { .. } => "E-FILE-DUPLICATE",
            Self::Busy => "E-FILE-BUSY",
        }
    }

    /// What the partner is told.
    pub(crate) fn reason(&self) -> FileReason {
        match self {
            Self::Unfit { reason, .. } => *reason,
            Self::Destination(_) => FileReason::InvalidDestination,
            Self::Originator(_) => FileReason::InvalidOrigin,
            Self::RecordLength(_) => FileReason::RecordLengthNotSupported,
            Self::Contradictory(PackagingContradiction::NoSuite) => {
                FileReason::CipherSuiteNotSupported
            }
            Self::Packaging(refused) => refused.reason(),
            Self::Contradictory(PackagingContradiction::NoEnvelope) | Self::Busy => {
                FileReason::Unspecified
            }
            Self::TooBig(_) => FileReason::FileTooBig,
            Self::Duplicate { .. } => FileReason::DuplicateFile,
        }
    }

    /// Whether the same offer may go well in a later session.
    pub(crate) fn retry(&self) -> bool {
        matches!(self, Self::TooBig(_) | Self::Busy)
    }
}

/// Why a file that has come to its end is not taken (EFNA).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EndRefused {
    /// What the partner says that it sent.
    pub(crate) announced: Counts,
    /// What came.
    pub(crate) seen: Counts,
    /// What is wrong with it.
    pub(crate) fault: FileFault,
}

impl EndRefused {
    /// The stable code for log, journal and metric.
    pub(crate) fn code(&self) -> &'static str {
        match self.fault {
            FileFault::Records(_) => "E-FILE-RECORD",
            FileFault::Count(_) => "E-FILE-COUNT",
        }
    }
}

impl fmt::Display for EndRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.fault {
            FileFault::Records(error) => {
                write!(f, "{error}; the partner has to correct the file, or to send it as U")
            }
            FileFault::Count(_) => write!(
                f,
                "{} octets in {} records announced, {} in {} received",
                self.announced.octets, self.announced.records, self.seen.octets, self.seen.records
            ),
        }
    }
}

/// Whether a file may come, judged by its SFID alone; how it is packaged.
pub(crate) fn judge_offer(
    sfid: &Sfid,
    reception: &Reception<'_>,
) -> Result<Packaging, OfferRefused> {
    if !reception.identity.is_ours(&sfid.file.destination) {
        return Err(OfferRefused::Destination(sfid.file.destination.clone()));
    }
    if !reception.partner.may_originate(&sfid.file.originator) {
        return Err(OfferRefused::Originator(sfid.file.originator.clone()));
    }
    let packaging = Packaging::try_from(sfid).map_err(OfferRefused::Contradictory)?;
    reception.partner.security.inbound.admits(packaging).map_err(OfferRefused::Packaging)?;
    if let Format::Variable { maximum_record_length } = packaging.transmitted_format(sfid.format) {
        let longest = maximum_record_length.octets();
        if longest > LONGEST_RECORD {
            return Err(OfferRefused::RecordLength(longest));
        }
    }
    let announced = sfid.size.get().saturating_add(original(sfid, packaging)).saturating_mul(1024);
    // One block of grace: SFIDFSIZ is rounded up.
    if announced > reception.free_octets.saturating_add(1024) {
        return Err(OfferRefused::TooBig(announced));
    }
    Ok(packaging)
}

/// Blocks of the original that a package is unwrapped to beside itself.
fn original(sfid: &Sfid, packaging: Packaging) -> u64 {
    if packaging.is_packaged() { sfid.original_size.get() } else { 0 }
}

/// Why a receipt changes nothing. It is answered by RTR all the same: it would only come again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ReceiptIgnored {
    #[error("no entry of ours for this partner has this identity")]
    Unknown,
    #[error("entry {entry} has not been sent to its end yet; it is {state}")]
    Unsent { entry: EntryId, state: EntryState },
    #[error("entry {entry} waits for a signed receipt: {why}")]
    Unproven { entry: EntryId, why: Unproven },
    #[error(
        "entry {entry} waits for the receipt of other octets: the partner signed the hash of a file \
         that differs from the one that was sent"
    )]
    OtherOctets { entry: EntryId },
}

impl ReceiptIgnored {
    /// The stable code for log, journal and metric.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Unknown => "E-RECEIPT-UNKNOWN",
            Self::Unsent { .. } => "E-RECEIPT-UNSENT",
            Self::Unproven { why, .. } => why.code(),
            Self::OtherOctets { .. } => "E-RECEIPT-HASH",
        }
    }
}

/// What a partner's refusal of our file means for its queue entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AfterRefusal {
    /// The partner has the file from an earlier session: count it as sent, its receipt may be on
    /// the way.
    AlreadyThere,
    /// Offer it again in a later session.
    Retry,
    /// Offer it again in a later session, from position 0.
    RetryFromStart,
    /// A person must look.
    Block,
}

/// Whether a refusal means that the partner has the file, of which so much may have reached it in
/// earlier sessions. A duplicate of what never left whole is some other file.
fn is_there(reason: FileReason, reached: Reached) -> bool {
    reason == FileReason::DuplicateFile && reached == Reached::Whole
}

/// After SFNA.
pub(crate) fn after_start_refused(
    reason: FileReason,
    retry: bool,
    reached: Reached,
) -> AfterRefusal {
    if is_there(reason, reached) {
        AfterRefusal::AlreadyThere
    } else if retry {
        AfterRefusal::Retry
    } else {
        AfterRefusal::Block
    }
}

/// After EFNA, which has no field for another try.
pub(crate) fn after_close_refused(reason: FileReason, reached: Reached) -> AfterRefusal {
    match reason {
        _ if is_there(reason, reached) => AfterRefusal::AlreadyThere,
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
