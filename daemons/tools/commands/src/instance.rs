//! An instance as commands see it: its folder, configuration, database and spool.

use std::path::{Path, PathBuf};

use configuration::{Configuration, DatabaseSetting, Scope};
use runtime::admin::run_directory;
use runtime::{ConfigurationError, Migrate};
use spool::Spool;
use store::{DatabaseUri, Migrated, Store};

use crate::error::Error;

/// The name under which commands connect, seen in PostgreSQL's `pg_stat_activity`.
const ROLE: &str = "seon";

/// Where an instance is, on this machine or in this pod.
#[derive(Clone, Debug)]
pub struct Place {
    /// The folder of its manifests.
    pub directory: PathBuf,
    /// Where the daemons' admin sockets are, if not in the data directory.
    pub run_directory: Option<PathBuf>,
    /// Who brings the database's schema up to date.
    pub migrate: Migrate,
}

impl Place {
    /// A folder, and the usual places of everything else.
    pub fn at(directory: &Path) -> Self {
        Self { directory: directory.to_owned(), run_directory: None, migrate: Migrate::AtStart }
    }
}

/// An instance's folder and what its manifests say.
pub struct Instance {
    /// The folder as the user gave it.
    pub directory: PathBuf,
    /// Where the sockets are, if not in the data directory.
    run_directory: Option<PathBuf>,
    migrate: Migrate,
    /// What stands in it.
    pub configuration: Configuration,
}

impl Instance {
    /// Reads the manifests, for commands about an instance that runs: they use no key, and in a pod
    /// are given none. Every error is reported at once.
    pub fn load(place: &Place) -> Result<Self, Error> {
        Self::load_for(place, Scope::WithoutKeys)
    }

    /// Reads the manifests with all certificates and keys, to examine or start the whole instance.
    pub fn load_whole(place: &Place) -> Result<Self, Error> {
        Self::load_for(place, Scope::Everything)
    }

    /// Reads the manifests to judge them: all of them are good, or what is wrong is the error.
    pub fn judge(place: &Place) -> Result<Self, Error> {
        let Place { directory, run_directory, migrate } = place.clone();
        let configuration = runtime::judge_directory(&directory)?;
        Ok(Self { directory, run_directory, migrate, configuration })
    }

    /// What is wrong with whoever is not part of the instance, one line for each error.
    pub fn left_out(&self) -> Vec<String> {
        let left_out = self.configuration.left_out().iter();
        left_out.flat_map(|left_out| &left_out.errors).map(ToString::to_string).collect()
    }

    /// Reads the manifests with the certificates and keys of a scope.
    pub(crate) fn load_for(place: &Place, scope: Scope) -> Result<Self, Error> {
        let Place { directory, run_directory, migrate } = place.clone();
        let configuration = runtime::load_directory(&directory, scope)?;
        Ok(Self { directory, run_directory, migrate, configuration })
    }

    /// The instance's name.
    pub fn name(&self) -> &str {
        self.configuration.instance.name.as_str()
    }

    /// Where queue, spool and sockets are.
    pub fn data(&self) -> PathBuf {
        // Joining an absolute path gives that path; taken apart and put together again, a `./` in
        // the middle is gone.
        self.directory.join(&self.configuration.instance.data_directory).components().collect()
    }

    /// Where the daemons' admin sockets are.
    pub fn run_directory(&self) -> PathBuf {
        run_directory(self.run_directory.as_deref(), &self.data())
    }

    /// The database, whose schema must be this version's.
    pub async fn store(&self) -> Result<Store, Error> {
        let store = self.unchecked_store().await?;
        store.check_schema().await?;
        Ok(store)
    }

    /// The database, as it is.
    pub async fn unchecked_store(&self) -> Result<Store, Error> {
        Ok(Store::open(&self.database()?, ROLE).await?)
    }

    /// The database, made or brought up to date if need be (and if that is not somebody else's), so
    /// that the queue takes files before the first daemon ever ran.
    pub async fn migrated_store(&self) -> Result<Store, Error> {
        match self.migrate {
            Migrate::AtStart => Ok(self.migrate().await?.0),
            Migrate::Never => self.store().await,
        }
    }

    /// The database, made or brought up to date, and what that took.
    pub async fn migrate(&self) -> Result<(Store, Migrated), Error> {
        if self.configuration.instance.database == DatabaseSetting::Sqlite {
            // Its file lies in the data directory, which the spool makes.
            self.spool()?;
        }
        let store = self.unchecked_store().await?;
        let migrated = store.migrate().await?;
        Ok((store, migrated))
    }

    /// The spool, its directories made if need be.
    pub fn spool(&self) -> Result<Spool, Error> {
        Ok(Spool::open(&self.data())?)
    }

    /// Makes sure that the database and the volume are this instance; what is new becomes it.
    pub async fn hold_together(&self, store: &Store) -> Result<(), Error> {
        let name = &self.configuration.instance.name;
        Ok(runtime::identity::hold_together(store, &self.spool()?, name).await?)
    }

    /// The partner of this name, or what is wrong with it, or the sentence that names those that there
    /// are.
    pub fn partner(&self, name: &str) -> Result<&std::sync::Arc<configuration::Partner>, Error> {
        self.configuration.partner(name).ok_or_else(|| {
            let mut left_out = self.configuration.left_out().iter();
            if let Some(it) = left_out.find(|it| it.partner.as_deref() == Some(name)) {
                return ConfigurationError::Invalid(it.errors.clone()).into();
            }
            let known: Vec<_> =
                self.configuration.partners().map(|partner| partner.name.as_str()).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            Error::Invalid(format!(
                "{} has no partner \"{name}\"; its partners: {known}",
                self.name()
            ))
        })
    }

    fn database(&self) -> Result<DatabaseUri, Error> {
        let setting = &self.configuration.instance.database;
        Ok(setting.uri(&self.data()).expose().parse()?)
    }
}
