//! Keys of ours: made with the request for a certificate, and put into a Secret with the answer. Both
//! need files only, so that they can be done on a machine that has no instance.

mod answer;
mod import;
mod request;

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use configuration::KeyPurpose;
use crds::is_object_name;
use pki::Purpose;
use rcgen::KeyPair;
use zeroize::Zeroizing;

pub use pki::Subject;

pub use import::{Import, Imported, Note, import};
pub use request::{KeyKind, Request, Requested, request};

use crate::Error;

/// What a key of ours is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum OwnPurpose {
    /// TLS, where we call and where we are called.
    Tls,
    /// A purpose of `spec.certificates`.
    Files(KeyPurpose),
}

impl OwnPurpose {
    /// As manifests have them, in the order of the documentation.
    pub const ALL: [Self; 5] = [
        Self::Tls,
        Self::Files(KeyPurpose::Sign),
        Self::Files(KeyPurpose::Decrypt),
        Self::Files(KeyPurpose::SignReceipt),
        Self::Files(KeyPurpose::Authenticate),
    ];

    /// As manifests write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tls => "Tls",
            Self::Files(KeyPurpose::Sign) => "Sign",
            Self::Files(KeyPurpose::Decrypt) => "Decrypt",
            Self::Files(KeyPurpose::SignReceipt) => "SignReceipt",
            Self::Files(KeyPurpose::Authenticate) => "Authenticate",
        }
    }

    /// What a partner judges its certificate for.
    fn judged(self) -> &'static [Purpose] {
        match self {
            Self::Tls => &[Purpose::TlsServer, Purpose::TlsClient],
            Self::Files(KeyPurpose::Sign) => &[Purpose::Sign],
            Self::Files(KeyPurpose::Decrypt) => &[Purpose::Encrypt],
            Self::Files(KeyPurpose::SignReceipt) => &[Purpose::SignReceipt],
            Self::Files(KeyPurpose::Authenticate) => &[Purpose::Authenticate],
        }
    }
}

/// Why a key was not made, or an answer not taken.
#[derive(Debug, thiserror::Error)]
pub enum OwnKeyError {
    /// It would be written over.
    #[error(
        "{} is there already, and a key is never written over: choose another name, or move the file \
         away if nobody needs it",
        .0.display()
    )]
    IsThere(PathBuf),
    /// A key for this cannot be of that kind.
    #[error(
        "a key for {} cannot be of the kind {}: files, receipts and sessions take RSA only \
         (RFC 5024 section 10.2); give --key rsa3072 or rsa4096, or make another key for Tls",
        purpose.name(), kind.name()
    )]
    Kind {
        /// What for.
        purpose: OwnPurpose,
        /// Of which kind.
        kind: KeyKind,
    },
    /// Nobody would find our name in it.
    #[error(
        "a certificate for Tls carries the names by which partners call us; give --host, once for each"
    )]
    NoHost,
    /// No name of a host, and no address.
    #[error(
        "{0:?} is not the name or address of a host; give one as oftp.acme.example or 192.0.2.10"
    )]
    Host(String),
    /// The library refused.
    #[error("the key or its request could not be made: {0}")]
    Make(rcgen::Error),
    /// There is no key.
    #[error(
        "{} is not a private key in PEM (PKCS#8, not encrypted); give the one that was made with the \
         request",
        .0.display()
    )]
    Key(PathBuf),
    /// There is no certificate.
    #[error(
        "{} has no certificate; give what the authority answered: PEM, DER or PKCS#7 (.p7b)",
        .0.display()
    )]
    Empty(PathBuf),
    /// The answer is to another request.
    #[error(
        "none of the certificates is about the key in {}; there is {}: give the answer to the very \
         request that was made with this key",
        key.display(), found.join("; ")
    )]
    OfAnother {
        /// The key's file.
        key: PathBuf,
        /// Subjects and serial numbers of what there is.
        found: Vec<String>,
    },
    /// It could never be used.
    #[error("the certificate {subject} ended on {ended}; ask the authority for a new one")]
    Ended {
        /// Whose.
        subject: String,
        /// The end of its validity.
        ended: jiff::Timestamp,
    },
    /// What is written as name of a Secret.
    #[error(
        "{0:?} is not a name for a Secret: lower-case letters, digits, hyphens and dots, beginning and \
         ending with a letter or digit, at most 253"
    )]
    Name(String),
}

impl OwnKeyError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::IsThere(_) => "E-KEY-EXISTS",
            Self::Kind { .. } => "E-KEY-KIND",
            Self::NoHost | Self::Host(_) => "E-KEY-HOST",
            Self::Make(_) => "E-KEY-MAKE",
            Self::Key(_) => "E-KEY-UNREADABLE",
            Self::Empty(_) => "E-KEY-ANSWER",
            Self::OfAnother { .. } => "E-KEY-OTHER",
            Self::Ended { .. } => "E-KEY-ENDED",
            Self::Name(_) => "E-KEY-NAME",
        }
    }
}

/// One name leads through request, files and manifest, so it is one that a Secret can have.
fn named(name: &str) -> Result<&str, OwnKeyError> {
    if is_object_name(name) { Ok(name) } else { Err(OwnKeyError::Name(name.to_owned())) }
}

fn read(file: &Path) -> Result<Vec<u8>, Error> {
    std::fs::read(file).map_err(Error::io(format!("reading {}", file.display())))
}

/// The private key in a file.
fn key_of(file: &Path) -> Result<KeyPair, Error> {
    let unreadable = || OwnKeyError::Key(file.to_owned());
    let octets = Zeroizing::new(read(file)?);
    let pem = std::str::from_utf8(&octets).map_err(|_| unreadable())?;
    Ok(KeyPair::from_pem(pem).map_err(|_| unreadable())?)
}

/// Writes a new file for these, on stable storage when it returns.
fn write_new(path: &Path, content: &str, mode: u32) -> Result<(), Error> {
    let mut options = OpenOptions::new();
    let file = options.write(true).create_new(true).mode(mode).open(path);
    let mut file = match file {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            return Err(OwnKeyError::IsThere(path.to_owned()).into());
        }
        file => file.map_err(Error::io(format!("making {}", path.display())))?,
    };
    let written = file.write_all(content.as_bytes()).and_then(|()| file.sync_all());
    written.map_err(|error| {
        // What is there in part is nothing, and would be in the way of the next try.
        let _ = std::fs::remove_file(path);
        Error::io(format!("writing {}", path.display()))(error)
    })
}
