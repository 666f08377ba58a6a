//! Parts that are restarted: what is being received, or is received and not delivered yet.

use std::time::Duration;

use domain::{Epoch, PartName, Target};
use tokio::task::JoinHandle;

use crate::{Delivery, Folders, Listed, Reader, SpoolError};

/// Where parts lie.
///
/// A part grows at its end only, and what is durable of it never changes. Nothing here needs a
/// store that can rename, lock or append: one that holds whole objects keeps one for each chunk
/// between two checkpoints, the epoch in its key, so that a dead epoch can overwrite nothing.
///
/// A dropped future leaves its work done or not done, never half done.
pub trait Parts: Clone + Send + Sync + 'static {
    /// A part open at its end.
    type Part: Part;
    /// A whole part open for reading.
    type PartReader: Reader;

    /// Starts a part from nothing. What an earlier attempt left under this name is dropped.
    ///
    /// Record the id before, or while this part is open, so that the sweep knows whose it is.
    fn create_part(
        &self,
        name: &PartName,
    ) -> impl Future<Output = Result<Self::Part, SpoolError>> + Send;

    /// Starts a part with octets that are durable when this returns: a small file in one visit.
    fn write_part(
        &self,
        name: &PartName,
        mut octets: Vec<u8>,
    ) -> impl Future<Output = Result<Self::Part, SpoolError>> + Send {
        async move {
            let mut part = self.create_part(name).await?;
            part.append(&mut octets).await?;
            part.checkpoint().await?.durable().await?;
            Ok(part)
        }
    }

    /// Goes on with a part after its first `octets` octets, those of a checkpoint that was durable
    /// or fewer; what was written beyond them is dropped.
    ///
    /// An earlier holder that is frozen, not dead, may still have the part open and write when it
    /// thaws. Nothing of that shows in what this returns, which may therefore be a new part, of the
    /// given epoch, that begins with the old one's octets, durable already. So **record
    /// [`Part::name`] before the first checkpoint if it differs from `name`**, and remove the old
    /// one then.
    ///
    /// # Errors
    ///
    /// [`SpoolError::Missing`] and [`SpoolError::Short`]: the file has to start from nothing.
    /// [`SpoolError::Busy`]: another session of this epoch still has it open.
    fn resume_part(
        &self,
        name: &PartName,
        octets: u64,
        epoch: Epoch,
    ) -> impl Future<Output = Result<Self::Part, SpoolError>> + Send;

    /// Opens a finished part for reading, from its start.
    fn open_part(
        &self,
        name: &PartName,
    ) -> impl Future<Output = Result<Self::PartReader, SpoolError>> + Send;

    /// Removes a part that nobody wants any more, and what says that it was placed; `false` if neither
    /// was there.
    fn remove_part(&self, name: &PartName)
    -> impl Future<Output = Result<bool, SpoolError>> + Send;

    /// The same for several.
    fn remove_parts(
        &self,
        names: &[PartName],
    ) -> impl Future<Output = Result<(), SpoolError>> + Send {
        async move {
            for name in names {
                self.remove_part(name).await?;
            }
            Ok(())
        }
    }

    /// Lets a part go whose copy is durable in its place, and keeps what says so: in this order, so
    /// that a part that is there is not known to be placed, whatever else is.
    fn settle_part(&self, name: &PartName) -> impl Future<Output = Result<(), SpoolError>> + Send;

    /// Whether a part that is gone was placed: only what [`Parts::move_parts`] and
    /// [`Parts::settle_part`] have left says so, until [`Parts::remove_part`].
    fn was_placed(&self, name: &PartName) -> impl Future<Output = Result<bool, SpoolError>> + Send;

    /// Lists what was last changed at least `age` ago, without those parts of which it can tell
    /// that somebody has them open.
    fn list_parts(
        &self,
        age: Duration,
    ) -> impl Future<Output = Result<Listed<PartName>, SpoolError>> + Send;

    /// Takes away what the removed parts needed and no new one will.
    fn tidy(&self, _age: Duration) -> impl Future<Output = Result<(), SpoolError>> + Send {
        std::future::ready(Ok(()))
    }

    /// Octets that may still be written, where there is such a limit; what is kept free for others is
    /// not among them. Others write too, so this is for an early refusal of a file that cannot fit, and
    /// no promise that a smaller one will: [`Part::append`] fails with [`SpoolError::Full`] in time.
    fn free_octets(&self) -> Result<Option<u64>, SpoolError> {
        Ok(None)
    }

    /// Moves finished parts to their targets without a copy; `None` for each that cannot be. Where
    /// parts are no files, that is all of them. [`Folders::deliver_all`] copies those.
    fn move_parts(
        &self,
        _folders: &Folders,
        deliveries: &[(PartName, Target)],
    ) -> impl Future<Output = Result<Vec<Option<Result<Delivery, SpoolError>>>, SpoolError>> + Send
    {
        std::future::ready(Ok(deliveries.iter().map(|_| None).collect()))
    }
}

/// A part open at its end, in nobody else's way until it is dropped or finished.
pub trait Part: Send + Sync + 'static {
    /// The name to record.
    fn name(&self) -> &PartName;

    /// Octets appended so far, durable or not; those before a restart included.
    fn octets(&self) -> u64;

    /// Appends the chunk and leaves an empty buffer in its place. It may be on its way when this
    /// returns: this waits only for the one before, and a later call tells of what failed; an empty
    /// chunk does nothing else. After an error the part takes no more: resume it at the last durable
    /// position.
    fn append(
        &mut self,
        chunk: &mut Vec<u8>,
    ) -> impl Future<Output = Result<(), SpoolError>> + Send;

    /// Begins to make durable what is appended so far, beside what is appended next.
    fn checkpoint(&mut self) -> impl Future<Output = Result<Checkpoint, SpoolError>> + Send;

    /// Makes the whole file and its name durable; returns its octets.
    fn finish(self) -> impl Future<Output = Result<u64, SpoolError>> + Send;
}

/// A position of a part that is becoming durable.
#[derive(Debug)]
pub struct Checkpoint {
    octets: u64,
    flush: JoinHandle<Result<(), SpoolError>>,
}

impl Checkpoint {
    /// The position, and the task that makes it durable.
    pub fn new(octets: u64, flush: JoinHandle<Result<(), SpoolError>>) -> Self {
        Self { octets, flush }
    }

    /// Whether [`Checkpoint::durable`] will not wait.
    pub fn is_finished(&self) -> bool {
        self.flush.is_finished()
    }

    /// The octets that are durable then, and may be recorded.
    pub async fn durable(mut self) -> Result<u64, SpoolError> {
        crate::blocking::ended(&mut self.flush).await?;
        Ok(self.octets)
    }
}
