//! `SeonInstance`: one company's file exchange.

#![expect(unreachable_pub, reason = "KubeSchema derives from a private twin of each struct")]

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    capi::Capi,
    certificates::InstanceCertificate,
    cluster::{Resources, Service, VolumeClaim},
    common::{OBJECT_NAME_MESSAGE, OBJECT_NAME_RULE, SecretKeyReference, SecretReference},
    daemon_template::DaemonTemplate,
    package_limits::PackageLimits,
    retention::Retention,
    revocation::Revocation,
    status::SeonInstanceStatus,
};

/// One company's file exchange: who we are, where we listen, how we send, where state is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, CustomResource, KubeSchema)]
#[kube(
    group = "seon.dev",
    version = "v1alpha1",
    kind = "SeonInstance",
    namespaced,
    doc = "One company's file exchange by ODETTE FTP: who we are, where we listen, how we send, \
           where state is kept.",
    status = "SeonInstanceStatus",
    derive = "PartialEq",
    shortname = "seon",
    category = "seon-all",
    cel,
    validation = Rule::new("self.metadata.name.matches('^[a-z]([a-z0-9-]{0,33}[a-z0-9])?$')").message(
        "metadata.name becomes part of the daemons' names; give 1 to 35 of a-z, 0-9 and -, \
         beginning with a letter, such as acme"),
    printcolumn(name = "Phase", type_ = "string", json_path = ".status.phase"),
    printcolumn(name = "Ready", type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].status"#),
    printcolumn(name = "Receive", type_ = "string", json_path = ".status.receive"),
    printcolumn(name = "Send", type_ = "string", json_path = ".status.send"),
    printcolumn(name = "Queue", type_ = "integer", json_path = ".status.queue"),
    printcolumn(name = "Partners", type_ = "integer", json_path = ".status.partners"),
    printcolumn(name = "Why", type_ = "string", priority = "1",
        json_path = r#".status.conditions[?(@.type=="Ready")].message"#),
    printcolumn(name = "Odette ID", type_ = "string", json_path = ".spec.identity.odetteId",
        priority = "1"),
    printcolumn(name = "Suspended", type_ = "boolean", json_path = ".spec.suspend", priority = "1"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    selectable = ".spec.identity.odetteId",
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new(
    "(self.suspend && oldSelf.suspend) || (has(self.database) == has(oldSelf.database) && \
     (!has(self.database) || self.database == oldSelf.database))").message(
    "database is where the queue and the journal are; set suspend: true first, move what is in \
     it, then change it"))]
#[x_kube(validation = Rule::new(
    "(self.suspend && oldSelf.suspend) || (has(self.storage.directory) == \
     has(oldSelf.storage.directory) && has(self.storage.claimName) == \
     has(oldSelf.storage.claimName) && has(self.storage.volumeClaim) == \
     has(oldSelf.storage.volumeClaim) && (!has(self.storage.directory) || self.storage.directory \
     == oldSelf.storage.directory) && (!has(self.storage.claimName) || self.storage.claimName == \
     oldSelf.storage.claimName))").message(
    "storage is where the files are; set suspend: true first, move them, then change it"))]
pub struct SeonInstanceSpec {
    /// Who we are to our partners.
    pub identity: InstanceIdentity,

    /// The daemons' image (cluster only). Default: the one that belongs to the operator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512))]
    pub image: Option<String>,

    /// Where queue, journal and leases are kept. Without it: SQLite, in the data directory (one
    /// machine only).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<Database>,

    /// Where files are kept.
    #[serde(default)]
    pub storage: Storage,

    /// Where partners reach us. Only the listeners that are written here are started; `tcpip: {}`
    /// is enough.
    #[serde(default)]
    pub receive: Receive,

    /// What a partner's signed, compressed or encrypted file may ask of us as it is unwrapped.
    #[serde(default)]
    pub package_limits: PackageLimits,

    /// How we call partners.
    #[serde(default)]
    pub send: Send,

    /// Our own certificates and keys for files and receipts. Those for TLS stand in `receive.tls`
    /// and `send.tls`. A purpose may be there several times.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub certificates: Vec<InstanceCertificate>,

    /// Whether partners' certificates were revoked.
    #[serde(default)]
    pub revocation: Revocation,

    /// Which Secrets of the namespace its partners may use (cluster only).
    #[serde(default)]
    pub partner_secrets: PartnerSecrets,

    /// How fast a standby takes over.
    #[serde(default)]
    pub lease: Lease,

    /// For how long the database keeps what is over.
    #[serde(default)]
    pub retention: Retention,

    /// What the daemons log.
    #[serde(default)]
    pub debug: Debug,

    /// True stops every daemon of this instance after its running sessions; nothing is lost.
    #[serde(default)]
    pub suspend: bool,

    /// What every daemon's pods have in common (cluster only).
    #[serde(default)]
    pub daemon_template: DaemonTemplate,
}

/// Which Secrets partners may use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PartnerSecrets {
    /// A partner uses those that have the label partner.seon.dev/ and its name, with any value.
    #[default]
    Labelled,
    /// A partner uses every one that it names. Insecure: whoever may write a SeonPartner can then
    /// have any password of the namespace said to a host of their own.
    Any,
}

/// Who we are to our partners.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct InstanceIdentity {
    /// Our own Odette ID (SSIDCODE): 1 to 25 characters, A-Z, 0-9, space and / - . & ( ).
    /// Usually O, 4 digits of the issuing organisation, our number, our station.
    #[schemars(length(min = 1, max = 25))]
    #[x_kube(validation = Rule::new(ODETTE_ID_RULE).message(ODETTE_ID_MESSAGE))]
    pub odette_id: String,

    /// What we say to partners (SSIDPSWD), 1 to 8 characters, unless a partner has one of its own.
    pub password_secret_ref: SecretKeyReference,

    /// Further Odette IDs of ours, such as plants: files addressed to them are accepted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["odetteId".into()]))]
    pub stations: Vec<Station>,
}

/// A further Odette ID.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Station {
    /// Its Odette ID (SFIDORIG, SFIDDEST): 1 to 25 characters, A-Z, 0-9, space and / - . & ( ).
    #[schemars(length(min = 1, max = 25))]
    #[x_kube(validation = Rule::new(ODETTE_ID_RULE).message(ODETTE_ID_MESSAGE))]
    pub odette_id: String,
    /// What it is, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub description: Option<String>,
}

/// Where queue, journal and leases are kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Database {
    /// The PostgreSQL URI (`postgres://user:password@host:5432/name`) in a Secret, such as the
    /// one that `CloudNativePG` writes (for a cluster acme: acme-app, key uri).
    pub secret_ref: SecretKeyReference,
}

/// Where files are kept: on one machine a directory, on a cluster a volume.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new(
    "[has(self.directory), has(self.volumeClaim), has(self.claimName)].filter(given, given).size() \
     <= 1").message(
    "storage is one of directory (one machine), volumeClaim and claimName (cluster); leave one of \
     them"))]
pub struct Storage {
    /// One machine: the data directory; a relative path begins at the folder of this file.
    /// Default: ./data
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 4096))]
    pub directory: Option<String>,
    /// Cluster: a volume claim that the operator makes, named after the instance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volume_claim: Option<VolumeClaim>,
    /// Cluster: the name of a volume claim that is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    #[x_kube(validation = Rule::new(OBJECT_NAME_RULE).message(OBJECT_NAME_MESSAGE))]
    pub claim_name: Option<String>,
}

/// Where partners reach us.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Receive {
    /// Sessions by plain TCP/IP: unencrypted, for private networks such as ENX.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tcpip: Option<TcpListener>,
    /// Sessions by TLS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<TlsListener>,
    /// Calls by ISDN, both ways (one machine only).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capi: Option<Capi>,
}

/// Sessions by plain TCP/IP.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct TcpListener {
    /// The TCP port; 0 lets the system choose a free one, which `seon ps` shows.
    #[schemars(range(min = 0, max = 65535))]
    pub port: i32,
    /// The local IP address on which we listen; `::` for every IPv4 and IPv6 address, 0.0.0.0 for those
    /// of IPv4 alone.
    #[schemars(length(max = 45))]
    pub address: String,
    /// Sessions at once; further callers are turned away.
    #[schemars(range(min = 1, max = 100_000))]
    pub max_sessions: i32,
    /// Networks of the load balancers in front, such as 10.0.0.0/24: a connection from there begins with
    /// a header of the PROXY protocol, version 2, which says who the caller is; no other one may.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(max = 64)))]
    pub proxies: Vec<String>,
    /// Pods of this daemon (cluster only). Default: as daemonTemplate says.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 9))]
    pub replicas: Option<i32>,
    /// How partners reach the listener (cluster only).
    pub service: Service,
    /// Processor time and memory of this daemon (cluster only). Default: as daemonTemplate says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resources: Option<Resources>,
}

impl Default for TcpListener {
    fn default() -> Self {
        Self {
            port: 3305,
            address: every_address(),
            max_sessions: 500,
            proxies: Vec::new(),
            replicas: None,
            service: Service::default(),
            resources: None,
        }
    }
}

/// Sessions by TLS.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TlsListener {
    /// The TCP port; 0 lets the system choose a free one, which `seon ps` shows.
    #[serde(default = "tls_port")]
    #[schemars(range(min = 0, max = 65535))]
    pub port: i32,
    /// The local IP address on which we listen; `::` for every IPv4 and IPv6 address, 0.0.0.0 for those
    /// of IPv4 alone.
    #[serde(default = "every_address")]
    #[schemars(length(max = 45))]
    pub address: String,
    /// Sessions at once; further callers are turned away.
    #[serde(default = "listener_sessions")]
    #[schemars(range(min = 1, max = 100_000))]
    pub max_sessions: i32,
    /// Networks of the load balancers in front, such as 10.0.0.0/24: a connection from there begins with
    /// a header of the PROXY protocol, version 2, which says who the caller is; no other one may.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(max = 64)))]
    pub proxies: Vec<String>,
    /// Our certificate (with its intermediate certificates) and its key: a Secret of type
    /// kubernetes.io/tls with the keys tls.crt and tls.key, as cert-manager writes it.
    pub certificate_secret_ref: SecretReference,
    /// The oldest TLS version that we accept.
    #[serde(default)]
    pub minimum_version: TlsVersion,
    /// Whether a caller must show a certificate that belongs to the partner it claims to be.
    #[serde(default)]
    pub client_certificates: ClientCertificates,
    /// Pods of this daemon (cluster only). Default: as daemonTemplate says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 9))]
    pub replicas: Option<i32>,
    /// How partners reach the listener (cluster only).
    #[serde(default)]
    pub service: Service,
    /// Processor time and memory of this daemon (cluster only). Default: as daemonTemplate says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<Resources>,
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum TlsVersion {
    /// TLS 1.2
    #[default]
    #[serde(rename = "1.2")]
    V1_2,
    /// TLS 1.3
    #[serde(rename = "1.3")]
    V1_3,
}

/// Whether a caller must show a certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ClientCertificates {
    /// A caller shows a certificate of its partner (`certificates`, purpose Tls), or is refused.
    #[default]
    Required,
    /// A caller without a certificate is known by its OFTP password only. Insecure: for partners
    /// that cannot do better, for as long as they cannot.
    InsecureOptional,
}

/// How we call partners.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Send {
    /// Outgoing sessions at once, to all partners together.
    #[serde(default = "outgoing_sessions")]
    #[schemars(range(min = 1, max = 10_000))]
    pub max_sessions: i32,
    /// What happens after a call that failed.
    #[serde(default)]
    pub retry: Retry,
    /// When we may call: cron expressions of five fields. A call begins only in a minute that one of
    /// them names, such as "* 6-19 * * 1-5"; running sessions go on. Empty: always.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), inner(length(min = 1, max = 256)))]
    #[x_kube(validation = Rule::new(SCHEDULE_RULE).message(SCHEDULE_MESSAGE))]
    pub schedule: Vec<String>,
    /// The time zone of `schedule`, and of partners' schedule and poll unless they have their own: UTC,
    /// or a name of the IANA's such as Europe/Berlin, with its daylight saving time.
    #[serde(default = "utc")]
    #[schemars(length(min = 1, max = 64))]
    pub time_zone: String,
    /// How we show ourselves when we call by TLS. Without it: as `receive.tls` says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<Client>,
    /// Folders in which partners may have hot folders (`folders` of a SeonPartner) beside their own
    /// place, which is outgoing/ and the partner's name: absolute ones such as /srv/edi, or in the
    /// data directory. Whoever may write a SeonPartner can then send what lies there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(min = 1, max = 4096)))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub allowed_folders: Vec<String>,
    /// Pods of this daemon (cluster only). Default: as daemonTemplate says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 9))]
    pub replicas: Option<i32>,
    /// Processor time and memory of this daemon (cluster only). Default: as daemonTemplate says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<Resources>,
}

impl Default for Send {
    fn default() -> Self {
        Self {
            max_sessions: outgoing_sessions(),
            retry: Retry::default(),
            schedule: Vec::new(),
            time_zone: utc(),
            tls: None,
            allowed_folders: Vec::new(),
            replicas: None,
            resources: None,
        }
    }
}

/// How we show ourselves when we call by TLS.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Client {
    /// Our certificate and its key: a Secret of type kubernetes.io/tls with the keys tls.crt and
    /// tls.key. It needs the extended key usage clientAuth.
    pub certificate_secret_ref: SecretReference,
    /// The oldest TLS version that we accept.
    #[serde(default)]
    pub minimum_version: TlsVersion,
}

/// What happens after a call that failed: try again, each time after twice the time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("duration(self.first) <= duration(self.longest)").message(
    "first is longer than longest; give a shorter first or a longer longest"))]
pub struct Retry {
    /// Attempts until a queue entry is blocked and waits for a person.
    #[serde(default = "attempts")]
    #[schemars(range(min = 1, max = 1000))]
    pub attempts: i32,
    /// The wait after the first failure, such as 30s.
    #[serde(default = "first_wait")]
    #[schemars(length(max = 32))]
    #[x_kube(validation = Rule::new(
        "self.matches('^([0-9]{1,9}(h|m|s|ms))+$') && duration(self) >= duration('1s') && duration(self) <= duration('24h')").message(
        "give 1s to 24h (usual: 30s)"))]
    pub first: String,
    /// The longest wait, such as 1h.
    #[serde(default = "longest_wait")]
    #[schemars(length(max = 32))]
    #[x_kube(validation = Rule::new(
        "self.matches('^([0-9]{1,9}(h|m|s|ms))+$') && duration(self) >= duration('1s') && duration(self) <= duration('168h')").message(
        "give 1s to 168h (usual: 1h)"))]
    pub longest: String,
}

impl Default for Retry {
    fn default() -> Self {
        Self { attempts: attempts(), first: first_wait(), longest: longest_wait() }
    }
}

/// How fast a standby takes over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Lease {
    /// How long a daemon that was not heard of keeps its place, such as 10s. Shorter takes over
    /// faster after a crash, and bears shorter interruptions of the database.
    #[serde(default = "ttl")]
    #[schemars(length(max = 32))]
    #[x_kube(validation = Rule::new(
        "self.matches('^([0-9]{1,9}(h|m|s|ms))+$') && duration(self) >= duration('2s') && duration(self) <= duration('5m')").message(
        "give 2s to 5m (usual: 10s)"))]
    pub ttl: String,
}

impl Default for Lease {
    fn default() -> Self {
        Self { ttl: ttl() }
    }
}

/// What the daemons log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Debug {
    /// How much the daemons log. Passwords and file contents never appear, at no level.
    pub level: DebugLevel,
}

/// How much the daemons log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DebugLevel {
    /// What failed.
    Error,
    /// And what is suspicious.
    Warn,
    /// And every session, file and receipt.
    #[default]
    Info,
    /// And every command on the wire.
    Debug,
    /// And every buffer on the wire.
    Trace,
}

pub(crate) const ODETTE_ID_RULE: &str = "self.matches('^[A-Z0-9 /.&()-]*$') && self.trim() != ''";
pub(crate) const ODETTE_ID_MESSAGE: &str =
    "an Odette ID consists of A-Z, 0-9, space and / - . & ( ), such as O0013000001ACME";

pub(crate) const SCHEDULE_RULE: &str =
    "self.all(window, window.split(' ').filter(f, f != '').size() == 5)";
pub(crate) const SCHEDULE_MESSAGE: &str = "a cron expression has five fields: minute, hour, day of month, month, day of week, such as \
     * 6-19 * * 1-5";

fn utc() -> String {
    "UTC".into()
}

fn every_address() -> String {
    "::".into()
}

fn tls_port() -> i32 {
    6619
}

fn listener_sessions() -> i32 {
    500
}

fn outgoing_sessions() -> i32 {
    16
}

fn attempts() -> i32 {
    10
}

fn first_wait() -> String {
    "30s".into()
}

fn longest_wait() -> String {
    "1h".into()
}

fn ttl() -> String {
    "10s".into()
}
