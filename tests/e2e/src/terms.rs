//! What a user says about an existing cluster. The table of these variables is in
//! docs/kubernetes.md.

use std::env;

use crate::database::Server;

const REGISTRY: &str = "SEON_TEST_REGISTRY";
const NEXT_VERSION: &str = "SEON_TEST_NEXT_VERSION";
const DATABASE: &str = "SEON_TEST_DATABASE";
const STORAGE_CLASS: &str = "SEON_TEST_STORAGE_CLASS";
const ACCESS_MODE: &str = "SEON_TEST_ACCESS_MODE";
const COURIER: &str = "SEON_TEST_COURIER";
const DRAIN: &str = "SEON_TEST_DRAIN";

/// On which an existing cluster may be used.
pub(crate) struct Terms {
    /// From where its nodes pull both images; the chart's default if nobody says.
    pub(crate) registry: Option<String>,
    /// Under which version both images are there a second time.
    next_version: Option<String>,
    /// Where each company gets a database.
    pub(crate) server: Server,
    /// Of the companies' volumes; the cluster's default if nobody says.
    pub(crate) storage_class: Option<String>,
    /// Of the companies' volumes; the instance's default if nobody says.
    pub(crate) access_mode: Option<String>,
    /// The image of the pods by which files go in and out: anything with a shell.
    pub(crate) courier: String,
    may_be_drained: bool,
}

impl Terms {
    /// `Err` says what is missing.
    pub(crate) fn read() -> Result<Self, String> {
        let database = said(DATABASE).ok_or_else(|| {
            format!(
                "an existing cluster wants {DATABASE}=postgresql://USER:PASSWORD@HOST:PORT/DATABASE, \
                 an administrator's URI that pods and this machine reach"
            )
        })?;
        Ok(Self {
            registry: said(REGISTRY),
            next_version: said(NEXT_VERSION),
            server: Server::at(&database).map_err(|error| format!("{DATABASE}: {error}"))?,
            storage_class: said(STORAGE_CLASS),
            access_mode: said(ACCESS_MODE),
            courier: said(COURIER).unwrap_or_else(|| "busybox:1".to_owned()),
            may_be_drained: said(DRAIN).as_deref() == Some("yes"),
        })
    }

    pub(crate) fn next_version(&self) -> Result<&str, String> {
        let why = "a second version of the images is needed, the same ones under another tag";
        self.next_version.as_deref().ok_or_else(|| format!("{why} ({NEXT_VERSION}=TAG)"))
    }

    pub(crate) fn may_be_drained(&self) -> Result<(), String> {
        let why = "an existing cluster's nodes are drained only if its user says so";
        self.may_be_drained.then_some(()).ok_or_else(|| format!("{why} ({DRAIN}=yes)"))
    }
}

/// What a variable says, if it says anything.
fn said(variable: &str) -> Option<String> {
    env::var(variable).ok().filter(|value| !value.is_empty())
}
