//! What comes after a layer: another layer, the content, or whatever it looks like.

use std::sync::Arc;

use super::grammar::ContentType;
use super::layer::{Around, Layer};
use super::{Expected, Found, Known};
use crate::ber::SEQUENCE;
use crate::{CmsError, Limit, StructureError};

/// What a push goes along with.
pub(super) struct Run<'a> {
    pub(super) known: &'a Arc<Known>,
    pub(super) found: &'a mut Found,
    pub(super) out: &'a mut Vec<u8>,
}

/// What the octets of a package, or of a layer's content, are.
pub(super) enum Stage {
    /// Another layer.
    Layer(Box<Layer>),
    /// The file.
    Content,
    /// Not known before its first octets are there: these.
    Undecided { octets: Vec<u8>, around: Around },
}

/// Octets by which a package is known: a header and an object identifier.
const ENOUGH_TO_DECIDE: usize = 24;

impl Stage {
    /// The package itself.
    pub(super) fn outermost(expected: Expected, depth: usize) -> Self {
        let announced = match expected {
            Expected::Anything => None,
            Expected::Announced(layers) => {
                Some(ContentType::announced(layers, None).unwrap_or(ContentType::Data))
            }
        };
        let around = Around { layer: None, declared: ContentType::Data };
        Self::Layer(Box::new(Layer::new(expected, announced, around, depth)))
    }

    /// What is in a layer, whose fields call it `declared`.
    pub(super) fn after(
        layer: ContentType,
        declared: ContentType,
        expected: Expected,
        depth: usize,
    ) -> Self {
        let around = Around { layer: Some(layer), declared };
        match expected {
            Expected::Anything if layer == ContentType::Signed || layer == ContentType::Data => {
                Self::Content
            }
            Expected::Anything => Self::Undecided { octets: Vec::new(), around },
            Expected::Announced(layers) => match ContentType::announced(layers, Some(layer)) {
                None => Self::Content,
                next => Self::Layer(Box::new(Layer::new(expected, next, around, depth))),
            },
        }
    }

    pub(super) fn push(&mut self, octets: &[u8], run: &mut Run<'_>) -> Result<(), CmsError> {
        match self {
            Self::Layer(layer) => layer.push(octets, run),
            Self::Content => {
                run.found.content += octets.len() as u64;
                if run.found.content > run.known.limits.content {
                    return Err(CmsError::Limit(Limit::Content(run.known.limits.content)));
                }
                run.out.extend_from_slice(octets);
                Ok(())
            }
            Self::Undecided { octets: held, .. } => {
                held.extend_from_slice(octets);
                if held.len() < ENOUGH_TO_DECIDE { Ok(()) } else { self.decide(run) }
            }
        }
    }

    pub(super) fn finish(&mut self, run: &mut Run<'_>) -> Result<(), CmsError> {
        if matches!(self, Self::Undecided { .. }) {
            self.decide(run)?;
        }
        if self.is_ended() { Ok(()) } else { Err(StructureError::Truncated.into()) }
    }

    pub(super) fn is_ended(&self) -> bool {
        match self {
            Self::Layer(layer) => layer.is_ended(),
            Self::Content => true,
            Self::Undecided { .. } => false,
        }
    }

    fn decide(&mut self, run: &mut Run<'_>) -> Result<(), CmsError> {
        let Self::Undecided { octets, around } = self else { return Ok(()) };
        let (octets, around) = (std::mem::take(octets), *around);
        let bare = around.declared != ContentType::Data;
        *self = if bare || looks_like(&octets).is_some_and(|found| Some(found) > around.layer) {
            let depth = run.known.limits.depth;
            Self::Layer(Box::new(Layer::new(Expected::Anything, None, around, depth)))
        } else {
            Self::Content
        };
        self.push(&octets, run)
    }
}

/// The content type that octets begin with, if they begin like a package.
fn looks_like(octets: &[u8]) -> Option<ContentType> {
    let (&[SEQUENCE, length], rest) = octets.split_first_chunk()? else { return None };
    let skipped = if length > 0x80 { usize::from(length & 0x7f) } else { 0 };
    let rest = rest.get(skipped..)?;
    let oid = rest.get(..2 + usize::from(*rest.get(1)?))?;
    ContentType::read(oid).ok()
}
