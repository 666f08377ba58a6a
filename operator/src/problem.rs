//! What is wrong in a resource: where, why, what to do, and its code.

use std::fmt;

use configuration::ManifestError;

/// One thing that is wrong. Never holds a value of a Secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The stable code used in the event, the metric and the documentation.
    pub code: &'static str,
    /// The object, if it is another one than the one that is judged: `Secret bolt-oftp`.
    pub object: Option<String>,
    /// The path of the field.
    pub field: String,
    /// What is wrong and what to do.
    pub text: String,
}

impl Problem {
    /// One that a resource has itself.
    pub fn new(code: &'static str, field: &str, text: impl Into<String>) -> Self {
        Self { code, object: None, field: field.into(), text: text.into() }
    }

    /// One that the common rules found in a document, named as the document is.
    pub fn of_manifest(error: &ManifestError, judged: &str) -> Self {
        Self {
            code: error.code(),
            object: Some(error.file.clone()).filter(|file| !file.is_empty() && file != judged),
            field: error.field.clone(),
            text: error.problem.to_string(),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.code)?;
        if let Some(object) = &self.object {
            write!(f, "{object}: ")?;
        }
        if !self.field.is_empty() {
            write!(f, "{}: ", self.field)?;
        }
        f.write_str(&self.text)
    }
}

/// As many as fit a message, the first ones first.
pub fn sentence(problems: &[Problem]) -> String {
    const SHOWN: usize = 5;
    let shown: Vec<_> = problems.iter().take(SHOWN).map(ToString::to_string).collect();
    let rest = match problems.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    // A message that is too long would be refused as a whole.
    (shown.join("; ") + &rest).chars().take(1000).collect()
}
