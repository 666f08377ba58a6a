//! kill -9 in the middle of a file: a large one goes on where it was durable, a small one comes
//! again; each arrives whole, and once.

use std::path::PathBuf;
use std::time::Duration;

use oftp::field::Counts;
use oftp::session::{Event, Request};
use support::{sha256, wait_until_blocking, write_pseudo_random};
use system::{
    Caller, Company, DatabaseProxy, Line, Loss, PATIENCE, Pair, Standstill, Up,
    assert_each_arrived_once, incoming, kill, offer, received_files,
};

/// Large enough that a kill comes in the middle.
const SIZE: u64 = 1 << 30;

const TRANSFER: Duration = Duration::from_mins(4);

struct Transfer {
    file: PathBuf,
    entry: u64,
}

fn begin(pair: &Pair) -> Transfer {
    let file = pair.acme.directory.join("LARGE.DAT");
    write_pseudo_random(&file, SIZE, 42);
    let entry = pair.acme.enqueue("bolt", &file, &[]);
    Transfer { file, entry }
}

/// Waits until at least one position is durable and recorded at the receiver, the file not ended.
fn wait_for_the_middle(receiver: &Company) {
    wait_until_blocking("the middle of the file", PATIENCE, || {
        let daemons = receiver.daemons();
        let mut sessions = daemons.iter().filter_map(|row| row["sessions"].as_array()).flatten();
        sessions.any(|session| {
            let octets = session["file"]["octets"].as_u64().unwrap_or(0);
            octets > SIZE / 8 && octets < SIZE
        })
    });
}

fn assert_arrived(pair: &Pair, transfer: &Transfer) {
    pair.acme.wait_for_state(transfer.entry, "acknowledged", TRANSFER);
    assert_each_arrived_once(&pair.acme, &pair.bolt, &[sha256(&transfer.file)]);
}

fn assert_restarted_above_zero(up: &Up) {
    assert!(up.resumed_a_file(), "the file began again from its start");
}

#[test]
fn the_receiving_daemon_is_killed_in_the_middle_and_the_file_goes_on_where_it_was_durable() {
    let (pair, _acme, bolt) = Pair::running();
    let transfer = begin(&pair);
    wait_for_the_middle(&pair.bolt);
    kill(pair.bolt.pid("seonrd_tcpip_tls").unwrap());
    assert_arrived(&pair, &transfer);
    assert_restarted_above_zero(&bolt);
}

#[test]
fn the_sending_daemon_is_killed_in_the_middle_and_the_file_goes_on_where_it_was_durable() {
    let (pair, _acme, bolt) = Pair::running();
    let transfer = begin(&pair);
    wait_for_the_middle(&pair.bolt);
    kill(pair.acme.pid("seonsqd").unwrap());
    assert_arrived(&pair, &transfer);
    assert_restarted_above_zero(&bolt);
}

#[test]
fn every_process_of_the_receiver_is_killed_and_the_file_goes_on_after_a_new_start() {
    let (pair, _acme, mut bolt) = Pair::running();
    let transfer = begin(&pair);
    wait_for_the_middle(&pair.bolt);
    let daemons = ["seonrd", "seonrd_tcpip", "seonrd_tcpip_tls", "seonsqd"];
    let pids: Vec<_> = daemons.iter().filter_map(|name| pair.bolt.pid(name)).collect();
    bolt.lose_power(&pids);
    let bolt = pair.bolt.up();
    assert_arrived(&pair, &transfer);
    assert_restarted_above_zero(&bolt);
}

#[test]
fn the_send_queue_is_killed_while_files_are_prepared_and_each_arrives_once() {
    let server = support::postgres!();
    let proxy = DatabaseProxy::to(server.port());
    let database = server.database();
    let mut pair = Pair::new();
    pair.acme.database = Some(proxy.instead_of(&database.uri(), server.port()));
    pair.write(Line::Tls, Line::Tcp);
    let files: Vec<_> =
        (0..300).map(|number| pair.acme.file(&format!("FILE.{number}"), 1000 + number)).collect();
    let entries = pair.acme.enqueue_all("bolt", &files);
    // What comes of the first batch cannot be recorded, and nobody says so.
    proxy.lose("prepared", Loss::Swallowed);
    let (_acme, _bolt) = (pair.acme.up(), pair.bolt.up());
    wait_until_blocking("files are prepared", PATIENCE, || {
        let queue = pair.acme.queue();
        let preparing = queue.iter().filter(|row| row["state"] == "preparing").count();
        if preparing > 200 && proxy.waiting().is_empty() { Ok(()) } else { Err(preparing) }
    });
    let before = pair.acme.pid("seonsqd").unwrap();
    kill(before);
    pair.acme.wait_until_acknowledged(&entries, PATIENCE);
    assert_ne!(pair.acme.pid("seonsqd"), Some(before));
    let hashes: Vec<_> = files.iter().map(|file| sha256(file)).collect();
    assert_each_arrived_once(&pair.acme, &pair.bolt, &hashes);
    let freed = pair.acme.journal_of("orphans_recovered");
    assert!(!freed.is_empty(), "the next tenure says what it has freed");
}

/// Offers a small file to bolt, sends it, and says that this was all.
fn send_small(caller: &mut Caller, pair: &Pair, content: &[u8]) {
    let sfid = offer(&pair.acme, &pair.bolt, "SMALL.DAT", content.len() as u64);
    caller.ask(Request::StartFile(Box::new(sfid)));
    let accepted = caller.next_event();
    assert!(matches!(accepted, Event::FileAccepted { restart: 0 }), "{accepted:?}");
    caller.send(content);
    caller.ask(Request::CloseFile { already: Counts::default() });
}

#[test]
fn a_small_file_that_was_whole_and_not_recorded_when_its_receiver_was_killed_comes_again() {
    let pair = Pair::new();
    pair.write(Line::Nothing, Line::Nothing);
    let _bolt = pair.bolt.up();
    pair.bolt.wait_until_ready();
    let receiver = pair.bolt.pid("seonrd_tcpip").unwrap();
    let mut caller = Caller::established(&pair.acme, &pair.bolt);
    let standstill = Standstill::begin(&pair.bolt);
    send_small(&mut caller, &pair, &[1; 5000]);
    wait_until_blocking("the file is whole", PATIENCE, || {
        pair.bolt.parts().iter().any(|part| part.metadata().is_ok_and(|part| part.len() == 5000))
    });
    kill(receiver);
    standstill.end();
    assert_eq!(received_files(&pair.bolt), 0, "nobody was told that it is here");
    wait_until_blocking("another receiver", PATIENCE, || {
        pair.bolt.pid("seonrd_tcpip").is_some_and(|pid| pid != receiver)
    });
    pair.bolt.wait_until_ready();
    let mut caller = Caller::established(&pair.acme, &pair.bolt);
    send_small(&mut caller, &pair, &[2; 5000]);
    let ended = caller.next_event();
    assert!(matches!(ended, Event::FileCompleted { .. }), "{ended:?}");
    let path = wait_until_blocking("the file delivered", PATIENCE, || {
        incoming(&pair.bolt).into_keys().next()
    });
    assert!(std::fs::read(path).unwrap() == [2; 5000]);
}
