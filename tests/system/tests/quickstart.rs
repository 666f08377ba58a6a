//! The README's first command, smaller: it ends well and leaves nothing behind.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Output, Stdio};

use support::{TemporaryDirectory, guarded_command, quickstart_binary};

fn quickstart(words: &[&str]) -> String {
    let place = TemporaryDirectory::new();
    let mut command = guarded_command(quickstart_binary());
    command.env("TMPDIR", place.path()).args(words);
    let Output { status, stdout, stderr } = command.output().unwrap();
    let (said, complained) = (String::from_utf8(stdout).unwrap(), String::from_utf8_lossy(&stderr));
    assert!(status.success(), "{status}\n{said}\n{complained}");
    let left: Vec<_> = fs::read_dir(place.path()).unwrap().map(|entry| entry.unwrap()).collect();
    assert!(left.is_empty(), "{left:?}");
    said
}

/// What a way of the exchange is by, and what is said of it. A session takes along what is ready
/// for its partner, whoever called.
fn assert_went_well(said: &str, way: &str, by: &[&str], files: &str) {
    let row = said.lines().find(|line| line.starts_with(way)).unwrap_or_else(|| panic!("{said}"));
    let words = row[way.len()..].split_whitespace();
    let transports: Vec<_> = words.take_while(|word| word.parse::<u64>().is_err()).collect();
    let is_one = |transport: &&str| by.contains(&transport.trim_end_matches(','));
    assert!(!transports.is_empty() && transports.iter().all(is_one), "{row}");
    let verdict =
        format!("√ {way}: {files} acknowledged, every hash the same, every receipt signed");
    assert!(said.contains(&verdict), "{said}");
}

#[test]
fn two_companies_exchange_files_by_tls_and_tcp() {
    let said = quickstart(&["--size", "20MiB", "--files", "10"]);
    assert_went_well(&said, "acme → bolt", &["tls"], "1 file");
    assert_went_well(&said, "bolt → acme", &["tcp", "tls"], "10 files");
    for done in ["  signed, encrypted  ", "  signed, compressed, encrypted  "] {
        assert!(said.contains(done), "{said}");
    }
    assert_eq!(said.matches(": 0 errors, 0 warnings, ").count(), 2, "{said}");
}

#[test]
fn two_companies_exchange_files_by_isdn() {
    let said = quickstart(&["--isdn", "--size", "1MiB", "--files", "10"]);
    assert_went_well(&said, "acme → bolt", &["isdn"], "1 file");
    assert_went_well(&said, "bolt → acme", &["isdn"], "10 files");
    assert_eq!(said.matches(": 0 errors, 0 warnings, ").count(), 2, "{said}");
}

/// What `--keep` says to try needs no other program than the one that runs.
#[test]
fn what_it_says_to_try_works_as_printed() {
    let place = TemporaryDirectory::new();
    let mut command = guarded_command(quickstart_binary());
    command.args(["--size", "1MiB", "--files", "2", "--keep", "--directory"]);
    command.arg(place.join("companies")).stdout(Stdio::piped());
    let mut quickstart = command.spawn().unwrap();
    let said = BufReader::new(quickstart.stdout.take().unwrap());
    let lines: Vec<_> = said
        .lines()
        .map(|line| line.unwrap().trim().to_owned())
        .take_while(|line| !line.starts_with("end everything:"))
        .collect();
    for word in ["ps", "partner ping bolt"] {
        let printed = lines.iter().find(|line| line.ends_with(&format!("/acme {word}"))).unwrap();
        let output = guarded_command("sh").arg("-c").arg(printed).output().unwrap();
        assert!(output.status.success(), "{printed}: {output:?}");
    }
    let stop = format!("kill {}", quickstart.id());
    assert!(guarded_command("sh").args(["-c", &stop]).status().unwrap().success());
    assert!(quickstart.wait().unwrap().success());
}
