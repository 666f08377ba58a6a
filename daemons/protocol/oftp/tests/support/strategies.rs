//! Every value that a command can hold, as proptest draws them.

use std::fmt::Debug;
use std::str::FromStr;

use oftp::*;
use proptest::collection::vec;
use proptest::prelude::*;

/// Text of a set of characters, without blanks at its ends.
fn text<T: FromStr<Err: Debug> + Debug>(pattern: &str) -> BoxedStrategy<T> {
    proptest::string::string_regex(pattern)
        .unwrap()
        .prop_map(|text| text.trim_end().parse().unwrap())
        .boxed()
}

fn odette_id() -> BoxedStrategy<OdetteId> {
    text("[A-Z0-9/.&()-][A-Z0-9/.&() -]{0,24}")
}

fn dataset_name() -> BoxedStrategy<DatasetName> {
    text("[!-~][ -~]{0,25}")
}

fn user_data() -> BoxedStrategy<UserData> {
    text("[ -~]{0,8}")
}

fn stamp() -> impl Strategy<Value = Stamp> {
    ((0..=9999_u16, 1..=12_u8, 1..=28_u8), (0..24_u8, 0..60_u8, 0..60_u8), 0..=9999_u16)
        .prop_map(|(date, time, counter)| Stamp::new(date, time, counter).unwrap())
}

pub(crate) fn identity(level: Level) -> impl Strategy<Value = FileIdentity> {
    (dataset_name(), stamp(), odette_id(), odette_id()).prop_map(
        move |(dataset_name, stamp, originator, destination)| {
            FileIdentity { dataset_name, stamp, originator, destination }.at(level)
        },
    )
}

fn octets(longest: usize) -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..=longest)
}

/// A number of so many digits at most.
fn number(digits: u32) -> impl Strategy<Value = u64> {
    prop_oneof![0..10_u64.pow(digits), 0..1000_u64, Just(10_u64.pow(digits) - 1)]
}

pub(crate) fn format() -> impl Strategy<Value = Format> {
    prop_oneof![
        (1..=99_999_u32).prop_map(|length| Format::from_parts('F', length).unwrap()),
        (1..=99_999_u32).prop_map(|length| Format::from_parts('V', length).unwrap()),
        Just(Format::Unstructured),
        Just(Format::Text),
    ]
}

/// A text from 2.0 on, none below.
fn reason_text(level: Level) -> BoxedStrategy<ReasonText> {
    if level < Level::V2_0 {
        return Just(ReasonText::default()).boxed();
    }
    prop_oneof![
        octets(999).prop_map(|octets| ReasonText::from_octets(&octets)),
        ".{0,50}".prop_map(|text| ReasonText::fitting(&text)),
    ]
    .boxed()
}

/// Lengths are always there in ours from 2.0 on.
fn seal(level: Level) -> BoxedStrategy<Option<Seal>> {
    if level < Level::V2_0 {
        return Just(None).boxed();
    }
    (octets(64), octets(2000)).prop_map(|(hash, signature)| Some(Seal { hash, signature })).boxed()
}

pub(crate) fn file_reason(level: Level) -> impl Strategy<Value = FileReason> {
    (0..=99_u8).prop_map(move |number| FileReason::from_number(number).at(level))
}

fn ssid(level: Level) -> impl Strategy<Value = Ssid> {
    let capability = prop_oneof![
        Just(Capability::Both),
        Just(Capability::SenderOnly),
        Just(Capability::ReceiverOnly)
    ];
    let numbers = (128..=99_999_u32, 1..=999_u16);
    let texts = (odette_id(), text::<Password>("[ -~]{0,8}"), user_data());
    (texts, numbers, capability, any::<[bool; 4]>()).prop_map(
        move |((identity, password, user_data), (size, credit), capability, switches)| {
            let [compression, restart, special_logic, authentication] = switches;
            Ssid {
                level,
                identity,
                password,
                buffer_size: size.try_into().unwrap(),
                capability,
                compression,
                restart,
                special_logic,
                credit: credit.try_into().unwrap(),
                authentication: authentication && level >= Level::V2_0,
                user_data,
            }
        },
    )
}

fn sfid(level: Level) -> BoxedStrategy<Sfid> {
    let (size_digits, restart_digits) = if level < Level::V2_0 { (7, 9) } else { (13, 17) };
    let security = prop_oneof![
        Just(SecurityLevel::None),
        Just(SecurityLevel::Encrypted),
        Just(SecurityLevel::Signed),
        Just(SecurityLevel::EncryptedAndSigned),
    ];
    let numbers = (number(size_digits), number(size_digits), number(restart_digits));
    let services = (security, 0..=99_u8, any::<[bool; 3]>(), octets(999));
    (identity(level), user_data(), format(), numbers, services)
        .prop_map(move |(file, user_data, format, (size, original_size, restart), services)| {
            let (security, cipher_suite, [zlib, cms, signed_receipt], description) = services;
            let plain = Sfid {
                file,
                user_data,
                format,
                size: Blocks::saturating(size),
                original_size: Blocks::saturating(size),
                restart,
                security: SecurityLevel::None,
                cipher_suite: CipherSuite::NONE,
                compression: FileCompression::None,
                envelope: Envelope::None,
                signed_receipt: false,
                description: Description::default(),
            };
            if level < Level::V2_0 {
                return plain;
            }
            Sfid {
                original_size: Blocks::saturating(original_size),
                security,
                cipher_suite: cipher_suite.try_into().unwrap(),
                compression: if zlib { FileCompression::Zlib } else { FileCompression::None },
                envelope: if cms { Envelope::Cms } else { Envelope::None },
                signed_receipt,
                description: Description::from_octets(&description),
                ..plain
            }
        })
        .boxed()
}

fn counts(level: Level) -> impl Strategy<Value = Counts> {
    let (records, octets) = if level < Level::V2_0 { (9, 12) } else { (17, 17) };
    (number(records), number(octets)).prop_map(|(records, octets)| Counts { records, octets })
}

fn nerp(level: Level) -> impl Strategy<Value = Nerp> {
    (identity(level), odette_id(), 0..=99_u8, reason_text(level), seal(level)).prop_map(
        move |(file, creator, number, text, seal)| {
            let reason = NegativeReason::from_number(number).at(level);
            Nerp { file, creator, reason, text, seal }
        },
    )
}

pub(crate) fn level() -> impl Strategy<Value = Level> {
    prop::sample::select(Level::ALL.as_slice())
}

/// Any command that a level can say.
pub(crate) fn command(level: Level) -> BoxedStrategy<Command> {
    let restart = number(if level < Level::V2_0 { 9 } else { 17 });
    let esid = ((0..=99_u8), reason_text(level)).prop_map(move |(number, text)| Esid {
        reason: EndSessionReason::from_number(number).at(level),
        text,
    });
    let sfna = (file_reason(level), any::<bool>(), reason_text(level))
        .prop_map(|(reason, retry, text)| Sfna { reason, retry, text });
    let efna =
        (file_reason(level), reason_text(level)).prop_map(|(reason, text)| Efna { reason, text });
    let eerp = (identity(level), user_data(), seal(level))
        .prop_map(|(file, user_data, seal)| Eerp { file, user_data, seal });
    let common = prop_oneof![
        Just(Command::Ssrm),
        ssid(level).prop_map(Command::Ssid),
        sfid(level).prop_map(Command::Sfid),
        restart.prop_map(|restart| Command::Sfpa(Sfpa { restart })),
        sfna.prop_map(Command::Sfna),
        octets(300).prop_map(|sub_records| Command::Data(Data { sub_records })),
        Just(Command::Cdt),
        counts(level).prop_map(Command::Efid),
        any::<bool>().prop_map(|change_direction| Command::Efpa(Efpa { change_direction })),
        efna.prop_map(Command::Efna),
        esid.prop_map(Command::Esid),
        Just(Command::Cd),
        Just(Command::Rtr),
        eerp.prop_map(Command::Eerp),
    ];
    let nerp = nerp(level).prop_map(Command::Nerp);
    let secure = prop_oneof![
        Just(Command::Secd),
        octets(500).prop_map(|challenge| Command::Auch(Auch { challenge })),
        any::<[u8; 20]>().prop_map(|response| Command::Aurp(Aurp { response })),
    ];
    match level {
        Level::V1_2 | Level::V1_3 => common.boxed(),
        Level::V1_4 => prop_oneof![14 => common, 1 => nerp].boxed(),
        Level::V2_0 => prop_oneof![14 => common, 1 => nerp, 3 => secure].boxed(),
    }
}
