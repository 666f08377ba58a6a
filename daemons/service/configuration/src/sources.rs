//! What a configuration is read from, and for whom.

use std::collections::BTreeMap;

use crds::KeyPurpose;
use domain::{ControllerNumber, Daemon};
use zeroize::Zeroizing;

/// What a configuration is read from; the caller has read the files.
#[derive(Default)]
pub struct Sources {
    /// The manifests: a name for messages and the text, which may hold several documents.
    pub manifests: Vec<(String, String)>,
    /// Secrets that lie beside the manifests as folders, as Kubernetes mounts them.
    pub secrets: Vec<SecretFolder>,
    /// Which revision of the configuration this is, if whoever wrote it said so.
    pub revision: Option<String>,
}

/// A Secret as a folder with a file for each key. It and a Secret of the same name in a manifest
/// are one; the folder's value of a key goes before the manifest's, because it is the one that is
/// renewed.
pub struct SecretFolder {
    pub(crate) path: String,
    pub(crate) name: String,
    pub(crate) values: BTreeMap<String, Zeroizing<Vec<u8>>>,
}

impl SecretFolder {
    /// The Secret of this name, read from the folder at `path` (for messages).
    pub fn new(
        path: impl Into<String>,
        name: impl Into<String>,
        values: impl IntoIterator<Item = (String, Vec<u8>)>,
    ) -> Self {
        let values = values.into_iter().map(|(key, octets)| (key, Zeroizing::new(octets)));
        Self { path: path.into(), name: name.into(), values: values.collect() }
    }
}

/// Who is going to use a configuration. Our own certificates and keys, and our accounts at boxes
/// with an ISDN line, are given only to who uses them: for anybody else their Secrets need not be
/// there, and are not looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Whoever judges or starts a whole instance: all of them must be there.
    Everything,
    /// The receiver on TCP. Like all who hold sessions, it has the keys that authenticate them.
    TcpReceiver,
    /// The receiver on TLS: the certificate for callers.
    TlsReceiver,
    /// The receiver and caller on a controller of ISDN: our account at the box that has it.
    CapiReceiver(ControllerNumber),
    /// The send queue: the certificate that we show when we call, the keys that sign files.
    SendQueue,
    /// The master of the receive side: the keys that decrypt files, and that sign receipts.
    ReceiveMaster,
    /// Everybody else: none.
    WithoutKeys,
}

impl Scope {
    /// What a daemon uses.
    pub fn of(daemon: Daemon) -> Self {
        match daemon {
            Daemon::Seonrd => Self::ReceiveMaster,
            Daemon::SeonrdTcpip => Self::TcpReceiver,
            Daemon::SeonrdTcpipTls => Self::TlsReceiver,
            Daemon::SeonrdCapi(number) => Self::CapiReceiver(number),
            Daemon::Seonsqd => Self::SendQueue,
        }
    }

    pub(crate) fn answers_calls(self) -> bool {
        matches!(self, Self::Everything | Self::TlsReceiver)
    }

    pub(crate) fn has_controller(self, number: ControllerNumber) -> bool {
        self == Self::Everything || self == Self::CapiReceiver(number)
    }

    pub(crate) fn calls(self) -> bool {
        matches!(self, Self::Everything | Self::SendQueue)
    }

    /// Whether it uses our keys of this purpose.
    pub fn uses(self, purpose: KeyPurpose) -> bool {
        match purpose {
            KeyPurpose::Sign => matches!(self, Self::Everything | Self::SendQueue),
            KeyPurpose::Decrypt | KeyPurpose::SignReceipt => {
                matches!(self, Self::Everything | Self::ReceiveMaster)
            }
            KeyPurpose::Authenticate => match self {
                Self::ReceiveMaster | Self::WithoutKeys => false,
                Self::Everything
                | Self::TcpReceiver
                | Self::TlsReceiver
                | Self::CapiReceiver(_)
                | Self::SendQueue => true,
            },
        }
    }
}
