//! Received files: `receiving -> [unwrapping ->] received -> delivering -> delivered | failed`.

use domain::{FileHash, Packaging, PartName, PartnerName, Target};
use jiff::Timestamp;
use oftp::field::{Blocks, Description, FileIdentity, Format, UserData};

use super::{Claim, Hindrance, SessionId, row_id, words};

row_id! {
    /// A received file's row.
    ReceivedFileId
}

words! {
    /// How far a received file is.
    ReceivedState {
        /// On the wire, or broken off and waiting for the partner to come back.
        Receiving = "receiving",
        /// Complete and ours, as every state from here on: EFPA may go out once this is committed. Its
        /// original is not there yet, or its hash, which a signed receipt needs.
        Unwrapping = "unwrapping",
        /// Ready to be put in its place.
        Received = "received",
        /// Its target is decided; it may lie there already.
        Delivering = "delivering",
        /// In place, its receipt queued. Finished.
        Delivered = "delivered",
        /// Not deliverable; a NERP says so. Finished.
        Failed = "failed",
    }
}

/// A file that a partner offers (SFID).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// The partner's name.
    pub partner: PartnerName,
    /// The virtual file's identity.
    pub identity: FileIdentity,
    /// The format of the original.
    pub format: Format,
    /// SFIDDESC.
    pub description: Description,
    /// SFIDUSER.
    pub user_data: UserData,
    /// SFIDFSIZ: of what is transmitted.
    pub announced_size: Blocks,
    /// SFIDOSIZ: of the original.
    pub original_size: Blocks,
    /// SFIDSEC to SFIDSIGN: what the one is to the other.
    pub packaging: Packaging,
    /// The spool's name for a new part, carrying this tenure's epoch; unused on a resume.
    pub part: PartName,
}

/// What is durable in the spool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Octets as they lie in the part.
    pub octets: u64,
    /// Complete records of a file of format F or V; 0 otherwise.
    pub records: u64,
}

/// The answer to an offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Receiving {
    /// Claimed: receive into the offer's part from the start.
    Fresh {
        /// The row.
        id: ReceivedFileId,
    },
    /// Claimed: the same file broke off before; go on in `part` from `durable` or earlier.
    Resume {
        /// The row.
        id: ReceivedFileId,
        /// The spool's name of the part to go on with.
        part: PartName,
        /// What the part surely holds.
        durable: Progress,
    },
    /// The file is ours already; nothing was changed.
    Duplicate {
        /// The row.
        id: ReceivedFileId,
        /// How far it is.
        state: ReceivedState,
    },
    /// Another session receives it now; nothing was changed.
    Busy {
        /// That session.
        session: SessionId,
    },
}

/// A received file's row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceivedFile {
    /// Its number.
    pub id: ReceivedFileId,
    /// The partner's name.
    pub partner: PartnerName,
    /// The virtual file's identity.
    pub identity: FileIdentity,
    /// The format of the original.
    pub format: Format,
    /// SFIDDESC.
    pub description: Description,
    /// SFIDUSER.
    pub user_data: UserData,
    /// SFIDFSIZ: of what is transmitted.
    pub announced_size: Blocks,
    /// SFIDOSIZ: of the original.
    pub original_size: Blocks,
    /// SFIDSEC to SFIDSIGN: what the one is to the other.
    pub packaging: Packaging,
    /// Of what was transmitted, where the receipt is to be signed.
    pub hash: Option<FileHash>,
    /// The spool's name of the part: what was transmitted.
    pub part: PartName,
    /// What a package was unwrapped to.
    pub original: Option<Original>,
    /// Who signed it: the certificate's subject.
    pub signer: Option<String>,
    /// What the part surely holds; once it is ours the whole file.
    pub durable: Progress,
    /// How far it is.
    pub state: ReceivedState,
    /// Where it is delivered to, from `delivering` on.
    pub target: Option<Target>,
    /// Who receives it now.
    pub claim: Option<Claim>,
    /// The session that received it, or part of it, last.
    pub last_session: SessionId,
    /// Why it failed.
    pub error_code: Option<String>,
    /// In a sentence.
    pub error_text: Option<String>,
    /// What keeps it from getting on.
    pub hindrance: Option<Hindrance>,
    /// When it was first offered.
    pub created_at: Timestamp,
    /// When the row changed last.
    pub updated_at: Timestamp,
    /// When it was complete.
    pub received_at: Option<Timestamp>,
    /// When it was delivered or failed.
    pub finished_at: Option<Timestamp>,
}

impl ReceivedFile {
    /// The spool's name of what is delivered.
    pub fn deliverable(&self) -> &PartName {
        self.original.as_ref().map_or(&self.part, |original| &original.part)
    }
}

/// What a package was unwrapped to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Original {
    /// The spool's name of the part that holds it.
    pub part: PartName,
    /// Its octets.
    pub octets: u64,
}

/// What came of unwrapping a received file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unwrapped {
    /// Of what was transmitted, where the receipt is to be signed.
    pub hash: Option<FileHash>,
    /// The original, if it was a package.
    pub original: Option<Original>,
    /// Who signed it: the certificate's subject.
    pub signer: Option<String>,
}

/// Which files of its partner wait with one that cannot be unwrapped now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitsWith {
    /// None: it is about this file.
    Nobody,
    /// Those that are signed or encrypted as it is: they need the same keys.
    SameKeys,
    /// All of them.
    Everybody,
}

/// Where a file is that was rejected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Its delivery had not begun, and never does.
    Spool,
    /// Its delivery had begun: it is there, or not yet, or never.
    Underway(Target),
    /// It was delivered, and is there.
    At(Target),
}

/// What became of a wish to reject a received file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// It is `failed`, and its NERP is owed.
    Rejected(Place),
    /// It is delivered, and its EERP has left or may have.
    Acknowledged,
    /// It is not there whole, or has failed already.
    NotFrom(ReceivedState),
    /// There is no such file.
    Missing,
}

/// Which received files to read, newest first.
#[derive(Clone, Debug, Default)]
pub struct ReceivedFilter {
    /// Only of this partner.
    pub partner: Option<PartnerName>,
    /// Only in this state.
    pub state: Option<ReceivedState>,
    /// At most so many; 0 means 1000.
    pub limit: u32,
}
