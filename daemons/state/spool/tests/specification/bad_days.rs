//! Full disks, missing directories, rights that are not there.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use crate::{append, epoch, part_name, sync, tree};
use domain::Target;
use spool::{Delivery, FileSpool, Folders, Part, Parts, Payloads, SpoolError, TakeIn};
use support::{TemporaryDirectory, TinyDisk};

/// What a daemon opens.
fn open(data: &Path) -> Result<(FileSpool, Folders), SpoolError> {
    Ok((FileSpool::open(data)?, Folders::open(data)?))
}

#[test]
fn opening_makes_the_directories_that_are_missing() {
    let directory = TemporaryDirectory::new();
    open(&directory.join("data")).unwrap();
    open(&directory.join("data")).unwrap();
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
    let error = open(&directory.join("disk/data")).unwrap_err();
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
        let error = open(directory.path()).unwrap_err();
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
    open(&directory.join("data")).unwrap();
    assert!(directory.join("real/spool/in").exists());
}

#[test]
fn a_directory_that_may_not_be_written_is_named_with_its_cure() {
    support::unprivileged!();
    let directory = TemporaryDirectory::new();
    open(directory.path()).unwrap();
    let outgoing = directory.join("outgoing");
    std::fs::set_permissions(&outgoing, PermissionsExt::from_mode(0o500)).unwrap();
    let error = open(directory.path()).unwrap_err();
    assert_eq!(error.code(), "E-SPOOL-DIRECTORY");
    assert!(error.to_string().contains("outgoing may not be written by this user"), "{error}");
}

#[test]
fn a_read_only_file_system_is_named_with_its_cure() {
    let disk = match TinyDisk::mount(1 << 20) {
        Ok(disk) => disk,
        Err(reason) => support::skip!(mount, "{reason}"),
    };
    open(disk.path()).unwrap();
    disk.set_read_only(true);
    let error = open(disk.path()).unwrap_err();
    assert_eq!(error.code(), "E-SPOOL-DIRECTORY");
    assert!(error.to_string().contains("mounted read-only; mount it writable"), "{error}");
}

#[tokio::test]
async fn to_a_folder_on_another_file_system_a_file_goes_by_a_copy() {
    let disk = match TinyDisk::mount(1 << 20) {
        Ok(disk) => disk,
        Err(reason) => support::skip!(mount, "{reason}"),
    };
    let directory = TemporaryDirectory::new();
    let (spool, folders) = open(directory.path()).unwrap();
    let part = part_name("1/a.part");
    spool.write_part(&part, b"content".to_vec()).await.unwrap().finish().await.unwrap();
    let folder = directory.join("incoming/bolt");
    std::fs::create_dir(&folder).unwrap();
    let bound = std::process::Command::new("mount")
        .args(["--bind".as_ref(), disk.path(), folder.as_path()])
        .status()
        .unwrap();
    assert!(bound.success());
    let target: Target = "bolt/F".parse().unwrap();
    let delivered = folders.deliver_all(&spool, &[(part.clone(), target.clone())]).await;
    let again = folders.deliver_all(&spool, &[(part, target)]).await;
    std::process::Command::new("umount").arg("--lazy").arg(&folder).status().unwrap();
    assert_eq!(delivered.unwrap()[0].as_ref().unwrap(), &Delivery::Delivered);
    assert_eq!(again.unwrap()[0].as_ref().unwrap(), &Delivery::DeliveredBefore);
    assert_eq!(std::fs::read(disk.path().join("F")).unwrap(), b"content");
    assert_eq!(tree(disk.path()), ["F"], "no half copy is left");
    assert_eq!(tree(&directory.join("spool/in")), ["1/", "1/a.placed"]);
}

#[tokio::test]
async fn on_a_full_disk_what_was_durable_stays_and_the_part_goes_on_when_there_is_room() {
    let disk = match TinyDisk::mount(256 * 1024) {
        Ok(disk) => disk,
        Err(reason) => support::skip!(mount, "{reason}"),
    };
    let spool = FileSpool::open(disk.path()).unwrap();
    let mut part = spool.create_part(&part_name("1/a.part")).await.unwrap();
    append(&mut part, &octets(b'a', 64)).await.unwrap();
    let durable = sync(&mut part).await.unwrap();
    let filler = disk.path().join("filler");
    std::fs::write(&filler, vec![0; 128 * 1024]).unwrap();
    assert!(spool.free_octets().unwrap().unwrap() <= 32 * 1024);

    let error = append(&mut part, &octets(b'b', 256)).await.unwrap_err();
    assert_eq!(error.code(), "E-SPOOL-FULL");
    let message = error.to_string();
    assert!(message.contains("1/a.part") && message.contains("free space there"), "{message}");
    let name = part.name().clone();
    drop(part);

    std::fs::remove_file(filler).unwrap();
    let mut part = spool.resume_part(&name, durable, epoch(1)).await.unwrap();
    append(&mut part, &octets(b'c', 64)).await.unwrap();
    assert_eq!(part.finish().await.unwrap(), 128 * 1024);
    let content = std::fs::read(disk.path().join("spool/in/1/a.part")).unwrap();
    assert!(content == [octets(b'a', 64), octets(b'c', 64)].concat());
}

#[tokio::test]
async fn whoever_sends_without_end_leaves_room_on_the_disk_for_the_database() {
    let disk = match TinyDisk::mount(1 << 20) {
        Ok(disk) => disk,
        Err(reason) => support::skip!(mount, "{reason}"),
    };
    let spool = FileSpool::open(disk.path()).unwrap();
    let mut part = spool.create_part(&part_name("1/a.part")).await.unwrap();
    let error = loop {
        if let Err(error) = append(&mut part, &octets(b'a', 64)).await {
            break error;
        }
    };
    assert_eq!(error.code(), "E-SPOOL-FULL");
    assert!(error.to_string().contains("kept for the database"), "{error}");
    let whole = octets(b'b', 64);
    let small = spool.write_part(&part_name("1/b.part"), whole).await.map(|_| ());
    assert_eq!(small.unwrap_err().code(), "E-SPOOL-FULL", "small files are no exception");
    std::fs::write(disk.path().join("seon.db"), vec![0; 100 * 1024]).unwrap();
    // What came before is not in doubt.
    assert_eq!(sync(&mut part).await.unwrap(), part.octets());
}

#[tokio::test]
async fn on_a_full_disk_nothing_half_is_taken_in() {
    let disk = match TinyDisk::mount(128 * 1024) {
        Ok(disk) => disk,
        Err(reason) => support::skip!(mount, "{reason}"),
    };
    let spool = FileSpool::open(disk.path()).unwrap();
    let directory = TemporaryDirectory::new();
    let source = directory.join("big");
    support::write_pseudo_random(&source, 512 * 1024, 1);
    for how in [TakeIn::Copy, TakeIn::Move] {
        let error = spool.take_in(&source, how).await.unwrap_err();
        assert_eq!(error.code(), "E-SPOOL-FULL", "{error}");
        assert_eq!(tree(&disk.path().join("spool/out")), [""; 0]);
        assert!(source.exists());
    }
}

#[tokio::test]
async fn a_source_that_may_not_be_read_says_so() {
    support::unprivileged!();
    let directory = TemporaryDirectory::new();
    let spool = FileSpool::open(directory.path()).unwrap();
    let source = directory.join("secret");
    std::fs::write(&source, "x").unwrap();
    std::fs::set_permissions(&source, PermissionsExt::from_mode(0o000)).unwrap();
    let error = spool.take_in(&source, TakeIn::Copy).await.unwrap_err();
    assert!(matches!(error, SpoolError::Denied { .. }), "{error}");
    assert_eq!(error.code(), "E-SPOOL-DENIED");
}

fn octets(octet: u8, kilobytes: usize) -> Vec<u8> {
    vec![octet; kilobytes * 1024]
}
