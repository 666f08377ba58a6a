//! Keys of ours: made with the request for a certificate, and put into a Secret with the answer. Both
//! need files only, so that they can be done on a machine that has no instance.

mod answer;
mod import;
mod request;

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use pki::Purpose;
use rcgen::KeyPair;
use zeroize::Zeroizing;

pub use pki::Subject;

pub use import::{Import, Imported, Note, import};
pub use request::{KeyKind, Request, Requested, request};

use crate::Error;

/// What a key of ours is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyUse {
    /// TLS, where we call and where we are called.
    Tls,
    /// The files that we send are signed by it.
    Sign,
    /// The files that we receive are encrypted for it.
    Decrypt,
    /// The receipts that we send are signed by it.
    SignReceipt,
    /// Partners encrypt challenges for it.
    Authenticate,
}

impl KeyUse {
    /// As manifests have them, in the order of the documentation.
    pub const ALL: [Self; 5] =
        [Self::Tls, Self::Sign, Self::Decrypt, Self::SignReceipt, Self::Authenticate];

    /// As manifests write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tls => "Tls",
            Self::Sign => "Sign",
            Self::Decrypt => "Decrypt",
            Self::SignReceipt => "SignReceipt",
            Self::Authenticate => "Authenticate",
        }
    }

    /// What a partner judges its certificate for.
    fn judged(self) -> &'static [Purpose] {
        match self {
            Self::Tls => &[Purpose::TlsServer, Purpose::TlsClient],
            Self::Sign => &[Purpose::Sign],
            Self::Decrypt => &[Purpose::Encrypt],
            Self::SignReceipt => &[Purpose::SignReceipt],
            Self::Authenticate => &[Purpose::Authenticate],
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
        purpose: KeyUse,
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

/// A name that a Secret can have (RFC 1123 subdomain), so that one name leads through request, files
/// and manifest.
fn named(name: &str) -> Result<&str, OwnKeyError> {
    let is_end = |octet: u8| octet.is_ascii_lowercase() || octet.is_ascii_digit();
    let is_part = |part: &str| {
        let octets = part.as_bytes();
        octets.first().copied().is_some_and(is_end)
            && octets.last().copied().is_some_and(is_end)
            && octets.iter().all(|&octet| is_end(octet) || octet == b'-')
    };
    let is_name = name.len() <= 253 && name.split('.').all(is_part);
    if is_name { Ok(name) } else { Err(OwnKeyError::Name(name.to_owned())) }
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
