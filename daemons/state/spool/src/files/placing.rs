//! From a finished part to a file in the partner's folder, by one rename.

use std::collections::HashMap;

use domain::{PartName, Target};

use super::Layout;
use crate::directory::{Directory, is_plain};
use crate::{Delivery, Folders, SpoolError};

/// Moves several, and makes each partner's folder durable once: a sync costs more than all the
/// rest. `None` for one whose target lies on another file system.
pub(super) fn move_all(
    layout: &Layout,
    folders: &Folders,
    deliveries: &[(PartName, Target)],
) -> Result<Vec<Option<Result<Delivery, SpoolError>>>, SpoolError> {
    let mut touched = HashMap::new();
    let mut results = Vec::with_capacity(deliveries.len());
    for (part, target) in deliveries {
        let moved = folders.partner(&target.partner).and_then(|folder| {
            let moved = move_part(layout, part, &folder, target);
            touched.insert(&target.partner, folder);
            moved
        });
        results.push(moved.transpose());
    }
    for folder in touched.values() {
        folder.sync()?;
    }
    Ok(results)
}

/// The folder has to be synced also when there was nothing to move: a crash may have come between
/// the move and the sync.
///
/// The part's directory needs no sync. If a power cut brings its old name back beside the new one,
/// both are the same file: the delivery done again removes it, or the sweep does.
fn move_part(
    layout: &Layout,
    part: &PartName,
    folder: &Directory,
    target: &Target,
) -> Result<Option<Delivery>, SpoolError> {
    let file = target.file.as_str();
    let parts = match layout.part_directory(part) {
        Ok(parts) => parts.status(part.file())?.map(|status| (parts, status)),
        Err(SpoolError::Missing { .. }) => None,
        Err(error) => return Err(error),
    };
    let Some((parts, status)) = parts else {
        return Delivery::before(folder, target).map(Some);
    };
    if !is_plain(&status) {
        return Err(SpoolError::Irregular { path: parts.file_path(part.file()) });
    }
    let is_moved = if parts.holds_same_file(part.file(), folder, file)? {
        parts.remove(part.file())?;
        true
    } else {
        parts.try_move_to(part.file(), folder, file)?
    };
    Ok(is_moved.then_some(Delivery::Delivered))
}
