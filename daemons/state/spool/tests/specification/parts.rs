//! A virtual file while it is being received.

use crate::{append, epoch, part_name, spool, sync};
use domain::PartName;
use proptest::prelude::*;
use spool::{Part, Parts, SpoolError};
use support::PseudoRandom;

#[tokio::test]
async fn a_part_grows_in_its_epochs_directory_and_is_finished_with_all_its_octets() {
    let (directory, spool) = spool();
    let mut part = spool.create_part(&part_name("3/a.part")).await.unwrap();
    assert_eq!(part.name().to_string(), "3/a.part");
    append(&mut part, b"hello ").await.unwrap();
    assert_eq!(sync(&mut part).await.unwrap(), 6);
    append(&mut part, b"world").await.unwrap();
    assert_eq!(part.octets(), 11);
    assert_eq!(part.finish().await.unwrap(), 11);
    assert_eq!(std::fs::read(directory.join("spool/in/3/a.part")).unwrap(), b"hello world");
}

#[tokio::test]
async fn an_empty_file_is_a_file() {
    let (directory, spool) = spool();
    let part = spool.create_part(&part_name("1/empty.part")).await.unwrap();
    assert_eq!(part.finish().await.unwrap(), 0);
    assert_eq!(std::fs::read(directory.join("spool/in/1/empty.part")).unwrap(), b"");
}

#[tokio::test]
async fn a_part_goes_on_at_its_durable_position_and_drops_what_lies_beyond() {
    let (directory, spool) = spool();
    let mut part = spool.create_part(&part_name("1/a.part")).await.unwrap();
    append(&mut part, b"durable, not").await.unwrap();
    let name = part.name().clone();
    drop(part);
    // The next tenure, after a crash that lost nothing but the last words.
    let mut part = spool.resume_part(&name, 7, epoch(2)).await.unwrap();
    assert_eq!((part.octets(), part.name()), (7, &name));
    append(&mut part, b" again").await.unwrap();
    assert_eq!(part.finish().await.unwrap(), 13);
    assert_eq!(std::fs::read(directory.join("spool/in/1/a.part")).unwrap(), b"durable again");
}

#[tokio::test]
async fn a_part_that_is_shorter_than_recorded_is_refused_and_kept_as_it_is() {
    let (directory, spool) = spool();
    let mut part = spool.create_part(&part_name("1/a.part")).await.unwrap();
    append(&mut part, b"four").await.unwrap();
    let name = part.name().clone();
    drop(part);
    let error = spool.resume_part(&name, 5, epoch(1)).await.unwrap_err();
    assert!(matches!(error, SpoolError::Short { recorded: 5, found: 4, .. }), "{error}");
    assert_eq!(error.code(), "E-SPOOL-SHORT");
    assert_eq!(std::fs::read(directory.join("spool/in/1/a.part")).unwrap(), b"four");
}

#[tokio::test]
async fn a_part_that_is_gone_is_missing_whether_its_epoch_is_there_or_not() {
    let (_directory, spool) = spool();
    drop(spool.create_part(&part_name("1/other.part")).await.unwrap());
    for name in ["1/a.part", "9/a.part"] {
        let name: PartName = name.parse().unwrap();
        let error = spool.resume_part(&name, 0, epoch(9)).await.unwrap_err();
        assert_eq!(error.code(), "E-SPOOL-MISSING", "{error}");
        assert!(!spool.remove_part(&name).await.unwrap());
    }
}

#[tokio::test]
async fn one_session_at_a_time_has_a_part_open() {
    let (_directory, spool) = spool();
    let part = spool.create_part(&part_name("1/a.part")).await.unwrap();
    let name = part.name().clone();
    let error = spool.resume_part(&name, 0, epoch(1)).await.unwrap_err();
    assert_eq!(error.code(), "E-SPOOL-BUSY", "{error}");
    drop(part);
    assert!(spool.resume_part(&name, 0, epoch(1)).await.is_ok());
}

#[tokio::test]
async fn a_frozen_holder_of_an_older_epoch_cannot_write_into_what_its_successor_receives() {
    let (directory, spool) = spool();
    let mut frozen = spool.create_part(&part_name("1/a.part")).await.unwrap();
    append(&mut frozen, b"recorded, lost").await.unwrap();
    let old = frozen.name().clone();

    let mut part = spool.resume_part(&old, 8, epoch(2)).await.unwrap();
    assert_eq!(part.name().to_string(), "2/a.part", "a file that nobody else has open");
    append(&mut part, b" new end").await.unwrap();
    append(&mut frozen, b" THAWED").await.unwrap();
    sync(&mut frozen).await.unwrap();
    assert_eq!(part.finish().await.unwrap(), 16);
    assert_eq!(std::fs::read(directory.join("spool/in/2/a.part")).unwrap(), b"recorded new end");
}

#[tokio::test]
async fn starting_anew_never_touches_the_file_that_an_earlier_attempt_has_open() {
    let (directory, spool) = spool();
    let mut earlier = spool.create_part(&part_name("1/a.part")).await.unwrap();
    let mut part = spool.create_part(&part_name("1/a.part")).await.unwrap();
    append(&mut earlier, b"EARLIER").await.unwrap();
    append(&mut part, b"new").await.unwrap();
    part.finish().await.unwrap();
    assert_eq!(std::fs::read(directory.join("spool/in/1/a.part")).unwrap(), b"new");
}

#[tokio::test]
async fn a_checkpoint_beside_the_writing_covers_what_was_written_before_it() {
    let (_directory, spool) = spool();
    let mut part = spool.create_part(&part_name("1/a.part")).await.unwrap();
    append(&mut part, &[1; 1000]).await.unwrap();
    let checkpoint = part.checkpoint().await.unwrap();
    append(&mut part, &[2; 500]).await.unwrap();
    assert_eq!(checkpoint.durable().await.unwrap(), 1000);
    assert_eq!(part.finish().await.unwrap(), 1500);
}

#[test]
fn an_id_that_would_leave_the_directory_is_refused() {
    for id in ["", "..", "../x", "a/b", "a\0"] {
        let error = PartName::new(epoch(1), id).unwrap_err();
        assert_eq!(error.code(), "E-SPOOL-NAME", "{id:?}: {error}");
    }
}

#[derive(Clone, Debug)]
enum Step {
    Write(usize),
    Sync,
    /// The process ends without a word, and the next one resumes at what was recorded.
    Crash {
        freeze: bool,
    },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..5000_usize).prop_map(Step::Write),
        Just(Step::Sync),
        any::<bool>().prop_map(|freeze| Step::Crash { freeze }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_crashes_between_the_file_is_the_one_that_was_sent(
        steps in prop::collection::vec(step(), 1..20),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(crashing(&steps));
    }
}

async fn crashing(steps: &[Step]) {
    let (directory, spool) = spool();
    let sent = PseudoRandom::new(1).octets(100_000);
    let mut tenure = 1;
    let mut frozen = Vec::new();
    let mut part = spool.create_part(&PartName::new(epoch(tenure), "a").unwrap()).await.unwrap();
    let (mut position, mut recorded) = (0, 0);
    for step in steps {
        match *step {
            Step::Write(count) => {
                append(&mut part, &sent[position..position + count]).await.unwrap();
                position += count;
            }
            Step::Sync => recorded = usize::try_from(sync(&mut part).await.unwrap()).unwrap(),
            Step::Crash { freeze } => {
                tenure += 1;
                let name = part.name().clone();
                if freeze {
                    frozen.push(part);
                } else {
                    drop(part);
                }
                part = spool.resume_part(&name, recorded as u64, epoch(tenure)).await.unwrap();
                position = recorded;
                for old in &mut frozen {
                    append(old, b"THAWED").await.unwrap();
                }
            }
        }
    }
    let path = directory.join("spool/in").join(part.name().to_string());
    assert_eq!(part.finish().await.unwrap(), position as u64);
    assert!(std::fs::read(path).unwrap() == sent[..position]);
}
