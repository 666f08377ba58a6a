//! How the plugin is set.

use std::path::PathBuf;
use std::time::Duration;

/// How the plugin is set.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The path of the device node that containers get.
    pub node: String,
    /// What pods ask for.
    pub resource: String,
    /// Whether each controller is a resource of its own, with its number.
    pub by_number: bool,
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
            by_number: false,
            kubelet_folder: "/var/lib/kubelet/device-plugins".into(),
            health_interval: Duration::from_secs(10),
            kubelet_interval: Duration::from_secs(1),
        }
    }
}
