//! The only configuration of Seon: [`SeonInstance`] (one company's file exchange) and
//! [`SeonPartner`] (one company it exchanges files with), group `seon.dev`, version `v1alpha1`.
//!
//! The types say what may be written, their schema and CEL rules say what is refused by the
//! Kubernetes API server. The doc comments become the field descriptions that
//! `kubectl explain seonpartner.spec` prints, so they speak to the person who writes YAML.
//!
//! What one object cannot decide (a missing Secret, two partners with one Odette ID) is judged by
//! the crate `configuration`, which uses the same schema: a folder of YAML on one machine and a
//! cluster accept the same documents.

mod capi;
mod certificates;
mod cluster;
mod common;
pub mod conditions;
mod daemon_template;
mod folders;
pub mod generated;
mod instance;
pub mod names;
mod package_limits;
mod partner;
mod retention;
mod revocation;
mod security;
mod status;

pub use capi::{Capi, CapiController, CapiDevice, CapiDialect, CapiRemote, CapiSegmentation};
pub use certificates::{CertificatePurpose, InstanceCertificate, KeyPurpose, PartnerCertificate};
pub use cluster::{
    AccessMode, ExternalTrafficPolicy, IpFamily, IpFamilyPolicy, Quantity, Resources, Service,
    ServiceType, VolumeClaim, WhenDeleted,
};
pub use common::{
    Condition, InstanceReference, SecretKeyReference, SecretReference, is_object_name,
    is_secret_key,
};
pub use daemon_template::{
    AsInPods, DaemonTemplate, FurtherVolume, Nfs, RunsAs, TaintEffect, Toleration,
    TolerationOperator, Variable,
};
pub use folders::{FileRule, Folder, FolderFormat};
pub use instance::{
    Client, ClientCertificates, Database, Debug, DebugLevel, InstanceIdentity, Lease,
    PartnerSecrets, Receive, Retry, Send, SeonInstance, SeonInstanceSpec, Station, Storage,
    TcpListener, TlsListener, TlsVersion,
};
pub use package_limits::PackageLimits;
pub use partner::{
    HighestLevel, IsdnAddress, MinimumLevel, PartnerIdentity, Permission, Protocol, Quirk,
    ReceiptTiming, Receipts, SeonPartner, SeonPartnerSpec, TcpAddress, TlsAddress, Transport,
};
pub use retention::{PartialRetention, Retention};
pub use revocation::{OnUnknown, Revocation, RevocationCheck};
pub use security::{
    CertificateUsage, CipherSuite, Demand, InboundSecurity, OutboundSecurity, ReceiptHash,
    ReceiptSecurity, Security, SessionAuthentication,
};
pub use status::{DaemonStatus, LastSession, SeonInstanceStatus, SeonPartnerStatus};

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt as _;

/// The API group and version of every kind in this crate.
pub const API_VERSION: &str = "seon.dev/v1alpha1";

/// The definitions that a cluster is taught, in the order in which people read about them.
#[must_use]
pub fn definitions() -> [CustomResourceDefinition; 2] {
    [SeonInstance::crd(), SeonPartner::crd()]
}

#[cfg(test)]
mod tests;
