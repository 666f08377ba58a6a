//! An instance as commands see it: its folder, configuration, database and spool.

use std::path::PathBuf;

use configuration::{Configuration, DatabaseSetting, Scope};
use runtime::admin::run_directory;
use spool::Spool;
use store::{DatabaseUri, Migrated, Store};

use crate::arguments::{Migrate, Place};
use crate::failure::Failure;

/// The name under which commands connect, seen in PostgreSQL's `pg_stat_activity`.
const ROLE: &str = "seon";

/// An instance's folder and what its manifests say.
pub(crate) struct Instance {
    /// The folder as the user gave it.
    pub(crate) directory: PathBuf,
    /// Where the sockets are, if not in the data directory.
    run_directory: Option<PathBuf>,
    migrate: Migrate,
    /// What stands in it.
    pub(crate) configuration: Configuration,
}

impl Instance {
    /// Reads the manifests, for commands about an instance that runs: they use no key, and in a pod
    /// are given none. Every error is reported at once.
    pub(crate) fn load(place: &Place) -> Result<Self, Failure> {
        Self::load_for(place, Scope::WithoutKeys)
    }

    /// Reads the manifests with all certificates and keys, to judge or start the whole instance.
    pub(crate) fn load_whole(place: &Place) -> Result<Self, Failure> {
        Self::load_for(place, Scope::Everything)
    }

    fn load_for(place: &Place, scope: Scope) -> Result<Self, Failure> {
        let Place { directory, run_directory, migrate } = place.clone();
        let configuration = runtime::load_directory(&directory, scope)?;
        Ok(Self { directory, run_directory, migrate, configuration })
    }

    /// The instance's name.
    pub(crate) fn name(&self) -> &str {
        self.configuration.instance.name.as_str()
    }

    /// Where queue, spool and sockets are.
    pub(crate) fn data(&self) -> PathBuf {
        // Joining an absolute path gives that path; taken apart and put together again, a `./` in
        // the middle is gone.
        self.directory.join(&self.configuration.instance.data_directory).components().collect()
    }

    /// Where the daemons' admin sockets are.
    pub(crate) fn run_directory(&self) -> PathBuf {
        run_directory(self.run_directory.as_deref(), &self.data())
    }

    /// The database, whose schema must be this version's.
    pub(crate) async fn store(&self) -> Result<Store, Failure> {
        let store = self.unchecked_store().await?;
        store.check_schema().await?;
        Ok(store)
    }

    /// The database, as it is.
    pub(crate) async fn unchecked_store(&self) -> Result<Store, Failure> {
        Ok(Store::open(&self.database()?, ROLE).await?)
    }

    /// The database, made or brought up to date if need be (and if that is not somebody else's), so
    /// that the queue takes files before the first daemon ever ran.
    pub(crate) async fn migrated_store(&self) -> Result<Store, Failure> {
        match self.migrate {
            Migrate::Start => Ok(self.migrate().await?.0),
            Migrate::Never => self.store().await,
        }
    }

    /// The database, made or brought up to date, and what that took.
    pub(crate) async fn migrate(&self) -> Result<(Store, Migrated), Failure> {
        if self.configuration.instance.database == DatabaseSetting::Sqlite {
            // Its file lies in the data directory, which the spool makes.
            self.spool()?;
        }
        let store = self.unchecked_store().await?;
        let migrated = store.migrate().await?;
        Ok((store, migrated))
    }

    /// The spool, its directories made if need be.
    pub(crate) fn spool(&self) -> Result<Spool, Failure> {
        Ok(Spool::open(&self.data())?)
    }

    /// The partner of this name, or the sentence that names those that there are.
    pub(crate) fn partner(
        &self,
        name: &str,
    ) -> Result<&std::sync::Arc<configuration::Partner>, Failure> {
        self.configuration.partner(name).ok_or_else(|| {
            let known: Vec<_> =
                self.configuration.partners().map(|partner| partner.name.as_str()).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            Failure::Usage(format!(
                "{} has no partner \"{name}\"; its partners: {known}",
                self.name()
            ))
        })
    }

    fn database(&self) -> Result<DatabaseUri, Failure> {
        let setting = &self.configuration.instance.database;
        Ok(setting.uri(&self.data()).expose().parse()?)
    }
}
