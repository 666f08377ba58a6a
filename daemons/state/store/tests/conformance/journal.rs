//! The journal is read as a person reads, and followed without a gap.

use domain::Daemon;
use store::{JournalEntry, JournalFilter, JournalKind};

use crate::world::{LONG, World, entry, identity, partner};

conformance! {
    async fn a_record_reads_as_it_was_written(world) {
        let tenure = world.tenure(Daemon::Seonsqd).await;
        let session = world.session(&tenure).await;
        let note = JournalEntry {
            session: Some(session),
            partner: Some(partner("bolt")),
            entry: Some(7.into()),
            code: Some("EFPA".to_owned()),
            text: Some("sent".to_owned()),
            dataset_name: Some(identity(1).dataset_name),
            octets: Some(10_240),
            details: Some(r#"{"credit":64}"#.to_owned()),
            ..JournalEntry::new(JournalKind::FileSent)
        };
        world.fenced(&tenure, async |tx| tx.journal(&note).await).await.unwrap();
        let records = world.store.journal(&JournalFilter::default()).await.unwrap();
        assert_eq!(records.len(), 1);
        assert_eq!(records[0].entry, note);
        assert_eq!((records[0].daemon, records[0].epoch), (Some(tenure.daemon), Some(tenure.epoch)));
        assert!(records[0].at <= world.store.clock().await.unwrap());
    }

    async fn records_of_one_commit_read_as_they_were_written_in_their_order(world) {
        let tenure = world.tenure(Daemon::Seonsqd).await;
        let session = world.session(&tenure).await;
        let notes: Vec<_> = (0..300_u16)
            .map(|number| JournalEntry {
                session: (number % 2 == 0).then_some(session),
                partner: (number % 3 == 0).then(|| partner("bolt")),
                text: Some(format!("\"{number}\" \\ 'ö' \u{1F980}")),
                dataset_name: Some(identity(number).dataset_name),
                octets: (number % 5 == 0).then_some(u64::from(number)),
                details: Some(r#"{"credit":64}"#.to_owned()),
                ..JournalEntry::new(JournalKind::FileSent)
            })
            .collect();
        world
            .fenced(&tenure, async |tx| {
                for note in &notes {
                    tx.journal(note).await?;
                }
                Ok(())
            })
            .await
            .unwrap();
        let records = world.store.journal(&JournalFilter::default()).await.unwrap();
        let read: Vec<_> = records.iter().map(|record| record.entry.clone()).collect();
        assert_eq!(read, notes);
        assert!(records.iter().all(|record| record.epoch == Some(tenure.epoch)));
    }

    async fn an_octet_0_in_a_record_is_stored_as_a_sign_for_it(world) {
        let tenure = world.tenure(Daemon::Seonsqd).await;
        let note = JournalEntry {
            text: Some("a\0b".to_owned()),
            ..JournalEntry::new(JournalKind::FileRefused)
        };
        for times in [1, 2] {
            world
                .fenced(&tenure, async |tx| {
                    for _ in 0..times {
                        tx.journal(&note).await?;
                    }
                    Ok(())
                })
                .await
                .unwrap();
        }
        let records = world.store.journal(&JournalFilter::default()).await.unwrap();
        let texts: Vec<_> = records.iter().filter_map(|record| record.entry.text.clone()).collect();
        assert_eq!(texts, ["a\u{FFFD}b"; 3]);
    }

    async fn a_new_entry_is_journalled_with_it(world) {
        let id = world.store.intake().enqueue(&entry(1)).await.unwrap();
        let records = world.store.journal(&JournalFilter::default()).await.unwrap();
        assert_eq!(records[0].entry.kind, JournalKind::EntryQueued);
        assert_eq!((records[0].entry.entry, records[0].daemon), (Some(id), None));
        assert_eq!(records[0].entry.octets, Some(10_240));
    }

    async fn the_newest_come_oldest_first(world) {
        write(&world, 5).await;
        let limit = JournalFilter { limit: 2, ..Default::default() };
        assert_eq!(codes(&world, &limit).await, ["3", "4"]);
    }

    async fn a_follower_misses_none(world) {
        write(&world, 5).await;
        let mut filter = JournalFilter { after: Some(0.into()), limit: 2, ..Default::default() };
        let mut seen = Vec::new();
        loop {
            let records = world.store.journal(&filter).await.unwrap();
            let Some(last) = records.last() else { break };
            filter.after = Some(last.id);
            seen.extend(records.into_iter().map(|record| record.entry.code.unwrap()));
        }
        assert_eq!(seen, ["0", "1", "2", "3", "4"]);
    }

    async fn records_are_found_by_partner_kind_and_time(world) {
        write(&world, 4).await;
        let filter = |partner: Option<&str>, kind, since| JournalFilter {
            partner: partner.map(self::partner),
            kind,
            since,
            ..Default::default()
        };
        assert_eq!(codes(&world, &filter(Some("odd"), None, None)).await, ["1", "3"]);
        let kind = Some(JournalKind::SessionStarted);
        assert_eq!(codes(&world, &filter(None, kind, None)).await.len(), 4);
        let kind = Some(JournalKind::SessionEnded);
        assert_eq!(codes(&world, &filter(None, kind, None)).await.len(), 0);
        let now = world.store.clock().await.unwrap();
        assert_eq!(codes(&world, &filter(None, None, Some(now + LONG))).await.len(), 0);
        assert_eq!(codes(&world, &filter(None, None, Some(now - LONG))).await.len(), 4);
    }
}

async fn write(world: &World, count: usize) {
    let tenure = world.tenure(Daemon::Seonsqd).await;
    for number in 0..count {
        let partner = if number % 2 == 0 { "even" } else { "odd" };
        let note = JournalEntry {
            code: Some(number.to_string()),
            partner: Some(self::partner(partner)),
            ..JournalEntry::new(JournalKind::SessionStarted)
        };
        world.fenced(&tenure, async |tx| tx.journal(&note).await).await.unwrap();
    }
}

async fn codes(world: &World, filter: &JournalFilter) -> Vec<String> {
    let records = world.store.journal(filter).await.unwrap();
    records.into_iter().map(|record| record.entry.code.unwrap()).collect()
}
