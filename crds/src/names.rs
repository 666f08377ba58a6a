//! The names by which the operator, the daemons and the tools find each other on a cluster: labels,
//! annotations, paths, ports, and the names of the objects of an instance.

/// Label on every object of an instance: the `SeonInstance`'s name.
pub const INSTANCE_LABEL: &str = "seon.dev/instance";
/// Label on every pod: the daemon, as in object names (`seonrd-tcpip`).
pub const DAEMON_LABEL: &str = "seon.dev/daemon";
/// Label on every pod, written by the daemon itself: [`ACTIVE`] or [`STANDBY`]. Services select it.
pub const ROLE_LABEL: &str = "seon.dev/role";
/// The role of the lease's holder.
pub const ACTIVE: &str = "active";
/// The role of a daemon that waits for the lease.
pub const STANDBY: &str = "standby";

/// Annotation on a pod, written by the daemon: the epoch of its tenure while it is active.
pub const EPOCH_ANNOTATION: &str = "seon.dev/epoch";
/// Annotation on a pod, written by the daemon: since when it has its role (RFC 3339).
pub const SINCE_ANNOTATION: &str = "seon.dev/since";
/// Annotation on a pod, written by the daemon: the address on which it really listens.
pub const LISTENS_ANNOTATION: &str = "seon.dev/listens";
/// Annotation on a pod, written by the daemon: the revision of the configuration in effect.
pub const CONFIGURATION_ANNOTATION: &str = "seon.dev/configuration";
/// Annotation on a pod, written by the daemon: code and text of a refused configuration.
pub const REFUSED_ANNOTATION: &str = "seon.dev/configuration-refused";
/// Annotation on a pod, written by the daemon: the revision of the refused configuration.
pub const REFUSED_REVISION_ANNOTATION: &str = "seon.dev/configuration-refused-revision";
/// Annotation on a pod, written by the daemon: what its start waits for.
pub const WAITS_FOR_ANNOTATION: &str = "seon.dev/waits-for";
/// Annotation on a pod, written by the daemon: the settings of the configuration in effect that count for
/// its next process only.
pub const AT_NEXT_START_ANNOTATION: &str = "seon.dev/at-next-start";
/// Annotation on a pod, written by the daemon: the revision of the configuration that its process began
/// with. If that is the one in effect, a start would change nothing.
pub const BEGUN_WITH_ANNOTATION: &str = "seon.dev/begun-with";
/// All that a daemon writes among the annotations of pods. Its other mark is [`ROLE_LABEL`].
pub const DAEMON_ANNOTATIONS: [&str; 9] = [
    EPOCH_ANNOTATION,
    SINCE_ANNOTATION,
    LISTENS_ANNOTATION,
    CONFIGURATION_ANNOTATION,
    REFUSED_ANNOTATION,
    REFUSED_REVISION_ANNOTATION,
    WAITS_FOR_ANNOTATION,
    AT_NEXT_START_ANNOTATION,
    BEGUN_WITH_ANNOTATION,
];
/// Annotation on a pod, written by the operator: the revision that the daemon should come to. The
/// change of the pod also makes the kubelet renew the mounted files at once.
pub const WANTED_ANNOTATION: &str = "seon.dev/wanted-configuration";
/// Annotation on a `SeonInstance`, written by people: the daemon (`seonrd-tcpip`) whose active pod is
/// to hand over. The operator removes it when it has acted.
pub const SWITCHOVER_ANNOTATION: &str = "seon.dev/switchover";

/// The program in a daemon's image.
pub const PROGRAM: &str = "/bin/seon";
/// Where the manifests are mounted in a pod; `-c` of every command there.
pub const CONFIGURATION_DIRECTORY: &str = "/etc/seon";
/// The folder in the manifests' directory with one folder for each mounted Secret.
pub const SECRETS_DIRECTORY: &str = "secrets";
/// The file in the manifests' directory that holds the configuration's revision.
pub const REVISION_FILE: &str = "revision";
/// The file in the manifests' directory that says which shards belong to it: a line for each, its SHA-256
/// and its name, as sha256sum writes them. It is not there if there are none.
pub const SHARDS_FILE: &str = "shards";
/// How many shards an instance's manifests may have beside the first Secret. They are named in every pod
/// from the beginning, so that no partner changes what a pod is made from.
pub const SHARDS: u8 = 64;
/// Where the volume of the files is mounted in a pod.
pub const DATA_DIRECTORY: &str = "/var/lib/seon";
/// Where a pod has its admin sockets: of its own, in memory.
pub const RUN_DIRECTORY: &str = "/run/seon";
/// The port of a daemon's readings (`/healthz`, `/readyz`, `/status`, `/metrics`) in its pod.
pub const ADMIN_PORT: u16 = 9110;

/// What the resources of the device plugin begin with; a controller's number follows.
pub const CAPI_RESOURCE: &str = "seon.dev/capi-controller-";

/// A daemon's classic name as object names have it: `seonrd_tcpip` is `seonrd-tcpip`.
#[must_use]
pub fn daemon_label(classic: &str) -> String {
    classic.replace('_', "-")
}

/// The name of a daemon's `StatefulSet`, Service, Role and so on: `acme-seonrd-tcpip`.
#[must_use]
pub fn daemon_object(instance: &str, classic: &str) -> String {
    format!("{instance}-{}", daemon_label(classic))
}

/// The name of a daemon's pod: `acme-seonrd-tcpip-0`.
#[must_use]
pub fn pod(instance: &str, classic: &str, ordinal: i32) -> String {
    format!("{}-{ordinal}", daemon_object(instance, classic))
}

/// The name of the Secret with an instance's rendered manifests.
#[must_use]
pub fn configuration_secret(instance: &str) -> String {
    format!("{instance}-configuration")
}

/// The name of the Secret with an instance as it last was good.
#[must_use]
pub fn last_good_secret(instance: &str) -> String {
    format!("{instance}-last-good")
}

/// The name of the Secret with this shard of an instance's manifests.
#[must_use]
pub fn configuration_shard(instance: &str, number: u8) -> String {
    format!("{}-{number:02}", configuration_secret(instance))
}

/// The file of a shard in the manifests' directory, and its key in the Secret.
#[must_use]
pub fn shard_file(number: u8) -> String {
    format!("shard-{number:02}.yaml")
}

/// What a container asks for that is to have this controller of its node.
#[must_use]
pub fn capi_resource(number: u8) -> String {
    format!("{CAPI_RESOURCE}{number}")
}

/// The most pods that a daemon can have.
pub const MOST_REPLICAS: i32 = 9;

/// The Lease in each namespace that says which operator acts there.
pub const OPERATOR_CLAIM: &str = "seon-operator-claim";
/// The operator: its name in managed fields, events and labels.
pub const OPERATOR: &str = "seon-operator";
/// Annotation on every object that the operator makes: the fingerprint of what it wanted.
pub const APPLIED_ANNOTATION: &str = "seon.dev/applied";
/// Annotation on a pod, by its template: the template's fingerprint. Another one is outdated.
pub const TEMPLATE_ANNOTATION: &str = "seon.dev/template";

/// The name of the volume claim that the operator makes for an instance.
#[must_use]
pub fn data_claim(instance: &str) -> String {
    format!("{instance}-data")
}

/// Label on a Secret, written by people: the partner of this name may use it. The name stands in the
/// key, since one Secret may be for several partners. What its value is does not matter.
#[must_use]
pub fn partner_label(partner: &str) -> String {
    format!("partner.seon.dev/{partner}")
}

/// The name of the Service that gives each pod of an instance a name in the cluster's DNS.
#[must_use]
pub fn pods_service(instance: &str) -> String {
    format!("{instance}-pods")
}

/// What the pods of a migration have in [`DAEMON_LABEL`].
pub const MIGRATION: &str = "migrate";

/// The name of the Job that migrates the database.
#[must_use]
pub fn migration(instance: &str, fingerprint: &str) -> String {
    format!("{instance}-migrate-{fingerprint}")
}
