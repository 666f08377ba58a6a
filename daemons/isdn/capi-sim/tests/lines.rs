//! Two lines of ours that call each other through the exchange, by remote CAPI and by device.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[macro_use]
mod common;

use std::cell::Cell;

use capi::State;
use capi::backend::Access;
use capi::machine::{Ending, Listen, Settings};
use capi_sim::{Delivery, Exchange, Port};
use capi_sys::message::Info;
use capi_sys::remote::Dialect;
use common::*;
use support::wait_until;

/// Calls both ways, every length of unit both ways at once.
async fn carries_everything(exchange: &Exchange, access: Access) {
    let [first, second] = [1, 2].map(|number| {
        let line = line_by(access.clone(), settings(number));
        line.listen(Some(Listen::default())).unwrap();
        line
    });
    stands(&first, &State::Listening).await;
    stands(&second, &State::Listening).await;
    for (caller, called, digits) in [(&first, &second, SECOND), (&second, &first, FIRST)] {
        let [here, there] = connect(caller, called, digits).await.unwrap();
        let [(here, _kept), (_open, mut inbound)] = exchange_units(here, there).await;
        here.close();
        assert_eq!(within("the end", inbound.receive()).await, None);
    }
    drop(first);
    drop(second);
    wait_until("both are released", PATIENCE, async || exchange.applications() == 0).await;
    assert_eq!(exchange.legs(), 0);
}

/// The same by a remote CAPI that speaks like this.
async fn carries_everything_by_remote(ports: [Port; 2], dialect: Dialect, delivery: Delivery) {
    let exchange = Exchange::new(ports);
    let remote = exchange.remote_with(loopback(), None, delivery).await.unwrap();
    carries_everything(&exchange, access(&remote, None, dialect)).await;
    assert_eq!(remote.alive() > 0, delivery == Delivery::Together);
}

#[tokio::test]
async fn units_of_every_length_go_both_ways_on_iso_8208_of_the_controller() {
    for by in ways!() {
        let exchange = Exchange::new(ports());
        let way = by.open(&exchange).await;
        carries_everything(&exchange, way.access()).await;
    }
}

#[tokio::test]
async fn units_of_every_length_go_both_ways_on_our_packet_layer() {
    for by in ways!() {
        let exchange = Exchange::new(link_ports());
        let way = by.open(&exchange).await;
        carries_everything(&exchange, way.access()).await;
    }
}

#[tokio::test]
async fn units_of_every_length_go_both_ways_in_bintecs_dialect() {
    carries_everything_by_remote(ports(), Dialect::Bintec, Delivery::Frames).await;
}

#[tokio::test]
async fn frames_that_come_octet_by_octet_are_put_together() {
    carries_everything_by_remote(ports(), Dialect::Libcapi, Delivery::Octets).await;
}

#[tokio::test]
async fn frames_that_come_together_are_told_apart() {
    carries_everything_by_remote(ports(), Dialect::Libcapi, Delivery::Together).await;
}

#[tokio::test]
async fn frames_that_come_together_are_told_apart_on_our_packet_layer() {
    carries_everything_by_remote(link_ports(), Dialect::Bintec, Delivery::Together).await;
}

#[tokio::test]
async fn a_receiver_that_takes_nothing_holds_the_sender_back_and_loses_nothing() {
    for by in ways!() {
        const UNITS: usize = 40;
        for ports in [ports(), link_ports()] {
            let pair = Pair::new(by, ports).await;
            let [here, mut there] = pair.call().await;
            let unit = vec![7; 5000];
            let (outbound, _inbound) = here.split();
            let sent = Cell::new(0);
            let sending = async {
                while sent.get() < UNITS {
                    outbound.send(unit.clone()).await.unwrap();
                    sent.set(sent.get() + 1);
                }
            };
            let receiving = async {
                for received in 0..UNITS {
                    // Nothing is taken before the sender is as far ahead as it comes for sure.
                    wait_until("the sender is ahead", PATIENCE, async || {
                        sent.get() >= UNITS.min(received + 5)
                    })
                    .await;
                    assert!(sent.get() <= received + 12, "nothing holds the sender back");
                    assert_eq!(there.receive().await.as_ref(), Some(&unit));
                }
            };
            within("a slow receiver", async { tokio::join!(sending, receiving) }).await;
        }
    }
}

#[tokio::test]
async fn what_was_sent_before_closing_arrives() {
    for by in ways!() {
        for ports in [ports(), link_ports()] {
            let pair = Pair::new(by, ports).await;
            let [here, mut there] = pair.call().await;
            here.send(vec![1; 5000]).await.unwrap();
            here.send(vec![2; 3]).await.unwrap();
            let closing = tokio::spawn(here.close());
            let (units, _) = drain(&mut there).await;
            assert_eq!(units, [vec![1; 5000], vec![2; 3]]);
            assert_eq!(within("closing", closing).await.unwrap().code(), "E-CAPI-CALL-CLOSED");
            pair.is_well().await;
        }
    }
}

#[tokio::test]
async fn a_number_that_nobody_has_and_one_where_nobody_listens_are_told() {
    for by in ways!() {
        let pair = Pair::new(by, ports()).await;
        for (digits, reason) in [("999", Info::UNALLOCATED_NUMBER), (SECOND, Info::NO_RESPONSE)] {
            pair.second.listen(None).unwrap();
            stands(&pair.second, &State::Up).await;
            let error = within("the call", pair.first.call(request(digits))).await.unwrap_err();
            assert_eq!(error, Ending::Cleared(reason).into());
        }
        pair.is_free().await;
    }
}

#[tokio::test]
async fn a_partner_that_is_gone_without_a_word_ends_the_call() {
    for by in ways!() {
        let Pair { exchange, way, first, second } = Pair::new(by, ports()).await;
        let [here, mut there] = connect(&first, &second, SECOND).await.unwrap();
        drop(first);
        drop(here);
        assert_eq!(within("the end", there.receive()).await, None);
        let first = listening(&way, settings(1)).await;
        Pair { exchange, way, first, second }.is_well().await;
    }
}

#[tokio::test]
async fn two_calls_of_a_basic_rate_access_are_all_that_it_has() {
    for by in ways!() {
        let more = Settings { calls: 8, ..settings(1) };
        let pair = Pair::with(by, ports(), more, settings(2)).await;
        let both = [pair.call().await, pair.call().await];
        let error = within("the call", pair.first.call(request(SECOND))).await.unwrap_err();
        assert_eq!(error, Ending::Cleared(Info::NO_CHANNEL).into());
        drop(both);
        pair.is_free().await;
        pair.is_well().await;
    }
}

#[tokio::test]
async fn sixteen_calls_at_once_over_nine_controllers_carry_everything() {
    for by in ways!() {
        let callers = (0..8).map(|index| Port::with_iso_8208([number(&format!("55{index}"))]));
        let called = Port::with_iso_8208([number("77")]).with_channels(16);
        let exchange = Exchange::new(callers.chain([called]));
        let way = by.open(&exchange).await;
        let called = listening(&way, Settings { calls: 16, ..settings(9) }).await;
        let mut lines = Vec::new();
        for number in 1..=8 {
            lines.push(listening(&way, settings(number)).await);
        }
        let mut calls = Vec::new();
        for line in lines.iter().chain(&lines) {
            calls.push(connect(line, &called, "77").await.unwrap());
        }
        assert_eq!(exchange.legs(), 32);
        let mut talking = tokio::task::JoinSet::new();
        for [here, there] in calls {
            talking.spawn(exchange_units(here, there));
        }
        while let Some(ends) = talking.join_next().await {
            ends.unwrap();
        }
        wait_until("every call is freed", PATIENCE, async || exchange.legs() == 0).await;
    }
}

#[tokio::test]
async fn two_machines_that_each_count_their_controllers_from_one_call_each_other() {
    for by in ways!() {
        let exchange = Exchange::new(ports());
        let first = by.open(&exchange.showing([controller(1)])).await;
        let second = by.open(&exchange.showing([controller(2)])).await;
        let first = listening(&first, settings(1)).await;
        let second = listening(&second, settings(1)).await;
        talk(&first, &second, SECOND).await;
        talk(&second, &first, FIRST).await;
    }
}
