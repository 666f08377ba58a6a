//! Numbers with names, and sets of bits with names.

/// A code of 16 bits: any number can come, the known ones have a constant and a sentence.
macro_rules! codes {
    (
        $(#[$meta:meta])* $name:ident, otherwise $otherwise:literal;
        $($constant:ident $number:literal $sentence:literal)*
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u16);

        impl $name {
            $(#[doc = concat!("`", stringify!($number), "`: ", $sentence)]
            pub const $constant: Self = Self($number);)*

            /// Every code that has a name.
            pub const KNOWN: &'static [Self] = &[$(Self::$constant),*];

            fn known_sentence(self) -> Option<&'static str> {
                match self.0 {
                    $($number => Some($sentence),)*
                    _ => None,
                }
            }

            /// What the code means.
            pub fn sentence(self) -> &'static str {
                self.known_sentence().unwrap_or($otherwise)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(formatter, "{:#06x} {}", self.0, self.sentence())
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(formatter, concat!(stringify!($name), "({:#06x})"), self.0)
            }
        }

        impl $crate::message::parameter::Parameter for $name {
            fn append(&self, octets: &mut Vec<u8>) {
                self.0.append(octets);
            }

            fn read(
                reader: &mut $crate::wire::Reader,
            ) -> Result<Self, $crate::wire::Fault> {
                $crate::message::parameter::Parameter::read(reader).map(Self)
            }
        }
    };
}

/// A set of bits; unknown bits are kept.
macro_rules! bits {
    (
        $(#[$meta:meta])* $name:ident($integer:ty);
        $($constant:ident $bits:literal $sentence:literal)*
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
        pub struct $name(pub $integer);

        impl $name {
            /// No bit.
            pub const NONE: Self = Self(0);
            $(#[doc = concat!("`", stringify!($bits), "`: ", $sentence)]
            pub const $constant: Self = Self($bits);)*

            /// Whether all bits of the other set are in this one.
            pub fn contains(self, other: Self) -> bool {
                self.0 & other.0 == other.0
            }
        }

        impl std::ops::BitOr for $name {
            type Output = Self;

            fn bitor(self, other: Self) -> Self {
                Self(self.0 | other.0)
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(formatter, concat!(stringify!($name), "({:#x})"), self.0)
            }
        }

        impl $crate::message::parameter::Parameter for $name {
            fn append(&self, octets: &mut Vec<u8>) {
                self.0.append(octets);
            }

            fn read(
                reader: &mut $crate::wire::Reader,
            ) -> Result<Self, $crate::wire::Fault> {
                $crate::message::parameter::Parameter::read(reader).map(Self)
            }
        }
    };
}

pub(crate) use {bits, codes};
