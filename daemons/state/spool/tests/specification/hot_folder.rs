//! A folder whose files are sent.

use std::io::Write as _;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::time::Duration;

use crate::{name, spool_and_folders, tree};
use spool::{Finished, HotFile, HotFolder};

const SETTLE: Duration = Duration::from_secs(5);

fn at(seconds: u64) -> Finished {
    Finished { now: Duration::from_secs(seconds), settle: SETTLE, ..Finished::default() }
}

async fn ready(folder: &mut HotFolder) -> Vec<HotFile> {
    folder.scan(at(0)).await.unwrap();
    folder.scan(at(5)).await.unwrap().ready
}

fn names(files: &[HotFile]) -> Vec<&str> {
    files.iter().map(|file| file.name.as_str()).collect()
}

#[tokio::test]
async fn a_file_is_ready_when_it_did_not_change_for_as_long_as_the_folder_says() {
    let (_directory, _, folders) = spool_and_folders();
    let mut folder = folders.hot_folder(&name("bolt")).await.unwrap();
    let path = folder.path().join("PLAN");
    std::fs::write(&path, "one").unwrap();
    assert_eq!(names(&folder.scan(at(0)).await.unwrap().ready), [""; 0], "seen for the first time");
    assert_eq!(names(&folder.scan(at(4)).await.unwrap().ready), [""; 0], "its writer pauses");
    std::fs::write(&path, "one two").unwrap();
    assert_eq!(names(&folder.scan(at(5)).await.unwrap().ready), [""; 0], "it grew");
    assert_eq!(names(&folder.scan(at(9)).await.unwrap().ready), [""; 0]);
    let files = folder.scan(at(10)).await.unwrap().ready;
    assert_eq!((names(&files), files[0].octets), (vec!["PLAN"], 7));
}

#[tokio::test]
async fn a_file_that_somebody_writes_to_is_not_ready_however_long_it_does_not_change() {
    let (_directory, _, folders) = spool_and_folders();
    let mut folder = folders.hot_folder(&name("bolt")).await.unwrap();
    std::fs::write(folder.path().join("PLAN"), "preallocated").unwrap();
    folder.scan(at(0)).await.unwrap();
    let written = ["PLAN".into()].into();
    let scan = folder.scan(Finished { written, ..at(3600) }).await.unwrap();
    assert_eq!((names(&scan.ready), scan.unsettled), (vec![], 1));
    assert_eq!(names(&folder.scan(at(3601)).await.unwrap().ready), ["PLAN"]);
}

#[tokio::test]
async fn where_markers_are_made_a_file_is_ready_with_its_own_and_the_marker_goes_with_it() {
    let (_directory, _, folders) = spool_and_folders();
    let mut folder = folders.hot_folder(&name("bolt")).await.unwrap();
    let (path, marker) = (folder.path().join("PLAN"), folder.path().join("PLAN.done"));
    let with_markers = || Finished { marker: Some(".done".into()), ..at(3600) };
    // Left by a crash between taking a file and removing its marker: it says nothing of the next file.
    std::fs::write(&marker, "").unwrap();
    std::fs::write(&path, "content").unwrap();
    let earlier = path.metadata().unwrap().modified().unwrap() - Duration::from_mins(1);
    std::fs::File::open(&marker).unwrap().set_modified(earlier).unwrap();
    assert_eq!(names(&folder.scan(with_markers()).await.unwrap().ready), [""; 0]);
    std::fs::write(&marker, "").unwrap();
    let file = folder.scan(with_markers()).await.unwrap().ready.remove(0);
    assert_eq!(file.name.as_str(), "PLAN");
    let taken = folder.take(&file).await.unwrap();
    folder.settle(&taken).await.unwrap();
    assert_eq!(tree(folder.path()), [".taken/"]);
    std::fs::write(&marker, "").unwrap();
    assert_eq!(names(&folder.scan(with_markers()).await.unwrap().ready), [""; 0]);
    assert!(!marker.exists(), "a marker of nothing");
}

#[tokio::test]
async fn who_still_has_a_file_open_changes_nothing_of_what_is_queued() {
    let (directory, spool, folders) = spool_and_folders();
    let mut folder = folders.hot_folder(&name("bolt")).await.unwrap();
    let mut writer = std::fs::File::create(folder.path().join("PLAN")).unwrap();
    writer.write_all(b"content").unwrap();
    let file = ready(&mut folder).await.remove(0);
    let taken = folder.take(&file).await.unwrap();
    let payload = folder.take_in(&spool, &taken).await.unwrap();
    writer.write_all(b" and more").unwrap();
    let kept = directory.join("spool/out").join(payload.name.to_string());
    assert_eq!(std::fs::read(kept).unwrap(), b"content");
}

#[tokio::test]
async fn a_file_left_aside_gets_a_fresh_payload_name() {
    let (_directory, spool, folders) = spool_and_folders();
    let mut folder = folders.hot_folder(&name("bolt")).await.unwrap();
    std::fs::write(folder.path().join("PLAN"), "content").unwrap();
    let file = ready(&mut folder).await.remove(0);
    let old = folder.take(&file).await.unwrap();
    folder.take_in(&spool, &old).await.unwrap();
    let renewed = folder.renew(&old).await.unwrap();
    assert_ne!(renewed.payload, old.payload);
    assert!(renewed.payload.made_at() >= old.payload.made_at());
    assert_eq!(folder.taken().await.unwrap(), std::slice::from_ref(&renewed));
    assert_eq!(folder.take_in(&spool, &renewed).await.unwrap().octets, 7);
}

#[tokio::test]
async fn what_is_hidden_unfinished_or_no_plain_file_is_left_alone() {
    let (directory, _, folders) = spool_and_folders();
    let mut folder = folders.hot_folder(&name("bolt")).await.unwrap();
    for file in [".hidden", "a.part", "b.tmp", "c.filepart", "D.TMP", "sent"] {
        std::fs::write(folder.path().join(file), "x").unwrap();
    }
    std::fs::create_dir(folder.path().join("directory")).unwrap();
    symlink("/etc/passwd", folder.path().join("link")).unwrap();
    symlink(directory.path(), folder.path().join("directory link")).unwrap();
    assert_eq!(names(&ready(&mut folder).await), ["sent"]);
}

#[tokio::test]
async fn a_name_that_nobody_could_read_is_refused_and_stays() {
    let (_directory, _, folders) = spool_and_folders();
    let mut folder = folders.hot_folder(&name("bolt")).await.unwrap();
    for file in [&b"bad\xFF"[..], b"new\nline"] {
        let path = folder.path().join(std::ffi::OsStr::from_bytes(file));
        std::fs::write(path, "x").unwrap();
    }
    folder.scan(at(0)).await.unwrap();
    let scan = folder.scan(at(5)).await.unwrap();
    assert_eq!((scan.ready.len(), scan.refused.len()), (0, 2));
    let reasons: Vec<_> = scan.refused.iter().map(|file| file.reason.to_string()).collect();
    assert!(reasons[0].contains("it is not UTF-8"), "{reasons:?}");
    assert!(reasons[1].contains("control characters"), "{reasons:?}");
}

#[tokio::test]
async fn a_file_is_taken_queued_and_settled_and_then_only_its_payload_is_left() {
    let (directory, spool, folders) = spool_and_folders();
    let mut folder = folders.hot_folder(&name("bolt")).await.unwrap();
    std::fs::write(folder.path().join("PLAN.v2"), "content").unwrap();
    let file = ready(&mut folder).await.remove(0);
    let taken = folder.take(&file).await.unwrap();
    assert_eq!(taken.name.as_str(), "PLAN.v2");
    let payload = folder.take_in(&spool, &taken).await.unwrap();
    assert_eq!((&payload.name, payload.octets), (&taken.payload, 7));
    folder.settle(&taken).await.unwrap();
    assert_eq!(tree(folder.path()), [".taken/"]);
    assert_eq!(tree(&directory.join("spool/out")), [taken.payload.to_string()]);
    assert_eq!(folder.taken().await.unwrap(), []);
}

#[tokio::test]
async fn a_file_that_is_written_again_after_the_scan_is_not_taken() {
    let (_directory, _, folders) = spool_and_folders();
    let mut folder = folders.hot_folder(&name("bolt")).await.unwrap();
    let path = folder.path().join("PLAN");
    std::fs::write(&path, "content").unwrap();
    let file = ready(&mut folder).await.remove(0);
    std::fs::write(&path, "content and more").unwrap();
    assert_eq!(folder.take(&file).await.unwrap_err().code(), "E-SPOOL-CHANGED");
    std::fs::remove_file(&path).unwrap();
    assert_eq!(folder.take(&file).await.unwrap_err().code(), "E-SPOOL-MISSING");
    symlink("/etc/passwd", &path).unwrap();
    assert_eq!(folder.take(&file).await.unwrap_err().code(), "E-SPOOL-IRREGULAR");
}

#[tokio::test]
async fn after_a_crash_between_any_two_steps_a_file_is_queued_exactly_once() {
    for crash_after in 1..=4 {
        let (directory, spool, folders) = spool_and_folders();
        let mut queue = Vec::new();
        {
            let mut folder = folders.hot_folder(&name("bolt")).await.unwrap();
            std::fs::write(folder.path().join("PLAN"), "content").unwrap();
            let file = ready(&mut folder).await.remove(0);
            let taken = folder.take(&file).await.unwrap();
            if crash_after > 1 {
                folder.take_in(&spool, &taken).await.unwrap();
            }
            if crash_after > 2 {
                queue.push(taken.payload.clone());
            }
            if crash_after > 3 {
                folder.settle(&taken).await.unwrap();
            }
        }
        let mut folder = folders.hot_folder(&name("bolt")).await.unwrap();
        for taken in folder.taken().await.unwrap() {
            if !queue.contains(&taken.payload) {
                queue.push(folder.take_in(&spool, &taken).await.unwrap().name);
            }
            folder.settle(&taken).await.unwrap();
        }
        assert_eq!(names(&ready(&mut folder).await), [""; 0]);
        assert_eq!(queue.len(), 1, "crash after step {crash_after}");
        let kept = directory.join("spool/out").join(queue[0].to_string());
        assert_eq!(std::fs::read(kept).unwrap(), b"content");
        assert_eq!(tree(folder.path()), [".taken/"]);
    }
}

#[tokio::test]
async fn a_file_that_cannot_be_queued_is_put_where_a_person_finds_it() {
    let (directory, spool, folders) = spool_and_folders();
    let mut folder = folders.hot_folder(&name("bolt")).await.unwrap();
    std::fs::write(folder.path().join("PLAN"), "content").unwrap();
    let file = ready(&mut folder).await.remove(0);
    let taken = folder.take(&file).await.unwrap();
    folder.take_in(&spool, &taken).await.unwrap();
    let path = folder.refuse(&spool, &taken).await.unwrap();
    assert!(path.ends_with(format!("bolt/.refused/{}.PLAN", taken.payload)), "{path:?}");
    assert_eq!(std::fs::read(path).unwrap(), b"content");
    assert_eq!(tree(&directory.join("spool/out")), [""; 0]);
    assert_eq!(folder.taken().await.unwrap(), []);
}

#[tokio::test]
async fn folders_for_the_group_are_the_groups_whatever_the_umask() {
    use std::os::unix::fs::PermissionsExt as _;
    let directory = support::TemporaryDirectory::new();
    // Another process's umask is as good as ours: what is made lets the group in.
    let path = directory.join("share/out/bolt");
    let folder = HotFolder::open(&directory.join("share/out"), "bolt".as_ref()).await.unwrap();
    let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(folder.path()), 0o770);
    assert_eq!(mode(&directory.join("share")), 0o770);
    assert_eq!(mode(&path.join(".taken")), 0o700);
}

#[tokio::test]
async fn a_link_leads_to_a_place_and_none_leads_out_of_it() {
    use std::os::unix::fs::symlink;
    let directory = support::TemporaryDirectory::new();
    let (real, linked) = (directory.join("real"), directory.join("linked"));
    std::fs::create_dir_all(real.join("theirs")).unwrap();
    symlink(&real, &linked).unwrap();
    let folder = HotFolder::open(&linked, "bolt/plans".as_ref()).await.unwrap();
    std::fs::write(folder.path().join("PLAN"), "content").unwrap();
    assert!(real.join("bolt/plans/PLAN").exists());
    symlink(real.join("theirs"), real.join("bolt/out")).unwrap();
    for below in ["bolt/out", "bolt/out/deeper"] {
        let error = HotFolder::open(&linked, below.as_ref()).await.unwrap_err();
        assert_eq!(error.code(), "E-SPOOL-DIRECTORY", "{below}: {error}");
    }
    assert_eq!(std::fs::read_dir(real.join("theirs")).unwrap().count(), 0);
}
