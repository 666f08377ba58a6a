//! Answers to commits are lost, one step after the other and then at random, under load: every file
//! arrives once, and no daemon ends.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use support::{Database, Postgres, sha256, wait_until_blocking};
use system::{Company, DatabaseProxy, Line, Loss, PATIENCE, Pair, Up, assert_each_arrived_once};

/// Steps that a load on PostgreSQL between two companies without ISDN does not see, and why.
const NOT_SWEPT: &[(&str, &str)] = &[
    ("take_dial", "ISDN: the same way, by the store's own tests"),
    ("answer_dial", "ISDN"),
    ("request_dial", "ISDN"),
    ("withdraw_dial", "ISDN"),
    ("lose_dial", "ISDN"),
    ("checkpoint", "large files that stop half-way: a repeat says the same"),
    ("resume_at", "files that are resumed: a repeat says the same"),
    ("refuse_close", "a partner that counts wrongly"),
    ("forward_request", "a session of another daemon"),
    ("release_receipt", "receipts that are held"),
    ("reject_file", "files that somebody rejects: in a test of its own"),
    ("connect_failed", "partners that cannot be reached: it leaves a mark"),
    ("set_aside", "a partner that refuses a file"),
    ("give_back", "a partner that has refused a thousand files in one session"),
    ("settle", "a session that has nothing to claim for half a second; settle_and_claim has it"),
    ("force_lease", "ends a daemon on purpose"),
    ("adopt", "not while a daemon is active; done again, it does the same"),
    ("unwrap_later", "a package that cannot be unwrapped now: a repeat says the same"),
    ("record_hindrances", "receipts that cannot be signed now: a repeat says the same"),
    ("record_failed", "a partner whose package is not what it should be: it leaves a mark"),
    ("list_fetched", "partners whose authorities publish lists: a repeat says the same"),
    ("list_unchanged", "an hour after a list was fetched: a repeat says the same"),
    ("list_not_fetched", "a list that cannot be fetched: a repeat says the same"),
    ("forget_list", "a list that nothing leads to any more: done again, it finds nothing"),
    (
        "free_gone",
        "needs a daemon that the configuration has no more; done again, it finds nothing",
    ),
];

/// Steps of a daemon's start, and of each hour: what comes by chance is not waited for either.
const AT_THE_START: [&str; 7] = [
    "take_over",
    "prune_journal",
    "prune_finished",
    "forget_partial",
    "recount_waits",
    "package_anew",
    "unwrap_now",
];

fn goes_on(step: &str) -> bool {
    !AT_THE_START.contains(&step) && !NOT_SWEPT.iter().any(|(name, _)| *name == step)
}

struct Sent {
    /// By the sender, and the files of both hot folder and command line.
    hashes: [Vec<String>; 2],
    number: u64,
}

impl Sent {
    /// Small files both ways, one by the hot folder, and three that somebody changes his mind about.
    fn burst(&mut self, pair: &Pair, files: usize) {
        for (index, (sender, receiver)) in
            [(&pair.acme, &pair.bolt), (&pair.bolt, &pair.acme)].into_iter().enumerate()
        {
            let partner = receiver.name;
            let hot = self.file(sender);
            self.hashes[index].push(sha256(&hot));
            let folder = sender.data().join("outgoing").join(partner);
            fs::create_dir_all(&folder).unwrap();
            fs::rename(&hot, folder.join(hot.file_name().unwrap())).unwrap();

            let [held, cancelled] = [self.file(sender), self.file(sender)];
            self.hashes[index].push(sha256(&held));
            let held = sender.enqueue(partner, &held, &["--hold"]);
            let cancelled = sender.enqueue(partner, &cancelled, &["--hold"]);
            sender.ok(["queue", "release", &held.to_string()]);
            sender.ok(["queue", "cancel", &cancelled.to_string()]);

            // Too large to be held until it is whole.
            let large = sender.file(&format!("LARGE.{}", self.number), 400_000 + self.number);
            self.hashes[index].push(sha256(&large));
            sender.enqueue(partner, &large, &[]);
            sender.ok(["partner", "ping", partner]);
            sender.reload();

            let small: Vec<PathBuf> = (0..files).map(|_| self.file(sender)).collect();
            self.hashes[index].extend(small.iter().map(|file| sha256(file)));
            sender.enqueue_all(partner, &small);
        }
    }

    fn file(&mut self, company: &Company) -> PathBuf {
        self.number += 1;
        company.file(&format!("FILE.{}", self.number), 1000 + self.number)
    }

    fn wait_until_acknowledged(&self, pair: &Pair) {
        for (company, hashes) in [&pair.acme, &pair.bolt].into_iter().zip(&self.hashes) {
            wait_until_blocking("every file acknowledged", PATIENCE, || {
                let queue = company.queue();
                let done = queue.iter().filter(|row| row["state"] == "acknowledged").count();
                if done == hashes.len() {
                    Ok(())
                } else {
                    Err(format!("{done} of {}", hashes.len()))
                }
            });
        }
    }
}

fn pids(pair: &Pair) -> Vec<(String, Option<u64>, Option<u64>)> {
    let both = [&pair.acme, &pair.bolt].into_iter();
    let daemons = both
        .flat_map(Company::daemons)
        .map(|row| (row["daemon"].to_string(), row["pid"].as_u64(), row["epoch"].as_u64()));
    daemons.collect()
}

/// Nothing is under way, nobody is at it, and nothing is wrong.
fn assert_settled(pair: &Pair, databases: &[&Database<'_>]) {
    for database in databases {
        for (what, sql) in [
            (
                "entries",
                "select id, state from queue_entry
                         where state not in ('acknowledged', 'cancelled')",
            ),
            ("received files", "select id, state from received_file where state <> 'delivered'"),
            ("receipts", "select id, state from receipt where state <> 'sent'"),
            ("requests", "select id, state from operator_request where state <> 'done'"),
        ] {
            wait_until_blocking(&format!("no {what} under way"), PATIENCE, || {
                let rows = database.sql(sql);
                if rows.is_empty() { Ok(()) } else { Err(rows) }
            });
        }
        let marks: usize = database.sql("select count(*) from commit_mark").parse().unwrap();
        assert!(marks < 100, "{marks} marks: they are as many as commits run at once");
    }
    for company in [&pair.acme, &pair.bolt] {
        company.ok(["check"]);
    }
}

fn proxied<'s>(
    server: &'s Postgres,
    proxy: &DatabaseProxy,
    mut pair: Pair,
) -> (Pair, [Database<'s>; 2]) {
    let databases = [server.database(), server.database()];
    let uri = |database: &Database<'_>| Some(proxy.instead_of(&database.uri(), server.port()));
    pair.acme.database = uri(&databases[0]);
    pair.bolt.database = uri(&databases[1]);
    pair.write(Line::Tcp, Line::Tcp);
    (pair, databases)
}

fn up(pair: &Pair) -> [Up; 2] {
    let up = [pair.acme.up(), pair.bolt.up()];
    pair.acme.wait_until_ready();
    pair.bolt.wait_until_ready();
    up
}

#[test]
fn whichever_commit_s_answer_is_lost_every_file_arrives_once_and_no_daemon_ends() {
    let server = support::postgres!();
    let proxy = DatabaseProxy::to(server.port());
    for step in AT_THE_START {
        proxy.lose(step, Loss::Answer);
    }
    // Secured files take every step that plain ones do, and those of packaging and unwrapping.
    let (pair, databases) = proxied(server, &proxy, Pair::secured());
    let up = up(&pair);
    let before = pids(&pair);
    let began = Instant::now();
    let mut sent = Sent { hashes: [Vec::new(), Vec::new()], number: 0 };

    // What there is, then each of it: its answer is lost, and its question.
    sent.burst(&pair, 10);
    sent.wait_until_acknowledged(&pair);
    let mut swept: BTreeMap<String, BTreeSet<Loss>> = BTreeMap::new();
    for loss in [Loss::Answer, Loss::Commit] {
        let steps: Vec<_> = proxy.seen().into_keys().filter(|step| goes_on(step)).collect();
        for step in &steps {
            proxy.lose(step, loss);
        }
        wait_until_blocking("each step met its loss", PATIENCE, || {
            sent.burst(&pair, 10);
            sent.wait_until_acknowledged(&pair);
            let waiting = proxy.waiting();
            if waiting.is_empty() { Ok(()) } else { Err(waiting.join(", ")) }
        });
    }
    // And any of them.
    for loss in [Loss::Answer, Loss::Commit] {
        proxy.lose_every(Some((7, loss)));
        sent.burst(&pair, 50);
        sent.wait_until_acknowledged(&pair);
    }
    proxy.lose_every(None);
    assert_settled(&pair, &[&databases[0], &databases[1]]);
    assert_each_arrived_once(&pair.acme, &pair.bolt, &sent.hashes[0]);
    assert_each_arrived_once(&pair.bolt, &pair.acme, &sent.hashes[1]);
    assert_eq!(pids(&pair), before, "no daemon ended");
    up.into_iter().for_each(Up::stop);

    for (step, loss) in proxy.lost() {
        swept.entry(step).or_default().insert(loss);
    }
    let files = sent.hashes.iter().map(Vec::len).sum::<usize>();
    println!(
        "steps: {}; files: {files}; commits lost: {}; files lost: none; {:.0} s",
        swept.len(),
        proxy.lost().len(),
        began.elapsed().as_secs_f64()
    );
    println!("{}", swept.keys().cloned().collect::<Vec<_>>().join(", "));
    let missing: Vec<_> = names_in_the_sources()
        .into_iter()
        .filter(|name| !swept.contains_key(name) && !NOT_SWEPT.iter().any(|(step, _)| step == name))
        .collect();
    assert!(missing.is_empty(), "neither swept nor with a reason: {missing:?}");
}

#[test]
fn a_database_that_is_killed_under_small_files_costs_no_file_and_no_daemon() {
    let server = match Postgres::start(support::Durability::Durable) {
        Ok(server) => server,
        Err(reason) => support::skip!(postgres, "{reason}"),
    };
    let databases = [server.database(), server.database()];
    let mut pair = Pair::new();
    pair.acme.database = Some(databases[0].uri());
    pair.bolt.database = Some(databases[1].uri());
    let patient = "  lease: {ttl: 30s}\n  send: {retry: {attempts: 20, first: 1s, longest: 1s}}\n";
    for company in [&mut pair.acme, &mut pair.bolt] {
        patient.clone_into(&mut company.instance_extra);
    }
    pair.write(Line::Tcp, Line::Tcp);
    let _up = up(&pair);
    let before = pids(&pair);
    let mut sent = Sent { hashes: [Vec::new(), Vec::new()], number: 0 };
    for _ in 0..3 {
        sent.burst(&pair, 150);
        // In the middle of it.
        let done = |company: &Company| {
            company.queue().iter().filter(|row| row["state"] == "acknowledged").count()
        };
        let goal = sent.hashes[0].len() - 100;
        wait_until_blocking("under way", PATIENCE, || done(&pair.acme) >= goal);
        server.crash();
        server.resume();
        sent.wait_until_acknowledged(&pair);
    }
    assert_settled(&pair, &[&databases[0], &databases[1]]);
    assert_each_arrived_once(&pair.acme, &pair.bolt, &sent.hashes[0]);
    assert_each_arrived_once(&pair.bolt, &pair.acme, &sent.hashes[1]);
    assert_eq!(pids(&pair), before, "no daemon ended");
}

#[test]
fn a_connection_that_swallows_a_commit_holds_up_nothing_for_longer_than_the_client_s_limit() {
    const LIMIT: Duration = Duration::from_secs(30);
    let server = support::postgres!();
    let proxy = DatabaseProxy::to(server.port());
    let (pair, databases) = proxied(server, &proxy, Pair::new());
    let _up = up(&pair);
    let before = pids(&pair);
    let mut sent = Sent { hashes: [Vec::new(), Vec::new()], number: 0 };
    sent.burst(&pair, 5);
    sent.wait_until_acknowledged(&pair);
    let seen = proxy.seen();
    for step in seen.keys().filter(|step| step.contains("deliver") || step.contains("receive")) {
        proxy.lose(step, Loss::Swallowed);
    }
    sent.burst(&pair, 5);
    for (company, hashes) in [&pair.acme, &pair.bolt].into_iter().zip(&sent.hashes) {
        wait_until_blocking("every file acknowledged", LIMIT, || {
            let queue = company.queue();
            queue.iter().filter(|row| row["state"] == "acknowledged").count() == hashes.len()
        });
    }
    assert!(!proxy.lost().is_empty(), "some of them came by: {seen:?}");
    assert_settled(&pair, &[&databases[0], &databases[1]]);
    assert_eq!(pids(&pair), before, "every lease lived on");
}

/// Every `const NAME` of a step.
fn names_in_the_sources() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let daemons = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../daemons");
    collect(&daemons, &mut names);
    assert!(names.len() > 20, "{names:?}");
    names
}

fn collect(folder: &Path, names: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        let name = entry.file_name();
        // What others have defined has names of its own, and no steps.
        if path.is_dir() && name != "tests" && name != "protocol" {
            collect(&path, names);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
            names.extend(code.filter_map(|line| {
                let (_, name) = line.trim().split_once("const NAME: &")?;
                Some(name.split('"').nth(1)?.to_owned())
            }));
        }
    }
}
