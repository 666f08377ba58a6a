//! What goes wrong in CAPI, and what becomes of our line: nothing hangs, nothing is lost without a
//! word, and the line works again.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[macro_use]
mod common;

use std::time::Duration;

use capi::machine::{Ending, Segmentation, Settings, Stage, Timers};
use capi::{LineError, State};
use capi_sim::{Effect, Exchange, Fault, Moment, Port};
use capi_sys::message::Info;
use capi_sys::remote::Dialect;
use common::*;
use support::wait_until;

/// Something of the first line's goes wrong.
fn fault(moment: Moment, after: usize, effect: Effect) -> Fault {
    Fault { controller: controller(1), moment, after, effect }
}

/// A line with timers that a test can wait for.
fn hasty(number: u8) -> Settings {
    let timers = Timers {
        set_up: Duration::from_millis(500),
        idle: None,
        listen: Duration::from_millis(500),
        close: Duration::from_millis(500),
        ..Timers::default()
    };
    Settings { timers, ..settings(number) }
}

async fn hasty_pair(by: By) -> Pair {
    Pair::with(by, ports(), hasty(1), settings(2)).await
}

/// In the middle of a stream of units, and of a unit, something happens: the receiver has some of
/// the first of them, whole and in order, and both hear that it is over.
async fn breaks_amid_data(pair: &Pair, effect: Effect) -> [Ending; 2] {
    pair.exchange.fault(fault(Moment::Data, 100, effect));
    let [here, mut there] = pair.call().await;
    let unit = units(3).pop().unwrap();
    let unit = &unit[..5000];
    let ((sent, error), (received, ending)) =
        tokio::join!(send_until_the_end(&here, unit), drain(&mut there));
    assert!(received.len() < sent, "{sent} units were sent");
    assert!(received.iter().all(|received| received == unit));
    let LineError::Ended(error) = error else { panic!("{error:?}") };
    assert_eq!(here.ending(), Some(error));
    [error, ending]
}

/// What a request is refused with ends the call; the next one works.
async fn is_refused_once(by: By, moment: Moment, info: Info) {
    let pair = Pair::new(by, ports()).await;
    pair.exchange.fault(fault(moment, 0, Effect::Refuse(info)));
    let error = within("the call", connect(&pair.first, &pair.second, SECOND)).await.unwrap_err();
    assert_eq!(error, Ending::Refused(info).into());
    pair.is_well().await;
}

#[tokio::test]
async fn no_room_for_another_call_2003_is_told_and_the_next_call_works() {
    for by in ways!() {
        is_refused_once(by, Moment::Connect, Info::NO_PLCI).await;
    }
}

#[tokio::test]
async fn no_room_for_another_connection_2004_ends_the_call_and_the_next_one_works() {
    for by in ways!() {
        is_refused_once(by, Moment::ConnectB3, Info::NO_NCCI).await;
    }
}

#[tokio::test]
async fn a_full_queue_1103_at_a_call_is_told_and_the_next_call_works() {
    for by in ways!() {
        is_refused_once(by, Moment::Connect, Info::QUEUE_FULL).await;
    }
}

#[tokio::test]
async fn no_resources_1108_at_a_call_is_told_and_the_next_call_works() {
    for by in ways!() {
        is_refused_once(by, Moment::Connect, Info::NO_RESOURCES).await;
    }
}

#[tokio::test]
async fn a_full_queue_1103_amid_data_ends_the_call_on_both_sides() {
    for by in ways!() {
        let pair = Pair::new(by, ports()).await;
        let [here, there] = breaks_amid_data(&pair, Effect::Refuse(Info::QUEUE_FULL)).await;
        assert_eq!(here, Ending::Refused(Info::QUEUE_FULL));
        assert_eq!(there.code(), "E-CAPI-CALL-CLEARED");
        pair.is_well().await;
    }
}

#[tokio::test]
async fn lost_messages_1105_make_the_line_register_anew() {
    for by in ways!() {
        let pair = Pair::new(by, ports()).await;
        let [here, there] = breaks_amid_data(&pair, Effect::Refuse(Info::QUEUE_OVERFLOW)).await;
        assert_eq!(here, Ending::Down);
        assert_eq!(there.code(), "E-CAPI-CALL-CLEARED");
        pair.is_well().await;
    }
}

#[tokio::test]
async fn a_refused_registration_1008_is_told_and_tried_again() {
    for by in ways!() {
        let exchange = Exchange::new(ports());
        let way = by.open(&exchange).await;
        exchange.refuse_registration(Info::REGISTER_NO_RESOURCES);
        let line = line_by(way.access(), settings(1));
        is_down(&line, "E-CAPI-LINK-REGISTER").await;
        stands(&line, &State::Up).await;
    }
}

#[tokio::test]
async fn refused_listening_1103_and_1108_is_tried_again() {
    for by in ways!() {
        let pair = Pair::new(by, ports()).await;
        for info in [Info::QUEUE_FULL, Info::NO_RESOURCES] {
            pair.exchange.fault(fault(Moment::Listen, 0, Effect::Refuse(info)));
            pair.way.reset();
            is_down(&pair.first, "E-CAPI-LINK-LISTEN").await;
            pair.is_well().await;
        }
    }
}

#[tokio::test]
async fn a_protocol_error_3303_amid_data_ends_the_call_on_both_sides() {
    for by in ways!() {
        for ports in [ports(), link_ports()] {
            let pair = Pair::new(by, ports).await;
            let endings = breaks_amid_data(&pair, Effect::Break(Info::LAYER_3)).await;
            assert_eq!(endings, [Ending::Cleared(Info::LAYER_3); 2]);
            pair.is_well().await;
        }
    }
}

#[tokio::test]
async fn a_network_that_clears_amid_data_ends_the_call_on_both_sides() {
    for by in ways!() {
        for ports in [ports(), link_ports()] {
            let pair = Pair::new(by, ports).await;
            let reason = Info::TEMPORARY_FAILURE;
            let endings = breaks_amid_data(&pair, Effect::HangUp(reason)).await;
            assert_eq!(endings, [Ending::Cleared(reason); 2]);
            pair.is_well().await;
        }
    }
}

#[tokio::test]
async fn a_reset_amid_data_ends_the_call_on_both_sides() {
    for by in ways!() {
        for ports in [ports(), link_ports()] {
            let pair = Pair::new(by, ports).await;
            let [here, there] = breaks_amid_data(&pair, Effect::Reset).await;
            // Each side clears when it hears of the reset, and may hear of the other's clearing first.
            for ending in [here, there] {
                let is_told = ending == Ending::Reset || ending.code() == "E-CAPI-CALL-CLEARED";
                assert!(is_told, "{ending:?}");
            }
            assert!([here, there].contains(&Ending::Reset));
            pair.is_well().await;
        }
    }
}

#[tokio::test]
async fn a_way_to_capi_that_breaks_ends_the_call_on_both_sides_and_the_lines_come_back() {
    for by in ways!() {
        for ports in [ports(), link_ports()] {
            let pair = Pair::new(by, ports).await;
            let [here, mut there] = pair.call().await;
            let unit = vec![1; 5000];
            here.send(unit.clone()).await.unwrap();
            assert_eq!(within("a unit", there.receive()).await, Some(unit.clone()));
            pair.way.reset();
            let ((_, error), (received, ending)) =
                tokio::join!(send_until_the_end(&here, &unit), drain(&mut there));
            assert!(received.iter().all(|received| *received == unit));
            assert_eq!([error, ending.into()], [Ending::Down.into(), Ending::Down.into()]);
            pair.is_well().await;
        }
    }
}

#[tokio::test]
async fn a_driver_whose_queue_is_full_1103_is_tried_again_and_nothing_is_lost() {
    needs_device!();
    let pair = Pair::new(By::Device, ports()).await;
    let [here, there] = pair.call().await;
    let Way::Device(_, device, _) = &pair.way else { panic!("a device") };
    for info in [Info::QUEUE_FULL, Info::BUSY, Info::QUEUE_FULL] {
        device.lock().unwrap().as_ref().unwrap().refuse_message(info);
    }
    exchange_units(here, there).await;
    pair.is_free().await;
}

#[tokio::test]
async fn a_question_whether_we_are_alive_is_answered_amid_data() {
    let pair = Pair::new(By::Remote, ports()).await;
    let Way::Remote(remote) = &pair.way else { panic!("a remote CAPI") };
    let [here, there] = pair.call().await;
    remote.ask_alive();
    exchange_units(here, there).await;
    wait_until("both are alive", PATIENCE, async || remote.alive() >= 2).await;
    pair.is_free().await;
}

#[tokio::test]
async fn delayed_confirmations_stop_the_sender_at_its_window_until_they_come() {
    for by in ways!() {
        let pair = Pair::new(by, ports()).await;
        let [mut here, mut there] = pair.call().await;
        pair.exchange.fault(fault(Moment::Data, 0, Effect::Stall));
        let unit = units(4).pop().unwrap();
        here.send(unit.clone()).await.unwrap();
        wait_until("seven blocks are unconfirmed", PATIENCE, async || pair.exchange.held() == 7)
            .await;
        // The other way is not held up, and shows that the first line has been at work since.
        there.send(b"meanwhile".to_vec()).await.unwrap();
        assert_eq!(within("a unit", here.receive()).await.unwrap(), b"meanwhile");
        assert_eq!(pair.exchange.held(), 7);
        pair.exchange.let_go();
        assert!(within("the unit", there.receive()).await == Some(unit));
    }
}

#[tokio::test]
async fn confirmations_of_data_that_never_come_end_the_call() {
    for by in ways!() {
        let timers = Timers { idle: Some(Duration::from_secs(1)), ..Timers::default() };
        let pair = Pair::with(by, ports(), Settings { timers, ..settings(1) }, settings(2)).await;
        pair.exchange.fault(fault(Moment::Data, 100, Effect::Stall));
        let [here, mut there] = pair.call().await;
        let unit = vec![1; 5000];
        let ((sent, error), (received, ending)) =
            tokio::join!(send_until_the_end(&here, &unit), drain(&mut there));
        assert!(received.len() < sent);
        assert_eq!(error, Ending::Idle.into());
        assert_eq!(ending.code(), "E-CAPI-CALL-CLEARED");
        pair.exchange.let_go();
        pair.is_well().await;
    }
}

#[tokio::test]
async fn requests_of_a_call_that_nobody_confirms_end_it() {
    for by in ways!() {
        for moment in [Moment::Connect, Moment::ConnectB3] {
            let pair = hasty_pair(by).await;
            pair.exchange.fault(fault(moment, 0, Effect::Lose));
            let calling = connect(&pair.first, &pair.second, SECOND);
            let error = within("the call", calling).await.unwrap_err();
            assert_eq!(error, Ending::NotInTime(Stage::SetUp).into());
            pair.is_well().await;
        }
    }
}

#[tokio::test]
async fn an_end_that_nobody_confirms_is_one_all_the_same_and_leaves_nothing_behind() {
    for by in ways!() {
        for moment in [Moment::DisconnectB3, Moment::Disconnect] {
            // On both sides: the end of one side's call would free the other's too.
            let pair = Pair::with(by, ports(), hasty(1), hasty(2)).await;
            for side in [1, 2].map(controller) {
                let fault = Fault { controller: side, moment, after: 0, effect: Effect::Lose };
                pair.exchange.fault(fault);
            }
            let [here, _there] = wait_until("a call works", PATIENCE, async || {
                connect(&pair.first, &pair.second, SECOND).await
            })
            .await;
            assert_eq!(within("closing", here.close()).await.code(), "E-CAPI-CALL-CLOSED");
            // What CAPI has not freed is freed by registering anew.
            pair.is_well().await;
        }
    }
}

#[tokio::test]
async fn what_was_not_confirmed_when_a_closed_call_ended_is_told() {
    for by in ways!() {
        let pair = hasty_pair(by).await;
        let [here, mut there] = wait_until("a call works", PATIENCE, async || {
            connect(&pair.first, &pair.second, SECOND).await
        })
        .await;
        pair.exchange.fault(fault(Moment::Data, 0, Effect::Stall));
        here.send(vec![1; 5000]).await.unwrap();
        let error = within("closing", here.close()).await;
        assert_eq!(error, Ending::NotInTime(Stage::Rest).into());
        assert_eq!(drain(&mut there).await.0, [] as [Vec<u8>; 0]);
        pair.exchange.heal();
        pair.is_well().await;
    }
}

#[tokio::test]
async fn listening_that_nobody_confirms_makes_the_line_register_anew() {
    for by in ways!() {
        let pair = hasty_pair(by).await;
        pair.exchange.fault(fault(Moment::Listen, 0, Effect::Lose));
        is_down(&pair.first, "E-CAPI-LINK-UNANSWERED").await;
        pair.is_well().await;
    }
}

#[tokio::test]
async fn blocks_above_128_octets_that_are_refused_300c_end_the_call_with_that_reason() {
    for by in ways!() {
        let [first, second] = ports().map(|port| port.with_longest_block(128));
        let whole = Settings { segmentation: Segmentation::Blocks(2048), ..settings(1) };
        let pair = Pair::with(by, [first, second], whole, settings(2)).await;
        let [here, mut there] = pair.call().await;
        // Its last block would be short enough, and must not reach the partner without the others.
        here.send(vec![0; 2048 + 128]).await.unwrap();
        assert_eq!(
            within("the end", here.close()).await,
            Ending::Refused(Info::DATA_LENGTH).into()
        );
        assert_eq!(drain(&mut there).await.0, [] as [Vec<u8>; 0]);
        // Cut at the packets' size, as it is by default, everything goes.
        let [there, here] = connect(&pair.second, &pair.first, FIRST).await.unwrap();
        there.send(vec![0; 5000]).await.unwrap();
        let mut here = here;
        assert_eq!(within("a unit", here.receive()).await, Some(vec![0; 5000]));
    }
}

#[tokio::test]
async fn a_controller_without_any_layer_3_for_us_is_told() {
    for by in ways!() {
        let [first, second] = ports();
        let exchange = Exchange::new([first.with_b3(0b1_0000), second]);
        let way = by.open(&exchange).await;
        is_down(&line_by(way.access(), settings(1)), "E-CAPI-PROFILE").await;
    }
}

#[tokio::test]
async fn a_controller_that_vanishes_ends_its_calls_and_listens_again_when_it_is_back() {
    for by in ways!() {
        let pair = hasty_pair(by).await;
        let [here, mut there] = wait_until("a call works", PATIENCE, async || {
            connect(&pair.first, &pair.second, SECOND).await
        })
        .await;
        pair.exchange.vanish(controller(1));
        let (_, ending) = drain(&mut there).await;
        assert_eq!(ending, Ending::Cleared(Info::LAYER_1));
        let (_, error) = send_until_the_end(&here, b"late").await;
        assert!(matches!(error, LineError::Ended(_)), "{error:?}");
        is_down(&pair.first, "E-CAPI-LINK-CONTROLLER").await;
        let error = pair.first.call(request(SECOND)).await.unwrap_err();
        assert_eq!(error, Ending::Down.into());
        pair.exchange.bring_back(controller(1));
        pair.is_well().await;
    }
}

#[tokio::test]
async fn a_controller_that_is_missed_by_a_call_is_sought_anew() {
    for by in ways!() {
        let pair = Pair::new(by, ports()).await;
        pair.exchange.vanish(controller(1));
        let error = within("the call", pair.first.call(request(SECOND))).await.unwrap_err();
        assert_eq!(error, Ending::Down.into());
        is_down(&pair.first, "E-CAPI-LINK-CONTROLLER").await;
        pair.exchange.bring_back(controller(1));
        pair.is_well().await;
    }
}

#[tokio::test]
async fn of_two_lines_that_listen_on_a_controller_one_gets_the_call_and_the_other_hears_3304() {
    for by in ways!() {
        let pair = Pair::new(by, ports()).await;
        let other = listening(&pair.way, settings(2)).await;
        let calling = pair.first.call(request(SECOND));
        let answering = async {
            let (call, other) = tokio::join!(pair.second.accept(), other.accept());
            let there = call.unwrap().accept().await.unwrap();
            (there, other.unwrap().accept().await.unwrap_err())
        };
        let (here, (there, error)) =
            within("the call", async { tokio::join!(calling, answering) }).await;
        assert_eq!(error, Ending::Cleared(Info::TAKEN_BY_ANOTHER).into());
        let [here, there] = exchange_units(here.unwrap(), there).await;
        drop((here, there));
        pair.is_free().await;
        // The other one takes calls as before.
        drop(pair.second);
        talk(&pair.first, &other, SECOND).await;
    }
}

#[tokio::test]
async fn a_number_that_comes_digit_by_digit_is_put_together() {
    for by in ways!() {
        for is_ours in [true, false] {
            let digits = if is_ours { "30901" } else { "30902" };
            let [first, _] = ports();
            let second = Port::with_iso_8208([number("30901"), number("30902")]).with_overlap();
            let exchange = Exchange::new([first, second]);
            let way = by.open(&exchange).await;
            let first = listening(&way, settings(1)).await;
            let second = line_by(way.access(), settings(2));
            let numbers = vec![number("30901")];
            second.listen(Some(capi::machine::Listen { numbers, overlap: true })).unwrap();
            stands(&second, &State::Listening).await;
            if is_ours {
                talk(&first, &second, digits).await;
            } else {
                let error = within("the call", first.call(request(digits))).await.unwrap_err();
                assert_eq!(error, Ending::Cleared(Info::NO_RESPONSE).into());
            }
            wait_until("every call is freed", PATIENCE, async || exchange.legs() == 0).await;
        }
    }
}

mod with_a_password {
    use capi_sim::{Delivery, Remote};
    use capi_sys::remote::Login;

    use super::*;

    fn login(password: &str) -> Login {
        Login { user: "seon".to_owned(), password: password.to_owned() }
    }

    async fn guarded() -> (Exchange, Remote) {
        let exchange = Exchange::new(ports());
        let login = Some(login("secret"));
        let remote = exchange.remote_with(loopback(), login, Delivery::Frames).await.unwrap();
        (exchange, remote)
    }

    #[tokio::test]
    async fn a_remote_capi_is_reached_in_both_dialects() {
        let (_exchange, remote) = guarded().await;
        for dialect in [Dialect::Libcapi, Dialect::Bintec] {
            let line = line_by(access(&remote, Some(login("secret")), dialect), settings(1));
            stands(&line, &State::Up).await;
        }
    }

    #[tokio::test]
    async fn a_wrong_one_is_told() {
        let (exchange, remote) = guarded().await;
        let access = access(&remote, Some(login("guess")), Dialect::Libcapi);
        is_down(&line_by(access, settings(1)), "E-CAPI-LINK-LOGIN").await;
        assert_eq!(exchange.applications(), 0);
    }

    #[tokio::test]
    async fn none_where_one_is_needed_is_told() {
        let (exchange, remote) = guarded().await;
        let access = access(&remote, None, Dialect::Libcapi);
        is_down(&line_by(access, settings(1)), "E-CAPI-LINK-REGISTER").await;
        assert_eq!(exchange.applications(), 0);
    }
}
