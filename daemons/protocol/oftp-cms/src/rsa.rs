//! How RSA signs and wraps keys, as the algorithm identifiers of CMS say it: PKCS#1 1.5, or PSS
//! (RFC 4056) and OAEP (RFC 3560).

use der::asn1::{AnyRef, OctetStringRef};
use der::oid::ObjectIdentifier;
use der::{Decode, Encode};

use crate::ber::{CONSTRUCTED, CONTEXT_0, SEQUENCE, element, elements};
use crate::oid;
use crate::suite::{Digest, RsaPadding, Suite};

/// The number of PSS' trailer, of which there is one.
const TRAILER: u8 = 1;
/// Octets of salt, unless something else is said.
const DEFAULT_SALT: u16 = 20;

/// How a hash is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SignatureScheme {
    /// PKCS#1 1.5.
    Pkcs1,
    /// PSS.
    Pss {
        /// The digest that its mask is made by.
        mask: Digest,
        /// Octets of its salt.
        salt: u16,
    },
}

/// How a key is wrapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyTransport {
    /// PKCS#1 1.5.
    Pkcs1,
    /// OAEP with an empty label.
    Oaep {
        /// The digest of the label.
        digest: Digest,
        /// The digest that its mask is made by.
        mask: Digest,
    },
}

impl SignatureScheme {
    /// The suite's.
    pub(crate) fn of(suite: Suite) -> Self {
        let mask = suite.digest();
        match suite.padding() {
            RsaPadding::Pkcs1 => Self::Pkcs1,
            RsaPadding::PssAndOaep => Self::Pss { mask, salt: mask.salt() },
        }
    }

    /// By an algorithm identifier, if it is one for hashes of this digest.
    pub(crate) fn read(algorithm: &[u8], digest: Digest) -> Option<Self> {
        let identifier = algorithm_of(algorithm)?;
        if identifier == oid::RSA || identifier == digest.with_rsa() {
            return Some(Self::Pkcs1);
        }
        if identifier != oid::RSASSA_PSS {
            return None;
        }
        let parameters = Parameters::of(algorithm)?;
        let salt = parameters.field(2).map_or(Some(DEFAULT_SALT), |it| u16::from_der(it).ok())?;
        let trailer = parameters.field(3).map_or(Some(TRAILER), |it| u8::from_der(it).ok())?;
        let fits = parameters.digest()? == digest && trailer == TRAILER;
        fits.then_some(Self::Pss { mask: parameters.mask()?, salt })
    }

    /// The algorithm identifier, for hashes of this digest.
    pub(crate) fn identifier(self, digest: Digest) -> Option<Vec<u8>> {
        Some(match (self, digest) {
            (Self::Pkcs1, Digest::Sha3_512) => oid::algorithm_with_null(digest.with_rsa()),
            // What everybody understands, while the digest is named beside it.
            (Self::Pkcs1, _) => oid::algorithm_with_null(oid::RSA),
            (Self::Pss { mask, salt }, _) => {
                let salt = field(2, &salt.to_der().ok()?);
                with_parameters(oid::RSASSA_PSS, &[&parameters(digest, mask), &salt])
            }
        })
    }

    /// Which of the paddings it is.
    pub(crate) fn padding(self) -> RsaPadding {
        match self {
            Self::Pkcs1 => RsaPadding::Pkcs1,
            Self::Pss { .. } => RsaPadding::PssAndOaep,
        }
    }
}

impl KeyTransport {
    /// The suite's.
    pub(crate) fn of(suite: Suite) -> Self {
        let digest = suite.digest();
        match suite.padding() {
            RsaPadding::Pkcs1 => Self::Pkcs1,
            RsaPadding::PssAndOaep => Self::Oaep { digest, mask: digest },
        }
    }

    /// By an algorithm identifier, if it is one of RSA's. OAEP is as good by any digest, also by
    /// SHA-1, which is what it has where nothing else is said: it does not matter that others know two
    /// octet strings with the same one.
    pub(crate) fn read(algorithm: &[u8]) -> Option<Self> {
        let identifier = algorithm_of(algorithm)?;
        if identifier == oid::RSA {
            return Some(Self::Pkcs1);
        }
        if identifier != oid::RSAES_OAEP {
            return None;
        }
        let parameters = Parameters::of(algorithm)?;
        let has_no_label = |source| {
            let [kind, label] = elements(source)?.try_into().ok()?;
            let label = <&OctetStringRef>::from_der(label).ok()?;
            let is_label = ObjectIdentifier::from_der(kind) == Ok(oid::LABEL);
            (is_label && label.as_bytes().is_empty()).then_some(())
        };
        parameters.field(2).map_or(Some(()), has_no_label)?;
        Some(Self::Oaep { digest: parameters.digest()?, mask: parameters.mask()? })
    }

    /// The algorithm identifier.
    pub(crate) fn identifier(self) -> Vec<u8> {
        match self {
            Self::Pkcs1 => oid::algorithm_with_null(oid::RSA),
            Self::Oaep { digest, mask } => {
                with_parameters(oid::RSAES_OAEP, &[&parameters(digest, mask)])
            }
        }
    }

    /// Which of the paddings it is.
    pub(crate) fn padding(self) -> RsaPadding {
        match self {
            Self::Pkcs1 => RsaPadding::Pkcs1,
            Self::Oaep { .. } => RsaPadding::PssAndOaep,
        }
    }
}

/// The parameters that PSS and OAEP have in common, and where the others are.
struct Parameters<'a>(Vec<&'a [u8]>);

impl<'a> Parameters<'a> {
    fn of(algorithm: &'a [u8]) -> Option<Self> {
        match elements(algorithm)?.as_slice() {
            [_] => Some(Self(Vec::new())),
            [_, parameters] => Some(Self(elements(parameters)?)),
            _ => None,
        }
    }

    /// What is in the field of a number.
    fn field(&self, number: u8) -> Option<&'a [u8]> {
        let tag = CONTEXT_0 | CONSTRUCTED | number;
        let field = self.0.iter().find(|field| field.first() == Some(&tag))?;
        Some(AnyRef::from_der(field).ok()?.value())
    }

    fn digest(&self) -> Option<Digest> {
        self.field(0).map_or(Some(Digest::Sha1), digest_of)
    }

    fn mask(&self) -> Option<Digest> {
        let Some(mask) = self.field(1) else { return Some(Digest::Sha1) };
        let [function, digest] = elements(mask)?.try_into().ok()?;
        let is_mgf1 = ObjectIdentifier::from_der(function) == Ok(oid::MGF1);
        digest_of(digest).filter(|_| is_mgf1)
    }
}

/// The digest that an algorithm identifier names.
pub(crate) fn digest_of(algorithm: &[u8]) -> Option<Digest> {
    algorithm_of(algorithm).and_then(Digest::of)
}

fn algorithm_of(algorithm: &[u8]) -> Option<ObjectIdentifier> {
    let identifier = *elements(algorithm)?.first()?;
    ObjectIdentifier::from_der(identifier).ok()
}

fn parameters(digest: Digest, mask: Digest) -> Vec<u8> {
    // With NULL, as most write it there (RFC 4055 section 2.1).
    let [digest, mask] = [digest, mask].map(|one| oid::algorithm_with_null(one.oid()));
    let mask = element(SEQUENCE, &[&oid::identifier(oid::MGF1), &mask]);
    [field(0, &digest), field(1, &mask)].concat()
}

fn field(number: u8, content: &[u8]) -> Vec<u8> {
    element(CONTEXT_0 | CONSTRUCTED | number, &[content])
}

fn with_parameters(algorithm: ObjectIdentifier, fields: &[&[u8]]) -> Vec<u8> {
    element(SEQUENCE, &[&oid::identifier(algorithm), &element(SEQUENCE, fields)])
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "what fails here is a test")]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_of_an_algorithm_is_read_again() {
        for digest in Digest::ALL {
            for scheme in
                [SignatureScheme::Pkcs1, SignatureScheme::Pss { mask: digest, salt: digest.salt() }]
            {
                let written = scheme.identifier(digest).unwrap();
                assert_eq!(SignatureScheme::read(&written, digest), Some(scheme));
            }
            let transport = KeyTransport::Oaep { digest, mask: Digest::Sha256 };
            assert_eq!(KeyTransport::read(&transport.identifier()), Some(transport));
        }
        assert_eq!(
            KeyTransport::read(&KeyTransport::Pkcs1.identifier()),
            Some(KeyTransport::Pkcs1)
        );
    }

    #[test]
    fn what_is_not_said_is_sha_1_with_20_octets_of_salt() {
        let (digest, mask) = (Digest::Sha1, Digest::Sha1);
        let pss = SignatureScheme::Pss { mask, salt: 20 };
        let bare = |identifier| element(SEQUENCE, &[&oid::identifier(identifier)]);
        for (signature, transport) in [
            (bare(oid::RSASSA_PSS), bare(oid::RSAES_OAEP)),
            (with_parameters(oid::RSASSA_PSS, &[]), with_parameters(oid::RSAES_OAEP, &[])),
        ] {
            assert_eq!(SignatureScheme::read(&signature, digest), Some(pss));
            assert_eq!(KeyTransport::read(&transport), Some(KeyTransport::Oaep { digest, mask }));
        }
    }

    #[test]
    fn another_digest_trailer_mask_function_or_label_is_none_of_ours() {
        let sha256 = Digest::Sha256;
        let both = parameters(sha256, sha256);
        let signature = |fields: &[&[u8]]| {
            SignatureScheme::read(&with_parameters(oid::RSASSA_PSS, fields), sha256)
        };
        let transport =
            |fields: &[&[u8]]| KeyTransport::read(&with_parameters(oid::RSAES_OAEP, fields));
        assert!(signature(&[&both]).is_some() && transport(&[&both]).is_some());
        let sha1 = parameters(Digest::Sha1, sha256);
        assert_eq!(signature(&[&sha1]), None);
        for salt in [&[2, 1, 0xff][..], &[2, 3, 1, 0, 0], &[4, 1, 1]] {
            assert_eq!(signature(&[&both, &field(2, salt)]), None, "{salt:?}");
        }
        assert_eq!(signature(&[&both, &field(3, &[2, 1, 2])]), None);
        let mask = field(1, &oid::algorithm_with_null(sha256.oid()));
        assert_eq!(signature(&[&both[..17], &mask]), None);
        assert_eq!(transport(&[&mask]), None);
        let label = |octets| {
            let source = [oid::identifier(oid::LABEL), element(4, &[octets])].concat();
            transport(&[&both, &field(2, &element(SEQUENCE, &[&source]))])
        };
        assert!(label(&[]).is_some());
        assert_eq!(label(b"label"), None);
        let rsa = oid::algorithm_with_null(Digest::Sha512.with_rsa());
        assert_eq!((SignatureScheme::read(&rsa, sha256), KeyTransport::read(&rsa)), (None, None));
    }
}
