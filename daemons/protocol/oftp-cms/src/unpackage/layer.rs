//! One layer: a `ContentInfo` (RFC 5652 section 3) whose fields are followed as they come. Small
//! fields are held, the content goes on to the next stage.

use der::Decode;
use der::oid::ObjectIdentifier;

use super::compressed::CompressedReader;
use super::encrypted::EncryptedReader;
use super::signed::SignedReader;
use super::stage::{Run, Stage};
use super::{Expected, Layers};
use crate::ber::{
    CONSTRUCTED, CONTEXT_0, CONTEXT_1, Capture, Event, INTEGER, OBJECT_IDENTIFIER, OCTET_STRING,
    SEQUENCE, SET, Walker,
};
use crate::{CmsError, StructureError, oid};

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

    fn name(self) -> &'static str {
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
enum Node {
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

/// What reads the content.
enum Body {
    /// Not known yet.
    Unknown,
    Data,
    Signed(SignedReader),
    Compressed(CompressedReader),
    Encrypted(EncryptedReader),
}

pub(super) struct Layer {
    walker: Walker,
    expected: Expected,
    /// The one that has to be here, if that is known.
    announced: Option<ContentType>,
    /// What the layer around calls this: bare fields need no name of their own.
    declared: ContentType,
    /// The open elements, each with the place in it that was reached.
    open: Vec<(Node, u8)>,
    capture: Option<Capture>,
    body: Body,
    /// What the content is, once it is known what this is.
    inside: ContentType,
    next: Option<Stage>,
    has_content: bool,
    /// What a signature without content is over.
    detached: Option<Vec<u8>>,
}

impl Layer {
    pub(super) fn new(
        expected: Expected,
        announced: Option<ContentType>,
        declared: ContentType,
        depth: usize,
    ) -> Self {
        Self {
            walker: Walker::new(depth),
            expected,
            announced,
            declared,
            open: Vec::new(),
            capture: None,
            body: Body::Unknown,
            inside: ContentType::Data,
            next: None,
            has_content: false,
            detached: None,
        }
    }

    /// If the content is not there, this is what was signed.
    pub(super) fn detached(&mut self, content: Vec<u8>) {
        self.detached = Some(content);
    }

    pub(super) fn is_ended(&self) -> bool {
        self.walker.is_ended()
    }

    pub(super) fn push(&mut self, mut octets: &[u8], run: &mut Run<'_>) -> Result<(), CmsError> {
        while let Some(event) = self.walker.next(&mut octets)? {
            if let Some(capture) = &mut self.capture {
                if let Some(whole) = capture.take(event)? {
                    self.capture = None;
                    self.hold(&whole, run)?;
                }
                continue;
            }
            match event {
                Event::Begin(identifier) => self.begin(identifier, run)?,
                Event::Octets(content) => self.content(content, run)?,
                Event::End => self.end(run)?,
            }
        }
        Ok(())
    }

    fn begin(&mut self, identifier: u8, run: &mut Run<'_>) -> Result<(), CmsError> {
        let Some((around, place)) = self.open.last_mut() else {
            if identifier != SEQUENCE {
                return Err(StructureError::Missing("ContentInfo").into());
            }
            self.open.push((Node::Whole, 0));
            return Ok(());
        };
        let bare = (self.declared != ContentType::Data).then_some(self.declared);
        if let (Node::Whole, 0, INTEGER, Some(bare)) = (*around, *place, identifier, bare) {
            (*around, *place) = (Node::Fields(bare), 0);
            self.is(bare)?;
        }
        let Some((around, place)) = self.open.last_mut() else { return Ok(()) };
        let (next, node) = self.body.inside(*around, *place, identifier)?;
        *place = next;
        self.open.push((node, 0));
        match node {
            Node::Held(_) => {
                self.capture = Some(Capture::new(identifier, run.known.limits.field));
            }
            Node::Content => self.begin_content(),
            _ => {}
        }
        Ok(())
    }

    fn end(&mut self, run: &mut Run<'_>) -> Result<(), CmsError> {
        let Some((node, place)) = self.open.pop() else { return Ok(()) };
        if let Some(missing) = missing(node, place) {
            return Err(StructureError::Missing(missing).into());
        }
        match (node, self.open.last()) {
            (Node::Content, Some((around, _))) if *around != Node::Content => self.end_content(run),
            (Node::Fields(ContentType::Signed), _) => self.verify(run),
            _ => Ok(()),
        }
    }

    /// A field is whole.
    fn hold(&mut self, element: &[u8], run: &mut Run<'_>) -> Result<(), CmsError> {
        let Some((Node::Held(field), _)) = self.open.pop() else { return Ok(()) };
        match (field, &mut self.body) {
            (Field::ContentType, _) => self.is(ContentType::read(element)?),
            (Field::Declared, Body::Signed(signed)) => {
                // What it is does not matter: it is signed, and what is inside is the content.
                signed.declared(element);
                Ok(())
            }
            (Field::Declared, _) => {
                self.inside = ContentType::read(element)?;
                Ok(())
            }
            (Field::DigestAlgorithms, Body::Signed(signed)) => signed.digests(element),
            (Field::SignerInfos, Body::Signed(signed)) => {
                signed.signers(element);
                Ok(())
            }
            (Field::Certificates, _) => {
                run.found.certificates = super::signed::certificates(element);
                Ok(())
            }
            (Field::CompressionAlgorithm, _) => Ok(CompressedReader::check(element)?),
            (Field::RecipientInfos, Body::Encrypted(encrypted)) => {
                encrypted.recipients(element, run)
            }
            (Field::EncryptionAlgorithm, Body::Encrypted(encrypted)) => {
                encrypted.algorithm(element, run)
            }
            _ => Ok(()),
        }
    }

    /// Which type this layer is.
    fn is(&mut self, found: ContentType) -> Result<(), CmsError> {
        // What announces nothing may still be a bundle of certificates, signed by nobody.
        let is_bundle = |announced| announced == ContentType::Data && found == ContentType::Signed;
        if let Some(announced) = self.announced
            && announced != found
            && !is_bundle(announced)
        {
            return Err(unannounced(announced, found).into());
        }
        self.body = match found {
            ContentType::Data => Body::Data,
            ContentType::Signed => Body::Signed(SignedReader::default()),
            ContentType::Compressed => Body::Compressed(CompressedReader::new()),
            ContentType::Encrypted => Body::Encrypted(EncryptedReader::default()),
        };
        Ok(())
    }

    fn begin_content(&mut self) {
        if self.next.is_none() {
            let (expected, inside, depth) = (self.expected, self.inside, self.walker.depth());
            self.next = Some(Stage::after(self.body.content_type(), inside, expected, depth));
            self.has_content = true;
        }
    }

    fn content(&mut self, content: &[u8], run: &mut Run<'_>) -> Result<(), CmsError> {
        let Some(next) = &mut self.next else { return Ok(()) };
        match &mut self.body {
            Body::Unknown | Body::Data => next.push(content, run),
            Body::Signed(signed) => {
                signed.content(content);
                next.push(content, run)
            }
            Body::Compressed(compressed) => compressed.content(content, next, run),
            Body::Encrypted(encrypted) => encrypted.content(content, next, run),
        }
    }

    fn end_content(&mut self, run: &mut Run<'_>) -> Result<(), CmsError> {
        let Some(next) = &mut self.next else { return Ok(()) };
        match &mut self.body {
            Body::Unknown => Ok(()),
            Body::Data | Body::Signed(_) => next.finish(run),
            Body::Compressed(compressed) => {
                compressed.finish()?;
                run.found.layers.compressed = true;
                next.finish(run)
            }
            Body::Encrypted(encrypted) => {
                run.found.layers.encrypted = true;
                encrypted.finish(next, run)
            }
        }
    }

    fn verify(&mut self, run: &mut Run<'_>) -> Result<(), CmsError> {
        let Body::Signed(signed) = &mut self.body else { return Ok(()) };
        match self.detached.take() {
            Some(content) if !self.has_content => {
                signed.content(&content);
                run.found.detached = true;
            }
            None if !self.has_content && signed.is_signed() => {
                return Err(StructureError::Missing("content").into());
            }
            _ => {}
        }
        if self.announced == Some(ContentType::Data) && signed.is_signed() {
            return Err(unannounced(ContentType::Data, ContentType::Signed).into());
        }
        signed.verify(self.announced != Some(ContentType::Signed), run)
    }
}

impl Body {
    fn content_type(&self) -> ContentType {
        match self {
            Self::Unknown | Self::Data => ContentType::Data,
            Self::Signed(_) => ContentType::Signed,
            Self::Compressed(_) => ContentType::Compressed,
            Self::Encrypted(_) => ContentType::Encrypted,
        }
    }

    /// What an element is by where it stands, and the place that is reached with it.
    fn inside(
        &self,
        around: Node,
        place: u8,
        identifier: u8,
    ) -> Result<(u8, Node), StructureError> {
        const EXPLICIT_0: u8 = CONTEXT_0 | CONSTRUCTED;
        const EXPLICIT_1: u8 = CONTEXT_1 | CONSTRUCTED;
        const CONSTRUCTED_STRING: u8 = OCTET_STRING | CONSTRUCTED;
        use ContentType::{Compressed, Data, Encrypted, Signed};
        let (next, node) = match (around, identifier) {
            (Node::Whole, OBJECT_IDENTIFIER) => (1, Node::Held(Field::ContentType)),
            (Node::Whole, EXPLICIT_0) => (2, Node::Explicit),
            (Node::Explicit, OCTET_STRING | CONSTRUCTED_STRING) if matches!(self, Self::Data) => {
                (1, Node::Content)
            }
            (Node::Explicit, SEQUENCE) if !matches!(self, Self::Data | Self::Unknown) => {
                (1, Node::Fields(self.content_type()))
            }
            (Node::Fields(_), INTEGER) => (1, Node::Held(Field::Other)),

            (Node::Fields(Signed), SET) if place < 2 => (2, Node::Held(Field::DigestAlgorithms)),
            (Node::Fields(Signed), SEQUENCE) => (3, Node::ContentInfo(Signed)),
            (Node::Fields(Signed), EXPLICIT_0) => (4, Node::Held(Field::Certificates)),
            (Node::Fields(Signed), EXPLICIT_1) => (5, Node::Held(Field::Other)),
            (Node::Fields(Signed), SET) => (6, Node::Held(Field::SignerInfos)),

            (Node::Fields(Compressed), SEQUENCE) if place < 2 => {
                (2, Node::Held(Field::CompressionAlgorithm))
            }
            (Node::Fields(Compressed), SEQUENCE) => (3, Node::ContentInfo(Compressed)),

            // Who sent it, in certificates: not asked.
            (Node::Fields(Encrypted), EXPLICIT_0) => (2, Node::Held(Field::Other)),
            (Node::Fields(Encrypted), SET) => (3, Node::Held(Field::RecipientInfos)),
            (Node::Fields(Encrypted), SEQUENCE) => (4, Node::ContentInfo(Encrypted)),
            (Node::Fields(Encrypted), EXPLICIT_1) => (5, Node::Held(Field::Other)),

            (Node::ContentInfo(_), OBJECT_IDENTIFIER) => (1, Node::Held(Field::Declared)),
            (Node::ContentInfo(Encrypted), SEQUENCE) => (2, Node::Held(Field::EncryptionAlgorithm)),
            (Node::ContentInfo(Encrypted), CONTEXT_0 | EXPLICIT_0) => (3, Node::Content),
            (Node::ContentInfo(Signed | Compressed | Data), EXPLICIT_0) => {
                (2, Node::ExplicitContent)
            }
            (Node::ExplicitContent, OCTET_STRING | CONSTRUCTED_STRING) => (1, Node::Content),
            // Any number of pieces.
            (Node::Content, OCTET_STRING | CONSTRUCTED_STRING) => return Ok((0, Node::Content)),
            _ => return Err(StructureError::Identifier),
        };
        // Each once, in order, and none that has to be there left out.
        let skipped = (place + 1..next).find_map(|place| required(around, place));
        match skipped {
            _ if next <= place => Err(StructureError::Identifier),
            Some(missing) => Err(StructureError::Missing(missing)),
            None => Ok((next, node)),
        }
    }
}

fn unannounced(announced: ContentType, found: ContentType) -> StructureError {
    StructureError::Unannounced { announced: announced.name(), found: found.name() }
}

/// What an element may not end without.
fn missing(node: Node, place: u8) -> Option<&'static str> {
    (place + 1..=6).find_map(|place| required(node, place))
}

/// The field of that place, if it has to be there.
fn required(node: Node, place: u8) -> Option<&'static str> {
    match (node, place) {
        (Node::Whole, 1) => Some("content type"),
        (Node::Whole, 2) | (Node::Explicit | Node::ExplicitContent, 1) => Some("content"),
        (Node::Fields(_), 1) => Some("version"),
        (Node::Fields(ContentType::Signed), 2) => Some("set of digest algorithms"),
        (Node::Fields(ContentType::Signed | ContentType::Compressed), 3)
        | (Node::Fields(ContentType::Encrypted), 4) => Some("content information"),
        (Node::Fields(ContentType::Signed), 6) => Some("set of signers"),
        (Node::Fields(ContentType::Compressed), 2) => Some("compression algorithm"),
        (Node::Fields(ContentType::Encrypted), 3) => Some("set of recipients"),
        (Node::ContentInfo(_), 1) => Some("content's type"),
        (Node::ContentInfo(ContentType::Encrypted), 2) => Some("encryption algorithm"),
        (Node::ContentInfo(ContentType::Encrypted), 3)
        | (Node::ContentInfo(ContentType::Compressed), 2) => Some("content"),
        _ => None,
    }
}
