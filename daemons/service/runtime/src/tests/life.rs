//! From the start to the end, in order and out of order.

use std::time::Duration;

use domain::Daemon;
use lease::Loss;
use store::{
    FencedTx, IfAnswerLost, JournalEntry, JournalFilter, JournalKind, NewSession, Note, SessionId,
    Step, StoreError,
};
use support::wait_until;

use super::{DEADLINE, Instance, idle};
use crate::activities::Beginning;
use crate::error::RunError;
use crate::service_error::ServiceError;
use crate::signals::{Cause, Request};
use crate::start::Start;
use crate::status::Direction;

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_that_is_told_to_end_journals_its_tenure_and_releases_its_lease() {
    let instance = Instance::new();
    let daemon = instance.start(idle).await;
    let lease = &instance.store().await.leases().await.unwrap()[0];
    assert!(lease.is_held());
    assert!(lease.address.starts_with("unix:/"), "{}", lease.address);
    daemon.stop();
    let (ended, ends) = daemon.end().await;
    assert!(ended.is_ok(), "{ended:?}");
    assert_eq!(ends, 0);
    assert!(!instance.store().await.leases().await.unwrap()[0].is_held());
    let journalled: Vec<_> =
        instance.journalled().await.into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(journalled.first(), Some(&JournalKind::LeaseAcquired));
    assert_eq!(journalled.last(), Some(&JournalKind::LeaseReleased));
    let left = std::fs::read_dir(instance.data().join("run")).unwrap().count();
    assert_eq!(left, 0, "the socket is still there");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_that_was_released_is_taken_at_once_under_the_next_epoch() {
    let instance = Instance::new();
    for epoch in 1..=3 {
        let daemon = instance.start(idle).await;
        assert_eq!(daemon.active.tenure.epoch.get(), epoch);
        daemon.stop();
        assert!(daemon.end().await.0.is_ok());
    }
}

#[derive(Debug, PartialEq)]
struct BeginSession(NewSession);

impl Step for BeginSession {
    const NAME: &'static str = "begin_session";
    const IF_ANSWER_LOST: IfAnswerLost = IfAnswerLost::Mark;
    type Output = SessionId;

    async fn run(&self, tx: &mut FencedTx) -> Result<SessionId, StoreError> {
        tx.begin_session(&self.0).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_crashed_tenure_left_is_freed_and_journalled() {
    let instance = Instance::new();
    let daemon = instance.start(idle).await;
    let crashed = NewSession {
        partner: "bolt".parse().unwrap(),
        direction: store::Direction::Out,
        transport: store::Transport::Tcp,
        peer_address: "192.0.2.7:3305".to_owned(),
        level: None,
        sends_only: false,
    };
    daemon.active.run(BeginSession(crashed)).await.unwrap();
    daemon.stop();
    assert!(daemon.end().await.0.is_ok());
    let daemon = instance.start(idle).await;
    let records = instance.store().await.journal(&JournalFilter::default()).await.unwrap();
    let newest: Vec<_> = records
        .iter()
        .rev()
        .map(|record| (record.entry.kind, record.entry.code.as_deref()))
        .take(3)
        .collect();
    let crash = (JournalKind::SessionEnded, Some("E-SESSION-CRASHED"));
    let acquired = (JournalKind::LeaseAcquired, None);
    assert_eq!(newest, [(JournalKind::OrphansRecovered, None), crash, acquired]);
    let text = records.last().unwrap().entry.text.as_deref().unwrap();
    assert!(text.starts_with("sessions ended: 1; freed: queue entries 0,"), "{text}");
    daemon.stop();
    assert!(daemon.end().await.0.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn running_work_is_waited_for_at_the_end() {
    let instance = Instance::new();
    let (finish, finished) = tokio::sync::oneshot::channel::<()>();
    let daemon = instance
        .start(|active| async move {
            active.shutdown.cancelled().await;
            finished.await.map_err(|error| ServiceError::failed("E-TEST", error))
        })
        .await;
    daemon.stop();
    let client = daemon.client();
    wait_until("it is stopping", DEADLINE, async || {
        client.get("/readyz").await.is_ok_and(|answer| answer.body == "stopping\n")
    })
    .await;
    assert!(instance.store().await.leases().await.unwrap()[0].is_held());
    finish.send(()).unwrap();
    assert!(daemon.end().await.0.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn work_that_does_not_end_in_time_is_aborted_and_the_lease_released_all_the_same() {
    let instance = Instance::new();
    let start = Start::new(Daemon::Seonsqd, instance.directory.path()).grace(Duration::ZERO);
    let daemon = instance
        .start_as(start, |active| async move {
            // A session that ends when it is aborted, and a task that never does.
            active.supervisor.spawn("stuck", std::future::pending());
            let session = active.activities.begin(Beginning {
                partner: None,
                direction: Direction::In,
                transport: "tcp",
                peer: "192.0.2.1:4711".to_owned(),
            });
            let reason = session.aborted().await;
            assert_eq!(reason, "the daemon ends");
            Ok(())
        })
        .await;
    daemon.stop();
    assert!(daemon.end().await.0.is_ok());
    assert!(!instance.store().await.leases().await.unwrap()[0].is_held());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_ends_at_once() {
    let instance = Instance::new();
    let daemon = instance.start(|_| std::future::pending()).await;
    daemon.stop();
    // The parent's death is no second signal: it often follows the first.
    daemon.ask(Request::Stop(Cause::ParentDied));
    daemon.ask(Request::Reload);
    daemon.ask(Request::Stop(Cause::Signal("SIGINT")));
    let (ended, _) = daemon.end().await;
    assert!(matches!(ended, Err(RunError::Interrupted)), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_death_of_the_parent_ends_a_daemon_in_order() {
    let instance = Instance::new();
    let daemon = instance.start(idle).await;
    daemon.ask(Request::Stop(Cause::ParentDied));
    assert!(daemon.end().await.0.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn any_supervised_task_that_ends_ends_the_process_with_its_reason() {
    for (what, code) in
        [("returns", "E-TASK-ENDED"), ("fails", "E-TEST"), ("panics", "E-TASK-PANICKED")]
    {
        let instance = Instance::new();
        let daemon = instance.start(idle).await;
        daemon.active.supervisor.spawn("under test", async move {
            match what {
                "returns" => Ok(()),
                "fails" => Err(ServiceError::failed("E-TEST", "it failed")),
                _ => panic!("it panicked"),
            }
        });
        let (ended, _) = daemon.end().await;
        let error = ended.unwrap_err();
        assert_eq!((error.code(), error.exit_code()), (code, 1));
        assert!(error.to_string().contains("under test"), "{error}");
        assert!(!instance.store().await.leases().await.unwrap()[0].is_held());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_ends_unasked_ends_the_process() {
    let instance = Instance::new();
    let daemon = instance.start(|_| async { Ok(()) }).await;
    let (ended, _) = daemon.end().await;
    assert_eq!(ended.unwrap_err().code(), "E-TASK-ENDED");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fenced_write_of_a_task_ends_the_process_as_lost() {
    let instance = Instance::new();
    let daemon = instance
        .start(|active| async move {
            active.shutdown.cancelled().await;
            active.run(Note(JournalEntry::new(JournalKind::FileSent))).await?;
            Ok(())
        })
        .await;
    instance.store().await.force_lease(Daemon::Seonsqd, "a test").await.unwrap();
    daemon.stop();
    let (ended, ends) = daemon.end().await;
    let error = ended.unwrap_err();
    assert!(matches!(error, RunError::Lost { loss: Loss::Fenced, .. }), "{error:?}");
    assert_eq!((error.exit_code(), ends), (70, 1));
    let kinds: Vec<_> = instance.journalled().await.into_iter().map(|(kind, _)| kind).collect();
    assert!(!kinds.contains(&JournalKind::FileSent), "{kinds:?}");
    assert!(!kinds.contains(&JournalKind::LeaseReleased), "{kinds:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_that_reports_a_fenced_write_ends_as_lost() {
    let instance = Instance::new();
    let daemon = instance.start(idle).await;
    daemon.active.fenced();
    let (ended, ends) = daemon.end().await;
    assert_eq!(ended.unwrap_err().code(), "E-LEASE-FENCED");
    assert_eq!(ends, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forced_lease_ends_an_idle_daemon_by_its_next_renewal() {
    let instance = Instance::new();
    instance.write("acme", "  lease: {ttl: 2s}");
    let daemon = instance.start(idle).await;
    instance.store().await.force_lease(Daemon::Seonsqd, "a test").await.unwrap();
    let (ended, ends) = daemon.end().await;
    assert_eq!(ended.unwrap_err().code(), "E-LEASE-LOST");
    assert_eq!(ends, 1);
}
