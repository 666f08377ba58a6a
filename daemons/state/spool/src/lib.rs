//! Octets that are ours: what is being received, what waits to be sent, and what was delivered.
//!
//! Two traits say what a spool is, and no more than any store can keep: [`Parts`], which grow and
//! are restarted, and [`Payloads`], which are kept as they are. [`Spool`] is the backend that
//! daemons use; one conformance suite says what every backend promises.
//!
//! Apart from both, and on a file system whatever the backend, lie the folders that people read and
//! write: [`Folders`].
//!
//! The API is asynchronous and never keeps the event loop waiting; only what is opened at a start,
//! and what says so, blocks.

mod blocking;
mod delivery;
mod directory;
mod error;
mod files;
mod folders;
mod hot_folder;
mod listed;
mod parts;
mod payloads;
mod placing;
mod reader;
mod room;
mod sweep;

pub use delivery::Delivery;
pub use error::SpoolError;
pub use files::{FilePart, FilePayloadWriter, FileReader, FileSpool};
pub use folders::Folders;
pub use hot_folder::{Finished, HotFile, HotFolder, RefusedFile, Scan, Seen, TakenFile};
pub use listed::Listed;
pub use parts::{Checkpoint, Part, Parts};
pub use payloads::{Payload, PayloadWriter, Payloads, SourceFile, TakeIn};
pub use reader::{CHUNK, Reader};
pub use sweep::{Listing, Swept};

/// The spool of an instance, as its daemons and commands use it.
pub type Spool = FileSpool;
