//! How it stands with each partner.

use domain::Daemon;
use lease::Tenure;
use store::{JournalEntry, JournalKind, NewEntry, PartnerQueue, SessionCounts, SessionEnd};

use crate::world::{World, entry, new_session, partner};

const DAEMON: Daemon = Daemon::Seonsqd;

conformance! {
    async fn a_partners_queue_has_what_waits_and_what_is_blocked(world) {
        let tenure = world.tenure(DAEMON).await;
        let intake = world.store.intake();
        intake.enqueue(&NewEntry { held: true, ..entry(1) }).await.unwrap();
        intake.enqueue(&entry(2)).await.unwrap();
        intake.enqueue(&NewEntry { partner: partner("crane"), ..entry(3) }).await.unwrap();
        for state in ["blocked", "rejected"] {
            let id = world.ready_entry(&tenure, &entry(if state == "blocked" { 4 } else { 5 })).await;
            let finished = if state == "rejected" { "created_at" } else { "null" };
            let sql = format!(
                "update queue_entry set state = '{state}', error_code = 'E', finished_at = {finished}
                 where id = {id}"
            );
            world.sql(&sql).await.unwrap();
        }
        let queue = |partner: &str, waiting, blocked| PartnerQueue {
            partner: self::partner(partner),
            waiting,
            blocked,
        };
        let queues = world.store.partner_queues().await.unwrap();
        assert_eq!(queues, [queue("bolt", 2, 1), queue("crane", 1, 0)]);
    }

    async fn of_each_partner_the_session_that_began_last_is_found(world) {
        assert!(world.store.last_sessions().await.unwrap().is_empty());
        let tenure = world.tenure(DAEMON).await;
        session(&world, &tenure, "crane").await;
        session(&world, &tenure, "bolt").await;
        let bolt = session(&world, &tenure, "bolt").await;
        let anvil = session(&world, &tenure, "anvil").await;
        let crane = world
            .fenced(&tenure, async |tx| tx.begin_session(&new_session("crane")).await)
            .await
            .unwrap();
        let found = world.store.last_sessions().await.unwrap();
        let found: Vec<_> =
            found.iter().map(|one| (one.id, one.partner.as_str(), one.ended_at.is_some())).collect();
        assert_eq!(found, [(anvil, "anvil", true), (bolt, "bolt", true), (crane, "crane", false)]);
    }

    async fn of_each_partner_the_last_call_that_failed_is_found(world) {
        assert!(world.store.last_failed_calls().await.unwrap().is_empty());
        let tenure = world.tenure(DAEMON).await;
        let calls = [("bolt", "E-CONNECT-DNS"), ("crane", "E-CONNECT-REFUSED"), ("bolt", "E-CONNECT-TIMEOUT")];
        world
            .fenced(&tenure, async |tx| {
                for (partner, code) in calls {
                    let failed = JournalEntry {
                        partner: Some(self::partner(partner)),
                        code: Some(code.to_owned()),
                        ..JournalEntry::new(JournalKind::ConnectFailed)
                    };
                    tx.journal(&failed).await?;
                    if partner == "crane" {
                        let connected = JournalKind::CallFailed;
                        tx.journal(&JournalEntry { kind: connected, ..failed.clone() }).await?;
                    }
                    let other = JournalEntry { code: None, ..failed };
                    tx.journal(&JournalEntry { kind: JournalKind::FileSent, ..other }).await?;
                }
                Ok(())
            })
            .await
            .unwrap();
        let found = world.store.last_failed_calls().await.unwrap();
        let found: Vec<_> =
            found.iter().map(|one| (one.partner.as_str(), one.code.as_deref().unwrap())).collect();
        assert_eq!(found, [("bolt", "E-CONNECT-TIMEOUT"), ("crane", "E-CONNECT-REFUSED")]);
    }
}

/// A session that is over.
async fn session(world: &World, tenure: &Tenure, partner: &str) -> store::SessionId {
    let end =
        SessionEnd { code: "ESID-00".to_owned(), text: None, counts: SessionCounts::default() };
    world
        .fenced(tenure, async |tx| {
            let id = tx.begin_session(&new_session(partner)).await?;
            tx.end_session(id, &end).await?;
            Ok(id)
        })
        .await
        .unwrap()
}
