//! Every cipher suite in every shape before every judge, both ways: OpenSSL's command, and
//! BouncyCastle where `SEON_BOUNCY_CASTLE` names the folder with its jars (bcprov, bcpkix and bcutil of
//! Maven Central). Each cell is printed.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[macro_use]
mod common;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use std::process::Command;

use common::{OpenSsl, content, encryption, known, package, signing, suite, unpackage};
use oftp_cms::{Expected, Layers, Plan};

/// A shape: its letters are its layers, as in the judges' files.
const SHAPES: [(&str, Layers); 8] = [
    ("-", shape(false, false, false)),
    ("s", shape(true, false, false)),
    ("c", shape(false, true, false)),
    ("sc", shape(true, true, false)),
    ("e", shape(false, false, true)),
    ("se", shape(true, false, true)),
    ("ce", shape(false, true, true)),
    ("sce", shape(true, true, true)),
];
const LENGTH: usize = 70_000;

const fn shape(signed: bool, compressed: bool, encrypted: bool) -> Layers {
    Layers { signed, compressed, encrypted }
}

/// What came of each suite and shape.
struct Matrix {
    judge: &'static str,
    cells: BTreeMap<u8, Vec<String>>,
}

impl Matrix {
    fn of(judge: &'static str, mut cell: impl FnMut(u8, &'static str, Layers) -> String) -> Self {
        let row = |number| SHAPES.map(|(name, layers)| cell(number, name, layers)).to_vec();
        Self { judge, cells: (1..=10).zip((1..=10).map(row)).collect() }
    }

    /// Prints it: for each cell whether it reads ours and we read its own, as `=`, or why not.
    fn print(&self) {
        let mut text = format!("\n{:14}", self.judge);
        for (name, _) in SHAPES {
            write!(text, "{name:>12}").unwrap();
        }
        for (number, cells) in &self.cells {
            write!(text, "\nsuite {number:02}      ").unwrap();
            for cell in cells {
                write!(text, "{cell:>12}").unwrap();
            }
        }
        println!("{text}");
    }

    /// That a cell is as it should be.
    fn check(&self, expected: impl Fn(u8, Layers) -> &'static [&'static str]) {
        self.print();
        for (number, cells) in &self.cells {
            for ((name, layers), cell) in SHAPES.iter().zip(cells) {
                let expected = expected(*number, *layers);
                let judge = self.judge;
                assert!(expected.contains(&&**cell), "{judge}, suite {number:02}, {name}: {cell}");
            }
        }
    }
}

fn ours(number: u8, layers: Layers) -> Vec<u8> {
    let plan = Plan {
        signing: layers.signed.then(|| signing(number)),
        compressed: layers.compressed,
        encryption: layers.encrypted.then(|| encryption(number)),
    };
    package(plan, &content(LENGTH), 4096)
}

/// Whether we read a package of a judge's as what it is, and as of no other suite.
fn is_read(number: u8, layers: Layers, package: &[u8]) -> bool {
    let (octets, found) = unpackage(package, known(), Expected::Announced(layers), 1000).unwrap();
    let is_of = |other: u8| found.check_suite(suite(other)).is_ok();
    let alike = |other: u8| {
        let (one, other) = (suite(number), suite(other));
        let keys = one.cipher() == other.cipher() && one.padding() == other.padding();
        let hashes = one.digest() == other.digest() && one.padding() == other.padding();
        (keys || !layers.encrypted) && (hashes || !layers.signed)
    };
    octets == content(LENGTH) && (1..=10).all(|other| is_of(other) == alike(other))
}

#[test]
fn we_read_what_we_make_of_every_suite_in_every_shape_and_of_no_other_suite() {
    let cell = |number, _, layers| {
        let is_read = is_read(number, layers, &ours(number, layers));
        if is_read { "=" } else { "other" }.to_owned()
    };
    Matrix::of("ourselves", cell).check(|_, _| &["="]);
}

#[test]
fn openssl_reads_ours_and_we_read_its_own_of_every_suite_in_every_shape_that_it_has() {
    let openssl = openssl!();
    let cell = |number, _, layers: Layers| {
        // It has no zlib on most systems, and nobody's packages are neither signed nor encrypted.
        if layers.compressed || layers == Layers::default() {
            return "has not".to_owned();
        }
        let reads = openssl_reads(&openssl, layers, &ours(number, layers));
        let made = openssl_makes(&openssl, number, layers);
        match (reads, made.map(|made| is_read(number, layers, &made))) {
            (true, Some(true)) => "=",
            (true, None) => "reads ours",
            (false, None) => "neither",
            _ => "other",
        }
        .to_owned()
    };
    Matrix::of("OpenSSL", cell).check(|number, layers| match (number, layers) {
        (_, Layers { compressed: true, .. }) => &["has not"],
        (_, layers) if layers == Layers::default() => &["has not"],
        // It verifies SHA3-512 with PSS, and only some of its versions sign.
        (10, Layers { signed: true, .. }) => &["=", "reads ours"],
        _ => &["="],
    });
}

fn openssl_reads(openssl: &OpenSsl, layers: Layers, package: &[u8]) -> bool {
    let mut read = Some(package.to_vec());
    for (is_there, words) in [(layers.encrypted, common::DECRYPT), (layers.signed, common::VERIFY)]
    {
        if is_there {
            read = read.and_then(|octets| openssl.cms_if_it_can(words, &octets));
        }
    }
    read.is_some_and(|octets| octets == content(LENGTH))
}

/// `None` if it cannot.
fn openssl_makes(openssl: &OpenSsl, number: u8, layers: Layers) -> Option<Vec<u8>> {
    let (sign, encrypt) = common::openssl_words(suite(number));
    let mut made = Some(content(LENGTH));
    for (is_there, words) in [(layers.signed, sign), (layers.encrypted, encrypt)] {
        if is_there {
            made = made.and_then(|octets| openssl.cms_if_it_can(&words, &octets));
        }
    }
    made
}

#[test]
fn bouncy_castle_reads_ours_and_we_read_its_own_of_every_suite_in_every_shape() {
    let openssl = openssl!();
    let Some(jars) = std::env::var_os("SEON_BOUNCY_CASTLE") else {
        support::skip!(bouncycastle, "SEON_BOUNCY_CASTLE does not name a folder with its jars")
    };
    let folder = openssl.folder();
    std::fs::create_dir(folder.join("ours")).unwrap();
    std::fs::write(folder.join("content"), content(LENGTH)).unwrap();
    Matrix::of("", |number, name, layers| {
        if layers != Layers::default() {
            let file = folder.join(format!("ours/{number:02}-{name}.cms"));
            std::fs::write(file, ours(number, layers)).unwrap();
        }
        String::new()
    });
    let judge = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/judge/Judge.java");
    let output = Command::new("java")
        .arg("-cp")
        .arg(Path::new(&jars).join("*"))
        .args([judge.as_path(), folder])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let cell = |number, name, layers| {
        if layers == Layers::default() {
            return "has not".to_owned();
        }
        let read = |file: &str| std::fs::read(folder.join(file)).ok();
        let cell = format!("{number:02}-{name}");
        let reads = read(&format!("ours/{cell}.out")).is_some_and(|it| it == content(LENGTH));
        let made = read(&format!("theirs/{cell}.cms"));
        let is_read = made.is_some_and(|made| is_read(number, layers, &made));
        match (reads, is_read) {
            (true, true) => "=",
            (true, false) => "reads ours",
            (false, true) => "makes",
            (false, false) => "neither",
        }
        .to_owned()
    };
    Matrix::of("BouncyCastle", cell)
        .check(|_, layers| if layers == Layers::default() { &["has not"] } else { &["="] });
}
