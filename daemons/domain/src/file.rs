//! Names that are safe to join to a directory: they are checked once, here.

use std::ffi::OsStr;
use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use uuid::Uuid;

use crate::{Epoch, PartnerName};

/// One path component: 1 to 200 octets of UTF-8, no `/`, no control character, not `.` or `..`.
///
/// The limit leaves room for what the spool adds: a number, or a payload's name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileName(String);

/// The longest name in octets; file systems take 255.
const LONGEST: usize = 200;

impl FileName {
    /// The file name for a dataset name: letters, digits and most signs stay, everything that a
    /// file system or a shell dislikes becomes `%` and two hexadecimal digits for each octet.
    ///
    /// Kept are `A-Z a-z 0-9`, space, and `! # ( ) + , - . = @ _ { } ~`, except a dot or space at
    /// either end. So `PLAN/7 & 8` becomes `PLAN%2F7 %26 8`, and [`FileName::dataset_name`] gives
    /// the original back; two dataset names never share a file name.
    pub fn from_dataset_name(dataset_name: &str) -> Result<Self, NameError> {
        let last = dataset_name.len().saturating_sub(1);
        let mut escaped = String::with_capacity(dataset_name.len());
        for (position, octet) in dataset_name.bytes().enumerate() {
            let at_an_end = position == 0 || position == last;
            if is_kept(octet) && !(at_an_end && matches!(octet, b'.' | b' ')) {
                escaped.push(char::from(octet));
            } else {
                escaped.push('%');
                escaped.push(hexadecimal_digit(octet >> 4));
                escaped.push(hexadecimal_digit(octet & 0xF));
            }
        }
        escaped.parse()
    }

    /// The dataset name that [`FileName::from_dataset_name`] made this from, if it did.
    pub fn dataset_name(&self) -> Option<String> {
        let mut octets = Vec::with_capacity(self.0.len());
        let mut rest = self.0.bytes();
        while let Some(octet) = rest.next() {
            octets.push(if octet == b'%' {
                let (high, low) = (rest.next()?, rest.next()?);
                hexadecimal_value(high)? << 4 | hexadecimal_value(low)?
            } else {
                octet
            });
        }
        let dataset_name = String::from_utf8(octets).ok()?;
        (Self::from_dataset_name(&dataset_name).as_ref() == Ok(self)).then_some(dataset_name)
    }

    /// `name.number`, the name that a further file of this name gets.
    #[must_use]
    pub fn numbered(&self, number: u32) -> Self {
        Self(format!("{}.{number}", self.0))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_kept(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || b" !#()+,-.=@_{}~".contains(&octet)
}

fn hexadecimal_digit(value: u8) -> char {
    char::from(b"0123456789ABCDEF"[usize::from(value & 0xF)])
}

fn hexadecimal_value(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

impl FromStr for FileName {
    type Err = NameError;

    fn from_str(name: &str) -> Result<Self, NameError> {
        let refuse = |reason| Err(NameError { name: name.escape_debug().to_string(), reason });
        if name.is_empty() {
            return refuse("it is empty");
        }
        if name == "." || name == ".." {
            return refuse("it names a directory");
        }
        if name.contains('/') {
            return refuse("\"/\" separates directories");
        }
        if name.chars().any(char::is_control) {
            return refuse("control characters are not allowed in it");
        }
        if name.len() > LONGEST {
            return refuse("it is longer than 200 octets");
        }
        Ok(Self(name.to_owned()))
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A partner's name is safe as a folder's.
impl From<&PartnerName> for FileName {
    fn from(partner: &PartnerName) -> Self {
        Self(partner.as_str().to_owned())
    }
}

/// A name that cannot be one file in one directory.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{name}\" cannot name a file: {reason}; choose another name")]
pub struct NameError {
    name: String,
    reason: &'static str,
}

impl NameError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        "E-SPOOL-NAME"
    }

    /// What the file system calls a file, and no text can.
    pub fn not_text(name: &OsStr) -> Self {
        let name = name.to_string_lossy().escape_debug().to_string();
        Self { name, reason: "it is not UTF-8" }
    }
}

/// Begins the id of an original's part; other ids have no letter that is no hexadecimal digit.
const ORIGINAL: &str = "original-";

/// A part's name, as the store records it: `<epoch>/<id>.part`.
///
/// The epoch is that of the daemon that began to write the file. The id is unique in the instance
/// whatever the epoch, because two daemons may be in the same one.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PartName {
    epoch: Epoch,
    file: FileName,
}

impl PartName {
    const SUFFIX: &'static str = ".part";

    /// The part of the received file `id` in a tenure's epoch.
    pub fn new(epoch: Epoch, id: &str) -> Result<Self, NameError> {
        let file: FileName = format!("{id}{}", Self::SUFFIX).parse()?;
        if id.is_empty() || id.starts_with('.') {
            let reason = "an id starts with a letter or digit";
            return Err(NameError { name: id.escape_debug().to_string(), reason });
        }
        Ok(Self { epoch, file })
    }

    /// The part of a received file's original, which was unwrapped in a tenure's epoch.
    pub fn of_original(epoch: Epoch, id: &str) -> Result<Self, NameError> {
        Self::new(epoch, &format!("{ORIGINAL}{id}"))
    }

    /// Whether it is the part of an original, which only who unwraps makes.
    pub fn is_of_original(&self) -> bool {
        self.id().starts_with(ORIGINAL)
    }

    /// The epoch whose directory it lies in.
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// The id of the received file.
    pub fn id(&self) -> &str {
        let file = self.file.as_str();
        file.strip_suffix(Self::SUFFIX).unwrap_or(file)
    }

    /// The same part in another tenure's directory.
    #[must_use]
    pub fn in_epoch(&self, epoch: Epoch) -> Self {
        Self { epoch, file: self.file.clone() }
    }

    /// The file's name in its epoch's directory.
    pub fn file(&self) -> &str {
        self.file.as_str()
    }
}

impl fmt::Display for PartName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.epoch, self.file)
    }
}

impl FromStr for PartName {
    type Err = NameError;

    fn from_str(name: &str) -> Result<Self, NameError> {
        let parsed = name.split_once('/').and_then(|(epoch, file)| {
            let epoch = Epoch::try_from(epoch.parse::<i64>().ok()?).ok()?;
            Self::new(epoch, file.strip_suffix(Self::SUFFIX)?).ok()
        });
        // Only the one way of writing it, so that names can be compared as text.
        parsed.filter(|parsed| parsed.to_string() == name).ok_or_else(|| NameError {
            name: name.escape_debug().to_string(),
            reason: "a part is written <epoch>/<id>.part",
        })
    }
}

/// A payload's name in `spool/out`, as the store records it: unique for ever, says nothing.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PayloadName(Uuid);

impl PayloadName {
    /// The name of a payload by a number that no payload had before.
    pub fn new(number: Uuid) -> Self {
        Self(number)
    }

    /// When it was made, if its number says so.
    pub fn made_at(&self) -> Option<Timestamp> {
        let (seconds, nanoseconds) = self.0.get_timestamp()?.to_unix();
        Timestamp::new(seconds.try_into().ok()?, nanoseconds.try_into().ok()?).ok()
    }
}

impl fmt::Display for PayloadName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl FromStr for PayloadName {
    type Err = NameError;

    fn from_str(name: &str) -> Result<Self, NameError> {
        let parsed = Uuid::try_parse(name).ok().map(Self);
        parsed.filter(|parsed| parsed.to_string() == name).ok_or_else(|| NameError {
            name: name.escape_debug().to_string(),
            reason: "a payload is named by a lower-case UUID",
        })
    }
}

/// Where a received file goes: `incoming/<partner>/<file>`. Recorded as `<partner>/<file>`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Target {
    /// The partner's folder.
    pub partner: FileName,
    /// The file's name in it.
    pub file: FileName,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.partner, self.file)
    }
}

impl FromStr for Target {
    type Err = NameError;

    fn from_str(target: &str) -> Result<Self, NameError> {
        let (partner, file) = target.split_once('/').unwrap_or((target, ""));
        Ok(Self { partner: partner.parse()?, file: file.parse()? })
    }
}
