//! The folders of an instance that people read and write, and under which name a file goes there.
//!
//! ```text
//! incoming/<partner>/<file>         delivered: complete, durable, never overwritten
//! outgoing/<partner>/               hot folder: what appears here is sent
//! outgoing/<partner>/.taken/        hot folder: taken, not yet known to be queued
//! ```

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use domain::{FileName, Target};

use crate::SpoolError;
use crate::directory::{Directory, SHARED};

/// The folders of one instance. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Folders(Arc<Opened>);

#[derive(Debug)]
struct Opened {
    data: Directory,
    /// One hot folder in it for each partner.
    outgoing: Directory,
    /// The number last planned for a name that is taken, so that the thousandth delivery of one
    /// name does not try a thousand names. Only a hint: the file system decides.
    last_number: Mutex<HashMap<(FileName, FileName), u32>>,
}

/// One directory in it for each partner.
const INCOMING: &str = "incoming";

impl Folders {
    /// Opens the folders in a data directory and makes those that are missing. Blocks.
    ///
    /// # Errors
    ///
    /// [`SpoolError::Directory`], as for the spool.
    pub fn open(data_directory: &Path) -> Result<Self, SpoolError> {
        let data = Directory::data_directory(data_directory)?;
        data.writable_directory(INCOMING, SHARED)?;
        let outgoing = data.writable_directory("outgoing", SHARED)?;
        Ok(Self(Arc::new(Opened { data, outgoing, last_number: Mutex::default() })))
    }

    /// Decides under which name a file is delivered: `wanted`, or `wanted.1`, `wanted.2` and so
    /// on if that is there already or `is_planned` for another file. Blocks.
    ///
    /// Record the target before [`Folders::deliver_all`], so that the delivery can be done again.
    pub fn plan_target(
        &self,
        partner: &FileName,
        wanted: &FileName,
        is_planned: impl Fn(&Target) -> bool,
    ) -> Result<Target, SpoolError> {
        let folder = self.partner(partner)?;
        let is_free = |target: &Target| -> Result<bool, SpoolError> {
            Ok(!is_planned(target) && folder.status(target.file.as_str())?.is_none())
        };
        let plain = Target { partner: partner.clone(), file: wanted.clone() };
        if is_free(&plain)? {
            return Ok(plain);
        }
        let hint = (partner.clone(), wanted.clone());
        let mut number = self.last_number(&hint);
        loop {
            number = number.wrapping_add(1);
            let file = wanted.numbered(number);
            let target = Target { partner: partner.clone(), file };
            if is_free(&target)? {
                self.remember_number(hint, number);
                return Ok(target);
            }
        }
    }

    /// A partner's folder of delivered files, made if it is not there. Blocks.
    ///
    /// Opened each time: whoever removed it by mistake and makes it again, or mounts something in
    /// its place, means the new one.
    pub(crate) fn partner(&self, partner: &FileName) -> Result<Directory, SpoolError> {
        self.0.data.directory(INCOMING)?.directory_made(partner.as_str(), SHARED)
    }

    /// Where each partner's hot folder is.
    pub(crate) fn outgoing(&self) -> &Directory {
        &self.0.outgoing
    }

    fn last_number(&self, hint: &(FileName, FileName)) -> u32 {
        let numbers = self.0.last_number.lock().unwrap_or_else(PoisonError::into_inner);
        numbers.get(hint).copied().unwrap_or(0)
    }

    fn remember_number(&self, hint: (FileName, FileName), number: u32) {
        /// Hints, not state: forgetting them all costs a search.
        const MOST: usize = 1024;
        let mut numbers = self.0.last_number.lock().unwrap_or_else(PoisonError::into_inner);
        if numbers.len() >= MOST {
            numbers.clear();
        }
        numbers.insert(hint, number);
    }
}
