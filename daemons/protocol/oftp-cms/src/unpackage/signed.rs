//! The content of `SignedData` (RFC 5652 section 5), and its signatures.

use aws_lc_rs::digest::Context;
use der::asn1::{AnyRef, OctetStringRef};
use der::oid::ObjectIdentifier;
use der::{Decode, Encode, Header, Reader, SliceReader, Tag};

use super::Known;
use super::found::Signer;
use super::stage::Run;
use crate::ber::{
    CONSTRUCTED, CONTEXT_0, OBJECT_IDENTIFIER, SEQUENCE, SET, element, elements, elements_in,
};
use crate::certificate::described;
use crate::rsa::{SignatureScheme, digest_of};
use crate::suite::Digest;
use crate::{CmsError, Limit, SignatureError, StructureError, oid};

/// Octets by which a set of attributes is known: the headers of the set and of its first attribute,
/// and the tag of that one's name.
const BEGINNING: usize = 20;

#[derive(Default)]
pub(super) struct SignedReader {
    hashes: Vec<(Digest, Context)>,
    /// How the content begins, and its length.
    beginning: Vec<u8>,
    length: u64,
    /// The content's type, as an element.
    declared: Vec<u8>,
    signers: Vec<u8>,
}

impl SignedReader {
    /// Begins to hash by those digests that we have; a signature by another one does not count.
    pub(super) fn digests(&mut self, set: &[u8]) -> Result<(), CmsError> {
        let algorithms =
            elements(set).ok_or(StructureError::Malformed("set of digest algorithms"))?;
        let announced: Vec<_> = algorithms.into_iter().filter_map(digest_of).collect();
        let hash = |digest: Digest| (digest, digest.context());
        self.hashes =
            Digest::ALL.into_iter().filter(|known| announced.contains(known)).map(hash).collect();
        Ok(())
    }

    pub(super) fn declared(&mut self, element: &[u8]) {
        self.declared = element.to_vec();
    }

    pub(super) fn signers(&mut self, set: &[u8]) {
        self.signers = set.to_vec();
    }

    pub(super) fn is_signed(&self) -> bool {
        elements(&self.signers).is_some_and(|signers| !signers.is_empty())
    }

    pub(super) fn content(&mut self, content: &[u8]) {
        let missing = BEGINNING.saturating_sub(self.beginning.len()).min(content.len());
        self.beginning.extend_from_slice(&content[..missing]);
        self.length += content.len() as u64;
        self.hashes.iter_mut().for_each(|(_, hash)| hash.update(content));
    }

    /// Judges the signatures: one that is good suffices.
    pub(super) fn verify(
        &mut self,
        may_be_unsigned: bool,
        run: &mut Run<'_>,
    ) -> Result<(), CmsError> {
        let signers = elements(&self.signers).ok_or(StructureError::Malformed("set of signers"))?;
        if signers.is_empty() {
            return if may_be_unsigned { Ok(()) } else { Err(SignatureError::Missing.into()) };
        }
        let limit = run.known.limits.signers;
        if signers.len() > limit {
            return Err(CmsError::Limit(Limit::Signers(limit)));
        }
        run.found.layers.signed = true;
        for signer in signers {
            let info = SignerInfo::read(signer)
                .map_err(|_| StructureError::Malformed("set of signers"))?;
            run.found.signers.push(self.judge(&info, run.known));
        }
        if run.found.signer().is_some() {
            return Ok(());
        }
        let errors = || run.found.signers.iter().filter_map(|one| one.verified.clone().err());
        let is_unknown = |error: &SignatureError| matches!(error, SignatureError::Unknown { .. });
        let nearest = errors().find(|error| !is_unknown(error)).or_else(|| errors().next());
        Err(nearest.unwrap_or(SignatureError::Missing).into())
    }

    fn judge(&self, info: &SignerInfo<'_>, known: &Known) -> Signer {
        let name = described(info.party);
        let digest = digest_of(info.digest);
        let scheme = digest.and_then(|digest| SignatureScheme::read(info.algorithm, digest));
        // Several may be named alike: the same issuer and number, or a renewal of the same key.
        let named = known.certificates.iter().enumerate().filter(|(_, one)| one.is(info.party));
        let mut certificate = None;
        let mut verified = Err(SignatureError::Unknown { signer: name.clone() });
        for (place, one) in named {
            certificate = Some(place);
            verified = self.hash_of(info).and_then(|(digest, hash)| {
                let scheme = scheme.ok_or(SignatureError::Unsupported("algorithm"))?;
                let is_good = one.verifies(scheme, digest, &hash, info.signature);
                if is_good { Ok(()) } else { Err(SignatureError::Signature) }
            });
            if verified.is_ok() {
                break;
            }
        }
        let padding = scheme.map(SignatureScheme::padding);
        Signer { name, certificate, digest, padding, verified }
    }

    /// What was signed: the hash of the content, or of attributes that hold it.
    fn hash_of(&self, info: &SignerInfo<'_>) -> Result<(Digest, Vec<u8>), SignatureError> {
        let digest = digest_of(info.digest).ok_or(SignatureError::Unsupported("digest"))?;
        let (_, content) = self
            .hashes
            .iter()
            .find(|(one, _)| *one == digest)
            .ok_or(SignatureError::Unsupported("digest"))?;
        let content = content.clone().finish();
        let Some(attributes) = info.attributes else {
            if self.is_attributes() {
                return Err(SignatureError::Attributes);
            }
            return Ok((digest, content.as_ref().to_vec()));
        };
        let value = |kind| attribute(attributes, kind);
        let same_type = value(oid::CONTENT_TYPE)?.is_some_and(|value| value == self.declared);
        let hash =
            value(oid::MESSAGE_DIGEST)?.and_then(|value| <&OctetStringRef>::from_der(value).ok());
        if !same_type || hash.is_none_or(|hash| hash.as_bytes() != content.as_ref()) {
            return Err(SignatureError::Digest);
        }
        // They are signed as the set that they are, not by the tag that they have in their place.
        let signed = digest.hash(&element(SET, &[attributes]));
        Ok((digest, signed.as_ref().to_vec()))
    }

    /// Whether the content is a set of signed attributes: who has somebody's signature of attributes
    /// could pass them off as a signed file (Falko Strenzke, 2023).
    fn is_attributes(&self) -> bool {
        let read = || -> der::Result<bool> {
            let mut octets = SliceReader::new(&self.beginning)?;
            let set = Header::decode(&mut octets)?;
            let whole = u64::from(u32::from((set.encoded_len()? + set.length())?));
            let attribute = Header::decode(&mut octets)?;
            let is_set = set.tag() == Tag::Set && whole == self.length;
            let is_attribute = attribute.tag() == Tag::Sequence;
            Ok(is_set && is_attribute && octets.peek_byte() == Some(OBJECT_IDENTIFIER))
        };
        read().unwrap_or(false)
    }
}

/// `SignerInfo`.
struct SignerInfo<'a> {
    party: AnyRef<'a>,
    digest: &'a [u8],
    /// The signed attributes, without the tag and length of their set.
    attributes: Option<&'a [u8]>,
    algorithm: &'a [u8],
    signature: &'a [u8],
}

impl<'a> SignerInfo<'a> {
    fn read(element: &'a [u8]) -> der::Result<Self> {
        let mut fields = SliceReader::new(AnyRef::from_der(element)?.value())?;
        let _version: u8 = fields.decode()?;
        let party = fields.decode()?;
        let digest = fields.tlv_bytes()?;
        let mut next = fields.tlv_bytes()?;
        let mut attributes = None;
        if next.first() == Some(&(CONTEXT_0 | CONSTRUCTED)) {
            attributes = Some(AnyRef::from_der(next)?.value());
            next = fields.tlv_bytes()?;
        }
        let signature: &OctetStringRef = fields.decode()?;
        Ok(Self { party, digest, attributes, algorithm: next, signature: signature.as_bytes() })
    }
}

/// The one value of an attribute that may be there once.
fn attribute(attributes: &[u8], kind: ObjectIdentifier) -> Result<Option<&[u8]>, SignatureError> {
    let malformed = || SignatureError::Unsupported("attribute");
    let mut found = None;
    for attribute in elements_in(attributes).ok_or_else(malformed)? {
        let [identifier, values] =
            elements(attribute).and_then(|fields| fields.try_into().ok()).ok_or_else(malformed)?;
        if ObjectIdentifier::from_der(identifier) != Ok(kind) {
            continue;
        }
        let [value] =
            elements(values).and_then(|values| values.try_into().ok()).ok_or_else(malformed)?;
        if found.replace(value).is_some() {
            return Err(malformed());
        }
    }
    Ok(found)
}

/// The certificates of a set, each in DER; whatever else is in it is left out.
pub(super) fn certificates(set: &[u8]) -> Vec<Vec<u8>> {
    let is_certificate = |element: &&[u8]| element.first() == Some(&SEQUENCE);
    let elements = elements(set).unwrap_or_default();
    elements.into_iter().filter(is_certificate).map(<[u8]>::to_vec).collect()
}
