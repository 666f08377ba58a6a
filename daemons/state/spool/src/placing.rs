//! From a finished part to a file in the partner's folder: whole or not at all, never over another
//! file, and safe to do again after a crash at any point.

use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

use domain::{PartName, Target};
use rustix::fs::OFlags;

use crate::blocking::blocking;
use crate::directory;
use crate::files::{Appender, Output};
use crate::{CHUNK, Delivery, Folders, Parts, Reader, SpoolError};

impl Folders {
    /// Puts finished parts at their recorded targets, each with its own result: by a rename where
    /// the parts' backend can, by a copy otherwise. Each file is durable there afterwards.
    ///
    /// [`SpoolError::TargetTaken`] is the result where someone else put a file since; plan and
    /// record another target.
    ///
    /// # Errors
    ///
    /// A folder could not be synced: nothing of this is sure, do it again.
    pub async fn deliver_all<P: Parts>(
        &self,
        parts: &P,
        deliveries: &[(PartName, Target)],
    ) -> Result<Vec<Result<Delivery, SpoolError>>, SpoolError> {
        let moved = parts.move_parts(self, deliveries).await?;
        let mut results = Vec::with_capacity(deliveries.len());
        for (moved, (part, target)) in moved.into_iter().zip(deliveries) {
            results.push(match moved {
                Some(result) => result,
                None => self.copy(parts, part, target).await,
            });
        }
        Ok(results)
    }

    /// Copies a part into its target, and lets it go when the target is durable. A crash between
    /// these two leaves both; then they have the same octets, and the part goes.
    async fn copy<P: Parts>(
        &self,
        parts: &P,
        part: &PartName,
        target: &Target,
    ) -> Result<Delivery, SpoolError> {
        let mut source = match parts.open_part(part).await {
            Err(SpoolError::Missing { path }) => {
                let was_placed = parts.was_placed(part).await?;
                let (folders, target) = (self.clone(), target.clone());
                return blocking(move || {
                    let folder = folders.partner(&target.partner)?;
                    let before = Delivery::before(&folder, &target, was_placed)?;
                    let target = folder.file_path(target.file.as_str());
                    before.ok_or(SpoolError::PartGone { path, target })
                })
                .await;
            }
            opened => opened?,
        };
        let hidden = hidden_name(part);
        match self.existing(target, source.octets()).await? {
            None => self.write_copy(&mut source, &hidden, target).await?,
            Some((file, path)) => {
                if !holds(file, &mut source).await? {
                    return Err(SpoolError::TargetTaken { path });
                }
            }
        }
        let (folders, placed) = (self.clone(), target.clone());
        blocking(move || folders.partner(&placed.partner)?.sync()).await?;
        parts.settle_part(part).await?;
        Ok(Delivery::Delivered)
    }

    /// The file at a target that may be ours, by its size; `None` if the target is free.
    async fn existing(
        &self,
        target: &Target,
        octets: u64,
    ) -> Result<Option<(File, PathBuf)>, SpoolError> {
        let (folders, target) = (self.clone(), target.clone());
        blocking(move || {
            let folder = folders.partner(&target.partner)?;
            let (file, path) = (target.file.as_str(), folder.file_path(target.file.as_str()));
            let Some(status) = folder.status(file)? else { return Ok(None) };
            if !directory::is_plain(&status) || directory::size(&status) != octets {
                return Err(SpoolError::TargetTaken { path });
            }
            Ok(Some((folder.open_file(file, OFlags::RDONLY)?, path)))
        })
        .await
    }

    /// Writes the copy under a hidden name, which a later attempt writes anew, and then moves it.
    async fn write_copy(
        &self,
        source: &mut impl Reader,
        hidden: &str,
        target: &Target,
    ) -> Result<(), SpoolError> {
        let (folders, partner, name) = (self.clone(), target.partner.clone(), hidden.to_owned());
        let output = blocking(move || {
            let folder = folders.partner(&partner)?;
            folder.remove(&name)?;
            Ok(Output::new(folder.create(&name)?, folder.file_path(&name)))
        })
        .await?;
        let mut copy = Appender::new(output, 0);
        let mut chunk = source.next(Vec::new()).await?;
        while !chunk.is_empty() {
            copy.append(&mut chunk).await?;
            chunk = source.next(chunk).await?;
        }
        let output = copy.written().await?;
        let (folders, target, name) = (self.clone(), target.clone(), hidden.to_owned());
        blocking(move || {
            output.sync()?;
            let folder = folders.partner(&target.partner)?;
            let moved = folder.move_to(&name, &folder, target.file.as_str());
            if moved.is_err() {
                folder.remove(&name)?;
            }
            moved
        })
        .await
    }
}

/// Under which name a part's copy is until it is whole; hidden, so that nobody takes it.
fn hidden_name(part: &PartName) -> String {
    format!(".{}", part.file())
}

/// Whether a file has exactly the octets that a reader gives.
async fn holds(mut file: File, reader: &mut impl Reader) -> Result<bool, SpoolError> {
    let mut chunk = reader.next(Vec::new()).await?;
    while !chunk.is_empty() {
        let is_same = blocking(move || {
            let mut found = Vec::with_capacity(CHUNK);
            let read = (&mut file).take(chunk.len() as u64).read_to_end(&mut found);
            Ok((read.is_ok() && found == chunk).then_some((file, chunk)))
        });
        let Some((back, spare)) = is_same.await? else { return Ok(false) };
        file = back;
        chunk = reader.next(spare).await?;
    }
    Ok(true)
}
