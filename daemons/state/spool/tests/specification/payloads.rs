//! Payloads that wait to be sent.

use std::os::unix::fs::{MetadataExt, symlink};

use crate::{read_all, spool, tree};
use domain::PayloadName;
use spool::{Parts, Payload, PayloadWriter, Payloads, Reader, TakeIn};
use support::{PseudoRandom, sha256, write_pseudo_random};
use uuid::Uuid;

#[tokio::test]
async fn a_copied_payload_is_complete_and_its_own() {
    let (directory, spool) = spool();
    let source = directory.join("big.dat");
    write_pseudo_random(&source, 5_000_000, 1);
    let hash = sha256(&source);
    let payload = spool.take_in(&source, TakeIn::Copy).await.unwrap();
    assert_eq!(payload.octets, 5_000_000);
    std::fs::write(&source, "changed later").unwrap();
    let kept = directory.join("spool/out").join(payload.name.to_string());
    assert_eq!(sha256(&kept), hash);
    assert_eq!(tree(&directory.join("spool/out")), [payload.name.to_string()]);
}

#[tokio::test]
async fn a_moved_payload_is_the_same_file_and_its_source_goes_when_it_is_queued() {
    let (directory, spool) = spool();
    let source = directory.join("report");
    std::fs::write(&source, "content").unwrap();
    let file = std::fs::metadata(&source).unwrap().ino();
    let payload = spool.take_in(&source, TakeIn::Move).await.unwrap();
    assert!(source.exists(), "a crash here must find it again");
    assert!(payload.remove_source(&source).await.unwrap());
    assert!(!source.exists());
    let kept = directory.join("spool/out").join(payload.name.to_string());
    assert_eq!(std::fs::metadata(kept).unwrap().ino(), file);
}

#[tokio::test]
async fn a_source_that_was_replaced_meanwhile_is_not_removed() {
    let (directory, spool) = spool();
    let source = directory.join("report");
    std::fs::write(&source, "first").unwrap();
    let payload = spool.take_in(&source, TakeIn::Move).await.unwrap();
    std::fs::remove_file(&source).unwrap();
    assert!(!payload.remove_source(&source).await.unwrap());
    std::fs::write(&source, "second").unwrap();
    assert!(!payload.remove_source(&source).await.unwrap());
    assert_eq!(std::fs::read(&source).unwrap(), b"second");
}

#[tokio::test]
async fn a_payload_moved_from_another_file_system_is_a_copy() {
    let (_directory, spool) = spool();
    let disk = match support::TinyDisk::mount(1 << 20) {
        Ok(disk) => disk,
        Err(reason) => support::skip!(mount, "{reason}"),
    };
    let source = disk.path().join("report");
    std::fs::write(&source, "content").unwrap();
    let payload = spool.take_in(&source, TakeIn::Move).await.unwrap();
    assert!(payload.remove_source(&source).await.unwrap());
    let reader = spool.open_payload(&payload, 0).await.unwrap();
    assert_eq!(read_all(reader).await, b"content");
}

#[tokio::test]
async fn a_payload_is_read_from_any_offset_to_its_end() {
    let (directory, spool) = spool();
    let content = PseudoRandom::new(3).octets(10_000);
    let source = directory.join("f");
    std::fs::write(&source, &content).unwrap();
    let payload = spool.take_in(&source, TakeIn::Copy).await.unwrap();
    for offset in [0, 1, 1024, 9_999, 10_000] {
        let reader = spool.open_payload(&payload, offset as u64).await.unwrap();
        assert_eq!(reader.octets(), 10_000);
        assert!(read_all(reader).await == content[offset..]);
    }
    let error = spool.open_payload(&payload, 10_001).await.unwrap_err();
    assert_eq!(error.code(), "E-SPOOL-SHORT", "{error}");
}

#[tokio::test]
async fn what_is_no_plain_file_cannot_be_sent() {
    let (directory, spool) = spool();
    let fifo = directory.join("fifo");
    let made = std::process::Command::new("mkfifo").arg(&fifo).status().unwrap();
    assert!(made.success());
    for path in [directory.path(), fifo.as_path(), "/dev/null".as_ref()] {
        let error = spool.take_in(path, TakeIn::Copy).await.unwrap_err();
        assert_eq!(error.code(), "E-SPOOL-IRREGULAR", "{error}");
    }
    let error = spool.take_in(&directory.join("none"), TakeIn::Copy).await.unwrap_err();
    assert_eq!(error.code(), "E-SPOOL-MISSING", "{error}");
    assert_eq!(tree(&directory.join("spool/out")), [""; 0]);
}

#[tokio::test]
async fn a_link_may_be_copied_from_but_not_moved() {
    let (directory, spool) = spool();
    let (source, link) = (directory.join("source"), directory.join("link"));
    std::fs::write(&source, "content").unwrap();
    symlink(&source, &link).unwrap();
    assert_eq!(spool.take_in(&link, TakeIn::Copy).await.unwrap().octets, 7);
    let error = spool.take_in(&link, TakeIn::Move).await.unwrap_err();
    assert_eq!(error.code(), "E-SPOOL-IRREGULAR", "{error}");
}

#[tokio::test]
async fn a_payload_that_comes_piece_by_piece_is_there_when_it_is_finished_and_not_before() {
    let (directory, spool) = spool();
    let out = directory.join("spool/out");
    let mut writer = spool.new_payload(0).await.unwrap();
    writer.append(&mut b"one, ".to_vec()).await.unwrap();
    writer.append(&mut b"two".to_vec()).await.unwrap();
    assert_eq!(writer.octets(), 8);
    assert!(tree(&out).iter().all(|name| name.parse::<PayloadName>().is_err()));
    let payload = writer.finish().await.unwrap();
    assert_eq!(payload.octets, 8);
    assert_eq!(tree(&out), [payload.name.to_string()]);
    assert_eq!(std::fs::read(out.join(payload.name.to_string())).unwrap(), b"one, two");
}

#[tokio::test]
async fn a_payload_that_is_never_finished_leaves_nothing() {
    let (directory, spool) = spool();
    let mut writer = spool.new_payload(0).await.unwrap();
    writer.append(&mut b"half".to_vec()).await.unwrap();
    drop(writer);
    assert_eq!(tree(&directory.join("spool/out")), Vec::<String>::new());
}

#[tokio::test]
async fn together_payloads_are_promised_no_more_room_than_there_is() {
    let (_directory, spool) = spool();
    // Somebody else may write to this disk meanwhile, but hardly so much.
    let most = spool.free_octets().unwrap().unwrap() / 5 * 3;
    let one = spool.new_payload(most).await.unwrap();
    assert!(spool.free_octets().unwrap().unwrap() < most, "it is not offered to others");
    let error = spool.new_payload(most).await.unwrap_err();
    assert_eq!(error.code(), "E-SPOOL-FULL");
    assert!(error.to_string().contains(&format!("it may become {most} octets")), "{error}");
    spool.new_payload(most / 10).await.unwrap();
    drop(one);
    spool.new_payload(most).await.unwrap();
}

#[tokio::test]
async fn a_removed_payload_is_missing() {
    let (directory, spool) = spool();
    std::fs::write(directory.join("f"), "content").unwrap();
    let payload = spool.take_in(&directory.join("f"), TakeIn::Copy).await.unwrap();
    assert!(spool.remove_payload(&payload.name).await.unwrap());
    assert!(!spool.remove_payload(&payload.name).await.unwrap());
    let error = spool.open_payload(&payload, 0).await.unwrap_err();
    assert_eq!(error.code(), "E-SPOOL-PAYLOAD", "{error}");
}

#[tokio::test]
async fn a_link_in_the_spool_is_not_read() {
    let (directory, spool) = spool();
    let name = PayloadName::new(Uuid::nil());
    symlink("/etc/passwd", directory.join("spool/out").join(name.to_string())).unwrap();
    let payload = Payload::new(name, 7);
    for error in [
        spool.open_payload(&payload, 0).await.unwrap_err(),
        spool.check_payload(&payload).await.unwrap_err(),
    ] {
        assert_eq!(error.code(), "E-SPOOL-IRREGULAR", "{error}");
    }
}
