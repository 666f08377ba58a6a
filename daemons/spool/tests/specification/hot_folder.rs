//! A folder whose files are sent.

use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;

use crate::{name, spool, tree};
use spool::{HotFile, HotFolder};

fn ready(folder: &mut HotFolder) -> Vec<HotFile> {
    folder.scan().unwrap();
    folder.scan().unwrap().ready
}

fn names(files: &[HotFile]) -> Vec<&str> {
    files.iter().map(|file| file.name.as_str()).collect()
}

#[test]
fn a_file_is_ready_when_it_did_not_change_between_two_scans() {
    let (_directory, spool) = spool();
    let mut folder = spool.hot_folder(&name("bolt")).unwrap();
    let path = folder.path().join("PLAN");
    std::fs::write(&path, "one").unwrap();
    assert_eq!(names(&folder.scan().unwrap().ready), [""; 0], "seen for the first time");
    std::fs::write(&path, "one two").unwrap();
    assert_eq!(names(&folder.scan().unwrap().ready), [""; 0], "it grew");
    let files = folder.scan().unwrap().ready;
    assert_eq!((names(&files), files[0].octets), (vec!["PLAN"], 7));
}

#[test]
fn what_is_hidden_unfinished_or_no_plain_file_is_left_alone() {
    let (directory, spool) = spool();
    let mut folder = spool.hot_folder(&name("bolt")).unwrap();
    for file in [".hidden", "a.part", "b.tmp", "c.filepart", "D.TMP", "sent"] {
        std::fs::write(folder.path().join(file), "x").unwrap();
    }
    std::fs::create_dir(folder.path().join("directory")).unwrap();
    symlink("/etc/passwd", folder.path().join("link")).unwrap();
    symlink(directory.path(), folder.path().join("directory link")).unwrap();
    assert_eq!(names(&ready(&mut folder)), ["sent"]);
}

#[test]
fn a_name_that_nobody_could_read_is_refused_and_stays() {
    let (_directory, spool) = spool();
    let mut folder = spool.hot_folder(&name("bolt")).unwrap();
    for file in [&b"bad\xFF"[..], b"new\nline"] {
        let path = folder.path().join(std::ffi::OsStr::from_bytes(file));
        std::fs::write(path, "x").unwrap();
    }
    folder.scan().unwrap();
    let scan = folder.scan().unwrap();
    assert_eq!((scan.ready.len(), scan.refused.len()), (0, 2));
    let reasons: Vec<_> = scan.refused.iter().map(|file| file.reason.to_string()).collect();
    assert!(reasons[0].contains("it is not UTF-8"), "{reasons:?}");
    assert!(reasons[1].contains("control characters"), "{reasons:?}");
}

#[test]
fn a_file_is_taken_queued_and_settled_and_then_only_its_payload_is_left() {
    let (directory, spool) = spool();
    let mut folder = spool.hot_folder(&name("bolt")).unwrap();
    std::fs::write(folder.path().join("PLAN.v2"), "content").unwrap();
    let file = ready(&mut folder).remove(0);
    let taken = folder.take(&file).unwrap();
    assert_eq!(taken.name.as_str(), "PLAN.v2");
    let payload = folder.take_in(&taken).unwrap();
    assert_eq!((&payload.name, payload.octets), (&taken.payload, 7));
    folder.settle(&taken).unwrap();
    assert_eq!(tree(folder.path()), [".taken/"]);
    assert_eq!(tree(&directory.join("spool/out")), [taken.payload.to_string()]);
    assert_eq!(folder.taken().unwrap(), []);
}

#[test]
fn a_file_that_is_written_again_after_the_scan_is_not_taken() {
    let (_directory, spool) = spool();
    let mut folder = spool.hot_folder(&name("bolt")).unwrap();
    let path = folder.path().join("PLAN");
    std::fs::write(&path, "content").unwrap();
    let file = ready(&mut folder).remove(0);
    std::fs::write(&path, "content and more").unwrap();
    assert_eq!(folder.take(&file).unwrap_err().code(), "E-SPOOL-CHANGED");
    std::fs::remove_file(&path).unwrap();
    assert_eq!(folder.take(&file).unwrap_err().code(), "E-SPOOL-MISSING");
    symlink("/etc/passwd", &path).unwrap();
    assert_eq!(folder.take(&file).unwrap_err().code(), "E-SPOOL-IRREGULAR");
}

#[test]
fn after_a_crash_between_any_two_steps_a_file_is_queued_exactly_once() {
    for crash_after in 1..=4 {
        let (directory, spool) = spool();
        let mut queue = Vec::new();
        {
            let mut folder = spool.hot_folder(&name("bolt")).unwrap();
            std::fs::write(folder.path().join("PLAN"), "content").unwrap();
            let file = ready(&mut folder).remove(0);
            let taken = folder.take(&file).unwrap();
            if crash_after > 1 {
                folder.take_in(&taken).unwrap();
            }
            if crash_after > 2 {
                queue.push(taken.payload.clone());
            }
            if crash_after > 3 {
                folder.settle(&taken).unwrap();
            }
        }
        let mut folder = spool.hot_folder(&name("bolt")).unwrap();
        for taken in folder.taken().unwrap() {
            if !queue.contains(&taken.payload) {
                queue.push(folder.take_in(&taken).unwrap().name);
            }
            folder.settle(&taken).unwrap();
        }
        assert_eq!(names(&ready(&mut folder)), [""; 0]);
        assert_eq!(queue.len(), 1, "crash after step {crash_after}");
        let kept = directory.join("spool/out").join(queue[0].to_string());
        assert_eq!(std::fs::read(kept).unwrap(), b"content");
        assert_eq!(tree(folder.path()), [".taken/"]);
    }
}

#[test]
fn a_file_that_cannot_be_queued_is_put_where_a_person_finds_it() {
    let (directory, spool) = spool();
    let mut folder = spool.hot_folder(&name("bolt")).unwrap();
    std::fs::write(folder.path().join("PLAN"), "content").unwrap();
    let file = ready(&mut folder).remove(0);
    let taken = folder.take(&file).unwrap();
    folder.take_in(&taken).unwrap();
    let path = folder.refuse(&taken).unwrap();
    assert!(path.ends_with(format!("bolt/.refused/{}.PLAN", taken.payload)), "{path:?}");
    assert_eq!(std::fs::read(path).unwrap(), b"content");
    assert_eq!(tree(&directory.join("spool/out")), [""; 0]);
    assert_eq!(folder.taken().unwrap(), []);
}
