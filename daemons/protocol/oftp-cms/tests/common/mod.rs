//! Companies with keys, and the `openssl` command as the other side.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(dead_code, unused_macros, reason = "each file of tests takes what it needs")]

use std::process::{Command, Output};
use std::sync::OnceLock;

use oftp_cms::{
    Cipher, CmsError, ContentKey, Digest, Encryption, Expected, Found, Identity, Known, Packager,
    Plan, PrivateKey, RsaPadding, Signing, Suite, Unpackager,
};
use support::TemporaryDirectory;

/// A company's certificate and key.
pub(crate) struct Party {
    pub(crate) certificate_pem: String,
    pub(crate) key_pem: String,
    pub(crate) identity: Identity,
}

impl Party {
    pub(crate) fn new(name: &str) -> Self {
        let mut parameters = rcgen::CertificateParams::default();
        // Of the same length for everybody, so that one can stand for another.
        parameters.serial_number = Some(serial(name));
        parameters.distinguished_name = rcgen::DistinguishedName::new();
        parameters.distinguished_name.push(rcgen::DnType::CommonName, name);
        parameters.distinguished_name.push(rcgen::DnType::OrganizationName, "Zürich & Söhne");
        // With a subject key identifier.
        parameters.is_ca = rcgen::IsCa::ExplicitNoCa;
        let key =
            rcgen::KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, rcgen::RsaKeySize::_2048)
                .unwrap();
        let certificate_pem = parameters.self_signed(&key).unwrap().pem();
        Self::from_pem(certificate_pem, key.serialize_pem())
    }

    fn from_pem(certificate_pem: String, key_pem: String) -> Self {
        let certificate = oftp_cms::Certificate::parse(certificate_pem.as_bytes()).unwrap();
        let key = PrivateKey::parse(key_pem.as_bytes()).unwrap();
        let identity = Identity::new(certificate, key).unwrap();
        Self { certificate_pem, key_pem, identity }
    }

    pub(crate) fn certificate(&self) -> oftp_cms::Certificate {
        self.identity.certificate().clone()
    }
}

/// Who sends.
pub(crate) fn alice() -> &'static Party {
    static PARTY: OnceLock<Party> = OnceLock::new();
    PARTY.get_or_init(|| Party::new("Alice the first"))
}

/// Who receives.
pub(crate) fn bob() -> &'static Party {
    static PARTY: OnceLock<Party> = OnceLock::new();
    PARTY.get_or_init(|| Party::new("Bob"))
}

/// Nobody that anybody knows.
pub(crate) fn mallory() -> &'static Party {
    static PARTY: OnceLock<Party> = OnceLock::new();
    PARTY.get_or_init(|| Party::new("Mallory as such"))
}

pub(crate) fn suite(number: u8) -> Suite {
    Suite::try_from(oftp::CipherSuite::try_from(number).unwrap()).unwrap()
}

/// What Bob reads packages of Alice with.
pub(crate) fn known() -> Known {
    Known {
        identities: vec![bob().identity.clone()],
        certificates: vec![alice().certificate()],
        ..Known::default()
    }
}

pub(crate) fn encryption(number: u8) -> Encryption {
    let octets = std::array::from_fn(|place| u8::try_from(place * 5 + 1).unwrap());
    Encryption::new(suite(number), bob().certificate(), ContentKey::from_random(octets))
}

/// By Alice.
pub(crate) fn signing(number: u8) -> Signing {
    Signing::new(suite(number), alice().identity.clone())
}

/// A package of content that comes in pieces of a size.
pub(crate) fn package(plan: Plan, content: &[u8], size: usize) -> Vec<u8> {
    let mut packager = Packager::new(plan).unwrap();
    let mut out = Vec::new();
    content.chunks(size).for_each(|piece| packager.push(piece, &mut out).unwrap());
    packager.finish(&mut out).unwrap();
    out
}

/// The content of a package that comes in pieces of a size.
pub(crate) fn unpackage(
    package: &[u8],
    known: Known,
    expected: Expected,
    size: usize,
) -> Result<(Vec<u8>, Found), CmsError> {
    let mut unpackager = Unpackager::new(known, expected);
    let (mut content, mut out) = (Vec::new(), Vec::new());
    for mut piece in package.chunks(size) {
        while !piece.is_empty() {
            unpackager.push(&mut piece, &mut out)?;
            content.append(&mut out);
        }
    }
    let found = unpackager.finish(&mut content)?;
    Ok((content, found))
}

/// Content that compresses, but not to nothing.
pub(crate) fn content(length: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_be_bytes()[0] & 0x1f | 0x40
    })
    .take(length)
    .collect()
}

pub(crate) const SIGN: &str = "-sign -nodetach -signer alice.crt -inkey alice.key -outform DER";
pub(crate) const VERIFY: &str = "-verify -noverify -certfile alice.crt -inform DER";
pub(crate) const DECRYPT: &str = "-decrypt -recip bob.crt -inkey bob.key -inform DER";

/// With which words `openssl cms` signs as Alice and encrypts for Bob by a suite.
pub(crate) fn openssl_words(suite: Suite) -> (String, String) {
    let digest = match suite.digest() {
        Digest::Sha1 => "sha1",
        Digest::Sha256 => "sha256",
        Digest::Sha512 => "sha512",
        Digest::Sha3_512 => "sha3-512",
    };
    let cipher = match suite.cipher() {
        Cipher::TripleDes => "des3",
        Cipher::Aes256 => "aes256",
    };
    let (pss, oaep) = match suite.padding() {
        RsaPadding::Pkcs1 => ("", String::new()),
        RsaPadding::PssAndOaep => (
            "-keyopt rsa_padding_mode:pss -keyopt rsa_pss_saltlen:digest",
            format!("-keyopt rsa_padding_mode:oaep -keyopt rsa_oaep_md:{digest}"),
        ),
    };
    let sign = format!("{SIGN} -md {digest} {pss}");
    (sign, format!("-encrypt -outform DER -{cipher} -recip bob.crt {oaep}"))
}

/// OpenSSL's command, or the end of the test.
macro_rules! openssl {
    () => {
        match common::OpenSsl::new() {
            Some(openssl) => openssl,
            None => support::skip!(openssl, "openssl is not installed"),
        }
    };
}

/// The `openssl` command in a folder with everybody's files.
pub(crate) struct OpenSsl(TemporaryDirectory);

impl OpenSsl {
    /// `None` if it is not installed.
    pub(crate) fn new() -> Option<Self> {
        Command::new("openssl").arg("version").output().ok()?;
        let folder = TemporaryDirectory::new();
        for (name, party) in [("alice", alice()), ("bob", bob()), ("mallory", mallory())] {
            std::fs::write(folder.join(format!("{name}.crt")), &party.certificate_pem).unwrap();
            std::fs::write(folder.join(format!("{name}.key")), &party.key_pem).unwrap();
        }
        Some(Self(folder))
    }

    /// `openssl cms` with these words, on these octets: what it writes.
    pub(crate) fn cms(&self, words: &str, octets: &[u8]) -> Vec<u8> {
        let output = self.try_cms(words, octets);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "openssl cms {words}: {errors}");
        std::fs::read(self.0.join("out")).unwrap()
    }

    /// The same, or `None` if it does not do it.
    pub(crate) fn cms_if_it_can(&self, words: &str, octets: &[u8]) -> Option<Vec<u8>> {
        let _ = std::fs::remove_file(self.0.join("out"));
        let is_done = self.try_cms(words, octets).status.success();
        is_done.then(|| std::fs::read(self.0.join("out")).unwrap())
    }

    /// Where the files are.
    pub(crate) fn folder(&self) -> &std::path::Path {
        self.0.path()
    }

    /// `openssl` with these words, which make the file `out`.
    pub(crate) fn command(&self, words: &str) -> Vec<u8> {
        let output = Command::new("openssl")
            .args(words.split_whitespace())
            .current_dir(self.0.path())
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "openssl {words}: {errors}");
        std::fs::read(self.0.join("out")).unwrap_or_default()
    }

    /// Another file in the folder.
    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.0.join(name), text).unwrap();
    }

    pub(crate) fn try_cms(&self, words: &str, octets: &[u8]) -> Output {
        std::fs::write(self.0.join("in"), octets).unwrap();
        Command::new("openssl")
            .arg("cms")
            .args(words.split_whitespace())
            .args(["-binary", "-in", "in", "-out", "out"])
            .current_dir(self.0.path())
            .output()
            .unwrap()
    }
}

fn serial(name: &str) -> rcgen::SerialNumber {
    let mut octets = [b'.'; 16];
    octets.iter_mut().zip(name.bytes()).for_each(|(octet, letter)| *octet = letter);
    rcgen::SerialNumber::from_slice(&octets)
}
