//! Whose the database is: one row that is written once, without a tenure, because it is asked for
//! before a lease is taken.

use domain::{DatabaseId, DatabaseIdentity, InstanceName, VolumeId};
use lease::LeaseRow;

use crate::again::Trying;
use crate::backend::{Lane, Row, values};
use crate::fenced::write_journal;
use crate::lease_table::lease_row;
use crate::statement::statement;
use crate::transaction::Failed;
use crate::{JournalEntry, JournalKind, Store, StoreError};

/// What became of a database that was to be adopted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Adopted {
    /// It says what it was to say.
    Done,
    /// Not while this daemon is active.
    Active(Box<LeaseRow>),
}

impl Store {
    /// What the database says of itself; `None` while it is new.
    pub async fn identity(&self) -> Result<Option<DatabaseIdentity>, StoreError> {
        let rows = self.backend.fetch(Lane::Read, statement!("identity", "read"), &[]).await?;
        rows.first().map(identity).transpose()
    }

    /// Gives a new database its name and its instance's; one that has them keeps them.
    pub async fn name_database(
        &self,
        id: DatabaseId,
        instance: &InstanceName,
    ) -> Result<(), StoreError> {
        let values = values![id.to_string(), instance.as_str()];
        // Of the two lanes the one that may write.
        self.backend.execute(Lane::Lease, statement!("identity", "name_database"), values).await?;
        Ok(())
    }

    /// Records the volume that belongs to the database of this name, if it has none.
    pub async fn record_volume(&self, id: DatabaseId, volume: VolumeId) -> Result<(), StoreError> {
        let values = values![id.to_string(), volume.to_string()];
        self.backend.execute(Lane::Lease, statement!("identity", "record_volume"), values).await?;
        Ok(())
    }

    /// Writes another identity over the one that is there, and journals it, while no daemon has a
    /// lease: who takes one later looks at the identity again, and finds this one. Done again, it
    /// does the same.
    pub async fn adopt(
        &self,
        identity: &DatabaseIdentity,
        by: &str,
    ) -> Result<Adopted, StoreError> {
        const NAME: &str = "adopt";
        let mut trying = Trying::new(NAME);
        loop {
            let failed = match self.try_adopt(NAME, identity, by).await {
                Ok(adopted) => return Ok(adopted),
                Err(failed) => failed,
            };
            trying.again(failed).await?;
        }
    }

    async fn try_adopt(
        &self,
        name: &str,
        identity: &DatabaseIdentity,
        by: &str,
    ) -> Result<Adopted, Failed> {
        let DatabaseIdentity { id, instance, volume } = identity;
        let mut transaction = self.backend.begin(name).await?;
        transaction.execute(statement!("identity", "nobody_acquires"), &[]).await?;
        let rows = transaction.fetch(statement!("lease", "read_all"), &[]).await?;
        let leases = rows.iter().map(lease_row).collect::<Result<Vec<_>, _>>()?;
        if let Some(active) = leases.into_iter().find(LeaseRow::is_held) {
            transaction.roll_back().await;
            return Ok(Adopted::Active(Box::new(active)));
        }
        let volume = volume.map(|volume| volume.to_string());
        let values = values![id.to_string(), instance.as_str(), &volume];
        transaction.execute(statement!("identity", "adopt"), values).await?;
        let of = volume.unwrap_or_else(|| "none".to_owned());
        let entry = JournalEntry {
            text: Some(format!(
                "adopted by {by}: the database {id} is that of {instance} and belongs to the volume {of}"
            )),
            ..JournalEntry::new(JournalKind::InstanceAdopted)
        };
        write_journal(&mut transaction, None, &entry).await?;
        transaction.commit().await?;
        Ok(Adopted::Done)
    }
}

fn identity(row: &Row) -> Result<DatabaseIdentity, StoreError> {
    Ok(DatabaseIdentity {
        id: row.text("id")?,
        instance: row.text("name")?,
        volume: row.optional_text("volume")?,
    })
}
