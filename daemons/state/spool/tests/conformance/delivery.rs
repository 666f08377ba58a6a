//! From a finished part to a file in the partner's folder.

use std::time::Duration;

use domain::Target;
use spool::{CHUNK, Delivery, Listing, Parts, SpoolError};
use support::PseudoRandom;

use crate::world::{deliver, received};

fn target(target: &str) -> Target {
    target.parse().unwrap()
}

fn is_missing<T>(opened: &Result<T, SpoolError>) -> bool {
    matches!(opened, Err(SpoolError::Missing { .. }))
}

conformance! {
    async fn a_file_arrives_complete_under_its_name_and_leaves_the_spool(world) {
        let spool = world.spool();
        for octets in [0, 7, 2 * CHUNK + 7] {
            let content = PseudoRandom::new(1).octets(octets);
            let part = received(&spool, "1/a.part", &content).await;
            let target = target(&format!("bolt/{octets}"));
            let delivery = deliver(&world, &spool, &part, &target).await.unwrap();
            assert_eq!(delivery, Delivery::Delivered);
            assert!(std::fs::read(world.delivered(&target.to_string())).unwrap() == content);
            assert!(is_missing(&spool.open_part(&part).await));
        }
        let files = std::fs::read_dir(world.delivered("bolt")).unwrap();
        assert_eq!(files.count(), 3, "and nothing else");
    }

    async fn after_a_crash_at_any_point_the_recorded_delivery_has_the_same_end(world) {
        let (spool, target) = (world.spool(), target("bolt/F"));
        let part = received(&spool, "1/a.part", b"content").await;
        world.deliver_and_crash_before_the_part_goes(&part, &target).await;
        assert!(spool.open_part(&part).await.is_ok());
        let again = deliver(&world, &spool, &part, &target).await.unwrap();
        assert_eq!(again, Delivery::Delivered);
        assert!(is_missing(&spool.open_part(&part).await));
        // The part is gone, and the database does not know yet.
        let again = deliver(&world, &spool, &part, &target).await.unwrap();
        assert_eq!(again, Delivery::DeliveredBefore);
        assert_eq!(std::fs::read(world.delivered("bolt/F")).unwrap(), b"content");
        assert_eq!(std::fs::read_dir(world.delivered("bolt")).unwrap().count(), 1);
        // And a reader was faster than our restart.
        std::fs::remove_file(world.delivered("bolt/F")).unwrap();
        let again = deliver(&world, &spool, &part, &target).await.unwrap();
        assert_eq!(again, Delivery::TakenAwaySince);
        // What says so goes when the delivery is recorded.
        spool.remove_parts(std::slice::from_ref(&part)).await.unwrap();
        let error = deliver(&world, &spool, &part, &target).await.unwrap_err();
        assert_eq!(error.code(), "E-SPOOL-PART-GONE");
    }

    async fn a_part_that_is_merely_gone_is_not_delivered(world) {
        let (spool, target) = (world.spool(), target("bolt/F"));
        let part = received(&spool, "1/a.part", b"content").await;
        spool.remove_part(&part).await.unwrap();
        let error = deliver(&world, &spool, &part, &target).await.unwrap_err();
        assert_eq!(error.code(), "E-SPOOL-PART-GONE");
        assert!(error.to_string().contains("1/a.placed"), "{error}");
        std::fs::write(world.delivered("bolt/F"), "whose").unwrap();
        let seen = deliver(&world, &spool, &part, &target).await.unwrap();
        assert_eq!(seen, Delivery::OnlySeen);
    }

    async fn an_attempt_that_failed_says_nothing_of_a_part_that_is_gone_later(world) {
        let (spool, target) = (world.spool(), target("bolt/F"));
        let part = received(&spool, "1/a.part", b"content").await;
        std::fs::create_dir_all(world.delivered("bolt")).unwrap();
        std::fs::write(world.delivered("bolt/F"), "theirs").unwrap();
        deliver(&world, &spool, &part, &target).await.unwrap_err();
        assert!(!spool.was_placed(&part).await.unwrap());
    }

    async fn what_says_that_a_part_was_placed_is_swept_when_nobody_knows_the_part(world) {
        let spool = world.spool();
        let mut parts = Vec::new();
        for id in ["known", "orphan"] {
            let part = received(&spool, &format!("1/{id}.part"), b"content").await;
            let target = target(&format!("bolt/{id}"));
            deliver(&world, &spool, &part, &target).await.unwrap();
            parts.push(part);
        }
        let listing = Listing::of(&spool, Duration::ZERO).await.unwrap();
        let swept = listing.sweep(&spool, |name| name == "1/known.part").await.unwrap();
        assert_eq!(swept.parts, [parts[1].clone()]);
        assert!(spool.was_placed(&parts[0]).await.unwrap());
        assert!(!spool.was_placed(&parts[1]).await.unwrap());
        assert_eq!(std::fs::read(world.delivered("bolt/orphan")).unwrap(), b"content");
    }

    async fn a_file_that_someone_put_at_the_target_since_is_kept(world) {
        let spool = world.spool();
        let part = received(&spool, "1/a.part", b"ours").await;
        std::fs::create_dir_all(world.delivered("bolt")).unwrap();
        for theirs in ["theirs", "more"] {
            std::fs::write(world.delivered("bolt/F"), theirs).unwrap();
            let error = deliver(&world, &spool, &part, &target("bolt/F")).await.unwrap_err();
            assert!(matches!(error, SpoolError::TargetTaken { .. }), "{error}");
            assert_eq!(std::fs::read_to_string(world.delivered("bolt/F")).unwrap(), theirs);
        }
        let delivery = deliver(&world, &spool, &part, &target("bolt/F.1")).await.unwrap();
        assert_eq!(delivery, Delivery::Delivered);
        assert_eq!(std::fs::read(world.delivered("bolt/F.1")).unwrap(), b"ours");
    }

    async fn of_several_deliveries_each_has_its_own_result(world) {
        let spool = world.spool();
        let mut deliveries = Vec::new();
        for id in ["a", "b", "c"] {
            let part = received(&spool, &format!("1/{id}.part"), id.as_bytes()).await;
            deliveries.push((part, target(&format!("bolt/{id}"))));
        }
        std::fs::create_dir_all(world.delivered("bolt")).unwrap();
        std::fs::write(world.delivered("bolt/b"), "theirs").unwrap();
        let results = world.folders().deliver_all(&spool, &deliveries).await.unwrap();
        assert_eq!(results[0].as_ref().unwrap(), &Delivery::Delivered);
        assert_eq!(results[1].as_ref().unwrap_err().code(), "E-SPOOL-TARGET-TAKEN");
        assert_eq!(results[2].as_ref().unwrap(), &Delivery::Delivered);
        assert_eq!(std::fs::read(world.delivered("bolt/c")).unwrap(), b"c");
    }
}
