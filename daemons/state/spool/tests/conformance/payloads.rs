//! Payloads that are kept.

use std::path::PathBuf;

use domain::PayloadName;
use spool::{CHUNK, Payload, PayloadWriter, Payloads, Reader, SourceFile, SpoolError, TakeIn};
use support::PseudoRandom;

use crate::world::{World, read_all};

fn source(world: &impl World, content: &[u8]) -> PathBuf {
    let path = world.data().join("source");
    std::fs::write(&path, content).unwrap();
    path
}

conformance! {
    async fn a_file_that_is_taken_in_is_complete_and_its_own(world) {
        let content = PseudoRandom::new(1).octets(2 * CHUNK + 7);
        let source = source(&world, &content);
        let payload = world.spool().take_in(&source, TakeIn::Copy).await.unwrap();
        assert_eq!(payload.octets, content.len() as u64);
        std::fs::write(&source, "changed later").unwrap();
        let reader = world.spool().open_payload(&payload, 0).await.unwrap();
        assert!(read_all(reader).await == content);
    }

    async fn a_file_that_is_moved_in_goes_when_it_is_queued(world) {
        let source = source(&world, b"content");
        let payload = world.spool().take_in(&source, TakeIn::Move).await.unwrap();
        assert!(source.exists(), "a crash here must find it again");
        assert!(payload.remove_source(&source).await.unwrap());
        assert!(!source.exists());
        let reader = world.spool().open_payload(&payload, 0).await.unwrap();
        assert_eq!(read_all(reader).await, b"content");
    }

    async fn taken_in_again_under_its_name_it_is_the_same_payload(world) {
        let name = PayloadName::new(ambient::fresh());
        for _ in 0..2 {
            let source = SourceFile::open(source(&world, b"content"), TakeIn::Move).unwrap();
            let taken = world.spool().take_in_file(name.clone(), source, TakeIn::Move).await;
            let payload = taken.unwrap();
            assert_eq!((&payload.name, payload.octets), (&name, 7));
        }
        let reader = world.spool().open_payload(&Payload::new(name, 7), 0).await.unwrap();
        assert_eq!(read_all(reader).await, b"content");
    }

    async fn a_payload_is_read_from_any_offset_to_its_end(world) {
        let content = PseudoRandom::new(3).octets(CHUNK + 1000);
        let spool = world.spool();
        let payload = spool.take_in(&source(&world, &content), TakeIn::Copy).await.unwrap();
        let whole = content.len();
        for offset in [0, 1, 1024, CHUNK - 1, CHUNK, CHUNK + 1, whole - 1, whole] {
            let reader = spool.open_payload(&payload, offset as u64).await.unwrap();
            assert_eq!(reader.octets(), whole as u64);
            assert!(read_all(reader).await == content[offset..], "from {offset}");
        }
        let beyond = spool.open_payload(&payload, whole as u64 + 1).await.err().unwrap();
        assert!(matches!(beyond, SpoolError::Short { .. }), "{beyond}");
    }

    async fn a_payload_that_comes_piece_by_piece_is_there_when_it_is_finished(world) {
        let mut writer = world.spool().new_payload(0).await.unwrap();
        for piece in ["one, ", "two"] {
            writer.append(&mut piece.as_bytes().to_vec()).await.unwrap();
        }
        assert_eq!(writer.octets(), 8);
        let payload = writer.finish().await.unwrap();
        assert_eq!(payload.octets, 8);
        let reader = world.spool().open_payload(&payload, 0).await.unwrap();
        assert_eq!(read_all(reader).await, b"one, two");
    }

    async fn a_removed_payload_is_missing(world) {
        let spool = world.spool();
        let payload = spool.take_in(&source(&world, b"content"), TakeIn::Copy).await.unwrap();
        assert!(spool.remove_payload(&payload.name).await.unwrap());
        assert!(!spool.remove_payload(&payload.name).await.unwrap());
        for error in [
            spool.open_payload(&payload, 0).await.err().unwrap(),
            spool.check_payload(&payload).await.unwrap_err(),
        ] {
            assert!(matches!(error, SpoolError::Payload { found: None, .. }), "{error}");
            assert!(error.is_of_the_payload());
        }
    }

    async fn a_payload_of_another_size_than_was_recorded_is_not_read(world) {
        let spool = world.spool();
        let payload = spool.take_in(&source(&world, b"content"), TakeIn::Copy).await.unwrap();
        spool.check_payload(&payload).await.unwrap();
        for octets in [0, 6, 8] {
            let other = Payload::new(payload.name.clone(), octets);
            for error in [
                spool.open_payload(&other, 0).await.err().unwrap(),
                spool.check_payload(&other).await.unwrap_err(),
            ] {
                assert_eq!(error.code(), "E-SPOOL-PAYLOAD", "{error}");
                assert!(error.to_string().contains("has 7 octets"), "{error}");
            }
        }
    }
}
