//! Each command at each level, field by field as the RFCs' tables have them.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use oftp::{
    Auch, Aurp, Capability, Command, CommandName, Counts, Data, Eerp, Efna, Efpa, EncodeError,
    EndSessionReason, Envelope, Esid, FileCompression, FileReason, Format, Level, NegativeReason,
    Nerp, ReasonText, Seal, SecurityLevel, Sfid, Sfna, Sfpa, Ssid, Tolerance,
};
use support::{field, identity, padded};

const V1: [Level; 3] = [Level::V1_2, Level::V1_3, Level::V1_4];

/// The fields make the command, and the command the fields, even for who tolerates nothing.
fn holds(level: Level, command: &Command, fields: &[impl AsRef<[u8]>]) {
    let octets: Vec<u8> = fields.iter().flat_map(AsRef::as_ref).copied().collect();
    let mut encoded = b"before".to_vec();
    command.encode(level, &mut encoded).unwrap();
    assert_eq!(
        encoded.escape_ascii().to_string(),
        [b"before", octets.as_slice()].concat().escape_ascii().to_string(),
        "{command:?} at {level}"
    );
    assert_eq!(
        Command::decode(&octets, Some(level), &Tolerance::STRICT).as_ref(),
        Ok(command),
        "at {level}"
    );
}

fn text(fields: &[&str]) -> Vec<String> {
    fields.iter().map(|&field| field.to_owned()).collect()
}

fn odette(text: &str) -> String {
    padded(text, 25)
}

fn ssid(level: Level) -> Ssid {
    Ssid {
        level,
        identity: field("O0013SEON         SUB001"),
        password: field("SECRET"),
        buffer_size: 4096.try_into().unwrap(),
        capability: Capability::SenderOnly,
        compression: true,
        restart: false,
        special_logic: true,
        credit: 64.try_into().unwrap(),
        authentication: level == Level::V2_0,
        user_data: field("USER"),
    }
}

fn sfid() -> Sfid {
    Sfid {
        file: identity("INVOICES.A", "202611221330150042"),
        user_data: field("USER"),
        format: Format::Fixed { record_length: 80.try_into().unwrap() },
        size: oftp::Blocks::saturating(12),
        original_size: oftp::Blocks::saturating(12),
        restart: 7,
        security: SecurityLevel::None,
        cipher_suite: oftp::CipherSuite::NONE,
        compression: FileCompression::None,
        envelope: Envelope::None,
        signed_receipt: false,
        description: oftp::Description::default(),
    }
}

#[test]
fn the_ready_message_is_fixed() {
    for level in Level::ALL {
        holds(level, &Command::Ssrm, &["IODETTE FTP READY \r"]);
    }
}

#[test]
fn start_session_has_authentication_at_2_0_and_a_reserved_octet_below() {
    let digits = [
        (Level::V1_2, "1", " "),
        (Level::V1_3, "2", " "),
        (Level::V1_4, "4", " "),
        (Level::V2_0, "5", "Y"),
    ];
    for (level, digit, authentication) in digits {
        let fields = [
            "X",
            digit,
            "O0013SEON         SUB001 ",
            "SECRET  ",
            "04096",
            "S",
            "Y",
            "N",
            "Y",
            "064",
            authentication,
            "    ",
            "USER    ",
            "\r",
        ];
        assert_eq!(fields.concat().len(), 61);
        holds(level, &Command::Ssid(ssid(level)), &fields);
    }
}

#[test]
fn start_session_has_the_layout_of_its_own_level_not_the_sessions() {
    let mut octets = Vec::new();
    Command::Ssid(ssid(Level::V1_3)).encode(Level::V2_0, &mut octets).unwrap();
    let decoded = Command::decode(&octets, None, &Tolerance::STRICT);
    assert_eq!(decoded, Ok(Command::Ssid(ssid(Level::V1_3))));
}

#[test]
fn start_file_of_2_0_has_sizes_of_thirteen_digits_and_says_how_the_file_is_secured() {
    let command = Command::Sfid(Sfid {
        format: Format::Variable { maximum_record_length: 99_999.try_into().unwrap() },
        original_size: oftp::Blocks::saturating(34),
        security: SecurityLevel::EncryptedAndSigned,
        cipher_suite: 2.try_into().unwrap(),
        compression: FileCompression::Zlib,
        envelope: Envelope::Cms,
        signed_receipt: true,
        description: field("Übersicht"),
        ..sfid()
    });
    let fields = text(&[
        "H",
        &padded("INVOICES.A", 26),
        "   ",
        "20261122",
        "1330150042",
        "USER    ",
        &odette("O0013DESTINATION"),
        &odette("O0013ORIGIN"),
        "V",
        "99999",
        "0000000000012",
        "0000000000034",
        "00000000000000007",
        "03",
        "02",
        "1",
        "1",
        "Y",
        "010",
        "Übersicht",
    ]);
    assert_eq!(fields.concat().len(), 165 + 10);
    holds(Level::V2_0, &command, &fields);
}

#[test]
fn start_file_of_2_0_without_anything_has_165_octets() {
    let format = Format::Text;
    let fields = text(&[
        "H",
        &padded("INVOICES.A", 26),
        "   ",
        "20261122",
        "1330150042",
        "USER    ",
        &odette("O0013DESTINATION"),
        &odette("O0013ORIGIN"),
        "T",
        "00000",
        "0000000000012",
        "0000000000012",
        "00000000000000007",
        "00",
        "00",
        "0",
        "0",
        "N",
        "000",
    ]);
    assert_eq!(fields.concat().len(), 165);
    holds(Level::V2_0, &Command::Sfid(Sfid { format, ..sfid() }), &fields);
}

#[test]
fn start_file_of_1_4_has_the_full_stamp_and_short_numbers() {
    let fields = text(&[
        "H",
        &padded("INVOICES.A", 26),
        "   ",
        "20261122",
        "1330150042",
        "USER    ",
        &odette("O0013DESTINATION"),
        &odette("O0013ORIGIN"),
        "F",
        "00080",
        "0000012",
        "000000007",
    ]);
    assert_eq!(fields.concat().len(), 128);
    holds(Level::V1_4, &Command::Sfid(sfid()), &fields);
}

#[test]
fn start_file_of_1_2_and_1_3_has_neither_century_nor_counter() {
    let command =
        Command::Sfid(Sfid { file: identity("INVOICES.A", "202611221330150000"), ..sfid() });
    let fields = text(&[
        "H",
        &padded("INVOICES.A", 26),
        "         ",
        "261122",
        "133015",
        "USER    ",
        &odette("O0013DESTINATION"),
        &odette("O0013ORIGIN"),
        "F",
        "00080",
        "0000012",
        "000000007",
    ]);
    assert_eq!(fields.concat().len(), 128);
    holds(Level::V1_2, &command, &fields);
    holds(Level::V1_3, &command, &fields);
}

#[test]
fn answers_to_a_file_lose_their_texts_and_eight_digits_below_2_0() {
    let accepted = Command::Sfpa(Sfpa { restart: 64 });
    let text: ReasonText = field("voll");
    let refused = |text| Command::Sfna(Sfna { reason: FileReason::FileTooBig, retry: true, text });
    let failed = |text| Command::Efna(Efna { reason: FileReason::InvalidByteCount, text });
    for level in V1 {
        holds(level, &accepted, &["2000000064"]);
        holds(level, &refused(ReasonText::default()), &["306Y"]);
        holds(level, &failed(ReasonText::default()), &["511"]);
        let mut octets = Vec::new();
        refused(text.clone()).encode(level, &mut octets).unwrap();
        failed(text.clone()).encode(level, &mut octets).unwrap();
        assert_eq!(octets, b"306Y511");
    }
    holds(Level::V2_0, &accepted, &["200000000000000064"]);
    holds(Level::V2_0, &refused(text.clone()), &["3", "06", "Y", "004", "voll"]);
    holds(Level::V2_0, &refused(ReasonText::default()), &["306Y000"]);
    holds(Level::V2_0, &failed(text), &["5", "11", "004", "voll"]);
}

#[test]
fn data_credit_and_the_commands_of_one_octet_are_the_same_at_every_level() {
    for level in Level::ALL {
        let data = Data { sub_records: vec![0x81, b'x'] };
        holds(level, &Command::Data(data), &[b"D\x81x"]);
        holds(level, &Command::Cdt, &["C  "]);
        holds(level, &Command::Cd, &["R"]);
        holds(level, &Command::Rtr, &["P"]);
        holds(level, &Command::Efpa(Efpa { change_direction: true }), &["4Y"]);
        holds(level, &Command::Efpa(Efpa { change_direction: false }), &["4N"]);
    }
}

#[test]
fn end_file_has_nine_and_twelve_digits_below_2_0_and_seventeen_each_there() {
    let command = Command::Efid(Counts { records: 500, octets: 40_000 });
    for level in V1 {
        holds(level, &command, &["T", "000000500", "000000040000"]);
    }
    holds(Level::V2_0, &command, &["T", "00000000000000500", "00000000000040000"]);
}

#[test]
fn end_session_has_a_text_at_2_0() {
    let bare = Esid { reason: EndSessionReason::Normal, text: ReasonText::default() };
    for level in V1 {
        holds(level, &Command::Esid(bare.clone()), &["F00\r"]);
    }
    holds(Level::V2_0, &Command::Esid(bare), &["F00000\r"]);
    let talkative =
        Esid { reason: EndSessionReason::InvalidPassword, text: field("Wrong password") };
    holds(Level::V2_0, &Command::Esid(talkative), &["F", "04", "014", "Wrong password", "\r"]);
}

#[test]
fn the_end_to_end_response_goes_to_the_files_originator() {
    let full = |seal| {
        let file = identity("INVOICES.A", "202611221330150042");
        Command::Eerp(Eerp { file, user_data: field("USER"), seal })
    };
    let head = text(&[
        "E",
        &padded("INVOICES.A", 26),
        "   ",
        "20261122",
        "1330150042",
        "USER    ",
        &odette("O0013ORIGIN"),
        &odette("O0013DESTINATION"),
    ])
    .concat();
    assert_eq!(head.len(), 106);
    holds(Level::V1_4, &full(None), &[&head]);
    holds(Level::V2_0, &full(Some(Seal::default())), &[head.as_bytes(), &[0, 0, 0, 0]]);
    let seal = Seal { hash: vec![0xff; 20], signature: vec![0x30; 300] };
    let lengths = [[0, 20], [1, 44]];
    let tail = [&lengths[0], seal.hash.as_slice(), &lengths[1], seal.signature.as_slice()].concat();
    holds(Level::V2_0, &full(Some(seal)), &[head.as_bytes(), &tail]);

    let file = identity("INVOICES.A", "202611221330150000");
    let short = Command::Eerp(Eerp { file, user_data: field("USER"), seal: None });
    let fields = text(&[
        "E",
        &padded("INVOICES.A", 26),
        "         ",
        "261122",
        "133015",
        "USER    ",
        &odette("O0013ORIGIN"),
        &odette("O0013DESTINATION"),
    ]);
    assert_eq!(fields.concat().len(), 106);
    holds(Level::V1_2, &short, &fields);
    holds(Level::V1_3, &short, &fields);
}

#[test]
fn the_negative_response_has_six_reserved_octets_and_no_user_data() {
    let nerp = |text, seal| {
        Command::Nerp(Nerp {
            file: identity("INVOICES.A", "202611221330150042"),
            creator: field("O0013HUB"),
            reason: NegativeReason::NotDelivered,
            text,
            seal,
        })
    };
    let head = text(&[
        "N",
        &padded("INVOICES.A", 26),
        "      ",
        "20261122",
        "1330150042",
        &odette("O0013ORIGIN"),
        &odette("O0013DESTINATION"),
        &odette("O0013HUB"),
        "35",
    ])
    .concat();
    assert_eq!(head.len(), 128);
    holds(Level::V1_4, &nerp(ReasonText::default(), None), &[&head]);
    let seal = Seal { hash: vec![1; 32], signature: vec![] };
    let tail = [b"004gone".as_slice(), &[0, 32], &[1; 32], &[0, 0]].concat();
    holds(Level::V2_0, &nerp(field("gone"), Some(seal)), &[head.as_bytes(), &tail]);
}

#[test]
fn secure_authentication_is_of_2_0() {
    holds(Level::V2_0, &Command::Secd, &["J"]);
    let challenge = vec![0x30; 454];
    let fields = [b"A".as_slice(), &[0x01, 0xc6], &challenge];
    holds(Level::V2_0, &Command::Auch(Auch { challenge: challenge.clone() }), &fields);
    let response = [9; 20];
    holds(Level::V2_0, &Command::Aurp(Aurp { response }), &[b"S".as_slice(), &response]);
}

#[test]
fn every_command_has_its_letter_and_its_first_level() {
    let letters: String = CommandName::ALL.iter().map(|name| char::from(name.octet())).collect();
    assert_eq!(letters, "IXH23DCT45FRPENJAS");
    let since = |level| CommandName::ALL.iter().filter(|name| name.since() == level).count();
    assert_eq!(Level::ALL.map(since), [14, 0, 1, 3]);
    for &name in CommandName::ALL {
        assert_eq!(CommandName::from_octet(name.octet()), Some(name));
    }
    assert_eq!(CommandName::Sfid.to_string(), "SFID");
}

#[test]
fn a_command_is_not_written_at_a_level_that_lacks_it() {
    let later = [
        (Command::Secd, Level::V1_4),
        (Command::Auch(Auch { challenge: vec![] }), Level::V1_2),
        (Command::Aurp(Aurp { response: [0; 20] }), Level::V1_3),
        (
            Command::Nerp(Nerp {
                file: identity("A", "202611221330150042"),
                creator: field("O"),
                reason: NegativeReason::Unspecified,
                text: ReasonText::default(),
                seal: None,
            }),
            Level::V1_3,
        ),
    ];
    for (command, level) in later {
        let mut octets = b"before".to_vec();
        let error = command.encode(level, &mut octets).unwrap_err();
        assert_eq!(error, EncodeError::NotAtLevel { command: command.name(), level });
        assert_eq!(error.code(), "E-OFTP-ENCODE-COMMAND");
        assert_eq!(octets, b"before");
    }
}

#[test]
fn a_service_of_2_0_is_never_left_out_silently() {
    let file = identity("A", "202611221330150042");
    let seal = Some(Seal { hash: vec![1], signature: vec![1] });
    let demands = [
        ("SFIDSEC", Command::Sfid(Sfid { security: SecurityLevel::Encrypted, ..sfid() })),
        ("SFIDCOMP", Command::Sfid(Sfid { compression: FileCompression::Zlib, ..sfid() })),
        ("SFIDENV", Command::Sfid(Sfid { envelope: Envelope::Cms, ..sfid() })),
        ("SFIDSIGN", Command::Sfid(Sfid { signed_receipt: true, ..sfid() })),
        ("EERPSIG", Command::Eerp(Eerp { file, user_data: field(""), seal })),
        ("SSIDAUTH", Command::Ssid(Ssid { authentication: true, ..ssid(Level::V1_4) })),
    ];
    for (field, command) in demands {
        let level = Level::V1_4;
        let error = command.encode(level, &mut Vec::new()).unwrap_err();
        assert_eq!(error, EncodeError::ServiceNotAtLevel { field, level });
    }
}

#[test]
fn reasons_that_came_with_2_0_are_99_below() {
    let bare = ReasonText::default;
    for level in V1 {
        for (reason, code) in [
            (FileReason::DirectionRefused, "14"),
            (FileReason::CipherSuiteNotSupported, "99"),
            (FileReason::DecompressionFailure, "99"),
        ] {
            let mut octets = Vec::new();
            let sfna = Sfna { reason, retry: false, text: bare() };
            Command::Sfna(sfna).encode(level, &mut octets).unwrap();
            Command::Efna(Efna { reason, text: bare() }).encode(level, &mut octets).unwrap();
            assert_eq!(octets, format!("3{code}N5{code}").as_bytes());
        }
        for (reason, code) in [
            (EndSessionReason::Incompatible, "10"),
            (EndSessionReason::InvalidChallengeResponse, "99"),
            (EndSessionReason::AuthenticationIncompatible, "99"),
        ] {
            let mut octets = Vec::new();
            Command::Esid(Esid { reason, text: bare() }).encode(level, &mut octets).unwrap();
            assert_eq!(octets, format!("F{code}\r").as_bytes());
        }
    }
}

#[test]
fn numbers_beyond_their_fields_are_refused_but_for_the_estimated_size() {
    let too_many = [
        (Command::Sfpa(Sfpa { restart: 1_000_000_000 }), Level::V1_3, "SFPAACNT", 9),
        (Command::Sfid(Sfid { restart: 1_000_000_000, ..sfid() }), Level::V1_4, "SFIDREST", 9),
        (Command::Sfpa(Sfpa { restart: u64::MAX }), Level::V2_0, "SFPAACNT", 17),
        (
            Command::Efid(Counts { records: 0, octets: 1_000_000_000_000 }),
            Level::V1_2,
            "EFIDUCNT",
            12,
        ),
    ];
    for (command, level, name, size) in too_many {
        let error = command.encode(level, &mut Vec::new()).unwrap_err();
        assert_eq!(error.code(), "E-OFTP-ENCODE-DIGITS");
        assert!(matches!(error, EncodeError::Digits { field, digits, .. }
            if field == name && digits == size));
    }
    let huge = Sfid { size: oftp::Blocks::MAXIMUM, ..sfid() };
    let mut octets = Vec::new();
    Command::Sfid(huge).encode(Level::V1_4, &mut octets).unwrap();
    assert_eq!(&octets[112..119], b"9999999");
}

#[test]
fn octets_beyond_their_length_or_the_longest_buffer_are_refused() {
    let file = || identity("A", "202611221330150042");
    let challenge = Command::Auch(Auch { challenge: vec![0; 65_536] });
    let error = challenge.encode(Level::V2_0, &mut Vec::new()).unwrap_err();
    assert_eq!(error.to_string(), "AUCHCHAL of 65536 octets is longer than the 65535 that fit");
    let seal = Some(Seal { hash: vec![0; 65_535], signature: vec![0; 65_535] });
    let eerp = Command::Eerp(Eerp { file: file(), user_data: field(""), seal });
    let mut octets = Vec::new();
    let error = eerp.encode(Level::V2_0, &mut octets).unwrap_err();
    assert_eq!(error.code(), "E-OFTP-ENCODE-LENGTH");
    assert!(octets.is_empty());
}
