//! Files that are refused, or are not what was said of them. The caller is of the test's own
//! making: a good one would not do this.

use oftp::command::Sfid;
use oftp::field::{Blocks, CipherSuite, Counts, FileReason, SecurityLevel};
use oftp::session::{Event, Request};
use support::{sha256, wait_until_blocking};
use system::{Caller, Line, PATIENCE, Pair, incoming, offer};

use crate::{bolt_alone, running};

/// Offers a file to bolt; how bolt refuses it.
fn refusal(change: impl FnOnce(&mut Sfid)) -> (FileReason, bool) {
    let (pair, _bolt) = bolt_alone();
    let mut caller = Caller::established(&pair.acme, &pair.bolt);
    let mut sfid = offer(&pair.acme, &pair.bolt, "WRONG.DAT", 1000);
    change(&mut sfid);
    caller.ask(Request::StartFile(Box::new(sfid)));
    let Event::FileRefused { reason, retry, .. } = caller.next_event() else {
        panic!("the file was not refused");
    };
    let record = wait_until_blocking("bolt journals it", PATIENCE, || {
        pair.bolt.journal_of("file_refused").pop()
    });
    assert_eq!(record["dataset_name"], "WRONG.DAT", "{record}");
    assert!(record["text"].is_string(), "a person is told why: {record}");
    // The session goes on with a file that is right.
    transfer(&mut caller, offer(&pair.acme, &pair.bolt, "RIGHT.DAT", 1000), &[7; 1000], 0);
    assert!(matches!(caller.next_event(), Event::FileCompleted { .. }));
    (reason, retry)
}

/// Sends a file from its offer to its end; `too_many` octets are announced beyond those sent.
fn transfer(caller: &mut Caller, sfid: Sfid, content: &[u8], too_many: u64) {
    caller.ask(Request::StartFile(Box::new(sfid)));
    let accepted = caller.next_event();
    assert!(matches!(accepted, Event::FileAccepted { restart: 0 }), "{accepted:?}");
    caller.send(content);
    caller.ask(Request::CloseFile { already: Counts { records: 0, octets: too_many } });
}

#[test]
fn a_file_for_somebody_else_is_refused_as_sfna_02() {
    let (reason, retry) = refusal(|sfid| sfid.file.destination = "O0013000009NOBODY".parse().unwrap());
    assert_eq!((reason.number(), retry), (2, false));
}

#[test]
fn the_sender_of_a_file_for_somebody_else_keeps_it_blocked_with_the_code() {
    let (pair, _acme, _bolt) = running(Line::Tcp, Line::Nothing, |_| {});
    let file = pair.acme.file("ASTRAY.DAT", 1000);
    let entry = pair.acme.enqueue("bolt", &file, &["--destination", "O0013000009NOBODY"]);
    pair.acme.wait_for_state(entry, "blocked", PATIENCE);
    let row = pair.acme.entry(entry);
    assert_eq!(row["error_code"], "E-FILE-SFNA-02", "{row}");
    pair.bolt.wait_for_code("E-FILE-DESTINATION");
}

#[test]
fn an_encrypted_file_is_refused_as_sfna_16_while_decryption_is_not_built() {
    let (reason, retry) = refusal(|sfid| {
        sfid.security = SecurityLevel::Encrypted;
        sfid.cipher_suite = CipherSuite::try_from(1).unwrap();
        sfid.envelope = oftp::field::Envelope::Cms;
    });
    assert_eq!((reason.number(), retry), (16, false));
}

#[test]
fn a_file_larger_than_the_disk_is_refused_as_sfna_06_to_be_tried_again() {
    // A tenth of what SFIDFSIZ can say: a petabyte, which no test machine has.
    let (reason, retry) = refusal(|sfid| sfid.size = Blocks::saturating(999_999_999_999));
    assert_eq!((reason.number(), retry), (6, true));
}

#[test]
fn a_file_larger_than_announced_is_taken_all_the_same() {
    let (pair, _bolt) = bolt_alone();
    let mut caller = Caller::established(&pair.acme, &pair.bolt);
    let content = vec![0x5A; 100_000];
    transfer(&mut caller, offer(&pair.acme, &pair.bolt, "GROWN.DAT", 1), &content, 0);
    let ended = caller.next_event();
    assert!(matches!(ended, Event::FileCompleted { .. }), "{ended:?}");
    let path = wait_until_blocking("the file delivered", PATIENCE, || {
        incoming(&pair.bolt).into_keys().next()
    });
    assert!(std::fs::read(path).unwrap() == content);
}

#[test]
fn a_file_that_is_not_as_long_as_its_end_says_is_refused_and_its_octets_discarded() {
    let (pair, _bolt) = bolt_alone();
    let mut caller = Caller::established(&pair.acme, &pair.bolt);
    let sfid = offer(&pair.acme, &pair.bolt, "SHORT.DAT", 5000);
    transfer(&mut caller, sfid.clone(), &[1; 5000], 17);
    let Event::FileCloseRefused { reason, .. } = caller.next_event() else {
        panic!("the file was not refused");
    };
    assert_eq!(reason.number(), 11, "invalid byte count");
    pair.bolt.wait_for_code("E-FILE-COUNT");
    let parts = |pair: &Pair| -> Vec<_> {
        let epochs = std::fs::read_dir(pair.bolt.data().join("spool/in")).unwrap().flatten();
        epochs
            .flat_map(|epoch| std::fs::read_dir(epoch.path()).unwrap().flatten())
            .map(|part| part.path())
            .collect()
    };
    assert_eq!(parts(&pair), Vec::<std::path::PathBuf>::new(), "the partial file is gone");
    // The same file again, whole this time, is no duplicate.
    transfer(&mut caller, sfid, &[2; 5000], 0);
    let ended = caller.next_event();
    assert!(matches!(ended, Event::FileCompleted { .. }), "{ended:?}");
    let arrived = wait_until_blocking("the file delivered", PATIENCE, || {
        incoming(&pair.bolt).into_keys().next()
    });
    assert!(std::fs::read(arrived).unwrap() == [2; 5000]);
}

#[test]
fn a_file_that_arrived_before_is_refused_as_a_duplicate_and_arrives_once() {
    let (pair, _bolt) = bolt_alone();
    let sfid = offer(&pair.acme, &pair.bolt, "AGAIN.DAT", 3000);
    let mut caller = Caller::established(&pair.acme, &pair.bolt);
    transfer(&mut caller, sfid.clone(), &[3; 3000], 0);
    assert!(matches!(caller.next_event(), Event::FileCompleted { .. }));
    caller.ask(Request::StartFile(Box::new(sfid)));
    let Event::FileRefused { reason, retry, .. } = caller.next_event() else {
        panic!("the duplicate was taken");
    };
    assert_eq!((reason.number(), retry), (13, false), "duplicate file");
    wait_until_blocking("the file delivered", PATIENCE, || !incoming(&pair.bolt).is_empty());
    assert_eq!(incoming(&pair.bolt).len(), 1);
}

#[test]
fn a_caller_that_says_nothing_holds_up_nobody() {
    let (pair, _acme, _bolt) = running(Line::Tcp, Line::Nothing, |_| {});
    let _silent: Vec<_> =
        (0..20).map(|_| std::net::TcpStream::connect(("127.0.0.1", pair.bolt.tcp)).unwrap()).collect();
    // And one that is known, has begun a file, and stops there.
    let mut slow = Caller::established(&pair.acme, &pair.bolt);
    slow.ask(Request::StartFile(Box::new(offer(&pair.acme, &pair.bolt, "SLOW.DAT", 5000))));
    assert!(matches!(slow.next_event(), Event::FileAccepted { .. }));
    let file = pair.acme.file("QUICK.DAT", 100_000);
    let entry = pair.acme.enqueue("bolt", &file, &[]);
    pair.acme.wait_for_state(entry, "acknowledged", PATIENCE);
    let arrived: Vec<_> = incoming(&pair.bolt).into_values().collect();
    assert_eq!(arrived, [sha256(&file)]);
}
