//! From a finished part to a file in the partner's incoming folder: by one rename, never over
//! another file, and safe to do again after a crash at any point.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

use crate::directory::{Directory, is_plain};
use crate::layout::{INCOMING, SHARED};
use crate::{FileName, NameError, PartName, Spool, SpoolError};

/// Where a received file goes: `incoming/<partner>/<file>`. Recorded as `<partner>/<file>`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Target {
    /// The partner's folder.
    pub partner: FileName,
    /// The file's name in it.
    pub file: FileName,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.partner, self.file)
    }
}

impl FromStr for Target {
    type Err = NameError;

    fn from_str(target: &str) -> Result<Self, NameError> {
        let (partner, file) = target.split_once('/').unwrap_or((target, ""));
        Ok(Self { partner: partner.parse()?, file: file.parse()? })
    }
}

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

impl Spool {
    /// Decides under which name a file is delivered: `wanted`, or `wanted.1`, `wanted.2` and so
    /// on if that is there already or `is_planned` for another file.
    ///
    /// Record the target before [`Spool::deliver`], so that the delivery can be done again.
    pub fn plan_target(
        &self,
        partner: &FileName,
        wanted: &FileName,
        is_planned: impl Fn(&Target) -> bool,
    ) -> Result<Target, SpoolError> {
        let folder = self.incoming()?.directory_made(partner.as_str(), SHARED)?;
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

    /// Moves a finished part to its recorded target; the file is durable there afterwards.
    ///
    /// # Errors
    ///
    /// [`SpoolError::TargetTaken`]: someone else put a file there since; plan and record another.
    pub fn deliver(&self, part: &PartName, target: &Target) -> Result<Delivery, SpoolError> {
        let (delivery, folder) = self.move_part(part, target)?;
        folder.sync()?;
        Ok(delivery)
    }

    /// Delivers several files, each with its own result, and makes each partner's folder durable
    /// once: a sync costs more than all the rest.
    ///
    /// # Errors
    ///
    /// A folder could not be synced: nothing of this is sure, do it again.
    pub fn deliver_all(
        &self,
        deliveries: &[(PartName, Target)],
    ) -> Result<Vec<Result<Delivery, SpoolError>>, SpoolError> {
        let mut folders = HashMap::new();
        let mut results = Vec::with_capacity(deliveries.len());
        for (part, target) in deliveries {
            results.push(self.move_part(part, target).map(|(delivery, folder)| {
                folders.insert(&target.partner, folder);
                delivery
            }));
        }
        for folder in folders.values() {
            folder.sync()?;
        }
        Ok(results)
    }

    /// Opened each time: whoever removed it by mistake and makes it again, or mounts something in
    /// its place, means the new one.
    fn incoming(&self) -> Result<Directory, SpoolError> {
        self.0.data.directory(INCOMING)
    }

    /// The partner's folder comes back to be synced, also when there was nothing to move: a crash
    /// may have come between the move and the sync.
    ///
    /// The part's directory needs no sync. If a power cut brings its old name back beside the new
    /// one, both are the same file: the delivery done again removes it, or the sweep does.
    fn move_part(
        &self,
        part: &PartName,
        target: &Target,
    ) -> Result<(Delivery, Directory), SpoolError> {
        let folder = self.incoming()?.directory_made(target.partner.as_str(), SHARED)?;
        let file = target.file.as_str();
        let parts = match self.0.parts.directory(&part.epoch().to_string()) {
            Ok(parts) => parts.status(part.file())?.map(|status| (parts, status)),
            Err(SpoolError::Directory { .. }) => None,
            Err(error) => return Err(error),
        };
        let Some((parts, status)) = parts else {
            let delivery = match folder.status(file)? {
                Some(_) => Delivery::DeliveredBefore,
                None => Delivery::TakenAwaySince,
            };
            return Ok((delivery, folder));
        };
        if !is_plain(&status) {
            return Err(SpoolError::Irregular { path: parts.file_path(part.file()) });
        }
        if parts.holds_same_file(part.file(), &folder, file)? {
            parts.remove(part.file())?;
        } else {
            parts.move_to(part.file(), &folder, file)?;
        }
        Ok((Delivery::Delivered, folder))
    }

    fn last_number(&self, hint: &(FileName, FileName)) -> u32 {
        let numbers = self.0.last_number.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        numbers.get(hint).copied().unwrap_or(0)
    }

    fn remember_number(&self, hint: (FileName, FileName), number: u32) {
        /// Hints, not state: forgetting them all costs a search.
        const MOST: usize = 1024;
        let mut numbers =
            self.0.last_number.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if numbers.len() >= MOST {
            numbers.clear();
        }
        numbers.insert(hint, number);
    }
}
