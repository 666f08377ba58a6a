//! One partner's trouble, or one file's, is not another's: deliveries, hot folders and calls go on
//! beside it.

use std::fmt::Write as _;
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use oftp::field::Counts;
use oftp::session::{Event, Request};
use support::{Identity, TemporaryDirectory, free_port, wait_until_blocking};
use system::{Caller, Company, Line, PATIENCE, Pair, offer};

/// Shorter than a partner who accepts and never speaks may take: who has to wait for one fails.
const BEFORE_LOGON_ENDS: Duration = Duration::from_secs(40);

/// For what is tried again after growing pauses.
const RECOVERY: Duration = Duration::from_mins(2);

/// A third company that calls bolt; bolt's manifests know it afterwards.
fn crank(directory: &TemporaryDirectory, bolt: &Company) -> Company {
    let crank = Company {
        name: "crank",
        odette_id: "O0013000003CRANK",
        password: "CRANKSPW".to_owned(),
        identity: Identity::self_signed("127.0.0.1"),
        is_called_by_ipv6: false,
        tcp: free_port(),
        tls: free_port(),
        directory: directory.join("crank"),
        database: None,
        storage: None,
        max_sessions: None,
        file_keys: None,
        instance_extra: "  lease: {ttl: 3s}\n".to_owned(),
        partner_extra: String::new(),
    };
    crank.write(bolt, Line::Tcp);
    // Called back with the receipts, which come when crank has nothing left to send.
    let transports = format!("  transports: [{{tcp: {{host: 127.0.0.1, port: {}}}}}]\n", crank.tcp);
    let manifests = more_partner(bolt, "crank", crank.odette_id, &crank.password, &transports);
    fs::write(bolt.directory.join("crank.yaml"), manifests).unwrap();
    crank
}

/// One more partner of a company.
fn more_partner(
    company: &Company,
    name: &str,
    odette_id: &str,
    password: &str,
    more: &str,
) -> String {
    format!(
        "---
apiVersion: v1
kind: Secret
metadata: {{name: {name}-oftp}}
stringData: {{password: {password}}}
---
apiVersion: seon.dev/v1alpha1
kind: SeonPartner
metadata: {{name: {name}}}
spec:
  instanceRef: {{name: {}}}
  identity: {{odetteId: {odette_id}, passwordSecretRef: {{name: {name}-oftp, key: password}}}}
{more}",
        company.name
    )
}

#[test]
fn files_of_one_partner_that_cannot_be_placed_do_not_hold_up_anothers() {
    let directory = TemporaryDirectory::new();
    let pair = Pair::new();
    pair.write(Line::Tcp, Line::Nothing);
    let crank = crank(&directory, &pair.bolt);
    // A file in the folder's place: nobody can make a folder there, whoever it is.
    let incoming = pair.bolt.data().join("incoming");
    fs::create_dir_all(&incoming).unwrap();
    let in_the_way = incoming.join("crank");
    fs::write(&in_the_way, "in the way").unwrap();
    let _up = [pair.acme.up(), pair.bolt.up(), crank.up()];
    for company in [&pair.acme, &pair.bolt, &crank] {
        company.wait_until_ready();
    }
    let files: Vec<_> = (0..80).map(|number| crank.file(&format!("C{number}"), 1000)).collect();
    let stuck = crank.enqueue_all("bolt", &files);
    wait_until_blocking("bolt has all of crank's files", RECOVERY, || {
        let sent = crank.queue().iter().filter(|row| row["state"] == "sent").count();
        if sent == stuck.len() { Ok(()) } else { Err(format!("{sent} are sent")) }
    });
    let files: Vec<_> = (0..3).map(|number| pair.acme.file(&format!("A{number}"), 1000)).collect();
    let entries = pair.acme.enqueue_all("bolt", &files);
    pair.acme.wait_until_acknowledged(&entries, PATIENCE);
    assert!(stuck.iter().all(|entry| crank.state(*entry) == "sent"));

    fs::remove_file(&in_the_way).unwrap();
    crank.wait_until_acknowledged(&stuck, RECOVERY);
    assert_eq!(fs::read_dir(&in_the_way).unwrap().count(), stuck.len());
    assert_eq!(fs::read_dir(incoming.join("acme")).unwrap().count(), entries.len());
}

#[test]
fn a_file_of_a_hot_folder_that_cannot_be_read_does_not_hold_up_the_others() {
    let pair = Pair::new();
    pair.write(Line::Tcp, Line::Nothing);
    let outgoing = pair.acme.data().join("outgoing/bolt");
    // What no process can read as a file, however it is privileged, where files are moved aside.
    let unreadable = outgoing.join(".taken/0198a1b2-0000-4000-8000-000000000000.BAD.DAT");
    fs::create_dir_all(&unreadable).unwrap();
    let _up = [pair.acme.up(), pair.bolt.up()];
    pair.acme.wait_until_ready();
    pair.bolt.wait_until_ready();
    fs::write(outgoing.join("GOOD.DAT"), "text").unwrap();
    wait_until_blocking("the other file is delivered", PATIENCE, || {
        pair.bolt.data().join("incoming/acme/GOOD.DAT").exists()
    });
    fs::write(outgoing.join("LATER.DAT"), "text").unwrap();
    wait_until_blocking("a later one, too", PATIENCE, || {
        pair.bolt.data().join("incoming/acme/LATER.DAT").exists()
    });
    let left: Vec<_> = fs::read_dir(outgoing.join(".taken")).unwrap().flatten().collect();
    assert!(left[0].file_name().to_str().unwrap().ends_with(".BAD.DAT"), "{left:?}");
}

#[test]
fn a_partner_that_sends_for_long_is_asked_for_its_turn_and_what_waits_for_it_goes() {
    let pair = Pair::new();
    pair.write(Line::Nothing, Line::Nothing);
    let _up = pair.bolt.up();
    pair.bolt.wait_until_ready();
    let urgent = pair.bolt.file("URGENT", 1000);
    let urgent = pair.bolt.enqueue("acme", &urgent, &["--priority", "9"]);
    pair.bolt.wait_for_state(urgent, "ready", PATIENCE);
    let mut caller = Caller::established(&pair.acme, &pair.bolt);
    let mut number = 0;
    wait_until_blocking("bolt asks for the direction", PATIENCE, || {
        number += 1;
        let name = format!("ONE-OF-MANY.{number}");
        caller.ask(Request::StartFile(Box::new(offer(&pair.acme, &pair.bolt, &name, 1000))));
        let accepted = caller.next_event();
        assert!(matches!(accepted, Event::FileAccepted { restart: 0 }), "{accepted:?}");
        caller.send(&[7; 1000]);
        caller.ask(Request::CloseFile { already: Counts::default() });
        match caller.next_event() {
            Event::FileCompleted { change_direction } => change_direction,
            other => panic!("the file was not taken: {other:?}"),
        }
    });
    // Receipts go first.
    loop {
        match caller.next_event() {
            Event::EerpReceived(_) => caller.ask(Request::ReadyToReceive),
            Event::FileOffered(sfid) => {
                break assert_eq!(sfid.file.dataset_name.as_str(), "URGENT");
            }
            other => panic!("neither receipt nor file: {other:?}"),
        }
    }
}

#[test]
fn what_was_moved_aside_before_the_queue_can_remember_is_put_where_a_person_finds_it() {
    let pair = Pair::new();
    pair.write(Line::Tcp, Line::Nothing);
    let outgoing = pair.acme.data().join("outgoing/bolt");
    // Its name says that it is of the year 2025.
    let old = "0198a1b2-0000-7000-8000-000000000000.OLD.DAT";
    fs::create_dir_all(outgoing.join(".taken")).unwrap();
    fs::write(outgoing.join(".taken").join(old), "text").unwrap();
    let _up = pair.acme.up();
    wait_until_blocking("it is set aside", PATIENCE, || {
        outgoing.join(".refused").join(old).exists()
    });
    assert_eq!(pair.acme.queue().len(), 0);
}

#[test]
fn partners_that_accept_and_never_speak_do_not_hold_up_an_urgent_one() {
    let mute = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = mute.local_addr().unwrap().port();
    let accepted: Arc<Mutex<Vec<TcpStream>>> = Arc::default();
    let connections = Arc::clone(&accepted);
    std::thread::spawn(move || {
        for connection in mute.incoming().flatten() {
            connections.lock().unwrap().push(connection);
        }
    });
    let pair = Pair::new();
    pair.write(Line::Tcp, Line::Nothing);
    let names: Vec<_> = (0..16).map(|number| format!("mute{number:02}")).collect();
    let mut manifests = String::new();
    for (number, name) in names.iter().enumerate() {
        let transports = format!("  transports: [{{tcp: {{host: 127.0.0.1, port: {port}}}}}]\n");
        let odette_id = format!("O00130001{number:02}MUTE");
        let more = more_partner(&pair.acme, name, &odette_id, "MUTESPW", &transports);
        write!(manifests, "{more}").unwrap();
    }
    fs::write(pair.acme.directory.join("mute.yaml"), manifests).unwrap();
    let _up = [pair.acme.up(), pair.bolt.up()];
    pair.acme.wait_until_ready();
    pair.bolt.wait_until_ready();
    let file = pair.acme.file("A", 1000);
    for name in &names {
        pair.acme.enqueue(name, &file, &[]);
    }
    wait_until_blocking("every mute partner is called", PATIENCE, || {
        let calls = accepted.lock().unwrap().len();
        if calls >= names.len() { Ok(()) } else { Err(format!("{calls} are")) }
    });
    let urgent = pair.acme.enqueue("bolt", &file, &["--priority", "9"]);
    pair.acme.wait_until_acknowledged(&[urgent], BEFORE_LOGON_ENDS);
}
