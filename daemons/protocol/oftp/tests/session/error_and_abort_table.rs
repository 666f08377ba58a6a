//! RFC 5024 section 9.9.

use oftp::command::Command;
use oftp::field::EndSessionReason;
use oftp::session::{AbortOrigin, Event, State, Timers};

use crate::support::{Bench, SECOND, check, check_ignored, check_refused, timers};

macro_rules! row {
    ($event:ident: $idle:ident $i_wf_nc:ident $wf_ndisc:ident $other:ident) => {
        mod $event {
            use oftp::session::State;
            const EVENT: &str = stringify!($event);
            #[test]
            fn in_idle() {
                super::$idle(State::Idle, EVENT);
            }
            #[test]
            fn in_i_wf_nc() {
                super::$i_wf_nc(State::WaitForConnection, EVENT);
            }
            #[test]
            fn in_wf_ndisc() {
                super::$wf_ndisc(State::WaitForDisconnect, EVENT);
            }
            #[test]
            fn in_other_states() {
                for state in super::other_states() {
                    super::$other(state, EVENT);
                }
            }
        }
    };
}

//                  IDLE I_WF_NC WF_NDISC Other
row! { time_out:       x x       a        b }
row! { f_abort_rq:     x a       x        c }
row! { n_rst_ind:      x x       a        d }
row! { n_disc_ind:     x e       f        g }
row! { invalid_buffer: x x       h        i }

fn other_states() -> impl Iterator<Item = State> {
    State::ALL.into_iter().filter(|state| {
        !matches!(state, State::Idle | State::WaitForConnection | State::WaitForDisconnect)
    })
}

fn a(state: State, event: &str) {
    check(Bench::in_state(state), event, "N_DISC_RQ", State::Idle);
}

/// The RFC has no ESID here; ours tells the partner why we go.
fn b(state: State, event: &str) {
    let outputs = "ESID(R=09) F_ABORT_IND(AO=L) N_DISC_RQ";
    check(Bench::in_state(state), event, outputs, State::Idle);
}

fn c(state: State, event: &str) {
    check(Bench::in_state(state), event, "N_DISC_RQ", State::Idle);
}

fn d(state: State, event: &str) {
    check(Bench::in_state(state), event, "F_ABORT_IND(AO=D) N_DISC_RQ", State::Idle);
}

fn e(state: State, event: &str) {
    check(Bench::in_state(state), event, "F_ABORT_IND(AO=D)", State::Idle);
}

fn f(state: State, event: &str) {
    check(Bench::in_state(state), event, "", State::Idle);
}

fn g(state: State, event: &str) {
    check(Bench::in_state(state), event, "F_ABORT_IND(AO=D)", State::Idle);
}

fn h(state: State, event: &str) {
    check_ignored(Bench::in_state(state), event);
}

fn i(state: State, event: &str) {
    let outputs = "ESID(R=01) F_ABORT_IND(AO=L)";
    check(Bench::in_state(state), event, outputs, State::WaitForDisconnect);
}

/// There is no timer to run out, no connection to lose; and nothing left to abort.
fn x(state: State, event: &str) {
    match event {
        "f_abort_rq" => check_refused(Bench::in_state(state), event),
        "time_out" => {
            let deadline = Bench::in_state(state).session.deadline();
            assert_eq!(deadline, None, "no timer runs in {state}");
            check_ignored(Bench::in_state(state), event);
        }
        _ => check_ignored(Bench::in_state(state), event),
    }
}

#[test]
fn a_timer_that_has_not_run_out_does_nothing() {
    for state in State::ALL {
        let mut bench = Bench::in_state(state);
        let Some(deadline) = bench.session.deadline() else {
            continue;
        };
        bench.session.time_out(deadline.saturating_sub(SECOND / 1000));
        assert_eq!(bench.outputs(), "");
        assert_eq!(bench.session.state(), state);
    }
}

#[test]
fn every_command_that_is_in_place_puts_the_timer_off() {
    let mut bench = Bench::in_state(State::IdleListener);
    bench.now += 59 * SECOND;
    bench.apply("sfid").unwrap();
    assert_eq!(bench.session.deadline(), Some(bench.now + timers().response));
}

#[test]
fn octets_that_are_no_whole_command_do_not_put_the_timer_off() {
    let mut bench = Bench::in_state(State::IdleListener);
    let before = bench.session.deadline();
    bench.now += 59 * SECOND;
    bench.receives(&[0x10, 0, 0, 5]);
    assert_eq!(bench.session.deadline(), before);
}

#[test]
fn octets_written_put_the_timer_off_while_a_file_is_sent() {
    for state in State::ALL {
        let mut bench = Bench::in_state(state);
        let before = bench.session.deadline();
        bench.now += 5 * SECOND;
        bench.session.written(bench.now);
        let is_sending =
            matches!(state, State::OpenOut | State::OpenOutWaitForCredit | State::CloseOutPending);
        let limit = match state {
            State::CloseOutPending => timers().end_file,
            _ => timers().response,
        };
        let put_off = Some(bench.now + limit);
        assert_eq!(bench.session.deadline(), if is_sending { put_off } else { before });
    }
}

#[test]
fn the_answer_to_the_end_of_a_file_may_take_longer_and_the_esid_says_how_long() {
    let mut bench = Bench::in_state(State::CloseOutPending);
    assert_eq!(bench.session.deadline(), Some(bench.now + timers().end_file));
    bench.session.time_out(bench.now + timers().end_file);
    let said = std::iter::from_fn(|| bench.session.poll_event()).find_map(|event| match event {
        Event::Aborted { text, .. } => Some(text.text().to_string()),
        _ => None,
    });
    assert_eq!(said.as_deref(), Some("nothing happened for 90 s in state CLOP"));
}

#[test]
fn a_responder_waits_by_the_partners_timers_once_it_knows_the_partner() {
    let mut bench = Bench::in_state(State::IdleListener);
    bench.session.wait_by(Timers { response: 600 * SECOND, ..timers() });
    bench.apply("sfid").unwrap();
    assert_eq!(bench.session.deadline(), Some(bench.now + 600 * SECOND));
}

#[test]
fn what_is_invalid_about_a_buffer_decides_the_esid() {
    for (octets, reason) in [
        (&b"\x10\0\0\x05?"[..], "01"), // no such command
        (b"\x10\0\0\x05D", "02"),      // no place for it
        (b"\x10\0\0\x064X", "06"),     // EFPACD is Y or N
        (b"\x10\0\0\x06RR", "07"),     // longer than CD is
        (b"\x10\0\0\x04", "07"),       // no command in it
        (b"\x11\0\0\x05R", "07"),      // no stream transmission header
        (b"\x10\xff\xff\xff", "07"),   // longer than any
    ] {
        let mut bench = Bench::in_state(State::IdleListener);
        bench.receives(octets);
        let outputs = format!("ESID(R={reason}) F_ABORT_IND(AO=L)");
        assert_eq!(bench.outputs(), outputs, "of {octets:02x?}");
        assert_eq!(bench.session.state(), State::WaitForDisconnect);
    }
}

#[test]
fn the_one_whose_connection_is_closed_learns_where_it_stood() {
    let mut bench = Bench::in_state(State::CloseOutPending);
    bench.session.disconnected(bench.now);
    let told = bench.told();
    let [Event::Aborted { by: AbortOrigin::Transport, reason, text }] = &told[..] else {
        panic!("{told:?}")
    };
    assert_eq!(*reason, EndSessionReason::Unspecified);
    assert!(text.text().contains("CLOP"), "{text}");
    assert!(bench.session.has_ended());
}

#[test]
fn what_a_session_shows_of_itself_holds_no_password() {
    let bench = Bench::in_state(State::WaitForStartSession);
    let shown = format!("{:?}", bench.session);
    assert!(shown.contains("WaitForStartSession"), "{shown}");
    assert!(!shown.contains("SECRET") && !shown.contains("83, 69, 67"), "{shown}");
}

#[test]
fn a_session_that_has_ended_does_not_begin_anew() {
    let mut bench = Bench::in_state(State::ConnectedOnly);
    bench.session.disconnected(bench.now);
    bench.told();
    bench.session.connected(bench.now);
    assert_eq!(bench.outputs(), "");
    assert_eq!(bench.session.state(), State::Idle);
}

#[test]
fn after_our_esid_whatever_comes_is_swallowed_until_the_connection_is_closed() {
    let mut bench = Bench::in_state(State::WaitForDisconnect);
    bench.gets(&Command::Cd);
    bench.receives(b"GET / HTTP/1.1\r\n\r\n");
    bench.receives(&[0; 4096]);
    assert_eq!(bench.outputs(), "");
    assert_eq!(bench.session.deadline(), Some(bench.now + timers().disconnect));
    bench.session.disconnected(bench.now);
    assert_eq!(bench.session.state(), State::Idle);
}
