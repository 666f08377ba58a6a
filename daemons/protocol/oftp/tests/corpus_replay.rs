//! What the fuzz targets check holds for their corpora, on stable, in every test run.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../fuzz/checks.rs"]
mod checks;

use std::fs;
use std::path::Path;

/// Runs a check over a target's corpus, and over each file cut short by an octet, too.
fn replay(target: &str, check: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut count = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let octets = fs::read(entry.unwrap().path()).unwrap();
        check(&octets);
        check(&octets[..octets.len().saturating_sub(1)]);
        count += 1;
    }
    assert!(count > 0, "the corpus of {target} is empty");
}

#[test]
fn commands_hold() {
    replay("command", checks::command);
}

#[test]
fn streams_hold() {
    replay("stream", checks::stream);
}

#[test]
fn exchange_buffers_hold() {
    replay("exchange_buffer", checks::exchange_buffer);
}

#[test]
fn records_hold() {
    replay("record", checks::record);
}

#[test]
fn sessions_hold() {
    replay("session", checks::session);
}
