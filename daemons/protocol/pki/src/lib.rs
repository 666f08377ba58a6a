//! X.509 certificates: what they say, and whether they count, for what, at a given time. Pure: the
//! time is an argument, and no system has a store of authorities that is asked.
//!
//! [`certificate_facts`] reads a certificate. [`CertificateFacts::counts`] judges its dates, and
//! [`Extensions::are_for`] whether it says that it is for a [`Purpose`]. [`Trust`] says whose a certificate
//! is that somebody presents, and why it is nobody's; [`Revocation`] whether it was revoked; [`first_gap`] and [`days_before`] what ends when.

mod certificate;
mod expiry;
mod extensions;
mod fingerprint;
mod key;
mod name;
mod peer;
mod reader;
mod revocation;
mod signed;
mod subject;
mod trust;
mod usage;
mod validity;

pub use certificate::{CertificateFacts, authority, certificate_facts, is_certificate};
pub use expiry::{DAYS_BEFORE, Gap, Span, days_before, first_gap};
pub use extensions::{ExtendedUsage, Extensions, KeyUsage};
pub use fingerprint::fingerprint;
pub use key::{SubjectPublicKey, same_key, subject_public_key};
pub use peer::PeerCertificate;
pub use revocation::{
    KnownLists, ListError, NotCounting, OnUnknown, Published, Reason, Revocation, RevocationList,
    Revoked, StatusUnknown, Unsure,
};
pub use subject::{Subject, SubjectError};
pub use trust::{
    CertificateRefusal, Presented, Role, Trust, TrustError, TrustedCertificates, TrustedPartner,
};
pub use usage::{Misuse, Purpose, UsageRule};
pub use validity::{OutOfDate, counts, in_date};
