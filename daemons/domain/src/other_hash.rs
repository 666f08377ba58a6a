//! Hashes that products are known to sign a receipt over although another one is asked for.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use crate::FileHash;

/// What a hash is that is not the suite's over what was transmitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OtherHash {
    /// SHA-1 of what was transmitted, whatever the suite.
    TransmittedSha1,
    /// The suite's hash of the original.
    Original,
    /// SHA-1 of the original.
    OriginalSha1,
}

impl OtherHash {
    const ALL: [Self; 3] = [Self::TransmittedSha1, Self::Original, Self::OriginalSha1];

    /// As it is kept.
    fn name(self) -> &'static str {
        match self {
            Self::TransmittedSha1 => "transmitted-sha1",
            Self::Original => "original",
            Self::OriginalSha1 => "original-sha1",
        }
    }
}

/// As people read it.
impl fmt::Display for OtherHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TransmittedSha1 => "SHA-1 of what was transmitted",
            Self::Original => "the hash of the original file",
            Self::OriginalSha1 => "SHA-1 of the original file",
        })
    }
}

/// The other hashes of one file, for a partner whose receipts may be over them. Written as
/// `original=` and the hash and `;`, one after the other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OtherHashes(BTreeMap<OtherHash, FileHash>);

impl OtherHashes {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What a hash is, if it is one of them.
    pub fn find(&self, hash: &FileHash) -> Option<OtherHash> {
        self.iter().find_map(|(other, one)| (one == hash).then_some(other))
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (OtherHash, &FileHash)> {
        self.0.iter().map(|(other, hash)| (*other, hash))
    }
}

impl FromIterator<(OtherHash, FileHash)> for OtherHashes {
    fn from_iter<I: IntoIterator<Item = (OtherHash, FileHash)>>(hashes: I) -> Self {
        Self(hashes.into_iter().collect())
    }
}

impl fmt::Display for OtherHashes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.iter().try_for_each(|(other, hash)| write!(f, "{}={hash};", other.name()))
    }
}

/// What are no such hashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("other hashes are written as transmitted-sha1=…; original=…; original-sha1=…;")]
pub struct NotOtherHashes;

impl FromStr for OtherHashes {
    type Err = NotOtherHashes;

    fn from_str(text: &str) -> Result<Self, NotOtherHashes> {
        let read = |item: &str| {
            let (name, hash) = item.strip_suffix(';')?.split_once('=')?;
            let other = OtherHash::ALL.into_iter().find(|other| other.name() == name)?;
            Some((other, hash.parse().ok()?))
        };
        text.split_inclusive(';').map(read).collect::<Option<_>>().ok_or(NotOtherHashes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_hashes_are_written_read_back_and_found() {
        let hash = |octet: &str, octets| octet.repeat(octets).parse::<FileHash>().unwrap();
        let all = [
            (OtherHash::TransmittedSha1, hash("0a", 20)),
            (OtherHash::Original, hash("0b", 32)),
            (OtherHash::OriginalSha1, hash("0c", 20)),
        ];
        for number in 0..=3 {
            let hashes: OtherHashes = all.iter().take(number).cloned().collect();
            assert_eq!(hashes.to_string().parse(), Ok(hashes.clone()));
            assert_eq!(hashes.is_empty(), number == 0);
            for (place, (other, hash)) in all.iter().enumerate() {
                assert_eq!(hashes.find(hash), (place < number).then_some(*other));
            }
            assert_eq!(hashes.find(&hash("0d", 20)), None);
        }
        let hash = "0a".repeat(20);
        for refused in [format!("original={hash}"), format!("other={hash};"), "original=0a;".into()]
        {
            assert_eq!(refused.parse::<OtherHashes>(), Err(NotOtherHashes), "{refused}");
        }
    }
}
