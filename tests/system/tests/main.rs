//! Companies as real processes, on a real database. One program for all of these tests: it is linked once,
//! and while some wait others work.

#![allow(clippy::unwrap_used, clippy::panic, reason = "what fails here is a test")]

mod admin;
mod bad_days;
mod calls;
mod chance;
mod cms;
mod commits;
mod crash;
mod exchange;
mod failover;
mod hindrances;
mod hostile;
mod identity;
mod isdn;
mod lanes;
mod operators;
mod own_key;
mod pods;
mod proxies;
mod quickstart;
mod rejecting;
mod retention;
mod revocation;
mod secrets;
mod secured;
mod stream;

/// A file that is not named here would never run, and nobody would notice.
#[test]
fn every_file_of_tests_is_part_of_this_program() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let this = std::fs::read_to_string(folder.join("main.rs")).unwrap();
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        let is_named = this.lines().any(|line| line == format!("mod {name};"));
        assert!(is_named || name == "main", "{name} is not in main.rs");
    }
}
