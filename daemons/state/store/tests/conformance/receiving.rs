//! A file is offered, received, broken off, resumed; ours exactly once.

use domain::Daemon;
use oftp::Blocks;
use store::{
    Offer, Progress, ReceivedFile, ReceivedFileId, ReceivedFilter, ReceivedState, Receiving,
};

use crate::world::{World, fresh, identity, offer, part, partner};

const DAEMON: Daemon = Daemon::SeonrdTcpip;
const HALF: Progress = Progress { octets: 5_120, records: 0 };
const WHOLE: Progress = Progress { octets: 10_240, records: 0 };

conformance! {
    async fn an_offer_is_claimed_with_all_that_it_says(world) {
        let tenure = world.tenure(DAEMON).await;
        let session = world.session(&tenure).await;
        let offer = Offer {
            format: oftp::Format::from_parts('F', 80).unwrap(),
            description: oftp::Description::from_octets(b"a\0b\xFF"),
            ..offer(1)
        };
        let receiving = world
            .fenced(&tenure, async |tx| tx.begin_receiving(session, &offer).await)
            .await
            .unwrap();
        let file = read(&world, fresh(receiving)).await;
        assert_eq!((file.state, file.durable), (ReceivedState::Receiving, Progress::default()));
        assert_eq!((&file.identity, file.format), (&offer.identity, offer.format));
        assert_eq!((&file.part, file.announced_size), (&offer.part, offer.announced_size));
        assert_eq!(file.description.text(), "a\u{FFFD}b\u{FFFD}");
        let claim = file.claim.unwrap();
        assert_eq!((claim.daemon, claim.epoch, claim.session), (DAEMON, tenure.epoch, session));
        assert_eq!(world.store.parts_in_use().await.unwrap(), [part(1, 1)]);
        assert_eq!(world.store.find_received(&offer.partner, &offer.identity).await.unwrap(), Some(file));
        for (partner, identity) in [("bolt", identity(9)), ("crane", offer.identity)] {
            let partner = crate::world::partner(partner);
            assert_eq!(world.store.find_received(&partner, &identity).await.unwrap(), None);
        }
    }

    async fn a_received_file_is_ours_and_a_second_offer_is_a_duplicate(world) {
        let tenure = world.tenure(DAEMON).await;
        let session = world.session(&tenure).await;
        let id = world.received_file(&tenure, session, 1).await;
        let file = read(&world, id).await;
        assert_eq!((file.state, file.claim), (ReceivedState::Received, None));
        assert!(file.received_at.is_some());
        let again = world
            .fenced(&tenure, async |tx| tx.begin_receiving(session, &offer(1)).await)
            .await;
        let state = ReceivedState::Received;
        assert_eq!(again.unwrap(), Receiving::Duplicate { id, state });
        assert_eq!(read(&world, id).await, file, "nothing changed");
    }

    async fn what_one_partner_brought_is_no_duplicate_of_anothers(world) {
        let tenure = world.tenure(DAEMON).await;
        let session = world.session(&tenure).await;
        let bolts = world.received_file(&tenure, session, 1).await;
        let cranes = Offer { partner: partner("crane"), part: part(1, 9), ..offer(1) };
        let begin = async |tx: &mut store::FencedTx| tx.begin_receiving(session, &cranes).await;
        let id = fresh(world.fenced(&tenure, begin).await.unwrap());
        assert_eq!(read(&world, id).await.partner, cranes.partner);
        assert_eq!(read(&world, bolts).await.state, ReceivedState::Received);
        let drill = Offer { partner: partner("drill"), part: part(1, 10), ..offer(1) };
        let whole = async |tx: &mut store::FencedTx| tx.receive_whole(session, &drill, WHOLE).await;
        assert!(world.fenced(&tenure, whole).await.unwrap().is_some());
    }

    async fn what_one_partner_broke_off_is_not_taken_over_by_another(world) {
        let (tenure, id) = broken_off(&world).await;
        let session = world.session(&tenure).await;
        let cranes = Offer { partner: partner("crane"), part: part(2, 9), ..offer(1) };
        let begin = async |tx: &mut store::FencedTx| tx.begin_receiving(session, &cranes).await;
        assert_ne!(fresh(world.fenced(&tenure, begin).await.unwrap()), id);
        let again = Offer { part: part(2, 8), ..offer(1) };
        let begin = async |tx: &mut store::FencedTx| tx.begin_receiving(session, &again).await;
        let resumed = Receiving::Resume { id, part: part(1, 1), durable: HALF };
        assert_eq!(world.fenced(&tenure, begin).await.unwrap(), resumed);
    }

    async fn a_small_file_is_one_commit_from_offer_to_ours(world) {
        let tenure = world.tenure(DAEMON).await;
        let session = world.session(&tenure).await;
        let mut transaction = world.store.fenced(&tenure).await.unwrap();
        let id = fresh(transaction.begin_receiving(session, &offer(1)).await.unwrap());
        transaction.file_received(session, id, WHOLE).await.unwrap();
        assert_eq!(world.store.received_file(id).await.unwrap(), None);
        transaction.commit().await.unwrap();
        assert_eq!(read(&world, id).await.durable, WHOLE);
    }

    async fn a_small_file_that_is_whole_is_ours_by_one_statement(world) {
        let tenure = world.tenure(DAEMON).await;
        let session = world.session(&tenure).await;
        let offer = Offer {
            format: oftp::Format::from_parts('F', 80).unwrap(),
            description: oftp::Description::from_octets(b"a\0b\xFF"),
            ..offer(1)
        };
        let whole = async |tx: &mut store::FencedTx| tx.receive_whole(session, &offer, WHOLE).await;
        let id = world.fenced(&tenure, whole).await.unwrap().unwrap();
        let file = read(&world, id).await;
        assert_eq!((file.state, file.durable, &file.claim), (ReceivedState::Received, WHOLE, &None));
        assert_eq!((&file.identity, file.format), (&offer.identity, offer.format));
        assert_eq!((&file.part, file.last_session), (&offer.part, session));
        assert!(file.received_at.is_some());
        // A repeat after a lost answer, or another session that was slower.
        assert_eq!(world.fenced(&tenure, whole).await.unwrap(), None);
        assert_eq!(read(&world, id).await, file, "nothing changed");
    }

    async fn a_small_file_that_is_whole_takes_the_place_of_what_broke_off(world) {
        let (tenure, id) = broken_off(&world).await;
        let session = world.session(&tenure).await;
        let again = Offer { part: part(2, 9), ..offer(1) };
        let received = world
            .fenced(&tenure, async |tx| tx.receive_whole(session, &again, WHOLE).await)
            .await;
        assert_eq!(received.unwrap(), Some(id));
        let file = read(&world, id).await;
        assert_eq!((file.state, file.durable), (ReceivedState::Received, WHOLE));
        assert_eq!((file.part, file.last_session), (part(2, 9), session));
    }

    async fn a_small_file_that_is_whole_waits_for_the_session_that_is_at_it(world) {
        let tenure = world.tenure(DAEMON).await;
        let (one, two) = (world.session(&tenure).await, world.session(&tenure).await);
        let receiving = world
            .fenced(&tenure, async |tx| tx.begin_receiving(one, &offer(1)).await)
            .await
            .unwrap();
        let late = world
            .fenced(&tenure, async |tx| tx.receive_whole(two, &offer(1), WHOLE).await)
            .await;
        assert_eq!(late.unwrap(), None);
        let file = read(&world, fresh(receiving)).await;
        assert_eq!((file.state, file.last_session), (ReceivedState::Receiving, one));
    }

    async fn the_files_of_a_session_that_are_not_delivered_yet_are_known(world) {
        let tenure = world.tenure(DAEMON).await;
        let (one, two) = (world.session(&tenure).await, world.session(&tenure).await);
        let mine = world.received_file(&tenure, one, 1).await;
        world.received_file(&tenure, two, 2).await;
        let unfinished = world.store.unfinished_files(one).await.unwrap();
        assert_eq!(unfinished.into_iter().collect::<Vec<_>>(), [mine]);
    }

    async fn a_broken_off_file_resumes_at_its_last_checkpoint(world) {
        let (tenure, id) = broken_off(&world).await;
        let session = world.session(&tenure).await;
        let again = Offer { part: part(2, 9), ..offer(1) };
        let receiving = world
            .fenced(&tenure, async |tx| tx.begin_receiving(session, &again).await)
            .await
            .unwrap();
        assert_eq!(receiving, Receiving::Resume { id, part: part(1, 1), durable: HALF });
        world
            .fenced(&tenure, async |tx| {
                let from = Progress { octets: 3, records: 0 };
                tx.resume_at(session, id, &part(2, 1), from).await?;
                tx.file_received(session, id, WHOLE).await
            })
            .await
            .unwrap();
        let file = read(&world, id).await;
        assert_eq!((file.state, file.part), (ReceivedState::Received, part(2, 1)));
        assert_eq!(file.last_session, session);
    }

    async fn what_a_resumed_file_goes_on_before_is_durable_no_more(world) {
        let (tenure, id) = broken_off(&world).await;
        let session = world.session(&tenure).await;
        world
            .fenced(&tenure, async |tx| {
                tx.begin_receiving(session, &offer(1)).await?;
                tx.resume_at(session, id, &part(1, 1), Progress::default()).await
            })
            .await
            .unwrap();
        let file = read(&world, id).await;
        assert_eq!((file.state, file.durable), (ReceivedState::Receiving, Progress::default()));
    }

    async fn the_same_identity_that_is_not_the_same_file_starts_afresh(world) {
        let (tenure, id) = broken_off(&world).await;
        let changed = [
            Offer { announced_size: Blocks::of_octets(1), ..offer(1) },
            Offer { format: oftp::Format::Text, ..offer(1) },
            Offer { description: "other".parse().unwrap(), ..offer(1) },
            Offer { user_data: "other".parse().unwrap(), ..offer(1) },
            Offer { original_size: Blocks::of_octets(1), ..offer(1) },
            Offer { packaging: "03 02 1 1 Y".parse().unwrap(), ..offer(1) },
            Offer { packaging: "03 02 1 1 N".parse().unwrap(), ..offer(1) },
        ];
        for (number, again) in changed.into_iter().enumerate() {
            let again = Offer { part: part(2, number), ..again };
            let session = world.session(&tenure).await;
            let receiving = world
                .fenced(&tenure, async |tx| {
                    let receiving = tx.begin_receiving(session, &again).await?;
                    tx.checkpoint(session, id, HALF).await?;
                    tx.abandon_receiving(session, id).await?;
                    Ok(receiving)
                })
                .await
                .unwrap();
            assert_eq!(receiving, Receiving::Fresh { id });
            let file = read(&world, id).await;
            assert_eq!((file.part, file.packaging), (again.part, again.packaging));
        }
    }

    async fn a_file_of_which_nothing_is_durable_starts_afresh(world) {
        let tenure = world.tenure(DAEMON).await;
        let session = world.session(&tenure).await;
        let id = world
            .fenced(&tenure, async |tx| {
                let id = fresh(tx.begin_receiving(session, &offer(1)).await?);
                tx.abandon_receiving(session, id).await?;
                Ok(id)
            })
            .await
            .unwrap();
        let again = Offer { part: part(1, 2), ..offer(1) };
        let receiving = world
            .fenced(&tenure, async |tx| tx.begin_receiving(session, &again).await)
            .await;
        assert_eq!(receiving.unwrap(), Receiving::Fresh { id });
        assert_eq!(read(&world, id).await.part, part(1, 2));
    }

    async fn a_file_in_another_live_session_is_busy(world) {
        let tenure = world.tenure(DAEMON).await;
        let one = world.session(&tenure).await;
        world
            .fenced(&tenure, async |tx| tx.begin_receiving(one, &offer(1)).await)
            .await
            .unwrap();
        // A session of another daemon, too.
        let tls = world.tenure(Daemon::SeonrdTcpipTls).await;
        for tenure in [&tenure, &tls] {
            let two = world.session(tenure).await;
            let receiving = world
                .fenced(tenure, async |tx| tx.begin_receiving(two, &offer(1)).await)
                .await;
            assert_eq!(receiving.unwrap(), Receiving::Busy { session: one });
        }
    }

    async fn a_claim_of_a_tenure_that_is_over_binds_nobody(world) {
        let tls = world.tenure(Daemon::SeonrdTcpipTls).await;
        let dead = world.session(&tls).await;
        let id = world
            .fenced(&tls, async |tx| {
                let id = fresh(tx.begin_receiving(dead, &offer(1)).await?);
                tx.checkpoint(dead, id, HALF).await?;
                Ok(id)
            })
            .await
            .unwrap();
        // Its lease is forced, and nobody has recovered its orphans: the partner comes by TCP.
        world.store.force_lease(Daemon::SeonrdTcpipTls, "a test").await.unwrap();
        let tcp = world.tenure(DAEMON).await;
        let session = world.session(&tcp).await;
        let receiving = world
            .fenced(&tcp, async |tx| tx.begin_receiving(session, &offer(1)).await)
            .await;
        let part = part(1, 1);
        assert_eq!(receiving.unwrap(), Receiving::Resume { id, part, durable: HALF });
    }

    async fn every_step_asks_whether_the_claim_is_still_this_sessions(world) {
        let (tenure, id) = broken_off(&world).await;
        let stranger = world.session(&tenure).await;
        let lost = async |step: &str| {
            let outcome = world
                .fenced(&tenure, async |tx| match step {
                    "checkpoint" => tx.checkpoint(stranger, id, WHOLE).await,
                    "received" => tx.file_received(stranger, id, WHOLE).await,
                    "abandon" => tx.abandon_receiving(stranger, id).await,
                    "resume" => tx.resume_at(stranger, id, &part(9, "x"), WHOLE).await,
                    _ => tx.discard_partial(stranger, id).await,
                })
                .await;
            outcome.unwrap_err().code()
        };
        for step in ["checkpoint", "received", "abandon", "resume", "discard"] {
            assert_eq!(lost(step).await, "E-STORE-CLAIM-LOST", "{step}");
        }
        assert_eq!(read(&world, id).await.durable, HALF);
    }

    async fn file_received_may_be_repeated_after_a_lost_answer(world) {
        let tenure = world.tenure(DAEMON).await;
        let session = world.session(&tenure).await;
        let id = world.received_file(&tenure, session, 1).await;
        let whole = Progress { octets: 7, records: 0 };
        world.fenced(&tenure, async |tx| tx.file_received(session, id, whole).await).await.unwrap();
    }

    async fn a_discarded_file_was_never_offered(world) {
        let tenure = world.tenure(DAEMON).await;
        let session = world.session(&tenure).await;
        let receiving = world
            .fenced(&tenure, async |tx| {
                let id = fresh(tx.begin_receiving(session, &offer(1)).await?);
                tx.discard_partial(session, id).await?;
                tx.begin_receiving(session, &offer(1)).await
            })
            .await
            .unwrap();
        fresh(receiving);
    }

    async fn of_two_sessions_that_are_offered_one_file_at_once_one_gets_it(world) {
        let tenure = world.tenure(DAEMON).await;
        let mut offered = tokio::task::JoinSet::new();
        for number in 0..6 {
            let session = world.session(&tenure).await;
            let (store, tenure) = (world.another_process().await, tenure.clone());
            offered.spawn(async move {
                let offer = Offer { part: part(1, number), ..offer(1) };
                let mut tx = store.fenced(&tenure).await.unwrap();
                let receiving = tx.begin_receiving(session, &offer).await.unwrap();
                tx.commit().await.unwrap();
                receiving
            });
        }
        let answers = offered.join_all().await;
        let fresh = answers.iter().filter(|answer| matches!(answer, Receiving::Fresh { .. }));
        assert_eq!(fresh.count(), 1);
        let busy = answers.iter().filter(|answer| matches!(answer, Receiving::Busy { .. }));
        assert_eq!(busy.count(), 5);
    }

    async fn received_files_are_read_by_partner_and_state(world) {
        let (tenure, id) = broken_off(&world).await;
        let session = world.session(&tenure).await;
        let received = world.received_file(&tenure, session, 2).await;
        let ids = async |filter: ReceivedFilter| {
            let files = world.store.received_files(&filter).await.unwrap();
            files.iter().map(|file| file.id).collect::<Vec<_>>()
        };
        assert_eq!(ids(ReceivedFilter::default()).await, [received, id]);
        let state = Some(ReceivedState::Receiving);
        assert_eq!(ids(ReceivedFilter { state, ..Default::default() }).await, [id]);
        let partner = Some(partner("crane"));
        assert_eq!(ids(ReceivedFilter { partner, ..Default::default() }).await, []);
    }
}

/// Half of a file, its session gone in order.
async fn broken_off(world: &World) -> (lease::Tenure, ReceivedFileId) {
    let tenure = world.tenure(DAEMON).await;
    let session = world.session(&tenure).await;
    let id = world
        .fenced(&tenure, async |tx| {
            let id = fresh(tx.begin_receiving(session, &offer(1)).await?);
            tx.checkpoint(session, id, HALF).await?;
            tx.abandon_receiving(session, id).await?;
            Ok(id)
        })
        .await
        .unwrap();
    (tenure, id)
}

async fn read(world: &World, id: ReceivedFileId) -> ReceivedFile {
    world.store.received_file(id).await.unwrap().unwrap()
}
