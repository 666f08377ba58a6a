//! A virtual file's columns: identity, format and texts.

use oftp::field::{Description, FileIdentity, Format, UserData};

use crate::StoreError;
use crate::backend::{Row, corrupt};

pub(crate) fn identity(row: &Row) -> Result<FileIdentity, StoreError> {
    Ok(FileIdentity {
        dataset_name: row.text("dataset_name")?,
        stamp: row.text("stamp")?,
        originator: row.text("originator")?,
        destination: row.text("destination")?,
    })
}

pub(crate) fn format(row: &Row) -> Result<Format, StoreError> {
    let letter = row.text("format")?;
    let length = row.optional_number("record_length")?.unwrap_or_default();
    corrupt("format", Format::from_parts(letter, length))
}

/// The record length as its column has it.
pub(crate) fn record_length(format: Format) -> Option<i64> {
    format.record_length().map(|length| length.get().into())
}

pub(crate) fn description(row: &Row) -> Result<Description, StoreError> {
    Ok(Description::fitting(&row.get::<String>("description")?))
}

pub(crate) fn user_data(row: &Row) -> Result<UserData, StoreError> {
    row.text("user_data")
}
