//! RFC 5024 section 9.11.

use oftp::command::{Command, Data, Efpa, Sfid, Sfpa};
use oftp::field::{Counts, Format, RecordLength};
use oftp::session::{Event, Request, State, UserError};

use crate::support::{Bench, check, check_ignored, check_refused, request, sfid};

macro_rules! row {
    ($event:ident: $opo:ident $opowfc:ident $clop:ident) => {
        mod $event {
            use oftp::session::State;
            const EVENT: &str = stringify!($event);
            #[test]
            fn in_opo() {
                super::$opo(State::OpenOut, EVENT);
            }
            #[test]
            fn in_opowfc() {
                super::$opowfc(State::OpenOutWaitForCredit, EVENT);
            }
            #[test]
            fn in_clop() {
                super::$clop(State::CloseOutPending, EVENT);
            }
            /// Not in the RFC's table, which has no column for them.
            #[test]
            fn in_other_states() {
                super::other_states(EVENT);
            }
        }
    };
}

//                    OPO OPOWFC CLOP
row! { f_close_file_rq: a e      u }
row! { efpa:            b b      c }
row! { efna:            b b      d }

/// With the mark of the file's end.
fn a(state: State, event: &str) {
    check(Bench::in_state(state), event, "DATA EFID", State::CloseOutPending);
}

fn b(state: State, event: &str) {
    let outputs = "ESID(R=02) F_ABORT_IND(AO=L)";
    check(Bench::in_state(state), event, outputs, State::WaitForDisconnect);
}

/// !P1; P1 follows below.
fn c(state: State, event: &str) {
    check(Bench::in_state(state), event, "F_CLOSE_FILE_CF(+,SP=Yes)", State::IdleSpeaker);
}

fn d(state: State, event: &str) {
    check(Bench::in_state(state), event, "F_CLOSE_FILE_CF(-)", State::IdleSpeaker);
}

/// Note 1: no EFID without credit. The request is kept until CDT, and so is the mark of the file's
/// end, which did not go with the last octets: the bench's user closes though some were not taken.
fn e(state: State, event: &str) {
    let mut bench = Bench::in_state(state);
    bench.apply(event).unwrap();
    assert_eq!(bench.outputs(), "");
    assert_eq!(bench.session.state(), State::OpenOutWaitForCredit);
    bench.apply("cdt").unwrap();
    assert_eq!(bench.outputs(), "DATA EFID");
    assert_eq!(bench.session.state(), State::CloseOutPending);
}

fn u(state: State, event: &str) {
    check_refused(Bench::in_state(state), event);
}

fn other_states(event: &str) {
    for state in State::ALL {
        match state {
            State::OpenOut | State::OpenOutWaitForCredit | State::CloseOutPending => {}
            State::WaitForDisconnect => check_ignored(Bench::in_state(state), event),
            _ if request(event).is_some() => u(state, event),
            State::Idle | State::WaitForConnection => {
                check_ignored(Bench::in_state(state), event);
            }
            _ => b(state, event),
        }
    }
}

#[test]
fn c_an_efpa_that_asks_for_the_direction_gets_it() {
    let mut bench = Bench::in_state(State::CloseOutPending);
    bench.gets(&Command::Efpa(Efpa { change_direction: true }));
    assert_eq!(bench.outputs(), "CD F_CLOSE_FILE_CF(+,SP=No)");
    assert_eq!(bench.session.state(), State::IdleListener);
}

#[test]
fn a_efid_counts_what_was_sent() {
    let mut bench = Bench::in_state(State::OpenOut);
    bench.session.send_data(b"hello", bench.now).unwrap();
    bench.asks(Request::CloseFile { already: Counts::default() }).unwrap();
    let said = bench.said();
    let [Command::Data(data), Command::Efid(counts)] = &said[..] else { panic!("{said:?}") };
    assert_eq!(data.sub_records, b"\x85hello", "the last sub-record ends the file");
    assert_eq!(*counts, Counts { records: 0, octets: 5 });
}

#[test]
fn a_an_empty_file_without_records_is_one_empty_record_with_its_end_flag() {
    let mut bench = Bench::in_state(State::OpenOut);
    bench.asks(Request::CloseFile { already: Counts::default() }).unwrap();
    let data = Data { sub_records: b"\x80".to_vec() };
    assert_eq!(bench.said(), [Command::Data(data), Command::Efid(Counts::default())]);
}

#[test]
fn a_after_a_restart_efid_counts_the_whole_file() {
    let mut bench = Bench::in_state(State::OpenOutPending);
    bench.gets(&Command::Sfpa(Sfpa { restart: 4 }));
    bench.session.send_data(b"the rest", bench.now).unwrap();
    let already = Counts { records: 0, octets: 4096 };
    bench.asks(Request::CloseFile { already }).unwrap();
    let said = bench.said();
    assert_eq!(said.last(), Some(&Command::Efid(Counts { records: 0, octets: 4104 })));
}

#[test]
fn a_counts_that_do_not_lie_before_the_restart_position_are_refused() {
    let mut bench = Bench::in_state(State::OpenOutPending);
    bench.gets(&Command::Sfpa(Sfpa { restart: 4 }));
    let already = Counts { records: 0, octets: 4000 };
    let error = bench.asks(Request::CloseFile { already }).unwrap_err();
    assert_eq!(error.code(), "E-OFTP-REQUEST-COUNTS");
    assert_eq!(bench.session.state(), State::OpenOut);
}

#[test]
fn a_a_file_is_closed_once() {
    let mut bench = Bench::in_state(State::OpenOutWaitForCredit);
    bench.asks(Request::CloseFile { already: Counts::default() }).unwrap();
    let error = bench.asks(Request::CloseFile { already: Counts::default() }).unwrap_err();
    assert!(matches!(error, UserError::NotNow { .. }), "{error}");
    bench.apply("cdt").unwrap();
    assert_eq!(bench.outputs(), "DATA EFID");
}

#[test]
fn a_file_being_closed_takes_no_more_data() {
    let mut bench = Bench::in_state(State::OpenOutWaitForCredit);
    bench.asks(Request::CloseFile { already: Counts::default() }).unwrap();
    assert!(!bench.session.can_send_data());
}

/// The last buffer may take the last credit; then EFID has to wait for more.
#[test]
fn a_efid_waits_when_the_last_buffer_takes_the_last_credit() {
    let mut bench = Bench::in_state(State::OpenOut);
    let noise: Vec<u8> = (0..300_u32).map(|n| n.wrapping_mul(97).to_be_bytes()[3]).collect();
    let mut sent = 0;
    while sent < noise.len() {
        sent += bench.session.send_data(&noise[sent..], bench.now).unwrap();
    }
    bench.asks(Request::CloseFile { already: Counts::default() }).unwrap();
    assert_eq!(bench.outputs(), "DATA DATA DATA");
    assert_eq!(bench.session.state(), State::OpenOutWaitForCredit);
    bench.apply("cdt").unwrap();
    assert_eq!(bench.outputs(), "EFID");
}

#[test]
fn a_a_file_that_ends_within_a_record_cannot_be_closed() {
    let record_length = RecordLength::try_from(80).unwrap();
    let fixed = Sfid { format: Format::Fixed { record_length }, ..sfid() };
    let mut bench = Bench::in_state(State::IdleSpeaker);
    bench.asks(Request::StartFile(Box::new(fixed))).unwrap();
    bench.gets(&Command::Sfpa(Sfpa { restart: 0 }));
    bench.session.send_data(&[7; 100], bench.now).unwrap();
    let error = bench.asks(Request::CloseFile { already: Counts::default() }).unwrap_err();
    assert_eq!(error.code(), "E-OFTP-REQUEST-DATA");
    assert!(error.to_string().contains("record 2"), "{error}");
}

#[test]
fn d_the_user_learns_why_the_file_was_not_taken() {
    let mut bench = Bench::in_state(State::CloseOutPending);
    bench.apply("efna").unwrap();
    let told = bench.told();
    let [Event::FileCloseRefused { reason, text }] = &told[..] else { panic!("{told:?}") };
    assert_eq!(reason.code(), "11");
    assert_eq!(text.text(), "short");
}
