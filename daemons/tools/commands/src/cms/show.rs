//! A package's structure, as far as it can be read.

use std::fs;
use std::path::{Path, PathBuf};

use configuration::Scope;
use domain::PartnerName;
use jiff::Timestamp;
use oftp_cms::{Certificate, CmsError, DecryptError, Digest, Expected, Found, Signer, Unpackager};
use serde::Serialize;

use super::file::{Next, read};
use super::keys::Keys;
use crate::error::blocking;
use crate::{Error, Instance, Place};

/// A package as it is shown.
#[derive(Debug, Serialize)]
pub struct PackageView {
    /// The file.
    pub file: PathBuf,
    /// Its octets.
    pub octets: u64,
    /// What is around the content, outermost first.
    pub layers: Vec<LayerView>,
    /// Subjects, serial numbers and issuers of the certificates that came with it. They prove
    /// nothing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub certificates: Vec<String>,
    /// Octets of the content, if they could be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<u64>,
    /// Why it is not as it should be, or was not read further.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<Fault>,
    /// Why it was read without our keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub without_keys: Option<String>,
    /// Whether it is a sound package as far as we can see: without our key or the signer's
    /// certificate that is not to its end.
    pub sound: bool,
}

/// A layer.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "layer", rename_all = "snake_case")]
pub enum LayerView {
    /// `EnvelopedData`.
    Encrypted {
        /// By what.
        #[serde(skip_serializing_if = "Option::is_none")]
        cipher: Option<&'static str>,
        /// How the cipher's key is wrapped for us.
        #[serde(skip_serializing_if = "Option::is_none")]
        padding: Option<&'static str>,
        /// For whom, as the package names them.
        recipients: Vec<String>,
        /// Which of our keys is one of them.
        #[serde(skip_serializing_if = "Option::is_none")]
        key: Option<KeyView>,
    },
    /// `CompressedData`.
    Compressed,
    /// `SignedData`.
    Signed {
        /// By whom.
        signers: Vec<SignerView>,
    },
}

/// A key or certificate of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeyView {
    /// The name of its Secret.
    pub secret: String,
    /// The certificate's subject.
    pub subject: String,
}

impl KeyView {
    pub(super) fn new(secret: &str, certificate: &Certificate) -> Self {
        Self { secret: secret.to_owned(), subject: certificate.subject().to_owned() }
    }
}

/// A signature.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct SignerView {
    /// Whose it says to be, as the package names it.
    pub name: String,
    /// The digest that is signed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<&'static str>,
    /// How RSA signed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub padding: Option<&'static str>,
    /// Whose certificate it names, if we know that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<VerifierView>,
    /// Why it is not good; nothing if it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
}

/// A partner's certificate.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct VerifierView {
    /// Whose it is.
    pub partner: PartnerName,
    /// The certificate.
    #[serde(flatten)]
    pub key: KeyView,
    /// It does not count yet, but from then on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub active_from: Option<Timestamp>,
}

/// What is wrong.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// The stable code.
    pub code: &'static str,
    /// In a sentence.
    pub text: String,
}

/// Shows a package by the keys that decrypt and by every partner's certificates. Without an
/// instance, or without its keys, it is shown as far as it can be read.
pub async fn show(place: &Place, file: &Path) -> Result<PackageView, Error> {
    let (keys, without_keys) = match Instance::load_for(place, Scope::ReceiveMaster) {
        Ok(instance) => (keys_of(&instance)?, None),
        // Certificates may be there where keys are not, as in the pods of other daemons.
        Err(why) => {
            let certificates = Instance::load(place).ok();
            let keys = certificates.map(|instance| keys_of(&instance)).transpose()?;
            (keys.unwrap_or_default(), Some(why.to_string()))
        }
    };
    let unpackager = Unpackager::new(keys.known.clone(), Expected::Anything);
    let looking = Looking { unpackager, content: Vec::new(), octets: 0, error: None };
    let looking = read(file, looking, |looking, chunk| Ok(looking.take(chunk))).await?;
    let octets = looking.octets;
    let (found, error) = looking.finish();
    // What was not read to its end still has a size, if it is no pipe.
    let whole = {
        let file = file.to_owned();
        blocking(move || Ok(fs::metadata(&file).map_or(0, |metadata| metadata.len()))).await?
    };
    let octets = octets.max(whole);
    Ok(PackageView { without_keys, ..view(file, octets, found, error.as_ref(), &keys) })
}

fn keys_of(Instance { configuration, .. }: &Instance) -> Result<Keys, Error> {
    let partners = configuration.partners().map(AsRef::as_ref);
    Keys::that_explain(&configuration.instance, partners, ambient::now())
}

/// A package that is being looked at.
struct Looking {
    unpackager: Unpackager,
    content: Vec<u8>,
    octets: u64,
    error: Option<CmsError>,
}

impl Looking {
    fn take(&mut self, mut chunk: &[u8]) -> Next {
        self.octets += chunk.len() as u64;
        while !chunk.is_empty() {
            if let Err(error) = self.unpackager.push(&mut chunk, &mut self.content) {
                self.error = Some(error);
                return Next::Nothing;
            }
            self.content.clear();
        }
        Next::Chunk
    }

    /// What was found, and what was wrong.
    fn finish(self) -> (Found, Option<CmsError>) {
        let Self { unpackager, mut content, error, .. } = self;
        let so_far = unpackager.found().clone();
        let finished = match error {
            Some(error) => Err(error),
            None => unpackager.finish(&mut content),
        };
        match finished {
            Ok(found) => (found, None),
            Err(error) => (so_far, Some(error)),
        }
    }
}

fn view(
    file: &Path,
    octets: u64,
    found: Found,
    error: Option<&CmsError>,
    keys: &Keys,
) -> PackageView {
    let is_verified_or_not = matches!(error, None | Some(CmsError::Signature(_)));
    let is_closed = matches!(error, Some(CmsError::Decrypt(DecryptError::NotForUs { .. })));
    let certificates = found.certificates.iter().map(|one| match Certificate::parse(one) {
        Ok(certificate) => certificate.to_string(),
        Err(error) => error.to_string(),
    });
    PackageView {
        file: file.to_owned(),
        octets,
        certificates: certificates.collect(),
        content: is_verified_or_not.then_some(found.content),
        fault: error.map(|error| Fault { code: error.code(), text: error.to_string() }),
        without_keys: None,
        sound: is_verified_or_not || is_closed,
        layers: layers(found, keys),
    }
}

/// In OFTP's order, which a package has or is refused.
fn layers(found: Found, keys: &Keys) -> Vec<LayerView> {
    let mut layers = Vec::new();
    if found.cipher.is_some() || !found.recipients.is_empty() {
        layers.push(LayerView::Encrypted {
            cipher: found.cipher.map(oftp_cms::Cipher::name),
            padding: found.padding.map(oftp_cms::RsaPadding::name),
            recipients: found.recipients,
            key: found.decrypted_by.and_then(|index| keys.ours.get(index)).cloned(),
        });
    }
    if found.layers.compressed {
        layers.push(LayerView::Compressed);
    }
    if found.layers.signed {
        let signers = found.signers.into_iter().map(|signer| signer_view(signer, keys)).collect();
        layers.push(LayerView::Signed { signers });
    }
    layers
}

fn signer_view(signer: Signer, keys: &Keys) -> SignerView {
    let owner = signer.certificate.and_then(|index| keys.theirs.get(index));
    SignerView {
        name: signer.name,
        digest: signer.digest.map(Digest::name),
        padding: signer.padding.map(oftp_cms::RsaPadding::name),
        certificate: owner.cloned().map(|owner| VerifierView {
            partner: owner.partner,
            key: owner.key,
            active_from: owner.active_from,
        }),
        fault: signer.verified.err().map(|error| error.to_string()),
    }
}
