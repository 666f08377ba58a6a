//! Payloads on disk: what is being received, what waits to be sent, and what was delivered.
//!
//! Everything lies below one data directory on one file system, because a file becomes visible by
//! a rename and by nothing else:
//!
//! ```text
//! spool/in/<epoch>/<id>.part        being received, or received and not yet delivered
//! spool/out/<payload>               waits to be sent, or for its receipt
//! incoming/<partner>/<file>         delivered: complete, durable, never overwritten
//! outgoing/<partner>/               hot folder: what appears here is sent
//! outgoing/<partner>/.taken/        hot folder: taken, not yet known to be queued
//! ```
//!
//! The API blocks; an asynchronous caller runs it on a blocking thread. No directory below the
//! data directory is reached through a symbolic link, so whoever may write into one folder cannot
//! send the daemons' files elsewhere.

mod delivery;
mod directory;
mod error;
mod hot_folder;
mod layout;
mod name;
mod part;
mod payload;
mod sweep;

pub use delivery::{Delivery, Target};
pub use error::SpoolError;
pub use hot_folder::{HotFile, HotFolder, RefusedFile, Scan, TakenFile};
pub use layout::Spool;
pub use name::{FileName, NameError, PartName, PayloadName};
pub use part::{Checkpoint, PartFile};
pub use payload::{Payload, PayloadReader, PayloadWriter, TakeIn};
pub use sweep::{Listing, Swept};
