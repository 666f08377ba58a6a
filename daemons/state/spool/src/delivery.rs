//! How a finished part came to its target.

use domain::Target;

use crate::SpoolError;
use crate::directory::Directory;

/// How a delivery ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// The file is there, complete and durable.
    Delivered,
    /// The part is gone and the file is there: an earlier attempt came that far.
    DeliveredBefore,
    /// Neither is there: an earlier attempt delivered it and its reader took it away since.
    TakenAwaySince,
}

impl Delivery {
    /// How it ended when the part is gone: only a file that is durable in its place lets it go.
    pub(crate) fn before(folder: &Directory, target: &Target) -> Result<Self, SpoolError> {
        Ok(match folder.status(target.file.as_str())? {
            Some(_) => Self::DeliveredBefore,
            None => Self::TakenAwaySince,
        })
    }
}
