//! Virtual file formats.

use super::FieldError;

/// A virtual file's format (SFIDFMT) with its record length (SFIDLRECL).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// `F`: records of one length.
    Fixed {
        /// The length of every record.
        record_length: RecordLength,
    },
    /// `V`: records of any length up to a maximum.
    Variable {
        /// The length of the longest record.
        maximum_record_length: RecordLength,
    },
    /// `U`: octets without structure.
    Unstructured,
    /// `T`: text in ISO 646, its line ends part of the stream.
    Text,
}

impl Format {
    /// The SFIDFMT character.
    pub fn letter(self) -> char {
        match self {
            Self::Fixed { .. } => 'F',
            Self::Variable { .. } => 'V',
            Self::Unstructured => 'U',
            Self::Text => 'T',
        }
    }

    /// The record length of the formats that have one.
    pub fn record_length(self) -> Option<RecordLength> {
        match self {
            Self::Fixed { record_length: length }
            | Self::Variable { maximum_record_length: length } => Some(length),
            Self::Unstructured | Self::Text => None,
        }
    }

    /// The format of a letter and a record length, 0 for the formats that have none.
    ///
    /// The stored form of a format in databases and manifests.
    pub fn from_parts(letter: char, record_length: u32) -> Result<Self, FieldError> {
        match letter {
            'F' => Ok(Self::Fixed { record_length: record_length.try_into()? }),
            'V' => Ok(Self::Variable { maximum_record_length: record_length.try_into()? }),
            'U' => Ok(Self::Unstructured),
            'T' => Ok(Self::Text),
            _ => Err(FieldError::new(letter, "a file format: F, V, U or T")),
        }
    }
}

/// The length of a record, or of a file's longest (SFIDLRECL): 1 to 99999 octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RecordLength(u32);

impl RecordLength {
    /// Octets.
    pub fn get(self) -> u32 {
        self.0
    }

    /// Octets, for slices.
    pub fn octets(self) -> usize {
        self.0 as usize
    }
}

impl TryFrom<u32> for RecordLength {
    type Error = FieldError;

    fn try_from(octets: u32) -> Result<Self, FieldError> {
        if (1..=99_999).contains(&octets) {
            Ok(Self(octets))
        } else {
            Err(FieldError::new(octets.to_string(), "a record length of 1 to 99999 octets"))
        }
    }
}
