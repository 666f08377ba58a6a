//! From a finished part to a file in the partner's folder.

use domain::Target;
use spool::{CHUNK, Delivery, Parts, SpoolError};
use support::PseudoRandom;

use crate::world::{deliver, received};

fn target(target: &str) -> Target {
    target.parse().unwrap()
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
            assert!(!spool.remove_part(&part).await.unwrap());
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
        assert!(!spool.remove_part(&part).await.unwrap());
        // The part is gone, and the database does not know yet.
        let again = deliver(&world, &spool, &part, &target).await.unwrap();
        assert_eq!(again, Delivery::DeliveredBefore);
        assert_eq!(std::fs::read(world.delivered("bolt/F")).unwrap(), b"content");
        assert_eq!(std::fs::read_dir(world.delivered("bolt")).unwrap().count(), 1);
        // And a reader was faster than our restart.
        std::fs::remove_file(world.delivered("bolt/F")).unwrap();
        let again = deliver(&world, &spool, &part, &target).await.unwrap();
        assert_eq!(again, Delivery::TakenAwaySince);
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
