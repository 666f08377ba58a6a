//! Lines that break: at any octet, before any command, in both directions.

use support::wait_until_blocking;
use system::{Break, Line, PATIENCE, Pair, Proxy, Up, Way, assert_each_arrived_once};

use super::{EAGER, RECOVERY};

/// Recorded by the receiver when it is offered.
const FILE: u64 = 300_000;

/// Recorded by the receiver when it is whole.
const SMALL_FILE: u64 = 30_000;

/// Files sent until a planned break has happened: a session that is still open takes one along.
const TRIES: usize = 20;

/// Sends files until each break has happened, all by the same wire; each arrives once in the end.
fn each_arrives_once(octets: u64, breaks: &[Break]) {
    let mut pair = Pair::new();
    let proxy = Proxy::to(pair.bolt.tcp);
    pair.acme.instance_extra = String::from(EAGER);
    pair.bolt.instance_extra = String::from(EAGER);
    pair.write(Line::TcpBy(proxy.port), Line::Tcp);
    let (_acme, _bolt) = (pair.acme.up(), pair.bolt.up());
    pair.acme.wait_until_ready();
    pair.bolt.wait_until_ready();
    let mut sent = Vec::new();
    for planned in breaks {
        proxy.plan(*planned);
        for _ in 0..TRIES {
            let number = sent.len();
            let file = pair.acme.file(&format!("BROKEN.{number:03}"), octets + number as u64);
            let entry = pair.acme.enqueue("bolt", &file, &[]);
            pair.acme.wait_for_state(entry, "acknowledged", RECOVERY);
            sent.push(support::sha256(&file));
            if proxy.planned() == 0 {
                break;
            }
        }
        assert_eq!(proxy.planned(), 0, "{planned:?} did not happen");
    }
    assert_each_arrived_once(&pair.acme, &pair.bolt, &sent);
}

fn after_octets(octets: u64) {
    let breaks = [
        Break::After(Way::ToCalled, 0),
        Break::After(Way::ToCaller, 1),
        Break::After(Way::ToCaller, 22),
        Break::After(Way::ToCaller, 23),
        Break::After(Way::ToCalled, 1),
        Break::After(Way::ToCalled, 40),
        Break::After(Way::ToCalled, 65),
        Break::After(Way::ToCaller, 60),
        Break::After(Way::ToCalled, 100),
        Break::After(Way::ToCalled, 5_000),
        Break::After(Way::ToCalled, octets / 2),
        Break::After(Way::ToCalled, octets),
    ];
    each_arrives_once(octets, &breaks);
}

#[test]
fn the_line_breaks_after_any_number_of_octets_and_the_file_arrives_once() {
    after_octets(FILE);
}

#[test]
fn the_line_breaks_after_any_number_of_octets_and_the_small_file_arrives_once() {
    after_octets(SMALL_FILE);
}

fn before_commands(octets: u64) {
    let breaks = [
        Break::Before(Way::ToCaller, b'I'),
        Break::Before(Way::ToCalled, b'X'),
        Break::Before(Way::ToCaller, b'X'),
        Break::Before(Way::ToCalled, b'H'),
        Break::Before(Way::ToCaller, b'2'),
        Break::Before(Way::ToCalled, b'D'),
        Break::Before(Way::ToCalled, b'T'),
        Break::Before(Way::ToCaller, b'4'),
        Break::Before(Way::ToCalled, b'R'),
        Break::Before(Way::ToCaller, b'E'),
        Break::Before(Way::ToCalled, b'P'),
        Break::Before(Way::Either, b'F'),
    ];
    each_arrives_once(octets, &breaks);
}

#[test]
fn the_line_breaks_before_any_command_and_the_file_arrives_once() {
    before_commands(FILE);
}

#[test]
fn the_line_breaks_before_any_command_and_the_small_file_arrives_once() {
    before_commands(SMALL_FILE);
}

#[test]
fn a_break_around_the_receipt_of_a_partner_that_never_calls_still_brings_it_in_the_end() {
    // The receipt can only come with another call of ours; the next file brings one.
    let mut pair = Pair::new();
    let proxy = Proxy::to(pair.bolt.tcp);
    pair.acme.instance_extra = String::from(EAGER);
    pair.write(Line::TcpBy(proxy.port), Line::Nothing);
    let (_acme, _bolt) = (pair.acme.up(), pair.bolt.up());
    pair.acme.wait_until_ready();
    pair.bolt.wait_until_ready();
    proxy.plan(Break::Before(Way::ToCaller, b'E'));
    let first = pair.acme.file("FIRST.DAT", FILE);
    let entry = pair.acme.enqueue("bolt", &first, &[]);
    pair.acme.wait_for_state(entry, "sent", PATIENCE);
    let second = pair.acme.file("SECOND.DAT", FILE + 1);
    let other = pair.acme.enqueue("bolt", &second, &[]);
    pair.acme.wait_until_acknowledged(&[entry, other], RECOVERY);
    let sent = [support::sha256(&first), support::sha256(&second)];
    assert_each_arrived_once(&pair.acme, &pair.bolt, &sent);
}

/// Acme sends more than any system's buffers take, and its line stands still in the middle.
fn stalled() -> (Pair, Up, Up, Proxy, u64) {
    let mut pair = Pair::new();
    let proxy = Proxy::to(pair.bolt.tcp);
    for company in [&mut pair.acme, &mut pair.bolt] {
        company.partner_extra = String::from("  protocol: {buffer: 65535, credit: 999}\n");
    }
    pair.write(Line::TcpBy(proxy.port), Line::Nothing);
    let (acme, bolt) = (pair.acme.up(), pair.bolt.up());
    pair.acme.wait_until_ready();
    pair.bolt.wait_until_ready();
    proxy.plan(Break::StallAfter(Way::ToCalled, 1_000_000));
    let entry = pair.acme.enqueue("bolt", &pair.acme.file("LARGE.DAT", 40_000_000), &[]);
    wait_until_blocking("the line stands still", PATIENCE, || proxy.stalled() > 0);
    (pair, acme, bolt, proxy, entry)
}

#[test]
fn a_shutdown_is_heard_while_the_partner_takes_nothing() {
    let (_pair, acme, _bolt, _proxy, _) = stalled();
    acme.stop();
}

#[test]
fn an_operator_is_heard_while_the_partner_takes_nothing() {
    let (pair, _acme, _bolt, _proxy, entry) = stalled();
    pair.acme.ok(["queue", "abort", &entry.to_string()]);
    pair.acme.wait_for_code("E-SESSION-ABORTED");
}
