//! Processes that must not start, are shut out, stop in the middle, or lose their database.

use support::{Durability, Postgres, sha256, wait_until_blocking};
use system::{
    Break, Company, Line, PATIENCE, Pair, Proxy, Up, Way, assert_each_arrived_once, exit_code,
};

use super::{RECOVERY, running};

const LARGE: u64 = 96 << 20;

/// After two of the receiver's checkpoints.
const MIDDLE: u64 = 80 << 20;

/// A transfer from acme to bolt that stands still in the middle.
struct Standing {
    pair: Pair,
    acme: Up,
    bolt: Up,
    proxy: Proxy,
    entry: u64,
    hash: String,
}

fn standing(change: impl FnOnce(&mut Pair)) -> Standing {
    let mut pair = Pair::new();
    let proxy = Proxy::to(pair.bolt.tcp);
    pair.acme.instance_extra = String::from(super::EAGER);
    change(&mut pair);
    pair.write(Line::TcpBy(proxy.port), Line::Tcp);
    let (acme, bolt) = (pair.acme.up(), pair.bolt.up());
    pair.acme.wait_until_ready();
    pair.bolt.wait_until_ready();
    proxy.plan(Break::StallAfter(Way::ToCalled, MIDDLE));
    let file = pair.acme.file("LARGE.DAT", LARGE);
    let entry = pair.acme.enqueue("bolt", &file, &[]);
    wait_until_blocking("the middle of the file", PATIENCE, || proxy.stalled() == 1);
    Standing { hash: sha256(&file), pair, acme, bolt, proxy, entry }
}

fn assert_arrives(pair: &Pair, entry: u64, hash: String) {
    pair.acme.wait_for_state(entry, "acknowledged", RECOVERY);
    assert_each_arrived_once(&pair.acme, &pair.bolt, &[hash]);
}

/// The positions at which the receiver took files up, as its log tells.
fn restarts(up: &Up) -> Vec<u64> {
    let mut restarts = Vec::new();
    for line in up.0.output().iter().filter(|line| line.contains("receiving")) {
        let Some((_, position)) = line.split_once("restart") else { continue };
        let digits: String = position
            .chars()
            .skip_while(|character| !character.is_ascii_digit())
            .take_while(char::is_ascii_digit)
            .collect();
        restarts.extend(digits.parse::<u64>());
    }
    restarts
}

#[test]
fn a_sender_that_is_stopped_in_the_middle_goes_on_where_it_was() {
    let Standing { pair, acme, bolt, proxy, entry, hash } = standing(|_| {});
    acme.stop();
    proxy.open();
    let _acme = pair.acme.up();
    assert_arrives(&pair, entry, hash);
    let restarts = restarts(&bolt);
    assert!(restarts.last().is_some_and(|position| *position > 0), "{restarts:?}");
}

#[test]
fn a_receiver_that_is_stopped_in_the_middle_goes_on_where_it_was() {
    let Standing { pair, acme: _acme, bolt, proxy, entry, hash } = standing(|_| {});
    bolt.stop();
    proxy.open();
    let bolt = pair.bolt.up();
    assert_arrives(&pair, entry, hash);
    let restarts = restarts(&bolt);
    assert!(restarts.last().is_some_and(|position| *position > 0), "{restarts:?}");
}

fn database_gone(whose: impl Fn(&mut Pair) -> &mut Company) {
    let server = match Postgres::start(Durability::Durable) {
        Ok(server) => server,
        Err(reason) => support::skip!(postgres, "{reason}"),
    };
    let database = server.database();
    let Standing { pair, acme: _acme, bolt: _bolt, proxy, entry, hash } =
        standing(|pair| whose(pair).database = Some(database.uri()));
    server.crash();
    proxy.open();
    // The other side sees the session end, or goes on alone; either is right.
    server.resume();
    assert_arrives(&pair, entry, hash);
}

#[test]
fn a_database_that_crashes_under_the_receiver_in_the_middle_loses_and_doubles_nothing() {
    database_gone(|pair| &mut pair.bolt);
}

#[test]
fn a_database_that_crashes_under_the_sender_in_the_middle_loses_and_doubles_nothing() {
    database_gone(|pair| &mut pair.acme);
}

#[test]
fn a_second_start_is_refused_and_says_who_is_active_and_what_to_do() {
    let (pair, _acme, _bolt) = running(Line::Tcp, Line::Tcp, |_| {});
    for daemon in ["seonrd", "seonrd_tcpip", "seonrd_tcpip_tls", "seonsqd"] {
        let holder = pair.bolt.pid(daemon).unwrap();
        let refused = pair.bolt.seon([daemon]);
        assert_eq!(exit_code(&refused), 75);
        let sentence = String::from_utf8(refused.stderr).unwrap();
        for part in [
            format!("{daemon} of bolt is already active: on host "),
            format!(" as process {holder} (epoch "),
            "its lease is valid for ".to_owned(),
            format!("wait for it:  seon {daemon} -c "),
            format!("take over:    seon force {daemon} -c "),
        ] {
            assert!(sentence.contains(&part), "{part:?} is not in:\n{sentence}");
        }
    }
}

#[test]
fn a_forced_daemon_ends_with_70_and_comes_back_under_a_later_epoch() {
    let (pair, _acme, bolt) = running(Line::Tcp, Line::Tcp, |_| {});
    let before = pair.bolt.daemon("seonsqd").unwrap();
    pair.bolt.ok(["force", "seonsqd"]);
    bolt.0.wait_for_line(RECOVERY, |line| line.contains("seonsqd of bolt") && line.contains("70"));
    wait_until_blocking("a later epoch", RECOVERY, || {
        let now = pair.bolt.daemon("seonsqd").ok_or("nobody")?;
        let (was, is) = (before["epoch"].as_i64(), now["epoch"].as_i64());
        let is_later = is > was && now["pid"].is_u64() && now["pid"] != before["pid"];
        if is_later { Ok(()) } else { Err(now.to_string()) }
    });
    assert!(!pair.bolt.journal_of("lease_forced").is_empty());
    let file = pair.bolt.file("AFTER.DAT", 1000);
    let entry = pair.bolt.enqueue("acme", &file, &[]);
    pair.bolt.wait_for_state(entry, "acknowledged", RECOVERY);
    assert_each_arrived_once(&pair.bolt, &pair.acme, &[sha256(&file)]);
}

#[test]
fn a_receiver_that_is_forced_in_the_middle_of_a_file_loses_and_doubles_nothing() {
    let Standing { pair, acme: _acme, bolt: _bolt, proxy, entry, hash } = standing(|_| {});
    pair.bolt.ok(["force", "seonrd_tcpip"]);
    proxy.open();
    assert_arrives(&pair, entry, hash);
}
