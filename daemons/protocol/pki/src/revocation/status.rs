//! What is said of a certificate by the lists, in a sentence each.

use std::fmt;

use jiff::Timestamp;

use super::{Reason, Unsure};
use crate::validity::OutOfDate;

/// A certificate that was revoked; as it follows on "the certificate".
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Revoked {
    /// The subject of what was revoked: the certificate itself, or one of an authority above it.
    pub subject: String,
    /// Who revoked it.
    pub issuer: String,
    /// Its serial number in lower-case hexadecimal digits.
    pub serial: String,
    /// Since when.
    pub since: Timestamp,
    /// Why, if that is said.
    pub reason: Option<Reason>,
    /// The URL of the list that names it.
    pub list: String,
}

impl fmt::Display for Revoked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { subject, issuer, serial, since, reason, list } = self;
        write!(f, "was revoked: {issuer} revoked {subject} (serial number {serial}) at {since}")?;
        if let Some(reason) = reason {
            write!(f, " ({reason})")?;
        }
        write!(f, ", says the list {list}")
    }
}

/// Why nobody knows whether a certificate was revoked; as it follows on "the certificate".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StatusUnknown {
    /// Its issuer's certificate is not there to verify a list by.
    #[error(
        "may have been revoked: the certificate of its issuer ({issuer}) is not known; put it into ca.crt \
         of the same Secret"
    )]
    Issuer {
        /// The issuer's name.
        issuer: String,
    },
    /// There is no list for it.
    #[error(
        "may have been revoked: there is no list by {issuer} that is for it; seon certificates --lists \
         says which lists there are and why one is missing"
    )]
    NoList {
        /// The issuer's name.
        issuer: String,
    },
    /// The list is not in force any more.
    #[error(
        "may have been revoked: the list {list} counts until {since} and no later one was fetched; seon \
         certificates --lists says why"
    )]
    Late {
        /// Its URL.
        list: String,
        /// Since when it does not count any more.
        since: Timestamp,
    },
}

/// Why a certificate does not count; as it follows on "the certificate".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotCounting {
    /// By its dates.
    #[error(transparent)]
    OutOfDate(#[from] OutOfDate),
    /// It was revoked.
    #[error("{0}")]
    Revoked(Box<Revoked>),
    /// It may have been revoked, and that is not taken.
    #[error(transparent)]
    StatusUnknown(StatusUnknown),
}

impl NotCounting {
    /// From when on it counts, if that is a matter of time.
    pub fn counts_from(&self) -> Option<Timestamp> {
        match self {
            Self::OutOfDate(why) => why.counts_from(),
            Self::Revoked(_) | Self::StatusUnknown(_) => None,
        }
    }
}

impl From<Unsure> for NotCounting {
    fn from(unsure: Unsure) -> Self {
        match unsure {
            Unsure::Revoked(revoked) => Self::Revoked(revoked),
            Unsure::Unknown(why) => Self::StatusUnknown(why),
        }
    }
}
