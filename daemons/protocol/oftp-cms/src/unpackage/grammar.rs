//! Which elements stand where in a layer (RFC 5652 sections 3, 5.1 and 6.1; RFC 3274 section 1.1).

use der::Decode;
use der::oid::ObjectIdentifier;

use super::Layers;
use crate::ber::{
    CONSTRUCTED, CONTEXT_0, CONTEXT_1, INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE, SET,
};
use crate::{StructureError, oid};

/// The content types that OFTP has, outermost first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum ContentType {
    Encrypted,
    Compressed,
    Signed,
    Data,
}

impl ContentType {
    /// The next layer that is announced.
    pub(super) fn announced(layers: Layers, after: Option<Self>) -> Option<Self> {
        [
            (layers.encrypted, Self::Encrypted),
            (layers.compressed, Self::Compressed),
            (layers.signed, Self::Signed),
        ]
        .into_iter()
        .find(|(is_announced, layer)| *is_announced && after.is_none_or(|after| *layer > after))
        .map(|(_, layer)| layer)
    }

    /// From the object identifier's element.
    pub(super) fn read(element: &[u8]) -> Result<Self, StructureError> {
        const NAME: &str = "content type";
        let identifier =
            ObjectIdentifier::from_der(element).map_err(|_| StructureError::Malformed(NAME))?;
        match identifier {
            oid::ENVELOPED_DATA => Ok(Self::Encrypted),
            oid::COMPRESSED_DATA => Ok(Self::Compressed),
            oid::SIGNED_DATA => Ok(Self::Signed),
            oid::DATA => Ok(Self::Data),
            _ => Err(StructureError::Unsupported(NAME)),
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Encrypted => "an encrypted layer",
            Self::Compressed => "a compressed layer",
            Self::Signed => "a signed layer",
            Self::Data => "content that is none of signed, compressed and encrypted",
        }
    }
}

/// An element that is followed into, or held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Node {
    /// What the layer begins with.
    Whole,
    /// `[0]` around the content type's fields.
    Explicit,
    Fields(ContentType),
    /// `EncapsulatedContentInfo` or `EncryptedContentInfo`.
    ContentInfo(ContentType),
    /// `[0]` around the encapsulated content.
    ExplicitContent,
    /// The content, or a piece of it.
    Content,
    Held(Field),
}

/// A field that is held until it is whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    ContentType,
    /// The content type of what is inside.
    Declared,
    DigestAlgorithms,
    Certificates,
    SignerInfos,
    CompressionAlgorithm,
    RecipientInfos,
    EncryptionAlgorithm,
    /// What is there and asked by nobody.
    Other,
}

/// A place in an element: what may stand there, and what that is.
struct Place {
    identifiers: &'static [u8],
    node: Node,
    /// What is missing if nothing stands there; `None` if it may be left out.
    required: Option<&'static str>,
}

const EXPLICIT_0: &[u8] = &[CONTEXT_0 | CONSTRUCTED];
const EXPLICIT_1: &[u8] = &[CONTEXT_1 | CONSTRUCTED];
const IMPLICIT_STRING: &[u8] = &[CONTEXT_0, CONTEXT_0 | CONSTRUCTED];
const STRING: &[u8] = &[OCTET_STRING, OCTET_STRING | CONSTRUCTED];

const VERSION: Place = required(&[INTEGER], Node::Held(Field::Other), "version");
const DECLARED: Place =
    required(&[OBJECT_IDENTIFIER], Node::Held(Field::Declared), "content's type");
const CONTENT: Place = required(STRING, Node::Content, "content");

const fn required(identifiers: &'static [u8], node: Node, name: &'static str) -> Place {
    Place { identifiers, node, required: Some(name) }
}

const fn optional(identifiers: &'static [u8], node: Node) -> Place {
    Place { identifiers, node, required: None }
}

/// `ContentInfo`.
const WHOLE: &[Place] = &[
    required(&[OBJECT_IDENTIFIER], Node::Held(Field::ContentType), "content type"),
    required(EXPLICIT_0, Node::Explicit, "content"),
];
const ONLY_CONTENT: &[Place] = &[CONTENT];
/// `SignedData`, whose revocation lists are left: whom to trust, the caller knows.
const SIGNED: &[Place] = &[
    VERSION,
    required(&[SET], Node::Held(Field::DigestAlgorithms), "set of digest algorithms"),
    required(&[SEQUENCE], Node::ContentInfo(ContentType::Signed), "content information"),
    optional(EXPLICIT_0, Node::Held(Field::Certificates)),
    optional(EXPLICIT_1, Node::Held(Field::Other)),
    required(&[SET], Node::Held(Field::SignerInfos), "set of signers"),
];
/// Its content is elsewhere if it is a detached signature.
const SIGNED_CONTENT: &[Place] = &[DECLARED, optional(EXPLICIT_0, Node::ExplicitContent)];
const COMPRESSED: &[Place] = &[
    VERSION,
    required(&[SEQUENCE], Node::Held(Field::CompressionAlgorithm), "compression algorithm"),
    required(&[SEQUENCE], Node::ContentInfo(ContentType::Compressed), "content information"),
];
const COMPRESSED_CONTENT: &[Place] =
    &[DECLARED, required(EXPLICIT_0, Node::ExplicitContent, "content")];
/// `EnvelopedData`, whose sender's certificates are left: decrypting needs none.
const ENCRYPTED: &[Place] = &[
    VERSION,
    optional(EXPLICIT_0, Node::Held(Field::Other)),
    required(&[SET], Node::Held(Field::RecipientInfos), "set of recipients"),
    required(&[SEQUENCE], Node::ContentInfo(ContentType::Encrypted), "content information"),
    optional(EXPLICIT_1, Node::Held(Field::Other)),
];
const ENCRYPTED_CONTENT: &[Place] = &[
    DECLARED,
    required(&[SEQUENCE], Node::Held(Field::EncryptionAlgorithm), "encryption algorithm"),
    required(IMPLICIT_STRING, Node::Content, "content"),
];

/// What stands in an element, in order.
fn places(node: Node) -> &'static [Place] {
    use ContentType::{Compressed, Data, Encrypted, Signed};
    match node {
        Node::Whole => WHOLE,
        Node::Fields(Data) | Node::ExplicitContent => ONLY_CONTENT,
        Node::Fields(Signed) => SIGNED,
        Node::Fields(Compressed) => COMPRESSED,
        Node::Fields(Encrypted) => ENCRYPTED,
        Node::ContentInfo(Signed) => SIGNED_CONTENT,
        Node::ContentInfo(Compressed | Data) => COMPRESSED_CONTENT,
        Node::ContentInfo(Encrypted) => ENCRYPTED_CONTENT,
        Node::Explicit | Node::Content | Node::Held(_) => &[],
    }
}

/// What an element is by where it stands, and the place after it: each once and in order, and none
/// that has to be there left out.
pub(super) fn inside(
    layer: Option<ContentType>,
    around: Node,
    place: usize,
    identifier: u8,
) -> Result<(usize, Node), StructureError> {
    match around {
        // `[0]` is around the fields that the content type has.
        Node::Explicit => match layer {
            Some(ContentType::Data) => next(Node::ExplicitContent, place, identifier),
            Some(layer) if place == 0 && identifier == SEQUENCE => Ok((1, Node::Fields(layer))),
            _ => Err(StructureError::Identifier),
        },
        // Any number of pieces.
        Node::Content if STRING.contains(&identifier) => Ok((0, Node::Content)),
        _ => next(around, place, identifier),
    }
}

fn next(around: Node, place: usize, identifier: u8) -> Result<(usize, Node), StructureError> {
    for (place, candidate) in places(around).iter().enumerate().skip(place) {
        if candidate.identifiers.contains(&identifier) {
            return Ok((place + 1, candidate.node));
        }
        if let Some(missing) = candidate.required {
            return Err(StructureError::Missing(missing));
        }
    }
    Err(StructureError::Identifier)
}

/// What an element may not end without.
pub(super) fn missing(node: Node, place: usize) -> Option<&'static str> {
    match node {
        Node::Explicit if place == 0 => Some("content"),
        _ => places(node).iter().skip(place).find_map(|place| place.required),
    }
}
