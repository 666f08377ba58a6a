//! What can be wrong in a manifest.

use std::fmt;

/// One thing that is wrong, where it is wrong, and what to do:
/// `acme.yaml:12:7: spec.receive.tls.port: 66190 is not a port; give 1 to 65535 (usual: 6619)`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub struct ManifestError {
    /// The file's name as it was given to [`parse`](crate::parse); empty if no file is to blame.
    pub file: String,
    /// The line, from 1; 0 if no line is to blame.
    pub line: usize,
    /// The column in characters, from 1; 0 if no line is to blame.
    pub column: usize,
    /// The path of the field, such as `spec.transports[0].tls.port`; empty for a whole document.
    pub field: String,
    /// What is wrong and what to do.
    pub problem: Problem,
}

impl ManifestError {
    /// The stable code used in the log, the metric and the documentation.
    pub fn code(&self) -> &'static str {
        self.problem.code()
    }
}

impl fmt::Display for ManifestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.file.is_empty() {
            write!(f, "{}:", self.file)?;
            if self.line > 0 {
                write!(f, "{}:{}:", self.line, self.column)?;
            }
            f.write_str(" ")?;
        }
        if !self.field.is_empty() {
            write!(f, "{}: ", self.field)?;
        }
        fmt::Display::fmt(&self.problem, f)
    }
}

/// What is wrong, why, and the cure. Never holds a value of a Secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// The text is not YAML, or YAML of a kind that is not taken.
    #[error("{0}")]
    Syntax(String),
    /// A document is of a kind that is not taken.
    #[error("{0}")]
    Kind(String),
    /// A field that does not exist.
    #[error("{0}")]
    UnknownField(String),
    /// A field that must be there is not.
    #[error("{0}")]
    MissingField(String),
    /// A value of the wrong type.
    #[error("{0}")]
    Type(String),
    /// A value that the field cannot hold.
    #[error("{0}")]
    Value(String),
    /// Something is there twice that may be there once.
    #[error("{0}")]
    Duplicate(String),
    /// Something refers to what is not there.
    #[error("{0}")]
    Reference(String),
    /// A Secret's value is not what it must be.
    #[error("{0}")]
    Secret(String),
    /// Two values do not go together.
    #[error("{0}")]
    Conflict(String),
}

impl Problem {
    /// The stable code used in the log, the metric and the documentation.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Syntax(_) => "E-CONFIG-SYNTAX",
            Self::Kind(_) => "E-CONFIG-KIND",
            Self::UnknownField(_) => "E-CONFIG-UNKNOWN-FIELD",
            Self::MissingField(_) => "E-CONFIG-MISSING-FIELD",
            Self::Type(_) => "E-CONFIG-TYPE",
            Self::Value(_) => "E-CONFIG-VALUE",
            Self::Duplicate(_) => "E-CONFIG-DUPLICATE",
            Self::Reference(_) => "E-CONFIG-REFERENCE",
            Self::Secret(_) => "E-CONFIG-SECRET",
            Self::Conflict(_) => "E-CONFIG-CONFLICT",
        }
    }
}
