//! An API server alone, for the many tests that need no node.

use std::ops::Deref;

use crate::access::Access;
use crate::control_plane::{ControlPlane, Controllers};

/// etcd and an API server, for one test. Objects are checked and kept as on every cluster, but
/// nobody acts on them: no controllers, no garbage collection, no pods, no ServiceAccounts but
/// those that a test makes; and the roles `view`, `edit` and `admin`, which a controller fills,
/// grant nothing. What can be asked of it is in [`Access`].
#[derive(Debug)]
pub struct ApiServer {
    control_plane: ControlPlane,
}

impl ApiServer {
    /// Starts one; `Err` says why this machine cannot. In tests: `cluster::api_server!()`.
    pub async fn start() -> Result<Self, String> {
        Ok(Self { control_plane: ControlPlane::start(Controllers::None).await? })
    }
}

impl Deref for ApiServer {
    type Target = Access;

    fn deref(&self) -> &Access {
        &self.control_plane.access
    }
}
