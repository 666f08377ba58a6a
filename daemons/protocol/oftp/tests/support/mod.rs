//! The captured sessions, and short ways to make values.
#![allow(dead_code, reason = "each test file uses its own part")]

use std::fs;
use std::path::Path;
use std::str::FromStr;
use std::sync::LazyLock;

use oftp::{FileIdentity, Level};

/// One captured session.
pub(crate) struct Vector {
    pub(crate) name: String,
    pub(crate) level: Level,
    pub(crate) exchanges: Vec<Exchange>,
}

/// One stream transmission buffer of a session.
pub(crate) struct Exchange {
    pub(crate) connection: u32,
    pub(crate) from_initiator: bool,
    pub(crate) command: String,
    pub(crate) octets: Vec<u8>,
}

impl Exchange {
    /// The exchange buffer, without the stream transmission header.
    pub(crate) fn exchange_buffer(&self) -> &[u8] {
        &self.octets[4..]
    }
}

/// Every captured session, by name.
pub(crate) fn vectors() -> &'static [Vector] {
    static VECTORS: LazyLock<Vec<Vector>> = LazyLock::new(|| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors");
        let mut vectors: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "txt"))
            .map(|path| read(&path))
            .collect();
        vectors.sort_by(|left, right| left.name.cmp(&right.name));
        assert_eq!(vectors.len(), 10, "every captured session is there");
        vectors
    });
    &VECTORS
}

pub(crate) fn vector(name: &str) -> &'static Vector {
    vectors().iter().find(|vector| vector.name == name).unwrap()
}

fn read(path: &Path) -> Vector {
    let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
    let level = match name.split('-').next().unwrap() {
        "oftp12" => Level::V1_2,
        "oftp13" => Level::V1_3,
        "oftp14" => Level::V1_4,
        _ => Level::V2_0,
    };
    let text = fs::read_to_string(path).unwrap();
    let exchanges = text.lines().filter(|line| !line.starts_with('#')).map(exchange).collect();
    Vector { name, level, exchanges }
}

fn exchange(line: &str) -> Exchange {
    let mut words = line.split_whitespace();
    let mut word = || words.next().unwrap();
    Exchange {
        connection: word().parse().unwrap(),
        from_initiator: word() == "I>R",
        command: word().to_owned(),
        octets: octets(word()),
    }
}

fn octets(hex: &str) -> Vec<u8> {
    hex.as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

/// Any field that reads from text, known to be right.
pub(crate) fn field<T: FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().unwrap()
}

pub(crate) fn identity(dataset_name: &str, stamp: &str) -> FileIdentity {
    FileIdentity {
        dataset_name: field(dataset_name),
        stamp: field(stamp),
        originator: field("O0013ORIGIN"),
        destination: field("O0013DESTINATION"),
    }
}

/// A field of text, padded to its width.
pub(crate) fn padded(text: &str, width: usize) -> String {
    format!("{text:<width$}")
}
