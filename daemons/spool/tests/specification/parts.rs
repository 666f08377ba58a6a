//! A virtual file while it is being received.

use crate::{epoch, spool, tree};
use proptest::prelude::*;
use spool::{PartName, SpoolError};
use support::PseudoRandom;

#[test]
fn a_part_grows_in_its_epochs_directory_and_is_finished_with_all_its_octets() {
    let (directory, spool) = spool();
    let mut part = spool.create_part(epoch(3), "a").unwrap();
    assert_eq!(part.name().to_string(), "3/a.part");
    part.write_all(b"hello ").unwrap();
    assert_eq!(part.sync().unwrap(), 6);
    part.write_all(b"world").unwrap();
    assert_eq!(part.octets(), 11);
    assert_eq!(part.finish().unwrap(), 11);
    assert_eq!(std::fs::read(directory.join("spool/in/3/a.part")).unwrap(), b"hello world");
}

#[test]
fn an_empty_file_is_a_file() {
    let (directory, spool) = spool();
    let part = spool.create_part(epoch(1), "empty").unwrap();
    assert_eq!(part.finish().unwrap(), 0);
    assert_eq!(std::fs::read(directory.join("spool/in/1/empty.part")).unwrap(), b"");
}

#[test]
fn a_part_goes_on_at_its_durable_position_and_drops_what_lies_beyond() {
    let (directory, spool) = spool();
    let mut part = spool.create_part(epoch(1), "a").unwrap();
    part.write_all(b"durable, not").unwrap();
    let name = part.name().clone();
    drop(part);
    // The next tenure, after a crash that lost nothing but the last words.
    let mut part = spool.resume_part(&name, 7, epoch(2)).unwrap();
    assert_eq!((part.octets(), part.name()), (7, &name));
    part.write_all(b" again").unwrap();
    assert_eq!(part.finish().unwrap(), 13);
    assert_eq!(std::fs::read(directory.join("spool/in/1/a.part")).unwrap(), b"durable again");
}

#[test]
fn a_part_that_is_shorter_than_recorded_is_refused_and_kept_as_it_is() {
    let (directory, spool) = spool();
    let mut part = spool.create_part(epoch(1), "a").unwrap();
    part.write_all(b"four").unwrap();
    let name = part.name().clone();
    drop(part);
    let error = spool.resume_part(&name, 5, epoch(1)).unwrap_err();
    assert!(matches!(error, SpoolError::Short { recorded: 5, found: 4, .. }), "{error}");
    assert_eq!(error.code(), "E-SPOOL-SHORT");
    assert_eq!(std::fs::read(directory.join("spool/in/1/a.part")).unwrap(), b"four");
}

#[test]
fn a_part_that_is_gone_is_missing_whether_its_epoch_is_there_or_not() {
    let (_directory, spool) = spool();
    drop(spool.create_part(epoch(1), "other").unwrap());
    for name in ["1/a.part", "9/a.part"] {
        let name: PartName = name.parse().unwrap();
        let error = spool.resume_part(&name, 0, epoch(9)).unwrap_err();
        assert_eq!(error.code(), "E-SPOOL-MISSING", "{error}");
        assert!(!spool.remove_part(&name).unwrap());
    }
}

#[test]
fn one_session_at_a_time_has_a_part_open() {
    let (_directory, spool) = spool();
    let part = spool.create_part(epoch(1), "a").unwrap();
    let name = part.name().clone();
    let error = spool.resume_part(&name, 0, epoch(1)).unwrap_err();
    assert_eq!(error.code(), "E-SPOOL-BUSY", "{error}");
    drop(part);
    assert!(spool.resume_part(&name, 0, epoch(1)).is_ok());
}

#[test]
fn a_frozen_holder_of_an_older_epoch_cannot_write_into_what_its_successor_receives() {
    let (directory, spool) = spool();
    let mut frozen = spool.create_part(epoch(1), "a").unwrap();
    frozen.write_all(b"recorded, lost").unwrap();
    let old = frozen.name().clone();

    let mut part = spool.resume_part(&old, 8, epoch(2)).unwrap();
    assert_eq!(part.name().to_string(), "2/a.part", "a file that nobody else has open");
    part.write_all(b" new end").unwrap();
    frozen.write_all(b" THAWED").unwrap();
    frozen.sync().unwrap();
    assert_eq!(part.finish().unwrap(), 16);
    assert_eq!(std::fs::read(directory.join("spool/in/2/a.part")).unwrap(), b"recorded new end");
}

#[test]
fn starting_anew_never_touches_the_file_that_an_earlier_attempt_has_open() {
    let (directory, spool) = spool();
    let mut earlier = spool.create_part(epoch(1), "a").unwrap();
    let mut part = spool.create_part(epoch(1), "a").unwrap();
    earlier.write_all(b"EARLIER").unwrap();
    part.write_all(b"new").unwrap();
    part.finish().unwrap();
    assert_eq!(std::fs::read(directory.join("spool/in/1/a.part")).unwrap(), b"new");
}

#[test]
fn a_checkpoint_on_another_thread_covers_what_was_written_before_it() {
    let (_directory, spool) = spool();
    let mut part = spool.create_part(epoch(1), "a").unwrap();
    part.write_all(&[1; 1000]).unwrap();
    let checkpoint = part.checkpoint();
    let running = std::thread::spawn(move || checkpoint.run().unwrap());
    part.write_all(&[2; 500]).unwrap();
    assert_eq!(running.join().unwrap(), 1000);
    assert_eq!(part.finish().unwrap(), 1500);
}

#[test]
fn an_id_that_would_leave_the_directory_is_refused() {
    let (directory, spool) = spool();
    for id in ["", "..", "../x", "a/b", "a\0"] {
        let error = spool.create_part(epoch(1), id).unwrap_err();
        assert_eq!(error.code(), "E-SPOOL-NAME", "{id:?}: {error}");
    }
    assert_eq!(
        tree(directory.path()),
        ["incoming/", "outgoing/", "spool/", "spool/in/", "spool/out/"]
    );
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
        let (directory, spool) = spool();
        let sent = PseudoRandom::new(1).octets(100_000);
        let mut tenure = 1;
        let mut frozen = Vec::new();
        let mut part = spool.create_part(epoch(tenure), "a").unwrap();
        let (mut position, mut recorded) = (0, 0);
        for step in steps {
            match step {
                Step::Write(count) => {
                    part.write_all(&sent[position..position + count]).unwrap();
                    position += count;
                }
                Step::Sync => recorded = usize::try_from(part.sync().unwrap()).unwrap(),
                Step::Crash { freeze } => {
                    tenure += 1;
                    let name = part.name().clone();
                    if freeze {
                        frozen.push(part);
                    } else {
                        drop(part);
                    }
                    part = spool.resume_part(&name, recorded as u64, epoch(tenure)).unwrap();
                    position = recorded;
                    for old in &mut frozen {
                        old.write_all(b"THAWED").unwrap();
                    }
                }
            }
        }
        let path = directory.join("spool/in").join(part.name().to_string());
        prop_assert_eq!(part.finish().unwrap(), position as u64);
        prop_assert!(std::fs::read(path).unwrap() == sent[..position]);
    }
}
