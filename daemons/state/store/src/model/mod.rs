//! What the tables hold, as types.

mod dialling;
mod hindrance;
mod journal;
mod partner;
mod queue;
mod receipt;
mod received;
mod request;
mod revocation;
mod session;
mod waiting;

pub use dialling::{DialId, DialOutcome, DialRecord, DialState, NewDial};
pub use hindrance::Hindrance;
pub use journal::{JournalEntry, JournalFilter, JournalId, JournalKind, JournalRecord};
pub use partner::{FailedCall, PartnerQueue};
pub use queue::{
    ClaimScope, EntryChange, EntryId, EntryState, NewEntry, Package, PartnerWork, PreparedEntry,
    QueueEntry, QueueFilter, Reached, Refusal, Retry, Sent, Work, WorkLane,
};
pub use receipt::{
    KeptReceipt, Match, NewReceipt, Receipt, ReceiptFilter, ReceiptId, ReceiptKind, ReceiptProof,
    ReceiptState, ReceiptTiming,
};
pub use received::{
    Offer, Original, Place, Progress, ReceivedFile, ReceivedFileId, ReceivedFilter, ReceivedState,
    Receiving, Rejection, Unwrapped, WaitsWith,
};
pub use request::{
    NewRequest, OperatorRequest, RequestFilter, RequestId, RequestOutcome, RequestRecord,
    RequestState,
};
pub use revocation::ListRecord;
pub use session::{
    Claim, Direction, NewSession, SessionCounts, SessionEnd, SessionFilter, SessionId,
    SessionRecord, Transport,
};
pub use waiting::{Waiting, WaitingKind};

/// A row's number, of a type of its own for each table.
macro_rules! row_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord,
            serde::Serialize, serde::Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(i64);

        impl $name {
            /// The number as tables and command lines show it.
            pub fn get(self) -> i64 {
                self.0
            }
        }

        impl From<i64> for $name {
            fn from(number: i64) -> Self {
                Self(number)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = std::num::ParseIntError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    };
}
use row_id;

/// A choice that a column holds as a word; the schema's CHECK knows the same words.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident {
        $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)+
    }) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord,
            serde::Serialize, serde::Deserialize,
        )]
        pub enum $name {
            $($(#[$variant_doc])* #[serde(rename = $word)] $variant,)+
        }

        impl $name {
            /// Every one, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word that the database, the log and `-o json` use.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = crate::UnknownWord;

            fn from_str(word: &str) -> Result<Self, Self::Err> {
                Self::ALL.iter().copied().find(|choice| choice.as_str() == word).ok_or_else(|| {
                    crate::UnknownWord::new(word, &[$($word),+])
                })
            }
        }
    };
}
use words;
