//! One layer: a `ContentInfo` (RFC 5652 section 3) whose fields are followed as they come. Small
//! fields are held, the content goes on to the next stage.

use super::Expected;
use super::compressed::CompressedReader;
use super::encrypted::EncryptedReader;
use super::grammar::{ContentType, Field, Node, inside, missing};
use super::signed::SignedReader;
use super::stage::{Run, Stage};
use crate::ber::{Capture, Event, INTEGER, SEQUENCE, Walker};
use crate::{CmsError, StructureError};

/// What reads the content.
enum Body {
    /// Not known yet.
    Unknown,
    Data,
    Signed(SignedReader),
    Compressed(CompressedReader),
    Encrypted(EncryptedReader),
}

/// What a layer is in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Around {
    /// `None` for the outermost one.
    pub(super) layer: Option<ContentType>,
    /// What that calls this one: bare fields need no name of their own.
    pub(super) declared: ContentType,
}

pub(super) struct Layer {
    walker: Walker,
    expected: Expected,
    /// The one that has to be here, if that is known.
    announced: Option<ContentType>,
    around: Around,
    /// The open elements, each with the place in it that was reached.
    open: Vec<(Node, usize)>,
    capture: Option<Capture>,
    body: Body,
    /// What the content is, once it is known what this is.
    inside: ContentType,
    /// Where the content goes, once it has begun.
    next: Option<Stage>,
    /// What a signature without content is over.
    detached: Option<Vec<u8>>,
}

impl Layer {
    pub(super) fn new(
        expected: Expected,
        announced: Option<ContentType>,
        around: Around,
        depth: usize,
    ) -> Self {
        Self {
            walker: Walker::new(depth),
            expected,
            announced,
            around,
            open: Vec::new(),
            capture: None,
            body: Body::Unknown,
            inside: ContentType::Data,
            next: None,
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
        let declared = self.around.declared;
        let bare = (declared != ContentType::Data).then_some(declared);
        if let (Node::Whole, 0, INTEGER, Some(bare)) = (*around, *place, identifier, bare) {
            (*around, *place) = (Node::Fields(bare), 0);
            self.is(bare)?;
        }
        let Some((around, place)) = self.open.last_mut() else { return Ok(()) };
        let (next, node) = inside(self.body.content_type(), *around, *place, identifier)?;
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
            (Field::CompressionAlgorithm, _) => {
                // At once: what is in it may turn out to be bad.
                run.found.layers.compressed = true;
                Ok(CompressedReader::check(element)?)
            }
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
        // In OFTP's order, each at most once: so many layers, and no more.
        if self.around.layer.is_some_and(|around| found <= around) {
            return Err(StructureError::Depth.into());
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
            let layer = self.body.content_type().unwrap_or(ContentType::Data);
            self.next = Some(Stage::after(layer, inside, expected, depth));
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
            Some(content) if self.next.is_none() => {
                signed.content(&content);
                run.found.detached = true;
            }
            None if self.next.is_none() && signed.is_signed() => {
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
    fn content_type(&self) -> Option<ContentType> {
        match self {
            Self::Unknown => None,
            Self::Data => Some(ContentType::Data),
            Self::Signed(_) => Some(ContentType::Signed),
            Self::Compressed(_) => Some(ContentType::Compressed),
            Self::Encrypted(_) => Some(ContentType::Encrypted),
        }
    }
}

fn unannounced(announced: ContentType, found: ContentType) -> StructureError {
    StructureError::Unannounced { announced: announced.name(), found: found.name() }
}
