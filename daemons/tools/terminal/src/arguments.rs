//! The words that `seon` and `kubectl seon` have in common: what the one takes, the other takes to a
//! pod.

mod enqueue;
mod own_key;
mod security;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use domain::{Daemon, PartnerName};
use oftp::field::{NegativeReason, ReasonText};
use store::{EntryId, EntryState, JournalKind, ReceiptId, ReceivedFileId, ReceivedState};

pub use enqueue::{EnqueueOptions, FileFormat};
pub use own_key::{KeyImport, KeyRequest, OwnKey, OwnKeyOrder};
pub use security::{PackagingOptions, SecurityOptions, suite};

use crate::Since;

/// What is wanted of the send queue.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Queue {
    /// What to do, if anything.
    #[command(subcommand)]
    pub order: Option<Order>,
    /// Else what to show.
    #[command(flatten)]
    pub filter: QueueFilter,
}

/// Which entries are shown.
#[derive(Debug, Args)]
pub struct QueueFilter {
    /// Only entries for this partner.
    #[arg(short, long, value_name = "NAME")]
    pub partner: Option<PartnerName>,
    /// Only entries in this state, as `blocked`.
    #[arg(short, long, value_name = "STATE")]
    pub state: Option<EntryState>,
    /// Finished entries too.
    #[arg(short, long)]
    pub all: bool,
    /// At most so many.
    #[arg(short = 'n', long, default_value_t = 100, value_name = "NUMBER")]
    pub limit: u32,
}

/// What is done to entries.
#[derive(Clone, Debug, Subcommand)]
pub enum Order {
    /// Keeps entries from being sent.
    Hold(Entries),
    /// Lets held entries go.
    Release(Entries),
    /// Takes entries out of the queue for good.
    Cancel(Entries),
    /// Lets blocked entries try again from the start.
    Unblock(Entries),
    /// Waits no more for the receipts of entries that are sent: they are finished.
    Close(Entries),
    /// Sends entries again whose receipts do not come.
    Resend(Entries),
    /// Stops a transfer that is running; the entry stays in the queue.
    Abort(Entries),
}

impl Order {
    /// The order, and whom it concerns.
    pub fn parts(&self) -> (commands::queue::Order, &[EntryId]) {
        use commands::queue::Order as Plain;
        let (order, Entries { ids }) = match self {
            Self::Hold(entries) => (Plain::Hold, entries),
            Self::Release(entries) => (Plain::Release, entries),
            Self::Cancel(entries) => (Plain::Cancel, entries),
            Self::Unblock(entries) => (Plain::Unblock, entries),
            Self::Close(entries) => (Plain::Close, entries),
            Self::Resend(entries) => (Plain::Resend, entries),
            Self::Abort(entries) => (Plain::Abort, entries),
        };
        (order, ids)
    }
}

/// Entries by their identifiers.
#[derive(Clone, Debug, Args)]
pub struct Entries {
    /// The entries' identifiers, as `seon queue` shows them.
    #[arg(required = true, value_name = "ID")]
    pub ids: Vec<EntryId>,
}

/// What is wanted of the received files.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Received {
    /// What to do, if anything.
    #[command(subcommand)]
    pub order: Option<ReceivedOrder>,
    /// Else what to show.
    #[command(flatten)]
    pub filter: ReceivedFilesFilter,
}

/// What is done to received files.
#[derive(Clone, Debug, Subcommand)]
pub enum ReceivedOrder {
    /// Refuses a file that was received whole: its partner hears by NERP, as long as no EERP has gone out.
    Reject(Reject),
}

/// Which file is rejected, and what its partner is told.
#[derive(Clone, Debug, Args)]
pub struct Reject {
    /// The file's identifier, as `seon received` shows it.
    #[arg(value_name = "ID")]
    pub id: ReceivedFileId,
    /// Why, by the protocol's number (NERPREAS), as 34 for a file that could not be processed.
    #[arg(long, value_name = "NUMBER", value_parser = reason)]
    pub reason: NegativeReason,
    /// Why, in words for the partner (NERPREAST, OFTP2): at most 999 octets.
    #[arg(long, default_value_t, hide_default_value = true, value_name = "TEXT")]
    pub text: ReasonText,
}

/// Only what the protocol knows is sent.
fn reason(word: &str) -> Result<NegativeReason, String> {
    let number = word.parse().ok();
    let reason = NegativeReason::KNOWN.iter().find(|known| Some(known.number()) == number);
    reason.copied().ok_or_else(|| {
        let known = NegativeReason::KNOWN.iter().map(NegativeReason::to_string);
        format!("the protocol knows these reasons:\n{}", known.collect::<Vec<_>>().join("\n"))
    })
}

/// Which received files are shown.
#[derive(Debug, Args)]
pub struct ReceivedFilesFilter {
    /// Only files of this partner.
    #[arg(short, long, value_name = "NAME")]
    pub partner: Option<PartnerName>,
    /// Only files in this state, as `failed`.
    #[arg(short, long, value_name = "STATE")]
    pub state: Option<ReceivedState>,
    /// The last so many.
    #[arg(short = 'n', long, default_value_t = 100, value_name = "NUMBER")]
    pub limit: u32,
}

/// What is wanted of the receipts.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Receipts {
    /// What to do, if anything.
    #[command(subcommand)]
    pub order: Option<ReceiptOrder>,
    /// Else what to show.
    #[command(flatten)]
    pub filter: ReceiptsFilter,
}

/// Which receipts are shown.
#[derive(Debug, Args)]
pub struct ReceiptsFilter {
    /// Only receipts for this partner.
    #[arg(short, long, value_name = "NAME")]
    pub partner: Option<PartnerName>,
    /// Receipts that were sent too.
    #[arg(short, long)]
    pub all: bool,
    /// At most so many.
    #[arg(short = 'n', long, default_value_t = 100, value_name = "NUMBER")]
    pub limit: u32,
}

/// What is done to receipts.
#[derive(Clone, Debug, Subcommand)]
pub enum ReceiptOrder {
    /// Lets receipts go that are held (spec.receipts.timing: Manual) or wait for a later time.
    Release {
        /// The receipts' identifiers, as `seon receipts` shows them.
        #[arg(required = true, value_name = "ID")]
        ids: Vec<ReceiptId>,
    },
    /// Verifies again the signed receipt that a partner gave for an entry of ours.
    Verify(Kept),
    /// Prints the signed receipt of an entry with all that is needed to verify it, anywhere.
    Export {
        /// The entry's identifier, as `seon queue --all` shows it.
        #[arg(value_name = "ENTRY")]
        entry: EntryId,
    },
}

/// A receipt that was kept.
#[derive(Clone, Debug, Args)]
#[group(required = true, multiple = false)]
pub struct Kept {
    /// The entry's identifier, as `seon queue --all` shows it.
    #[arg(value_name = "ENTRY")]
    pub entry: Option<EntryId>,
    /// One that was exported; neither an instance nor a database is needed.
    #[arg(short, long, value_name = "FILE")]
    pub file: Option<PathBuf>,
}

/// Which records are shown.
#[derive(Debug, Args)]
pub struct Journal {
    /// Only what concerns this partner.
    #[arg(short, long, value_name = "NAME")]
    pub partner: Option<PartnerName>,
    /// Only since then: a span as 2h or 3d, a date, or a moment.
    #[arg(long, value_name = "WHEN", value_parser = Since::parse)]
    pub since: Option<Since>,
    /// Only this kind, as `file_sent`.
    #[arg(short, long, value_name = "KIND")]
    pub kind: Option<JournalKind>,
    /// The last so many.
    #[arg(short = 'n', long, default_value_t = 50, value_name = "NUMBER")]
    pub limit: u32,
    /// Goes on showing what comes.
    #[arg(short, long)]
    pub follow: bool,
}

/// What is wanted of certificates.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Certificates {
    /// What to do about a key of ours, if anything.
    #[command(subcommand)]
    pub order: Option<OwnKeyOrder>,
    /// Only those of this partner.
    #[arg(short, long, value_name = "NAME")]
    pub partner: Option<PartnerName>,
    /// The lists of revoked certificates instead: from where, how old, and what is wrong with them.
    #[arg(long, conflicts_with = "partner")]
    pub lists: bool,
}

/// What is wanted of partners.
#[derive(Debug, Args)]
pub struct Partner {
    /// What.
    #[command(subcommand)]
    pub verb: PartnerVerb,
}

/// What is done with partners.
#[derive(Debug, Subcommand)]
pub enum PartnerVerb {
    /// Shows the partners.
    List,
    /// Runs a session without a transfer and says how it went.
    Ping(Calling),
    /// Calls it now: sends what is due, takes what it has, and says how it went.
    Call(Calling),
}

/// A call of a partner.
#[derive(Debug, Args)]
pub struct Calling {
    /// The partner's name.
    pub name: String,
    /// Waits at most so many seconds for the outcome.
    #[arg(long, default_value_t = 60, value_name = "SECONDS")]
    pub wait: u64,
}

/// Whose lease is taken.
#[derive(Debug, Args)]
pub struct Force {
    /// The daemon's classic name.
    pub daemon: Daemon,
}
