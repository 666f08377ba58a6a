//! What the fuzz targets check holds for their corpora, on stable, in every test run.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../fuzz/checks.rs"]
mod checks;

use std::fs;
use std::path::Path;

/// Runs a check over a target's corpus, and over each file cut short or changed at some octets.
/// Gives how many files there are, and how many of them were read.
fn replay(target: &str, check: fn(&[u8]) -> bool) -> (usize, usize) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let (mut count, mut read) = (0, 0);
    for entry in fs::read_dir(folder).unwrap() {
        let mut octets = fs::read(entry.unwrap().path()).unwrap();
        count += 1;
        read += usize::from(check(&octets));
        for place in (1..octets.len()).step_by(1 + octets.len() / 50) {
            check(&octets[..place]);
            octets[place] ^= 0x15;
            check(&octets);
            octets[place] ^= 0x15;
        }
    }
    (count, read)
}

#[test]
fn packages_hold() {
    let (count, read) = replay("unpackage", checks::unpackage);
    // All but the one for somebody else and the damaged one.
    assert!(count > 10 && read == count - 2, "{read} of {count}");
}

#[test]
fn receipts_hold() {
    let (count, read) = replay("receipt", checks::receipt);
    // All but the one over something else.
    assert!(count > 3 && read == count - 1, "{read} of {count}");
}
