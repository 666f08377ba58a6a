//! RFC 5024 section 9.8.

use oftp::command::{Command, Ssid};
use oftp::field::{BufferSize, Capability, Credit, EndSessionReason, Level, ReasonText};
use oftp::session::{AbortOrigin, Event, Framing, Request, Session, State, Terms, UserError};
use oftp::{Quirk, Tolerance};

use crate::support::{
    Bench, RESPONSE, SECOND, check, check_ignored, check_refused, ours, request, theirs, timers,
};

macro_rules! row {
    ($event:ident: $idle:ident $i_wf_nc:ident $i_wf_rm:ident $i_wf_ssid:ident $a_nc_only:ident
     $a_wf_conrs:ident $wf_auch:ident $wf_aurp:ident $wf_secd:ident $other:ident) => {
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
            fn in_i_wf_rm() {
                super::$i_wf_rm(State::WaitForReadyMessage, EVENT);
            }
            #[test]
            fn in_i_wf_ssid() {
                super::$i_wf_ssid(State::WaitForStartSession, EVENT);
            }
            #[test]
            fn in_a_nc_only() {
                super::$a_nc_only(State::ConnectedOnly, EVENT);
            }
            #[test]
            fn in_a_wf_conrs() {
                super::$a_wf_conrs(State::WaitForAcceptance, EVENT);
            }
            #[test]
            fn in_wf_auch() {
                super::$wf_auch(State::WaitForChallenge, EVENT);
            }
            #[test]
            fn in_wf_aurp() {
                super::$wf_aurp(State::WaitForChallengeResponse, EVENT);
            }
            #[test]
            fn in_wf_secd() {
                super::$wf_secd(State::WaitForSecurityDirection, EVENT);
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

//                IDLE I_WF_NC I_WF_RM I_WF_SSID A_NC_ONLY A_WF_CONRS WF_AUCH WF_AURP WF_SECD Other
row! { f_connect_rq: a x       x       x         x         x          x       x       x       x }
row! { n_con_cf:     x c       x       x         x         x          x       x       x       x }
row! { ssrm:         x x       h       x         x         x          l       l       l       x }
row! { ssid:         x x       x       d         e         f          l       l       l       f }
row! { n_con_ind:    b x       x       x         x         x          x       x       x       x }
row! { f_connect_rs: x u       u       u         u         g          x       x       x       u }
row! { esid:         x x       x       f         x         x          f       f       f       x }
row! { auch:         x x       u       u         x         x          i       l       l       u }
row! { aurp:         x x       u       u         x         x          l       k       l       u }
row! { secd:         x x       u       u         x         x          l       l       j       u }

fn other_states() -> impl Iterator<Item = State> {
    State::ALL.into_iter().filter(|state| {
        !state.is_connecting() && !matches!(state, State::Idle | State::WaitForDisconnect)
    })
}

/// `F_CONNECT_RQ` makes the session: `P1`'s reasons against it are the caller's to know.
fn a(_: State, _: &str) {
    let session = Session::initiator(ours(), timers(), Tolerance::STRICT, Framing::Stream);
    assert_eq!(session.state(), State::WaitForConnection);
    assert_eq!(session.deadline(), None, "the transport has its own time to connect");
}

fn b(state: State, event: &str) {
    check(Bench::in_state(state), event, "SSRM", State::ConnectedOnly);
}

fn c(state: State, event: &str) {
    check(Bench::in_state(state), event, "", State::WaitForReadyMessage);
}

/// P2 & P8 & !P11; the other predicates follow below.
fn d(state: State, event: &str) {
    check(Bench::in_state(state), event, "F_CONNECT_CF", State::IdleSpeaker);
}

/// !P4; P4 is seen at G, below.
fn e(state: State, event: &str) {
    check(Bench::in_state(state), event, "F_CONNECT_IND", State::WaitForAcceptance);
}

/// Of SSID that comes again, and of the partner's ESID.
fn f(state: State, event: &str) {
    let origin = if event == "esid" { "D" } else { "L" };
    let outputs = format!("F_ABORT_IND(AO={origin}) N_DISC_RQ");
    check(Bench::in_state(state), event, &outputs, State::Idle);
}

/// P2 & !P9 & P10; the other predicates follow below. `F_CONNECT_CF` tells the responder's user,
/// too, that the session is there; the RFC has no primitive for it.
fn g(state: State, event: &str) {
    check(Bench::in_state(state), event, "SSID F_CONNECT_CF", State::IdleListener);
}

fn h(state: State, event: &str) {
    check(Bench::in_state(state), event, "SSID", State::WaitForStartSession);
}

/// P5; `!P5` follows below. The decryption lies between the command and its answer.
fn i(state: State, event: &str) {
    let mut bench = Bench::in_state(state);
    bench.apply(event).unwrap();
    assert_eq!(bench.outputs(), "(challenge received)");
    bench.asks(Request::AnswerChallenge(RESPONSE)).unwrap();
    assert_eq!(bench.outputs(), "AURP");
    assert_eq!(bench.session.state(), State::WaitForSecurityDirection);
}

/// The encryption of a challenge lies between the command and its answer.
fn j(state: State, event: &str) {
    let mut bench = Bench::in_state(state);
    bench.apply(event).unwrap();
    assert_eq!(bench.outputs(), "(challenge wanted)");
    bench.asks(Request::Challenge(vec![9; 400])).unwrap();
    assert_eq!(bench.outputs(), "AUCH");
    assert_eq!(bench.session.state(), State::WaitForChallengeResponse);
}

/// P6; P7 and else follow below. The comparison lies between the command and its answer.
fn k(state: State, event: &str) {
    let mut bench = Bench::in_state(state);
    bench.apply(event).unwrap();
    assert_eq!(bench.outputs(), "(challenge answered)");
    bench.asks(Request::ChallengeVerified(true)).unwrap();
    assert_eq!(bench.outputs(), "F_CONNECT_CF");
    assert_eq!(bench.session.state(), State::IdleSpeaker);
}

fn l(state: State, event: &str) {
    let outputs = "ESID(R=02) F_ABORT_IND(AO=L)";
    check(Bench::in_state(state), event, outputs, State::WaitForDisconnect);
}

/// A user error for the user's response. For the partner's commands the RFC's `U` can only be a
/// slip: they are out of place, as in L.
fn u(state: State, event: &str) {
    if request(event).is_some() {
        check_refused(Bench::in_state(state), event);
    } else {
        l(state, event);
    }
}

/// Impossible by design, or by a correct network: what shows it depends on the event.
fn x(state: State, event: &str) {
    match event {
        "f_connect_rq" => no_request_connects(state),
        "f_connect_rs" => check_refused(Bench::in_state(state), event),
        "n_con_cf" | "n_con_ind" => confirms_nothing(state, event),
        // There is no connection for a command to come by.
        _ if matches!(state, State::Idle | State::WaitForConnection) => {
            check_ignored(Bench::in_state(state), event);
        }
        // The RFC forgets that a partner may end a session at any time: in A_NC_ONLY, A_WF_CONRS,
        // I_WF_RM, and in a speaker's states. (A listener's are in its table, 9.12.)
        "esid" => f(state, event),
        // A partner that breaks the protocol can send any command in any state.
        _ => l(state, event),
    }
}

/// A session has asked for its connection when it is made, so that there is no request for it.
fn no_request_connects(state: State) {
    for event in [
        "f_connect_rs",
        "f_start_file_rq",
        "f_close_file_rq",
        "f_eerp_rq",
        "f_nerp_rq",
        "f_cd_rq",
        "f_rel_rq_ok",
        "f_rel_rq_err",
        "f_abort_rq",
        "f_start_file_rs",
        "f_close_file_rs",
        "f_rtr_rs",
    ] {
        let mut bench = Bench::in_state(state);
        let _ = bench.apply(event);
        let is_connecting = bench.session.state() == State::WaitForConnection;
        assert!(
            state == State::WaitForConnection || !is_connecting,
            "{event} in {state} asks for a connection"
        );
    }
}

/// Neither role takes a connection for new that it has.
fn confirms_nothing(state: State, event: &str) {
    // One call stands for both primitives, and the role says for which: the responder of this bench
    // in IDLE has no N_CON_CF, the initiator in I_WF_NC no N_CON_IND.
    match (state, event) {
        (State::Idle, "n_con_cf") => b(state, event),
        (State::WaitForConnection, "n_con_ind") => c(state, event),
        _ => check_ignored(Bench::in_state(state), event),
    }
}

// D, the predicates.

fn answered(terms: Terms, ssid: Ssid) -> Bench {
    let mut bench = Bench::initiator(terms);
    bench.session.connected(SECOND);
    bench.gets(&Command::Ssrm);
    bench.said();
    bench.gets(&Command::Ssid(ssid));
    bench
}

#[track_caller]
fn ends_with(mut bench: Bench, reason: &str) {
    assert_eq!(bench.outputs(), format!("ESID(R={reason}) F_ABORT_IND(AO=L)"));
    assert_eq!(bench.session.state(), State::WaitForDisconnect);
}

#[test]
fn d_when_both_want_authentication_the_initiator_gives_the_direction_to_be_challenged() {
    let terms = Terms { authentication: true, ..ours() };
    let mut bench = answered(terms, Ssid { authentication: true, ..theirs() });
    assert_eq!(bench.outputs(), "SECD");
    assert_eq!(bench.session.state(), State::WaitForChallenge);
}

#[test]
fn d_an_answer_that_wants_authentication_when_we_do_not_ends_with_esid_12() {
    ends_with(answered(ours(), Ssid { authentication: true, ..theirs() }), "12");
}

#[test]
fn d_an_answer_without_the_authentication_that_we_want_ends_with_esid_12() {
    ends_with(answered(Terms { authentication: true, ..ours() }, theirs()), "12");
}

#[test]
fn d_an_answer_at_a_level_without_authentication_is_no_way_around_it() {
    let terms = Terms { authentication: true, ..ours() };
    let mut bench = answered(terms, Ssid { level: Level::V1_4, ..theirs() });
    // Level 1.4 cannot say 12.
    assert_eq!(bench.outputs(), "ESID(R=99) F_ABORT_IND(AO=L)");
}

#[test]
fn d_an_answer_at_a_higher_level_than_asked_for_ends_with_esid_10() {
    let terms = Terms { level: Level::V1_3, ..ours() };
    let mut bench = answered(terms, theirs());
    assert!(bench.outputs().contains("F_ABORT_IND(AO=L)"));
    assert_eq!(bench.session.state(), State::WaitForDisconnect);
}

#[test]
fn d_an_answer_below_our_lowest_level_ends_with_esid_10() {
    let terms = Terms { minimum_level: Level::V1_4, ..ours() };
    ends_with(answered(terms, Ssid { level: Level::V1_3, ..theirs() }), "10");
}

#[test]
fn d_an_answer_with_special_logic_that_we_did_not_offer_ends_with_esid_10() {
    ends_with(answered(ours(), Ssid { special_logic: true, ..theirs() }), "10");
}

#[test]
fn d_an_answer_that_raises_the_credit_ends_with_esid_10() {
    let credit = Credit::try_from(4).unwrap();
    ends_with(answered(ours(), Ssid { credit, ..theirs() }), "10");
}

#[test]
fn d_two_that_only_send_end_with_esid_10() {
    let capability = Capability::SenderOnly;
    ends_with(answered(Terms { capability, ..ours() }, Ssid { capability, ..theirs() }), "10");
}

#[test]
fn d_two_that_only_receive_end_with_esid_10() {
    let capability = Capability::ReceiverOnly;
    ends_with(answered(Terms { capability, ..ours() }, Ssid { capability, ..theirs() }), "10");
}

#[test]
fn d_the_lower_value_of_each_offer_holds() {
    let ssid = Ssid {
        level: Level::V1_4,
        buffer_size: BufferSize::try_from(4000).unwrap(),
        credit: Credit::try_from(2).unwrap(),
        compression: false,
        restart: false,
        capability: Capability::ReceiverOnly,
        ..theirs()
    };
    let bench = answered(Terms { buffer_size: BufferSize::MAXIMUM, ..ours() }, ssid);
    let agreed = bench.session.agreed().unwrap();
    assert_eq!(agreed.level, Level::V1_4);
    assert_eq!(agreed.buffer_size.get(), 4000);
    assert_eq!(agreed.credit.get(), 2);
    assert!(!agreed.compression && !agreed.restart && !agreed.authentication);
    assert_eq!(agreed.capability, Capability::SenderOnly);
}

/// RFC 2204 is 1.3 and says `1`.
#[test]
fn d_a_partner_that_says_1_2_may_mean_1_3_if_tolerated() {
    let terms = Terms { level: Level::V1_3, minimum_level: Level::V1_3, ..ours() };
    let answer = |tolerance| {
        let session = Session::initiator(terms.clone(), timers(), tolerance, Framing::Stream);
        let mut bench = Bench::with(session);
        bench.session.connected(SECOND);
        bench.gets(&Command::Ssrm);
        bench.gets(&Command::Ssid(Ssid { level: Level::V1_2, ..theirs() }));
        bench.session.state()
    };
    assert_eq!(answer(Tolerance::STRICT), State::WaitForDisconnect);
    assert_eq!(answer(Tolerance::STRICT.with(Quirk::LevelDigit, true)), State::IdleSpeaker);
}

/// And gets the digit back that it said: a higher one is no answer to it.
#[test]
fn g_a_partner_that_says_1_2_may_mean_1_3_if_tolerated() {
    let tolerance = Tolerance::STRICT.with(Quirk::LevelDigit, true);
    let session = Session::responder(timers(), tolerance, Framing::Stream);
    let mut bench = Bench::with(session);
    bench.session.connected(SECOND);
    bench.gets(&Command::Ssid(Ssid { level: Level::V1_2, ..theirs() }));
    let terms = Terms { minimum_level: Level::V1_3, ..ours() };
    bench.said();
    bench.asks(Request::AcceptSession(Box::new(terms))).unwrap();
    let [Command::Ssid(answer)] = &bench.said()[..] else { panic!("one SSID") };
    assert_eq!(answer.level, Level::V1_2);
    assert_eq!(bench.session.state(), State::IdleListener);
}

// G, the predicates.

fn called(ssid: Ssid, terms: Terms) -> Bench {
    let mut bench = Bench::in_state(State::ConnectedOnly);
    bench.gets(&Command::Ssid(ssid));
    bench.told();
    bench.asks(Request::AcceptSession(Box::new(terms))).unwrap();
    bench
}

#[test]
fn g_when_both_want_authentication_the_responder_waits_for_the_direction_to_challenge() {
    let terms = Terms { authentication: true, ..ours() };
    let mut bench = called(Ssid { authentication: true, ..theirs() }, terms);
    assert_eq!(bench.outputs(), "SSID");
    assert_eq!(bench.session.state(), State::WaitForSecurityDirection);
}

#[test]
fn g_a_call_with_authentication_that_we_do_not_want_ends_with_esid_12() {
    ends_with(called(Ssid { authentication: true, ..theirs() }, ours()), "12");
}

#[test]
fn g_a_call_without_the_authentication_that_we_want_ends_with_esid_12() {
    ends_with(called(theirs(), Terms { authentication: true, ..ours() }), "12");
}

#[test]
fn g_a_call_below_our_lowest_level_ends_with_esid_10() {
    let terms = Terms { minimum_level: Level::V2_0, ..ours() };
    ends_with(called(Ssid { level: Level::V1_4, ..theirs() }, terms), "10");
}

/// P4 of E: the RFC closes the connection there and then; here the partner learns why.
#[test]
fn g_a_call_with_an_incompatible_mode_ends_with_esid_10() {
    let capability = Capability::SenderOnly;
    ends_with(called(Ssid { capability, ..theirs() }, Terms { capability, ..ours() }), "10");
}

#[test]
fn g_the_answer_says_what_both_can_do() {
    let ssid = Ssid {
        level: Level::V1_3,
        buffer_size: BufferSize::try_from(2048).unwrap(),
        credit: Credit::try_from(2).unwrap(),
        compression: false,
        restart: true,
        special_logic: true,
        capability: Capability::SenderOnly,
        ..theirs()
    };
    let mut bench = called(ssid, Terms { buffer_size: BufferSize::MAXIMUM, ..ours() });
    let [Command::Ssid(answer)] = &bench.said()[..] else { panic!("one SSID") };
    assert_eq!(answer.level, Level::V1_3);
    assert_eq!(answer.identity, ours().identity);
    assert_eq!(answer.buffer_size.get(), 2048);
    assert_eq!(answer.credit.get(), 2);
    assert_eq!(answer.capability, Capability::ReceiverOnly);
    assert!(!answer.compression && answer.restart && !answer.special_logic);
}

#[test]
fn g_a_call_that_raises_the_credit_gets_ours() {
    let mut bench = called(Ssid { credit: Credit::MAXIMUM, ..theirs() }, ours());
    let [Command::Ssid(answer)] = &bench.said()[..] else { panic!("one SSID") };
    assert_eq!(answer.credit, ours().credit);
}

#[test]
fn g_a_caller_is_refused_by_the_esid_that_the_user_gives() {
    for (reason, code) in [
        (EndSessionReason::UserCodeNotKnown, "03"),
        (EndSessionReason::InvalidPassword, "04"),
        (EndSessionReason::ResourcesNotAvailable, "08"),
    ] {
        let mut bench = Bench::in_state(State::WaitForAcceptance);
        bench.asks(Request::RefuseSession { reason, text: ReasonText::fitting("no") }).unwrap();
        assert_eq!(bench.outputs(), format!("ESID(R={code})"));
        assert_eq!(bench.session.state(), State::WaitForDisconnect);
    }
}

#[test]
fn only_a_caller_can_be_refused() {
    for state in State::ALL.into_iter().filter(|state| *state != State::WaitForAcceptance) {
        let mut bench = Bench::in_state(state);
        let refusal = Request::RefuseSession {
            reason: EndSessionReason::UserCodeNotKnown,
            text: ReasonText::default(),
        };
        assert!(matches!(bench.asks(refusal), Err(UserError::NotNow { .. })), "{state}");
        assert_eq!(bench.session.state(), state);
    }
}

/// An ESID of a session of an older level has an older layout, without text.
#[test]
fn g_a_caller_of_an_older_level_is_refused_in_its_own_layout() {
    let mut bench = Bench::in_state(State::ConnectedOnly);
    bench.gets(&Command::Ssid(Ssid { level: Level::V1_3, ..theirs() }));
    let reason = EndSessionReason::InvalidPassword;
    bench.asks(Request::RefuseSession { reason, text: ReasonText::fitting("no") }).unwrap();
    assert_eq!(bench.session.transmit().as_slice(), b"\x10\0\0\x08F04\r");
}

// I, J and K of the responder, and the errors.

#[test]
fn i_the_responder_is_ready_when_it_has_answered() {
    let mut bench = Bench::authenticating_responder();
    bench.apply("secd").unwrap();
    bench.asks(Request::Challenge(vec![1; 30])).unwrap();
    bench.apply("aurp").unwrap();
    bench.told();
    bench.said();
    bench.asks(Request::ChallengeVerified(true)).unwrap();
    assert_eq!(bench.outputs(), "SECD", "K, P7");
    assert_eq!(bench.session.state(), State::WaitForChallenge);
    bench.apply("auch").unwrap();
    bench.told();
    bench.asks(Request::AnswerChallenge(RESPONSE)).unwrap();
    assert_eq!(bench.outputs(), "AURP F_CONNECT_CF");
    assert_eq!(bench.session.state(), State::IdleListener);
}

#[test]
fn k_a_wrong_answer_to_the_initiator_ends_with_esid_11() {
    let mut bench = Bench::in_state(State::WaitForChallengeResponse);
    bench.apply("aurp").unwrap();
    bench.told();
    bench.asks(Request::ChallengeVerified(false)).unwrap();
    ends_with(bench, "11");
}

#[test]
fn k_a_wrong_answer_to_the_responder_ends_with_esid_11() {
    let mut bench = Bench::authenticating_responder();
    bench.apply("secd").unwrap();
    bench.asks(Request::Challenge(vec![1; 30])).unwrap();
    bench.apply("aurp").unwrap();
    bench.outputs();
    bench.asks(Request::ChallengeVerified(false)).unwrap();
    ends_with(bench, "11");
}

#[test]
fn a_partner_that_does_not_wait_for_our_answer_breaks_the_protocol() {
    for (state, first, second) in [
        (State::WaitForChallenge, "auch", "auch"),
        (State::WaitForSecurityDirection, "secd", "secd"),
        (State::WaitForChallengeResponse, "aurp", "aurp"),
    ] {
        let mut bench = Bench::in_state(state);
        bench.apply(first).unwrap();
        bench.told();
        bench.apply(second).unwrap();
        ends_with(bench, "02");
    }
}

#[test]
fn answers_to_questions_that_nobody_asked_are_refused() {
    for state in State::ALL {
        for request in [
            Request::Challenge(vec![1; 30]),
            Request::AnswerChallenge(RESPONSE),
            Request::ChallengeVerified(true),
        ] {
            let mut bench = Bench::in_state(state);
            assert!(matches!(bench.asks(request), Err(UserError::NotNow { .. })), "{state}");
            assert_eq!(bench.session.state(), state);
        }
    }
}

#[test]
fn a_challenge_too_long_for_its_command_is_refused_and_can_be_made_anew() {
    let mut bench = Bench::in_state(State::WaitForSecurityDirection);
    bench.apply("secd").unwrap();
    bench.told();
    let error = bench.asks(Request::Challenge(vec![1; 70_000])).unwrap_err();
    assert_eq!(error.code(), "E-OFTP-REQUEST-ENCODE");
    bench.asks(Request::Challenge(vec![1; 300])).unwrap();
    assert_eq!(bench.outputs(), "AUCH");
}

#[test]
fn the_partner_s_words_come_with_its_esid() {
    let mut bench = Bench::in_state(State::WaitForStartSession);
    bench.apply("esid").unwrap();
    assert_eq!(
        bench.told(),
        [
            Event::Aborted {
                by: AbortOrigin::Partner,
                reason: EndSessionReason::EmergencyCloseDown,
                text: ReasonText::fitting("because"),
            },
            Event::Disconnect
        ]
    );
}

#[test]
fn both_users_see_what_the_partner_said_of_itself() {
    for state in State::ALL {
        let bench = Bench::in_state(state);
        let has_presented = !matches!(
            state,
            State::Idle
                | State::WaitForConnection
                | State::WaitForReadyMessage
                | State::WaitForStartSession
                | State::ConnectedOnly
        );
        assert_eq!(bench.session.presented().is_some(), has_presented, "{state}");
    }
    let bench = Bench::in_state(State::IdleSpeaker);
    assert_eq!(bench.session.presented(), Some(&theirs()));
}

#[test]
fn tolerance_may_follow_the_partner() {
    let mut bench = Bench::in_state(State::WaitForAcceptance);
    bench.session.tolerate(Tolerance::ALL);
    bench.asks(Request::AcceptSession(Box::new(ours()))).unwrap();
    bench.outputs();
    bench.apply("esid_normal").unwrap();
    assert_eq!(bench.outputs(), "F_RELEASE_IND N_DISC_RQ", "out of turn, and tolerated");
}

/// A responder takes a level that it does not know for the highest that it does; an initiator
/// cannot be answered with one.
#[test]
fn a_level_of_the_future_is_an_offer_and_no_answer() {
    let ssid = |digit: u8| {
        let mut octets = Vec::new();
        Command::Ssid(theirs()).encode(Level::V2_0, &mut octets).unwrap();
        octets[1] = digit;
        [&[0x10, 0, 0, 65], octets.as_slice()].concat()
    };
    let session = Session::responder(timers(), Tolerance::ALL, Framing::Stream);
    let mut bench = Bench::with(session);
    bench.session.connected(SECOND);
    bench.receives(&ssid(b'9'));
    assert_eq!(bench.session.state(), State::WaitForAcceptance);
    let session = Session::initiator(ours(), timers(), Tolerance::ALL, Framing::Stream);
    let mut bench = Bench::with(session);
    bench.session.connected(SECOND);
    bench.gets(&Command::Ssrm);
    bench.said();
    bench.receives(&ssid(b'9'));
    assert_eq!(bench.outputs(), "ESID(R=06) F_ABORT_IND(AO=L)");
}
