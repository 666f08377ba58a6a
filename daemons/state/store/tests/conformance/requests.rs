//! People's requests reach a daemon once, and come back with an outcome.

use domain::Daemon;
use oftp::field::NegativeReason;
use store::{
    NewRequest, OperatorRequest, RequestFilter, RequestId, RequestOutcome, RequestRecord,
    RequestState,
};

use crate::world::{World, partner};

const DAEMON: Daemon = Daemon::Seonsqd;

conformance! {
    async fn every_request_is_read_as_it_was_made(world) {
        let all = [
            OperatorRequest::Hold(1.into()),
            OperatorRequest::Release(2.into()),
            OperatorRequest::Cancel(3.into()),
            OperatorRequest::Unblock(4.into()),
            OperatorRequest::AbortSession(5.into()),
            OperatorRequest::CallPartner(partner("bolt")),
            OperatorRequest::PingPartner(partner("bolt")),
            OperatorRequest::ReleaseReceipt(6.into()),
            OperatorRequest::Close(7.into()),
            OperatorRequest::Resend(8.into()),
            OperatorRequest::RejectFile {
                file: 9.into(),
                reason: NegativeReason::ProcessingFailed,
                text: "the drawing is empty".parse().unwrap(),
            },
        ];
        for request in &all {
            ask(&world, request.clone()).await;
        }
        let taken = take(&world).await;
        let taken: Vec<_> = taken.into_iter().map(|record| record.request).collect();
        assert_eq!(taken, all);
    }

    async fn a_request_is_taken_once_and_its_outcome_is_there_for_who_asked(world) {
        let id = ask(&world, OperatorRequest::Cancel(3.into())).await;
        assert_eq!(state(&world, id).await.state, RequestState::Open);
        let tenure = world.tenure(DAEMON).await;
        let taken = world.fenced(&tenure, async |tx| tx.take_requests().await).await.unwrap();
        assert_eq!((taken.len(), taken[0].id, taken[0].state), (1, id, RequestState::Taken));
        let again = world.fenced(&tenure, async |tx| tx.take_requests().await).await.unwrap();
        assert_eq!(again, []);
        let outcome = RequestOutcome { code: Some("E".to_owned()), text: "too late".to_owned() };
        world.fenced(&tenure, async |tx| tx.request_done(id, &outcome).await).await.unwrap();
        let done = state(&world, id).await;
        assert_eq!((done.state, done.outcome), (RequestState::Done, Some(outcome.clone())));
        assert!(done.done_at.is_some());
        assert_eq!(done.requested_by, "anna");
        let twice = world.fenced(&tenure, async |tx| tx.request_done(id, &outcome).await).await;
        assert_eq!(twice.unwrap_err().code(), "E-STORE-NOT-FOUND");
    }

    async fn other_daemons_requests_are_not_taken(world) {
        ask(&world, OperatorRequest::Hold(1.into())).await;
        let receiver = world.tenure(Daemon::SeonrdTcpip).await;
        let taken = world.fenced(&receiver, async |tx| tx.take_requests().await).await.unwrap();
        assert_eq!(taken, []);
    }

    async fn a_request_is_handed_on_to_the_daemon_that_can_do_it(world) {
        let id = ask(&world, OperatorRequest::Cancel(3.into())).await;
        let tenure = world.tenure(DAEMON).await;
        world
            .fenced(&tenure, async |tx| {
                tx.take_requests().await?;
                tx.forward_request(id, Daemon::SeonrdTcpip).await
            })
            .await
            .unwrap();
        let receiver = world.tenure(Daemon::SeonrdTcpip).await;
        let taken = world.fenced(&receiver, async |tx| tx.take_requests().await).await.unwrap();
        assert_eq!(taken[0].id, id);
    }

    async fn requests_are_read_by_daemon_and_state(world) {
        let first = ask(&world, OperatorRequest::Hold(1.into())).await;
        let second = ask(&world, OperatorRequest::Hold(2.into())).await;
        let tenure = world.tenure(DAEMON).await;
        let outcome = RequestOutcome { code: None, text: "held".to_owned() };
        world
            .fenced(&tenure, async |tx| {
                tx.take_requests().await?;
                tx.request_done(first, &outcome).await
            })
            .await
            .unwrap();
        let ids = async |filter: RequestFilter| {
            let requests = world.store.requests(&filter).await.unwrap();
            requests.iter().map(|request| request.id).collect::<Vec<_>>()
        };
        assert_eq!(ids(RequestFilter::default()).await, [second, first]);
        let filter = RequestFilter { unfinished: true, ..Default::default() };
        assert_eq!(ids(filter).await, [second]);
        let daemon = Some(Daemon::Seonrd);
        assert_eq!(ids(RequestFilter { daemon, ..Default::default() }).await, []);
    }
}

async fn ask(world: &World, request: OperatorRequest) -> RequestId {
    let new = NewRequest { daemon: DAEMON, request, requested_by: "anna".to_owned() };
    world.store.intake().request(&new).await.unwrap()
}

async fn take(world: &World) -> Vec<RequestRecord> {
    let tenure = world.tenure(DAEMON).await;
    world.fenced(&tenure, async |tx| tx.take_requests().await).await.unwrap()
}

async fn state(world: &World, id: RequestId) -> RequestRecord {
    world.store.request(id).await.unwrap().unwrap()
}
