//! The validated partner.

use std::{
    num::NonZeroUsize,
    path::{Path, PathBuf},
    time::Duration,
};

use domain::{
    DatasetTemplate, PartnerName,
    security::{Authentication, FileSecurity, ReceiptHash},
    virtual_file::StampStep,
};
use jiff::Timestamp;
use oftp::{BufferSize, Credit, Format, Level, OdetteId, Password, Tolerance, UserData};
use pki::{Revocation, UsageRule};
use rustls_pki_types::{CertificateDer, ServerName};

use crate::{
    IdentifyError,
    file_keys::{self, CertificatePurpose, FileCertificates, NoneUsable},
    files::{FileRules, Glob},
    instance::Station,
    isdn::{CallUserData, IsdnNumber, PacketSize, PacketWindow},
    poll::{Poll, Windows},
};

pub use crds::ReceiptTiming;

/// One company that we exchange files with, every value checked.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Partner {
    /// `metadata.name`.
    pub name: PartnerName,
    /// The partner's SSIDCODE.
    pub odette_id: OdetteId,
    /// Further Odette IDs that it speaks for.
    pub stations: Vec<Station>,
    /// What the partner must say to us; compare by [`Partner::accepts_password`].
    pub password: Password,
    /// What we say to the partner: its own one, or else the instance's.
    pub own_password: Password,
    /// What we put into SSIDUSER.
    pub user_data: UserData,
    /// Where we reach the partner, in order of preference. Empty: we never call.
    pub transports: Vec<Transport>,
    /// How we speak OFTP with the partner.
    pub protocol: Protocol,
    /// The certificates that we know the partner by in TLS. Empty: it has none, and TLS with it
    /// is refused; there is always one if there is a tls transport.
    pub tls_certificates: Vec<TlsCertificates>,
    /// The certificates that we know the partner's files and receipts by, and encrypt for.
    pub file_certificates: Vec<FileCertificates>,
    /// What is asked of files, both ways.
    pub security: FileSecurity,
    /// Whether sessions are authenticated by certificates.
    pub authentication: Authentication,
    /// How far the certificates are held to what they say of their use. Those for files and receipts
    /// are held to it already.
    pub certificate_usage: UsageRule,
    /// What is known of revoked certificates, and how the partner's are held to it. Nothing, until
    /// [`Configuration::knowing`](crate::Configuration::knowing) has said it.
    pub revocation: Revocation,
    /// Receipts, both ways.
    pub receipts: Receipts,
    /// Outgoing sessions with this partner at once.
    pub channels: NonZeroUsize,
    /// When we may call: the partner's own windows, or else the instance's.
    pub windows: Windows,
    /// When we call even though we have nothing to send.
    pub poll: Option<Poll>,
    /// How received files are named.
    pub files: FileRules,
    /// Folders whose files are sent to the partner.
    pub folders: Vec<Folder>,
    /// Whether sessions with this partner are to stand still, both ways.
    pub suspend: bool,
}

impl Partner {
    /// What tells two files of one name apart for the partner.
    pub fn stamp_step(&self) -> StampStep {
        StampStep::at(self.protocol.minimum_level)
    }

    /// The certificate that files for the partner are encrypted for now: the newest one that is
    /// active and in date.
    pub fn encryption_certificate(
        &self,
        now: Timestamp,
    ) -> Result<&CertificateDer<'static>, NoneUsable> {
        self.to_encrypt_for(CertificatePurpose::Encrypt, now)
    }

    /// The certificate that challenges for the partner are encrypted for now.
    pub fn challenge_certificate(
        &self,
        now: Timestamp,
    ) -> Result<&CertificateDer<'static>, NoneUsable> {
        self.to_encrypt_for(CertificatePurpose::Authenticate, now)
    }

    /// The certificates of which any may verify a file that the partner signed: those first that are
    /// in date. The others are there to say why they do not count.
    pub fn signature_certificates(&self, now: Timestamp) -> Vec<&CertificateDer<'static>> {
        self.active(CertificatePurpose::VerifySignature, now)
    }

    /// The certificates of which any may verify a receipt that the partner signed, likewise.
    pub fn receipt_certificates(&self, now: Timestamp) -> Vec<&CertificateDer<'static>> {
        self.active(CertificatePurpose::VerifyReceipt, now)
    }

    fn to_encrypt_for(
        &self,
        purpose: CertificatePurpose,
        now: Timestamp,
    ) -> Result<&CertificateDer<'static>, NoneUsable> {
        file_keys::to_encrypt_for(&self.file_certificates, purpose, &self.revocation, now)
    }

    fn active(&self, purpose: CertificatePurpose, now: Timestamp) -> Vec<&CertificateDer<'static>> {
        file_keys::active(&self.file_certificates, purpose, &self.revocation, now)
    }

    /// Whether a file with this originator may come from the partner.
    pub fn may_originate(&self, odette_id: &OdetteId) -> bool {
        self.odette_id == *odette_id
            || self.stations.iter().any(|station| station.odette_id == *odette_id)
    }

    /// Whether this is what the partner must say to us, in constant time.
    pub fn accepts_password(&self, presented: &Password) -> bool {
        self.password == *presented
    }

    /// Whether a caller with this password comes in. The password is what is looked at last: no
    /// other answer may tell a stranger that it was right.
    pub fn lets_in(&self, presented: &Password) -> Result<(), IdentifyError> {
        let name = self.name.clone();
        if self.suspend {
            return Err(IdentifyError::Suspended { name });
        }
        if !self.accepts_password(presented) {
            return Err(IdentifyError::WrongPassword { name });
        }
        Ok(())
    }
}

/// One way to reach a partner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transport {
    /// By TLS.
    Tls {
        /// Host name or IP address.
        host: String,
        /// TCP port.
        port: u16,
        /// The name that we ask for and that a certificate issued by an authority must carry.
        server_name: ServerName<'static>,
    },
    /// By plain TCP/IP.
    Tcp {
        /// Host name or IP address.
        host: String,
        /// TCP port.
        port: u16,
    },
    /// By ISDN, on any of the instance's controllers, of which there is one at least.
    Isdn(IsdnAddress),
}

/// The number at which a partner takes calls by ISDN.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct IsdnAddress {
    /// The partner's number.
    pub number: IsdnNumber,
    /// The number of ours that the partner sees; without it the line's own.
    pub calling_number: Option<IsdnNumber>,
    /// What the call packet says to the partner's system.
    pub call_user_data: Option<CallUserData>,
    /// The packet size to negotiate.
    pub packet_size: Option<PacketSize>,
    /// The packet window to negotiate.
    pub window: Option<PacketWindow>,
}

/// How we speak OFTP with a partner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Protocol {
    /// The lowest level that is accepted.
    pub minimum_level: Level,
    /// The highest level that we offer; never below the lowest.
    pub highest_level: Level,
    /// The largest exchange buffer that we offer.
    pub buffer_size: BufferSize,
    /// The credit that we offer.
    pub credit: Credit,
    /// Whether we offer buffer compression.
    pub compression: bool,
    /// Whether we offer restarts.
    pub restart: bool,
    /// What we bear beyond the RFC.
    pub tolerance: Tolerance,
    /// How long the partner may take for its next command.
    pub response_timeout: Duration,
    /// How long it may take to answer the end of a file.
    pub end_file_timeout: Duration,
}

/// Certificates that we know a partner by in TLS, from one Secret. A certificate is the
/// partner's if it is one of `pinned`, or if it was issued by one of `authorities` and carries one
/// of `names`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TlsCertificates {
    /// The Secret's name, for messages.
    pub secret: String,
    /// From when on they count; `None`: at once.
    pub active_from: Option<Timestamp>,
    /// The partner's own certificates.
    pub pinned: Vec<CertificateDer<'static>>,
    /// Certificates of issuers. Either these or the pinned ones are there, or both.
    pub authorities: Vec<CertificateDer<'static>>,
    /// DNS names or IP addresses; never empty if there are authorities.
    pub names: Vec<ServerName<'static>>,
}

impl TlsCertificates {
    /// Whether they count at this time.
    pub fn is_active(&self, now: Timestamp) -> bool {
        self.active_from.is_none_or(|from| from <= now)
    }
}

/// Receipts, both ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Receipts {
    /// Whether the partner sends receipts for what we send.
    pub expected: bool,
    /// When the partner gets the receipts for what it sends.
    pub timing: ReceiptTiming,
    /// Which hash counts in those that are signed.
    pub hash: ReceiptHash,
}

/// A folder whose files are sent to the partner.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Folder {
    /// The folder; a relative path begins at the data directory and does not leave it.
    pub directory: PathBuf,
    /// What it begins with: the partner's own place, or one that the instance allows. No link leads
    /// out of there.
    pub within: PathBuf,
    /// Which of its files are sent.
    pub pattern: Glob,
    /// The virtual files' format.
    pub format: Format,
    /// The queue entries' priority; the higher number is more urgent.
    pub priority: i32,
    /// For how long a file must not have changed before it is taken.
    pub settle: Duration,
    /// The ending of the file that says that another one is finished, if there are such.
    pub marker: Option<String>,
    /// How its files are named on the wire.
    pub dataset_name: DatasetTemplate,
    /// Who sends its files: one of ours. `None`: our Odette ID.
    pub originator: Option<OdetteId>,
    /// For whom its files are. `None`: the partner.
    pub destination: Option<OdetteId>,
}

impl Folder {
    /// The folder, from the place that it lies within.
    #[must_use]
    pub fn below(&self) -> &Path {
        self.directory.strip_prefix(&self.within).unwrap_or(Path::new(""))
    }
}
