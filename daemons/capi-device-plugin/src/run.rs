//! The plugin from its first look to its end.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch::Sender;
use tokio_util::sync::CancellationToken;

use crate::controllers::Controllers;
use crate::devices::Devices;
use crate::error::PluginError;
use crate::kubelet::stay_registered;
use crate::watch::watch;

/// How the plugin is set.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The path of the device node that containers get.
    pub node: String,
    /// What pods ask for.
    pub resource: String,
    /// Where the kubelet and its plugins have their sockets.
    pub kubelet_folder: PathBuf,
    /// How often the controllers are asked whether they are well.
    pub health_interval: Duration,
    /// How often it is looked whether the kubelet is still the same.
    pub kubelet_interval: Duration,
}

impl Default for Settings {
    /// What holds on a node of a cluster.
    fn default() -> Self {
        Self {
            node: "/dev/capi20".to_owned(),
            resource: "seon.dev/capi-controller".to_owned(),
            kubelet_folder: "/var/lib/kubelet/device-plugins".into(),
            health_interval: Duration::from_secs(10),
            kubelet_interval: Duration::from_secs(1),
        }
    }
}

/// Runs until it is told to stop, which is no error, or cannot go on. Its socket goes with it.
pub async fn run(
    settings: &Settings,
    controllers: Arc<dyn Controllers>,
    stop: &CancellationToken,
) -> Result<(), PluginError> {
    let devices = Sender::new(None::<Devices>);
    let serving = async {
        // The kubelet gets a whole first list, not an empty one.
        let mut devices = devices.subscribe();
        tokio::select! {
            _ = devices.wait_for(Option::is_some) => {}
            () = stop.cancelled() => return Ok(()),
        }
        stay_registered(settings, devices, stop).await
    };
    tokio::select! {
        () = watch(controllers, settings.health_interval, &devices) => Ok(()),
        result = serving => result,
    }
}
