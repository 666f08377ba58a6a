//! ISDN controllers as a resource of Kubernetes: a device plugin of the kubelet (API v1beta1).
//!
//! Each controller of `/dev/capi20` is one device of `seon.dev/capi-controller`, or the only one of
//! `seon.dev/capi-controller-<number>`, for pods that want a certain one. A container that asks for
//! one gets the node, and is told by its environment which controller is its own: one node serves
//! them all, so that the number is what keeps them apart.
//!
//! What the kubelet is told is decided in [`devices`], which is pure; [`device`] asks the
//! controllers, [`watch`] does so again and again, [`kubelet`] keeps the plugin registered, and
//! [`plugin`] answers the kubelet.

pub mod api;
pub mod arguments;
pub mod controllers;
pub mod device;
pub mod devices;
pub mod error;
pub mod kubelet;
pub mod offer;
pub mod plugin;
pub mod run;
pub mod settings;
mod socket;
pub mod watch;
