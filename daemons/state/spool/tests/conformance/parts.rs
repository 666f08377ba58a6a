//! Parts that are restarted.

use domain::{Epoch, PartName};
use proptest::prelude::*;
use spool::{CHUNK, Part, Parts, SpoolError};
use support::PseudoRandom;

use crate::world::{Files, Objects, World, append, read_all, received, sync};

fn epoch(number: i64) -> Epoch {
    Epoch::try_from(number).unwrap()
}

fn name(name: &str) -> PartName {
    name.parse().unwrap()
}

conformance! {
    async fn what_is_durable_is_gone_on_with_and_what_is_not_is_lost(world) {
        let spool = world.spool();
        let mut part = spool.create_part(&name("1/a.part")).await.unwrap();
        append(&mut part, b"durable").await;
        assert_eq!(sync(&mut part).await, 7);
        append(&mut part, b", not").await;
        assert_eq!(part.octets(), 12);
        drop(part);
        world.lose_what_is_not_durable(&name("1/a.part"), Some(7));

        let spool = world.spool();
        let error = spool.resume_part(&name("1/a.part"), 8, epoch(2)).await.err().unwrap();
        assert!(matches!(error, SpoolError::Short { recorded: 8, found: 7, .. }), "{error}");
        let mut part = spool.resume_part(&name("1/a.part"), 7, epoch(2)).await.unwrap();
        assert_eq!(part.octets(), 7);
        append(&mut part, b" again").await;
        let resumed = part.name().clone();
        assert_eq!(part.finish().await.unwrap(), 13);
        assert_eq!(read_all(spool.open_part(&resumed).await.unwrap()).await, b"durable again");
    }

    async fn a_part_that_never_was_durable_is_missing(world) {
        let mut part = world.spool().create_part(&name("1/a.part")).await.unwrap();
        append(&mut part, b"not durable").await;
        drop(part);
        world.lose_what_is_not_durable(&name("1/a.part"), None);
        let error = world.spool().resume_part(&name("1/a.part"), 0, epoch(2)).await.err().unwrap();
        assert!(matches!(error, SpoolError::Missing { .. }), "{error}");
    }

    async fn a_part_goes_on_before_its_end_in_its_own_epoch_and_in_a_later_one(world) {
        let spool = world.spool();
        let mut part = spool.create_part(&name("1/a.part")).await.unwrap();
        for piece in ["one ", "two ", "three"] {
            append(&mut part, piece.as_bytes()).await;
            sync(&mut part).await;
        }
        drop(part);
        let mut part = spool.resume_part(&name("1/a.part"), 10, epoch(1)).await.unwrap();
        append(&mut part, b"!").await;
        assert_eq!(sync(&mut part).await, 11);
        let recorded = part.name().clone();
        drop(part);
        let mut part = spool.resume_part(&recorded, 2, epoch(2)).await.unwrap();
        append(&mut part, b"wards").await;
        let resumed = part.name().clone();
        part.finish().await.unwrap();
        assert_eq!(read_all(spool.open_part(&resumed).await.unwrap()).await, b"onwards");
    }

    async fn a_resumed_part_needs_nothing_of_one_with_another_name(world) {
        let spool = world.spool();
        let mut frozen = spool.create_part(&name("1/a.part")).await.unwrap();
        append(&mut frozen, b"recorded").await;
        sync(&mut frozen).await;
        let spool = world.spool();
        let mut part = spool.resume_part(&name("1/a.part"), 8, epoch(2)).await.unwrap();
        assert_eq!(part.name(), &name("2/a.part"), "somebody has the old one open");
        assert!(spool.remove_part(&name("1/a.part")).await.unwrap());
        append(&mut part, b" and whole").await;
        part.finish().await.unwrap();
        let reader = spool.open_part(&name("2/a.part")).await.unwrap();
        assert_eq!(read_all(reader).await, b"recorded and whole");
    }

    async fn a_frozen_holder_of_an_older_epoch_cannot_write_into_what_its_successor_receives(world) {
        let mut frozen = world.spool().create_part(&name("1/a.part")).await.unwrap();
        append(&mut frozen, b"recorded").await;
        sync(&mut frozen).await;
        append(&mut frozen, b", lost").await;

        let spool = world.spool();
        let mut part = spool.resume_part(&name("1/a.part"), 8, epoch(2)).await.unwrap();
        append(&mut part, b" new end").await;
        append(&mut frozen, b" THAWED").await;
        sync(&mut frozen).await;
        let resumed = part.name().clone();
        assert_eq!(part.finish().await.unwrap(), 16);
        let reader = spool.open_part(&resumed).await.unwrap();
        assert_eq!(read_all(reader).await, b"recorded new end");
    }

    async fn one_session_of_an_epoch_has_a_part_open(world) {
        let spool = world.spool();
        let mut part = spool.create_part(&name("1/a.part")).await.unwrap();
        sync(&mut part).await;
        let error = spool.resume_part(&name("1/a.part"), 0, epoch(1)).await.err().unwrap();
        assert!(matches!(error, SpoolError::Busy { .. }), "{error}");
        drop(part);
        assert!(spool.resume_part(&name("1/a.part"), 0, epoch(1)).await.is_ok());
    }

    async fn a_checkpoint_covers_what_was_appended_before_it(world) {
        let mut part = world.spool().create_part(&name("1/a.part")).await.unwrap();
        part.append(&mut vec![1; 1000]).await.unwrap();
        let checkpoint = part.checkpoint().await.unwrap();
        part.append(&mut vec![2; 500]).await.unwrap();
        assert_eq!(checkpoint.durable().await.unwrap(), 1000);
        assert_eq!(part.finish().await.unwrap(), 1500);
    }

    async fn a_chunk_that_is_taken_leaves_an_empty_buffer(world) {
        let mut part = world.spool().create_part(&name("1/a.part")).await.unwrap();
        let mut chunk = Vec::new();
        for _ in 0..3 {
            chunk.resize(CHUNK, 7);
            part.append(&mut chunk).await.unwrap();
            assert!(chunk.is_empty());
        }
        assert_eq!(part.finish().await.unwrap(), 3 * CHUNK as u64);
    }

    async fn a_small_file_is_durable_at_once(world) {
        let part = world.spool().write_part(&name("1/a.part"), b"small".to_vec()).await.unwrap();
        assert_eq!(part.octets(), 5);
        drop(part);
        world.lose_what_is_not_durable(&name("1/a.part"), Some(5));
        let reader = world.spool().open_part(&name("1/a.part")).await.unwrap();
        assert_eq!(read_all(reader).await, b"small");
    }

    async fn a_finished_part_is_read_whole_from_its_start(world) {
        let spool = world.spool();
        for octets in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK] {
            let content = PseudoRandom::new(octets as u64).octets(octets);
            let name = received(&spool, &format!("1/{octets}.part"), &content).await;
            let reader = spool.open_part(&name).await.unwrap();
            assert_eq!(spool::Reader::octets(&reader), octets as u64);
            assert!(read_all(reader).await == content, "{octets} octets");
        }
    }

    async fn starting_anew_drops_what_an_earlier_attempt_left(world) {
        let spool = world.spool();
        received(&spool, "1/a.part", b"an earlier attempt").await;
        received(&spool, "1/a.part", b"new").await;
        assert_eq!(read_all(spool.open_part(&name("1/a.part")).await.unwrap()).await, b"new");
    }

    async fn a_removed_part_is_missing(world) {
        let spool = world.spool();
        let name = received(&spool, "1/a.part", b"content").await;
        assert!(spool.remove_part(&name).await.unwrap());
        assert!(!spool.remove_part(&name).await.unwrap());
        let error = spool.open_part(&name).await.err().unwrap();
        assert!(matches!(error, SpoolError::Missing { .. }), "{error}");
        let error = spool.resume_part(&name, 0, epoch(1)).await.err().unwrap();
        assert!(matches!(error, SpoolError::Missing { .. }), "{error}");
    }
}

#[derive(Clone, Debug)]
enum Step {
    Append(usize),
    Checkpoint,
    /// The process is frozen, or dies and what is not durable is lost; the next one resumes at what
    /// was recorded.
    Crash {
        freeze: bool,
    },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..5000_usize).prop_map(Step::Append),
        Just(Step::Checkpoint),
        any::<bool>().prop_map(|freeze| Step::Crash { freeze }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn whatever_crashes_between_the_file_is_the_one_that_was_sent(
        steps in prop::collection::vec(step(), 1..20),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(crashing(&Files::new(), &steps));
        runtime.block_on(crashing(&Objects::new(), &steps));
    }
}

async fn crashing(world: &impl World, steps: &[Step]) {
    let sent = PseudoRandom::new(1).octets(100_000);
    let mut tenure = 1;
    let mut frozen = Vec::new();
    let mut part = world.spool().create_part(&name("1/a.part")).await.unwrap();
    let (mut position, mut recorded) = (0, usize::try_from(sync(&mut part).await).unwrap());
    for step in steps {
        match *step {
            Step::Append(count) => {
                append(&mut part, &sent[position..position + count]).await;
                position += count;
            }
            Step::Checkpoint => recorded = usize::try_from(sync(&mut part).await).unwrap(),
            Step::Crash { freeze } => {
                tenure += 1;
                let old = part.name().clone();
                if freeze {
                    frozen.push(part);
                } else {
                    drop(part);
                    world.lose_what_is_not_durable(&old, Some(recorded as u64));
                }
                let spool = world.spool();
                part = spool.resume_part(&old, recorded as u64, epoch(tenure)).await.unwrap();
                if *part.name() != old {
                    // Recorded by now.
                    spool.remove_part(&old).await.unwrap();
                }
                position = recorded;
                for thawed in &mut frozen {
                    append(thawed, b"THAWED").await;
                }
            }
        }
    }
    let name = part.name().clone();
    assert_eq!(part.finish().await.unwrap(), position as u64);
    assert!(read_all(world.spool().open_part(&name).await.unwrap()).await == sent[..position]);
}
