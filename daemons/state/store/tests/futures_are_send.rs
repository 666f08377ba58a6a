//! Daemons run everything in tasks: every future of the store may change its thread.

#![allow(dead_code, reason = "compiled, not run")]

use domain::Daemon;
use lease::{Holder, LeaseTable, Tenure};
use oftp::Level;
use std::collections::BTreeMap;
use std::time::Duration;
use store::{
    ClaimScope, DialOutcome, FencedTx, Intake, JournalEntry, NewDial, NewEntry, NewReceipt,
    NewRequest, NewSession, Offer, Progress, Reached, ReceiptKind, Refusal, RequestOutcome, Retry,
    SessionEnd, Store, Wakeups,
};

fn send<T: Send>(_: T) {}

fn of_the_store(store: &'static Store, tenure: &'static Tenure, holder: &'static Holder) {
    send(store.migrate());
    send(store.check_schema());
    send(store.fenced(tenure));
    send(store.clock());
    send(store.leases());
    send(store.force_lease(Daemon::Seonrd, "anna"));
    send(store.acquire(Daemon::Seonrd, holder, "", Duration::ZERO));
    send(store.renew(tenure, Duration::ZERO));
    send(store.queue(&store::QueueFilter::default()));
    send(store.entry_by_identity(&identity()));
    send(store.latest_stamp(&identity()));
    send(store.due_partners());
    send(store.received_files(&store::ReceivedFilter::default()));
    send(store.receipts(&store::ReceiptFilter::default()));
    send(store.sessions(&store::SessionFilter::default()));
    send(store.journal(&store::JournalFilter::default()));
    send(store.requests(&store::RequestFilter::default()));
    send(store.close());
}

fn of_others(intake: &Intake, wakeups: &mut Wakeups, entry: &NewEntry, request: &NewRequest) {
    send(intake.enqueue(entry));
    send(intake.enqueue_all(std::slice::from_ref(entry)));
    send(intake.request(request));
    send(wakeups.changed());
}

fn of_a_transaction(tx: &mut FencedTx, offer: &Offer, receipt: &NewReceipt, kind: &ReceiptKind) {
    let (partner, part, target) = (&offer.partner, &offer.part, &target());
    let (session, entry, file, request) = (1.into(), 1.into(), 1.into(), 1.into());
    let retry = Retry::after(Duration::ZERO);
    let (new, end): (Option<NewSession>, Option<SessionEnd>) = (None, None);
    let (outcome, note): (Option<RequestOutcome>, Option<JournalEntry>) = (None, None);
    send(async { tx.begin_session(new.as_ref()?).await.ok() });
    send(async { tx.end_session(session, end.as_ref()?).await.ok() });
    send(async { tx.request_done(request, outcome.as_ref()?).await.ok() });
    send(async { tx.journal(note.as_ref()?).await.ok() });
    let (dial, said): (Option<NewDial>, Option<DialOutcome>) = (None, None);
    send(async { tx.request_dial(dial.as_ref()?).await.ok() });
    send(async { tx.dial_done(1.into(), said.as_ref()?).await.ok() });
    send(tx.take_dial());
    send(tx.withdraw_dial(1.into()));
    send(tx.lose_dial(1.into()));
    send(tx.session_level(session, Level::V2_0));
    send(tx.begin_receiving(session, offer));
    send(tx.checkpoint(session, file, Progress::default()));
    send(tx.file_received(session, file, Progress::default()));
    send(tx.resume_at(session, file, part, Progress::default()));
    send(tx.abandon_receiving(session, file));
    send(tx.delivering(file, target));
    send(tx.delivered(file, Some(receipt)));
    send(tx.undeliverable(file, "", "", Some(receipt)));
    send(tx.claim_receipts(partner, session, 1));
    send(tx.release_receipts(session));
    send(tx.claim_queued(&[], 1));
    send(tx.prepared(&[]));
    send(tx.package_anew(&BTreeMap::new()));
    send(tx.not_prepared(entry, "", ""));
    send(tx.claim_entry(partner, session, ClaimScope::Active));
    send(tx.entry_sent(session, entry));
    send(tx.entry_refused(session, entry, "", "", Refusal::Block));
    send(tx.entry_interrupted(session, entry, "", "", retry));
    send(tx.entry_returned(session, entry));
    send(tx.connect_failed(partner, "", "", retry));
    send(tx.entry_reached(session, entry, Reached::Whole));
    send(tx.receipt_received(partner, Level::V2_0, &identity(), kind, None));
    send(tx.hold_entry(entry));
    send(tx.take_requests());
    send(tx.forward_request(request, Daemon::Seonrd));
    send(tx.recover_orphans());
}

fn commit(tx: FencedTx) {
    send(tx.commit());
}

fn target() -> domain::Target {
    std::process::abort()
}

fn identity() -> oftp::FileIdentity {
    std::process::abort()
}
