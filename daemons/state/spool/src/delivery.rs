//! How a finished part came to its target.

use domain::Target;

use crate::SpoolError;
use crate::directory::Directory;

/// How a delivery ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// The file is there, complete and durable.
    Delivered,
    /// The part was placed by an earlier attempt, and the file is there.
    DeliveredBefore,
    /// The part was placed by an earlier attempt, and its reader took the file away since.
    TakenAwaySince,
    /// The part is gone, and nothing says that it was placed, but a file is there: that of an attempt
    /// whose last word a power cut took, or of somebody else. Only who knows that there was such an
    /// attempt may take it for ours.
    OnlySeen,
}

impl Delivery {
    /// How it ended when the part is gone; `None` if neither the part nor the file is anywhere.
    pub(crate) fn before(
        folder: &Directory,
        target: &Target,
        was_placed: bool,
    ) -> Result<Option<Self>, SpoolError> {
        let is_seen = folder.status(target.file.as_str())?.is_some();
        Ok(match (was_placed, is_seen) {
            (true, true) => Some(Self::DeliveredBefore),
            (true, false) => Some(Self::TakenAwaySince),
            (false, true) => Some(Self::OnlySeen),
            (false, false) => None,
        })
    }
}
