//! What nobody will ask for again.

use std::time::Duration;

use domain::PartName;
use spool::{Listing, Part, Parts, PayloadWriter, Payloads, TakeIn};

use crate::world::{received, sync};

conformance! {
    async fn a_sweep_removes_what_the_store_does_not_know_and_nothing_else(world) {
        let spool = world.spool();
        for name in ["1/known.part", "1/orphan.part", "2/orphan.part"] {
            received(&spool, name, b"content").await;
        }
        let source = world.data().join("f");
        std::fs::write(&source, "content").unwrap();
        let kept = spool.take_in(&source, TakeIn::Copy).await.unwrap();
        let orphan = spool.take_in(&source, TakeIn::Copy).await.unwrap().name;

        let listing = Listing::of(&spool, Duration::ZERO).await.unwrap();
        let known = ["1/known.part".to_owned(), kept.name.to_string()];
        let swept = listing.sweep(&spool, |name| known.iter().any(|known| known == name)).await;
        let swept = swept.unwrap();
        let parts: Vec<_> = swept.parts.iter().map(ToString::to_string).collect();
        assert_eq!(parts, ["1/orphan.part", "2/orphan.part"]);
        assert_eq!(swept.payloads, [orphan]);
        assert!(spool.open_part(&"1/known.part".parse().unwrap()).await.is_ok());
        assert!(spool.open_payload(&kept, 0).await.is_ok());
    }

    async fn of_a_payload_that_was_never_finished_a_sweep_leaves_nothing(world) {
        let mut writer = world.spool().new_payload(0).await.unwrap();
        writer.append(&mut b"half".to_vec()).await.unwrap();
        // Killed, not dropped.
        std::mem::forget(writer);
        let spool = world.spool();
        let listing = Listing::of(&spool, Duration::ZERO).await.unwrap();
        listing.sweep(&spool, |_| false).await.unwrap();
        assert!(spool.list_payloads(Duration::ZERO).await.unwrap().names.is_empty());
    }

    async fn what_appears_after_the_listing_is_safe(world) {
        let spool = world.spool();
        let listing = Listing::of(&spool, Duration::ZERO).await.unwrap();
        let part = received(&spool, "1/new.part", b"content").await;
        listing.sweep(&spool, |_| false).await.unwrap();
        assert!(spool.open_part(&part).await.is_ok());
    }

    async fn what_is_younger_than_the_age_is_safe(world) {
        let spool = world.spool();
        let part = received(&spool, "1/a.part", b"content").await;
        let listing = Listing::of(&spool, Duration::from_hours(1)).await.unwrap();
        listing.sweep(&spool, |_| false).await.unwrap();
        assert!(spool.open_part(&part).await.is_ok());
    }

    async fn a_part_that_is_open_is_safe_though_it_is_recorded_only_after_the_listing(world) {
        let spool = world.spool();
        let name: PartName = "1/held.part".parse().unwrap();
        let mut part = spool.create_part(&name).await.unwrap();
        sync(&mut part).await;
        let listing = Listing::of(&spool, Duration::ZERO).await.unwrap();
        part.finish().await.unwrap();
        listing.sweep(&spool, |_| false).await.unwrap();
        assert!(spool.open_part(&name).await.is_ok());
        let listing = Listing::of(&spool, Duration::ZERO).await.unwrap();
        let swept = listing.sweep(&spool, |_| false).await.unwrap();
        assert_eq!(swept.parts, [name], "now it is nobody's");
    }
}
