//! Files that are refused, or are not what was said of them. The caller is of the test's own
//! making: a good one would not do this.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::time::Duration;

use oftp::command::Sfid;
use oftp::field::{Blocks, CipherSuite, Counts, FileReason, Format, SecurityLevel};
use oftp::session::{Event, Request};
use support::{sha256, wait_until_blocking};
use system::{Caller, Line, PATIENCE, Pair, incoming, offer};

use super::{bolt_alone, running};

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
    transfer(&mut caller, offer(&pair.acme, &pair.bolt, "RIGHT.DAT", 1000), &[7; 1000]);
    (reason, retry)
}

/// Sends a file from its offer to its last octet.
fn begin(caller: &mut Caller, sfid: Sfid, content: &[u8]) {
    caller.ask(Request::StartFile(Box::new(sfid)));
    let accepted = caller.next_event();
    assert!(matches!(accepted, Event::FileAccepted { restart: 0 }), "{accepted:?}");
    caller.send(content);
}

/// Sends a whole file; the partner must take it.
pub(crate) fn transfer(caller: &mut Caller, sfid: Sfid, content: &[u8]) {
    begin(caller, sfid, content);
    caller.ask(Request::CloseFile { already: Counts::default() });
    let ended = caller.next_event();
    assert!(matches!(ended, Event::FileCompleted { .. }), "{ended:?}");
}

#[test]
fn a_file_for_somebody_else_is_refused_as_sfna_02() {
    let (reason, retry) =
        refusal(|sfid| sfid.file.destination = "O0013000009NOBODY".parse().unwrap());
    assert_eq!((reason.number(), retry), (2, false));
}

#[test]
fn a_file_with_a_field_that_no_file_can_have_is_refused_and_the_next_one_comes() {
    let (pair, _bolt) = bolt_alone();
    let mut caller = Caller::established(&pair.acme, &pair.bolt);
    for (place, octets, number) in
        [(1, &b"\xdcBER.DAT"[..], 1), (38, b"240000", 1), (56, &[b' '; 25], 2), (81, b"_", 3)]
    {
        caller.offer_with(offer(&pair.acme, &pair.bolt, "WRONG.DAT", 1000), place, octets);
        let Event::FileRefused { reason, retry, .. } = caller.next_event() else {
            panic!("the file was not refused");
        };
        assert_eq!((reason.number(), retry), (number, false));
    }
    transfer(&mut caller, offer(&pair.acme, &pair.bolt, "RIGHT.DAT", 1000), &[7; 1000]);
    let records = pair.bolt.journal_of("file_refused");
    assert_eq!(records.len(), 4);
    assert!(records.iter().all(|record| record["code"] == "E-FILE-FIELD"), "{records:?}");
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
fn an_encrypted_file_is_refused_as_sfna_16_by_who_has_no_key_to_decrypt_it() {
    let (reason, retry) = refusal(|sfid| {
        sfid.security = SecurityLevel::Encrypted;
        sfid.cipher_suite = CipherSuite::try_from(4).unwrap();
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
    transfer(&mut caller, offer(&pair.acme, &pair.bolt, "GROWN.DAT", 1), &content);
    let path = wait_until_blocking("the file delivered", PATIENCE, || {
        incoming(&pair.bolt).into_keys().next()
    });
    assert!(std::fs::read(path).unwrap() == content);
}

#[test]
fn a_file_smaller_than_announced_is_taken_all_the_same() {
    let (pair, _bolt) = bolt_alone();
    let mut caller = Caller::established(&pair.acme, &pair.bolt);
    // Announced as one that is recorded at its offer, as one that is not, and then there is nothing.
    let files =
        [("LARGE.DAT", 10_000_000, 3000), ("SMALL.DAT", 90_000, 3), ("NONE.DAT", 90_000, 0)];
    for (name, announced, octets) in files {
        let content = vec![0x5A; octets];
        transfer(&mut caller, offer(&pair.acme, &pair.bolt, name, announced), &content);
        let path = pair.bolt.data().join("incoming/acme").join(name);
        let arrived = wait_until_blocking("the file delivered", PATIENCE, || {
            std::fs::read(&path).map_err(|error| error.to_string())
        });
        assert!(arrived == content, "{name}");
    }
}

#[test]
fn a_file_that_outgrows_a_small_one_is_taken_all_the_same() {
    let (pair, _bolt) = bolt_alone();
    let mut caller = Caller::established(&pair.acme, &pair.bolt);
    let content = support::PseudoRandom::new(1).octets(1_000_000);
    transfer(&mut caller, offer(&pair.acme, &pair.bolt, "GROWN.DAT", 1), &content);
    let path = wait_until_blocking("the file delivered", PATIENCE, || {
        incoming(&pair.bolt).into_keys().next()
    });
    assert!(std::fs::read(path).unwrap() == content);
}

#[test]
fn a_small_file_that_comes_in_two_sessions_at_once_is_ours_once() {
    let (pair, _bolt) = bolt_alone();
    let sfid = offer(&pair.acme, &pair.bolt, "TWICE.DAT", 3000);
    let mut callers = [(); 2].map(|()| Caller::established(&pair.acme, &pair.bolt));
    for (caller, octet) in callers.iter_mut().zip([1, 2]) {
        begin(caller, sfid.clone(), &[octet; 3000]);
    }
    let [first, second] = &mut callers;
    first.ask(Request::CloseFile { already: Counts::default() });
    let ended = first.next_event();
    assert!(matches!(ended, Event::FileCompleted { .. }), "{ended:?}");
    second.ask(Request::CloseFile { already: Counts::default() });
    let Event::FileCloseRefused { reason, .. } = second.next_event() else {
        panic!("the second one was taken, too");
    };
    assert_eq!(reason, FileReason::Unspecified, "it may be offered again");
    second.ask(Request::StartFile(Box::new(sfid)));
    let Event::FileRefused { reason, .. } = second.next_event() else {
        panic!("the duplicate was taken");
    };
    assert_eq!(reason, FileReason::DuplicateFile);
    let path = wait_until_blocking("the file delivered", PATIENCE, || {
        incoming(&pair.bolt).into_keys().next()
    });
    assert!(std::fs::read(path).unwrap() == [1; 3000]);
    assert_eq!(pair.bolt.parts(), Vec::<PathBuf>::new(), "what came second is gone");
}

#[test]
fn a_small_file_that_breaks_off_leaves_nothing_and_comes_again_from_its_start() {
    let (pair, _bolt) = bolt_alone();
    let sfid = Sfid { restart: 0, ..offer(&pair.acme, &pair.bolt, "BROKEN.DAT", 5000) };
    let mut caller = Caller::established(&pair.acme, &pair.bolt);
    begin(&mut caller, sfid.clone(), &[1; 4000]);
    drop(caller);
    pair.bolt.wait_for_code("E-SESSION-TRANSPORT");
    assert_eq!(pair.bolt.parts(), Vec::<PathBuf>::new());
    let mut caller = Caller::established(&pair.acme, &pair.bolt);
    transfer(&mut caller, sfid, &[2; 5000]);
    let path = wait_until_blocking("the file delivered", PATIENCE, || {
        incoming(&pair.bolt).into_keys().next()
    });
    assert!(std::fs::read(path).unwrap() == [2; 5000]);
}

/// Sends a file whose end lies, in this digit of EFID; the reason of EFNA. The same file is taken
/// when it comes again and all is right.
fn refused_end(format: Format, places: usize) -> u8 {
    let (pair, _bolt) = bolt_alone();
    let mut caller = Caller::established(&pair.acme, &pair.bolt);
    let sfid = Sfid { format, ..offer(&pair.acme, &pair.bolt, "SHORT.DAT", 5000) };
    begin(&mut caller, sfid.clone(), &[1; 5000]);
    caller.close_with_wrong_digit(places);
    let Event::FileCloseRefused { reason, .. } = caller.next_event() else {
        panic!("the file was not refused");
    };
    pair.bolt.wait_for_code("E-FILE-COUNT");
    assert_eq!(pair.bolt.parts(), Vec::<PathBuf>::new(), "the partial file is gone");
    transfer(&mut caller, sfid, &[2; 5000]);
    let arrived = wait_until_blocking("the file delivered", PATIENCE, || {
        incoming(&pair.bolt).into_keys().next()
    });
    assert!(std::fs::read(arrived).unwrap() == [2; 5000]);
    reason.number()
}

#[test]
fn a_file_with_other_octets_than_its_end_says_is_efna_11_and_its_octets_are_discarded() {
    assert_eq!(refused_end(Format::Unstructured, 0), 11);
}

#[test]
fn a_file_with_other_records_than_its_end_says_is_efna_10_and_its_octets_are_discarded() {
    assert_eq!(refused_end(Format::Fixed { record_length: 50.try_into().unwrap() }, 17), 10);
}

#[test]
fn a_file_with_a_record_of_the_wrong_length_is_refused_at_its_end_and_the_next_one_comes() {
    let (pair, _bolt) = bolt_alone();
    let mut caller = Caller::established(&pair.acme, &pair.bolt);
    let format = |octets: u32| Format::Fixed { record_length: octets.try_into().unwrap() };
    let wrong = Sfid { format: format(50), ..offer(&pair.acme, &pair.bolt, "WRONG.DAT", 1000) };
    // What leaves are records of 40 octets.
    caller.offer_with(Sfid { format: format(40), ..wrong }, 107, b"00050");
    let accepted = caller.next_event();
    assert!(matches!(accepted, Event::FileAccepted { restart: 0 }), "{accepted:?}");
    caller.send(&[7; 1000]);
    caller.ask(Request::CloseFile { already: Counts::default() });
    let Event::FileCloseRefused { reason, .. } = caller.next_event() else {
        panic!("the file was not refused");
    };
    assert_eq!(reason, FileReason::RecordLengthNotSupported);
    let record = pair.bolt.journal_of("file_refused").pop().unwrap();
    assert_eq!(record["code"], "E-FILE-RECORD", "{record}");
    assert_eq!(pair.bolt.parts(), Vec::<PathBuf>::new(), "what came is gone");
    transfer(&mut caller, offer(&pair.acme, &pair.bolt, "RIGHT.DAT", 1000), &[7; 1000]);
}

#[test]
fn a_file_that_arrived_before_is_refused_as_a_duplicate_and_arrives_once() {
    let (pair, _bolt) = bolt_alone();
    let sfid = offer(&pair.acme, &pair.bolt, "AGAIN.DAT", 3000);
    let mut caller = Caller::established(&pair.acme, &pair.bolt);
    transfer(&mut caller, sfid.clone(), &[3; 3000]);
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
        (0..20).map(|_| TcpStream::connect(("127.0.0.1", pair.bolt.tcp)).unwrap()).collect();
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

#[test]
fn a_caller_beyond_max_sessions_is_hung_up_on_and_comes_in_once_another_one_has_gone() {
    let mut pair = Pair::new();
    pair.bolt.max_sessions = Some(2);
    pair.write(Line::Nothing, Line::Nothing);
    let bolt = pair.bolt.up();
    pair.bolt.wait_until_ready();
    let [mut first, second] = [(); 2].map(|()| Caller::established(&pair.acme, &pair.bolt));
    let told = Caller::connect(&pair.acme, &pair.bolt).next_event();
    assert!(matches!(told, Event::Aborted { .. }), "{told:?}");
    let line = bolt.0.wait_for_line(PATIENCE, |line| line.contains("E-LISTEN-FULL"));
    assert!(line.contains("raise maxSessions"), "what to do: {line}");
    // Those who are in notice nothing.
    transfer(&mut first, offer(&pair.acme, &pair.bolt, "INSIDE.DAT", 1000), &[7; 1000]);
    drop(second);
    let mut third = wait_until_blocking("a place is free", PATIENCE, || {
        let mut caller = Caller::connect(&pair.acme, &pair.bolt);
        matches!(caller.next_event(), Event::Established(_)).then_some(caller)
    });
    transfer(&mut third, offer(&pair.acme, &pair.bolt, "LATE.DAT", 1000), &[7; 1000]);
}

#[test]
fn a_caller_that_drips_its_name_octet_by_octet_is_told_time_out_and_hung_up_on() {
    let (pair, bolt) = bolt_alone();
    let mut slow = TcpStream::connect(("127.0.0.1", pair.bolt.tcp)).unwrap();
    // The pace: an octet whenever nothing came for so long. No timer of a command sees an end of
    // it, for each octet is a sign of life.
    slow.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
    let mut said = Vec::new();
    let mut name = [0x10, 0, 0, 65].into_iter().chain(b"X5O0013000001ACME".iter().copied());
    let mut buffer = [0; 256];
    loop {
        match slow.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => said.extend_from_slice(&buffer[..read]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                // A padded field never ends.
                let _ = slow.write_all(&[name.next().unwrap_or(b' ')]);
            }
            // Hung up with an octet of ours still on its way.
            Err(error) if error.kind() == ErrorKind::ConnectionReset => break,
            Err(error) => panic!("{error}"),
        }
    }
    let told = said.windows(3).any(|octets| octets == b"F09");
    assert!(told, "ESID 09: {}", String::from_utf8_lossy(&said));
    bolt.0.wait_for_line(PATIENCE, |line| line.contains("E-SESSION-LOGON-TIMEOUT"));
}
