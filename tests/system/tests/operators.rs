//! What people do while it runs: hold, release, cancel, unblock, ping, check, reload.

use std::fs;
use std::net::TcpStream;
use std::time::{Duration, SystemTime};

use oftp::field::Counts;
use oftp::session::Request;
use serde_json::Value;
use support::{Identity, sha256, wait_until_blocking};
use system::{
    Break, Caller, Company, Line, PATIENCE, Pair, Proxy, Up, Way, assert_each_arrived_once,
    exit_code, grow_older, incoming, offer,
};

/// A cancelled transfer is off the wire within this time.
const OFF_THE_WIRE: Duration = Duration::from_secs(3);

const LARGE: u64 = 96 << 20;

/// Tries again soon.
const EAGER: &str = "  send: {retry: {attempts: 20, first: 1s, longest: 1s}}\n";

fn running(acme_calls: Line, bolt_calls: Line, change: impl FnOnce(&mut Pair)) -> (Pair, Up, Up) {
    let mut pair = Pair::new();
    change(&mut pair);
    pair.write(acme_calls, bolt_calls);
    let (acme, bolt) = (pair.acme.up(), pair.bolt.up());
    pair.acme.wait_until_ready();
    pair.bolt.wait_until_ready();
    (pair, acme, bolt)
}

/// `seon queue ORDER ENTRY`.
fn order(company: &Company, order: &str, entry: u64) {
    company.ok(["queue", order, &entry.to_string()]);
}

/// What an entry's refused order says, and its code.
fn refused_order(company: &Company, order: &str, entry: u64) -> Value {
    let output = company.seon(["queue", order, &entry.to_string(), "-o", "json"]);
    assert_eq!(exit_code(&output), 1);
    let answers: Value = serde_json::from_slice(&output.stdout).unwrap();
    answers[0].clone()
}

#[test]
fn a_held_file_waits_until_it_is_released() {
    let (pair, _acme, _bolt) = Pair::running();
    let held = pair.acme.file("HELD.DAT", 1000);
    let entry = pair.acme.enqueue("bolt", &held, &["--hold"]);
    let other = pair.acme.file("OTHER.DAT", 2000);
    let goes = pair.acme.enqueue("bolt", &other, &[]);
    pair.acme.wait_for_state(goes, "acknowledged", PATIENCE);
    assert_eq!(pair.acme.state(entry), "held");
    order(&pair.acme, "release", entry);
    pair.acme.wait_for_state(entry, "acknowledged", PATIENCE);
    assert_each_arrived_once(&pair.acme, &pair.bolt, &[sha256(&held), sha256(&other)]);
}

#[test]
fn a_waiting_file_is_held_released_and_cancelled_before_it_is_sent() {
    let pair = Pair::new();
    pair.write(Line::Tcp, Line::Nothing);
    let _acme = pair.acme.up();
    pair.acme.wait_until_ready();
    let files = ["ONE", "TWO"].map(|name| pair.acme.file(name, name.len() as u64));
    let [one, two] = [&files[0], &files[1]].map(|file| pair.acme.enqueue("bolt", file, &[]));
    order(&pair.acme, "hold", one);
    assert_eq!(pair.acme.state(one), "held");
    order(&pair.acme, "cancel", two);
    assert_eq!(pair.acme.state(two), "cancelled");
    let answer = refused_order(&pair.acme, "release", two);
    assert_eq!(answer["code"], "E-REQUEST-STATE", "a cancelled file stays cancelled: {answer}");
    let answer = refused_order(&pair.acme, "hold", 4711);
    assert_eq!(answer["code"], "E-REQUEST-MISSING", "{answer}");

    let _bolt = pair.bolt.up();
    pair.bolt.wait_until_ready();
    order(&pair.acme, "release", one);
    pair.acme.wait_for_state(one, "acknowledged", PATIENCE);
    assert_eq!(pair.acme.state(two), "cancelled");
    let arrived: Vec<_> = incoming(&pair.bolt).into_values().collect();
    assert_eq!(arrived, [sha256(&files[0])]);
    for (kind, entry) in [("entry_held", one), ("entry_released", one), ("entry_cancelled", two)] {
        let record = pair.acme.journal_of(kind).pop().unwrap();
        assert_eq!(record["entry"], entry, "{record}");
        assert!(record["text"].as_str().unwrap().starts_with("by "), "who did it: {record}");
    }
}

/// A transfer that stands still in the middle: the partner takes nothing and says nothing.
fn standing() -> (Pair, Up, Up, Proxy, u64) {
    let mut pair = Pair::new();
    let proxy = Proxy::to(pair.bolt.tcp);
    pair.acme.instance_extra = String::from(EAGER);
    pair.write(Line::TcpBy(proxy.port), Line::Tcp);
    let (acme, bolt) = (pair.acme.up(), pair.bolt.up());
    pair.acme.wait_until_ready();
    pair.bolt.wait_until_ready();
    proxy.plan(Break::StallAfter(Way::ToCalled, LARGE / 2));
    let file = pair.acme.file("LARGE.DAT", LARGE);
    let entry = pair.acme.enqueue("bolt", &file, &[]);
    wait_until_blocking("the middle of the file", PATIENCE, || proxy.stalled() == 1);
    (pair, acme, bolt, proxy, entry)
}

#[test]
fn a_running_transfer_that_is_cancelled_is_off_the_wire_within_three_seconds() {
    let (pair, _acme, _bolt) = Pair::running();
    let file = pair.acme.file("ENDLESS.DAT", 1 << 30);
    let entry = pair.acme.enqueue("bolt", &file, &[]);
    wait_until_blocking("the middle of the file", PATIENCE, || {
        let row = pair.acme.daemon("seonsqd")?;
        let octets = row["sessions"][0]["file"]["octets"].as_u64()?;
        (octets > 0).then_some(())
    });
    order(&pair.acme, "cancel", entry);
    pair.acme.wait_for_state(entry, "cancelled", OFF_THE_WIRE);
    wait_until_blocking("no session", OFF_THE_WIRE, || {
        pair.acme.daemon("seonsqd").is_some_and(|row| row["sessions"] == Value::Array(Vec::new()))
    });
    assert!(incoming(&pair.bolt).is_empty(), "half a file is no file");
}

#[test]
fn a_transfer_to_a_partner_that_takes_nothing_is_cancelled_within_three_seconds_too() {
    let (pair, _acme, _bolt, _proxy, entry) = standing();
    order(&pair.acme, "cancel", entry);
    pair.acme.wait_for_state(entry, "cancelled", OFF_THE_WIRE);
}

#[test]
fn an_aborted_transfer_stays_in_the_queue_and_goes_on_later() {
    let (pair, _acme, _bolt, proxy, entry) = standing();
    order(&pair.acme, "abort", entry);
    proxy.open();
    pair.acme.wait_for_state(entry, "acknowledged", PATIENCE);
    assert_eq!(incoming(&pair.bolt).len(), 1);
}

#[test]
fn a_file_for_a_partner_that_is_down_is_blocked_after_the_last_attempt_until_it_is_unblocked() {
    let mut pair = Pair::new();
    pair.acme.instance_extra = EAGER.replace("20", "2");
    pair.write(Line::Tcp, Line::Nothing);
    let _acme = pair.acme.up();
    pair.acme.wait_until_ready();
    let file = pair.acme.file("PATIENT.DAT", 1000);
    let entry = pair.acme.enqueue("bolt", &file, &[]);
    pair.acme.wait_for_state(entry, "blocked", PATIENCE);
    let row = pair.acme.entry(entry);
    assert_eq!(row["attempts"], 2, "{row}");
    assert_eq!(row["error_code"], "E-CONNECT-REFUSED", "{row}");
    let address = format!("127.0.0.1:{}", pair.bolt.tcp);
    assert!(row["error_text"].as_str().unwrap().contains(&address), "it says where: {row}");
    let record = pair.acme.journal_of("entry_blocked").pop().unwrap();
    assert_eq!((&record["entry"], &record["code"]), (&entry.into(), &row["error_code"]));
    assert!(record["text"].as_str().unwrap().starts_with("blocked after 2 attempts: "), "{record}");
    let check = pair.acme.seon(["check"]);
    assert_eq!(exit_code(&check), 1);
    assert!(String::from_utf8(check.stdout).unwrap().contains("× 1 entry is blocked"));

    let _bolt = pair.bolt.up();
    pair.bolt.wait_until_ready();
    order(&pair.acme, "unblock", entry);
    pair.acme.wait_for_state(entry, "acknowledged", PATIENCE);
    assert_each_arrived_once(&pair.acme, &pair.bolt, &[sha256(&file)]);
}

#[test]
fn the_most_urgent_file_goes_first() {
    let pair = Pair::new();
    pair.write(Line::Tcp, Line::Tcp);
    // Queued before any daemon runs, so that all are there for the first session.
    let priorities = ["0", "5", "-5", "10"];
    let entries = priorities.map(|priority| {
        let file = pair.acme.file(&format!("PRIORITY.{priority}"), 1000);
        pair.acme.enqueue("bolt", &file, &["--priority", priority])
    });
    let _bolt = pair.bolt.up();
    pair.bolt.wait_until_ready();
    let _acme = pair.acme.up();
    pair.acme.wait_until_acknowledged(&entries, PATIENCE);
    let sent = wait_until_blocking("all recorded", PATIENCE, || {
        let sent = pair.acme.journal_of("file_sent");
        (sent.len() == entries.len()).then_some(sent)
    });
    let order: Vec<_> = sent.iter().map(|record| record["entry"].as_u64().unwrap()).collect();
    assert_eq!(order, [entries[3], entries[1], entries[0], entries[2]]);
}

#[test]
fn a_ping_says_whether_a_session_comes_about_and_sends_nothing() {
    let (pair, _acme, _bolt) = running(Line::Tls, Line::Tcp, |_| {});
    let held = pair.acme.enqueue("bolt", &pair.acme.file("HELD.DAT", 10), &["--passive"]);
    let pinged: Value =
        serde_json::from_str(&pair.acme.ok(["partner", "ping", "bolt", "-o", "json"])).unwrap();
    assert_eq!(pinged["success"], true, "{pinged}");
    assert_eq!(pair.acme.state(held), "ready");
    for company in [&pair.acme, &pair.bolt] {
        wait_until_blocking("the session's end in the journal", PATIENCE, || {
            !company.journal_of("session_ended").is_empty()
        });
        let ended = company.journal_of("session_ended").remove(0);
        assert_eq!(ended["code"], "ESID-00", "{}: {ended}", company.name);
    }
}

#[test]
fn a_ping_with_a_wrong_password_says_so_and_blocks_nothing() {
    let mut pair = Pair::new();
    pair.bolt.write(&pair.acme, Line::Nothing);
    pair.acme.password = "WRONG".to_owned();
    pair.acme.write(&pair.bolt, Line::Tcp);
    let (_acme, _bolt) = (pair.acme.up(), pair.bolt.up());
    pair.acme.wait_until_ready();
    pair.bolt.wait_until_ready();
    let output = pair.acme.seon(["partner", "ping", "bolt"]);
    assert_eq!(exit_code(&output), 1);
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("E-SESSION-ESID-04") && said.contains("ownPasswordSecretRef"), "{said}");
}

#[test]
fn a_ping_of_somebody_unknown_names_those_that_are_known() {
    let pair = Pair::new();
    pair.write(Line::Tcp, Line::Tcp);
    let output = pair.acme.seon(["partner", "ping", "bold"]);
    assert_eq!(exit_code(&output), 64);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("acme has no partner \"bold\"; its partners: bolt"), "{said}");
}

/// `seon check -o json`: its exit code, and every check that is not green.
fn check(company: &Company) -> (i32, Vec<Value>) {
    let output = company.seon(["check", "-o", "json"]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let code = exit_code(&output);
    assert_eq!(report["success"], code == 0);
    let categories = report["categories"].as_array().unwrap().iter();
    let checks = categories.flat_map(|category| category["checks"].as_array().unwrap());
    (code, checks.filter(|check| check["result"] != "success").cloned().collect())
}

#[test]
fn a_check_of_two_companies_that_exchanged_files_is_all_green() {
    let (pair, _acme, _bolt) = Pair::running();
    let from_acme = pair.acme.enqueue("bolt", &pair.acme.file("A.DAT", 1000), &[]);
    let from_bolt = pair.bolt.enqueue("acme", &pair.bolt.file("B.DAT", 1000), &[]);
    pair.acme.wait_for_state(from_acme, "acknowledged", PATIENCE);
    pair.bolt.wait_for_state(from_bolt, "acknowledged", PATIENCE);
    for company in [&pair.acme, &pair.bolt] {
        wait_until_blocking("all green", PATIENCE, || match check(company) {
            (0, warnings) if warnings.is_empty() => Ok(()),
            (code, found) => Err(format!("{code}: {found:?}")),
        });
    }
}

#[test]
fn a_check_names_what_is_stuck_and_the_cure() {
    let pair = Pair::new();
    pair.write(Line::Tcp, Line::Tcp);
    let bolt = pair.bolt.up();
    pair.bolt.wait_until_ready();
    fs::remove_dir_all(pair.bolt.data().join("incoming")).unwrap();
    let mut caller = Caller::established(&pair.acme, &pair.bolt);
    let whole = offer(&pair.acme, &pair.bolt, "HOMELESS.DAT", 1000);
    caller.ask(Request::StartFile(Box::new(whole)));
    caller.next_event();
    caller.send(&[7; 1000]);
    caller.ask(Request::CloseFile { already: Counts::default() });
    caller.next_event();
    let large = offer(&pair.acme, &pair.bolt, "HALF.DAT", 1_000_000);
    caller.ask(Request::StartFile(Box::new(large)));
    caller.next_event();
    drop(caller);
    pair.bolt.wait_for_code("E-SESSION-TRANSPORT");
    bolt.stop();

    grow_older(&pair.bolt, 2);
    fs::create_dir_all(pair.bolt.data().join("incoming")).unwrap();
    let outgoing = pair.bolt.data().join("outgoing/acme");
    fs::create_dir_all(outgoing.join(".refused")).unwrap();
    fs::write(outgoing.join(".refused/BAD NAME"), "content").unwrap();
    let left = fs::File::create(outgoing.join("LEFT.DAT")).unwrap();
    left.set_modified(SystemTime::from(ambient::now() - Duration::from_hours(2))).unwrap();

    let (code, found) = check(&pair.bolt);
    assert_eq!(code, 1);
    for (says, verdict) in [
        ("1 file not in place yet, the oldest for 2d", "error"),
        ("1 file half here, the oldest untouched for 2d", "warning"),
        ("1 file in ", "warning"),
        ("1 file was refused, in ", "warning"),
    ] {
        let check = found.iter().find(|check| {
            check["description"].as_str().is_some_and(|description| description.starts_with(says))
        });
        let check = check.unwrap_or_else(|| panic!("{says}: {found:#?}"));
        assert_eq!(check["result"], verdict, "{check}");
        assert!(check["hint"].is_string(), "what to do: {check}");
    }
}

#[test]
fn a_check_names_an_expired_certificate_and_the_cure() {
    let (pair, _acme, _bolt) = running(Line::Tcp, Line::Tcp, |pair| {
        pair.acme.identity = Identity::self_signed_expired("127.0.0.1");
    });
    let (code, found) = check(&pair.acme);
    assert_eq!(code, 1);
    let expired = found
        .iter()
        .find(|check| check["description"].as_str().unwrap().contains("expired"))
        .unwrap_or_else(|| panic!("{found:?}"));
    assert_eq!(expired["result"], "error");
    assert!(expired["hint"].as_str().unwrap().contains("renew"), "{expired}");
}

#[test]
fn a_check_of_an_instance_that_does_not_run_says_how_to_start_it() {
    let pair = Pair::new();
    pair.write(Line::Tcp, Line::Tcp);
    pair.acme.enqueue("bolt", &pair.acme.file("EARLY.DAT", 10), &[]);
    let (code, found) = check(&pair.acme);
    assert_eq!(code, 1);
    let hints: Vec<_> = found.iter().filter_map(|check| check["hint"].as_str()).collect();
    assert!(hints.iter().any(|hint| hint.contains("seon up")), "{hints:?}");
}

/// A third company's manifest, as a partner of acme's that is called where bolt answers.
fn dent(pair: &Pair) -> String {
    let partner = fs::read_to_string(pair.acme.directory.join("partner.yaml")).unwrap();
    partner
        .replace("metadata: {name: bolt}", "metadata: {name: dent}")
        .replace(pair.bolt.odette_id, "O0013000003DENT")
}

#[test]
fn a_partner_is_added_by_a_reload_and_running_sessions_go_on() {
    let mut pair = Pair::new();
    let proxy = Proxy::to(pair.bolt.tcp);
    pair.acme.instance_extra = String::new();
    pair.write(Line::TcpBy(proxy.port), Line::Tcp);
    let (_acme, _bolt) = (pair.acme.up(), pair.bolt.up());
    pair.acme.wait_until_ready();
    pair.bolt.wait_until_ready();
    proxy.plan(Break::StallAfter(Way::ToCalled, 1 << 20));
    let file = pair.acme.file("LARGE.DAT", 8 << 20);
    let entry = pair.acme.enqueue("bolt", &file, &[]);
    wait_until_blocking("the middle of the file", PATIENCE, || proxy.stalled() == 1);

    fs::write(pair.acme.directory.join("dent.yaml"), dent(&pair)).unwrap();
    let answer: Value =
        serde_json::from_str(&pair.acme.ok(["config", "reload", "-o", "json"])).unwrap();
    let daemons = answer.as_array().unwrap();
    assert_eq!(daemons.len(), 4, "{answer}");
    assert!(daemons.iter().all(|daemon| daemon["reloaded"] == true), "{answer}");
    proxy.open();
    pair.acme.wait_for_state(entry, "acknowledged", PATIENCE);
    let sent = pair.acme.journal_of("file_sent");
    let sessions = pair.acme.journal_of("session_started");
    assert_eq!(sent[0]["session"], sessions[0]["session"], "in the session before the reload");
    // The new partner is called; bolt answers, which is not who was wanted.
    let output = pair.acme.seon(["partner", "ping", "dent"]);
    assert_eq!(exit_code(&output), 1);
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("E-SESSION-WRONG-PARTNER") && said.contains("dent"), "{said}");
}

#[test]
fn a_listener_goes_to_another_address_of_its_port_and_stays_if_there_is_none() {
    let pair = Pair::new();
    pair.write(Line::Nothing, Line::Nothing);
    let bolt = pair.bolt.up();
    pair.bolt.wait_until_ready();
    let manifest = pair.bolt.directory.join("instance.yaml");
    let at = |address: &str| {
        let text = fs::read_to_string(&manifest).unwrap();
        let (before, rest) = text.split_once("tcpip: {address: ").unwrap();
        let (_, after) = rest.split_once(',').unwrap();
        fs::write(&manifest, format!("{before}tcpip: {{address: {address},{after}")).unwrap();
        pair.bolt.reload();
    };
    let answers_at = |address: &str| {
        wait_until_blocking(&format!("it listens on {address}"), PATIENCE, || {
            TcpStream::connect((address, pair.bolt.tcp)).map(drop).map_err(|it| it.to_string())
        });
    };
    at("0.0.0.0");
    answers_at("127.0.0.2");
    // An address that this machine does not have.
    at("192.0.2.1");
    bolt.0.wait_for_line(PATIENCE, |line| line.contains("E-LISTEN-ADDRESS"));
    answers_at("127.0.0.2");
    at("127.0.0.1");
    wait_until_blocking("it listens there alone", PATIENCE, || {
        TcpStream::connect(("127.0.0.2", pair.bolt.tcp)).is_err()
    });
    answers_at("127.0.0.1");
}

#[test]
fn a_reload_that_is_not_valid_is_refused_and_the_old_configuration_stays() {
    let (pair, acme, _bolt) = Pair::running();
    let manifest = pair.acme.directory.join("partner.yaml");
    let before = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, before.replace("  transports:", "  transprots:")).unwrap();
    let refused = pair.acme.seon(["config", "reload"]);
    assert_eq!(exit_code(&refused), 78);
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(said.contains("partner.yaml:") && said.contains("transprots"), "{said}");
    // SIGHUP goes to the daemons without asking anybody.
    pair.acme.reload();
    wait_until_blocking("every daemon refused it", PATIENCE, || {
        let lines = acme.0.output();
        let refusals = lines
            .iter()
            .filter(|line| line.contains("the old one stays") && line.contains("partner.yaml:"));
        refusals.count() >= 4
    });
    // Bolt still gets through, and acme still answers it.
    let entry = pair.bolt.enqueue("acme", &pair.bolt.file("STILL.DAT", 1000), &[]);
    pair.bolt.wait_for_state(entry, "acknowledged", PATIENCE);
    fs::write(&manifest, before).unwrap();
    let refused = pair.acme.journal();
    let record = refused
        .iter()
        .find(|record| record["text"].as_str().is_some_and(|text| text.contains("transprots")));
    assert!(record.is_some(), "the journal tells of it");
}
