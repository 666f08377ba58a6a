//! From a finished part to a file in the partner's folder.

use std::collections::HashSet;
use std::os::unix::fs::symlink;

use crate::{epoch, name, spool_and_folders, tree};
use domain::{PartName, Target};
use spool::{Delivery, FileSpool, Folders, Part, Parts, SpoolError};

async fn received(spool: &FileSpool, id: &str, content: &[u8]) -> PartName {
    let name = PartName::new(epoch(1), id).unwrap();
    spool.write_part(&name, content.to_vec()).await.unwrap().finish().await.unwrap();
    name
}

fn plan(folders: &Folders, wanted: &str) -> Target {
    folders.plan_target(&name("bolt"), &name(wanted), |_| false).unwrap()
}

async fn deliver(
    folders: &Folders,
    spool: &FileSpool,
    part: &PartName,
    target: &Target,
) -> Result<Delivery, SpoolError> {
    folders.deliver_all(spool, &[(part.clone(), target.clone())]).await?.remove(0)
}

#[tokio::test]
async fn a_file_arrives_complete_under_its_name_and_leaves_the_spool() {
    let (directory, spool, folders) = spool_and_folders();
    let part = received(&spool, "a", b"content").await;
    let target = plan(&folders, "PLAN");
    assert_eq!(target.to_string(), "bolt/PLAN");
    assert_eq!(deliver(&folders, &spool, &part, &target).await.unwrap(), Delivery::Delivered);
    assert_eq!(std::fs::read(directory.join("incoming/bolt/PLAN")).unwrap(), b"content");
    assert!(!directory.join("spool/in/1/a.part").exists());
}

#[tokio::test]
async fn the_same_name_again_gets_a_number_and_overwrites_nothing() {
    let (directory, spool, folders) = spool_and_folders();
    for (id, content, wanted) in [("a", b"1", "F"), ("b", b"2", "F.1"), ("c", b"3", "F.2")] {
        let part = received(&spool, id, content).await;
        let target = plan(&folders, "F");
        assert_eq!(target.file.as_str(), wanted);
        deliver(&folders, &spool, &part, &target).await.unwrap();
    }
    let content = |file: &str| std::fs::read(directory.join("incoming/bolt").join(file)).unwrap();
    assert_eq!([content("F"), content("F.1"), content("F.2")], [b"1", b"2", b"3"]);
    // A reader took the first one away: its name is free again.
    std::fs::remove_file(directory.join("incoming/bolt/F")).unwrap();
    assert_eq!(plan(&folders, "F").file.as_str(), "F");
}

#[tokio::test]
async fn a_target_planned_for_one_file_is_not_planned_for_the_next() {
    let (_directory, _, folders) = spool_and_folders();
    let mut planned = HashSet::new();
    for wanted in ["F", "F.1", "F.2", "F.3"] {
        let is_planned = |target: &Target| planned.contains(target);
        let target = folders.plan_target(&name("bolt"), &name("F"), is_planned).unwrap();
        assert_eq!(target.file.as_str(), wanted);
        planned.insert(target);
    }
}

#[tokio::test]
async fn after_a_crash_at_any_point_the_recorded_delivery_is_done_again_with_the_same_end() {
    let (directory, spool, folders) = spool_and_folders();
    let source = directory.join("spool/in/1/a.part");
    let delivered = directory.join("incoming/bolt/F");
    let target: Target = "bolt/F".parse().unwrap();

    // Before the rename: nothing happened yet, not even the partner's folder.
    let part = received(&spool, "a", b"content").await;
    assert_eq!(deliver(&folders, &spool, &part, &target).await.unwrap(), Delivery::Delivered);

    // After the rename, before the database knows.
    assert_eq!(deliver(&folders, &spool, &part, &target).await.unwrap(), Delivery::DeliveredBefore);
    assert_eq!(std::fs::read(&delivered).unwrap(), b"content");

    // Between the link and the removal, where a file system knows no rename without overwriting.
    std::fs::hard_link(&delivered, &source).unwrap();
    assert_eq!(deliver(&folders, &spool, &part, &target).await.unwrap(), Delivery::Delivered);
    assert!(!source.exists());
    assert_eq!(std::fs::read(&delivered).unwrap(), b"content");

    // And a reader was faster than our restart.
    std::fs::remove_file(&delivered).unwrap();
    assert_eq!(deliver(&folders, &spool, &part, &target).await.unwrap(), Delivery::TakenAwaySince);
}

#[tokio::test]
async fn of_several_deliveries_each_has_its_own_result() {
    let (directory, spool, folders) = spool_and_folders();
    let mut deliveries = Vec::new();
    for id in ["a", "b", "c"] {
        let target: Target = format!("bolt/{id}").parse().unwrap();
        deliveries.push((received(&spool, id, id.as_bytes()).await, target));
    }
    std::fs::create_dir(directory.join("incoming/bolt")).unwrap();
    std::fs::write(directory.join("incoming/bolt/b"), "theirs").unwrap();
    let results = folders.deliver_all(&spool, &deliveries).await.unwrap();
    assert_eq!(results[0].as_ref().unwrap(), &Delivery::Delivered);
    assert_eq!(results[1].as_ref().unwrap_err().code(), "E-SPOOL-TARGET-TAKEN");
    assert_eq!(results[2].as_ref().unwrap(), &Delivery::Delivered);
    assert_eq!(std::fs::read(directory.join("incoming/bolt/c")).unwrap(), b"c");
    let again = folders.deliver_all(&spool, &deliveries).await.unwrap();
    assert_eq!(again[0].as_ref().unwrap(), &Delivery::DeliveredBefore);
}

#[tokio::test]
async fn a_file_that_someone_put_at_the_target_since_is_kept() {
    let (directory, spool, folders) = spool_and_folders();
    let part = received(&spool, "a", b"ours").await;
    let target = plan(&folders, "F");
    std::fs::write(directory.join("incoming/bolt/F"), "theirs").unwrap();
    let error = deliver(&folders, &spool, &part, &target).await.unwrap_err();
    assert_eq!(error.code(), "E-SPOOL-TARGET-TAKEN", "{error}");
    assert_eq!(std::fs::read(directory.join("incoming/bolt/F")).unwrap(), b"theirs");
    // Planned again, it arrives beside it.
    let target = plan(&folders, "F");
    assert_eq!(target.file.as_str(), "F.1");
    assert_eq!(deliver(&folders, &spool, &part, &target).await.unwrap(), Delivery::Delivered);
    assert_eq!(std::fs::read(directory.join("incoming/bolt/F.1")).unwrap(), b"ours");
}

#[tokio::test]
async fn a_link_at_the_target_is_neither_followed_nor_replaced() {
    let (directory, spool, folders) = spool_and_folders();
    let part = received(&spool, "a", b"ours").await;
    let target = plan(&folders, "F");
    let victim = directory.join("victim");
    symlink(&victim, directory.join("incoming/bolt/F")).unwrap();
    assert_eq!(
        deliver(&folders, &spool, &part, &target).await.unwrap_err().code(),
        "E-SPOOL-TARGET-TAKEN"
    );
    assert!(!victim.exists());
    assert_eq!(plan(&folders, "F").file.as_str(), "F.1", "a dangling link also takes the name");
}

#[tokio::test]
async fn a_partners_folder_that_is_a_link_is_refused_and_says_what_to_do() {
    let (directory, spool, folders) = spool_and_folders();
    let part = received(&spool, "a", b"ours").await;
    let elsewhere = directory.join("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    symlink(&elsewhere, directory.join("incoming/bolt")).unwrap();
    let error = deliver(&folders, &spool, &part, &"bolt/F".parse().unwrap()).await.unwrap_err();
    assert_eq!(error.code(), "E-SPOOL-DIRECTORY");
    let message = error.to_string();
    assert!(message.contains("incoming/bolt is a symbolic link or no directory"), "{message}");
    assert!(message.contains("mount that place there"), "{message}");
    assert_eq!(tree(&elsewhere), [""; 0]);
    assert!(directory.join("spool/in/1/a.part").exists(), "nothing is lost");
}

#[tokio::test]
async fn a_part_that_became_a_link_is_not_delivered() {
    let (directory, spool, folders) = spool_and_folders();
    let part = received(&spool, "a", b"ours").await;
    let source = directory.join("spool/in/1/a.part");
    std::fs::remove_file(&source).unwrap();
    symlink("/etc/passwd", &source).unwrap();
    let error = deliver(&folders, &spool, &part, &"bolt/F".parse().unwrap()).await.unwrap_err();
    assert_eq!(error.code(), "E-SPOOL-IRREGULAR", "{error}");
    let error = spool.resume_part(&part, 0, epoch(1)).await.unwrap_err();
    assert_eq!(error.code(), "E-SPOOL-IRREGULAR", "{error}");
}
