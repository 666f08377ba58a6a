//! Parameters of messages: numbers and `struct`s, and bodies that are made of them.

use std::fmt;

use super::Command;
use crate::wire::{Fault, Reader, append_structure};

/// A `struct` of CAPI: octets with a length before them, one octet of length, or three above 254.
///
/// Empty means that CAPI takes its default.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Structure(Vec<u8>);

impl Structure {
    /// The octets without their length.
    pub fn octets(&self) -> &[u8] {
        &self.0
    }

    /// Whether CAPI takes its default.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<Vec<u8>> for Structure {
    fn from(octets: Vec<u8>) -> Self {
        Self(octets)
    }
}

impl From<&[u8]> for Structure {
    fn from(octets: &[u8]) -> Self {
        Self(octets.to_vec())
    }
}

impl fmt::Debug for Structure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Structure({:02x?})", self.0)
    }
}

/// What a message's parameter can do.
pub(crate) trait Parameter: Sized {
    fn append(&self, octets: &mut Vec<u8>);

    fn read(reader: &mut Reader) -> Result<Self, Fault>;
}

impl Parameter for Structure {
    fn append(&self, octets: &mut Vec<u8>) {
        append_structure(&self.0, octets);
    }

    fn read(reader: &mut Reader) -> Result<Self, Fault> {
        Ok(Self::from(reader.structure()?))
    }
}

impl Parameter for u16 {
    fn append(&self, octets: &mut Vec<u8>) {
        octets.extend(self.to_le_bytes());
    }

    fn read(reader: &mut Reader) -> Result<Self, Fault> {
        reader.u16()
    }
}

impl Parameter for u32 {
    fn append(&self, octets: &mut Vec<u8>) {
        octets.extend(self.to_le_bytes());
    }

    fn read(reader: &mut Reader) -> Result<Self, Fault> {
        reader.u32()
    }
}

/// What every body can do.
pub(super) trait Parameters: Sized {
    const COMMAND: Command;

    fn append(&self, octets: &mut Vec<u8>);

    fn read(reader: &mut Reader) -> Result<Self, Fault>;

    /// What follows behind the message.
    fn data(&self) -> &[u8] {
        &[]
    }
}

/// Bodies that are their parameters in the order of their fields.
macro_rules! parameters {
    ($(
        $(#[$meta:meta])* $command:literal $subcommand:ident $name:ident {
            $($(#[$field_meta:meta])* $field:ident: $type:ty,)*
        }
    )*) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $name {
            $($(#[$field_meta])* pub $field: $type,)*
        }

        impl $crate::message::parameter::Parameters for $name {
            const COMMAND: $crate::message::Command = $crate::message::Command {
                command: $command,
                subcommand: $crate::message::Subcommand::$subcommand,
            };

            fn append(&self, octets: &mut Vec<u8>) {
                $($crate::message::parameter::Parameter::append(&self.$field, octets);)*
            }

            fn read(
                reader: &mut $crate::wire::Reader,
            ) -> Result<Self, $crate::wire::Fault> {
                Ok(Self { $($field: $crate::message::parameter::Parameter::read(reader)?,)* })
            }
        }
    )*};
}

pub(super) use parameters;
