//! What makes a virtual file the same file.

use std::fmt;

use super::{DatasetName, Level, OdetteId, Stamp};

/// A virtual file's identity (RFC 5024 section 1.5.2): never two files with the same, never
/// changed on the way.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileIdentity {
    /// SFIDDSN.
    pub dataset_name: DatasetName,
    /// SFIDDATE and SFIDTIME.
    pub stamp: Stamp,
    /// SFIDORIG: the station that made the file.
    pub originator: OdetteId,
    /// SFIDDEST: the file's final recipient.
    pub destination: OdetteId,
}

impl FileIdentity {
    /// The identity as a session of the level shows it: 1.2 and 1.3 lose the stamp's century and
    /// counter, so that a receipt of theirs is to be compared with this.
    #[must_use]
    pub fn at(&self, level: Level) -> Self {
        let stamp = if level < Level::V1_4 { self.stamp.truncated() } else { self.stamp };
        Self { stamp, ..self.clone() }
    }
}

impl fmt::Display for FileIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { dataset_name, stamp, originator, destination } = self;
        write!(f, "{dataset_name} {stamp} from {originator} to {destination}")
    }
}
