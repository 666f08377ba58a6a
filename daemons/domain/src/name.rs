//! Names of instances and partners.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

macro_rules! name {
    ($(#[doc = $doc:literal])* $name:ident, at most $longest:literal) => {
        $(#[doc = $doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String")]
        pub struct $name(String);

        impl $name {
            /// The name.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NotAName;

            fn from_str(text: &str) -> Result<Self, NotAName> {
                text.to_owned().try_into()
            }
        }

        impl TryFrom<String> for $name {
            type Error = NotAName;

            fn try_from(text: String) -> Result<Self, NotAName> {
                if is_label(&text, $longest) {
                    Ok(Self(text))
                } else {
                    Err(NotAName { text, longest: $longest })
                }
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
    InstanceName, at most 35
}
name! {
    /// The name of a partner: 1 to 63 of `a-z 0-9 -`. It is safe as a folder's name.
    PartnerName, at most 63
}

/// What cannot name an instance or a partner.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{text}\" is not a name; give 1 to {longest} of a-z, 0-9 and -, no - at either end")]
pub struct NotAName {
    text: String,
    longest: usize,
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
