//! What to accept from partners beyond the letter of the RFC.

use std::fmt;
use std::str::FromStr;

macro_rules! quirks {
    ($($(#[doc = $doc:literal])* $field:ident $quirk:ident $name:literal $default:literal)*) => {
        /// What to accept from a partner beyond the RFC, each by its quirk's name.
        ///
        /// The default accepts what costs nothing and refuses where the RFC protects data.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub struct Tolerance {
            $($(#[doc = $doc])* pub $field: bool,)*
        }

        impl Tolerance {
            /// Nothing beyond the RFC.
            pub const STRICT: Self = Self { $($field: false,)* };
            /// Everything that has a name.
            pub const ALL: Self = Self { $($field: true,)* };

            /// Whether the quirk is accepted.
            pub fn accepts(&self, quirk: Quirk) -> bool {
                match quirk {
                    $(Quirk::$quirk => self.$field,)*
                }
            }

            /// The same with one quirk accepted or refused.
            #[must_use]
            pub fn with(mut self, quirk: Quirk, accepted: bool) -> Self {
                match quirk {
                    $(Quirk::$quirk => self.$field = accepted,)*
                }
                self
            }
        }

        impl Default for Tolerance {
            fn default() -> Self {
                Self { $($field: $default,)* }
            }
        }

        /// A way in which partners differ from the RFC; each is a field of [`Tolerance`].
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Quirk {
            $($(#[doc = $doc])* $quirk,)*
        }

        impl Quirk {
            /// Every quirk.
            pub const ALL: &'static [Self] = &[$(Self::$quirk),*];

            /// The name in text, `early-credit`.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$quirk => $name,)*
                }
            }

            /// The name as an enum value of a manifest, `EarlyCredit`.
            pub fn camel_name(self) -> &'static str {
                match self {
                    $(Self::$quirk => stringify!($quirk),)*
                }
            }
        }
    };
}

quirks! {
    /// A carriage return of 0A in SSRM, SSID or ESID; 0D and 8D are the RFC's own.
    carriage_return_variants CarriageReturnVariants "carriage-return-variants" true
    /// NUL in place of the blanks that pad a field.
    nul_padding NulPadding "nul-padding" true
    /// Blanks in place of the leading zeros of a number.
    blank_padded_numbers BlankPaddedNumbers "blank-padded-numbers" true
    /// A password with characters outside of the RFC's set, lower case above all. Which case is
    /// right stays a matter of comparing.
    lower_case_password LowerCasePassword "lower-case-password" true
    /// A dataset name with characters outside of the RFC's set, or with embedded blanks.
    dataset_name_characters DatasetNameCharacters "dataset-name-characters" true
    /// SSIDLEV `1` from a partner that is to speak 1.3, as RFC 2204 has it: the session lets it
    /// pass where 1.3 is the minimum. The layouts are the same.
    level_digit LevelDigit "level-digit" true
    /// An SSIDLEV digit without a level of ours: the next lower level is taken, as the RFC wants of
    /// a responder. An initiator turns it off, for an answer cannot be higher than what it asked.
    future_levels FutureLevels "future-levels" true
    /// A description or a reason text that is not UTF-8; its octets are kept.
    text_not_utf8 TextNotUtf8 "text-not-utf8" true
    /// A reason code that is not one of the command's; it is kept.
    unknown_reasons UnknownReasons "unknown-reasons" true
    /// SFNA, EFNA and NERP of 2.0 that end before the length of their text. (ESID is read by its
    /// length in any case: it may come before a level is agreed.)
    missing_reason_text MissingReasonText "missing-reason-text" true
    /// EERP and NERP of 2.0 that end before the lengths of hash and signature.
    missing_seal MissingSeal "missing-seal" true
    /// A record length other than 0 for a file of format U or T; it is ignored.
    stream_record_length StreamRecordLength "stream-record-length" true
    /// One stream transmission buffer of length 4, without an exchange buffer; it is skipped.
    empty_stream_buffers EmptyStreamBuffers "empty-stream-buffers" true
    /// DATA one octet above the agreed size, from partners that do not count the command octet: as
    /// far as it is within what we offered ourselves.
    oversized_data OversizedData "oversized-data" true
    /// CDT before the credit is used up ("acceleration").
    early_credit EarlyCredit "early-credit" true
    /// CDT that arrives after EFID.
    late_credit LateCredit "late-credit" true
    /// ESID 00 from a speaker that has not just received CD; files answered by EFPA stand.
    early_end_session EarlyEndSession "early-end-session" true
    /// A file or a receipt in place of the CD that EFPA asked for: the partner goes on speaking.
    kept_direction KeptDirection "kept-direction" true
    /// A signed receipt whose signature comes without the octets that it is over (RFC 5652 section
    /// 5.2, "external signature"): it is verified over our own.
    detached_receipts DetachedReceipts "detached-receipts" true
    /// EFID that counts only what came since the restart. Off by default: the count is what shows a
    /// file cut short.
    restart_counts RestartCounts "restart-counts" false
}

impl fmt::Display for Quirk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A name that is no quirk's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not a quirk; the quirks are {list}", list = names())]
pub struct UnknownQuirk(String);

impl UnknownQuirk {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        "E-OFTP-QUIRK"
    }
}

impl FromStr for Quirk {
    type Err = UnknownQuirk;

    /// Either form of the name.
    fn from_str(text: &str) -> Result<Self, UnknownQuirk> {
        Self::ALL
            .iter()
            .copied()
            .find(|quirk| quirk.name() == text || quirk.camel_name() == text)
            .ok_or_else(|| UnknownQuirk(text.to_owned()))
    }
}

fn names() -> String {
    Quirk::ALL.iter().map(|quirk| quirk.name()).collect::<Vec<_>>().join(", ")
}
