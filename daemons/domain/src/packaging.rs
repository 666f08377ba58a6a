//! What was done to an original file to make what is transmitted, and how its receipt is proven:
//! the part of SFID from SFIDSEC to SFIDSIGN, as one value that cannot contradict itself.

use std::fmt;
use std::str::FromStr;

use oftp::{CipherSuite, Envelope, FileCompression, Format, SecurityLevel, Sfid};

/// How a virtual file is packaged. What SFID can say and makes no sense, such as encryption
/// without a cipher suite, is no value of this type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Packaging {
    /// Neither encrypted nor signed.
    Open {
        /// What the original is wrapped in.
        wrapping: Wrapping,
        /// By which suite the receipt is to be signed, if it is.
        signed_receipt: Option<Suite>,
    },
    /// Encrypted, signed, or both, in an envelope.
    Secured {
        /// By what.
        security: Security,
        /// The suite of the file, and of its receipt if that is signed.
        suite: Suite,
        /// Whether it is compressed as well.
        compressed: bool,
        /// Whether the receipt is to be signed.
        signed_receipt: bool,
    },
}

/// What a file that is neither encrypted nor signed is wrapped in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Wrapping {
    /// Nothing: the original is what is transmitted.
    None,
    /// An envelope and nothing else: certificates and revocation lists may come so.
    Enveloped,
    /// Compressed, in an envelope.
    Compressed,
}

/// How a file is secured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Security {
    /// Encrypted.
    Encrypted,
    /// Signed.
    Signed,
    /// Signed, then encrypted.
    EncryptedAndSigned,
}

/// A cipher suite that there is: every number of SFIDCIPH but 00.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Suite(CipherSuite);

impl Suite {
    /// The suite of a number, unless it is the one for none.
    pub fn new(suite: CipherSuite) -> Option<Self> {
        (suite != CipherSuite::NONE).then_some(Self(suite))
    }

    /// The suites of those that Seon has, 01 to 10, that are used without being named: 04, 06 and 07.
    /// 01, 02, 03 and 05 are weak, with SHA-1 or triple DES, and 08 to 10 are in no list of Odette's.
    pub fn usual() -> impl Iterator<Item = Self> {
        [4, 6, 7].into_iter().filter_map(|number| Self::try_from(number).ok())
    }

    /// Whether it is one of them.
    pub fn is_usual(self) -> bool {
        Self::usual().any(|one| one == self)
    }

    /// The suite as SFIDCIPH has it.
    pub fn get(self) -> CipherSuite {
        self.0
    }
}

/// As SFIDCIPH has it: `04`.
impl fmt::Display for Suite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}", self.0.get())
    }
}

/// By its number.
impl TryFrom<i64> for Suite {
    type Error = NoSuite;

    fn try_from(number: i64) -> Result<Self, NoSuite> {
        let suite = u8::try_from(number).ok().and_then(|number| number.try_into().ok());
        suite.and_then(Self::new).ok_or(NoSuite(number))
    }
}

/// A number that is no suite's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is no cipher suite, which has a number from 1 to 99")]
pub struct NoSuite(i64);

/// The fields of SFID that say how a file is packaged, each by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PackagingFields {
    /// SFIDSEC.
    pub security: SecurityLevel,
    /// SFIDCIPH.
    pub cipher_suite: CipherSuite,
    /// SFIDCOMP.
    pub compression: FileCompression,
    /// SFIDENV.
    pub envelope: Envelope,
    /// SFIDSIGN.
    pub signed_receipt: bool,
}

/// Why the fields of an SFID do not go together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PackagingContradiction {
    /// SFIDCIPH is 00 where a suite is needed.
    #[error("SFIDSEC or SFIDSIGN needs a cipher suite, and SFIDCIPH names none; name one")]
    NoSuite,
    /// SFIDENV is 0 where there has to be an envelope.
    #[error(
        "SFIDSEC or SFIDCOMP says that the file is a CMS package, and SFIDENV that it has no \
         envelope; set SFIDENV to 1"
    )]
    NoEnvelope,
}

impl Packaging {
    /// Nothing was done: the original is transmitted, and its receipt is a plain one.
    pub const NONE: Self = Self::Open { wrapping: Wrapping::None, signed_receipt: None };

    /// By which suite the receipt is to be signed, if it is.
    pub fn receipt_suite(self) -> Option<Suite> {
        match self {
            Self::Open { signed_receipt, .. } => signed_receipt,
            Self::Secured { suite, signed_receipt, .. } => signed_receipt.then_some(suite),
        }
    }

    /// By which suite the file is secured, or its receipt is to be signed.
    pub fn suite(self) -> Option<Suite> {
        match self {
            Self::Open { signed_receipt, .. } => signed_receipt,
            Self::Secured { suite, .. } => Some(suite),
        }
    }

    /// Whether it is signed, and whether it is encrypted.
    pub fn is_signed_and_encrypted(self) -> (bool, bool) {
        match self {
            Self::Open { .. } => (false, false),
            Self::Secured { security, .. } => match security {
                Security::Encrypted => (false, true),
                Security::Signed => (true, false),
                Security::EncryptedAndSigned => (true, true),
            },
        }
    }

    /// Whether it is compressed.
    pub fn is_compressed(self) -> bool {
        match self {
            Self::Open { wrapping, .. } => wrapping == Wrapping::Compressed,
            Self::Secured { compressed, .. } => compressed,
        }
    }

    /// Whether anything was done to the original.
    pub fn is_packaged(self) -> bool {
        !matches!(self, Self::Open { wrapping: Wrapping::None, .. })
    }

    /// The format of what is transmitted, by which it is restarted and counted: a package has lost
    /// the original's records.
    pub fn transmitted_format(self, original: Format) -> Format {
        if self.is_packaged() { Format::Unstructured } else { original }
    }

    /// The fields of an SFID that say this.
    pub fn fields(self) -> PackagingFields {
        let wrapped = |is_wrapped| if is_wrapped { Envelope::Cms } else { Envelope::None };
        let zlib = |compressed| {
            if compressed { FileCompression::Zlib } else { FileCompression::None }
        };
        match self {
            Self::Open { wrapping, signed_receipt } => PackagingFields {
                security: SecurityLevel::None,
                cipher_suite: signed_receipt.map_or(CipherSuite::NONE, Suite::get),
                compression: zlib(wrapping == Wrapping::Compressed),
                envelope: wrapped(wrapping != Wrapping::None),
                signed_receipt: signed_receipt.is_some(),
            },
            Self::Secured { security, suite, compressed, signed_receipt } => PackagingFields {
                security: match security {
                    Security::Encrypted => SecurityLevel::Encrypted,
                    Security::Signed => SecurityLevel::Signed,
                    Security::EncryptedAndSigned => SecurityLevel::EncryptedAndSigned,
                },
                cipher_suite: suite.get(),
                compression: zlib(compressed),
                envelope: Envelope::Cms,
                signed_receipt,
            },
        }
    }
}

impl TryFrom<PackagingFields> for Packaging {
    type Error = PackagingContradiction;

    /// A suite that nothing asks for is left out: some products always name theirs.
    fn try_from(fields: PackagingFields) -> Result<Self, PackagingContradiction> {
        let suite = || Suite::new(fields.cipher_suite).ok_or(PackagingContradiction::NoSuite);
        let compressed = fields.compression == FileCompression::Zlib;
        let security = match fields.security {
            SecurityLevel::None => None,
            SecurityLevel::Encrypted => Some(Security::Encrypted),
            SecurityLevel::Signed => Some(Security::Signed),
            SecurityLevel::EncryptedAndSigned => Some(Security::EncryptedAndSigned),
        };
        let signed_receipt = fields.signed_receipt;
        let wrapping = match (fields.envelope, compressed || security.is_some()) {
            (Envelope::None, true) => return Err(PackagingContradiction::NoEnvelope),
            (Envelope::None, false) => Wrapping::None,
            (Envelope::Cms, _) if compressed => Wrapping::Compressed,
            (Envelope::Cms, _) => Wrapping::Enveloped,
        };
        Ok(match security {
            Some(security) => {
                Self::Secured { security, suite: suite()?, compressed, signed_receipt }
            }
            None => Self::Open {
                wrapping,
                signed_receipt: if signed_receipt { Some(suite()?) } else { None },
            },
        })
    }
}

impl TryFrom<&Sfid> for Packaging {
    type Error = PackagingContradiction;

    fn try_from(sfid: &Sfid) -> Result<Self, PackagingContradiction> {
        let &Sfid { security, cipher_suite, compression, envelope, signed_receipt, .. } = sfid;
        PackagingFields { security, cipher_suite, compression, envelope, signed_receipt }.try_into()
    }
}

/// As the fields of SFID have it, from SFIDSEC to SFIDSIGN: `03 02 1 1 Y`.
impl fmt::Display for Packaging {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fields = self.fields();
        let security = match fields.security {
            SecurityLevel::None => "00",
            SecurityLevel::Encrypted => "01",
            SecurityLevel::Signed => "02",
            SecurityLevel::EncryptedAndSigned => "03",
        };
        let compression = u8::from(fields.compression == FileCompression::Zlib);
        let envelope = u8::from(fields.envelope == Envelope::Cms);
        let sign = if fields.signed_receipt { 'Y' } else { 'N' };
        write!(f, "{security} {:02} {compression} {envelope} {sign}", fields.cipher_suite.get())
    }
}

/// A text that is no packaging.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "\"{0}\" is no packaging, which is written as SFIDSEC, SFIDCIPH, SFIDCOMP, SFIDENV, SFIDSIGN"
)]
pub struct NoPackaging(String);

impl FromStr for Packaging {
    type Err = NoPackaging;

    fn from_str(text: &str) -> Result<Self, NoPackaging> {
        let parsed = fields_of(text).and_then(|fields| Self::try_from(fields).ok());
        // Only the one way of writing it, so that packagings can be compared as text.
        parsed
            .filter(|parsed| parsed.to_string() == text)
            .ok_or_else(|| NoPackaging(text.to_owned()))
    }
}

fn fields_of(text: &str) -> Option<PackagingFields> {
    let mut words = text.split(' ');
    let mut next = || words.next();
    Some(PackagingFields {
        security: match next()? {
            "00" => SecurityLevel::None,
            "01" => SecurityLevel::Encrypted,
            "02" => SecurityLevel::Signed,
            "03" => SecurityLevel::EncryptedAndSigned,
            _ => return None,
        },
        cipher_suite: next()?.parse::<u8>().ok()?.try_into().ok()?,
        compression: match next()? {
            "0" => FileCompression::None,
            "1" => FileCompression::Zlib,
            _ => return None,
        },
        envelope: match next()? {
            "0" => Envelope::None,
            "1" => Envelope::Cms,
            _ => return None,
        },
        signed_receipt: match next()? {
            "Y" => true,
            "N" => false,
            _ => return None,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn every_combination() -> impl Iterator<Item = PackagingFields> {
        let levels = [
            SecurityLevel::None,
            SecurityLevel::Encrypted,
            SecurityLevel::Signed,
            SecurityLevel::EncryptedAndSigned,
        ];
        (0..4 * 2 * 2 * 2 * 2).map(move |number: usize| PackagingFields {
            security: levels[number % 4],
            cipher_suite: if number & 4 == 0 { CipherSuite::NONE } else { 2.try_into().unwrap() },
            compression: if number & 8 == 0 {
                FileCompression::None
            } else {
                FileCompression::Zlib
            },
            envelope: if number & 16 == 0 { Envelope::None } else { Envelope::Cms },
            signed_receipt: number & 32 != 0,
        })
    }

    #[test]
    fn what_a_partner_says_comes_back_or_names_the_field_that_contradicts() {
        for fields in every_combination() {
            let secured = fields.security != SecurityLevel::None;
            let wrapped = secured || fields.compression == FileCompression::Zlib;
            let suite = fields.cipher_suite != CipherSuite::NONE;
            let expected = if wrapped && fields.envelope == Envelope::None {
                Err(PackagingContradiction::NoEnvelope)
            } else if (secured || fields.signed_receipt) && !suite {
                Err(PackagingContradiction::NoSuite)
            } else if secured || fields.signed_receipt {
                Ok(fields)
            } else {
                Ok(PackagingFields { cipher_suite: CipherSuite::NONE, ..fields })
            };
            assert_eq!(Packaging::try_from(fields).map(Packaging::fields), expected, "{fields:?}");
        }
    }

    #[test]
    fn every_packaging_is_written_in_one_way_and_read_back() {
        for packaging in every_combination().filter_map(|fields| Packaging::try_from(fields).ok()) {
            assert_eq!(packaging.to_string().parse(), Ok(packaging));
        }
        assert_eq!(Packaging::NONE.to_string(), "00 00 0 0 N");
        for refused in ["", "none", "00 02 0 0 N", "01 00 0 1 N", "01 02 0 0 N", "00 00 0 0 N "] {
            assert!(refused.parse::<Packaging>().is_err(), "{refused:?}");
        }
    }

    #[test]
    fn a_receipt_is_signed_by_the_suite_that_sfid_names_if_it_asks_for_it() {
        for fields in every_combination() {
            let Ok(packaging) = Packaging::try_from(fields) else { continue };
            let suite = packaging.receipt_suite().map(Suite::get);
            assert_eq!(suite, fields.signed_receipt.then_some(fields.cipher_suite), "{packaging}");
        }
    }

    #[test]
    fn a_suite_has_a_number_from_1_to_99() {
        assert!([1, 2, 99].into_iter().all(|number| Suite::try_from(number).is_ok()));
        assert!([-1, 0, 100, 256].into_iter().all(|number| Suite::try_from(number).is_err()));
    }

    #[test]
    fn a_package_is_restarted_as_octets_and_an_original_by_its_records() {
        let records = Format::from_parts('F', 80).unwrap();
        for fields in every_combination() {
            let Ok(packaging) = Packaging::try_from(fields) else { continue };
            let is_package = fields.envelope == Envelope::Cms;
            let expected = if is_package { Format::Unstructured } else { records };
            assert_eq!(packaging.transmitted_format(records), expected, "{packaging}");
        }
    }
}
