//! What nobody will ask for again.

use std::time::Duration;

use crate::{epoch, spool, tree};
use spool::TakeIn;

#[test]
fn a_sweep_removes_what_the_store_does_not_know_and_nothing_else() {
    let (directory, spool) = spool();
    for (number, id) in [(1, "known"), (1, "orphan"), (2, "orphan")] {
        spool.create_part(epoch(number), id).unwrap().finish().unwrap();
    }
    std::fs::write(directory.join("f"), "content").unwrap();
    let kept = spool.take_in(&directory.join("f"), TakeIn::Copy).unwrap().name;
    let orphan = spool.take_in(&directory.join("f"), TakeIn::Copy).unwrap().name;
    // What a crash leaves in the middle of a copy.
    let unfinished = directory.join("spool/out").join(format!(".{orphan}.tmp"));
    std::fs::write(unfinished, "cont").unwrap();

    let listing = spool.list(Duration::ZERO).unwrap();
    let known = ["1/known.part".to_owned(), kept.to_string()];
    let swept = spool.sweep(listing, |name| known.iter().any(|known| known == name)).unwrap();
    let parts: Vec<_> = swept.parts.iter().map(ToString::to_string).collect();
    assert_eq!(parts, ["1/orphan.part", "2/orphan.part"]);
    assert_eq!(swept.payloads, [orphan]);
    assert_eq!(
        tree(&directory.join("spool")),
        ["in/", "in/1/", "in/1/known.part", "out/", &format!("out/{kept}")]
    );
}

#[test]
fn what_appears_after_the_listing_is_safe() {
    let (directory, spool) = spool();
    let listing = spool.list(Duration::ZERO).unwrap();
    spool.create_part(epoch(1), "new").unwrap().finish().unwrap();
    spool.sweep(listing, |_| false).unwrap();
    assert!(directory.join("spool/in/1/new.part").exists());
}

#[test]
fn a_part_that_is_open_is_safe_though_it_is_recorded_only_after_the_listing() {
    let (directory, spool) = spool();
    let part = spool.create_part(epoch(1), "held").unwrap();
    let listing = spool.list(Duration::ZERO).unwrap();
    drop(part);
    spool.sweep(listing, |_| false).unwrap();
    assert!(directory.join("spool/in/1/held.part").exists());
    let listing = spool.list(Duration::ZERO).unwrap();
    assert_eq!(spool.sweep(listing, |_| false).unwrap().parts.len(), 1, "now it is nobody's");
}

#[test]
fn what_is_younger_than_the_age_is_safe() {
    let (directory, spool) = spool();
    std::fs::write(directory.join("f"), "content").unwrap();
    let payload = spool.take_in(&directory.join("f"), TakeIn::Copy).unwrap();
    let listing = spool.list(Duration::from_hours(1)).unwrap();
    assert_eq!(spool.sweep(listing, |_| false).unwrap().payloads, []);
    assert!(spool.open_payload(&payload.name, 0).is_ok());
}

#[test]
fn files_of_others_are_reported_and_left_alone() {
    let (directory, spool) = spool();
    for foreign in ["spool/in/notes.txt", "spool/out/notes.txt", "spool/out/.x.tmp"] {
        std::fs::write(directory.join(foreign), "x").unwrap();
    }
    std::fs::create_dir(directory.join("spool/in/7")).unwrap();
    std::fs::write(directory.join("spool/in/7/core"), "x").unwrap();
    let before = tree(directory.path());
    let listing = spool.list(Duration::ZERO).unwrap();
    let mut foreign = spool.sweep(listing, |_| false).unwrap().foreign;
    foreign.sort();
    assert_eq!(
        foreign,
        ["spool/in/7/core", "spool/in/notes.txt", "spool/out/.x.tmp", "spool/out/notes.txt"]
            .map(|path| directory.join(path))
    );
    assert_eq!(tree(directory.path()), before);
}

#[test]
fn a_part_is_made_although_a_sweep_removed_its_empty_directory() {
    let (directory, spool) = spool();
    drop(spool.create_part(epoch(1), "a").unwrap());
    for _ in 0..2 {
        let listing = spool.list(Duration::ZERO).unwrap();
        spool.sweep(listing, |_| false).unwrap();
    }
    assert_eq!(tree(&directory.join("spool/in")), [""; 0]);
    assert!(spool.create_part(epoch(1), "b").is_ok());
}
