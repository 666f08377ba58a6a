//! One instance, one database, one volume: whatever else two manifests, two machines or a changed
//! address make of it is refused before anybody has a lease.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use support::{Database, Postgres, wait_until_blocking};
use system::{
    Company, DatabaseProxy, Line, Loss, PATIENCE, Pair, Up, assert_each_arrived_once, exit_code,
    incoming,
};

/// A second machine with the same manifests, and a data directory of its own.
fn machine_with_its_own_volume(company: &Company) -> PathBuf {
    let folder = company.directory.with_file_name(format!("{}-2", company.name));
    fs::create_dir_all(&folder).unwrap();
    for name in ["instance.yaml", "partner.yaml", "secrets.yaml"] {
        fs::copy(company.directory.join(name), folder.join(name)).unwrap();
    }
    folder
}

fn up_refused(company: &Company, folder: &Path, code: &str) -> String {
    let output = company.seon(["up", folder.to_str().unwrap(), "--standby"]);
    assert_refused(&output, code)
}

fn assert_refused(output: &Output, code: &str) -> String {
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(exit_code(output), 78, "{text}");
    assert!(text.contains(code) && text.contains("seon adopt"), "{text}");
    text
}

fn a_file_arrives(pair: &Pair, name: &str) -> String {
    let file = pair.acme.file(name, 100_000);
    let entry = pair.acme.enqueue("bolt", &file, &[]);
    pair.acme.wait_for_state(entry, "acknowledged", PATIENCE);
    support::sha256(&file)
}

#[test]
fn a_second_instance_on_the_database_of_the_first_is_refused() {
    let server = support::postgres!();
    let database = server.database();
    let mut pair = Pair::new();
    pair.bolt.database = Some(database.uri());
    pair.acme.database = Some(database.uri());
    pair.write(Line::Tls, Line::Tcp);
    let bolt = pair.bolt.up();
    pair.bolt.wait_until_ready();
    let text = up_refused(&pair.acme, &pair.acme.directory, "E-INSTANCE-NAME");
    assert!(text.contains("acme") && text.contains("bolt"), "{text}");
    // A single daemon too, also as standby, and whoever only wants to queue a file.
    let daemon = pair.acme.seon(["seonsqd", "--standby"]);
    assert_refused(&daemon, "E-INSTANCE-NAME");
    let file = pair.acme.file("FILE", 1000);
    let enqueued = pair.acme.seon(["enqueue", "--partner", "bolt", file.to_str().unwrap()]);
    assert_refused(&enqueued, "E-INSTANCE-NAME");
    // And it cannot be taken from the one that works.
    let adopted = pair.acme.seon(["adopt"]);
    let text = String::from_utf8_lossy(&adopted.stderr).into_owned();
    assert!(exit_code(&adopted) == 1 && text.contains("E-INSTANCE-ACTIVE"), "{text}");
    pair.bolt.ok(["ps"]);
    bolt.stop();
}

#[test]
fn a_second_instance_on_the_volume_of_the_first_is_refused_and_nothing_of_it_is_swept() {
    let server = support::postgres!();
    let databases = [server.database(), server.database()];
    let mut pair = Pair::new();
    pair.acme.database = Some(databases[0].uri());
    pair.bolt.database = Some(databases[1].uri());
    pair.bolt.storage = Some(pair.acme.data());
    pair.write(Line::Tls, Line::Tcp);
    let acme = pair.acme.up();
    pair.acme.wait_until_ready();
    let held = pair.acme.enqueue("bolt", &pair.acme.file("FILE", 1000), &["--hold"]);
    let payloads = fs::read_dir(pair.acme.data().join("spool/out")).unwrap().count();
    let text = up_refused(&pair.bolt, &pair.bolt.directory, "E-INSTANCE-DATABASE");
    assert!(text.contains("acme"), "{text}");
    assert_eq!(fs::read_dir(pair.acme.data().join("spool/out")).unwrap().count(), payloads);
    assert_eq!(pair.acme.state(held), "held");
    acme.stop();
}

#[test]
fn a_changed_address_of_the_database_changes_nothing_until_a_restart_and_is_refused_then() {
    let server = support::postgres!();
    let databases = [server.database(), server.database()];
    let mut pair = Pair::new();
    pair.bolt.database = Some(databases[0].uri());
    pair.write(Line::Tls, Line::Tcp);
    let (acme, bolt) = (pair.acme.up(), pair.bolt.up());
    pair.acme.wait_until_ready();
    pair.bolt.wait_until_ready();
    let before = a_file_arrives(&pair, "BEFORE.DAT");
    let secrets = pair.bolt.directory.join("secrets.yaml");
    let old = fs::read_to_string(&secrets).unwrap();
    fs::write(&secrets, old.replace(&databases[0].uri(), &databases[1].uri())).unwrap();
    // The daemons go on with what they have; a second machine that follows the new address does not
    // become active beside them.
    pair.bolt.reload();
    let meanwhile = a_file_arrives(&pair, "MEANWHILE.DAT");
    up_refused(&pair.bolt, &pair.bolt.directory, "E-INSTANCE-DATABASE");
    bolt.stop();
    up_refused(&pair.bolt, &pair.bolt.directory, "E-INSTANCE-DATABASE");
    fs::write(&secrets, old).unwrap();
    let bolt = pair.bolt.up();
    pair.bolt.wait_until_ready();
    let after = a_file_arrives(&pair, "AFTER.DAT");
    assert_each_arrived_once(&pair.acme, &pair.bolt, &[before, meanwhile, after]);
    bolt.stop();
    acme.stop();
}

#[test]
fn a_second_machine_whose_volume_is_not_shared_is_refused_and_can_be_moved_to() {
    let server = support::postgres!();
    let database = server.database();
    let mut pair = Pair::new();
    pair.bolt.database = Some(database.uri());
    pair.write(Line::Tls, Line::Tcp);
    let second = machine_with_its_own_volume(&pair.bolt);
    let (acme, bolt) = (pair.acme.up(), pair.bolt.up());
    pair.acme.wait_until_ready();
    pair.bolt.wait_until_ready();
    let before = a_file_arrives(&pair, "BEFORE.DAT");
    let text = up_refused(&pair.bolt, &second, "E-INSTANCE-VOLUME");
    assert!(text.contains("no identity"), "{text}");
    let adopt = ["adopt", "-c", second.to_str().unwrap()];
    let refused = pair.bolt.seon(adopt);
    let text = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(text.contains("E-INSTANCE-ACTIVE") && text.contains("seon"), "{text}");
    assert!(!second.join("data/spool/instance").exists(), "nothing was changed");
    assert!(pair.bolt.ok(["check", "-o", "json"]).contains("those of bolt"));
    bolt.stop();
    // A planned move: the new volume is the instance's, and the old one is refused from now on.
    pair.bolt.ok(adopt);
    let said = pair.bolt.ok(adopt);
    assert!(said.contains("already"), "{said}");
    up_refused(&pair.bolt, &pair.bolt.directory, "E-INSTANCE-VOLUME");
    let mut moved = pair.bolt.up_elsewhere(&second);
    let after = pair.acme.file("AFTER.DAT", 100_000);
    let entry = pair.acme.enqueue("bolt", &after, &[]);
    pair.acme.wait_for_state(entry, "acknowledged", PATIENCE);
    assert!(second.join("data/incoming/acme/AFTER.DAT").exists());
    assert_eq!(incoming(&pair.bolt).len(), 1, "the old one has what came before: {before}");
    moved.0.terminate();
    assert!(moved.0.wait(PATIENCE).success());
    acme.stop();
}

#[test]
fn an_instance_is_renamed_by_adopting_what_it_had() {
    let pair = Pair::new();
    pair.write(Line::Nothing, Line::Nothing);
    let bolt = pair.bolt.up();
    pair.bolt.wait_until_ready();
    bolt.stop();
    let rename = |name: &str| {
        let file = pair.bolt.directory.join(name);
        let text = fs::read_to_string(&file).unwrap();
        let text = text.replace(
            "kind: SeonInstance\nmetadata: {name: bolt}",
            "kind: SeonInstance\nmetadata: {name: nut}",
        );
        fs::write(&file, text.replace("instanceRef: {name: bolt}", "instanceRef: {name: nut}"))
            .unwrap();
    };
    rename("instance.yaml");
    rename("partner.yaml");
    up_refused(&pair.bolt, &pair.bolt.directory, "E-INSTANCE-NAME");
    let said = pair.bolt.ok(["adopt"]);
    assert!(said.contains("nut from now on") && said.contains("of bolt"), "{said}");
    let bolt = pair.bolt.up();
    pair.bolt.wait_until_ready();
    let adopted = pair.bolt.journal_of("instance_adopted");
    assert_eq!(adopted.len(), 1, "{adopted:?}");
    bolt.stop();
}

#[test]
fn what_says_that_a_file_was_placed_goes_with_its_delivery() {
    let pair = Pair::new();
    pair.write(Line::Tls, Line::Tcp);
    let (acme, bolt) = (pair.acme.up(), pair.bolt.up());
    pair.acme.wait_until_ready();
    pair.bolt.wait_until_ready();
    let sent = a_file_arrives(&pair, "FILE.DAT");
    assert_each_arrived_once(&pair.acme, &pair.bolt, &[sent]);
    wait_until_blocking("nothing of it is left in the spool", PATIENCE, || {
        fs::read_dir(pair.bolt.data().join("spool/in"))
            .unwrap()
            .flatten()
            .all(|epoch| fs::read_dir(epoch.path()).unwrap().count() == 0)
    });
    bolt.stop();
    acme.stop();
}

/// A company that was killed when a file lay in its place and the database did not know it yet, and
/// the file's entry in the sender's queue.
struct KilledAfterPlacing {
    pair: Pair,
    _acme: Up,
    _proxy: DatabaseProxy,
    placed: PathBuf,
    entry: u64,
}

impl KilledAfterPlacing {
    fn new(server: &Postgres, database: &Database<'_>) -> Self {
        let proxy = DatabaseProxy::to(server.port());
        let mut pair = Pair::new();
        pair.bolt.database = Some(proxy.instead_of(&database.uri(), server.port()));
        pair.write(Line::Tls, Line::Tcp);
        let (acme, mut bolt) = (pair.acme.up(), pair.bolt.up());
        pair.acme.wait_until_ready();
        pair.bolt.wait_until_ready();
        let daemons = ["seonrd", "seonrd_tcpip", "seonrd_tcpip_tls", "seonsqd"];
        let pids = daemons.map(|daemon| pair.bolt.pid(daemon).unwrap());
        proxy.lose("record_deliveries", Loss::Swallowed);
        let entry = pair.acme.enqueue("bolt", &pair.acme.file("FILE.DAT", 100_000), &[]);
        let placed = pair.bolt.data().join("incoming/acme/FILE.DAT");
        wait_until_blocking("the file is in its place", PATIENCE, || placed.exists());
        bolt.lose_power(&pids);
        assert_eq!(witnesses(&pair.bolt).len(), 1);
        Self { pair, _acme: acme, _proxy: proxy, placed, entry }
    }
}

/// What says that files were placed whose delivery is not recorded.
fn witnesses(company: &Company) -> Vec<PathBuf> {
    let epochs = fs::read_dir(company.data().join("spool/in")).unwrap().flatten();
    let files = epochs.flat_map(|epoch| fs::read_dir(epoch.path()).unwrap().flatten());
    let paths = files.map(|file| file.path());
    paths.filter(|path| path.extension().is_some_and(|it| it == "placed")).collect()
}

#[test]
fn a_file_that_its_reader_took_away_before_a_crash_is_delivered_and_not_waited_for() {
    let server = support::postgres!();
    let database = server.database();
    let killed = KilledAfterPlacing::new(server, &database);
    fs::remove_file(&killed.placed).unwrap();
    let bolt = killed.pair.bolt.up();
    killed.pair.acme.wait_for_state(killed.entry, "acknowledged", PATIENCE);
    assert!(!killed.placed.exists(), "and not delivered twice");
    wait_until_blocking("nothing says any more that it was placed", PATIENCE, || {
        witnesses(&killed.pair.bolt).is_empty()
    });
    bolt.stop();
}

#[test]
fn a_file_that_is_gone_and_that_nothing_speaks_for_is_not_acknowledged_and_waits_for_a_person() {
    let server = support::postgres!();
    let database = server.database();
    let killed = KilledAfterPlacing::new(server, &database);
    let (acme, bolt) = (&killed.pair.acme, &killed.pair.bolt);
    let witness = witnesses(bolt).remove(0);
    fs::remove_file(&killed.placed).unwrap();
    fs::remove_file(&witness).unwrap();
    let up = bolt.up();
    wait_until_blocking("it is said that the file is gone", PATIENCE, || {
        up.0.output().iter().any(|line| line.contains("E-SPOOL-PART-GONE"))
    });
    let checked = bolt.seon(["check"]);
    let text = String::from_utf8_lossy(&checked.stdout).into_owned();
    assert!(exit_code(&checked) == 1 && text.contains("gone from the spool"), "{text}");
    assert_eq!(acme.state(killed.entry), "sent");
    // The person who knows that it did arrive says so, as the error tells.
    fs::write(&witness, "").unwrap();
    acme.wait_for_state(killed.entry, "acknowledged", PATIENCE);
    up.stop();
}
