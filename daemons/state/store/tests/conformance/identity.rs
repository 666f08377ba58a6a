//! Whose the database is, and which volume belongs to it.

use std::fmt::Debug;
use std::str::FromStr;

use domain::{Daemon, DatabaseIdentity};
use lease::LeaseTable;
use store::{Adopted, JournalFilter, JournalKind};

fn id<T: FromStr<Err: Debug>>(number: u128) -> T {
    format!("{number:032x}").parse().unwrap()
}

fn identity(number: u128, instance: &str, volume: Option<u128>) -> DatabaseIdentity {
    DatabaseIdentity { id: id(number), instance: instance.parse().unwrap(), volume: volume.map(id) }
}

conformance! {
    async fn a_database_is_named_once_and_belongs_to_one_volume(world) {
        let store = &world.store;
        assert_eq!(store.identity().await.unwrap(), None);
        let (acme, bolt) = ("acme".parse().unwrap(), "bolt".parse().unwrap());
        store.name_database(id(1), &acme).await.unwrap();
        store.name_database(id(2), &bolt).await.unwrap();
        assert_eq!(store.identity().await.unwrap(), Some(identity(1, "acme", None)));
        store.record_volume(id(2), id(20)).await.unwrap();
        store.record_volume(id(1), id(10)).await.unwrap();
        store.record_volume(id(1), id(11)).await.unwrap();
        assert_eq!(store.identity().await.unwrap(), Some(identity(1, "acme", Some(10))));
    }

    async fn of_many_that_name_it_at_once_all_find_the_first_ones_name(world) {
        let store = world.store.clone();
        let namings = (1..=8).map(|number| {
            let store = store.clone();
            tokio::spawn(async move {
                let acme = "acme".parse().unwrap();
                store.name_database(id(number), &acme).await.unwrap();
                store.identity().await.unwrap().unwrap().id
            })
        });
        let mut found = Vec::new();
        for naming in namings.collect::<Vec<_>>() {
            found.push(naming.await.unwrap());
        }
        assert!(found.iter().all(|it| *it == found[0]), "{found:?}");
    }

    async fn a_database_is_adopted_only_while_no_daemon_is_active(world) {
        let store = &world.store;
        let (acme, other) = ("acme".parse().unwrap(), identity(1, "bolt", Some(30)));
        store.name_database(id(1), &acme).await.unwrap();
        let tenure = world.tenure(Daemon::Seonsqd).await;
        let Adopted::Active(row) = store.adopt(&other, "jane@box").await.unwrap() else {
            panic!("adopted beside {tenure:?}");
        };
        assert_eq!((row.daemon, row.epoch), (Daemon::Seonsqd, tenure.epoch));
        assert_eq!(store.identity().await.unwrap(), Some(identity(1, "acme", None)));
        store.release(&tenure).await.unwrap();
        for _again in 0..2 {
            assert_eq!(store.adopt(&other, "jane@box").await.unwrap(), Adopted::Done);
            assert_eq!(store.identity().await.unwrap(), Some(other.clone()));
        }
        let kind = Some(JournalKind::InstanceAdopted);
        let journal =
            store.journal(&JournalFilter { kind, ..JournalFilter::default() }).await.unwrap();
        assert!(journal[0].entry.text.as_deref().unwrap().contains("jane@box"), "{journal:?}");
    }
}
