//! Names of instances and partners.

use std::{borrow::Borrow, fmt};

macro_rules! name {
    ($(#[doc = $doc:literal])* $name:ident) => {
        $(#[doc = $doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// The name.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// A name that may be a part of paths and commands.
            pub(crate) fn new(text: &str, longest: usize) -> Option<Self> {
                is_label(text, longest).then(|| Self(text.to_owned()))
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }
    };
}

name! {
    /// The name of an instance: 1 to 35 of `a-z 0-9 -`, beginning with a letter.
    InstanceName
}
name! {
    /// The name of a partner: 1 to 63 of `a-z 0-9 -`. It is safe as a folder's name.
    PartnerName
}

/// RFC 1123's label, which Kubernetes names are made of.
fn is_label(text: &str, longest: usize) -> bool {
    let inner = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
    let octets = text.as_bytes();
    (1..=longest).contains(&octets.len())
        && octets.iter().all(|&c| inner(c) || c == b'-')
        && octets.first().copied().is_some_and(inner)
        && octets.last().copied().is_some_and(inner)
}
