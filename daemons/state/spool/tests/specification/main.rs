//! The spool's specification: what holds on good days and on bad ones.
#![allow(clippy::unwrap_used, reason = "what fails here is a test")]

mod bad_days;
mod delivery;
mod hot_folder;
mod identity;
mod parts;
mod payloads;
mod sweep;

use std::path::Path;

use domain::{Epoch, FileName, PartName};
use spool::{FilePart, FileSpool, Folders, Part, Reader, SpoolError};
use support::TemporaryDirectory;

/// A spool in a directory that goes with the test.
fn spool() -> (TemporaryDirectory, FileSpool) {
    let directory = TemporaryDirectory::new();
    let spool = FileSpool::open(directory.path()).unwrap();
    (directory, spool)
}

/// The same with the folders beside it.
fn spool_and_folders() -> (TemporaryDirectory, FileSpool, Folders) {
    let (directory, spool) = spool();
    let folders = Folders::open(directory.path()).unwrap();
    (directory, spool, folders)
}

fn epoch(number: i64) -> Epoch {
    Epoch::try_from(number).unwrap()
}

fn part_name(name: &str) -> PartName {
    name.parse().unwrap()
}

/// Appends, and waits until it is written.
async fn append(part: &mut FilePart, octets: &[u8]) -> Result<(), SpoolError> {
    part.append(&mut octets.to_vec()).await?;
    part.append(&mut Vec::new()).await
}

/// Makes everything durable that was appended; how much that is.
async fn sync(part: &mut FilePart) -> Result<u64, SpoolError> {
    part.checkpoint().await?.durable().await
}

async fn read_all(mut reader: impl Reader) -> Vec<u8> {
    let mut read = Vec::new();
    loop {
        let chunk = reader.next(Vec::new()).await.unwrap();
        if chunk.is_empty() {
            return read;
        }
        read.extend(chunk);
    }
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
