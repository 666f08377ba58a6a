//! The device plugin API of the kubelet, package `v1beta1`: what we use of it.
//!
//! Numbers and types of the fields are those of `k8s.io/kubelet/pkg/apis/deviceplugin/v1beta1`;
//! fields that we neither set nor read are left out, which protobuf allows.

use std::collections::HashMap;

#[allow(
    missing_docs,
    unused_qualifications,
    unreachable_pub,
    clippy::pedantic,
    reason = "generated: see build.rs"
)]
pub mod registration {
    //! The kubelet's service.
    include!(concat!(env!("OUT_DIR"), "/v1beta1.Registration.rs"));
}

#[allow(
    missing_docs,
    unused_qualifications,
    unreachable_pub,
    clippy::pedantic,
    reason = "generated: see build.rs"
)]
pub mod device_plugin {
    //! The plugin's service.
    include!(concat!(env!("OUT_DIR"), "/v1beta1.DevicePlugin.rs"));
}

/// The version that a plugin registers with.
pub const VERSION: &str = "v1beta1";
/// The health of a device that may be given to a container.
pub const HEALTHY: &str = "Healthy";
/// The health of a device that may not.
pub const UNHEALTHY: &str = "Unhealthy";

/// No content.
#[derive(Clone, Copy, PartialEq, prost::Message)]
pub struct Empty {}

/// A plugin presents itself.
#[derive(Clone, PartialEq, prost::Message)]
pub struct RegisterRequest {
    /// [`VERSION`].
    #[prost(string, tag = "1")]
    pub version: String,
    /// The name of the plugin's socket, in the folder of the kubelet's.
    #[prost(string, tag = "2")]
    pub endpoint: String,
    /// What pods ask for, such as `seon.dev/capi-controller`.
    #[prost(string, tag = "3")]
    pub resource_name: String,
    /// The same as the plugin's own answer.
    #[prost(message, optional, tag = "4")]
    pub options: Option<DevicePluginOptions>,
}

/// What a plugin can do beyond listing and allocating; we do neither.
#[derive(Clone, Copy, PartialEq, prost::Message)]
pub struct DevicePluginOptions {
    /// Whether `PreStartContainer` is called.
    #[prost(bool, tag = "1")]
    pub pre_start_required: bool,
    /// Whether `GetPreferredAllocation` is called.
    #[prost(bool, tag = "2")]
    pub get_preferred_allocation_available: bool,
}

/// All devices, whenever one changes.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ListAndWatchResponse {
    /// In any order.
    #[prost(message, repeated, tag = "1")]
    pub devices: Vec<Device>,
}

/// A device.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Device {
    /// Its name, 63 characters at most.
    #[prost(string, tag = "1")]
    pub id: String,
    /// [`HEALTHY`] or [`UNHEALTHY`].
    #[prost(string, tag = "2")]
    pub health: String,
}

/// The kubelet wants devices for the containers of a pod.
#[derive(Clone, PartialEq, prost::Message)]
pub struct AllocateRequest {
    /// One for each container that asks for some.
    #[prost(message, repeated, tag = "1")]
    pub container_requests: Vec<ContainerAllocateRequest>,
}

/// Devices for a container.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ContainerAllocateRequest {
    /// Their names.
    #[prost(string, repeated, tag = "1")]
    pub devices_ids: Vec<String>,
}

/// What the containers get.
#[derive(Clone, PartialEq, prost::Message)]
pub struct AllocateResponse {
    /// One for each request, in its order.
    #[prost(message, repeated, tag = "1")]
    pub container_responses: Vec<ContainerAllocateResponse>,
}

/// What a container gets.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ContainerAllocateResponse {
    /// Environment variables.
    #[prost(map = "string, string", tag = "1")]
    pub envs: HashMap<String, String>,
    /// Files and folders of the machine.
    #[prost(message, repeated, tag = "2")]
    pub mounts: Vec<Mount>,
    /// Device nodes.
    #[prost(message, repeated, tag = "3")]
    pub devices: Vec<DeviceSpec>,
}

/// A file or folder of the machine for a container.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Mount {
    /// Where the container finds it.
    #[prost(string, tag = "1")]
    pub container_path: String,
    /// Where it is on the machine.
    #[prost(string, tag = "2")]
    pub host_path: String,
    /// Whether it may not be written.
    #[prost(bool, tag = "3")]
    pub read_only: bool,
}

/// A device node for a container.
#[derive(Clone, PartialEq, prost::Message)]
pub struct DeviceSpec {
    /// Where the container finds it.
    #[prost(string, tag = "1")]
    pub container_path: String,
    /// Where it is on the machine.
    #[prost(string, tag = "2")]
    pub host_path: String,
    /// Of `r`, `w` and `m`.
    #[prost(string, tag = "3")]
    pub permissions: String,
}
