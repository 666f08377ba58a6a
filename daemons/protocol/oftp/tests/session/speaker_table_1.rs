//! RFC 5024 section 9.10.

use oftp::command::{Command, Sfid, Sfpa};
use oftp::field::{
    BufferSize, Capability, Counts, EndSessionReason, Level, ReasonText, SecurityLevel,
};
use oftp::session::{Event, Request, State, Terms, UserError, limits};

use crate::support::{
    Bench, SECOND, abort, check, check_ignored, check_refused, eerp, nerp, ours, request, sfid,
    theirs,
};

macro_rules! row {
    ($event:ident: $idlesp:ident $idlespcd:ident $wf_rtr:ident $wf_cd:ident $erstwfcd:ident
     $nrstwfcd:ident $sfstwfcd:ident $cdstwfcd:ident $opop:ident $opo:ident $opowfc:ident
     $wf_ndisc:ident $other:ident) => {
        mod $event {
            use oftp::session::State;
            const EVENT: &str = stringify!($event);
            #[test]
            fn in_idlesp() {
                super::$idlesp(State::IdleSpeaker, EVENT);
            }
            #[test]
            fn in_idlespcd() {
                super::$idlespcd(State::IdleSpeakerDirectionReceived, EVENT);
            }
            #[test]
            fn in_wf_rtr() {
                super::$wf_rtr(State::WaitForReadyToReceive, EVENT);
            }
            #[test]
            fn in_wf_cd() {
                super::$wf_cd(State::WaitForDirection, EVENT);
            }
            #[test]
            fn in_erstwfcd() {
                super::$erstwfcd(State::EerpStored, EVENT);
            }
            #[test]
            fn in_nrstwfcd() {
                super::$nrstwfcd(State::NerpStored, EVENT);
            }
            #[test]
            fn in_sfstwfcd() {
                super::$sfstwfcd(State::StartFileStored, EVENT);
            }
            #[test]
            fn in_cdstwfcd() {
                super::$cdstwfcd(State::DirectionStored, EVENT);
            }
            #[test]
            fn in_opop() {
                super::$opop(State::OpenOutPending, EVENT);
            }
            #[test]
            fn in_opo() {
                super::$opo(State::OpenOut, EVENT);
            }
            #[test]
            fn in_opowfc() {
                super::$opowfc(State::OpenOutWaitForCredit, EVENT);
            }
            #[test]
            fn in_wf_ndisc() {
                super::$wf_ndisc(State::WaitForDisconnect, EVENT);
            }
            #[test]
            fn in_other_states() {
                for state in super::other_states(EVENT) {
                    super::$other(state, EVENT);
                }
            }
        }
    };
}

// IDLESP IDLESPCD WF_RTR WF_CD ERSTWFCD NRSTWFCD SFSTWFCD CDSTWFCD OPOP OPO OPOWFC WF_NDISC Other
row! { f_eerp_rq:       a a w f w w  u u u u u u u }
row! { f_nerp_rq:       y y w z w w  u u u u u u u }
row! { f_start_file_rq: b b w g w w  u u u u u x u }
row! { sfpa:            c c c c c c  c c k c c s c }
row! { sfna:            c c c c c c  c c l c c s c }
row! { cd:              c c c h r z1 i j c c c s c }
row! { f_data_rq:       u u u u u u  u u u m u s u }
row! { cdt:             c c c c c c  c c c p o s c }
row! { f_cd_rq:         d u w t w w  u u u u u x u }
row! { f_rel_rq_ok:     u e u u u u  u u u u u x u }
row! { f_rel_rq_err:    q q q q q q  q q q q q s q }
row! { rtr:             c c n c c c  c c c c c s c }

/// CD in a listener's state is in the listener's table; without a connection nothing comes and
/// nothing is said.
fn other_states(event: &str) -> impl Iterator<Item = State> {
    State::ALL.into_iter().filter(move |state| {
        let is_connected = !matches!(state, State::Idle | State::WaitForConnection);
        let is_here = !state.is_speaker() || *state == State::CloseOutPending;
        let is_listener_s = event == "cd" && state.is_listener();
        let is_user_s = request(event).is_some() || event == "f_data_rq";
        is_here
            && *state != State::WaitForDisconnect
            && !is_listener_s
            && (is_connected || (is_user_s && event != "f_rel_rq_err"))
    })
}

fn a(state: State, event: &str) {
    check(Bench::in_state(state), event, "EERP", State::WaitForReadyToReceive);
}

/// !P1.
fn b(state: State, event: &str) {
    check(Bench::in_state(state), event, "SFID", State::OpenOutPending);
}

fn c(state: State, event: &str) {
    let outputs = "ESID(R=02) F_ABORT_IND(AO=L)";
    check(Bench::in_state(state), event, outputs, State::WaitForDisconnect);
}

fn d(state: State, event: &str) {
    check(Bench::in_state(state), event, "CD", State::IdleListenerDirectionGiven);
}

fn e(state: State, event: &str) {
    check(Bench::in_state(state), event, "ESID(R=00)", State::WaitForDisconnect);
}

fn f(state: State, event: &str) {
    check(Bench::in_state(state), event, "", State::EerpStored);
}

/// !P1.
fn g(state: State, event: &str) {
    check(Bench::in_state(state), event, "", State::StartFileStored);
}

/// The RFC tells its user nothing here; ours may be waiting.
fn h(state: State, event: &str) {
    check(Bench::in_state(state), event, "F_CD_IND", State::IdleSpeaker);
}

fn i(state: State, event: &str) {
    check(Bench::in_state(state), event, "SFID", State::OpenOutPending);
}

fn j(state: State, event: &str) {
    check(Bench::in_state(state), event, "CD", State::IdleListenerDirectionGiven);
}

/// !P2.
fn k(state: State, event: &str) {
    check(Bench::in_state(state), event, "F_START_FILE_CF(+)", State::OpenOut);
}

fn l(state: State, event: &str) {
    check(Bench::in_state(state), event, "F_START_FILE_CF(-)", State::IdleSpeaker);
}

/// The bench sends enough to use its credit of three up: P3.
fn m(state: State, event: &str) {
    check(Bench::in_state(state), event, "DATA DATA DATA", State::OpenOutWaitForCredit);
}

fn n(state: State, event: &str) {
    check(Bench::in_state(state), event, "F_RTR_CF", State::IdleSpeaker);
}

/// `F_DATA_CF` is [`oftp::session::Session::can_send_data`].
fn o(state: State, event: &str) {
    let mut bench = Bench::in_state(state);
    assert!(!bench.session.can_send_data());
    bench.apply(event).unwrap();
    assert_eq!(bench.outputs(), "");
    assert_eq!(bench.session.state(), State::OpenOut);
    assert!(bench.session.can_send_data());
}

fn p(state: State, event: &str) {
    c(state, event);
}

fn q(state: State, event: &str) {
    check(Bench::in_state(state), event, "ESID(R=05)", State::WaitForDisconnect);
}

fn r(state: State, event: &str) {
    check(Bench::in_state(state), event, "EERP", State::WaitForReadyToReceive);
}

/// Nothing that comes, or that a user who has not seen the end yet still sends, matters.
fn s(state: State, event: &str) {
    check_ignored(Bench::in_state(state), event);
}

fn t(state: State, event: &str) {
    check(Bench::in_state(state), event, "", State::DirectionStored);
}

fn u(state: State, event: &str) {
    check_refused(Bench::in_state(state), event);
}

/// Note 1 leaves it to the implementation; the one request that can be stored is enough.
fn w(state: State, event: &str) {
    check_refused(Bench::in_state(state), event);
}

/// An error that the RFC has no further words for; a user can make it all the same.
fn x(state: State, event: &str) {
    check_refused(Bench::in_state(state), event);
}

/// P4, special logic, never holds: action 14 does not exist here.
fn y(state: State, event: &str) {
    check(Bench::in_state(state), event, "NERP", State::WaitForReadyToReceive);
}

fn z(state: State, event: &str) {
    check(Bench::in_state(state), event, "", State::NerpStored);
}

fn z1(state: State, event: &str) {
    check(Bench::in_state(state), event, "NERP", State::WaitForReadyToReceive);
}

// A and Y: P5, signed.

#[test]
fn a_whoever_makes_the_receipt_signs_it_and_the_engine_sends_it_as_it_is() {
    let mut eerp = eerp();
    eerp.seal = Some(oftp::command::Seal { hash: vec![1; 20], signature: vec![2; 900] });
    let mut bench = Bench::in_state(State::IdleSpeaker);
    bench.asks(Request::SendEerp(Box::new(eerp.clone()))).unwrap();
    assert_eq!(bench.said(), [Command::Eerp(eerp)]);
}

#[test]
fn y_a_nerp_cannot_be_said_at_1_3_and_the_session_stays_as_it_was() {
    let mut bench = speaker(Terms { level: Level::V1_3, ..ours() });
    let error = bench.asks(Request::SendNerp(Box::new(nerp()))).unwrap_err();
    assert!(matches!(error, UserError::Encode { .. }), "{error}");
    assert_eq!(bench.session.state(), State::IdleSpeaker);
    assert_eq!(bench.outputs(), "");
}

// B and G: P1.

/// IDLESP under other terms; the partner answers at our level.
fn speaker(terms: Terms) -> Bench {
    let mut ssid = theirs();
    ssid.level = terms.level;
    let mut bench = Bench::initiator(terms);
    bench.session.connected(SECOND);
    bench.gets(&Command::Ssrm);
    bench.gets(&Command::Ssid(ssid));
    bench.outputs();
    assert_eq!(bench.session.state(), State::IdleSpeaker);
    bench
}

#[test]
fn b_a_restart_position_is_refused_if_restart_is_not_agreed() {
    let mut bench = speaker(Terms { restart: false, ..ours() });
    let sfid = Sfid { restart: 1, ..sfid() };
    let error = bench.asks(Request::StartFile(Box::new(sfid))).unwrap_err();
    assert_eq!(error, UserError::RestartNotAgreed { position: 1 });
    assert_eq!(bench.session.state(), State::IdleSpeaker);
}

#[test]
fn b_a_file_is_refused_in_a_session_that_only_receives() {
    let mut bench = speaker(Terms { capability: Capability::ReceiverOnly, ..ours() });
    let error = bench.asks(Request::StartFile(Box::new(sfid()))).unwrap_err();
    assert_eq!(error, UserError::ReceiveOnly);
}

#[test]
fn g_a_file_that_could_not_be_offered_is_not_stored() {
    let mut bench = Bench::in_state(State::WaitForDirection);
    let too_far = Sfid { restart: u64::MAX, ..sfid() };
    let error = bench.asks(Request::StartFile(Box::new(too_far))).unwrap_err();
    assert!(matches!(error, UserError::Encode { .. }), "{error}");
    assert_eq!(bench.session.state(), State::WaitForDirection);
}

// C

#[test]
fn c_the_text_names_the_command_and_the_state() {
    let mut bench = Bench::in_state(State::OpenOut);
    bench.apply("rtr").unwrap();
    let told = bench.told();
    let [Event::Aborted { text, .. }] = &told[..] else { panic!("{told:?}") };
    assert_eq!(text.text(), "RTR in state OPO");
}

// F, G, T, Z: what is stored goes out when CD comes.

#[test]
fn what_is_stored_goes_out_as_it_was_given() {
    let mut bench = Bench::in_state(State::WaitForDirection);
    bench.asks(Request::SendNerp(Box::new(nerp()))).unwrap();
    bench.apply("cd").unwrap();
    assert_eq!(bench.said(), [Command::Nerp(nerp())]);
    assert_eq!(bench.told(), []);
}

// K: P2.

#[test]
fn k_a_restart_position_beyond_the_offer_breaks_the_protocol() {
    let mut bench = Bench::in_state(State::OpenOutPending); // offered: 4
    bench.gets(&Command::Sfpa(Sfpa { restart: 5 }));
    assert_eq!(bench.outputs(), "ESID(R=02) F_ABORT_IND(AO=L)");
    assert_eq!(bench.session.state(), State::WaitForDisconnect);
}

#[test]
fn k_any_position_up_to_the_offer_is_the_partner_s_choice() {
    for restart in 0..=4 {
        let mut bench = Bench::in_state(State::OpenOutPending);
        bench.gets(&Command::Sfpa(Sfpa { restart }));
        assert_eq!(bench.told(), [Event::FileAccepted { restart }]);
        assert_eq!(bench.session.state(), State::OpenOut);
    }
}

// M: !P3.

#[test]
fn m_with_credit_left_more_data_may_be_sent() {
    let mut bench = Bench::in_state(State::OpenOut);
    let taken = bench.session.send_data(&[7; 200], bench.now).unwrap();
    assert_eq!(bench.outputs(), "DATA");
    assert_eq!(taken, 200, "what does not fill a buffer is held");
    assert_eq!(bench.session.state(), State::OpenOut);
    assert!(bench.session.can_send_data());
}

#[test]
fn m_data_stops_where_the_credit_ends_and_goes_on_with_new_credit() {
    let mut bench = Bench::in_state(State::OpenOut);
    let file: Vec<u8> = (0..2000_u32).map(|n| n.to_be_bytes()[3]).collect();
    let mut sent = bench.session.send_data(&file, bench.now).unwrap();
    assert_eq!(bench.outputs(), "DATA DATA DATA");
    assert!(sent < file.len());
    let mut windows = 1;
    while sent < file.len() {
        assert_eq!(bench.session.state(), State::OpenOutWaitForCredit);
        bench.apply("cdt").unwrap();
        sent += bench.session.send_data(&file[sent..], bench.now).unwrap();
        windows += 1;
    }
    assert!(windows >= 5, "three buffers of at most 125 octets a window");
}

#[test]
fn m_data_stops_where_too_much_waits_to_be_written() {
    let terms = Terms { buffer_size: BufferSize::MAXIMUM, credit: oftp::Credit::MAXIMUM, ..ours() };
    let mut bench = Bench::initiator(terms);
    bench.session.connected(SECOND);
    bench.gets(&Command::Ssrm);
    let mut ssid = theirs();
    ssid.buffer_size = BufferSize::MAXIMUM;
    ssid.credit = oftp::Credit::MAXIMUM;
    bench.gets(&Command::Ssid(ssid));
    bench.asks(Request::StartFile(Box::new(sfid()))).unwrap();
    bench.gets(&Command::Sfpa(Sfpa { restart: 0 }));
    bench.outputs();
    let file = vec![7; 4 << 20];
    let mut sent = bench.session.send_data(&file, bench.now).unwrap();
    assert!(!bench.session.can_send_data());
    let deadline = bench.session.deadline();
    bench.now += SECOND;
    assert_eq!(bench.session.send_data(&file[sent..], bench.now), Ok(0));
    assert_eq!(bench.session.deadline(), deadline, "asking for more is no sign of life");
    let waiting = bench.session.transmit().len();
    let most = limits::TRANSMIT_HIGH_WATER + 100_003;
    assert!((limits::TRANSMIT_HIGH_WATER..most).contains(&waiting), "{waiting}");
    bench.session.transmit().clear();
    assert!(bench.session.can_send_data());
    sent += bench.session.send_data(&file[sent..], bench.now).unwrap();
    assert!(sent > waiting);
}

// P: the early CDT of some products.

#[test]
fn p_early_credit_is_taken_if_tolerated() {
    let mut bench = tolerant();
    bench.session.send_data(&[7; 300], bench.now).unwrap();
    assert_eq!(bench.outputs(), "DATA DATA");
    bench.apply("cdt").unwrap();
    assert_eq!(bench.outputs(), "");
    bench.session.send_data(&[7; 1000], bench.now).unwrap();
    assert_eq!(bench.outputs(), "DATA DATA DATA", "the whole window again");
    assert_eq!(bench.session.state(), State::OpenOutWaitForCredit);
}

#[test]
fn p_credit_that_crosses_our_efid_is_taken_if_tolerated() {
    let mut bench = tolerant();
    bench.asks(Request::CloseFile { already: Counts::default() }).unwrap();
    assert_eq!(bench.outputs(), "DATA EFID");
    bench.apply("cdt").unwrap();
    assert_eq!(bench.outputs(), "");
    assert_eq!(bench.session.state(), State::CloseOutPending);
}

/// As [`Bench::in_state`] for OPO, with all tolerance.
fn tolerant() -> Bench {
    let session = oftp::session::Session::initiator(
        ours(),
        crate::support::timers(),
        oftp::Tolerance::ALL,
        oftp::session::Framing::Stream,
    );
    let mut bench = Bench::with(session);
    bench.session.connected(SECOND);
    bench.gets(&Command::Ssrm);
    bench.gets(&Command::Ssid(theirs()));
    bench.asks(Request::StartFile(Box::new(sfid()))).unwrap();
    bench.gets(&Command::Sfpa(Sfpa { restart: 0 }));
    bench.outputs();
    bench
}

// Q

#[test]
fn q_the_partner_hears_why() {
    let mut bench = Bench::in_state(State::OpenOut);
    let reason = EndSessionReason::ResourcesNotAvailable;
    bench.asks(Request::Abort { reason, text: ReasonText::fitting("disk full") }).unwrap();
    let [Command::Esid(esid)] = &bench.said()[..] else { panic!("one ESID") };
    assert_eq!(esid.reason, reason);
    assert_eq!(esid.text.text(), "disk full");
}

#[test]
fn q_without_a_connection_there_is_nobody_to_tell() {
    for state in [State::Idle, State::WaitForConnection] {
        check_refused(Bench::in_state(state), "f_rel_rq_err");
        assert!(Bench::in_state(state).asks(abort(EndSessionReason::Unspecified)).is_err());
    }
}

// Services of 2.0 at 1.x: no silent downgrade.

#[test]
fn b_a_secured_file_is_refused_at_a_level_that_cannot_say_so() {
    let mut bench = speaker(Terms { level: Level::V1_4, ..ours() });
    let secured = Sfid { security: SecurityLevel::Encrypted, ..sfid() };
    let error = bench.asks(Request::StartFile(Box::new(secured))).unwrap_err();
    assert_eq!(error.code(), "E-OFTP-REQUEST-ENCODE");
    assert_eq!(bench.session.state(), State::IdleSpeaker);
    bench.asks(Request::StartFile(Box::new(sfid()))).unwrap();
    assert_eq!(bench.session.state(), State::OpenOutPending);
}

#[test]
fn b_a_user_that_offers_for_ever_is_stopped() {
    let mut bench = Bench::in_state(State::IdleSpeaker);
    for _ in 0..limits::MAXIMUM_REFUSALS {
        assert!(bench.session.may_offer_files());
        bench.asks(Request::StartFile(Box::new(sfid()))).unwrap();
        bench.apply("sfna").unwrap();
        bench.outputs();
    }
    assert!(!bench.session.may_offer_files());
    let error = bench.asks(Request::StartFile(Box::new(sfid()))).unwrap_err();
    assert_eq!(error, UserError::RefusedTooOften { refusals: limits::MAXIMUM_REFUSALS });
    assert_eq!(bench.session.state(), State::IdleSpeaker);
}
