//! Faults by chance: whatever happens in whatever order, every file arrives once. The seed is printed.
//!
//! `SEON_TEST_FAULTS=300 SEON_TEST_SEED=$RANDOM tests/run system -- chance` has more of them, and others.

use std::collections::BTreeMap;
use std::env;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use support::{Durability, Postgres, PseudoRandom, sha256, wait_until_blocking};
use system::{
    Break, Company, DatabaseProxy, Line, Loss, PATIENCE, Pair, Proxy, Standstill, Up, Way,
    assert_each_arrived_once, kill, tell,
};

/// So many of them, and these, unless somebody says otherwise.
const FAULTS: u64 = 10;
const SEED: u64 = 7;

/// How long what the faults have left behind may take.
const RECOVERY: Duration = Duration::from_mins(5);

/// The end of everything that is not a fault of its own: retries go on, for a day at least.
const PATIENT: &str =
    "  lease: {ttl: 3s}\n  send: {retry: {attempts: 1000, first: 1s, longest: 2s}}\n";

const DAEMONS: [&str; 4] = ["seonrd", "seonrd_tcpip", "seonrd_tcpip_tls", "seonsqd"];

/// Numbers that come again with their seed.
struct Chance(PseudoRandom);

impl Chance {
    fn below(&mut self, end: u64) -> u64 {
        let mut octets = [0; 8];
        self.0.fill(&mut octets);
        u64::from_le_bytes(octets) % end
    }

    fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        let index = self.below(choices.len() as u64);
        choices[usize::try_from(index).unwrap()]
    }
}

/// What the companies record in.
enum Recorded<'a> {
    Sqlite,
    Postgres { server: &'a Postgres, proxy: &'a DatabaseProxy },
}

/// Two companies, what stands between them, and what each has sent.
struct World<'a> {
    pair: Pair,
    up: [Option<Up>; 2],
    /// To bolt and to acme.
    lines: [Proxy; 2],
    recorded: Recorded<'a>,
    chance: Chance,
    entries: [Vec<u64>; 2],
    hashes: [Vec<String>; 2],
    happened: BTreeMap<&'static str, u64>,
}

impl World<'_> {
    fn company(&self, side: usize) -> &Company {
        [&self.pair.acme, &self.pair.bolt][side]
    }

    /// A few files from either side, most of them small.
    fn send(&mut self) {
        for side in 0..2 {
            let files: Vec<_> = (0..=self.chance.below(3))
                .map(|_| {
                    let octets = match self.chance.below(10) {
                        0 => 2_000_000 + self.chance.below(6_000_000),
                        1 => 0,
                        _ => self.chance.below(300_000),
                    };
                    let name = format!("F{}", self.hashes[side].len());
                    let file = self.company(side).file(&name, octets);
                    self.hashes[side].push(sha256(&file));
                    file
                })
                .collect();
            let partner = self.company(1 - side).name;
            let entries = self.company(side).enqueue_all(partner, &files);
            self.entries[side].extend(entries);
        }
    }

    /// One fault, and for how long it lasts.
    fn strike(&mut self) {
        let side = usize::try_from(self.chance.below(2)).unwrap();
        let name = match self.chance.below(10) {
            0..3 => self.kill_one(side),
            3 => self.freeze_one(side),
            4 => self.lose_power(side),
            5 => self.stop_in_order(side),
            6 | 7 => self.break_line(side),
            8 => self.trouble_the_database(side),
            _ => {
                self.company(side).reload();
                "manifests read again"
            }
        };
        *self.happened.entry(name).or_default() += 1;
        let moment = Duration::from_millis(self.chance.below(1500));
        let_pass(moment);
    }

    fn kill_one(&mut self, side: usize) -> &'static str {
        let daemon = self.chance.one_of(&DAEMONS);
        if let Some(pid) = self.company(side).pid(daemon) {
            kill(pid);
        }
        "a process killed"
    }

    /// For less or more than its lease lasts.
    fn freeze_one(&mut self, side: usize) -> &'static str {
        let daemon = self.chance.one_of(&DAEMONS);
        let Some(pid) = self.company(side).pid(daemon) else { return "nobody to freeze" };
        let pid = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
        let moment = Duration::from_millis(500 + self.chance.below(4500));
        // It may end by itself meanwhile: its parent may have been killed before.
        let _ = kill_process(pid, Signal::STOP);
        let_pass(moment);
        let _ = kill_process(pid, Signal::CONT);
        "a process frozen"
    }

    fn lose_power(&mut self, side: usize) -> &'static str {
        let pids: Vec<_> =
            DAEMONS.iter().filter_map(|daemon| self.company(side).pid(daemon)).collect();
        if let Some(mut up) = self.up[side].take() {
            up.lose_power(&pids);
        }
        self.up[side] = Some(self.company(side).up());
        "power lost"
    }

    fn stop_in_order(&mut self, side: usize) -> &'static str {
        if let Some(Up(mut process)) = self.up[side].take() {
            // Not always with success: its database may be away at this moment.
            process.terminate();
            process.wait(PATIENCE);
        }
        self.up[side] = Some(self.company(side).up());
        "stopped in order"
    }

    fn break_line(&mut self, side: usize) -> &'static str {
        let way = self.chance.one_of(&[Way::ToCalled, Way::ToCaller]);
        let broken = match self.chance.below(3) {
            0 => Break::After(way, self.chance.below(3_000_000)),
            // EFID, EFPA, EERP, RTR, CD.
            1 => Break::Before(way, self.chance.one_of(b"T4EPR")),
            _ => Break::After(way, self.chance.below(500)),
        };
        self.lines[side].plan(broken);
        "a line broken"
    }

    fn trouble_the_database(&mut self, side: usize) -> &'static str {
        match self.recorded {
            Recorded::Sqlite => {
                let standstill = Standstill::begin(self.company(side));
                let moment = Duration::from_millis(self.chance.below(2500));
                let_pass(moment);
                standstill.end();
                "a database that stands still"
            }
            Recorded::Postgres { server, proxy } => {
                if self.chance.below(3) == 0 {
                    server.crash();
                    server.resume();
                    return "a database crashed";
                }
                let loss = self.chance.one_of(&[Loss::Answer, Loss::Commit]);
                proxy.lose_every(Some((5, loss)));
                let moment = Duration::from_millis(self.chance.below(2500));
                let_pass(moment);
                proxy.lose_every(None);
                "answers of a database lost"
            }
        }
    }
}

/// Time in which the companies work.
fn let_pass(moment: Duration) {
    let end = Instant::now() + moment;
    wait_until_blocking("a moment is over", PATIENCE, || Instant::now() >= end);
}

fn number(variable: &str) -> Option<u64> {
    env::var(variable).ok()?.parse().ok()
}

fn faults_by_chance(recorded: Recorded<'_>, databases: [Option<String>; 2], mut pair: Pair) {
    let faults = number("SEON_TEST_FAULTS").unwrap_or(FAULTS);
    let seed = number("SEON_TEST_SEED").unwrap_or(SEED);
    let lines = [Proxy::to(pair.bolt.tcp), Proxy::to(pair.acme.tcp)];
    for (company, database) in [&mut pair.acme, &mut pair.bolt].into_iter().zip(databases) {
        company.instance_extra = String::from(PATIENT);
        company.database = database;
    }
    pair.write(Line::TcpBy(lines[0].port), Line::TcpBy(lines[1].port));
    let up = [Some(pair.acme.up()), Some(pair.bolt.up())];
    pair.acme.wait_until_ready();
    pair.bolt.wait_until_ready();
    let mut world = World {
        pair,
        up,
        lines,
        recorded,
        chance: Chance(PseudoRandom::new(seed)),
        entries: [Vec::new(), Vec::new()],
        hashes: [Vec::new(), Vec::new()],
        happened: BTreeMap::new(),
    };
    tell(&format!("{faults} faults by chance, SEON_TEST_SEED={seed}"));
    for _ in 0..faults {
        world.send();
        world.strike();
    }
    for side in 0..2 {
        world.company(side).wait_until_acknowledged(&world.entries[side], RECOVERY);
    }
    assert_each_arrived_once(&world.pair.acme, &world.pair.bolt, &world.hashes[0]);
    assert_each_arrived_once(&world.pair.bolt, &world.pair.acme, &world.hashes[1]);
    let files = world.hashes.iter().map(Vec::len).sum::<usize>();
    tell(&format!("{files} files, each there once, after {:?}", world.happened));
    for side in 0..2 {
        wait_until_blocking("nothing is wrong", RECOVERY, || {
            let check = world.company(side).seon(["check"]);
            if check.status.success() {
                Ok(())
            } else {
                Err(String::from_utf8_lossy(&check.stdout).into_owned())
            }
        });
    }
}

#[test]
fn whatever_happens_by_chance_every_file_arrives_once_on_sqlite() {
    faults_by_chance(Recorded::Sqlite, [None, None], Pair::new());
}

#[test]
fn whatever_happens_by_chance_every_secured_file_arrives_once_on_postgresql() {
    let server = match Postgres::start(Durability::Durable) {
        Ok(server) => server,
        Err(reason) => support::skip!(postgres, "{reason}"),
    };
    let proxy = DatabaseProxy::to(server.port());
    let databases = [server.database(), server.database()];
    let uris = databases.each_ref().map(|it| Some(proxy.instead_of(&it.uri(), server.port())));
    // Here every file is packaged and unwrapped on its way, too.
    faults_by_chance(Recorded::Postgres { server: &server, proxy: &proxy }, uris, Pair::secured());
}
