//! What holds for any octets, any way in which they come, and any user.

use std::time::Duration;

use oftp::command::{Command, Sfpa, Ssid};
use oftp::field::{BufferSize, Counts, Credit, ReasonText};
use oftp::session::{AbortOrigin, Event, Framing, Request, Session, State, Terms, limits};
use oftp::{Quirk, Tolerance, stream};
use proptest::prelude::*;

use crate::bench::{Bench, RESPONSE, command, ours, request, sfid, theirs, timers};
use crate::support::vectors;

/// A user that takes everything, asks for the direction and gives it back.
fn answer(session: &mut Session, event: &Event) {
    let request = match event {
        Event::PartnerPresented(ssid) => {
            let authentication = ssid.authentication;
            Request::AcceptSession(Box::new(Terms { authentication, ..ours() }))
        }
        Event::ChallengeWanted => Request::Challenge(vec![1; 40]),
        Event::ChallengeReceived(_) => Request::AnswerChallenge(RESPONSE),
        Event::ChallengeAnswered(_) => Request::ChallengeVerified(true),
        Event::UnfitFileOffered { reason, .. } => {
            Request::RefuseFile { reason: *reason, retry: false, text: ReasonText::default() }
        }
        Event::FileOffered(_) => Request::AcceptFile { restart: 0, already: Counts::default() },
        Event::FileEnded { fault: None, .. } => Request::AcceptClose { change_direction: true },
        Event::FileEnded { fault: Some(fault), .. } => {
            Request::RefuseClose { reason: fault.reason(), text: ReasonText::default() }
        }
        Event::EerpReceived(_) | Event::NerpReceived(_) => Request::ReadyToReceive,
        Event::DirectionReceived if session.may_release() => Request::Release,
        Event::DirectionReceived => Request::ChangeDirection,
        _ => return,
    };
    let _ = session.handle(request, Duration::ZERO);
}

/// Everything that a session shows.
#[derive(Debug, PartialEq)]
struct Seen {
    state: State,
    events: Vec<Event>,
    said: Vec<u8>,
    payload: Vec<u8>,
}

fn feed<'a>(is_initiator: bool, pieces: impl Iterator<Item = &'a [u8]>) -> Seen {
    let tolerance = Tolerance::default();
    let mut session = if is_initiator {
        Session::initiator(ours(), timers(), tolerance, Framing::Stream)
    } else {
        Session::responder(timers(), tolerance, Framing::Stream)
    };
    session.connected(Duration::ZERO);
    let (mut events, mut payload, mut said) = (Vec::new(), Vec::new(), Vec::new());
    for piece in pieces {
        let mut rest = piece;
        while !rest.is_empty() {
            let mut new = Vec::new();
            let used = session.receive(rest, &mut new, Duration::ZERO);
            assert!((1..=rest.len()).contains(&used), "progress, and no further than there is");
            rest = &rest[used..];
            // One buffer more than the mark, of the largest size and all blanks.
            assert!(new.len() <= limits::PAYLOAD_HIGH_WATER + 32 * 100_003);
            payload.append(&mut new);
            let mut raised = 0;
            while let Some(event) = session.poll_event() {
                answer(&mut session, &event);
                events.push(event);
                raised += 1;
            }
            assert!(raised <= 4, "no command raises many events");
            said.append(session.transmit());
        }
    }
    Seen { state: session.state(), events, said, payload }
}

/// What one side of a captured session says.
fn captured(choice: usize, from_initiator: bool) -> Vec<u8> {
    let vector = &vectors()[choice % vectors().len()];
    vector
        .exchanges
        .iter()
        .filter(|exchange| exchange.from_initiator == from_initiator)
        .flat_map(|exchange| exchange.octets.clone())
        .collect()
}

/// Octets cut into pieces of the given lengths, over and over.
fn cut<'a>(octets: &'a [u8], lengths: &'a [usize]) -> impl Iterator<Item = &'a [u8]> {
    let mut rest = octets;
    lengths.iter().cycle().map_while(move |&length| {
        let (piece, after) = rest.split_at(length.clamp(1, rest.len().max(1)).min(rest.len()));
        rest = after;
        (!piece.is_empty()).then_some(piece)
    })
}

fn lengths() -> impl Strategy<Value = Vec<usize>> {
    prop_oneof![
        Just(vec![1]),
        prop::collection::vec(1..200_usize, 1..20),
        prop::collection::vec(1..20_000_usize, 1..5),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_captured_session_is_the_same_however_it_is_cut(
        choice in 0..10_usize, is_initiator: bool, lengths in lengths(),
    ) {
        let octets = captured(choice, !is_initiator);
        let whole = feed(is_initiator, [octets.as_slice()].into_iter());
        prop_assert_eq!(feed(is_initiator, cut(&octets, &lengths)), whole);
    }

    #[test]
    fn a_damaged_session_is_the_same_however_it_is_cut(
        choice in 0..10_usize,
        is_initiator: bool,
        lengths in lengths(),
        damage in prop::collection::vec((0..3000_usize, any::<u8>()), 1..6),
    ) {
        let mut octets = captured(choice, !is_initiator);
        for (place, octet) in damage {
            let place = place % octets.len();
            octets[place] = octet;
        }
        let whole = feed(is_initiator, [octets.as_slice()].into_iter());
        prop_assert_eq!(feed(is_initiator, cut(&octets, &lengths)), whole);
    }

    #[test]
    fn arbitrary_octets_end_a_session_and_nothing_else(
        is_initiator: bool, octets in prop::collection::vec(any::<u8>(), 1..2000),
    ) {
        let seen = feed(is_initiator, [octets.as_slice()].into_iter());
        let aborts = seen.events.iter().filter(|event| matches!(event, Event::Aborted { .. }));
        prop_assert!(aborts.count() <= 1);
        prop_assert!(seen.payload.is_empty());
        prop_assert!(seen.said.len() < 2500, "an SSRM, an SSID, an ESID with its text");
    }

    #[test]
    fn arbitrary_exchange_buffers_end_a_session_and_nothing_else(
        is_initiator: bool,
        buffers in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..300), 1..20),
    ) {
        let mut octets = Vec::new();
        for buffer in &buffers {
            stream::frame(&mut octets, |octets| octets.extend_from_slice(buffer)).unwrap();
        }
        feed(is_initiator, [octets.as_slice()].into_iter());
    }
}

/// What a partner, a user, or the world around them may do next.
#[derive(Debug, Clone)]
enum Step {
    Event(&'static str),
    Data(usize),
    Later(u64),
    Octets(Vec<u8>),
}

const EVENTS: [&str; 37] = [
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
    "ssrm",
    "ssid",
    "auch",
    "aurp",
    "secd",
    "esid_error",
    "esid_normal",
    "sfid",
    "sfpa",
    "sfna",
    "data",
    "cdt",
    "efid",
    "efpa",
    "efna",
    "cd",
    "eerp",
    "nerp",
    "rtr",
    "f_data_rq",
    "n_con_cf",
    "n_disc_ind",
    "n_rst_ind",
    "time_out",
    "invalid_buffer",
];

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        12 => prop::sample::select(&EVENTS[..31]).prop_map(Step::Event),
        1 => prop::sample::select(&EVENTS[31..]).prop_map(Step::Event),
        3 => (0..3000_usize).prop_map(Step::Data),
        1 => (0..90_u64).prop_map(Step::Later),
        1 => prop::collection::vec(any::<u8>(), 1..30).prop_map(Step::Octets),
    ];
    prop::collection::vec(step, 1..120)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn whatever_user_and_partner_do_the_session_keeps_its_rules(
        start in prop::sample::select(&State::ALL[..]), is_tolerant: bool, steps in steps(),
    ) {
        let mut bench = Bench::in_state(start);
        if is_tolerant && start == State::Idle {
            let tolerance = Tolerance::ALL.with(Quirk::FutureLevels, false);
            bench = Bench::with(Session::responder(timers(), tolerance, Framing::Stream));
        }
        for step in steps {
            let before = bench.session.state();
            let waiting = bench.session.transmit().len();
            let outcome = match &step {
                Step::Event(event) => bench.apply(event),
                Step::Data(octets) => {
                    bench.session.send_data(&vec![b'x'; *octets], bench.now).map(drop)
                }
                Step::Later(seconds) => {
                    bench.now += Duration::from_secs(*seconds);
                    bench.session.time_out(bench.now);
                    Ok(())
                }
                Step::Octets(octets) => {
                    bench.receives(octets);
                    Ok(())
                }
            };
            let state = bench.session.state();
            if outcome.is_err() {
                prop_assert_eq!(state, before, "a user error changes nothing: {:?}", step);
                prop_assert_eq!(bench.session.transmit().len(), waiting);
            }
            let runs = !matches!(state, State::Idle | State::WaitForConnection);
            prop_assert_eq!(bench.session.deadline().is_some(), runs);
            prop_assert!(before != State::Idle || !bench.session.has_ended() || state == before);
            prop_assert_eq!(bench.session.is_speaker(), state.is_speaker());
            // Whole commands only, readable by a strict partner.
            let said = bench.said();
            let esids = said.iter().filter(|command| matches!(command, Command::Esid(_))).count();
            prop_assert!(esids <= 1, "one end is enough");
            bench.told();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// A user that sends for as long as it may is never asked in vain, so that a loop around the
    /// engine comes to rest; and then the partner that gives no credit is given up in time.
    #[test]
    fn without_credit_a_sender_comes_to_rest_and_its_session_ends_in_time(
        pieces in lengths(), compression: bool, buffer_size in 128..5000_u32, credit in 1..20_u16,
        is_noise: bool,
    ) {
        let buffer_size = BufferSize::try_from(buffer_size).unwrap();
        let credit = Credit::try_from(credit).unwrap();
        let mut bench = Bench::initiator(Terms { buffer_size, credit, compression, ..ours() });
        bench.session.connected(bench.now);
        bench.gets(&Command::Ssrm);
        bench.gets(&Command::Ssid(Ssid { buffer_size, credit, compression, ..theirs() }));
        bench.asks(Request::StartFile(Box::new(sfid()))).unwrap();
        bench.gets(&Command::Sfpa(Sfpa { restart: 0 }));
        bench.outputs();
        let content: Vec<u8> = (0..20_000_u32)
            .map(|place| if is_noise { place.wrapping_mul(2_654_435_761).to_be_bytes()[0] } else { 7 })
            .collect();
        let mut places = pieces.iter().cycle();
        while bench.session.can_send_data() {
            let length = places.next().map_or(1, |&length| length.min(content.len()));
            let taken = bench.session.send_data(&content[..length], bench.now).unwrap();
            let said = std::mem::take(bench.session.transmit()).len();
            prop_assert!(taken > 0 || said > 0, "a turn in which nothing moves");
        }
        prop_assert_eq!(bench.session.state(), State::OpenOutWaitForCredit);
        bench.now = bench.session.deadline().unwrap();
        bench.session.time_out(bench.now);
        let told = bench.told();
        prop_assert!(
            matches!(&told[..], [Event::Aborted { by: AbortOrigin::Timeout, .. }, Event::Disconnect]),
            "{:?}", told
        );
    }
}

#[test]
fn the_steps_are_all_known() {
    for event in &EVENTS[..31] {
        assert!(request(event).is_some() || command(event).is_some(), "{event}");
    }
}
