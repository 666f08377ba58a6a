//! The commands of RFC 5024 section 5.3 and their older forms, as values.

use std::fmt;

use crate::field::{
    Blocks, BufferSize, Capability, CipherSuite, Counts, Credit, Description, EndSessionReason,
    Envelope, FileCompression, FileIdentity, FileReason, Format, Level, NegativeReason, OdetteId,
    Password, ReasonText, SecurityLevel, UserData,
};

/// A command of any level; what a level does not have is not encoded for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Start session ready message.
    Ssrm,
    /// Start session.
    Ssid(Ssid),
    /// Start file.
    Sfid(Sfid),
    /// Start file positive answer.
    Sfpa(Sfpa),
    /// Start file negative answer.
    Sfna(Sfna),
    /// Data exchange buffer.
    Data(Data),
    /// Set credit.
    Cdt,
    /// End file, with the counts of the whole file.
    Efid(Counts),
    /// End file positive answer.
    Efpa(Efpa),
    /// End file negative answer.
    Efna(Efna),
    /// End session.
    Esid(Esid),
    /// Change direction.
    Cd,
    /// Ready to receive.
    Rtr,
    /// End to end response.
    Eerp(Eerp),
    /// Negative end response; from 1.4.
    Nerp(Nerp),
    /// Security change direction; 2.0.
    Secd,
    /// Authentication challenge; 2.0.
    Auch(Auch),
    /// Authentication response; 2.0.
    Aurp(Aurp),
}

impl Command {
    /// Which command it is.
    pub fn name(&self) -> CommandName {
        match self {
            Self::Ssrm => CommandName::Ssrm,
            Self::Ssid(_) => CommandName::Ssid,
            Self::Sfid(_) => CommandName::Sfid,
            Self::Sfpa(_) => CommandName::Sfpa,
            Self::Sfna(_) => CommandName::Sfna,
            Self::Data(_) => CommandName::Data,
            Self::Cdt => CommandName::Cdt,
            Self::Efid(_) => CommandName::Efid,
            Self::Efpa(_) => CommandName::Efpa,
            Self::Efna(_) => CommandName::Efna,
            Self::Esid(_) => CommandName::Esid,
            Self::Cd => CommandName::Cd,
            Self::Rtr => CommandName::Rtr,
            Self::Eerp(_) => CommandName::Eerp,
            Self::Nerp(_) => CommandName::Nerp,
            Self::Secd => CommandName::Secd,
            Self::Auch(_) => CommandName::Auch,
            Self::Aurp(_) => CommandName::Aurp,
        }
    }
}

macro_rules! commands_from {
    ($($name:ident)*) => {$(
        impl From<$name> for Command {
            fn from(command: $name) -> Self {
                Self::$name(command)
            }
        }

        impl From<Box<$name>> for Command {
            fn from(command: Box<$name>) -> Self {
                Self::$name(*command)
            }
        }
    )*};
}

commands_from!(Ssid Sfid Sfpa Sfna Data Efpa Efna Esid Eerp Nerp Auch Aurp);

macro_rules! command_names {
    ($($name:ident $letter:literal $since:ident)*) => {
        /// A command's name, and the octet it starts with.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum CommandName {
            $(#[doc = concat!("As in [`Command::", stringify!($name), "`].")] $name,)*
        }

        impl CommandName {
            /// Every command.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The command octet.
            pub fn octet(self) -> u8 {
                match self {
                    $(Self::$name => $letter,)*
                }
            }

            /// The lowest level that has the command.
            pub fn since(self) -> Level {
                match self {
                    $(Self::$name => Level::$since,)*
                }
            }
        }
    };
}

command_names! {
    Ssrm b'I' V1_2
    Ssid b'X' V1_2
    Sfid b'H' V1_2
    Sfpa b'2' V1_2
    Sfna b'3' V1_2
    Data b'D' V1_2
    Cdt b'C' V1_2
    Efid b'T' V1_2
    Efpa b'4' V1_2
    Efna b'5' V1_2
    Esid b'F' V1_2
    Cd b'R' V1_2
    Rtr b'P' V1_2
    Eerp b'E' V1_2
    Nerp b'N' V1_4
    Secd b'J' V2_0
    Auch b'A' V2_0
    Aurp b'S' V2_0
}

impl CommandName {
    /// The command of a command octet.
    pub fn from_octet(octet: u8) -> Option<Self> {
        Self::ALL.iter().copied().find(|name| name.octet() == octet)
    }
}

impl fmt::Display for CommandName {
    /// The RFC's spelling, `SSRM`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{self:?}").to_ascii_uppercase())
    }
}

/// Start session (SSID).
#[expect(clippy::struct_excessive_bools, reason = "each is one Y/N field of the command")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ssid {
    /// SSIDLEV: what the initiator speaks at most, what the responder chose.
    pub level: Level,
    /// SSIDCODE: the sender of this command.
    pub identity: OdetteId,
    /// SSIDPSWD.
    pub password: Password,
    /// SSIDSDEB.
    pub buffer_size: BufferSize,
    /// SSIDSR.
    pub capability: Capability,
    /// SSIDCMPR: can compress buffers.
    pub compression: bool,
    /// SSIDREST: can restart files.
    pub restart: bool,
    /// SSIDSPEC: special logic, for asynchronous X.25 only.
    pub special_logic: bool,
    /// SSIDCRED.
    pub credit: Credit,
    /// SSIDAUTH: requires secure authentication; `false` below 2.0.
    pub authentication: bool,
    /// SSIDUSER.
    pub user_data: UserData,
}

/// Start file (SFID).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sfid {
    /// SFIDDSN, SFIDDATE, SFIDTIME, SFIDORIG, SFIDDEST.
    pub file: FileIdentity,
    /// SFIDUSER.
    pub user_data: UserData,
    /// SFIDFMT and SFIDLRECL: the format of the original file.
    pub format: Format,
    /// SFIDFSIZ: what the transmitted file takes. Below 2.0 the field ends at 9,999,999 blocks and
    /// says that for more.
    pub size: Blocks,
    /// SFIDOSIZ: what the original file takes, 0 if not known. Below 2.0 the same as `size`.
    pub original_size: Blocks,
    /// SFIDREST: the restart position offered, in blocks of 1024 octets for U and T and secured
    /// files, in records for F and V.
    pub restart: u64,
    /// SFIDSEC; 2.0.
    pub security: SecurityLevel,
    /// SFIDCIPH; 2.0. Also the suite of a signed receipt.
    pub cipher_suite: CipherSuite,
    /// SFIDCOMP; 2.0.
    pub compression: FileCompression,
    /// SFIDENV; 2.0.
    pub envelope: Envelope,
    /// SFIDSIGN: the EERP is to be signed; 2.0.
    pub signed_receipt: bool,
    /// SFIDDESC; 2.0, left out below.
    pub description: Description,
}

impl Sfid {
    /// The format in which the octets travel: a file that was signed, compressed or encrypted has
    /// lost its records and counts as U, whatever SFIDFMT says of the original.
    pub fn transmitted_format(&self) -> Format {
        if self.is_packaged() { Format::Unstructured } else { self.format }
    }

    /// Whether anything was done to the original that only 2.0 can say.
    pub fn is_packaged(&self) -> bool {
        self.security != SecurityLevel::None
            || self.compression != FileCompression::None
            || self.envelope != Envelope::None
    }
}

/// Start file positive answer (SFPA).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sfpa {
    /// SFPAACNT: where to restart, at most what SFID offered, in its units.
    pub restart: u64,
}

/// Start file negative answer (SFNA).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sfna {
    /// SFNAREAS.
    pub reason: FileReason,
    /// SFNARRTR: worth another try in a later session.
    pub retry: bool,
    /// SFNAREAST; 2.0, left out below.
    pub text: ReasonText,
}

/// Data exchange buffer (DATA) without its command octet.
///
/// For tests and traces; a session reads the sub-records where they lie
/// ([`crate::exchange_buffer`]).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Data {
    /// DATABUF: sub-records with their headers.
    pub sub_records: Vec<u8>,
}

/// End file positive answer (EFPA).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Efpa {
    /// EFPACD: the listener wants to speak.
    pub change_direction: bool,
}

/// End file negative answer (EFNA).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Efna {
    /// EFNAREAS.
    pub reason: FileReason,
    /// EFNAREAST; 2.0, left out below.
    pub text: ReasonText,
}

/// End session (ESID).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Esid {
    /// ESIDREAS.
    pub reason: EndSessionReason,
    /// ESIDREAST; 2.0, left out below.
    pub text: ReasonText,
}

/// End to end response (EERP).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Eerp {
    /// The virtual file that arrived, under the identity its SFID had. The wire has destination and
    /// originator exchanged (EERPDEST is where the response goes to); the codec does that.
    pub file: FileIdentity,
    /// EERPUSER.
    pub user_data: UserData,
    /// EERPHSH and EERPSIG; `None` if not even their lengths are there, as below 2.0. Ours always
    /// have them at 2.0: `Some(Seal::default())` if not signed.
    pub seal: Option<Seal>,
}

/// Negative end response (NERP).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nerp {
    /// The virtual file that failed, under the identity its SFID had (as in [`Eerp::file`]).
    pub file: FileIdentity,
    /// NERPCREA: the station that made this response.
    pub creator: OdetteId,
    /// NERPREAS.
    pub reason: NegativeReason,
    /// NERPREAST; 2.0, left out below.
    pub text: ReasonText,
    /// NERPHSH and NERPSIG, as in [`Eerp::seal`].
    pub seal: Option<Seal>,
}

/// The hash of a received file and a station's signature of its response.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seal {
    /// Hash of the transmitted virtual file by the cipher suite of its SFID; empty if not signed.
    pub hash: Vec<u8>,
    /// CMS `SignedData` over what `signed_octets` gives; empty if not signed.
    pub signature: Vec<u8>,
}

/// Authentication challenge (AUCH).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Auch {
    /// CMS `EnvelopedData` of 20 random octets.
    pub challenge: Vec<u8>,
}

/// Authentication response (AURP).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aurp {
    /// The 20 octets that were in the challenge.
    pub response: [u8; 20],
}

impl Eerp {
    /// What the signature covers: name, date, time, destination, originator and hash as 2.0 writes
    /// them, padding included.
    pub fn signed_octets(&self) -> Vec<u8> {
        signed_octets(&self.file, None, self.seal.as_ref())
    }
}

impl Nerp {
    /// What the signature covers: as for an EERP, with the creator before the hash.
    pub fn signed_octets(&self) -> Vec<u8> {
        signed_octets(&self.file, Some(&self.creator), self.seal.as_ref())
    }
}

fn signed_octets(file: &FileIdentity, creator: Option<&OdetteId>, seal: Option<&Seal>) -> Vec<u8> {
    let FileIdentity { dataset_name, stamp, originator, destination } = file;
    // The response's destination, which comes first, is the file's originator.
    let text = format!("{dataset_name:<26}{stamp}{originator:<25}{destination:<25}");
    let creator = creator.map(|creator| format!("{creator:<25}")).unwrap_or_default();
    let hash = seal.map(|seal| seal.hash.as_slice()).unwrap_or_default();
    [text.as_bytes(), creator.as_bytes(), hash].concat()
}
