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
/// Before the part goes, a second name of it says that it was placed: the reader may be faster with the
/// file than we with the commit, and a part that is merely gone proves nothing.
///
/// The part's directory needs no sync. If a power cut brings its old name back beside the new one,
/// both are the same file: the delivery done again removes it, or the sweep does. If one takes the
/// second name, the file is still seen in its place, unless its reader was faster than the power cut:
/// then it waits for a person.
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
        let was_placed = layout.was_placed(part)?;
        return match Delivery::before(folder, target, was_placed)? {
            None => {
                let (path, target) = (layout.part_path(part), folder.file_path(file));
                Err(SpoolError::PartGone { path, target })
            }
            before => Ok(before),
        };
    };
    if !is_plain(&status) {
        return Err(SpoolError::Irregular { path: parts.file_path(part.file()) });
    }
    if parts.holds_same_file(part.file(), folder, file)? {
        settle(&parts, part)?;
        return Ok(Some(Delivery::Delivered));
    }
    leave_witness(&parts, part)?;
    match parts.try_move_to(part.file(), folder, file) {
        Ok(true) => Ok(Some(Delivery::Delivered)),
        not_moved => {
            // It would speak for a part that somebody removes before the next attempt. Where the part is
            // gone after all, as when a server's answer to the move was lost, it speaks for that.
            if parts.status(part.file())?.is_some() {
                parts.remove(&witness(part))?;
            }
            not_moved.map(|_| None)
        }
    }
}

/// The name that says that a part was placed, once the part is gone.
pub(super) fn witness(part: &PartName) -> String {
    format!("{}.placed", part.id())
}

/// The part for which a file of this name would speak.
pub(super) fn of_witness(name: &str) -> Option<String> {
    name.strip_suffix(".placed").map(|id| format!("{id}.part"))
}

/// Lets a part go that is durable in its place.
pub(super) fn settle(parts: &Directory, part: &PartName) -> Result<(), SpoolError> {
    leave_witness(parts, part)?;
    parts.remove(part.file()).map(|_| ())
}

/// A link costs nothing; where there are none, an empty file says the same.
fn leave_witness(parts: &Directory, part: &PartName) -> Result<(), SpoolError> {
    let witness = witness(part);
    if !parts.try_link(part.file(), &witness)? && parts.status(&witness)?.is_none() {
        parts.create(&witness)?;
    }
    Ok(())
}
