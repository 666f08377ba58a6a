//! The life of a queue entry.

use std::time::Duration;

use domain::security::ReceiptHash;
use domain::virtual_file::StampStep;
use domain::{Daemon, OtherHash, OtherHashes};
use lease::Tenure;
use oftp::{FileIdentity, Level, ReasonText};
use store::{
    ClaimScope, EntryChange, EntryId, EntryState, JournalFilter, JournalKind, KeptReceipt, Match,
    NewEntry, PreparedEntry, QueueEntry, QueueFilter, Reached, ReceiptKind, ReceiptProof, Refusal,
    Retry, Sent, SessionId, StoreError,
};

use crate::world::{LONG, World, entry, identity, new_session, partner, payload};

const DAEMON: Daemon = Daemon::Seonsqd;
const AT_ONCE: Retry = Retry { after: Duration::ZERO, max_attempts: None };

conformance! {
    async fn an_entry_reads_as_it_was_written(world) {
        let new = NewEntry {
            comment: Some("urgent\0, says Anna".to_owned()),
            format: oftp::Format::from_parts('V', 512).unwrap(),
            priority: 7,
            ..entry(1)
        };
        let id = world.store.intake().enqueue(&new).await.unwrap();
        let read = world.store.entry(id).await.unwrap().unwrap();
        assert_eq!(read.identity, new.identity);
        assert_eq!((read.format, read.priority), (new.format, 7));
        assert_eq!((&read.description, &read.user_data), (&new.description, &new.user_data));
        assert_eq!((read.octets, read.original_octets), (10_240, 10_000));
        assert_eq!(read.comment.as_deref(), Some("urgent\u{FFFD}, says Anna"));
        assert_eq!((read.state, read.attempts, read.claim), (EntryState::Queued, 0, None));
        assert!(read.created_at <= world.store.clock().await.unwrap());
        assert_eq!(world.store.entry_by_identity(&new.identity).await.unwrap(), Some(read));
    }

    async fn entries_that_were_sent_are_recorded_together_each_with_its_own_outcome(world) {
        let tenure = world.tenure(DAEMON).await;
        let session = world.session(&tenure).await;
        let mut ids = Vec::new();
        for number in 1..=3 {
            let entry = NewEntry { receipt_expected: number != 2, ..entry(number) };
            ids.push(world.ready_entry(&tenure, &entry).await);
        }
        let claim =
            async |tx: &mut store::FencedTx| tx.claim_entries(&partner("bolt"), session, ClaimScope::Active, 3).await;
        world.fenced(&tenure, claim).await.unwrap();
        // The receipt of the third was faster than its EFPA.
        let identity = entry(3).identity;
        world
            .fenced(&tenure, async |tx| {
                let (bolt, kind) = (partner("bolt"), ReceiptKind::Positive);
                tx.receipt_received(&bolt, Level::V2_0, &identity, &kind, None).await
            })
            .await
            .unwrap();
        let sent = world.fenced(&tenure, async |tx| tx.entries_sent(session, &ids).await).await;
        let answered = Sent::Answered(EntryState::Acknowledged);
        assert_eq!(sent.unwrap(), [Sent::AwaitingReceipt, Sent::Finished, answered]);
    }

    async fn one_identity_is_queued_once(world) {
        world.store.intake().enqueue(&entry(1)).await.unwrap();
        let error = world.store.intake().enqueue(&entry(1)).await.unwrap_err();
        assert_eq!(error.code(), "E-STORE-DUPLICATE");
        assert!(error.to_string().contains("ENGDAT00471"));
    }

    async fn where_no_counter_is_shown_a_name_is_queued_once_a_second(world) {
        let by_second = |number| NewEntry { step: StampStep::Second, ..entry(number) };
        let intake = world.store.intake();
        intake.enqueue(&by_second(1)).await.unwrap();
        let again = intake.enqueue(&by_second(2)).await.unwrap_err();
        assert_eq!(again.code(), "E-STORE-DUPLICATE");
        let tenure = world.tenure(DAEMON).await;
        let again = world.fenced(&tenure, async |tx| tx.enqueue(&by_second(3)).await).await;
        assert!(matches!(again, Err(StoreError::Duplicate { .. })));
        // Another name, another second, and a partner that sees the counter.
        let mut later = by_second(4);
        later.identity.stamp = "202611221359010001".parse().unwrap();
        let mut named = by_second(5);
        named.identity.dataset_name = "OTHER".parse().unwrap();
        for entry in [later, named, entry(6)] {
            intake.enqueue(&entry).await.unwrap();
        }
        let latest = world.store.latest_stamp(&identity(1)).await.unwrap();
        assert_eq!(latest.to_string(), "202611221359010001");
        assert_eq!(world.store.latest_stamp(&identity(9)).await.unwrap(), latest);
    }

    async fn what_a_daemon_queues_is_queued_in_its_tenure_alone(world) {
        let old = world.tenure(DAEMON).await;
        world.fenced(&old, async |tx| tx.enqueue(&entry(1)).await).await.unwrap();
        let again = world.fenced(&old, async |tx| tx.enqueue(&entry(1)).await).await;
        assert!(matches!(again, Err(StoreError::Duplicate { .. })));
        let new = world.take_over(DAEMON).await;
        let late = world.fenced(&old, async |tx| tx.enqueue(&entry(2)).await).await;
        assert!(late.unwrap_err().is_fenced());
        world.fenced(&new, async |tx| tx.enqueue(&entry(2)).await).await.unwrap();
        assert_eq!(world.store.queue(&QueueFilter::default()).await.unwrap().len(), 2);
        let journal = world.store.journal(&JournalFilter::default()).await.unwrap();
        let epochs: Vec<_> = journal
            .iter()
            .filter(|record| record.entry.kind == JournalKind::EntryQueued)
            .map(|record| record.epoch)
            .collect();
        assert_eq!(epochs, [Some(old.epoch), Some(new.epoch)]);
    }

    async fn entries_are_queued_all_or_none(world) {
        let error = world.store.intake().enqueue_all(&[entry(1), entry(2), entry(1)]).await;
        assert!(matches!(error, Err(StoreError::Duplicate { .. })));
        assert!(world.store.queue(&QueueFilter::default()).await.unwrap().is_empty());
        let ids = world.store.intake().enqueue_all(&[entry(1), entry(2)]).await.unwrap();
        assert_eq!(ids.len(), 2);
    }

    async fn sent_waits_for_its_receipt(world) {
        let (tenure, session, id) = sending(&world, &entry(1)).await;
        let sent = world.fenced(&tenure, async |tx| tx.entry_sent(session, id).await).await;
        assert_eq!(sent.unwrap(), Sent::AwaitingReceipt);
        let entry = read(&world, id).await;
        assert_eq!((entry.state, entry.claim), (EntryState::Sent, None));
        assert!(entry.sent_at.is_some() && entry.finished_at.is_none());
        assert_eq!(answer(&world, &tenure, 1, &EERP).await, Match::Acknowledged(id));
        let entry = read(&world, id).await;
        assert_eq!(entry.state, EntryState::Acknowledged);
        assert!(entry.finished_at.is_some());
    }

    async fn sent_is_the_end_for_a_partner_without_receipts(world) {
        let new = NewEntry { receipt_expected: false, ..entry(1) };
        let (tenure, session, id) = sending(&world, &new).await;
        let sent = world.fenced(&tenure, async |tx| tx.entry_sent(session, id).await).await;
        assert_eq!(sent.unwrap(), Sent::Finished);
        assert!(read(&world, id).await.finished_at.is_some());
        // And yet one comes.
        assert_eq!(answer(&world, &tenure, 1, &EERP).await, Match::Acknowledged(id));
    }

    async fn a_receipt_that_is_to_be_signed_acknowledges_only_with_proof_of_what_was_sent(world) {
        let hash = |octet: &str| -> domain::FileHash { octet.repeat(32).parse().unwrap() };
        let proof = |octet| ReceiptProof {
            counts: ReceiptHash::Strict,
            hash: hash(octet),
            signature: "3080".parse().unwrap(),
            signer: "CN=bolt receipts".to_owned(),
            certificate: "3081".parse().unwrap(),
        };
        let tenure = world.tenure(DAEMON).await;
        for (number, level) in [(1, Level::V2_0), (2, Level::V1_2)] {
            let id = world.ready_entry(&tenure, &entry(number)).await;
            let session = claim_in_new_session(&world, &tenure, id).await;
            world.fenced(&tenure, async |tx| tx.entry_sent(session, id).await).await.unwrap();
            let sql = format!("update queue_entry set hash = '{}' where id = {id}", hash("0a"));
            world.sql(&sql).await.unwrap();
            let answer = async |proof: Option<&ReceiptProof>| {
                let (bolt, file) = (partner("bolt"), identity(number));
                world
                    .fenced(&tenure, async |tx| {
                        tx.receipt_received(&bolt, level, &file, &EERP, proof).await
                    })
                    .await
                    .unwrap()
            };
            let unproven = Match::Unproven { entry: id, hash: hash("0a") };
            assert_eq!(answer(None).await, unproven);
            assert_eq!(answer(Some(&proof("0b"))).await, unproven);
            let (code, text) = ("E-RECEIPT-UNSIGNED", "it is not signed");
            world
                .fenced(&tenure, async |tx| tx.receipt_unproven(id, code, text).await)
                .await
                .unwrap();
            let waiting = read(&world, id).await;
            assert_eq!((waiting.state, waiting.finished_at), (EntryState::Sent, None));
            assert_eq!(waiting.error_code.as_deref(), Some(code));
            assert_eq!(world.store.kept_receipt(id).await.unwrap(), None);
            assert_eq!(answer(Some(&proof("0a"))).await, Match::Acknowledged(id));
            let done = read(&world, id).await;
            assert_eq!((done.state, done.error_code), (EntryState::Acknowledged, None));
            assert_eq!(done.receipt_signature, Some("3080".parse().unwrap()));
            assert_eq!(done.receipt_signer.as_deref(), Some("CN=bolt receipts"));
            let kept = KeptReceipt {
                partner: partner("bolt"),
                identity: identity(number),
                hash: hash("0a"),
                other_hashes: OtherHashes::default(),
                signature: "3080".parse().unwrap(),
                certificate: "3081".parse().unwrap(),
                received_at: done.finished_at.unwrap(),
            };
            assert_eq!(world.store.kept_receipt(id).await.unwrap(), Some(kept));
        }
    }

    async fn another_hash_of_the_file_counts_where_that_is_tolerated(world) {
        let others: OtherHashes = format!("transmitted-sha1={};original={};", "0b".repeat(20), "0c".repeat(32))
            .parse()
            .unwrap();
        let proof = |hash: &str, counts| ReceiptProof {
            hash: hash.parse().unwrap(),
            counts,
            signature: "3080".parse().unwrap(),
            signer: "CN=bolt receipts".into(),
            certificate: "3081".parse().unwrap(),
        };
        let exact: domain::FileHash = "0a".repeat(32).parse().unwrap();
        let tenure = world.tenure(DAEMON).await;
        let original = "0c".repeat(32);
        for (number, level, signed, hash) in [
            (1, Level::V2_0, original.clone(), OtherHash::Original),
            (2, Level::V1_2, "0b".repeat(20), OtherHash::TransmittedSha1),
        ] {
            let new = NewEntry { packaging: "00 04 0 0 Y".parse().unwrap(), ..entry(number) };
            let ids = world.store.intake().enqueue_all(&[new]).await.unwrap();
            let id = ids[0];
            super::preparing::claim(&world, &tenure, 1).await;
            let (hash_of_all, other_hashes) = (Some(exact.clone()), others.clone());
            let done = [PreparedEntry { id, package: None, hash: hash_of_all, other_hashes }];
            world.fenced(&tenure, async |tx| tx.prepared(&done).await).await.unwrap();
            let session = claim_in_new_session(&world, &tenure, id).await;
            world.fenced(&tenure, async |tx| tx.entry_sent(session, id).await).await.unwrap();
            let answer = async |proof: ReceiptProof| {
                let (bolt, file) = (partner("bolt"), identity(number));
                world
                    .fenced(&tenure, async |tx| {
                        tx.receipt_received(&bolt, level, &file, &EERP, Some(&proof)).await
                    })
                    .await
                    .unwrap()
            };
            let unproven = Match::Unproven { entry: id, hash: exact.clone() };
            assert_eq!(answer(proof(&signed, ReceiptHash::Strict)).await, unproven);
            // None of this file's, and one that is only a piece of one of them.
            for other in ["0d".repeat(32), original[..40].to_owned()] {
                assert_eq!(answer(proof(&other, ReceiptHash::Tolerant)).await, unproven);
            }
            let tolerated = Match::Tolerated { entry: id, hash };
            assert_eq!(answer(proof(&signed, ReceiptHash::Tolerant)).await, tolerated);
            assert_eq!(read(&world, id).await.state, EntryState::Acknowledged);
            let kept = world.store.kept_receipt(id).await.unwrap().unwrap();
            assert_eq!((kept.hash, kept.other_hashes), (exact.clone(), others.clone()));
        }
    }

    async fn a_nerp_needs_no_signature_to_reject(world) {
        let (tenure, session, id) = sending(&world, &entry(1)).await;
        world.fenced(&tenure, async |tx| tx.entry_sent(session, id).await).await.unwrap();
        world.sql(&format!("update queue_entry set hash = '{}'", "0a".repeat(32))).await.unwrap();
        assert_eq!(answer(&world, &tenure, 1, &nerp()).await, Match::Rejected(id));
    }

    async fn a_nerp_rejects_with_its_reason(world) {
        let (tenure, session, id) = sending(&world, &entry(1)).await;
        world.fenced(&tenure, async |tx| tx.entry_sent(session, id).await).await.unwrap();
        assert_eq!(answer(&world, &tenure, 1, &nerp()).await, Match::Rejected(id));
        let entry = read(&world, id).await;
        assert_eq!(entry.state, EntryState::Rejected);
        assert_eq!(entry.error_code.as_deref(), Some("E-FILE-NERP-34"));
        assert_eq!(entry.error_text.as_deref(), Some("cannot process"));
    }

    async fn a_receipt_faster_than_efpa_is_respected(world) {
        let (tenure, session, id) = sending(&world, &entry(1)).await;
        // Another session, even another daemon's.
        let receiver = world.tenure(Daemon::SeonrdTcpip).await;
        assert_eq!(answer(&world, &receiver, 1, &EERP).await, Match::Acknowledged(id));
        let sent = world.fenced(&tenure, async |tx| tx.entry_sent(session, id).await).await;
        assert_eq!(sent.unwrap(), Sent::Answered(EntryState::Acknowledged));
        let entry = read(&world, id).await;
        assert_eq!((entry.state, entry.claim), (EntryState::Acknowledged, None));
        assert_eq!(entry.sent_at, entry.finished_at, "it was sent by the time of its receipt");
    }

    async fn a_transfer_that_breaks_off_after_its_receipt_stays_acknowledged(world) {
        let (tenure, session, id) = sending(&world, &entry(1)).await;
        answer(&world, &tenure, 1, &EERP).await;
        assert_eq!(interrupt(&world, &tenure, session, id, AT_ONCE).await, EntryState::Acknowledged);
        assert_eq!(read(&world, id).await.error_code, None);
    }

    async fn a_receipt_comes_twice_and_changes_nothing(world) {
        let (tenure, session, id) = sending(&world, &entry(1)).await;
        world.fenced(&tenure, async |tx| tx.entry_sent(session, id).await).await.unwrap();
        answer(&world, &tenure, 1, &EERP).await;
        let state = EntryState::Acknowledged;
        for again in [EERP, nerp()] {
            let answered = answer(&world, &tenure, 1, &again).await;
            assert_eq!(answered, Match::Duplicate { entry: id, state });
        }
        assert_eq!(read(&world, id).await.state, state);
    }

    async fn a_receipt_for_a_file_that_we_never_sent_is_unknown(world) {
        let tenure = world.tenure(DAEMON).await;
        assert_eq!(answer(&world, &tenure, 9, &EERP).await, Match::Unknown);
    }

    async fn a_partner_answers_for_its_own_entries_alone(world) {
        use EntryState::{Acknowledged, Blocked, Cancelled, Held, Queued, Ready, Sending, Sent};
        let tenure = world.tenure(DAEMON).await;
        let states = [Held, Queued, Ready, Sending, Sent, Acknowledged, Blocked, Cancelled];
        for (number, state) in (1..).zip(states) {
            let id = entry_in(&world, &tenure, number, state).await;
            // Theirs, whatever was said so far, and all that is known of the identity is right.
            world
                .sql(&format!("update queue_entry set partner = 'crane' where id = {id}"))
                .await
                .unwrap();
            let before = read(&world, id).await;
            for (level, identity) in
                [(Level::V2_0, identity(number)), (Level::V1_2, identity(number).at(Level::V1_2))]
            {
                for kind in [EERP, nerp()] {
                    let answered =
                        answer_of(&world, &tenure, ("bolt", level), &identity, &kind).await;
                    assert_eq!(answered, Match::Unknown, "{state} at {level}");
                }
            }
            assert_eq!(read(&world, id).await, before);
        }
    }

    async fn what_never_left_is_answered_by_no_receipt(world) {
        use EntryState::{Blocked, Held, Queued, Ready};
        let tenure = world.tenure(DAEMON).await;
        for (number, state) in (1..).zip([Held, Queued, Ready, Blocked]) {
            let entry = entry_in(&world, &tenure, number, state).await;
            world
                .sql(&format!("update queue_entry set partner = 'bolt' where id = {entry}"))
                .await
                .unwrap();
            let before = read(&world, entry).await;
            for kind in [EERP, nerp()] {
                let answered = answer(&world, &tenure, number, &kind).await;
                assert_eq!(answered, Match::Unsent { entry, state });
            }
            let answered =
                answer_of(&world, &tenure, ("bolt", Level::V1_3), &identity(0), &EERP).await;
            assert!(matches!(answered, Match::Unsent { .. }), "{answered:?}");
            assert_eq!(read(&world, entry).await, before);
        }
    }

    async fn what_left_whole_is_answered_whatever_became_of_it_since(world) {
        let tenure = world.tenure(DAEMON).await;
        let cases = [(Reached::Nothing, false), (Reached::Part, false), (Reached::Whole, true)];
        for (number, (reached, counts)) in (1..).zip(cases) {
            let id = world.ready_entry(&tenure, &entry(number)).await;
            let session = claim_in_new_session(&world, &tenure, id).await;
            world
                .fenced(&tenure, async |tx| {
                    tx.entry_reached(session, id, reached).await?;
                    tx.entry_interrupted(session, id, "E", "text", AT_ONCE).await?;
                    tx.hold_entry(id).await
                })
                .await
                .unwrap();
            assert_eq!(read(&world, id).await.reached, reached);
            let answered = answer(&world, &tenure, number, &EERP).await;
            let unsent = Match::Unsent { entry: id, state: EntryState::Held };
            assert_eq!(answered, if counts { Match::Acknowledged(id) } else { unsent });
        }
    }

    async fn a_repeated_receipt_without_counter_acknowledges_nothing_that_was_not_sent(world) {
        // Levels 1.2 and 1.3 lose the stamp's counter, by which alone these two differ.
        let (tenure, session, first) = sending(&world, &entry(1)).await;
        let second = world.ready_entry(&tenure, &entry(2)).await;
        world.fenced(&tenure, async |tx| tx.entry_sent(session, first).await).await.unwrap();
        let answer = async || {
            answer_of(&world, &tenure, ("bolt", Level::V1_3), &identity(0), &EERP).await
        };
        assert_eq!(answer().await, Match::Acknowledged(first));
        let state = EntryState::Acknowledged;
        assert_eq!(answer().await, Match::Duplicate { entry: first, state });
        let claimed = claim_in_new_session(&world, &tenure, second).await;
        assert_eq!(answer().await, Match::Duplicate { entry: first, state });
        world.fenced(&tenure, async |tx| tx.entry_sent(claimed, second).await).await.unwrap();
        assert_eq!(answer().await, Match::Acknowledged(second));
    }

    async fn a_lost_answer_of_a_commit_is_repeated_without_harm(world) {
        let (tenure, session, id) = sending(&world, &entry(1)).await;
        for _ in 0..2 {
            let sent = world.fenced(&tenure, async |tx| tx.entry_sent(session, id).await).await;
            assert_eq!(sent.unwrap(), Sent::AwaitingReceipt);
        }
    }

    async fn an_interrupted_entry_is_tried_again_later_and_at_last_blocked(world) {
        let (tenure, session, id) = sending(&world, &entry(1)).await;
        let retry = Retry { after: Duration::ZERO, max_attempts: Some(2) };
        assert_eq!(interrupt(&world, &tenure, session, id, retry).await, EntryState::Ready);
        let entry = read(&world, id).await;
        assert_eq!((entry.attempts, entry.claim), (1, None));
        assert_eq!(entry.error_code.as_deref(), Some("E-SESSION-LOST"));
        let session = claim_in_new_session(&world, &tenure, id).await;
        assert_eq!(interrupt(&world, &tenure, session, id, retry).await, EntryState::Blocked);
        assert_eq!(read(&world, id).await.attempts, 2);
    }

    async fn a_retry_waits_by_the_databases_clock(world) {
        let (tenure, session, id) = sending(&world, &entry(1)).await;
        let before = world.store.clock().await.unwrap();
        // Under way already, so that its beginning says nothing of the partner now.
        let beside = world.fenced(&tenure, async |tx| tx.begin_session(&new_session("bolt")).await);
        let beside = beside.await.unwrap();
        interrupt(&world, &tenure, session, id, Retry::after(LONG)).await;
        let entry = read(&world, id).await;
        assert!(entry.not_before.unwrap() >= before + LONG);
        let claim = async |tx: &mut store::FencedTx| {
            tx.claim_entry(&partner("bolt"), beside, ClaimScope::Active).await
        };
        assert_eq!(world.fenced(&tenure, claim).await.unwrap(), None);
    }

    async fn a_session_ends_the_waiting_for_its_partner_and_no_newer_entry_overtakes(world) {
        let (tenure, session, id) = sending(&world, &entry(1)).await;
        interrupt(&world, &tenure, session, id, Retry::after(LONG)).await;
        world.ready_entry(&tenure, &entry(2)).await;
        claim_in_new_session(&world, &tenure, id).await;
    }

    async fn what_the_partner_refused_for_now_waits_through_sessions_until_a_person_lets_it_go(world) {
        let (tenure, session, id) = sending(&world, &entry(1)).await;
        let retry = Refusal::Retry(Retry::after(LONG));
        let refuse = async |tx: &mut store::FencedTx| {
            tx.entry_refused(session, id, "E-FILE-SFNA-06", "disk full", retry).await
        };
        assert_eq!(world.fenced(&tenure, refuse).await.unwrap(), EntryState::Ready);
        let next = world.ready_entry(&tenure, &entry(2)).await;
        claim_in_new_session(&world, &tenure, next).await;
        world.fenced(&tenure, async |tx| tx.hold_entry(id).await).await.unwrap();
        world.fenced(&tenure, async |tx| tx.release_entry(id).await).await.unwrap();
        world.prepare_queued(&tenure).await;
        claim_in_new_session(&world, &tenure, id).await;
    }

    async fn an_entry_whose_receipt_never_comes_is_closed_or_sent_again(world) {
        let (tenure, session, id) = sending(&world, &entry(1)).await;
        world.fenced(&tenure, async |tx| tx.entry_sent(session, id).await).await.unwrap();
        let resend = world.fenced(&tenure, async |tx| tx.resend_entry(id).await).await;
        assert_eq!(resend.unwrap(), EntryChange::Changed);
        world.prepare_queued(&tenure).await;
        let session = claim_in_new_session(&world, &tenure, id).await;
        let reached = read(&world, id).await.reached;
        assert_eq!(reached, Reached::Whole, "a partner's duplicate counts as delivered");
        world.fenced(&tenure, async |tx| tx.entry_sent(session, id).await).await.unwrap();
        let close = world.fenced(&tenure, async |tx| tx.close_entry(id).await).await;
        assert_eq!(close.unwrap(), EntryChange::Changed);
        let closed = read(&world, id).await;
        assert!(closed.finished_at.is_some());
        assert_eq!(closed.state, EntryState::Sent);
        for again in [
            world.fenced(&tenure, async |tx| tx.close_entry(id).await).await,
            world.fenced(&tenure, async |tx| tx.resend_entry(id).await).await,
        ] {
            assert_eq!(again.unwrap(), EntryChange::NotFrom(EntryState::Sent));
        }
        // One that comes after all still counts.
        assert_eq!(answer(&world, &tenure, 1, &EERP).await, Match::Acknowledged(id));
    }

    async fn a_receipt_whose_counter_was_zeroed_is_of_the_only_entry_that_fits(world) {
        let (tenure, session, first) = sending(&world, &entry(1)).await;
        world.fenced(&tenure, async |tx| tx.entry_sent(session, first).await).await.unwrap();
        let second = world.ready_entry(&tenure, &entry(2)).await;
        let zeroed = async || {
            answer_of(&world, &tenure, ("bolt", Level::V2_0), &identity(0), &EERP).await
        };
        // What never left does not fit; two that did would both.
        let session = claim_in_new_session(&world, &tenure, second).await;
        world.fenced(&tenure, async |tx| tx.entry_sent(session, second).await).await.unwrap();
        assert_eq!(zeroed().await, Match::Unknown);
        assert_eq!(answer(&world, &tenure, 2, &EERP).await, Match::Acknowledged(second));
        assert_eq!(zeroed().await, Match::Acknowledged(first));
        assert_eq!(zeroed().await, Match::Unknown);
    }

    async fn a_refused_file_is_tried_again_blocked_or_rejected_as_told(world) {
        let cases = [
            (1, Refusal::Retry(AT_ONCE), EntryState::Ready, false),
            (2, Refusal::RetryFromStart(AT_ONCE), EntryState::Ready, true),
            (3, Refusal::Block, EntryState::Blocked, false),
            (4, Refusal::Reject, EntryState::Rejected, false),
        ];
        let tenure = world.tenure(DAEMON).await;
        let session = world.session(&tenure).await;
        for (number, refusal, expected, restart_refused) in cases {
            let id = world.ready_entry(&tenure, &entry(number)).await;
            let state = world
                .fenced(&tenure, async |tx| {
                    let claimed = tx.claim_entry(&partner("bolt"), session, ClaimScope::Active).await?;
                    assert_eq!(claimed.unwrap().id, id);
                    tx.entry_refused(session, id, "SFNA-13", "duplicate", refusal).await
                })
                .await;
            assert_eq!(state.unwrap(), expected);
            let entry = read(&world, id).await;
            assert_eq!((entry.state, entry.restart_refused), (expected, restart_refused));
            assert_eq!(entry.error_code.as_deref(), Some("SFNA-13"));
            assert_eq!(entry.finished_at.is_some(), expected == EntryState::Rejected);
        }
    }

    async fn a_failed_call_is_an_attempt_of_every_active_due_entry(world) {
        let tenure = world.tenure(DAEMON).await;
        let later = Some(ambient::now() + LONG);
        let due = world.ready_entry(&tenure, &entry(1)).await;
        let untouched = [
            NewEntry { passive: true, ..entry(2) },
            NewEntry { partner: partner("crane"), ..entry(3) },
            NewEntry { not_before: later, ..entry(4) },
            NewEntry { held: true, ..entry(5) },
        ];
        let mut ids = Vec::new();
        for entry in &untouched {
            ids.push(world.ready_entry(&tenure, entry).await);
        }
        let fail = async |max_attempts| {
            let retry = Retry { after: Duration::ZERO, max_attempts: Some(max_attempts) };
            world
                .fenced(&tenure, async |tx| {
                    tx.connect_failed(&partner("bolt"), "E-CONNECT", "no route", retry).await
                })
                .await
                .unwrap()
        };
        assert_eq!(fail(2).await, []);
        assert_eq!(read(&world, due).await.attempts, 1);
        assert_eq!(fail(2).await, [due]);
        assert_eq!(read(&world, due).await.state, EntryState::Blocked);
        for id in ids {
            assert_eq!(read(&world, id).await.attempts, 0);
        }
    }

    async fn people_hold_release_cancel_and_unblock_only_where_it_makes_sense(world) {
        use EntryState::{
            Acknowledged, Blocked, Cancelled, Held, Preparing, Queued, Ready, Sending, Sent,
        };
        let tenure = world.tenure(DAEMON).await;
        let states =
            [Held, Queued, Preparing, Ready, Sending, Sent, Acknowledged, Blocked, Cancelled];
        let expected = |state, change| match change {
            "hold" => matches!(state, Queued | Preparing | Ready | Blocked).then_some(Held),
            "release" => matches!(state, Held).then_some(Queued),
            "cancel" => matches!(state, Held | Queued | Preparing | Ready | Blocked)
                .then_some(Cancelled),
            _ => matches!(state, Blocked).then_some(Queued),
        };
        let mut number = 0;
        for change in ["hold", "release", "cancel", "unblock"] {
            for state in states {
                number += 1;
                let id = entry_in(&world, &tenure, number, state).await;
                let changed = world
                    .fenced(&tenure, async |tx| match change {
                        "hold" => tx.hold_entry(id).await,
                        "release" => tx.release_entry(id).await,
                        "cancel" => tx.cancel_entry(id).await,
                        _ => tx.unblock_entry(id).await,
                    })
                    .await
                    .unwrap();
                let (outcome, after) = match expected(state, change) {
                    Some(after) => (EntryChange::Changed, after),
                    None => (EntryChange::NotFrom(state), state),
                };
                assert_eq!(changed, outcome, "{change} from {state}");
                assert_eq!(read(&world, id).await.state, after, "{change} from {state}");
            }
        }
    }

    async fn nobody_changes_an_entry_that_is_not_there(world) {
        let tenure = world.tenure(DAEMON).await;
        let changed = world.fenced(&tenure, async |tx| tx.cancel_entry(77.into()).await).await;
        assert_eq!(changed.unwrap(), EntryChange::Missing);
        assert_eq!(world.store.entry(77.into()).await.unwrap(), None);
    }

    async fn an_unblocked_entry_starts_over(world) {
        let (tenure, session, id) = sending(&world, &entry(1)).await;
        let retry = Retry { after: LONG, max_attempts: Some(1) };
        assert_eq!(interrupt(&world, &tenure, session, id, retry).await, EntryState::Blocked);
        world.fenced(&tenure, async |tx| tx.unblock_entry(id).await).await.unwrap();
        let entry = read(&world, id).await;
        assert_eq!((entry.state, entry.attempts), (EntryState::Queued, 0));
        assert_eq!(entry.not_before, None);
    }

    async fn a_session_cannot_end_anothers_transfer(world) {
        let (tenure, _, id) = sending(&world, &entry(1)).await;
        let stranger = world.session(&tenure).await;
        let error = world.fenced(&tenure, async |tx| tx.entry_sent(stranger, id).await).await;
        assert_eq!(error.unwrap_err().code(), "E-STORE-CLAIM-LOST");
        let error = world
            .fenced(&tenure, async |tx| {
                tx.entry_interrupted(stranger, id, "E", "text", AT_ONCE).await
            })
            .await;
        assert_eq!(error.unwrap_err().code(), "E-STORE-CLAIM-LOST");
        assert_eq!(read(&world, id).await.state, EntryState::Sending);
    }

    async fn partners_work_counts_what_is_due(world) {
        let tenure = world.tenure(DAEMON).await;
        let later = jiff::Timestamp::from_microsecond(
            (ambient::now() + LONG).as_microsecond(),
        )
        .unwrap();
        let entries = [
            NewEntry { priority: 3, ..entry(1) },
            entry(2),
            NewEntry { passive: true, ..entry(3) },
            NewEntry { not_before: Some(later), ..entry(4) },
            NewEntry { partner: partner("crane"), passive: true, ..entry(5) },
            NewEntry { partner: partner("drill"), held: true, ..entry(6) },
        ];
        let ids = world.store.intake().enqueue_all(&entries).await.unwrap();
        assert!(world.store.due_partners().await.unwrap().is_empty(), "nothing is ready");
        assert_eq!(world.prepare_queued(&tenure).await, 5);
        let work = world.store.due_partners().await.unwrap();
        assert_eq!(work.len(), 2);
        let [bolt, crane] = &work[..] else { panic!("{work:?}") };
        assert_eq!((bolt.partner.as_str(), bolt.entries, bolt.passive_entries), ("bolt", 2, 1));
        assert_eq!((bolt.priority, bolt.receipts), (3, 0));
        assert_eq!(bolt.oldest, Some(read(&world, ids[0]).await.created_at));
        assert_eq!(bolt.next_due, Some(later));
        assert_eq!((crane.partner.as_str(), crane.entries), ("crane", 0));
        assert_eq!((crane.passive_entries, crane.oldest), (1, None));
    }

    async fn an_entry_keeps_how_it_is_packaged(world) {
        let packaging = "03 02 1 1 Y".parse().unwrap();
        let records = oftp::Format::from_parts('F', 80).unwrap();
        let new = NewEntry { packaging, format: records, ..entry(1) };
        let id = world.store.intake().enqueue(&new).await.unwrap();
        let entry = read(&world, id).await;
        assert_eq!((entry.packaging, entry.format), (packaging, records));
        assert_eq!(entry.transmitted_format(), oftp::Format::Unstructured);
    }

    async fn the_queue_is_read_by_partner_and_state(world) {
        let (tenure, session, id) = sending(&world, &entry(1)).await;
        world.fenced(&tenure, async |tx| tx.entry_sent(session, id).await).await.unwrap();
        answer(&world, &tenure, 1, &EERP).await;
        let crane = NewEntry { partner: partner("crane"), ..entry(2) };
        let second = world.store.intake().enqueue(&crane).await.unwrap();
        let count = async |filter: QueueFilter| {
            let entries = world.store.queue(&filter).await.unwrap();
            entries.iter().map(|entry| entry.id).collect::<Vec<_>>()
        };
        let partner = Some(partner("crane"));
        assert_eq!(count(QueueFilter::default()).await, [second, id]);
        assert_eq!(count(QueueFilter { partner, ..Default::default() }).await, [second]);
        let state = Some(EntryState::Acknowledged);
        assert_eq!(count(QueueFilter { state, ..Default::default() }).await, [id]);
        assert_eq!(count(QueueFilter { unfinished: true, ..Default::default() }).await, [second]);
        assert_eq!(count(QueueFilter { limit: 1, ..Default::default() }).await, [second]);
        let counts = world.store.queue_counts().await.unwrap();
        let expected = [(EntryState::Queued, 1), (EntryState::Acknowledged, 1)];
        assert_eq!(counts.into_iter().collect::<Vec<_>>(), expected);
        assert_eq!(world.store.payloads_in_use().await.unwrap(), [payload(2)]);
    }

    async fn marking_sent_claiming_the_next_and_journalling_is_one_commit(world) {
        let (tenure, session, first) = sending(&world, &entry(1)).await;
        let second = world.ready_entry(&tenure, &entry(2)).await;
        let mut transaction = world.store.fenced(&tenure).await.unwrap();
        transaction.entry_sent(session, first).await.unwrap();
        let next = transaction.claim_entry(&partner("bolt"), session, ClaimScope::Active).await.unwrap();
        assert_eq!(next.unwrap().id, second);
        let note = store::JournalEntry::new(JournalKind::FileSent);
        transaction.journal(&note).await.unwrap();
        assert_eq!(read(&world, first).await.state, EntryState::Sending, "not committed yet");
        transaction.commit().await.unwrap();
        assert_eq!(read(&world, first).await.state, EntryState::Sent);
        assert_eq!(read(&world, second).await.state, EntryState::Sending);
    }
}

const EERP: ReceiptKind = ReceiptKind::Positive;

fn nerp() -> ReceiptKind {
    ReceiptKind::Negative { reason: 34, text: ReasonText::fitting("cannot process") }
}

/// An entry on the wire.
async fn sending(world: &World, new: &NewEntry) -> (Tenure, SessionId, EntryId) {
    let tenure = world.tenure(DAEMON).await;
    let id = world.ready_entry(&tenure, new).await;
    let session = claim_in_new_session(world, &tenure, id).await;
    (tenure, session, id)
}

async fn claim_in_new_session(world: &World, tenure: &Tenure, id: EntryId) -> SessionId {
    world
        .fenced(tenure, async |tx| {
            let session = tx.begin_session(&new_session("bolt")).await?;
            let claimed = tx.claim_entry(&partner("bolt"), session, ClaimScope::Active).await?;
            assert_eq!(claimed.unwrap().id, id);
            Ok(session)
        })
        .await
        .unwrap()
}

async fn interrupt(
    world: &World,
    tenure: &Tenure,
    session: SessionId,
    id: EntryId,
    retry: Retry,
) -> EntryState {
    world
        .fenced(tenure, async |tx| {
            tx.entry_interrupted(session, id, "E-SESSION-LOST", "connection lost", retry).await
        })
        .await
        .unwrap()
}

async fn answer(world: &World, tenure: &Tenure, number: u16, kind: &ReceiptKind) -> Match {
    answer_of(world, tenure, ("bolt", Level::V2_0), &identity(number), kind).await
}

async fn answer_of(
    world: &World,
    tenure: &Tenure,
    (who, level): (&str, Level),
    identity: &FileIdentity,
    kind: &ReceiptKind,
) -> Match {
    let who = partner(who);
    world
        .fenced(tenure, async |tx| tx.receipt_received(&who, level, identity, kind, None).await)
        .await
        .unwrap()
}

async fn read(world: &World, id: EntryId) -> QueueEntry {
    world.store.entry(id).await.unwrap().unwrap()
}

/// An entry brought into a state by the ways that lead there.
pub(crate) async fn entry_in(
    world: &World,
    tenure: &Tenure,
    number: u16,
    state: EntryState,
) -> EntryId {
    let new = NewEntry { held: state == EntryState::Held, ..entry(number) };
    let id = world.store.intake().enqueue(&new).await.unwrap();
    if matches!(state, EntryState::Held | EntryState::Queued) {
        return id;
    }
    if state == EntryState::Cancelled {
        world.fenced(tenure, async |tx| tx.cancel_entry(id).await).await.unwrap();
        return id;
    }
    if state == EntryState::Preparing {
        world.claim_queued(tenure, 1000).await;
        return id;
    }
    world.prepare_queued(tenure).await;
    if state == EntryState::Ready {
        return id;
    }
    // A partner of its own, so that the claim takes this one.
    let only = format!("only-{number}");
    world.sql(&format!("update queue_entry set partner = '{only}' where id = {id}")).await.unwrap();
    let session = world
        .fenced(tenure, async |tx| {
            let session = tx.begin_session(&new_session(&only)).await?;
            tx.claim_entry(&partner(&only), session, ClaimScope::Active).await?.unwrap();
            Ok(session)
        })
        .await
        .unwrap();
    let step = async |tx: &mut store::FencedTx| match state {
        EntryState::Blocked => {
            tx.entry_refused(session, id, "E", "text", Refusal::Block).await.map(drop)
        }
        EntryState::Sent | EntryState::Acknowledged => {
            tx.entry_sent(session, id).await?;
            if state == EntryState::Acknowledged {
                tx.receipt_received(&partner(&only), Level::V2_0, &identity(number), &EERP, None)
                    .await?;
            }
            Ok(())
        }
        _ => Ok(()),
    };
    world.fenced(tenure, step).await.unwrap();
    id
}
