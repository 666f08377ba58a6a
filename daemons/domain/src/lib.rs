//! The words that everything else speaks in, pure: daemons, epochs, names that are safe as paths, the
//! identity of a new virtual file, and what may be shown of what others wrote. A value of these types
//! cannot be wrong.

mod daemon;
mod dataset_template;
mod epoch;
mod escaped;
mod file;
mod file_hash;
mod instance_identity;
mod name;
mod other_hash;
mod packaging;
mod postgres;
pub mod security;
mod session;
pub mod template;
pub mod virtual_file;

pub use daemon::{ControllerNumber, ControllerNumberError, Daemon, UnknownDaemon};
pub use dataset_template::DatasetTemplate;
pub use epoch::{Epoch, EpochError};
pub use escaped::{escaped, escaped_but};
pub use file::{FileName, NameError, PartName, PayloadName, Target};
pub use file_hash::{
    CertificateOctets, FileHash, NotACertificate, NotAHash, NotASignature, ReceiptSignature,
    SignatureOctets,
};
pub use instance_identity::{
    Belonging, DatabaseId, DatabaseIdentity, Identities, Judge, Mismatch, NotAVolumeIdentity,
    VolumeId, VolumeIdentity,
};
pub use name::{InstanceName, NotAName, PartnerName};
pub use other_hash::{NotOtherHashes, OtherHash, OtherHashes};
pub use packaging::{
    NoPackaging, NoSuite, Packaging, PackagingContradiction, PackagingFields, Security, Suite,
    Wrapping,
};
pub use postgres::{NoPostgresUri, postgres_address};
pub use session::{ENDED_IN_ORDER, Fault, Purpose};
