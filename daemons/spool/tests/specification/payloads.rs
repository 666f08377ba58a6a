//! Payloads that wait to be sent.

use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, symlink};

use crate::{spool, tree};
use spool::{PayloadName, TakeIn};
use support::{PseudoRandom, sha256, write_pseudo_random};

#[test]
fn a_copied_payload_is_complete_and_its_own() {
    let (directory, spool) = spool();
    let source = directory.join("big.dat");
    write_pseudo_random(&source, 5_000_000, 1);
    let hash = sha256(&source);
    let payload = spool.take_in(&source, TakeIn::Copy).unwrap();
    assert_eq!(payload.octets, 5_000_000);
    std::fs::write(&source, "changed later").unwrap();
    let kept = directory.join("spool/out").join(payload.name.to_string());
    assert_eq!(sha256(&kept), hash);
    assert_eq!(tree(&directory.join("spool/out")), [payload.name.to_string()]);
}

#[test]
fn a_moved_payload_is_the_same_file_and_its_source_goes_when_it_is_queued() {
    let (directory, spool) = spool();
    let source = directory.join("report");
    std::fs::write(&source, "content").unwrap();
    let file = std::fs::metadata(&source).unwrap().ino();
    let payload = spool.take_in(&source, TakeIn::Move).unwrap();
    assert!(source.exists(), "a crash here must find it again");
    assert!(spool.remove_source(&source, &payload).unwrap());
    assert!(!source.exists());
    let kept = directory.join("spool/out").join(payload.name.to_string());
    assert_eq!(std::fs::metadata(kept).unwrap().ino(), file);
}

#[test]
fn a_source_that_was_replaced_meanwhile_is_not_removed() {
    let (directory, spool) = spool();
    let source = directory.join("report");
    std::fs::write(&source, "first").unwrap();
    let payload = spool.take_in(&source, TakeIn::Move).unwrap();
    std::fs::remove_file(&source).unwrap();
    assert!(!spool.remove_source(&source, &payload).unwrap());
    std::fs::write(&source, "second").unwrap();
    assert!(!spool.remove_source(&source, &payload).unwrap());
    assert_eq!(std::fs::read(&source).unwrap(), b"second");
}

#[test]
fn a_payload_moved_from_another_file_system_is_a_copy() {
    let (_directory, spool) = spool();
    let disk = match support::TinyDisk::mount(1 << 20) {
        Ok(disk) => disk,
        Err(reason) => support::skip!(mount, "{reason}"),
    };
    let source = disk.path().join("report");
    std::fs::write(&source, "content").unwrap();
    let payload = spool.take_in(&source, TakeIn::Move).unwrap();
    assert!(spool.remove_source(&source, &payload).unwrap());
    let mut content = String::new();
    spool.open_payload(&payload.name, 0).unwrap().read_to_string(&mut content).unwrap();
    assert_eq!(content, "content");
}

#[test]
fn a_payload_is_read_from_any_offset_to_its_end() {
    let (directory, spool) = spool();
    let content = PseudoRandom::new(3).octets(10_000);
    let source = directory.join("f");
    std::fs::write(&source, &content).unwrap();
    let payload = spool.take_in(&source, TakeIn::Copy).unwrap();
    for offset in [0, 1, 1024, 9_999, 10_000] {
        let mut reader = spool.open_payload(&payload.name, offset as u64).unwrap();
        assert_eq!((reader.octets(), reader.position()), (10_000, offset as u64));
        let mut buffer = vec![0; 4096];
        let mut read = Vec::new();
        loop {
            let count = reader.fill(&mut buffer).unwrap();
            read.extend_from_slice(&buffer[..count]);
            if count < buffer.len() {
                break;
            }
        }
        assert!(read == content[offset..]);
        assert_eq!(reader.position(), 10_000);
        assert_eq!(reader.fill(&mut buffer).unwrap(), 0);
    }
    let error = spool.open_payload(&payload.name, 10_001).unwrap_err();
    assert_eq!(error.code(), "E-SPOOL-SHORT", "{error}");
}

#[test]
fn what_is_no_plain_file_cannot_be_sent() {
    let (directory, spool) = spool();
    let fifo = directory.join("fifo");
    let made = std::process::Command::new("mkfifo").arg(&fifo).status().unwrap();
    assert!(made.success());
    for path in [directory.path(), fifo.as_path(), "/dev/null".as_ref()] {
        let error = spool.take_in(path, TakeIn::Copy).unwrap_err();
        assert_eq!(error.code(), "E-SPOOL-IRREGULAR", "{error}");
    }
    let error = spool.take_in(&directory.join("none"), TakeIn::Copy).unwrap_err();
    assert_eq!(error.code(), "E-SPOOL-MISSING", "{error}");
    assert_eq!(tree(&directory.join("spool/out")), [""; 0]);
}

#[test]
fn a_link_may_be_copied_from_but_not_moved() {
    let (directory, spool) = spool();
    let (source, link) = (directory.join("source"), directory.join("link"));
    std::fs::write(&source, "content").unwrap();
    symlink(&source, &link).unwrap();
    assert_eq!(spool.take_in(&link, TakeIn::Copy).unwrap().octets, 7);
    let error = spool.take_in(&link, TakeIn::Move).unwrap_err();
    assert_eq!(error.code(), "E-SPOOL-IRREGULAR", "{error}");
}

#[test]
fn a_payload_that_comes_piece_by_piece_is_there_when_it_is_finished_and_not_before() {
    let (directory, spool) = spool();
    let out = directory.join("spool/out");
    let mut writer = spool.new_payload().unwrap();
    writer.write_all(b"one, ").unwrap();
    writer.write_all(b"two").unwrap();
    assert_eq!(writer.octets(), 8);
    assert!(tree(&out).iter().all(|name| name.parse::<PayloadName>().is_err()));
    let payload = writer.finish().unwrap();
    assert_eq!(payload.octets, 8);
    assert_eq!(tree(&out), [payload.name.to_string()]);
    assert_eq!(std::fs::read(out.join(payload.name.to_string())).unwrap(), b"one, two");
}

#[test]
fn a_payload_that_is_never_finished_leaves_nothing() {
    let (directory, spool) = spool();
    let mut writer = spool.new_payload().unwrap();
    writer.write_all(b"half").unwrap();
    drop(writer);
    assert_eq!(tree(&directory.join("spool/out")), Vec::<String>::new());
}

#[test]
fn a_removed_payload_is_missing() {
    let (directory, spool) = spool();
    std::fs::write(directory.join("f"), "content").unwrap();
    let payload = spool.take_in(&directory.join("f"), TakeIn::Copy).unwrap();
    assert!(spool.remove_payload(&payload.name).unwrap());
    assert!(!spool.remove_payload(&payload.name).unwrap());
    let error = spool.open_payload(&payload.name, 0).unwrap_err();
    assert_eq!(error.code(), "E-SPOOL-MISSING", "{error}");
}

#[test]
fn a_link_in_the_spool_is_not_read() {
    let (directory, spool) = spool();
    let name = PayloadName::fresh();
    symlink("/etc/passwd", directory.join("spool/out").join(name.to_string())).unwrap();
    let error = spool.open_payload(&name, 0).unwrap_err();
    assert_eq!(error.code(), "E-SPOOL-IRREGULAR", "{error}");
}
