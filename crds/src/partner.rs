//! `SeonPartner`: one company that an instance exchanges files with.

#![expect(unreachable_pub, reason = "KubeSchema derives from a private twin of each struct")]

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    capi::{PACKET_SIZE_MESSAGE, PACKET_SIZE_RULE},
    certificates::PartnerCertificate,
    common::{InstanceReference, SecretKeyReference},
    folders::{FileRule, Folder},
    instance::{ODETTE_ID_MESSAGE, ODETTE_ID_RULE, SCHEDULE_MESSAGE, SCHEDULE_RULE, Station},
    security::Security,
    status::SeonPartnerStatus,
};

/// One company that an instance exchanges files with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, CustomResource, KubeSchema)]
#[kube(
    group = "seon.dev",
    version = "v1alpha1",
    kind = "SeonPartner",
    namespaced,
    doc = "One company that an instance exchanges files with: who it is, how we reach it, how we \
           speak with it.",
    status = "SeonPartnerStatus",
    derive = "PartialEq",
    shortname = "seonp",
    category = "seon-all",
    cel,
    selectable = ".spec.instanceRef.name",
    selectable = ".spec.identity.odetteId",
    validation = Rule::new("self.metadata.name.matches('^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$')")
        .message("metadata.name becomes a folder and a word on the command line; give 1 to 63 of \
                  a-z, 0-9 and -, such as bolt"),
    printcolumn(name = "Instance", type_ = "string", json_path = ".spec.instanceRef.name"),
    printcolumn(name = "Odette ID", type_ = "string", json_path = ".spec.identity.odetteId"),
    printcolumn(name = "Ready", type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].status"#),
    printcolumn(name = "Queued", type_ = "integer", json_path = ".status.queued"),
    printcolumn(name = "Last Session", type_ = "date", json_path = ".status.lastSession.at"),
    printcolumn(name = "Outcome", type_ = "string", json_path = ".status.lastSession.outcome"),
    printcolumn(name = "Certificate Expires", type_ = "string", priority = "1",
        json_path = ".status.certificateExpires"),
    printcolumn(name = "Why", type_ = "string", priority = "1",
        json_path = r#".status.conditions[?(@.type=="Ready")].message"#),
    printcolumn(name = "Suspended", type_ = "boolean", json_path = ".spec.suspend", priority = "1"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new(
    "!has(self.poll) || (has(self.transports) && self.transports.size() > 0)").message(
    "poll calls the partner, but transports is empty; say where to call, or leave out poll"))]
#[x_kube(validation = Rule::new(
    "!has(self.transports) || !self.transports.exists(t, has(t.tls)) || (has(self.certificates) \
     && self.certificates.exists(c, c.purpose.exists(p, p == 'Tls')))").message(
    "a tls transport needs certificates to know the partner by; add to certificates an entry with \
     purpose [Tls]"))]
#[x_kube(validation = Rule::new(
    "self.security.outbound.encrypt != 'Required' || (has(self.certificates) && \
     self.certificates.exists(c, c.purpose.exists(p, p == 'Encrypt')))").message(
    "security.outbound.encrypt is Required and there is no certificate to encrypt for; add to \
     certificates an entry with purpose [Encrypt], or give Allowed"))]
#[x_kube(validation = Rule::new(
    "self.security.inbound.sign != 'Required' || (has(self.certificates) && \
     self.certificates.exists(c, c.purpose.exists(p, p == 'VerifySignature')))").message(
    "security.inbound.sign is Required and there is no certificate to verify by; add to \
     certificates an entry with purpose [VerifySignature], or give Allowed"))]
#[x_kube(validation = Rule::new(
    "self.security.receipts.signed != 'Required' || (has(self.certificates) && \
     self.certificates.exists(c, c.purpose.exists(p, p == 'VerifyReceipt')))").message(
    "security.receipts.signed is Required and there is no certificate to verify receipts by; add \
     to certificates an entry with purpose [VerifyReceipt], or give Allowed"))]
#[x_kube(validation = Rule::new(
    "self.security.receipts.signed != 'Required' || self.receipts.expected").message(
    "security.receipts.signed is Required and receipts.expected is false, so that no receipt \
     would ever be looked for; set receipts.expected: true, or give Allowed"))]
#[x_kube(validation = Rule::new(
    "self.security.authentication == 'Forbidden' || (has(self.certificates) && \
     self.certificates.exists(c, c.purpose.exists(p, p == 'Authenticate')))").message(
    "security.authentication is not Forbidden and there is no certificate to encrypt challenges \
     for; add to certificates an entry with purpose [Authenticate], or give Forbidden"))]
#[x_kube(validation = Rule::new(
    "self.security.authentication != 'Required' || self.protocol.highestLevel == '2.0'").message(
    "security.authentication is Required, which came with OFTP 2.0, and protocol.highestLevel is \
     below it; raise highestLevel to 2.0, or give Forbidden"))]
#[x_kube(validation = Rule::new(
    "self.protocol.highestLevel == '2.0' || ![self.security.outbound.sign, \
     self.security.outbound.encrypt, self.security.outbound.compress, self.security.inbound.sign, \
     self.security.inbound.encrypt, self.security.inbound.compress, \
     self.security.receipts.signed].exists(d, d == 'Required')").message(
    "what security requires came with OFTP 2.0 and protocol.highestLevel is below it; raise \
     highestLevel to 2.0, or give Allowed where security has Required"))]
pub struct SeonPartnerSpec {
    /// The SeonInstance that this partner belongs to.
    #[x_kube(validation = Rule::new("self == oldSelf").message(
        "a partner stays with its instance; make a new SeonPartner for the other one"))]
    pub instance_ref: InstanceReference,

    /// Who the partner is.
    pub identity: PartnerIdentity,

    /// Where we reach the partner, in order of preference. Empty: we never call, the partner calls
    /// us and fetches what we have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    pub transports: Vec<Transport>,

    /// How we speak OFTP with this partner.
    #[serde(default)]
    pub protocol: Protocol,

    /// The partner's certificates, each with what it is good for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub certificates: Vec<PartnerCertificate>,

    /// Which files are signed, encrypted and compressed, both ways, and whether receipts are
    /// signed.
    #[serde(default)]
    pub security: Security,

    /// End-to-end responses (EERP): the receipts for files.
    #[serde(default)]
    pub receipts: Receipts,

    /// Outgoing sessions with this partner at once.
    #[serde(default = "channels")]
    #[schemars(range(min = 1, max = 256))]
    pub channels: i32,

    /// When we may call this partner, in place of the instance's `send.schedule`: cron expressions
    /// of five fields, such as "* 20-23 * * *". `[]`: always.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32), inner(length(min = 1, max = 256)))]
    #[x_kube(validation = Rule::new(SCHEDULE_RULE).message(SCHEDULE_MESSAGE))]
    pub schedule: Option<Vec<String>>,

    /// When we call even though we have nothing to send, to fetch: a cron expression of five
    /// fields, such as "*/15 * * * *".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    #[x_kube(validation = Rule::new("self.split(' ').filter(f, f != '').size() == 5").message(
        "a cron expression has five fields: minute, hour, day of month, month, day of week, such \
         as */15 * * * *"))]
    pub poll: Option<String>,

    /// The time zone of this partner's schedule and poll, such as Europe/Berlin. Default: the
    /// instance's `send.timeZone`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64))]
    pub time_zone: Option<String>,

    /// How received files are named; the first rule that matches is followed. Without a match a
    /// file keeps its dataset name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256))]
    pub files: Vec<FileRule>,

    /// Hot folders: a file put there is sent to this partner and removed from there. Default: one
    /// folder, outgoing/ and the partner's name, in the data directory. `[]`: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["directory".into()]))]
    pub folders: Option<Vec<Folder>>,

    /// True stops sessions with this partner, both ways; what is queued waits.
    #[serde(default)]
    pub suspend: bool,
}

/// Who the partner is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct PartnerIdentity {
    /// The partner's Odette ID (SSIDCODE): 1 to 25 characters, A-Z, 0-9, space and / - . & ( ).
    #[schemars(length(min = 1, max = 25))]
    #[x_kube(validation = Rule::new(ODETTE_ID_RULE).message(ODETTE_ID_MESSAGE))]
    pub odette_id: String,

    /// Further Odette IDs that the partner speaks for, such as plants or companies behind a gateway: as
    /// originators of its files they are taken, any other is refused.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["odetteId".into()]))]
    pub stations: Vec<Station>,

    /// What the partner must say to us (SSIDPSWD), 1 to 8 characters.
    pub password_secret_ref: SecretKeyReference,

    /// What we say to this partner, 1 to 8 characters. Default: the instance's password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own_password_secret_ref: Option<SecretKeyReference>,

    /// What we put into SSIDUSER, up to 8 characters, if the partner asks for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 8))]
    pub user_data: Option<String>,
}

/// One way to reach the partner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new(
    "[has(self.tls), has(self.tcp), has(self.isdn)].filter(given, given).size() == 1").message(
    "a transport is one of tls, tcp and isdn; give each its own entry in the list"))]
pub struct Transport {
    /// By TLS: encrypted, both sides known by certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<TlsAddress>,
    /// By plain TCP/IP: unencrypted, for private networks such as ENX.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tcp: Option<TcpAddress>,
    /// By ISDN, on one of the instance's controllers (`receive.capi`): unencrypted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub isdn: Option<IsdnAddress>,
}

/// Where the partner listens for TLS.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TlsAddress {
    /// Host name or IP address.
    #[schemars(length(min = 1, max = 253))]
    pub host: String,
    /// TCP port.
    #[serde(default = "tls_port")]
    #[schemars(range(min = 1, max = 65535))]
    pub port: i32,
    /// The name that we ask for (SNI) and that a certificate must carry. Default: host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub server_name: Option<String>,
}

/// Where the partner listens for plain TCP/IP.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TcpAddress {
    /// Host name or IP address.
    #[schemars(length(min = 1, max = 253))]
    pub host: String,
    /// TCP port.
    #[serde(default = "tcp_port")]
    #[schemars(range(min = 1, max = 65535))]
    pub port: i32,
}

/// The number at which the partner takes calls by ISDN.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct IsdnAddress {
    /// The number as it is dialled, such as 022112345; a + at the beginning is dialled as 00. Blanks
    /// are for people.
    #[schemars(length(min = 1, max = 40))]
    #[x_kube(validation = Rule::new(NUMBER_RULE).message(NUMBER_MESSAGE))]
    pub number: String,
    /// The number of ours that the partner sees. Default: the line's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 40))]
    #[x_kube(validation = Rule::new(NUMBER_RULE).message(NUMBER_MESSAGE))]
    pub calling_number: Option<String>,
    /// What our call's packet says to the partner's system, in hexadecimal: call user data of X.25,
    /// up to 16 octets. Default: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    #[x_kube(validation = Rule::new("self.matches('^([0-9A-Fa-f]{2}){1,16}$')").message(
        "call user data are 1 to 16 octets in hexadecimal, such as C0000000"))]
    pub call_user_data: Option<String>,
    /// The packet size to negotiate for both directions, in octets. Default: the call says nothing
    /// of it, and the controller's packetSize holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new(PACKET_SIZE_RULE).message(PACKET_SIZE_MESSAGE))]
    pub packet_size: Option<i32>,
    /// The packet window to negotiate for both directions. Default: the call says nothing of it, and
    /// 7 holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 7))]
    pub window: Option<i32>,
}

const NUMBER_RULE: &str = "self.matches('^[+]?[0-9 ]*[0-9][0-9 ]*$')";
const NUMBER_MESSAGE: &str =
    "a number consists of digits, with a + before them or without, such as +49 221 12345";

const TIMEOUT_RULE: &str = "self.matches('^([0-9]{1,9}(h|m|s|ms))+$') && \
     duration(self) >= duration('30s') && duration(self) <= duration('1h')";

/// How we speak OFTP with this partner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new(
    "self.level == 'Auto' || double(self.level) <= double(self.highestLevel)").message(
    "level is the lowest that is accepted and is above highestLevel, so no session could ever \
     begin; lower level or raise highestLevel"))]
#[x_kube(validation = Rule::new(
    "!has(self.quirks) || !has(self.strict) || !self.quirks.exists(q, q in self.strict)").message(
    "one quirk is both in quirks and in strict; leave it in one of them"))]
pub struct Protocol {
    /// The lowest OFTP level that is accepted: a session that would be negotiated below it is
    /// refused, never silently weaker. Auto accepts every level.
    #[serde(default)]
    pub level: MinimumLevel,
    /// The highest OFTP level that we offer; lower it for a partner that refuses instead of
    /// negotiating.
    #[serde(default)]
    pub highest_level: HighestLevel,
    /// The largest exchange buffer that we offer (SSIDSDEB), in octets; the smaller of both
    /// sides' is used.
    #[serde(default = "buffer")]
    #[schemars(range(min = 128, max = 99_999))]
    pub buffer: i32,
    /// How many buffers may be under way unacknowledged (SSIDCRED); the smaller of both sides' is
    /// used.
    #[serde(default = "credit")]
    #[schemars(range(min = 1, max = 999))]
    pub credit: i32,
    /// Buffer compression (SSIDCMPR): runs of equal octets are sent as one.
    #[serde(default)]
    pub compression: Permission,
    /// Restart of interrupted transfers (SSIDREST).
    #[serde(default)]
    pub restart: Permission,
    /// For how long a session may stand still, waiting for the partner's next command, such as 2m.
    #[serde(default = "response_timeout")]
    #[schemars(length(max = 32))]
    #[x_kube(validation = Rule::new(TIMEOUT_RULE).message("give 30s to 1h (usual: 2m)"))]
    pub response_timeout: String,
    /// The same for its answer to the end of a file (EFPA or EFNA), before which a partner may store,
    /// check or scan all of it.
    #[serde(default = "end_file_timeout")]
    #[schemars(length(max = 32))]
    #[x_kube(validation = Rule::new(TIMEOUT_RULE).message("give 30s to 1h (usual: 5m)"))]
    pub end_file_timeout: String,
    /// Deviations from the RFC that we bear from this partner, beyond those that we bear from
    /// every partner: of the list, that is `RestartCounts`. The others are borne unless
    /// `strict` has them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub quirks: Vec<Quirk>,
    /// Deviations from the RFC that we do not bear from this partner.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub strict: Vec<Quirk>,
}

impl Default for Protocol {
    fn default() -> Self {
        Self {
            level: MinimumLevel::default(),
            highest_level: HighestLevel::default(),
            buffer: buffer(),
            credit: credit(),
            compression: Permission::default(),
            restart: Permission::default(),
            response_timeout: response_timeout(),
            end_file_timeout: end_file_timeout(),
            quirks: Vec::new(),
            strict: Vec::new(),
        }
    }
}

/// The lowest OFTP level that is accepted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum MinimumLevel {
    /// Every level that both sides speak.
    #[default]
    Auto,
    /// OFTP 1.2 or above (RFC 2204, level 1)
    #[serde(rename = "1.2")]
    V1_2,
    /// OFTP 1.3 or above (level 2)
    #[serde(rename = "1.3")]
    V1_3,
    /// OFTP 1.4 or above (level 4)
    #[serde(rename = "1.4")]
    V1_4,
    /// OFTP 2.0 (RFC 5024, level 5)
    #[serde(rename = "2.0")]
    V2_0,
}

/// The highest OFTP level that we offer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum HighestLevel {
    /// OFTP 1.2 (RFC 2204, level 1)
    #[serde(rename = "1.2")]
    V1_2,
    /// OFTP 1.3 (level 2)
    #[serde(rename = "1.3")]
    V1_3,
    /// OFTP 1.4 (level 4)
    #[serde(rename = "1.4")]
    V1_4,
    /// OFTP 2.0 (RFC 5024, level 5)
    #[default]
    #[serde(rename = "2.0")]
    V2_0,
}

/// Whether we offer something that both sides must offer to have it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Permission {
    /// We offer it.
    #[default]
    Allowed,
    /// We do not.
    Forbidden,
}

/// A way in which partners differ from the RFC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Quirk {
    /// A carriage return of 0A in SSRM, SSID or ESID; 0D and 8D are the RFC's own.
    CarriageReturnVariants,
    /// NUL in place of the blanks that pad a field.
    NulPadding,
    /// Blanks in place of the leading zeros of a number.
    BlankPaddedNumbers,
    /// A password with characters outside of the RFC's set, lower case above all. Which case is
    /// right stays a matter of comparing.
    LowerCasePassword,
    /// A dataset name with characters outside of the RFC's set, or with embedded blanks.
    DatasetNameCharacters,
    /// SSIDLEV `1` from a partner that is to speak 1.3, as RFC 2204 has it: the session lets it
    /// pass where 1.3 is the minimum. The layouts are the same.
    LevelDigit,
    /// An SSIDLEV digit without a level of ours: the next lower level is taken, as the RFC wants of
    /// a responder. An initiator turns it off, for an answer cannot be higher than what it asked.
    FutureLevels,
    /// A description or a reason text that is not UTF-8; its octets are kept.
    TextNotUtf8,
    /// A reason code that is not one of the command's; it is kept.
    UnknownReasons,
    /// SFNA, EFNA and NERP of 2.0 that end before the length of their text. (ESID is read by its
    /// length in any case: it may come before a level is agreed.)
    MissingReasonText,
    /// EERP and NERP of 2.0 that end before the lengths of hash and signature.
    MissingSeal,
    /// A record length other than 0 for a file of format U or T; it is ignored.
    StreamRecordLength,
    /// One stream transmission buffer of length 4, without an exchange buffer; it is skipped.
    EmptyStreamBuffers,
    /// DATA one octet above the agreed size, from partners that do not count the command octet: as
    /// far as it is within what we offered ourselves.
    OversizedData,
    /// CDT before the credit is used up ("acceleration").
    EarlyCredit,
    /// CDT that arrives after EFID.
    LateCredit,
    /// ESID 00 from a speaker that has not just received CD; files answered by EFPA stand.
    EarlyEndSession,
    /// A file or a receipt in place of the CD that EFPA asked for: the partner goes on speaking.
    KeptDirection,
    /// A signed receipt whose signature comes without the octets that it is over: it is verified
    /// over our own.
    DetachedReceipts,
    /// EFID that counts only what came since the restart. Off by default: the count is what shows a
    /// file cut short.
    RestartCounts,
}

/// End-to-end responses (EERP): the receipts for files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Receipts {
    /// Whether the partner sends receipts for what we send. False, for partners that never do:
    /// a sent file is finished.
    pub expected: bool,
    /// When the partner gets the receipts for what it sends.
    pub timing: ReceiptTiming,
}

impl Default for Receipts {
    fn default() -> Self {
        Self { expected: true, timing: ReceiptTiming::SameSession }
    }
}

/// When the partner gets receipts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ReceiptTiming {
    /// As soon as the file is delivered: in the running session if it still can.
    #[default]
    SameSession,
    /// In a later session, which we call for if the partner has transports.
    NextSession,
    /// When a person or a program releases it.
    Manual,
}

fn response_timeout() -> String {
    "2m".into()
}

fn end_file_timeout() -> String {
    "5m".into()
}

fn channels() -> i32 {
    1
}

fn tls_port() -> i32 {
    6619
}

fn tcp_port() -> i32 {
    3305
}

// 64 buffers of 32 KiB keep 2 MiB under way: 100 MB/s at a round trip of 20 ms.
fn buffer() -> i32 {
    32_768
}

fn credit() -> i32 {
    64
}
