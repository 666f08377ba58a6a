//! When calls are made: on a schedule, on several channels, not at all while something is
//! suspended.

use std::collections::HashSet;
use std::net::{Ipv4Addr, TcpStream};
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;
use support::{sha256, wait_until_blocking};
use system::{
    Break, Company, Line, PATIENCE, Pair, Proxy, Up, Way, assert_each_arrived_once, exit_code,
};

/// A schedule has whole minutes, and a session follows.
const A_MINUTE_AND_MORE: Duration = Duration::from_secs(150);

const LARGE: u64 = 8 << 20;

/// Tries again soon and for long.
const EAGER: &str =
    "  lease: {ttl: 3s}\n  send: {retry: {attempts: 100, first: 1s, longest: 1s}}\n";

fn up(pair: &Pair) -> (Up, Up) {
    let (acme, bolt) = (pair.acme.up(), pair.bolt.up());
    pair.acme.wait_until_ready();
    pair.bolt.wait_until_ready();
    (acme, bolt)
}

fn hashes(files: &[PathBuf]) -> Vec<String> {
    files.iter().map(|file| sha256(file)).collect()
}

#[test]
fn a_partner_that_never_calls_is_polled_on_its_schedule_and_gives_what_it_has() {
    let mut pair = Pair::new();
    pair.acme.partner_extra = "  poll: \"* * * * *\"\n".to_owned();
    pair.write(Line::Tcp, Line::Nothing);
    // The same address under another name, to be polled on the 29th of February.
    let partner = std::fs::read_to_string(pair.acme.directory.join("partner.yaml")).unwrap();
    let rarely = partner
        .replace("metadata: {name: bolt}", "metadata: {name: dent}")
        .replace(pair.bolt.odette_id, "O0013000003DENT")
        .replace("* * * * *", "0 0 29 2 *");
    std::fs::write(pair.acme.directory.join("dent.yaml"), rarely).unwrap();
    let (_acme, _bolt) = up(&pair);
    let file = pair.bolt.file("FETCHED.DAT", 5000);
    let entry = pair.bolt.enqueue("acme", &file, &[]);
    pair.bolt.wait_for_state(entry, "acknowledged", A_MINUTE_AND_MORE);
    assert_each_arrived_once(&pair.bolt, &pair.acme, &[sha256(&file)]);
    // Acme had nothing to send: the schedule alone made it call, and only the one that is due.
    assert!(pair.acme.queue().is_empty());
    let sessions = pair.acme.journal_of("session_started");
    assert!(sessions.iter().all(|record| record["partner"] == "bolt"), "{sessions:?}");
    assert!(sessions.iter().all(|record| record["daemon"] == "seonsqd"), "{sessions:?}");
    let refused = pair.acme.journal_of("session_refused");
    assert!(refused.is_empty(), "dent was not due: {refused:?}");
}

#[test]
fn the_next_transport_is_called_when_the_preferred_one_does_not_answer() {
    let pair = Pair::new();
    pair.write(Line::Tcp, Line::Nothing);
    let manifest = pair.acme.directory.join("partner.yaml");
    let written = std::fs::read_to_string(&manifest).unwrap();
    let nobody = support::free_port();
    let preferred = format!("  transports:\n  - tls: {{host: 127.0.0.1, port: {nobody}}}\n");
    std::fs::write(&manifest, written.replace("  transports:\n", &preferred)).unwrap();
    let (acme, _bolt) = up(&pair);
    let file = pair.acme.file("DETOUR.DAT", 1000);
    let entry = pair.acme.enqueue("bolt", &file, &[]);
    pair.acme.wait_for_state(entry, "acknowledged", PATIENCE);
    assert_eq!(pair.acme.entry(entry)["attempts"], 0, "one call, by two ways, is no failure");
    let line = acme.0.wait_for_line(PATIENCE, |line| line.contains("E-CONNECT-REFUSED"));
    assert!(line.contains(&nobody.to_string()), "the first way is named: {line}");
    assert_each_arrived_once(&pair.acme, &pair.bolt, &[sha256(&file)]);
}

/// The entries that are on the wire now, one a session.
fn on_the_wire(company: &Company) -> HashSet<String> {
    let row = company.daemon("seonsqd").unwrap_or_default();
    let sessions = row["sessions"].as_array().cloned().unwrap_or_default();
    let entry = |session: &Value| session["file"]["entry"].as_str().map(str::to_owned);
    sessions.iter().filter_map(entry).collect()
}

#[test]
fn a_file_that_comes_during_a_long_one_goes_by_another_channel() {
    let mut pair = Pair::new();
    let proxy = Proxy::to(pair.bolt.tcp);
    pair.acme.partner_extra = "  channels: 2\n".to_owned();
    pair.write(Line::TcpBy(proxy.port), Line::Nothing);
    let (_acme, _bolt) = up(&pair);
    proxy.plan(Break::StallAfter(Way::ToCalled, LARGE / 2));
    let long = pair.acme.file("LONG.DAT", LARGE);
    pair.acme.enqueue("bolt", &long, &[]);
    wait_until_blocking("the long one in its middle", PATIENCE, || proxy.stalled() == 1);
    let late = pair.acme.file("LATE.DAT", 1000);
    let entry = pair.acme.enqueue("bolt", &late, &[]);
    pair.acme.wait_for_state(entry, "acknowledged", PATIENCE);
    assert_eq!(proxy.stalled(), 1, "the long one is where it was");
}

#[test]
fn a_partner_gets_as_many_files_at_once_as_it_has_channels_and_no_more() {
    const CHANNELS: usize = 3;
    let mut pair = Pair::new();
    let proxy = Proxy::to(pair.bolt.tcp);
    pair.acme.instance_extra = String::from(EAGER);
    pair.acme.partner_extra = format!("  channels: {CHANNELS}\n");
    pair.write(Line::TcpBy(proxy.port), Line::Nothing);
    let (_acme, _bolt) = up(&pair);
    // Every call stands still in the middle of its file, also one that should not be made.
    for _ in 0..2 * CHANNELS {
        proxy.plan(Break::StallAfter(Way::ToCalled, LARGE / 2));
    }
    let mut files: Vec<_> =
        (1..=5).map(|number| pair.acme.file(&format!("LARGE.{number}"), LARGE + number)).collect();
    let mut entries = pair.acme.enqueue_all("bolt", &files);
    wait_until_blocking("every channel in the middle of a file", PATIENCE, || {
        if proxy.stalled() == CHANNELS { Ok(()) } else { Err(proxy.stalled()) }
    });
    // Two more are made ready, one after the other: so the send queue has looked at everything.
    for name in ["LATE.1", "LATE.2"] {
        let late = pair.acme.file(name, LARGE);
        let entry = pair.acme.enqueue("bolt", &late, &[]);
        pair.acme.wait_for_state(entry, "ready", PATIENCE);
        files.push(late);
        entries.push(entry);
    }
    assert_eq!(proxy.planned(), CHANNELS, "no further call was made");
    assert_eq!(on_the_wire(&pair.acme).len(), CHANNELS, "each has a file of its own");
    let sending = pair.acme.queue().iter().filter(|row| row["state"] == "sending").count();
    assert_eq!(sending, CHANNELS);
    proxy.open();
    pair.acme.wait_until_acknowledged(&entries, 2 * PATIENCE);
    assert_each_arrived_once(&pair.acme, &pair.bolt, &hashes(&files));
}

#[test]
fn outside_of_its_windows_nobody_calls_and_a_partner_that_calls_is_served_all_the_same() {
    let mut pair = Pair::new();
    pair.acme.instance_extra = EAGER.replace("send: {", "send: {schedule: [\"0 0 29 2 *\"], ");
    pair.write(Line::Tcp, Line::Tcp);
    let (_acme, _bolt) = up(&pair);
    let first = pair.acme.file("FIRST.DAT", 1000);
    let entry = pair.acme.enqueue("bolt", &first, &[]);
    pair.acme.wait_for_state(entry, "ready", PATIENCE);
    pair.bolt.ok(["partner", "call", "acme"]);
    pair.acme.wait_for_state(entry, "acknowledged", PATIENCE);
    let sessions = pair.acme.journal_of("session_started");
    assert!(sessions.iter().all(|record| record["daemon"] == "seonrd_tcpip"), "{sessions:?}");

    let second = pair.acme.file("SECOND.DAT", 2000);
    let entry = pair.acme.enqueue("bolt", &second, &[]);
    pair.acme.wait_for_state(entry, "ready", PATIENCE);
    // A person who wants a session now gets it.
    pair.acme.ok(["partner", "ping", "bolt"]);
    let row = pair.acme.entry(entry);
    assert_eq!((&row["state"], &row["attempts"]), (&"ready".into(), &0.into()), "{row}");
    // The partner's own windows go first.
    pair.acme.partner_extra = "  schedule: [\"* * * * *\"]\n".to_owned();
    pair.acme.write(&pair.bolt, Line::Tcp);
    pair.acme.ok(["config", "reload"]);
    pair.acme.wait_for_state(entry, "acknowledged", PATIENCE);
    assert_each_arrived_once(&pair.acme, &pair.bolt, &hashes(&[first, second]));
}

/// A file under way, in its middle, and one behind it that waits.
struct UnderWay {
    pair: Pair,
    proxy: Proxy,
    files: Vec<PathBuf>,
    entries: Vec<u64>,
    _up: (Up, Up),
}

fn one_under_way_and_one_queued() -> UnderWay {
    let mut pair = Pair::new();
    let proxy = Proxy::to(pair.bolt.tcp);
    pair.acme.instance_extra = String::from(EAGER);
    pair.bolt.instance_extra = String::from(EAGER);
    pair.write(Line::TcpBy(proxy.port), Line::Tcp);
    let up = up(&pair);
    proxy.plan(Break::StallAfter(Way::ToCalled, LARGE / 2));
    let files: Vec<_> = ["RUNNING.DAT", "WAITING.DAT"]
        .iter()
        .map(|name| pair.acme.file(name, LARGE + name.len() as u64))
        .collect();
    let entries = pair.acme.enqueue_all("bolt", &files);
    wait_until_blocking("the middle of the first file", PATIENCE, || proxy.stalled() == 1);
    assert_eq!(pair.acme.state(entries[0]), "sending");
    assert_eq!(pair.acme.state(entries[1]), "ready");
    UnderWay { pair, proxy, files, entries, _up: up }
}

impl UnderWay {
    fn rewrite(&mut self, change: impl FnOnce(&mut Company)) {
        change(&mut self.pair.acme);
        self.pair.acme.write(&self.pair.bolt, Line::TcpBy(self.proxy.port));
        self.pair.acme.ok(["config", "reload"]);
    }

    /// The file under way comes to its end, and with it its session; nothing else goes out.
    fn finishes_the_running_one_only(&self) {
        self.proxy.open();
        self.pair.acme.wait_for_state(self.entries[0], "acknowledged", PATIENCE);
        wait_until_blocking("the session's end", PATIENCE, || {
            !self.pair.acme.journal_of("session_ended").is_empty()
        });
        let ended = self.pair.acme.journal_of("session_ended").remove(0);
        assert_eq!(ended["code"], "ESID-00", "not broken off: {ended}");
    }

    fn everything_arrives(&self, from_bolt: u64) {
        self.pair.acme.wait_until_acknowledged(&self.entries, PATIENCE);
        self.pair.bolt.wait_for_state(from_bolt, "acknowledged", PATIENCE);
        assert_each_arrived_once(&self.pair.acme, &self.pair.bolt, &hashes(&self.files));
    }
}

#[test]
fn a_suspended_instance_finishes_what_runs_and_neither_calls_nor_answers_until_it_goes_on() {
    let mut under_way = one_under_way_and_one_queued();
    under_way.rewrite(|acme| acme.instance_extra += "  suspend: true\n");
    under_way.finishes_the_running_one_only();
    let (acme, bolt) = (&under_way.pair.acme, &under_way.pair.bolt);
    for port in [acme.tcp, acme.tls] {
        wait_until_blocking("nobody listens", PATIENCE, || {
            TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err()
        });
    }
    let from_bolt = bolt.enqueue("acme", &bolt.file("FROM.BOLT", 1000), &[]);
    wait_until_blocking("bolt has called more than once in vain", PATIENCE, || {
        bolt.entry(from_bolt)["attempts"].as_u64().is_some_and(|attempts| attempts > 1)
    });
    assert_eq!(bolt.entry(from_bolt)["error_code"], "E-CONNECT-REFUSED");
    let ping = acme.seon(["partner", "ping", "bolt"]);
    assert_eq!(exit_code(&ping), 1);
    let said = String::from_utf8(ping.stdout).unwrap();
    assert!(said.contains("E-REQUEST-PARTNER") && said.contains("acme is suspended"), "{said}");
    assert_eq!(acme.state(under_way.entries[1]), "ready", "what is queued waits");
    assert!(acme.daemons().iter().all(|daemon| daemon["pid"].is_u64()), "every daemon lives");

    under_way.rewrite(|acme| acme.instance_extra = EAGER.to_owned());
    under_way.everything_arrives(from_bolt);
}

#[test]
fn a_suspended_partner_gets_what_runs_and_then_is_neither_called_nor_let_in_until_it_goes_on() {
    let mut under_way = one_under_way_and_one_queued();
    under_way.rewrite(|acme| acme.partner_extra = "  suspend: true\n".to_owned());
    under_way.finishes_the_running_one_only();
    let (acme, bolt) = (&under_way.pair.acme, &under_way.pair.bolt);
    let from_bolt = bolt.enqueue("acme", &bolt.file("FROM.BOLT", 1000), &[]);
    acme.wait_for_code("E-SESSION-SUSPENDED");
    wait_until_blocking("bolt is told", PATIENCE, || {
        let entry = bolt.entry(from_bolt);
        if entry["error_code"].is_string() { Ok(entry) } else { Err(entry) }
    });
    let entry = bolt.entry(from_bolt);
    assert_eq!(entry["error_code"], "E-SESSION-ESID-08", "{entry}");
    let ping = acme.seon(["partner", "ping", "bolt"]);
    assert_eq!(exit_code(&ping), 1);
    let said = String::from_utf8(ping.stdout).unwrap();
    assert!(said.contains("E-REQUEST-PARTNER") && said.contains("bolt is suspended"), "{said}");
    assert_eq!(acme.state(under_way.entries[1]), "ready", "what is queued waits");

    under_way.rewrite(|acme| acme.partner_extra = String::new());
    under_way.everything_arrives(from_bolt);
}
