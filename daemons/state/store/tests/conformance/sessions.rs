//! Sessions begin, end, and leave nothing claimed.

use domain::Daemon;
use oftp::Level;
use store::{
    ClaimScope, EntryState, NewReceipt, NewSession, Progress, ReceiptKind, ReceiptState,
    ReceiptTiming, SessionCounts, SessionEnd, SessionFilter,
};

use crate::world::{entry, fresh, new_session, offer, partner, target};

const DAEMON: Daemon = Daemon::SeonrdTcpip;

conformance! {
    async fn a_session_reads_as_it_began_and_ended(world) {
        let tenure = world.tenure(DAEMON).await;
        let new = NewSession { level: None, sends_only: true, ..new_session("bolt") };
        let id = world.fenced(&tenure, async |tx| tx.begin_session(&new).await).await.unwrap();
        world.fenced(&tenure, async |tx| tx.session_level(id, Level::V1_4).await).await.unwrap();
        let open = world.store.session(id).await.unwrap().unwrap();
        assert_eq!((open.level, open.ended_at), (Some(Level::V1_4), None));
        assert_eq!((open.daemon, open.epoch), (DAEMON, tenure.epoch));
        assert_eq!((open.direction, open.transport), (new.direction, new.transport));
        assert_eq!((open.peer_address, open.sends_only), (new.peer_address.clone(), true));

        let end = end();
        world.fenced(&tenure, async |tx| tx.end_session(id, &end).await).await.unwrap();
        let ended = world.store.session(id).await.unwrap().unwrap();
        assert!(ended.ended_at.unwrap() >= ended.started_at);
        assert_eq!((ended.end_code, ended.end_text), (Some(end.code), end.text));
        assert_eq!(ended.counts, end.counts);
    }

    async fn a_session_ends_once(world) {
        let tenure = world.tenure(DAEMON).await;
        let id = world.session(&tenure).await;
        world.fenced(&tenure, async |tx| tx.end_session(id, &end()).await).await.unwrap();
        let late = SessionEnd { code: "E-LATE".to_owned(), ..end() };
        world.fenced(&tenure, async |tx| tx.end_session(id, &late).await).await.unwrap();
        let ended = world.store.session(id).await.unwrap().unwrap();
        assert_eq!(ended.end_code.as_deref(), Some("ESID-00"));
        let late = world.fenced(&tenure, async |tx| tx.session_level(id, Level::V2_0).await).await;
        assert_eq!(late.unwrap_err().code(), "E-STORE-NOT-FOUND");
    }

    async fn whatever_a_session_still_claims_at_its_end_is_free_again(world) {
        let tenure = world.tenure(DAEMON).await;
        let session = world.session(&tenure).await;
        let queued = world.ready_entry(&tenure, &entry(1)).await;
        let delivered = world.received_file(&tenure, session, 2).await;
        let receipt = NewReceipt {
            kind: ReceiptKind::Positive,
            user_data: oftp::UserData::default(),
            signature: None,
            timing: ReceiptTiming::Now,
        };
        let (half, receipt) = world
            .fenced(&tenure, async |tx| {
                tx.delivering(delivered, &target("a")).await?;
                let receipt = tx.delivered(delivered, Some(&receipt)).await?.unwrap();
                tx.claim_entry(&partner("bolt"), session, ClaimScope::Active).await?.unwrap();
                assert_eq!(tx.claim_receipts(&partner("bolt"), session, 5).await?.len(), 1);
                let half = fresh(tx.begin_receiving(session, &offer(3)).await?);
                tx.checkpoint(session, half, Progress { octets: 5, records: 0 }).await?;
                Ok((half, receipt))
            })
            .await
            .unwrap();
        world.fenced(&tenure, async |tx| tx.end_session(session, &end()).await).await.unwrap();
        let entry = world.store.entry(queued).await.unwrap().unwrap();
        assert_eq!((entry.state, entry.claim, entry.attempts), (EntryState::Ready, None, 0));
        let receipt = world.store.receipt(receipt).await.unwrap().unwrap();
        assert_eq!((receipt.state, receipt.claim), (ReceiptState::Queued, None));
        let file = world.store.received_file(half).await.unwrap().unwrap();
        assert_eq!((file.claim, file.durable.octets), (None, 5));
    }

    async fn sessions_are_read_by_partner_and_while_open(world) {
        let tenure = world.tenure(DAEMON).await;
        let bolt = world.session(&tenure).await;
        let crane = world
            .fenced(&tenure, async |tx| tx.begin_session(&new_session("crane")).await)
            .await
            .unwrap();
        world.fenced(&tenure, async |tx| tx.end_session(bolt, &end()).await).await.unwrap();
        let ids = async |filter: SessionFilter| {
            let sessions = world.store.sessions(&filter).await.unwrap();
            sessions.iter().map(|session| session.id).collect::<Vec<_>>()
        };
        assert_eq!(ids(SessionFilter::default()).await, [crane, bolt]);
        assert_eq!(ids(SessionFilter { open: true, ..Default::default() }).await, [crane]);
        let partner = Some(partner("bolt"));
        assert_eq!(ids(SessionFilter { partner, ..Default::default() }).await, [bolt]);
        let since = Some(world.store.clock().await.unwrap() + crate::world::LONG);
        assert_eq!(ids(SessionFilter { since, ..Default::default() }).await, []);
    }
}

fn end() -> SessionEnd {
    SessionEnd {
        code: "ESID-00".to_owned(),
        text: Some("normal".to_owned()),
        counts: SessionCounts {
            files_sent: 1,
            files_received: 2,
            octets_sent: 3,
            octets_received: 4,
        },
    }
}
