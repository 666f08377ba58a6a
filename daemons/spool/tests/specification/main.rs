//! The spool's specification: what holds on good days and on bad ones.
#![allow(clippy::unwrap_used, reason = "what fails here is a test")]

mod bad_days;
mod delivery;
mod hot_folder;
mod names;
mod parts;
mod payloads;
mod sweep;

use std::path::Path;

use lease::Epoch;
use spool::{FileName, Spool};
use support::TemporaryDirectory;

/// A spool in a directory that goes with the test.
fn spool() -> (TemporaryDirectory, Spool) {
    let directory = TemporaryDirectory::new();
    let spool = Spool::open(directory.path()).unwrap();
    (directory, spool)
}

fn epoch(number: i64) -> Epoch {
    Epoch::try_from(number).unwrap()
}

fn name(name: &str) -> FileName {
    name.parse().unwrap()
}

/// Every path below a directory, directories with a slash at their end.
fn tree(root: &Path) -> Vec<String> {
    fn collect(root: &Path, directory: &Path, paths: &mut Vec<String>) {
        for entry in std::fs::read_dir(directory).unwrap() {
            let entry = entry.unwrap();
            let path = entry.path();
            let is_directory = entry.file_type().unwrap().is_dir();
            let name = path.strip_prefix(root).unwrap().to_str().unwrap();
            paths.push(format!("{name}{}", if is_directory { "/" } else { "" }));
            if is_directory {
                collect(root, &path, paths);
            }
        }
    }
    let mut paths = Vec::new();
    collect(root, root, &mut paths);
    paths.sort();
    paths
}
