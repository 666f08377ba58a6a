//! ODETTE-FTP (RFC 5024, RFC 2204, and 1.4) without I/O: fields, commands and their codec, stream
//! transmission headers, exchange buffers, records, and the session engine.

pub mod codec;
pub mod command;
pub mod exchange_buffer;
pub mod field;
pub mod record;
pub mod restart;
pub mod session;
pub mod stream;

pub use codec::{DecodeError, EncodeError, Quirk, Tolerance};
pub use command::{
    Auch, Aurp, Command, CommandName, Data, Eerp, Efna, Efpa, Esid, Nerp, Seal, Sfid, Sfna, Sfpa,
    Ssid,
};
pub use field::{
    Blocks, BufferSize, Capability, CipherSuite, Counts, Credit, DatasetName, Description,
    EndSessionReason, Envelope, FieldError, FileCompression, FileIdentity, FileReason, Format,
    Level, NegativeReason, OdetteId, Password, ReasonText, RecordLength, SecurityLevel, Stamp,
    UserData,
};
