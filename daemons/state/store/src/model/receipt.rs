//! Receipts that we owe (`queued -> sending -> sent`), and what becomes of those we get.

use std::time::Duration;

use domain::security::ReceiptHash;
use domain::{
    CertificateOctets, FileHash, OtherHash, OtherHashes, PartnerName, ReceiptSignature,
    SignatureOctets,
};
use jiff::Timestamp;
use oftp::field::{FileIdentity, ReasonText, UserData};

use super::{Claim, EntryId, EntryState, ReceivedFileId, row_id, words};

row_id! {
    /// A receipt's row.
    ReceiptId
}

words! {
    /// How far a receipt is.
    ReceiptState {
        /// Waits for a session.
        Queued = "queued",
        /// Claimed by a session.
        Sending = "sending",
        /// The partner said RTR.
        Sent = "sent",
    }
}

/// What a receipt says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReceiptKind {
    /// EERP: delivered.
    Positive,
    /// NERP: not delivered.
    Negative {
        /// NERPREAS, two digits; see `oftp::field::NegativeReason`.
        reason: u8,
        /// NERPREAST.
        text: ReasonText,
    },
}

impl ReceiptKind {
    /// The stable code of a negative one, for queue and journal.
    pub fn code(&self) -> Option<String> {
        match self {
            Self::Positive => None,
            Self::Negative { reason, .. } => Some(format!("E-FILE-NERP-{reason:02}")),
        }
    }
}

/// When a receipt may go out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReceiptTiming {
    /// In the next session, this one too.
    Now,
    /// Not before so much later, by the database's clock.
    After(Duration),
    /// When a person releases it.
    Held,
}

/// A receipt to be queued with the end of a file's delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewReceipt {
    /// What it says.
    pub kind: ReceiptKind,
    /// EERPUSER, NERPUSER.
    pub user_data: UserData,
    /// What makes it a signed one.
    pub signature: Option<ReceiptSignature>,
    /// When it may go out.
    pub timing: ReceiptTiming,
}

/// A receipt's row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Its number.
    pub id: ReceiptId,
    /// The file that it answers.
    pub received_file: ReceivedFileId,
    /// What it says.
    pub kind: ReceiptKind,
    /// The partner that gets it.
    pub partner: PartnerName,
    /// The identity of the *file*: on the wire, originator and destination change places.
    pub identity: FileIdentity,
    /// EERPUSER, NERPUSER.
    pub user_data: UserData,
    /// What makes it a signed one.
    pub signature: Option<ReceiptSignature>,
    /// How far it is.
    pub state: ReceiptState,
    /// Waits for a person.
    pub held: bool,
    /// Not to be sent before this moment.
    pub not_before: Option<Timestamp>,
    /// Who sends it now.
    pub claim: Option<Claim>,
    /// When it was queued.
    pub created_at: Timestamp,
    /// When the partner said RTR.
    pub sent_at: Option<Timestamp>,
}

/// Which receipts to read, newest first.
#[derive(Clone, Debug, Default)]
pub struct ReceiptFilter {
    /// Only of this partner.
    pub partner: Option<PartnerName>,
    /// Only in this state.
    pub state: Option<ReceiptState>,
    /// At most so many; 0 means 1000.
    pub limit: u32,
}

/// A signature of a partner's receipt that was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiptProof {
    /// The hash that it signs.
    pub hash: FileHash,
    /// Which hash counts of this partner.
    pub counts: ReceiptHash,
    /// The signature.
    pub signature: SignatureOctets,
    /// Whose it is: the certificate's subject.
    pub signer: String,
    /// The certificate.
    pub certificate: CertificateOctets,
}

/// What is kept of a partner's signed receipt, to verify it again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptReceipt {
    /// The partner's name in the configuration.
    pub partner: PartnerName,
    /// The file that it answers.
    pub identity: FileIdentity,
    /// The hash of what was transmitted.
    pub hash: FileHash,
    /// What the partner may have signed in its place.
    pub other_hashes: OtherHashes,
    /// The signature.
    pub signature: SignatureOctets,
    /// The certificate that it was verified by.
    pub certificate: CertificateOctets,
    /// When it came.
    pub received_at: Timestamp,
}

/// What a partner's receipt fitted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Match {
    /// The entry is now `acknowledged`.
    Acknowledged(EntryId),
    /// The entry is now `acknowledged`, although the receipt is over another hash than it should be.
    Tolerated {
        /// The entry.
        entry: EntryId,
        /// What the partner signed.
        hash: OtherHash,
    },
    /// The entry is now `rejected`.
    Rejected(EntryId),
    /// The entry was finished before (a repeated receipt, or a cancelled entry); nothing changed.
    Duplicate {
        /// The entry.
        entry: EntryId,
        /// Its state.
        state: EntryState,
    },
    /// The entry waits, and nothing says that its end ever left for the partner; nothing changed.
    Unsent {
        /// The entry.
        entry: EntryId,
        /// Its state.
        state: EntryState,
    },
    /// The entry's receipt is to be signed, and this one does not prove the octets that were sent. It is
    /// `sent` still, and says so.
    Unproven {
        /// The entry.
        entry: EntryId,
        /// Of what was sent.
        hash: FileHash,
    },
    /// No entry for this partner has this identity.
    Unknown,
}
