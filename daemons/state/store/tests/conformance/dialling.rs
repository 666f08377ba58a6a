//! Calls on ISDN that `seonsqd` wants and a controller's owner makes.

use domain::Daemon;
use lease::Tenure;
use store::{DialId, DialOutcome, DialRecord, DialState, NewDial, SessionCounts};

use crate::world::{World, acquire, expired, partner};

const WANTS: Daemon = Daemon::Seonsqd;

conformance! {
    async fn a_call_is_read_as_it_was_wanted(world) {
        let wants = world.tenure(WANTS).await;
        for dial in [dial("+4922112345", false), dial("0221", true)] {
            let id = want(&world, &wants, &dial).await;
            let record = DialRecord {
                id, dial, state: DialState::Open, taken_by: None, outcome: None
            };
            assert_eq!(world.store.dial(id).await.unwrap(), Some(record));
        }
    }

    async fn a_call_is_taken_once_and_the_oldest_first(world) {
        let wants = world.tenure(WANTS).await;
        let [one, two] = [world.tenure(controller(1)).await, world.tenure(controller(2)).await];
        let first = want(&world, &wants, &dial("1", false)).await;
        let second = want(&world, &wants, &dial("2", false)).await;
        let taken = take(&world, &two).await.unwrap();
        assert_eq!((taken.id, taken.state), (first, DialState::Taken));
        assert_eq!(taken.taken_by, Some((controller(2), two.epoch)));
        assert_eq!(take(&world, &one).await.unwrap().id, second);
        assert_eq!(take(&world, &two).await, None);
        let unfinished = world.store.unfinished_dials().await.unwrap();
        let takers: Vec<_> = unfinished.iter().map(|it| (it.id, it.taken_by)).collect();
        let [one, two] = [(controller(1), one.epoch), (controller(2), two.epoch)];
        assert_eq!(takers, [(first, Some(two)), (second, Some(one))]);
    }

    async fn what_came_of_a_call_is_there_for_who_wanted_it(world) {
        let wants = world.tenure(WANTS).await;
        let takes = world.tenure(controller(1)).await;
        for outcome in [in_order(), no_answer()] {
            let id = want(&world, &wants, &dial("1", false)).await;
            take(&world, &takes).await.unwrap();
            world.fenced(&takes, async |tx| tx.dial_done(id, &outcome).await).await.unwrap();
            let record = world.store.dial(id).await.unwrap().unwrap();
            assert_eq!((record.state, record.outcome), (DialState::Done, Some(outcome)));
            assert_eq!(world.store.unfinished_dials().await.unwrap(), []);
            assert!(withdraw(&world, &wants, id).await, "the answer was read");
            assert_eq!(world.store.dial(id).await.unwrap(), None);
        }
    }

    async fn a_call_that_is_withdrawn_is_not_made(world) {
        let wants = world.tenure(WANTS).await;
        let takes = world.tenure(controller(1)).await;
        let id = want(&world, &wants, &dial("1", false)).await;
        assert!(withdraw(&world, &wants, id).await);
        assert_eq!(take(&world, &takes).await, None);
    }

    async fn a_call_that_somebody_makes_cannot_be_withdrawn(world) {
        let wants = world.tenure(WANTS).await;
        let takes = world.tenure(controller(1)).await;
        let id = want(&world, &wants, &dial("1", false)).await;
        take(&world, &takes).await.unwrap();
        assert!(!withdraw(&world, &wants, id).await);
        assert!(!lose(&world, &wants, id).await, "its maker is alive");
        world.fenced(&takes, async |tx| tx.dial_done(id, &in_order()).await).await.unwrap();
    }

    async fn only_who_took_a_call_answers_it_and_only_once(world) {
        let wants = world.tenure(WANTS).await;
        let [one, two] = [world.tenure(controller(1)).await, world.tenure(controller(2)).await];
        let id = want(&world, &wants, &dial("1", false)).await;
        let answer = async |tenure: &Tenure| {
            world.fenced(tenure, async |tx| tx.dial_done(id, &in_order()).await).await
        };
        assert_eq!(answer(&one).await.unwrap_err().code(), "E-STORE-NOT-FOUND", "not taken");
        take(&world, &one).await.unwrap();
        assert_eq!(answer(&two).await.unwrap_err().code(), "E-STORE-NOT-FOUND", "another's");
        answer(&one).await.unwrap();
        assert_eq!(answer(&one).await.unwrap_err().code(), "E-STORE-NOT-FOUND", "answered");
    }

    async fn a_call_whose_maker_was_shut_out_is_lost(world) {
        let wants = world.tenure(WANTS).await;
        let takes = world.tenure(controller(1)).await;
        let id = want(&world, &wants, &dial("1", false)).await;
        take(&world, &takes).await.unwrap();
        let next = world.take_over(controller(1)).await;
        assert!(lose(&world, &wants, id).await);
        let outcome = world.store.dial(id).await.unwrap().unwrap().outcome.unwrap();
        assert_eq!((outcome.connected, outcome.code.as_str()), (false, "E-DIAL-LOST"));
        assert!(outcome.text.unwrap().contains("seonrd_capi_0"));
        assert_eq!(take(&world, &next).await, None, "it is not made again");
    }

    async fn a_call_whose_maker_has_not_renewed_its_lease_is_lost(world) {
        let wants = world.tenure(WANTS).await;
        let ttl = std::time::Duration::from_millis(500);
        let takes = acquire(&world.store, controller(1), "one", ttl).await.unwrap();
        let id = want(&world, &wants, &dial("1", false)).await;
        take(&world, &takes).await.unwrap();
        expired(&world.store, controller(1)).await;
        assert!(lose(&world, &wants, id).await);
        // Nobody has taken over, so its transactions go through; its answer comes too late.
        let late = world.fenced(&takes, async |tx| tx.dial_done(id, &in_order()).await).await;
        assert_eq!(late.unwrap_err().code(), "E-STORE-NOT-FOUND");
    }

    async fn the_next_tenure_of_a_maker_answers_for_the_last_one(world) {
        let wants = world.tenure(WANTS).await;
        let takes = world.tenure(controller(1)).await;
        let [lost, open] = [want(&world, &wants, &dial("1", false)).await,
            want(&world, &wants, &dial("2", false)).await];
        take(&world, &takes).await.unwrap();
        let next = world.take_over(controller(1)).await;
        let recovered = world.fenced(&next, async |tx| tx.recover_orphans().await).await.unwrap();
        assert_eq!(recovered.dials, 1);
        let outcome = world.store.dial(lost).await.unwrap().unwrap().outcome.unwrap();
        assert_eq!(outcome.code, "E-DIAL-LOST");
        assert_eq!(take(&world, &next).await.unwrap().id, open);
    }

    async fn the_next_tenure_of_who_wanted_calls_forgets_those_that_nobody_makes(world) {
        let wants = world.tenure(WANTS).await;
        let takes = world.tenure(controller(1)).await;
        let [made, open] = [want(&world, &wants, &dial("1", false)).await,
            want(&world, &wants, &dial("2", false)).await];
        take(&world, &takes).await.unwrap();
        let next = world.take_over(WANTS).await;
        let recovered = world.fenced(&next, async |tx| tx.recover_orphans().await).await.unwrap();
        assert_eq!(recovered.dials, 1);
        assert_eq!(world.store.dial(open).await.unwrap(), None);
        assert_eq!(world.store.dial(made).await.unwrap().unwrap().state, DialState::Taken);
        assert!(!withdraw(&world, &next, made).await, "it is another tenure's");
    }
}

fn controller(number: u8) -> Daemon {
    Daemon::SeonrdCapi(number.try_into().unwrap())
}

fn dial(number: &str, ping: bool) -> NewDial {
    NewDial { partner: partner("bolt"), number: number.to_owned(), ping }
}

fn in_order() -> DialOutcome {
    DialOutcome {
        connected: true,
        established: true,
        sends_only: true,
        code: "ESID-00".to_owned(),
        text: None,
        counts: SessionCounts {
            files_sent: 1,
            files_received: 2,
            octets_sent: 3,
            octets_received: 4,
        },
    }
}

fn no_answer() -> DialOutcome {
    DialOutcome {
        connected: false,
        established: false,
        sends_only: false,
        code: "E-SOME-CODE".to_owned(),
        text: Some("nobody answers".to_owned()),
        counts: SessionCounts::default(),
    }
}

async fn want(world: &World, tenure: &Tenure, dial: &NewDial) -> DialId {
    world.fenced(tenure, async |tx| tx.request_dial(dial).await).await.unwrap()
}

async fn take(world: &World, tenure: &Tenure) -> Option<DialRecord> {
    world.fenced(tenure, async |tx| tx.take_dial().await).await.unwrap()
}

async fn withdraw(world: &World, tenure: &Tenure, id: DialId) -> bool {
    world.fenced(tenure, async |tx| tx.withdraw_dial(id).await).await.unwrap()
}

async fn lose(world: &World, tenure: &Tenure, id: DialId) -> bool {
    world.fenced(tenure, async |tx| tx.lose_dial(id).await).await.unwrap()
}
