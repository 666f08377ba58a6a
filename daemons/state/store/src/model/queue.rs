//! The send queue.
//!
//! ```text
//! held <-> queued -> preparing -> ready <-> sending -> sent -> acknowledged | rejected
//!                        |          |          |
//!                        +----------+- blocked +-> acknowledged | rejected   (a receipt may outrun
//! EFPA)
//! ```
//!
//! `cancelled` is reached from every state before `sending` and from `blocked`. A `sent` entry
//! whose partner gives no receipts is finished. Preparing is the send queue's own work on a file,
//! in one tenure: if that ends first, the entry is `queued` again.

use std::time::Duration;

use domain::virtual_file::StampStep;
use domain::{FileHash, OtherHashes, Packaging, PartnerName, PayloadName, SignatureOctets};
use jiff::Timestamp;
use oftp::field::{Description, FileIdentity, Format, UserData};

use super::{Claim, Hindrance, SessionId, row_id, words};

row_id! {
    /// A queue entry's row.
    EntryId
}

words! {
    /// How far a queue entry is.
    EntryState {
        /// Waits for a person to release it.
        Held = "held",
        /// Waits to be prepared.
        Queued = "queued",
        /// The send queue looks at its payload, in one tenure.
        Preparing = "preparing",
        /// Waits for a session.
        Ready = "ready",
        /// Claimed by a session.
        Sending = "sending",
        /// The partner said EFPA.
        Sent = "sent",
        /// The partner said EERP. Finished.
        Acknowledged = "acknowledged",
        /// The partner said NERP, or refused the file for good. Finished.
        Rejected = "rejected",
        /// Stopped after an error until a person unblocks it.
        Blocked = "blocked",
        /// Stopped by a person. Finished.
        Cancelled = "cancelled",
    }
}

words! {
    /// How much of an entry's payload may have reached the partner.
    Reached {
        /// None of it left.
        Nothing = "nothing",
        /// Octets left, but not its end.
        Part = "part",
        /// Its end left (EFID), or how far it got is not known.
        Whole = "whole",
    }
}

words! {
    /// What is done to an entry's file before it is sent.
    Work {
        /// It is looked at, in no time unless the disk does not answer.
        Look = "look",
        /// It is read, and compressed or hashed, which may take hours; so may what follows.
        Package = "package",
        /// It is packaged by a certificate of the partner's.
        Encrypt = "encrypt",
        /// It is packaged by a key of ours.
        Sign = "sign",
        /// It is packaged by both.
        SignAndEncrypt = "sign_and_encrypt",
    }
}

/// One partner's files to which the same is done.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct WorkLane {
    /// Whose.
    pub partner: PartnerName,
    /// What is done to them.
    pub work: Work,
}

/// A file to be sent; its payload already lies in the spool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEntry {
    /// The partner's name in the configuration.
    pub partner: PartnerName,
    /// Unique among all entries ever, and as the partner is sure to see it.
    pub identity: FileIdentity,
    /// What the partner is sure to see of its stamp.
    pub step: StampStep,
    /// The format of the original.
    pub format: Format,
    /// SFIDDESC.
    pub description: Description,
    /// SFIDUSER.
    pub user_data: UserData,
    /// The payload's name in the spool.
    pub payload: PayloadName,
    /// Octets of what is transmitted; those of the payload, until it is packaged.
    pub octets: u64,
    /// Octets of the original, which is the payload.
    pub original_octets: u64,
    /// What that is to the original.
    pub packaging: Packaging,
    /// Higher goes first; 0 is usual.
    pub priority: i64,
    /// Waits for the partner's call.
    pub passive: bool,
    /// Whether the partner answers with a receipt; if not, `sent` is the end.
    pub receipt_expected: bool,
    /// Not to be sent before this moment.
    pub not_before: Option<Timestamp>,
    /// Starts as `held`.
    pub held: bool,
    /// A person's own words.
    pub comment: Option<String>,
}

/// A queue entry's row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueEntry {
    /// Its number.
    pub id: EntryId,
    /// The partner's name.
    pub partner: PartnerName,
    /// The virtual file's identity, the same for ever.
    pub identity: FileIdentity,
    /// The format of the original.
    pub format: Format,
    /// SFIDDESC.
    pub description: Description,
    /// SFIDUSER.
    pub user_data: UserData,
    /// The name in the spool of the payload, which is the original.
    pub payload: PayloadName,
    /// The name in the spool of what is transmitted in its place, once it is packaged.
    pub package: Option<PayloadName>,
    /// Octets of what is transmitted; those of the payload, until it is packaged.
    pub octets: u64,
    /// Octets of the original.
    pub original_octets: u64,
    /// What that is to the original.
    pub packaging: Packaging,
    /// Of what is transmitted, where the receipt is to be signed.
    pub hash: Option<FileHash>,
    /// Higher goes first.
    pub priority: i64,
    /// Waits for the partner's call.
    pub passive: bool,
    /// Whether a receipt is expected.
    pub receipt_expected: bool,
    /// The partner refused a restart of this file: offer position 0.
    pub restart_refused: bool,
    /// How much of it may have reached the partner, by all sessions before the one that sends it.
    pub reached: Reached,
    /// How far it is.
    pub state: EntryState,
    /// Attempts that failed: calls that did not connect and transfers that broke off.
    pub attempts: u32,
    /// Not to be sent before this moment, by the database's clock.
    pub not_before: Option<Timestamp>,
    /// The session that sends it now; set exactly while `sending`.
    pub claim: Option<Claim>,
    /// The session that claimed it last.
    pub last_session: Option<SessionId>,
    /// Code of the last error.
    pub error_code: Option<String>,
    /// Sentence of the last error.
    pub error_text: Option<String>,
    /// What keeps it from getting on, while it is prepared.
    pub hindrance: Option<Hindrance>,
    /// The signature of the receipt that came.
    pub receipt_signature: Option<SignatureOctets>,
    /// Whose it was found to be: the certificate's subject.
    pub receipt_signer: Option<String>,
    /// A person's own words.
    pub comment: Option<String>,
    /// When it was enqueued.
    pub created_at: Timestamp,
    /// When it changed last.
    pub updated_at: Timestamp,
    /// When the partner said EFPA.
    pub sent_at: Option<Timestamp>,
    /// When it was finished.
    pub finished_at: Option<Timestamp>,
}

impl QueueEntry {
    /// The format of what is transmitted, by which it is restarted.
    pub fn transmitted_format(&self) -> Format {
        self.packaging.transmitted_format(self.format)
    }

    /// A package of which some may be there is sent as it is, whatever has changed; another one is
    /// made anew, by the keys and certificates that count now. The database says the same (`work`).
    pub fn work(&self) -> Work {
        let may_be_there = self.package.is_some() && self.reached != Reached::Nothing;
        if self.packaging == Packaging::NONE || may_be_there {
            return Work::Look;
        }
        match self.packaging.is_signed_and_encrypted() {
            (false, false) => Work::Package,
            (false, true) => Work::Encrypt,
            (true, false) => Work::Sign,
            (true, true) => Work::SignAndEncrypt,
        }
    }

    /// Whether what is to be transmitted is what its packaging says: a package is there, and a hash
    /// where the receipt is to prove it. Only `seonsqd`s of before there were packages leave it
    /// out.
    pub fn is_prepared(&self) -> bool {
        let has_package = self.packaging.is_packaged() == self.package.is_some();
        has_package && self.packaging.receipt_suite().is_some() == self.hash.is_some()
    }
}

/// An entry whose file can be sent, and what is transmitted of it if it is not the payload as it
/// is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreparedEntry {
    /// Which.
    pub id: EntryId,
    /// What was made of its payload now; `None` if nothing was: a package that was made before
    /// stands.
    pub package: Option<Package>,
    /// Of what is transmitted, where the receipt is to be signed.
    pub hash: Option<FileHash>,
    /// Other hashes that the partner may sign in its place.
    pub other_hashes: OtherHashes,
}

impl PreparedEntry {
    /// One whose payload, or package of before, is sent as it lies there.
    pub fn as_it_is(id: EntryId) -> Self {
        Self { id, package: None, hash: None, other_hashes: OtherHashes::default() }
    }
}

/// What is transmitted in place of a payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Package {
    /// Its name in the spool.
    pub name: PayloadName,
    /// Its octets.
    pub octets: u64,
    /// The certificate that it is encrypted for, if it is: SHA-256 in hexadecimal.
    pub made_for: Option<String>,
}

/// Which entries to read, newest first.
#[derive(Clone, Debug, Default)]
pub struct QueueFilter {
    /// Only of this partner.
    pub partner: Option<PartnerName>,
    /// Only in this state.
    pub state: Option<EntryState>,
    /// Only those that are not finished.
    pub unfinished: bool,
    /// At most so many; 0 means 1000.
    pub limit: u32,
}

/// Which entries a session may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClaimScope {
    /// Those that we call for: a session that we began.
    Active,
    /// Those and the passive ones: the partner called.
    ActiveAndPassive,
}

/// When a broken-off or refused entry may be tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// From now, by the database's clock.
    pub after: Duration,
    /// With this attempt the entry has had so many: it is `blocked` instead. `None`: no limit.
    pub max_attempts: Option<u32>,
}

impl Retry {
    /// Again after so long, without limit.
    pub fn after(after: Duration) -> Self {
        Self { after, max_attempts: None }
    }
}

/// What follows from a partner's refusal of a file (SFNA, EFNA).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Try again in a later session.
    Retry(Retry),
    /// Try again in a later session, from position 0.
    RetryFromStart(Retry),
    /// Wait for a person.
    Block,
    /// Over: `rejected`.
    Reject,
}

/// What [`crate::FencedTx::entry_sent`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// Now `sent`; a receipt is to come.
    AwaitingReceipt,
    /// Now `sent` and finished: the partner gives no receipts.
    Finished,
    /// A receipt was faster (by another session): the entry keeps this state.
    Answered(EntryState),
}

/// What became of a person's wish to change an entry's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryChange {
    /// Done.
    Changed,
    /// Not from this state.
    NotFrom(EntryState),
    /// There is no such entry.
    Missing,
}

/// What waits for a partner. Nothing is counted beyond a hundred.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartnerWork {
    /// The partner's name.
    pub partner: PartnerName,
    /// Active entries `ready` and due.
    pub entries: u64,
    /// Passive entries `ready` and due.
    pub passive_entries: u64,
    /// Receipts queued, due and not held.
    pub receipts: u64,
    /// The highest priority of any due active entry; 0 without one.
    pub priority: i64,
    /// Since when the active entry or receipt that has waited longest is due.
    pub oldest: Option<Timestamp>,
    /// When the next active entry or receipt that is not due yet will be.
    pub next_due: Option<Timestamp>,
}
