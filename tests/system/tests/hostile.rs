//! A partner that means harm, beside one that does not: what each attack costs the good one, printed.
//!
//! `SEON_TEST_SECONDS=600 tests/run system -- hostile` lets them go on for longer.

use std::fs;
use std::io::Write;
use std::net::{Ipv4Addr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use oftp::session::{Event, Request};
use support::{PseudoRandom, TinyDisk, sha256, wait_until_blocking};
use system::{Caller, Company, Line, Pair, Up, assert_each_arrived_once, offer, tell};

/// For all attacks together, unless somebody says otherwise.
const SECONDS: u64 = 18;

/// Where harm comes from: an address that the good partner does not have.
const ELSEWHERE: &str = "127.0.0.2";

const DISK: u64 = 256 << 20;

/// One attack, once; it is repeated for its time.
type Attack = fn(&Harm<'_>);

/// Who guesses is locked out, so that comes last.
const ATTACKS: [(&str, Attack); 6] = [
    ("nobody attacks", |_| Harm::pass(Duration::from_secs(1))),
    ("silent connections", |harm| harm.keep_silent()),
    ("noise", |harm| harm.make_noise()),
    ("announced and left", |harm| harm.announce_and_leave()),
    ("sent without end", |harm| harm.send_without_end()),
    ("passwords guessed", |harm| harm.guess()),
];

/// Who does it, and to whom.
struct Harm<'a> {
    mallory: Company,
    /// The good partner's name, and not its password.
    guesser: Company,
    bolt: &'a Company,
}

/// A partner of bolt's with a good password of its own.
fn mallory(bolt: &Company, like: Company) -> Company {
    let company = Company {
        name: "mallory",
        odette_id: "O0013000003MALLORY",
        password: "MALLORY".to_owned(),
        ..like
    };
    let manifest = format!(
        "apiVersion: seon.dev/v1alpha1
kind: SeonPartner
metadata: {{name: mallory}}
spec:
  instanceRef: {{name: {}}}
  identity:
    odetteId: {}
    passwordSecretRef: {{name: mallory-oftp, key: password}}
---
apiVersion: v1
kind: Secret
metadata: {{name: mallory-oftp}}
stringData: {{password: {}}}
",
        bolt.name, company.odette_id, company.password
    );
    fs::write(bolt.directory.join("mallory.yaml"), manifest).unwrap();
    company
}

impl Harm<'_> {
    fn guess(&self) {
        Caller::connect_from(ELSEWHERE, &self.guesser, self.bolt).next_event();
    }

    fn keep_silent(&self) {
        let open: Vec<_> = [self.bolt.tcp, self.bolt.tls]
            .repeat(100)
            .into_iter()
            .filter_map(|port| TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok())
            .collect();
        Self::pass(Duration::from_secs(1));
        drop(open);
    }

    fn make_noise(&self) {
        let noise = PseudoRandom::new(7).octets(100_000);
        for port in [self.bolt.tcp, self.bolt.tls] {
            if let Ok(mut stream) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) {
                // It may have been cut off by now.
                let _ = stream.write_all(&noise);
            }
        }
    }

    fn announce_and_leave(&self) {
        let name = format!("LEFT.{}", ambient::fresh().simple()).to_uppercase();
        if let Some((mut caller, offer)) = self.offer(&name[..26], 1_000_000) {
            caller.ask(offer);
            caller.next_event();
        }
    }

    fn send_without_end(&self) {
        if let Some((mut caller, offer)) = self.offer("ENDLESS.DAT", 1000) {
            caller.ask(offer);
            if matches!(caller.next_event(), Event::FileAccepted { .. }) {
                caller.send_until_stopped();
            }
        }
    }

    /// A session of mallory's, if it gets one, and a file to offer in it.
    fn offer(&self, name: &str, octets: u64) -> Option<(Caller, Request)> {
        let mut caller = Caller::connect_from(ELSEWHERE, &self.mallory, self.bolt);
        let is_let_in = matches!(caller.next_event(), Event::Established(_));
        let sfid = offer(&self.mallory, self.bolt, name, octets);
        is_let_in.then(|| (caller, Request::StartFile(Box::new(sfid))))
    }

    fn pass(moment: Duration) {
        let end = Instant::now() + moment;
        wait_until_blocking("a moment is over", 2 * moment, || Instant::now() >= end);
    }
}

/// What the daemons of a company take of the machine, and what they have written.
struct Cost {
    kibibytes: u64,
    descriptors: usize,
    records: usize,
    log: usize,
}

impl Cost {
    fn of(company: &Company, up: &Up) -> Self {
        let pids: Vec<_> =
            company.daemons().iter().filter_map(|daemon| daemon["pid"].as_u64()).collect();
        let private = |pid: &u64| {
            let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
            let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"))?;
            line.trim().trim_end_matches(" kB").parse::<u64>().ok()
        };
        let open = |pid: &u64| fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, Iterator::count);
        Self {
            kibibytes: pids.iter().filter_map(private).sum(),
            descriptors: pids.iter().map(open).sum(),
            records: company.journal().len(),
            log: up.0.output().iter().map(String::len).sum(),
        }
    }
}

#[test]
fn beside_a_partner_that_means_harm_every_file_of_a_good_one_arrives() {
    let seconds = std::env::var("SEON_TEST_SECONDS").ok().and_then(|text| text.parse().ok());
    let each =
        Duration::from_secs(seconds.unwrap_or(SECONDS)) / u32::try_from(ATTACKS.len()).unwrap();
    let disk = match TinyDisk::mount(DISK) {
        Ok(disk) => disk,
        Err(reason) => support::skip!(mount, "{reason}"),
    };
    let mut pair = Pair::new();
    pair.bolt.storage = Some(disk.path().join("data"));
    pair.bolt.instance_extra.push_str("  retention: {partial: {files: 10, mebibytes: 1}}\n");
    pair.write(Line::Tcp, Line::Tcp);
    let Pair { acme, bolt, .. } = Pair::new();
    let harm = Harm {
        mallory: mallory(&pair.bolt, bolt),
        guesser: Company { password: "GUESS".to_owned(), ..acme },
        bolt: &pair.bolt,
    };
    let (_acme, bolt) = (pair.acme.up(), pair.bolt.up());
    pair.acme.wait_until_ready();
    pair.bolt.wait_until_ready();

    tell(
        "attack               files  median   worst  private KiB  descriptors  records  log octets",
    );
    let mut hashes = Vec::new();
    for (name, attack) in ATTACKS {
        let is_over = AtomicBool::new(false);
        let mut times = thread::scope(|scope| {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    attack(&harm);
                }
            });
            let (end, mut times) = (Instant::now() + each, Vec::new());
            while Instant::now() < end {
                let file = pair.acme.file(&format!("GOOD.{}", hashes.len()), 10_000);
                hashes.push(sha256(&file));
                let began = Instant::now();
                pair.acme.ok(["enqueue", "--partner", "bolt", "--follow", file.to_str().unwrap()]);
                times.push(began.elapsed());
            }
            is_over.store(true, Ordering::Relaxed);
            times
        });
        times.sort_unstable();
        let Cost { kibibytes, descriptors, records, log } = Cost::of(&pair.bolt, &bolt);
        let (median, worst) = (times[times.len() / 2], times[times.len() - 1]);
        let (files, median, worst) = (times.len(), median.as_millis(), worst.as_millis());
        tell(&format!(
            "{name:<20} {files:>5} {median:>5} ms {worst:>5} ms {kibibytes:>12} {descriptors:>12} \
             {records:>8} {log:>11}"
        ));
    }
    assert_each_arrived_once(&pair.acme, &pair.bolt, &hashes);
    for kind in ["session_refused", "connect_failed", "call_failed", "file_interrupted"] {
        let records = pair.acme.journal_of(kind);
        assert!(records.is_empty(), "the good one was turned away: {records:#?}");
    }
    for daemon in pair.bolt.daemons() {
        assert_eq!(daemon["epoch"], 1, "nobody lost a lease: {daemon}");
    }
}
