//! ISDN controllers as they are seen at one moment.

use std::collections::BTreeMap;

/// The number of a controller as CAPI counts them: 1 to 127.
pub type Number = u8;

/// Where controllers are looked for.
pub trait Controllers: Send + Sync + 'static {
    /// Asks every controller once. May block, and longer than anybody wants to wait.
    fn look(&self) -> Sight;
}

/// What a look at the controllers has shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sight {
    /// There is no device node: this machine has no ISDN (any more).
    NoNode,
    /// There is a node, but nothing answers behind it, for this reason.
    Silent(String),
    /// The controllers that there are, each with its answer or the reason why there is none.
    Controllers(BTreeMap<Number, Result<(), String>>),
}
