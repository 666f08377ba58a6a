//! Caps that keep a session from running for ever or growing without bound.
//!
//! None of them is in the RFC; each says what it protects against and why its value harms nobody.

/// [`Session::send_data`] takes nothing more while this many octets wait to be written.
///
/// Two full exchange buffers of the largest size and room for a few more keep a fast line busy;
/// beyond that, octets only cost memory.
///
/// [`Session::send_data`]: super::Session::send_data
pub const TRANSMIT_HIGH_WATER: usize = 256 * 1024;

/// [`Session::receive`] returns to its caller once this much payload waits to be stored.
///
/// A compressed sub-record turns two octets into 63, so the octets read do not bound the payload.
///
/// [`Session::receive`]: super::Session::receive
pub const PAYLOAD_HIGH_WATER: usize = 256 * 1024;

/// A compressed buffer is taken in pieces that stand for so much payload at most.
///
/// Whole it could be three million octets of blanks, in each of hundreds of sessions.
pub const PAYLOAD_PIECE: usize = 32 * 1024;

/// Files refused one after the other, none accepted in between, before the session is ended.
///
/// RFC 5024 section 4.3.2 leaves the loop of SFID and SFNA to the user. A partner whose every file
/// is refused has a reason to come back later; one that offers for ever has a fault.
pub const MAXIMUM_REFUSALS: u32 = 1_000;

/// Changes of direction without a file or a receipt in between before the session is ended.
///
/// RFC 5024 section 3.3.4.2 forbids the plain loop of CD and CD; one with a refused file in every
/// turn is legal, and endless all the same.
pub const MAXIMUM_IDLE_TURNS: u32 = 64;

/// DATA buffers in a row that carry no octet and no end of record before the session is ended.
///
/// Sub-records of length zero are legal anywhere, a file of them alone is a way to hold a session.
pub const MAXIMUM_EMPTY_DATA_BUFFERS: u32 = 1_000;
