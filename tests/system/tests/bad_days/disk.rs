//! Disks that are full, folders that are gone.

use std::fs;
use std::path::Path;

use oftp::session::Request;
use support::{TinyDisk, sha256, wait_until_blocking, write_pseudo_random};
use system::{
    Break, Caller, Line, PATIENCE, Pair, Proxy, Way, assert_each_arrived_once, incoming, offer,
};

use super::{RECOVERY, running, wait_for_error};

const MEBIBYTE: u64 = 1 << 20;
const DISK: u64 = 256 * MEBIBYTE;

macro_rules! tiny_disk {
    () => {
        match TinyDisk::mount(DISK) {
            Ok(disk) => disk,
            Err(reason) => support::skip!(mount, "{reason}"),
        }
    };
}

#[test]
fn a_file_that_does_not_fit_waits_at_the_sender_until_there_is_room() {
    let disk = tiny_disk!();
    let (pair, _acme, _bolt) = running(Line::Tls, Line::Tcp, |pair| {
        pair.bolt.storage = Some(disk.path().join("data"));
    });
    let filler = disk.path().join("somebody-elses");
    write_pseudo_random(&filler, 160 * MEBIBYTE, 1);
    let file = pair.acme.file("BIG.DAT", 80 * MEBIBYTE);
    let entry = pair.acme.enqueue("bolt", &file, &[]);
    let row = wait_for_error(&pair.acme, entry);
    assert_eq!(row["error_code"], "E-FILE-SFNA-06", "{row}");
    pair.bolt.wait_for_code("E-FILE-TOO-BIG");
    fs::remove_file(filler).unwrap();
    pair.acme.wait_for_state(entry, "acknowledged", RECOVERY);
    assert_each_arrived_once(&pair.acme, &pair.bolt, &[sha256(&file)]);
}

#[test]
fn a_package_that_has_no_room_waits_and_is_made_when_there_is_some_and_others_go_on() {
    let disk = tiny_disk!();
    let mut pair = Pair::secured();
    pair.acme.storage = Some(disk.path().join("data"));
    pair.write(Line::Tls, Line::Tcp);
    let (acme, _bolt) = (pair.acme.up(), pair.bolt.up());
    pair.acme.wait_until_ready();
    pair.bolt.wait_until_ready();
    // Room for the file, and not for its package beside it.
    let filler = disk.path().join("somebody-elses");
    write_pseudo_random(&filler, 120 * MEBIBYTE, 1);
    let large = pair.acme.file("BIG.DAT", 60 * MEBIBYTE);
    let waits = pair.acme.enqueue("bolt", &large, &[]);
    acme.0.wait_for_line(PATIENCE, |line| line.contains("E-SPOOL-FULL"));
    assert_eq!(pair.acme.state(waits), "preparing");
    let small = pair.acme.file("SMALL.DAT", 100_000);
    let fits = pair.acme.enqueue("bolt", &small, &[]);
    pair.acme.wait_for_state(fits, "acknowledged", PATIENCE);
    fs::remove_file(filler).unwrap();
    pair.acme.wait_for_state(waits, "acknowledged", RECOVERY);
    assert_each_arrived_once(&pair.acme, &pair.bolt, &[sha256(&small), sha256(&large)]);
}

#[test]
fn a_disk_that_is_full_when_a_package_is_to_be_unwrapped_loses_nothing() {
    let disk = tiny_disk!();
    let mut pair = Pair::secured();
    let proxy = Proxy::to(pair.bolt.tcp);
    pair.bolt.storage = Some(disk.path().join("data"));
    pair.write(Line::TcpBy(proxy.port), Line::Tcp);
    let (_acme, bolt) = (pair.acme.up(), pair.bolt.up());
    pair.acme.wait_until_ready();
    pair.bolt.wait_until_ready();
    // It is taken, for there was room for both, and then somebody else takes what its content needs.
    proxy.plan(Break::StallAfter(Way::ToCalled, 40 * MEBIBYTE));
    let file = pair.acme.file("BIG.DAT", 60 * MEBIBYTE);
    let entry = pair.acme.enqueue("bolt", &file, &[]);
    wait_until_blocking("the middle of the package", PATIENCE, || proxy.stalled() == 1);
    let filler = disk.path().join("somebody-elses");
    write_pseudo_random(&filler, 140 * MEBIBYTE, 1);
    proxy.open();
    bolt.0.wait_for_line(PATIENCE, |line| line.contains("E-SPOOL-FULL"));
    assert_eq!(pair.acme.state(entry), "sent", "they have it, and say nothing of it yet");
    assert!(incoming(&pair.bolt).is_empty());
    fs::remove_file(filler).unwrap();
    pair.acme.wait_for_state(entry, "acknowledged", RECOVERY);
    assert_each_arrived_once(&pair.acme, &pair.bolt, &[sha256(&file)]);
}

/// Takes the last octet of a disk.
fn fill(path: &Path) {
    let mut file = fs::File::create(path).unwrap();
    let mut rest = vec![1; 64 * 1024];
    while !rest.is_empty() {
        use std::io::Write;
        if file.write_all(&rest).is_err() {
            rest.truncate(rest.len() / 2);
        }
    }
}

#[test]
fn a_disk_that_is_full_in_the_middle_of_a_file_loses_nothing() {
    let disk = tiny_disk!();
    let mut pair = Pair::new();
    let proxy = Proxy::to(pair.bolt.tcp);
    pair.acme.instance_extra = String::from(super::EAGER);
    pair.bolt.storage = Some(disk.path().join("data"));
    pair.write(Line::TcpBy(proxy.port), Line::Tcp);
    let (_acme, _bolt) = (pair.acme.up(), pair.bolt.up());
    pair.acme.wait_until_ready();
    pair.bolt.wait_until_ready();
    proxy.plan(Break::StallAfter(Way::ToCalled, 10 * MEBIBYTE));
    let file = pair.acme.file("BIG.DAT", 80 * MEBIBYTE);
    let entry = pair.acme.enqueue("bolt", &file, &[]);
    wait_until_blocking("the middle of the file", PATIENCE, || proxy.stalled() == 1);
    let filler = disk.path().join("somebody-elses");
    fill(&filler);
    proxy.open();
    let row = wait_for_error(&pair.acme, entry);
    assert_ne!(row["state"], "acknowledged", "nobody claims to have it: {row}");
    fs::remove_file(filler).unwrap();
    pair.acme.wait_for_state(entry, "acknowledged", RECOVERY);
    assert_each_arrived_once(&pair.acme, &pair.bolt, &[sha256(&file)]);
}

#[test]
fn whoever_sends_without_end_is_stopped_with_room_left_and_what_it_left_makes_room_again() {
    let disk = tiny_disk!();
    let mut pair = Pair::new();
    pair.bolt.storage = Some(disk.path().join("data"));
    pair.bolt.instance_extra =
        format!("{}  retention: {{partial: {{mebibytes: 1}}}}\n", super::EAGER);
    pair.write(Line::Tcp, Line::Tcp);
    let _bolt = pair.bolt.up();
    pair.bolt.wait_until_ready();
    let mut caller = Caller::established(&pair.acme, &pair.bolt);
    caller.ask(Request::StartFile(Box::new(offer(&pair.acme, &pair.bolt, "ENDLESS.DAT", 1000))));
    caller.next_event();
    let sent = caller.send_until_stopped();
    assert!(sent > DISK / 2, "{sent} octets");
    pair.bolt.wait_for_code("E-SPOOL-FULL");

    // The database had room all the time, and the disk has it again.
    pair.bolt.wait_for_code("E-FILE-FORGOTTEN");
    let _acme = pair.acme.up();
    let file = pair.acme.file("GOOD.DAT", 80 * MEBIBYTE);
    let entry = pair.acme.enqueue("bolt", &file, &[]);
    pair.acme.wait_for_state(entry, "acknowledged", RECOVERY);
    for daemon in pair.bolt.daemons() {
        assert_eq!(daemon["epoch"], 1, "nobody lost a lease: {daemon}");
    }
}

#[test]
fn a_file_for_a_folder_that_somebody_removed_arrives_once_it_is_made_again() {
    let (pair, _acme, bolt) = running(Line::Tcp, Line::Tcp, |_| {});
    let folder = pair.bolt.data().join("incoming");
    fs::remove_dir_all(&folder).unwrap();
    let file = pair.acme.file("HOMELESS.DAT", 5000);
    let entry = pair.acme.enqueue("bolt", &file, &[]);
    let line = bolt.0.wait_for_line(PATIENCE, |line| line.contains("E-SPOOL-DIRECTORY"));
    assert!(line.contains("incoming") && line.contains("create it"), "what to do: {line}");
    fs::create_dir(&folder).unwrap();
    pair.acme.wait_for_state(entry, "acknowledged", RECOVERY);
    assert_each_arrived_once(&pair.acme, &pair.bolt, &[sha256(&file)]);
}
