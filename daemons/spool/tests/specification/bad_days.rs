//! Full disks, missing directories, rights that are not there.

use std::os::unix::fs::{PermissionsExt, symlink};

use crate::{epoch, tree};
use spool::{Spool, SpoolError, TakeIn};
use support::{TemporaryDirectory, TinyDisk};

#[test]
fn opening_makes_the_directories_that_are_missing() {
    let directory = TemporaryDirectory::new();
    Spool::open(&directory.join("data")).unwrap();
    Spool::open(&directory.join("data")).unwrap();
    let expected = ["incoming/", "outgoing/", "spool/", "spool/in/", "spool/out/"];
    assert_eq!(tree(&directory.join("data")), expected);
    let mode = |name: &str| {
        let metadata = std::fs::metadata(directory.join("data").join(name)).unwrap();
        metadata.permissions().mode() & 0o777
    };
    assert_eq!(mode("spool"), 0o700, "payloads are nobody else's");
}

#[test]
fn a_data_directory_whose_parent_is_missing_is_not_made_under_an_unmounted_disk() {
    let directory = TemporaryDirectory::new();
    let error = Spool::open(&directory.join("disk/data")).unwrap_err();
    assert_eq!(error.code(), "E-SPOOL-DIRECTORY");
    let message = error.to_string();
    let expected = format!(
        "directory {} does not exist; create it, or mount the file system that it lies on",
        directory.join("disk").display()
    );
    assert_eq!(message, expected);
    assert_eq!(tree(directory.path()), [""; 0]);
}

#[test]
fn a_file_or_link_in_the_place_of_a_directory_is_named() {
    for (place, is_link) in [("spool", true), ("incoming", true), ("outgoing", false)] {
        let directory = TemporaryDirectory::new();
        let path = directory.join(place);
        if is_link {
            symlink("/tmp", &path).unwrap();
        } else {
            std::fs::write(&path, "x").unwrap();
        }
        let error = Spool::open(directory.path()).unwrap_err();
        assert_eq!(error.code(), "E-SPOOL-DIRECTORY");
        let message = error.to_string();
        let expected = format!("directory {} is a symbolic link or no", path.display());
        assert!(message.starts_with(&expected), "{message}");
    }
}

#[test]
fn a_data_directory_may_be_a_link_because_it_is_a_setting() {
    let directory = TemporaryDirectory::new();
    std::fs::create_dir(directory.join("real")).unwrap();
    symlink("real", directory.join("data")).unwrap();
    Spool::open(&directory.join("data")).unwrap();
    assert!(directory.join("real/spool/in").exists());
}

#[test]
fn a_directory_that_may_not_be_written_is_named_with_its_cure() {
    support::unprivileged!();
    let directory = TemporaryDirectory::new();
    Spool::open(directory.path()).unwrap();
    let outgoing = directory.join("outgoing");
    std::fs::set_permissions(&outgoing, PermissionsExt::from_mode(0o500)).unwrap();
    let error = Spool::open(directory.path()).unwrap_err();
    assert_eq!(error.code(), "E-SPOOL-DIRECTORY");
    assert!(error.to_string().contains("outgoing may not be written by this user"), "{error}");
}

#[test]
fn a_read_only_file_system_is_named_with_its_cure() {
    let disk = match TinyDisk::mount(1 << 20) {
        Ok(disk) => disk,
        Err(reason) => support::skip!(mount, "{reason}"),
    };
    Spool::open(disk.path()).unwrap();
    disk.set_read_only(true);
    let error = Spool::open(disk.path()).unwrap_err();
    assert_eq!(error.code(), "E-SPOOL-DIRECTORY");
    assert!(error.to_string().contains("mounted read-only; mount it writable"), "{error}");
}

#[test]
fn a_folder_on_another_file_system_is_refused_because_files_appear_by_rename() {
    let disk = match TinyDisk::mount(1 << 20) {
        Ok(disk) => disk,
        Err(reason) => support::skip!(mount, "{reason}"),
    };
    // The other way round: the data directory is the parent of a mounted one.
    let parent = disk.path().parent().unwrap();
    let name = disk.path().file_name().unwrap().to_str().unwrap();
    assert!(std::fs::metadata(parent).is_ok());
    let directory = TemporaryDirectory::new();
    let spool = Spool::open(directory.path()).unwrap();
    let mut part = spool.create_part(epoch(1), "a").unwrap();
    part.write_all(b"content").unwrap();
    let part_name = part.name().clone();
    part.finish().unwrap();
    let folder = directory.join("incoming").join(name);
    std::fs::create_dir(&folder).unwrap();
    let bound = std::process::Command::new("mount")
        .args(["--bind".as_ref(), disk.path(), folder.as_path()])
        .status()
        .unwrap();
    assert!(bound.success());
    let result = spool.deliver(&part_name, &format!("{name}/F").parse().unwrap());
    std::process::Command::new("umount").arg("--lazy").arg(&folder).status().unwrap();
    let error = result.unwrap_err();
    assert_eq!(error.code(), "E-SPOOL-DIRECTORY");
    let message = error.to_string();
    assert!(message.contains(folder.to_str().unwrap()), "{message}");
    assert!(message.contains("lies on another file system"), "{message}");
    assert!(directory.join("spool/in/1/a.part").exists(), "nothing is lost");
}

#[test]
fn on_a_full_disk_what_was_durable_stays_and_the_part_goes_on_when_there_is_room() {
    let disk = match TinyDisk::mount(256 * 1024) {
        Ok(disk) => disk,
        Err(reason) => support::skip!(mount, "{reason}"),
    };
    let spool = Spool::open(disk.path()).unwrap();
    let mut part = spool.create_part(epoch(1), "a").unwrap();
    part.write_all(&octets(b'a', 64)).unwrap();
    let durable = part.sync().unwrap();
    let filler = disk.path().join("filler");
    std::fs::write(&filler, vec![0; 128 * 1024]).unwrap();
    assert!(spool.free_octets().unwrap() <= 64 * 1024);

    let error = part.write_all(&octets(b'b', 256)).unwrap_err();
    assert_eq!(error.code(), "E-SPOOL-FULL");
    let message = error.to_string();
    assert!(message.contains("1/a.part") && message.contains("free space there"), "{message}");
    assert_eq!(part.write_all(b"more").unwrap_err().code(), "E-SPOOL-BROKEN");
    assert_eq!(part.sync().unwrap_err().code(), "E-SPOOL-BROKEN");
    let name = part.name().clone();
    assert_eq!(part.finish().unwrap_err().code(), "E-SPOOL-BROKEN");

    std::fs::remove_file(filler).unwrap();
    let mut part = spool.resume_part(&name, durable, epoch(1)).unwrap();
    part.write_all(&octets(b'c', 64)).unwrap();
    assert_eq!(part.finish().unwrap(), 128 * 1024);
    let content = std::fs::read(disk.path().join("spool/in/1/a.part")).unwrap();
    assert!(content == [octets(b'a', 64), octets(b'c', 64)].concat());
}

#[test]
fn on_a_full_disk_nothing_half_is_taken_in() {
    let disk = match TinyDisk::mount(128 * 1024) {
        Ok(disk) => disk,
        Err(reason) => support::skip!(mount, "{reason}"),
    };
    let spool = Spool::open(disk.path()).unwrap();
    let directory = TemporaryDirectory::new();
    let source = directory.join("big");
    support::write_pseudo_random(&source, 512 * 1024, 1);
    for how in [TakeIn::Copy, TakeIn::Move] {
        let error = spool.take_in(&source, how).unwrap_err();
        assert_eq!(error.code(), "E-SPOOL-FULL", "{error}");
        assert_eq!(tree(&disk.path().join("spool/out")), [""; 0]);
        assert!(source.exists());
    }
}

#[test]
fn a_source_that_may_not_be_read_says_so() {
    support::unprivileged!();
    let directory = TemporaryDirectory::new();
    let spool = Spool::open(directory.path()).unwrap();
    let source = directory.join("secret");
    std::fs::write(&source, "x").unwrap();
    std::fs::set_permissions(&source, PermissionsExt::from_mode(0o000)).unwrap();
    let error = spool.take_in(&source, TakeIn::Copy).unwrap_err();
    assert!(matches!(error, SpoolError::Denied { .. }), "{error}");
    assert_eq!(error.code(), "E-SPOOL-DENIED");
}

fn octets(octet: u8, kilobytes: usize) -> Vec<u8> {
    vec![octet; kilobytes * 1024]
}
