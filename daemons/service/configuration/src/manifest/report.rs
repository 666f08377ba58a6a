//! What is wrong in a document, and where.

use super::yaml::{Node, Place};
use crate::error::{ManifestError, Problem};

/// Collects what is wrong in one document.
pub(crate) struct Report<'a> {
    pub(super) file: &'a str,
    pub(super) order: usize,
    pub(super) document: usize,
    pub(super) root: &'a Node,
    pub(super) was_sound: bool,
    pub(super) errors: &'a mut Errors,
}

/// Something that is wrong, and in which document.
#[derive(Clone)]
pub(crate) struct Fault {
    /// The number of the file.
    pub(crate) order: usize,
    /// The number of the document among all; `None` if it is about what is not there.
    pub(crate) document: Option<usize>,
    pub(crate) error: ManifestError,
}

/// All that is wrong.
pub(crate) type Errors = Vec<Fault>;

impl Report<'_> {
    pub(crate) fn add(&mut self, place: Place, field: &str, problem: Problem) {
        // What does not go together may only seem so while something is left out.
        if matches!(problem, Problem::Conflict(_)) && !self.was_sound {
            return;
        }
        let error = ManifestError {
            file: self.file.to_owned(),
            line: place.line,
            column: place.column,
            field: field.to_owned(),
            problem,
        };
        let (order, document) = (self.order, Some(self.document));
        self.errors.push(Fault { order, document, error });
    }

    /// Adds what is wrong with a field, by its path.
    pub(crate) fn add_at(&mut self, field: &str, problem: Problem) {
        self.add(self.place_of(field), field, problem);
    }

    /// Where a field stands, or the nearest that does.
    pub(crate) fn place_of(&self, field: &str) -> Place {
        self.root.place_of(field)
    }
}
