//! Manifests as written: YAML with places, checked against the schema, not yet interpreted.

mod definition;
mod document;
mod schema;
mod yaml;

pub(crate) use document::{Content, Document, Errors, SecretDocument, SecretValue, mounted, read};
pub(crate) use schema::nearest;
