//! RFC 5024 section 9.12.

use oftp::command::{Command, Data, Efpa, Sfid, Sfna, Sfpa, Ssid};
use oftp::field::{
    BufferSize, Capability, Counts, EndSessionReason, FileReason, Format, Level, ReasonText,
    RecordLength,
};
use oftp::session::{
    AbortOrigin, Event, Framing, Request, Session, State, Terms, UserError, limits,
};
use oftp::{Quirk, Tolerance, stream};

use crate::support::{
    Bench, SECOND, check, check_ignored, check_refused, esid, ours, request, sfid, theirs, timers,
};

macro_rules! row {
    ($event:ident: $idleli:ident $idlelicd:ident $opip:ident $opi:ident $clip:ident $rtrp:ident) => {
        mod $event {
            use oftp::session::State;
            const EVENT: &str = stringify!($event);
            #[test]
            fn in_idleli() {
                super::$idleli(State::IdleListener, EVENT);
            }
            #[test]
            fn in_idlelicd() {
                super::$idlelicd(State::IdleListenerDirectionGiven, EVENT);
            }
            #[test]
            fn in_opip() {
                super::$opip(State::OpenInPending, EVENT);
            }
            #[test]
            fn in_opi() {
                super::$opi(State::OpenIn, EVENT);
            }
            #[test]
            fn in_clip() {
                super::$clip(State::CloseInPending, EVENT);
            }
            #[test]
            fn in_rtrp() {
                super::$rtrp(State::ReadyToReceivePending, EVENT);
            }
            /// Not in the RFC's table, which has no column for them.
            #[test]
            fn in_other_states() {
                super::other_states(EVENT);
            }
        }
    };
}

//                IDLELI IDLELICD OPIP OPI CLIP RTRP
row! { sfid:            a a       b    b   b    b }
row! { data:            b b       b    i   b    b }
row! { efid:            b b       b    j   b    b }
row! { f_start_file_rs: u u       h    u   u    u }
row! { f_close_file_rs: u u       u    u   k    u }
row! { cd:              c b       b    b   b    b }
row! { esid_normal:     d f       d    d   d    d }
row! { esid_error:      d d       d    d   d    d }
row! { eerp:            e e       b    b   b    b }
row! { nerp:            l l       b    b   b    b }
row! { f_rtr_rs:        u u       u    u   u    m }

/// !P1.
fn a(state: State, event: &str) {
    check(Bench::in_state(state), event, "F_START_FILE_IND", State::OpenInPending);
}

fn b(state: State, event: &str) {
    let outputs = "ESID(R=02) F_ABORT_IND(AO=L)";
    check(Bench::in_state(state), event, outputs, State::WaitForDisconnect);
}

fn c(state: State, event: &str) {
    check(Bench::in_state(state), event, "F_CD_IND", State::IdleSpeakerDirectionReceived);
}

fn d(state: State, event: &str) {
    check(Bench::in_state(state), event, "F_ABORT_IND(AO=D) N_DISC_RQ", State::Idle);
}

fn e(state: State, event: &str) {
    check(Bench::in_state(state), event, "F_EERP_IND", State::ReadyToReceivePending);
}

fn f(state: State, event: &str) {
    check(Bench::in_state(state), event, "F_RELEASE_IND N_DISC_RQ", State::Idle);
}

/// P2 & !P4 & !P5; the other predicates follow below. P5, special logic, never holds.
fn h(state: State, event: &str) {
    check(Bench::in_state(state), event, "SFPA", State::OpenIn);
}

/// !P5 & !P6 & !P7. `F_DATA_IND` is the payload.
fn i(state: State, event: &str) {
    let mut bench = Bench::in_state(state);
    bench.apply(event).unwrap();
    assert_eq!(bench.payload, b"hello");
    assert_eq!(bench.outputs(), "");
    assert_eq!(bench.session.state(), State::OpenIn);
}

fn j(state: State, event: &str) {
    check(Bench::in_state(state), event, "F_CLOSE_FILE_IND", State::CloseInPending);
}

/// P2 & !P3 & !P5; the other predicates follow below.
fn k(state: State, event: &str) {
    check(Bench::in_state(state), event, "EFPA(no CD)", State::IdleListener);
}

fn l(state: State, event: &str) {
    check(Bench::in_state(state), event, "F_NERP_IND", State::ReadyToReceivePending);
}

fn m(state: State, event: &str) {
    check(Bench::in_state(state), event, "RTR", State::IdleListener);
}

fn u(state: State, event: &str) {
    check_refused(Bench::in_state(state), event);
}

/// What a speaker, or a session without files yet, makes of a listener's events. (CD has its
/// columns in 9.10; ESID before the session is in 9.8.)
fn other_states(event: &str) {
    for state in State::ALL.into_iter().filter(|state| !state.is_listener()) {
        let is_unconnected =
            matches!(state, State::Idle | State::WaitForConnection | State::WaitForDisconnect);
        match event {
            "cd" => {}
            _ if request(event).is_some() => u(state, event),
            _ if is_unconnected => check_ignored(Bench::in_state(state), event),
            // A listener may end the session under a speaker's hands.
            "esid_normal" | "esid_error" => d(state, event),
            _ => b(state, event),
        }
    }
}

// A: P1.

fn listener(ssid: Ssid) -> Bench {
    let mut bench = Bench::in_state(State::ConnectedOnly);
    bench.gets(&Command::Ssid(ssid));
    bench.asks(Request::AcceptSession(Box::new(ours()))).unwrap();
    bench.outputs();
    bench
}

#[test]
fn a_a_restart_position_without_agreed_restart_breaks_the_protocol() {
    let mut bench = listener(Ssid { restart: false, ..theirs() });
    bench.gets(&Command::Sfid(Sfid { restart: 1, ..sfid() }));
    assert_eq!(bench.outputs(), "ESID(R=02) F_ABORT_IND(AO=L)");
}

#[test]
fn a_a_file_for_a_station_that_only_sends_breaks_the_protocol() {
    let mut bench = listener(Ssid { capability: Capability::ReceiverOnly, ..theirs() });
    bench.gets(&Command::Sfid(sfid()));
    assert_eq!(bench.outputs(), "ESID(R=02) F_ABORT_IND(AO=L)");
}

// D and F: the tolerance for those who end a session from any idle state.

#[test]
fn d_a_normal_end_from_another_idle_state_is_one_if_tolerated() {
    let tolerance = Tolerance::STRICT.with(Quirk::EarlyEndSession, true);
    let mut bench = Bench::with(Session::responder(timers(), tolerance, Framing::Stream));
    bench.session.connected(SECOND);
    bench.gets(&Command::Ssid(theirs()));
    bench.asks(Request::AcceptSession(Box::new(ours()))).unwrap();
    bench.outputs();
    bench.apply("esid_normal").unwrap();
    assert_eq!(bench.outputs(), "F_RELEASE_IND N_DISC_RQ");
}

/// A file that is not answered by EFPA is not ours, whatever the partner calls normal.
#[test]
fn d_a_normal_end_within_a_file_is_an_abort_always() {
    let mut bench = Bench::with(Session::responder(timers(), Tolerance::ALL, Framing::Stream));
    bench.session.connected(SECOND);
    bench.gets(&Command::Ssid(theirs()));
    bench.asks(Request::AcceptSession(Box::new(ours()))).unwrap();
    bench.gets(&Command::Sfid(sfid()));
    bench.asks(Request::AcceptFile { restart: 0, already: Counts::default() }).unwrap();
    bench.outputs();
    bench.apply("esid_normal").unwrap();
    assert_eq!(bench.outputs(), "F_ABORT_IND(AO=D) N_DISC_RQ");
}

#[test]
fn d_the_partner_s_reason_and_text_reach_the_user() {
    let mut bench = Bench::in_state(State::OpenIn);
    bench.gets(&esid(EndSessionReason::ResourcesNotAvailable));
    let text = ReasonText::fitting("because");
    let reason = EndSessionReason::ResourcesNotAvailable;
    assert_eq!(
        bench.told(),
        [Event::Aborted { by: AbortOrigin::Partner, reason, text }, Event::Disconnect]
    );
}

// H: P2, P4.

#[test]
fn h_a_position_beyond_the_offer_is_a_user_error() {
    let mut bench = Bench::in_state(State::OpenInPending); // offered: 4
    let already = Counts { records: 0, octets: 5 * 1024 };
    let error = bench.asks(Request::AcceptFile { restart: 5, already }).unwrap_err();
    assert_eq!(error, UserError::RestartBeyondOffer { position: 5, offered: 4 });
    assert_eq!(bench.session.state(), State::OpenInPending);
    assert_eq!(bench.outputs(), "");
}

#[test]
fn h_counts_that_do_not_lie_before_the_restart_position_are_a_user_error() {
    let mut bench = Bench::in_state(State::OpenInPending);
    let already = Counts { records: 0, octets: 4000 };
    let error = bench.asks(Request::AcceptFile { restart: 4, already }).unwrap_err();
    assert_eq!(error.code(), "E-OFTP-REQUEST-COUNTS");
    assert_eq!(bench.session.state(), State::OpenInPending);
}

/// An SFID of 2.0 with other octets at a place.
fn sfid_with(place: usize, octets: &[u8]) -> Vec<u8> {
    let mut framed = Vec::new();
    let sfid = Command::Sfid(sfid());
    stream::frame(&mut framed, |octets| sfid.encode(Level::V2_0, octets)).unwrap().unwrap();
    framed[4 + place..][..octets.len()].copy_from_slice(octets);
    framed
}

#[test]
fn a_an_offer_with_a_field_that_no_file_can_have_is_refused_and_the_session_goes_on() {
    for (place, octets, number) in [
        (1, &b"\xdcBER.DAT"[..], 1),
        (1, b" LEADING", 1),
        (30, b"20261131", 1),
        (38, b"240000", 1),
        (56, &[b' '; 25], 2),
        (81, b"_", 3),
        (106, b"X", 4),
        (106, b"F00000", 5),
        (138, b"-", 99),
        (155, b"04", 99),
        (157, b"XX", 15),
        (159, b"2", 18),
    ] {
        let mut bench = Bench::in_state(State::IdleListener);
        bench.receives(&sfid_with(place, octets));
        let told = bench.told();
        let [Event::UnfitFileOffered { reason, error }] = &told[..] else { panic!("{told:?}") };
        assert_eq!(reason.number(), number, "{error}");
        // What cannot be taken cannot be taken by mistake.
        let accept = Request::AcceptFile { restart: 0, already: Counts::default() };
        assert!(matches!(bench.asks(accept), Err(UserError::NotNow { .. })));
        let text = ReasonText::fitting(&error.to_string());
        bench.asks(Request::RefuseFile { reason: *reason, retry: false, text }).unwrap();
        assert_eq!(bench.outputs(), "SFNA");
        bench.apply("sfid").unwrap();
        assert_eq!(bench.outputs(), "F_START_FILE_IND");
    }
}

#[test]
fn a_an_offer_whose_length_is_wrong_too_ends_with_esid_07() {
    let mut unfit = sfid_with(1, b"\xdc");
    unfit.push(b'?');
    unfit[3] += 1;
    let mut bench = Bench::in_state(State::IdleListener);
    bench.receives(&unfit);
    assert_eq!(bench.outputs(), "ESID(R=07) F_ABORT_IND(AO=L)");
}

#[test]
fn a_an_offer_that_does_not_say_how_long_it_is_ends_with_esid_06() {
    let mut bench = Bench::in_state(State::IdleListener);
    bench.receives(&sfid_with(162, b"00A"));
    assert_eq!(bench.outputs(), "ESID(R=06) F_ABORT_IND(AO=L)");
}

#[test]
fn b_an_unfit_offer_is_as_much_out_of_place_as_a_fit_one() {
    let mut bench = Bench::in_state(State::OpenIn);
    bench.receives(&sfid_with(1, b"\xdc"));
    assert_eq!(bench.outputs(), "ESID(R=02) F_ABORT_IND(AO=L)");
}

#[test]
fn h_the_answer_says_where_to_go_on() {
    let mut bench = Bench::in_state(State::OpenInPending);
    let already = Counts { records: 0, octets: 3 * 1024 };
    bench.asks(Request::AcceptFile { restart: 3, already }).unwrap();
    assert_eq!(bench.said(), [Command::Sfpa(Sfpa { restart: 3 })]);
}

#[test]
fn h_a_file_is_refused_with_reason_retry_and_text() {
    let mut bench = Bench::in_state(State::OpenInPending);
    let text = ReasonText::fitting("disk full");
    let reason = FileReason::FileTooBig;
    bench.asks(Request::RefuseFile { reason, retry: true, text: text.clone() }).unwrap();
    assert_eq!(bench.said(), [Command::Sfna(Sfna { reason, retry: true, text })]);
    assert_eq!(bench.session.state(), State::IdleListener);
}

#[test]
fn h_a_partner_that_offers_for_ever_is_stopped() {
    let mut bench = Bench::in_state(State::IdleListener);
    let mut offered = 0;
    while bench.session.state() == State::IdleListener {
        bench.apply("sfid").unwrap();
        let reason = FileReason::DuplicateFile;
        let text = ReasonText::default();
        bench.asks(Request::RefuseFile { reason, retry: false, text }).unwrap();
        offered += 1;
    }
    assert_eq!(offered, limits::MAXIMUM_REFUSALS);
    let outputs = bench.outputs();
    assert!(outputs.contains("SFNA ESID(R=99)"), "{outputs}");
    assert!(outputs.ends_with("F_ABORT_IND(AO=L)"), "{outputs}");
    assert_eq!(bench.session.state(), State::WaitForDisconnect);
}

// I: P6, P7, P8.

fn data(bench: &mut Bench, sub_records: &[u8]) {
    bench.gets(&Command::Data(Data { sub_records: sub_records.to_vec() }));
}

#[test]
fn i_new_credit_goes_out_with_the_last_buffer_of_the_old() {
    let mut bench = Bench::in_state(State::OpenIn); // window: 3
    let mut said = Vec::new();
    for _ in 0..7 {
        data(&mut bench, b"\x01x");
        said.push(bench.outputs());
    }
    assert_eq!(said, ["", "", "CDT", "", "", "CDT", ""]);
    assert_eq!(bench.payload, b"xxxxxxx");
}

/// P6, credit exceeded, cannot come true: the credit is renewed in the step that uses it up, and a
/// partner that sends too fast is held by the transport's own flow control.
#[test]
fn i_the_credit_is_never_below_one() {
    let mut bench = Bench::in_state(State::OpenIn);
    for _ in 0..1000 {
        data(&mut bench, b"\x01x");
    }
    assert_eq!(bench.session.state(), State::OpenIn);
    assert_eq!(bench.payload.len(), 1000);
}

/// P8, a wrong checksum, needs special logic; a buffer whose sub-records do not fit it is what
/// comes nearest.
#[test]
fn i_a_sub_record_beyond_its_buffer_ends_with_esid_06() {
    let mut bench = Bench::in_state(State::OpenIn);
    data(&mut bench, b"\x05hell");
    assert_eq!(bench.outputs(), "ESID(R=06) F_ABORT_IND(AO=L)");
}

#[test]
fn i_a_buffer_longer_than_agreed_ends_with_esid_07() {
    let mut bench = Bench::in_state(State::OpenIn); // agreed: 128
    data(&mut bench, &[0; 127]);
    assert_eq!(bench.session.state(), State::OpenIn, "128 with the command octet");
    data(&mut bench, &[0; 128]);
    assert_eq!(bench.outputs(), "ESID(R=07) F_ABORT_IND(AO=L)");
}

#[test]
fn i_a_command_octet_that_was_not_counted_is_borne_as_far_as_we_offered() {
    let size = |octets: u32| BufferSize::try_from(octets).unwrap();
    let tolerant = Tolerance::STRICT.with(Quirk::OversizedData, true);
    for (tolerance, offered, octets, is_borne) in [
        (tolerant, 129, 129, true),
        (tolerant, 500, 129, true),
        (tolerant, 500, 130, false),
        (tolerant, 128, 129, false),
        (Tolerance::STRICT, 500, 129, false),
    ] {
        let mut bench = Bench::with(Session::responder(timers(), tolerance, Framing::Stream));
        bench.session.connected(SECOND);
        bench.gets(&Command::Ssid(Ssid { buffer_size: size(128), ..theirs() }));
        let terms = Terms { buffer_size: size(offered), ..ours() };
        bench.asks(Request::AcceptSession(Box::new(terms))).unwrap();
        bench.gets(&Command::Sfid(sfid()));
        bench.asks(Request::AcceptFile { restart: 0, already: Counts::default() }).unwrap();
        data(&mut bench, &vec![0; octets - 1]);
        assert_eq!(bench.session.state() == State::OpenIn, is_borne, "{octets} of {offered}");
    }
}

#[test]
fn i_of_a_buffer_of_blanks_no_more_comes_at_once_than_is_asked_to_be_stored() {
    let size = BufferSize::try_from(99_999).unwrap();
    let terms = Terms { buffer_size: size, compression: true, ..ours() };
    let mut session = Session::responder(timers(), Tolerance::STRICT, Framing::Packet);
    session.connected(SECOND);
    let mut bench = Bench::with(session);
    let ssid = Ssid { buffer_size: size, compression: true, ..theirs() };
    let accept = Request::AcceptFile { restart: 0, already: Counts::default() };
    let encoded = |command: Command| {
        let mut octets = Vec::new();
        command.encode(Level::V2_0, &mut octets).unwrap();
        octets
    };
    let mut payload = Vec::new();
    bench.session.receive(&encoded(Command::Ssid(ssid)), &mut payload, SECOND);
    bench.asks(Request::AcceptSession(Box::new(terms))).unwrap();
    bench.session.receive(&encoded(Command::Sfid(sfid())), &mut payload, SECOND);
    bench.asks(accept).unwrap();
    while bench.session.poll_event().is_some() {}
    // 49,999 times 63 blanks: three million octets.
    let blanks = encoded(Command::Data(Data { sub_records: b"\x7f ".repeat(49_999) }));
    let mut most = 0;
    let mut octets = 0;
    let mut next = &blanks[..];
    while !next.is_empty() || bench.session.holds_back() {
        let used = bench.session.receive(next, &mut payload, SECOND);
        next = &next[used..];
        most = most.max(payload.len());
        octets += payload.len();
        payload.clear();
    }
    assert_eq!(octets, 49_999 * 63);
    assert!(most <= limits::PAYLOAD_HIGH_WATER + limits::PAYLOAD_PIECE, "{most} at once");
    let efid = encoded(Command::Efid(Counts { records: 0, octets: 49_999 * 63 }));
    bench.session.receive(&efid, &mut payload, SECOND);
    let told = bench.session.poll_event();
    assert!(matches!(told, Some(Event::FileEnded { fault: None, .. })), "{told:?}");
}

#[test]
fn i_data_without_data_is_legal_but_not_for_ever() {
    let mut bench = Bench::in_state(State::OpenIn);
    let mut buffers = 0;
    while bench.session.state() == State::OpenIn {
        data(&mut bench, b"\0\0\0");
        buffers += 1;
    }
    assert_eq!(buffers, limits::MAXIMUM_EMPTY_DATA_BUFFERS + 1);
}

// J: what EFID announces against what came.

fn ended(format: Format, sub_records: &[u8], announced: Counts) -> (Counts, Option<FileReason>) {
    let mut bench = Bench::in_state(State::IdleListener);
    bench.gets(&Command::Sfid(Sfid { format, ..sfid() }));
    bench.asks(Request::AcceptFile { restart: 0, already: Counts::default() }).unwrap();
    data(&mut bench, sub_records);
    bench.told();
    bench.gets(&Command::Efid(announced));
    let told = bench.told();
    let [Event::FileEnded { announced: event, seen, fault }] = &told[..] else {
        panic!("{told:?}")
    };
    assert_eq!(*event, announced);
    (*seen, fault.map(|fault| fault.reason()))
}

#[test]
fn j_counts_that_match_are_no_reason_to_refuse() {
    let counts = Counts { records: 0, octets: 5 };
    assert_eq!(ended(Format::Unstructured, b"\x85hello", counts), (counts, None));
}

#[test]
fn j_fewer_octets_than_announced_are_an_invalid_byte_count() {
    let announced = Counts { records: 0, octets: 6 };
    let (seen, mismatch) = ended(Format::Text, b"\x85hello", announced);
    assert_eq!(seen.octets, 5);
    assert_eq!(mismatch, Some(FileReason::InvalidByteCount));
}

#[test]
fn j_another_number_of_records_is_an_invalid_record_count() {
    let format = Format::Variable { maximum_record_length: RecordLength::try_from(80).unwrap() };
    let (seen, mismatch) = ended(format, b"\x82ab\x83cde", Counts { records: 3, octets: 5 });
    assert_eq!(seen, Counts { records: 2, octets: 5 });
    assert_eq!(mismatch, Some(FileReason::InvalidRecordCount));
}

#[test]
fn j_records_announced_of_a_file_without_any_do_not_matter() {
    let (_, mismatch) = ended(Format::Unstructured, b"\x85hello", Counts { records: 1, octets: 5 });
    assert_eq!(mismatch, None);
}

#[test]
fn j_a_file_that_ends_within_a_record_is_to_be_refused() {
    let format = Format::Fixed { record_length: RecordLength::try_from(4).unwrap() };
    let (seen, mismatch) = ended(format, b"\x84abcd\x02ef", Counts { records: 1, octets: 6 });
    assert_eq!(seen, Counts { records: 1, octets: 6 });
    assert_eq!(mismatch, Some(FileReason::InvalidRecordCount));
}

#[test]
fn j_a_record_of_the_wrong_length_is_to_be_refused_at_the_files_end_and_the_session_goes_on() {
    let record_length = RecordLength::try_from(4).unwrap();
    let fixed = Format::Fixed { record_length };
    let variable = Format::Variable { maximum_record_length: record_length };
    for (format, sub_records) in [
        (fixed, &b"\x84abcd\x83abc\x84efgh"[..]),
        (fixed, b"\x84abcd\x02ab\x03cde\x84efgh"),
        (variable, b"\x84abcd\x85abcde\x84efgh"),
    ] {
        let announced = Counts { records: 3, octets: 11 };
        let (_, reason) = ended(format, sub_records, announced);
        assert_eq!(reason, Some(FileReason::RecordLengthNotSupported), "{sub_records:x?}");
    }
}

#[test]
fn i_of_a_file_with_an_unfit_record_nothing_is_kept_from_there_on() {
    let record_length = RecordLength::try_from(4).unwrap();
    let mut bench = Bench::in_state(State::IdleListener);
    bench.gets(&Command::Sfid(Sfid { format: Format::Fixed { record_length }, ..sfid() }));
    bench.asks(Request::AcceptFile { restart: 0, already: Counts::default() }).unwrap();
    data(&mut bench, b"\x84abcd\x83efg");
    data(&mut bench, b"\x84hijk");
    assert_eq!(bench.session.state(), State::OpenIn);
    assert_eq!(bench.payload, b"abcd");
}

#[test]
fn j_after_a_restart_the_whole_file_counts() {
    for (tolerance, octets, mismatch) in [
        (Tolerance::STRICT, 3 * 1024 + 5, None),
        (Tolerance::STRICT, 5, Some(FileReason::InvalidByteCount)),
        (Tolerance::STRICT.with(Quirk::RestartCounts, true), 5, None),
        (Tolerance::STRICT.with(Quirk::RestartCounts, true), 3 * 1024 + 5, None),
        (Tolerance::STRICT.with(Quirk::RestartCounts, true), 6, Some(FileReason::InvalidByteCount)),
    ] {
        let mut bench = Bench::with(Session::responder(timers(), tolerance, Framing::Stream));
        bench.session.connected(SECOND);
        bench.gets(&Command::Ssid(theirs()));
        bench.asks(Request::AcceptSession(Box::new(ours()))).unwrap();
        bench.gets(&Command::Sfid(Sfid { restart: 4, ..sfid() }));
        let already = Counts { records: 0, octets: 3 * 1024 };
        bench.asks(Request::AcceptFile { restart: 3, already }).unwrap();
        data(&mut bench, b"\x85hello");
        bench.told();
        bench.gets(&Command::Efid(Counts { records: 0, octets }));
        let told = bench.told();
        let [Event::FileEnded { seen, fault, .. }] = &told[..] else { panic!("{told:?}") };
        assert_eq!(seen.octets, 3 * 1024 + 5);
        assert_eq!(fault.map(|fault| fault.reason()), mismatch, "announced: {octets}");
    }
}

// K: P2, P3.

#[test]
fn k_a_close_that_asks_for_the_direction_waits_for_it() {
    let mut bench = Bench::in_state(State::CloseInPending);
    bench.asks(Request::AcceptClose { change_direction: true }).unwrap();
    assert_eq!(bench.said(), [Command::Efpa(Efpa { change_direction: true })]);
    assert_eq!(bench.session.state(), State::WaitForDirection);
}

#[test]
fn k_a_partner_that_goes_on_all_the_same_is_listened_to_if_tolerated() {
    for (is_tolerated, state) in [(true, State::OpenInPending), (false, State::WaitForDisconnect)] {
        let tolerance = Tolerance::STRICT.with(Quirk::KeptDirection, is_tolerated);
        let mut bench = Bench::with(Session::responder(timers(), tolerance, Framing::Stream));
        bench.session.connected(SECOND);
        bench.gets(&Command::Ssid(theirs()));
        bench.asks(Request::AcceptSession(Box::new(ours()))).unwrap();
        bench.gets(&Command::Sfid(sfid()));
        bench.asks(Request::AcceptFile { restart: 0, already: Counts::default() }).unwrap();
        bench.apply("efid").unwrap();
        bench.asks(Request::AcceptClose { change_direction: true }).unwrap();
        bench.apply("sfid").unwrap();
        assert_eq!(bench.session.state(), state, "tolerated: {is_tolerated}");
    }
}

#[test]
fn k_a_refused_close_leaves_the_direction_where_it_is() {
    let mut bench = Bench::in_state(State::CloseInPending);
    let reason = FileReason::InvalidByteCount;
    bench.asks(Request::RefuseClose { reason, text: ReasonText::fitting("short") }).unwrap();
    assert_eq!(bench.outputs(), "EFNA");
    assert_eq!(bench.session.state(), State::IdleListener);
}

// C: the guard against a direction that goes to and fro.

#[test]
fn c_a_direction_that_goes_to_and_fro_for_nothing_ends_the_session() {
    let mut bench = Bench::in_state(State::IdleListener);
    let mut turns = 0;
    loop {
        bench.apply("cd").unwrap();
        if bench.session.state() == State::WaitForDisconnect {
            break;
        }
        turns += 1;
        // Legal: a file that is refused, and CD.
        bench.asks(Request::StartFile(Box::new(sfid()))).unwrap();
        bench.apply("sfna").unwrap();
        bench.asks(Request::ChangeDirection).unwrap();
        bench.apply("sfid").unwrap();
        let reason = FileReason::DuplicateFile;
        let text = ReasonText::default();
        bench.asks(Request::RefuseFile { reason, retry: false, text }).unwrap();
    }
    assert_eq!(turns, limits::MAXIMUM_IDLE_TURNS);
}

#[test]
fn c_a_receipt_in_every_turn_is_something_done() {
    let mut bench = Bench::in_state(State::IdleListener);
    for _ in 0..10 * limits::MAXIMUM_IDLE_TURNS {
        bench.apply("cd").unwrap();
        bench.apply("f_eerp_rq").unwrap();
        bench.apply("rtr").unwrap();
        bench.apply("f_cd_rq").unwrap();
        bench.apply("eerp").unwrap();
        bench.apply("f_rtr_rs").unwrap();
    }
    assert_eq!(bench.session.state(), State::IdleListener);
}
