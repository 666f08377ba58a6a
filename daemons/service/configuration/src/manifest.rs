//! Manifests as written: YAML with places, checked against the schema, not yet interpreted.

mod definition;
mod document;
mod report;
mod schema;
mod yaml;

pub(crate) use document::{Content, Document, SecretDocument, SecretValue, mounted, read};
pub(crate) use report::{Errors, Fault};
pub(crate) use schema::nearest;
