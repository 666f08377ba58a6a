//! All daemons as they are, on an exchange of CAPI: by a file that stands in for `/dev/capi20`, and
//! by remote CAPI.

use std::path::PathBuf;
use std::time::Duration;

use capi_sim::{Device, Exchange, Port, Remote};
use support::{TemporaryDirectory, sha256, wait_until_blocking};
use system::{
    Break, Company, Line, PATIENCE, Pair, Proxy, Up, Way, assert_each_arrived_once, kill, sessions,
};
use tokio::runtime::Runtime;

use super::{ACME, BOLT, append, replace};

/// What a large file may take.
const TRANSFER: Duration = Duration::from_mins(4);

/// How the companies reach the exchange.
#[derive(Clone, Copy)]
enum By {
    Device,
    Remote,
}

/// An exchange on which acme has controller 1, and bolt controller 2.
struct OnCapi {
    pair: Pair,
    up: [Up; 2],
    _face: Face,
    // Behind what runs on it.
    _runtime: Runtime,
}

enum Face {
    Device { _file: Device, _directory: TemporaryDirectory },
    Remote { _server: Remote },
}

impl OnCapi {
    /// Both call each other by ISDN; acme tries these transports before.
    fn new(by: By, acme_before: impl FnOnce(&Pair) -> String) -> Self {
        let runtime = Runtime::new().unwrap();
        let ports = [ACME, BOLT].map(|number| Port::with_iso_8208([number.parse().unwrap()]));
        let exchange = Exchange::new(ports);
        let (face, access) = match by {
            By::Device => {
                let directory = TemporaryDirectory::new();
                let path = directory.join("capi20");
                let access = format!("device: {{path: {}}}", path.display());
                let file = exchange.device(path).unwrap();
                (Face::Device { _file: file, _directory: directory }, access)
            }
            By::Remote => {
                let address = "127.0.0.1:0".parse().unwrap();
                let server = runtime.block_on(exchange.remote(address)).unwrap();
                let port = server.address().port();
                let access = format!("remote: {{host: 127.0.0.1, port: {port}}}");
                (Face::Remote { _server: server }, access)
            }
        };
        let pair = Pair::new();
        pair.write(Line::Nothing, Line::Nothing);
        let before = acme_before(&pair);
        for (company, before, number, partner) in
            [(&pair.acme, before.as_str(), 1, BOLT), (&pair.bolt, "", 2, ACME)]
        {
            let transports =
                format!("  transports:\n{before}  - isdn: {{number: \"{partner}\"}}\n");
            append(company, "partner.yaml", &transports);
            let controllers = format!(
                "  receive:\n    capi:\n      controllers: [{{number: {number}, {access}}}]\n"
            );
            replace(company, "instance.yaml", "  receive:\n", &controllers);
        }
        let up = [pair.acme.up(), pair.bolt.up()];
        let on_capi = Self { pair, up, _face: face, _runtime: runtime };
        for company in [&on_capi.pair.acme, &on_capi.pair.bolt] {
            on_capi.wait_until_calls_are_taken(company);
        }
        on_capi
    }

    fn daemon(&self, company: &Company) -> &'static str {
        if company.name == self.pair.acme.name { "seonrd_capi_0" } else { "seonrd_capi_1" }
    }

    fn wait_until_calls_are_taken(&self, company: &Company) {
        wait_until_blocking("the controller takes calls", PATIENCE, || {
            let row = company.daemon(self.daemon(company));
            row.is_some_and(|row| row["pid"].is_u64() && row["listeners"][0]["ok"] == true)
        });
    }

    /// Kills the daemon of a company's controller in the middle of a file from acme to bolt; the file
    /// arrives once. Whether it went on above its start.
    fn is_resumed_after_the_kill_of(&self, company: &Company) -> bool {
        const SIZE: u64 = 8 << 20;
        let Pair { acme, bolt, .. } = &self.pair;
        let file = acme.file("LARGE.DAT", SIZE);
        let entry = acme.enqueue("bolt", &file, &[]);
        wait_until_blocking("the middle of the file", PATIENCE, || {
            let row = bolt.daemon(self.daemon(bolt)).ok_or("no daemon")?;
            let octets = row["sessions"][0]["file"]["octets"].as_u64().unwrap_or(0);
            if octets > SIZE / 8 && octets < SIZE { Ok(()) } else { Err(row.to_string()) }
        });
        kill(company.pid(self.daemon(company)).unwrap());
        acme.wait_for_state(entry, "acknowledged", TRANSFER);
        assert_each_arrived_once(acme, bolt, &[sha256(&file)]);
        self.up[1].resumed_a_file()
    }
}

/// Files of which some are held until they are whole, and one is not.
fn files(company: &Company) -> Vec<PathBuf> {
    let small = (1..=5).map(|number| company.file(&format!("F.{number}"), number * 97));
    small.chain([company.file("LARGE.DAT", 1 << 20)]).collect()
}

fn send(from: &Company, to: &Company) {
    let files = files(from);
    let entries = from.enqueue_all(to.name, &files);
    from.wait_until_acknowledged(&entries, 2 * PATIENCE);
    let hashes: Vec<_> = files.iter().map(|file| sha256(file)).collect();
    assert_each_arrived_once(from, to, &hashes);
}

/// Files and their receipts go each way, by calls of each company.
fn go_each_way(by: By) {
    let on_capi = OnCapi::new(by, |_| String::new());
    let Pair { acme, bolt, .. } = &on_capi.pair;
    send(acme, bolt);
    send(bolt, acme);
    for (company, partner) in [(acme, BOLT), (bolt, ACME)] {
        let sessions = sessions(company);
        assert!(sessions.iter().all(|session| session.transport.to_string() == "isdn"));
        // Who is called hears no number, since nobody is told to show one.
        assert!(sessions.iter().any(|session| session.peer_address == partner), "{sessions:?}");
    }
}

macro_rules! needs_device {
    () => {
        if let Some(reason) = capi_sim::device::obstacle() {
            support::skip!(fuse, "{reason}");
        }
    };
}

#[test]
fn files_and_receipts_go_each_way_by_the_device() {
    needs_device!();
    go_each_way(By::Device);
}

#[test]
fn files_and_receipts_go_each_way_by_remote_capi() {
    go_each_way(By::Remote);
}

#[test]
fn the_senders_daemon_is_killed_amid_a_call_by_the_device_and_the_file_goes_on() {
    needs_device!();
    let on_capi = OnCapi::new(By::Device, |_| String::new());
    assert!(on_capi.is_resumed_after_the_kill_of(&on_capi.pair.acme), "it began again");
}

/// What it had written is not recorded before 32 MiB or ten seconds, so that it may begin again.
#[test]
fn the_receivers_daemon_is_killed_amid_a_call_by_the_device_and_the_file_arrives_once() {
    needs_device!();
    let on_capi = OnCapi::new(By::Device, |_| String::new());
    on_capi.is_resumed_after_the_kill_of(&on_capi.pair.bolt);
}

#[test]
fn the_senders_daemon_is_killed_amid_a_call_by_remote_capi_and_the_file_goes_on() {
    let on_capi = OnCapi::new(By::Remote, |_| String::new());
    assert!(on_capi.is_resumed_after_the_kill_of(&on_capi.pair.acme), "it began again");
}

#[test]
fn a_file_that_tls_loses_comes_by_isdn_from_where_it_was_and_the_next_one_by_tls_again() {
    let mut proxy = None;
    let on_capi = OnCapi::new(By::Remote, |pair| {
        let to_bolt = Proxy::to(pair.bolt.tls);
        // The first call breaks in the middle of the file, the second one before it is connected.
        to_bolt.plan(Break::After(Way::ToCalled, 2 << 20));
        to_bolt.plan(Break::After(Way::ToCalled, 0));
        let transport = format!("  - tls: {{host: 127.0.0.1, port: {}}}\n", to_bolt.port);
        proxy = Some(to_bolt);
        transport
    });
    let Pair { acme, bolt, .. } = &on_capi.pair;
    let transports = || -> Vec<_> {
        sessions(bolt).iter().map(|session| session.transport.to_string()).collect()
    };
    let mut hashes = Vec::new();
    let mut send = |name, octets| {
        let file = acme.file(name, octets);
        let entry = acme.enqueue("bolt", &file, &[]);
        acme.wait_for_state(entry, "acknowledged", TRANSFER);
        hashes.push(sha256(&file));
        assert_each_arrived_once(acme, bolt, &hashes);
    };
    send("FIRST.DAT", 6 << 20);
    assert_eq!(proxy.unwrap().planned(), 0);
    wait_until_blocking("the call is over", PATIENCE, || {
        bolt.daemon(on_capi.daemon(bolt))
            .is_some_and(|row| row["sessions"] == serde_json::json!([]))
    });
    assert_eq!(transports().last().unwrap(), "isdn");
    assert!(on_capi.up[1].resumed_a_file(), "it began again");
    send("SECOND.DAT", 1 << 20);
    assert_eq!(transports().last().unwrap(), "tls");
}
