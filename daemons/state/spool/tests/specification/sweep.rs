//! What nobody will ask for again.

use std::time::Duration;

use crate::{part_name, spool, tree};
use spool::{Listing, Part, Parts, Payloads, TakeIn};

#[tokio::test]
async fn a_sweep_removes_what_the_store_does_not_know_and_nothing_else() {
    let (directory, spool) = spool();
    for (number, id) in [(1, "known"), (1, "orphan"), (2, "orphan")] {
        spool
            .create_part(&part_name(&format!("{number}/{id}.part")))
            .await
            .unwrap()
            .finish()
            .await
            .unwrap();
    }
    std::fs::write(directory.join("f"), "content").unwrap();
    let kept = spool.take_in(&directory.join("f"), TakeIn::Copy).await.unwrap().name;
    let orphan = spool.take_in(&directory.join("f"), TakeIn::Copy).await.unwrap().name;
    // What a crash leaves in the middle of a copy.
    let unfinished = directory.join("spool/out").join(format!(".{orphan}.tmp"));
    std::fs::write(unfinished, "cont").unwrap();

    let listing = Listing::of(&spool, Duration::ZERO).await.unwrap();
    let known = ["1/known.part".to_owned(), kept.to_string()];
    let swept =
        listing.sweep(&spool, |name| known.iter().any(|known| known == name)).await.unwrap();
    let parts: Vec<_> = swept.parts.iter().map(ToString::to_string).collect();
    assert_eq!(parts, ["1/orphan.part", "2/orphan.part"]);
    assert_eq!(swept.payloads, [orphan]);
    assert_eq!(
        tree(&directory.join("spool")),
        ["in/", "in/1/", "in/1/known.part", "out/", &format!("out/{kept}")]
    );
}

#[tokio::test]
async fn what_appears_after_the_listing_is_safe() {
    let (directory, spool) = spool();
    let listing = Listing::of(&spool, Duration::ZERO).await.unwrap();
    spool.create_part(&part_name("1/new.part")).await.unwrap().finish().await.unwrap();
    listing.sweep(&spool, |_| false).await.unwrap();
    assert!(directory.join("spool/in/1/new.part").exists());
}

#[tokio::test]
async fn a_part_that_is_open_is_safe_though_it_is_recorded_only_after_the_listing() {
    let (directory, spool) = spool();
    let part = spool.create_part(&part_name("1/held.part")).await.unwrap();
    let listing = Listing::of(&spool, Duration::ZERO).await.unwrap();
    drop(part);
    listing.sweep(&spool, |_| false).await.unwrap();
    assert!(directory.join("spool/in/1/held.part").exists());
    let listing = Listing::of(&spool, Duration::ZERO).await.unwrap();
    assert_eq!(
        listing.sweep(&spool, |_| false).await.unwrap().parts.len(),
        1,
        "now it is nobody's"
    );
}

#[tokio::test]
async fn what_is_younger_than_the_age_is_safe() {
    let (directory, spool) = spool();
    std::fs::write(directory.join("f"), "content").unwrap();
    let payload = spool.take_in(&directory.join("f"), TakeIn::Copy).await.unwrap();
    let listing = Listing::of(&spool, Duration::from_hours(1)).await.unwrap();
    assert_eq!(listing.sweep(&spool, |_| false).await.unwrap().payloads, []);
    assert!(spool.open_payload(&payload, 0).await.is_ok());
}

#[tokio::test]
async fn files_of_others_are_reported_and_left_alone() {
    let (directory, spool) = spool();
    for foreign in ["spool/in/notes.txt", "spool/out/notes.txt", "spool/out/.x.tmp"] {
        std::fs::write(directory.join(foreign), "x").unwrap();
    }
    std::fs::create_dir(directory.join("spool/in/7")).unwrap();
    std::fs::write(directory.join("spool/in/7/core"), "x").unwrap();
    let before = tree(directory.path());
    let listing = Listing::of(&spool, Duration::ZERO).await.unwrap();
    let mut foreign = listing.sweep(&spool, |_| false).await.unwrap().foreign;
    foreign.sort();
    assert_eq!(
        foreign,
        ["spool/in/7/core", "spool/in/notes.txt", "spool/out/.x.tmp", "spool/out/notes.txt"]
            .map(|path| directory.join(path))
    );
    assert_eq!(tree(directory.path()), before);
}

#[tokio::test]
async fn a_part_is_made_although_a_sweep_removed_its_empty_directory() {
    let (directory, spool) = spool();
    drop(spool.create_part(&part_name("1/a.part")).await.unwrap());
    for _ in 0..2 {
        let listing = Listing::of(&spool, Duration::ZERO).await.unwrap();
        listing.sweep(&spool, |_| false).await.unwrap();
    }
    assert_eq!(tree(&directory.join("spool/in")), [""; 0]);
    assert!(spool.create_part(&part_name("1/b.part")).await.is_ok());
}
