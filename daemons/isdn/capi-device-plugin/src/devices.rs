//! The devices that the kubelet is told of, and what a container gets with one: no I/O.

use std::collections::{BTreeMap, HashMap};

use crate::api::{
    ContainerAllocateResponse, Device, DeviceSpec, HEALTHY, ListAndWatchResponse, Mount, UNHEALTHY,
};
use crate::controllers::{Number, Sight};

/// What the name of each device begins with; the controller's number follows.
const PREFIX: &str = "capi20-ctl";

/// Every controller that was seen since the device node is there, and whether it is well.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Devices(BTreeMap<Number, Health>);

/// Whether a controller is well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    /// It answers.
    Healthy,
    /// It does not, for this reason.
    Unhealthy(String),
}

/// Why a container gets no device.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AllocationError {
    /// Not exactly one.
    #[error(
        "a container asks for {0} ISDN controllers: ask for one, since a daemon serves one \
         controller"
    )]
    Count(usize),
    /// Not one of ours.
    #[error("there is no ISDN controller {0}")]
    Unknown(String),
    /// One of ours that does not answer.
    #[error("ISDN controller {controller} does not answer: {reason}")]
    Unhealthy {
        /// Its number.
        controller: Number,
        /// Why not.
        reason: String,
    },
}

impl AllocationError {
    /// The stable code for the log and the documentation.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Count(_) => "E-DEVICE-COUNT",
            Self::Unknown(_) => "E-DEVICE-UNKNOWN",
            Self::Unhealthy { .. } => "E-DEVICE-UNHEALTHY",
        }
    }
}

/// The node that containers get, by the same path as here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Where it is.
    pub path: String,
    /// What it is.
    pub kind: NodeKind,
}

/// What a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeKind {
    /// A device of the kernel's.
    Device,
    /// A file of a driver that is a process: no device that a container could be allowed to use,
    /// so that it is mounted.
    File,
}

impl Devices {
    /// What there is after this sight.
    ///
    /// A controller that was there and is not seen any more stays, unhealthy: a pod may hold it,
    /// and it may be plugged in again. Only with the node itself do all go.
    #[must_use]
    pub fn after(&self, sight: &Sight) -> Self {
        let gone = |reason: &str| {
            let health = Health::Unhealthy(reason.to_owned());
            self.0.keys().map(|number| (*number, health.clone())).collect::<BTreeMap<_, _>>()
        };
        match sight {
            Sight::NoNode => Self::default(),
            Sight::Silent(reason) => Self(gone(reason)),
            Sight::Controllers(seen) => {
                let mut devices = gone("it is not there any more");
                devices.extend(seen.iter().map(|(number, answer)| match answer {
                    Ok(()) => (*number, Health::Healthy),
                    Err(reason) => (*number, Health::Unhealthy(reason.clone())),
                }));
                Self(devices)
            }
        }
    }

    /// Each with its number.
    pub fn iter(&self) -> impl Iterator<Item = (Number, &Health)> {
        self.0.iter().map(|(number, health)| (*number, health))
    }

    /// One of them.
    pub fn get(&self, number: Number) -> Option<&Health> {
        self.0.get(&number)
    }

    /// This controller alone, as far as it was seen.
    #[must_use]
    pub fn only(&self, number: Number) -> Self {
        Self(
            self.0
                .get_key_value(&number)
                .map(|(n, health)| (*n, health.clone()))
                .into_iter()
                .collect(),
        )
    }

    /// As the kubelet is told.
    pub fn list(&self) -> ListAndWatchResponse {
        let device = |(number, health): (Number, &Health)| Device {
            id: format!("{PREFIX}{number}"),
            health: match health {
                Health::Healthy => HEALTHY.to_owned(),
                Health::Unhealthy(_) => UNHEALTHY.to_owned(),
            },
        };
        ListAndWatchResponse { devices: self.iter().map(device).collect() }
    }

    /// What a container gets that asks for these: the node, and by environment variables what it is
    /// for.
    pub fn allocate(
        &self,
        names: &[String],
        node: &Node,
    ) -> Result<ContainerAllocateResponse, AllocationError> {
        let [name] = names else { return Err(AllocationError::Count(names.len())) };
        let number = name.strip_prefix(PREFIX).and_then(|number| number.parse().ok());
        let found = number.and_then(|number| Some((number, self.get(number)?)));
        let controller = match found {
            None => return Err(AllocationError::Unknown(name.clone())),
            Some((controller, Health::Unhealthy(reason))) => {
                return Err(AllocationError::Unhealthy { controller, reason: reason.clone() });
            }
            Some((controller, Health::Healthy)) => controller,
        };
        let environment = [
            ("SEON_CAPI_BACKEND", "device".to_owned()),
            ("SEON_CAPI_DEVICE", node.path.clone()),
            ("SEON_CAPI_CONTROLLER", controller.to_string()),
        ];
        let envs = HashMap::from(environment.map(|(name, value)| (name.to_owned(), value)));
        let (container_path, host_path) = (node.path.clone(), node.path.clone());
        let mut given = ContainerAllocateResponse { envs, ..Default::default() };
        match node.kind {
            NodeKind::Device => {
                let permissions = "rw".to_owned();
                given.devices.push(DeviceSpec { container_path, host_path, permissions });
            }
            NodeKind::File => {
                given.mounts.push(Mount { container_path, host_path, read_only: false });
            }
        }
        Ok(given)
    }
}

#[cfg(test)]
mod tests;
