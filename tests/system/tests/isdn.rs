//! Two companies by ISDN. Here the daemons of their controllers are on one exchange in memory and
//! everything else is as it is; in [`capi`] all daemons are, on an exchange of CAPI.

mod capi;

use std::fs;
use std::path::PathBuf;

use support::{Process, seon_binary, sha256, wait_until_blocking};
use system::{Company, Exchange, FileKeys, Line, PATIENCE, Pair, assert_each_arrived_once};

const ACME: &str = "0221100";
const BOLT: &str = "0221200";

#[derive(Clone, Copy)]
enum Transport {
    Isdn,
    Tcp,
}
use Transport::{Isdn, Tcp};

/// Two companies on one exchange, whose other daemons are processes.
struct ByIsdn {
    pair: Pair,
    exchange: Exchange,
    _daemons: Vec<Process>,
}

impl ByIsdn {
    /// acme calls bolt by these transports; bolt only waits for calls.
    fn new(order: &[Transport], change: impl FnOnce(&mut Pair)) -> Self {
        let mut pair = Pair::new();
        for company in [&mut pair.acme, &mut pair.bolt] {
            // A daemon in this process that loses its lease would take the tests with it.
            "  lease: {ttl: 1m}\n  send: {retry: {attempts: 20, first: 1s, longest: 3s}}\n"
                .clone_into(&mut company.instance_extra);
        }
        change(&mut pair);
        pair.write(Line::Nothing, Line::Nothing);
        let tcp = format!("  - tcp: {{host: 127.0.0.1, port: {}}}\n", pair.bolt.tcp);
        let transports: String = order
            .iter()
            .map(|transport| match transport {
                Isdn => "  - isdn: {number: \"0221 200\"}\n",
                Tcp => &tcp,
            })
            .collect();
        let transports = format!("  transports:\n{transports}");
        append(&pair.acme, "partner.yaml", &transports);
        for company in [&pair.acme, &pair.bolt] {
            let controllers = "  receive:\n    capi:\n      controllers: \
                               [{number: 1, remote: {host: not-called.example}}]\n";
            replace(company, "instance.yaml", "  receive:\n", controllers);
        }
        let daemons = [&pair.acme, &pair.bolt]
            .into_iter()
            .flat_map(|company| {
                [daemon(company, &["seonrd", "--without-receivers"]), daemon(company, &["seonsqd"])]
            })
            .collect();
        Self { pair, exchange: Exchange::default(), _daemons: daemons }
    }

    fn attach_both(&self) {
        self.exchange.attach(self.pair.acme.directory.clone(), ACME);
        self.exchange.attach(self.pair.bolt.directory.clone(), BOLT);
    }

    fn files(&self, count: u64) -> Vec<PathBuf> {
        (1..=count)
            .map(|number| self.pair.acme.file(&format!("F.{number:03}"), number * 97))
            .collect()
    }

    /// Sends files from acme to bolt, and sees that each arrives once and is acknowledged.
    fn send(&self, files: &[PathBuf]) {
        let entries = self.pair.acme.enqueue_all("bolt", files);
        self.pair.acme.wait_until_acknowledged(&entries, 2 * PATIENCE);
        let hashes: Vec<_> = files.iter().map(|file| sha256(file)).collect();
        assert_each_arrived_once(&self.pair.acme, &self.pair.bolt, &hashes);
    }
}

fn daemon(company: &Company, words: &[&str]) -> Process {
    let arguments = ["-c".as_ref(), company.directory.as_os_str()];
    let words = words.iter().map(AsRef::as_ref);
    Process::start(seon_binary(), arguments.into_iter().chain(words).chain(["--standby".as_ref()]))
}

fn append(company: &Company, file: &str, text: &str) {
    let path = company.directory.join(file);
    fs::write(&path, fs::read_to_string(&path).unwrap() + text).unwrap();
}

fn replace(company: &Company, file: &str, from: &str, to: &str) {
    let path = company.directory.join(file);
    fs::write(&path, fs::read_to_string(&path).unwrap().replace(from, to)).unwrap();
}

/// What carried a company's sessions, and with whom, oldest first.
fn sessions(company: &Company) -> Vec<(String, String)> {
    system::sessions(company)
        .into_iter()
        .map(|session| (session.transport.to_string(), session.peer_address))
        .collect()
}

#[test]
fn files_and_receipts_go_by_isdn_and_the_tables_say_so() {
    let isdn = ByIsdn::new(&[Isdn], |_| ());
    isdn.attach_both();
    let mut files = isdn.files(20);
    files.push(isdn.pair.acme.file("LARGE.DAT", 3 << 20));
    isdn.send(&files);
    let daemon = isdn.pair.acme.daemon("seonrd_capi_0").unwrap();
    assert_eq!(daemon["listeners"][0]["address"], "controller 1");
    assert_eq!(daemon["listeners"][0]["ok"], true);
    let by_isdn = |company: &Company, peer: &str| {
        let sessions = sessions(company);
        assert!(!sessions.is_empty());
        assert!(sessions.iter().all(|(by, with)| by == "isdn" && with == peer), "{sessions:?}");
    };
    by_isdn(&isdn.pair.acme, BOLT);
    by_isdn(&isdn.pair.bolt, ACME);
}

#[test]
fn a_partner_that_wants_sessions_authenticated_is_called_once_more_where_ours_is_prepared_for_it() {
    let isdn = ByIsdn::new(&[Isdn], |pair| {
        for (company, authentication) in
            [(&mut pair.acme, "Prepared"), (&mut pair.bolt, "Required")]
        {
            company.file_keys = Some(FileKeys::of(company.name));
            company.partner_extra = format!("  security: {{authentication: {authentication}}}\n");
        }
    });
    isdn.attach_both();
    let files = isdn.files(3);
    isdn.send(&files);
    for company in [&isdn.pair.acme, &isdn.pair.bolt] {
        let began = company.journal_of("session_started");
        assert!(!began.is_empty());
        for record in began {
            let said = record["text"].as_str().unwrap_or_default();
            assert!(said.contains("both sides authenticated"), "{}: {record}", company.name);
        }
    }
}

#[test]
fn the_same_between_postgresql_and_sqlite() {
    let server = support::postgres!();
    let database = server.database();
    let isdn = ByIsdn::new(&[Isdn], |pair| pair.acme.database = Some(database.uri()));
    isdn.attach_both();
    isdn.send(&isdn.files(20));
}

#[test]
fn a_line_that_breaks_in_the_middle_of_a_file_costs_a_call_and_no_file() {
    let isdn = ByIsdn::new(&[Isdn], |_| ());
    isdn.exchange.break_next_call_after(40);
    isdn.attach_both();
    let file = isdn.pair.acme.file("LARGE.DAT", 4 << 20);
    isdn.send(&[file]);
    assert!(isdn.exchange.calls() >= 2);
    isdn.pair.acme.wait_for_code("E-TEST-BROKEN");
}

#[test]
fn a_partner_that_tcp_does_not_reach_is_called_by_isdn_and_by_tcp_when_it_is_back() {
    let isdn = ByIsdn::new(&[Tcp, Isdn], |_| ());
    isdn.attach_both();
    isdn.send(&isdn.files(5));
    assert!(isdn.exchange.calls() >= 1);
    let calls = isdn.exchange.calls();
    let _receiver = daemon(&isdn.pair.bolt, &["seonrd_tcpip"]);
    wait_until_blocking("bolt listens", PATIENCE, || {
        isdn.pair.bolt.daemon("seonrd_tcpip").is_some_and(|row| row["listeners"][0]["ok"] == true)
    });
    let more: Vec<_> =
        (1..=5).map(|number| isdn.pair.acme.file(&format!("MORE.{number}"), number * 89)).collect();
    let entries = isdn.pair.acme.enqueue_all("bolt", &more);
    isdn.pair.acme.wait_until_acknowledged(&entries, 2 * PATIENCE);
    assert_eq!(isdn.exchange.calls(), calls, "nothing more by ISDN");
    assert_eq!(sessions(&isdn.pair.bolt).last().unwrap().0, "tcp");
}

#[test]
fn without_a_controller_at_work_the_next_transport_is_tried() {
    let isdn = ByIsdn::new(&[Isdn, Tcp], |_| ());
    let _receiver = daemon(&isdn.pair.bolt, &["seonrd_tcpip"]);
    isdn.send(&isdn.files(5));
    assert_eq!(isdn.exchange.calls(), 0);
}

#[test]
fn a_number_that_nobody_has_is_a_failed_call_with_the_code_of_who_called() {
    let isdn = ByIsdn::new(&[Isdn], |_| ());
    isdn.exchange.attach(isdn.pair.acme.directory.clone(), ACME);
    isdn.pair.acme.enqueue("bolt", &isdn.pair.acme.file("F", 97), &[]);
    let record = isdn.pair.acme.wait_for_code("E-TEST-NUMBER");
    assert_eq!(record["kind"], "connect_failed");
}
