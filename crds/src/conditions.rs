//! The conditions of both kinds and their reasons: what scripts and alerts may rely on.

/// Whether the instance, or the partner, does its work.
pub const READY: &str = "Ready";
/// Whether every daemon has an active pod.
pub const AVAILABLE: &str = "Available";
/// Whether the operator is on its way to what the spec says. With [`STALLED`] it is what kstatus reads,
/// and by it Helm and others that wait.
pub const RECONCILING: &str = "Reconciling";
/// Whether something keeps it from what the spec says until somebody does something.
pub const STALLED: &str = "Stalled";
/// Whether something works that should be better.
pub const DEGRADED: &str = "Degraded";
/// Whether every daemon runs by the newest configuration.
pub const CONFIGURATION_APPLIED: &str = "ConfigurationApplied";
/// Whether there is a certificate for each purpose, also in the next 60 days.
pub const CERTIFICATES_CURRENT: &str = "CertificatesCurrent";
/// Whether the database has the schema of this version.
pub const DATABASE_READY: &str = "DatabaseReady";

/// The words in a condition's `reason`.
pub mod reason {
    /// All is as it should be.
    pub const AS_WANTED: &str = "AsWanted";
    /// A daemon has no active pod.
    pub const NO_ACTIVE_POD: &str = "NoActivePod";
    /// `spec.suspend` is true.
    pub const SUSPENDED: &str = "Suspended";
    /// The resource, or what it refers to, is not valid; the message says where and what to do.
    pub const INVALID: &str = "Invalid";
    /// An object of a needed name belongs to somebody else, or the API server refused one.
    pub const NOT_APPLIED: &str = "NotApplied";
    /// Pods are replaced, one after the other.
    pub const ROLLING_OUT: &str = "RollingOut";
    /// A pod that is to be replaced has to wait, for a standby or for the migration.
    pub const WAITING: &str = "Waiting";
    /// Pods are replaced, and a new one does not become ready.
    pub const ROLLOUT_HALTED: &str = "RolloutHalted";
    /// Daemons wait for a database that was ready before.
    pub const DATABASE_REFUSES: &str = "DatabaseRefuses";
    /// A pod that should be ready is not.
    pub const PODS_NOT_READY: &str = "PodsNotReady";
    /// A node cannot be reached.
    pub const NODE_LOST: &str = "NodeLost";
    /// An epoch is lower than one seen before: the database lost what it had committed.
    pub const EPOCH_REGRESSED: &str = "EpochRegressed";
    /// Several pods of a daemon have the role that calls are led to.
    pub const ROLES_DOUBLED: &str = "RolesDoubled";
    /// Partners are left out because they are not valid.
    pub const PARTNERS_INVALID: &str = "PartnersInvalid";
    /// Pods have not come to the newest configuration yet.
    pub const PENDING: &str = "Pending";
    /// A daemon refused the configuration and runs on by the one before.
    pub const REFUSED: &str = "Refused";
    /// The migration runs or waits.
    pub const MIGRATING: &str = "Migrating";
    /// The migration cannot begin, or has failed and is tried again.
    pub const MIGRATION_FAILING: &str = "MigrationFailing";
    /// Somebody will have no certificate for a purpose within 60 days.
    pub const CERTIFICATES_END_IN_60_DAYS: &str = "CertificatesEndIn60Days";
    /// The same within 30 days.
    pub const CERTIFICATES_END_IN_30_DAYS: &str = "CertificatesEndIn30Days";
    /// The same within 14 days.
    pub const CERTIFICATES_END_IN_14_DAYS: &str = "CertificatesEndIn14Days";
    /// The same within 7 days.
    pub const CERTIFICATES_END_IN_7_DAYS: &str = "CertificatesEndIn7Days";
    /// The same within a day, or there is none now.
    pub const CERTIFICATES_END_IN_1_DAY: &str = "CertificatesEndIn1Day";
    /// The partner is part of the configuration.
    pub const ACCEPTED: &str = "Accepted";
    /// The partner's instance is not valid, whether the partner is or not.
    pub const INSTANCE_INVALID: &str = "InstanceInvalid";
    /// There is no such instance.
    pub const NO_INSTANCE: &str = "NoInstance";
}
