//! To which instance the volume belongs.

use domain::VolumeIdentity;
use uuid::Uuid;

use crate::{spool, tree};

fn identity(volume: u128) -> VolumeIdentity {
    let (id, database) = (Uuid::from_u128(volume).into(), Uuid::from_u128(1).into());
    VolumeIdentity { id, instance: "acme".parse().unwrap(), database }
}

#[tokio::test]
async fn a_new_volume_says_nothing_and_then_what_it_was_marked_with_first() {
    let (directory, spool) = spool();
    assert_eq!(spool.identity().await.unwrap(), None);
    spool.mark(&identity(10)).await.unwrap();
    spool.mark(&identity(11)).await.unwrap();
    assert_eq!(spool.identity().await.unwrap(), Some(identity(10)));
    assert_eq!(tree(&directory.join("spool")), ["in/", "instance", "out/"], "and leaves nothing");
    let text = std::fs::read_to_string(directory.join("spool/instance")).unwrap();
    assert!(text.contains("instance: acme\n"), "{text}");
}

#[tokio::test]
async fn only_who_marks_it_anew_changes_what_it_says() {
    let (directory, spool) = spool();
    for volume in [10, 11] {
        spool.mark_anew(&identity(volume)).await.unwrap();
        assert_eq!(spool.identity().await.unwrap(), Some(identity(volume)));
    }
    assert_eq!(tree(&directory.join("spool")), ["in/", "instance", "out/"]);
}

#[tokio::test]
async fn of_many_that_mark_it_at_once_all_find_the_first_ones_mark() {
    let (_directory, spool) = spool();
    let marking = (10..18).map(|volume| {
        let spool = spool.clone();
        tokio::spawn(async move {
            spool.mark(&identity(volume)).await.unwrap();
            spool.identity().await.unwrap()
        })
    });
    let mut found = Vec::new();
    for marked in marking.collect::<Vec<_>>() {
        found.push(marked.await.unwrap());
    }
    assert!(found.iter().all(|it| it.is_some() && *it == found[0]), "{found:?}");
}

#[tokio::test]
async fn what_is_no_identity_is_refused_and_kept() {
    let (directory, spool) = spool();
    let file = directory.join("spool/instance");
    for wrong in ["", "instance: acme\n", "\u{0}"] {
        std::fs::write(&file, wrong).unwrap();
        let error = spool.identity().await.unwrap_err();
        assert_eq!(error.code(), "E-INSTANCE-UNREADABLE", "{error}");
        assert!(error.to_string().contains(file.to_str().unwrap()), "{error}");
        spool.mark(&identity(10)).await.unwrap();
        assert_eq!(std::fs::read_to_string(&file).unwrap(), wrong);
    }
}

#[tokio::test]
async fn the_identity_read_is_that_of_the_directory_that_is_worked_in() {
    let (directory, spool) = spool();
    spool.mark(&identity(10)).await.unwrap();
    std::fs::rename(directory.join("spool"), directory.join("elsewhere")).unwrap();
    assert_eq!(spool.identity().await.unwrap(), Some(identity(10)));
    std::fs::remove_file(directory.join("elsewhere/instance")).unwrap();
    assert_eq!(spool.identity().await.unwrap(), None);
}
