//! What is offered under one name.

use crate::controllers::Number;
use crate::devices::Devices;

/// A resource of Kubernetes, and the controllers that it stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// What pods ask for.
    pub resource: String,
    /// The name of our socket, in the kubelet's folder.
    pub socket: String,
    /// The only controller; nothing, if it may be any.
    only: Option<Number>,
}

impl Offer {
    /// Any controller.
    pub fn any(resource: &str) -> Self {
        Self { resource: resource.to_owned(), socket: "seon-capi.sock".to_owned(), only: None }
    }

    /// This one.
    pub fn one(resource: &str, number: Number) -> Self {
        Self {
            resource: format!("{resource}-{number}"),
            socket: format!("seon-capi-{number}.sock"),
            only: Some(number),
        }
    }

    /// What of these devices is offered.
    pub fn of(&self, devices: Option<&Devices>) -> Devices {
        match (devices, self.only) {
            (None, _) => Devices::default(),
            (Some(devices), None) => devices.clone(),
            (Some(devices), Some(number)) => devices.only(number),
        }
    }
}
