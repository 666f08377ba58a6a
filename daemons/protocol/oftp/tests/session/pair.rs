//! Two engines against each other, in virtual time, over a line that is slow, or breaks anywhere.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use oftp::command::{Eerp, Sfid};
use oftp::field::{
    BufferSize, Counts, Credit, EndSessionReason, FileIdentity, FileReason, Format, Level,
    ReasonText, RecordLength,
};
use oftp::restart::{RestartPoint, VariableScan};
use oftp::session::{AbortOrigin, Event, Framing, Request, Session, State, Terms, Timers};
use oftp::{Tolerance, field};

use crate::bench::{self, SECOND};

/// A station's files, which outlive its sessions.
#[derive(Default)]
struct Station {
    outbound: Vec<Outbound>,
    inbound: BTreeMap<FileIdentity, Inbound>,
    /// Receipts that are still to be sent.
    receipts: VecDeque<Eerp>,
    /// Asks for the direction with every EFPA.
    wants_direction: bool,
    /// Octets of files received, over all sessions.
    received: usize,
    /// Why the last session ended, if not in good order.
    aborted: Option<(AbortOrigin, EndSessionReason)>,
}

struct Outbound {
    sfid: Sfid,
    content: Vec<u8>,
    was_tried: bool,
    is_sent: bool,
    is_acknowledged: bool,
}

#[derive(Default)]
struct Inbound {
    part: Vec<u8>,
    /// How often it was taken; once, if all is well.
    completions: u32,
}

/// A station's side of one session.
struct Side<'a> {
    session: Session,
    station: &'a mut Station,
    terms: Terms,
    /// The file being sent or received.
    current: Option<FileIdentity>,
    offset: usize,
    already: Counts,
    is_closing: bool,
    is_connected: bool,
}

/// The line between two sides.
struct Line {
    latency: Duration,
    /// The line breaks once so many octets have arrived, both ways together.
    breaks_after: Option<usize>,
    framing: Framing,
}

const GOOD_LINE: Line =
    Line { latency: Duration::ZERO, breaks_after: None, framing: Framing::Stream };

/// What went over a line.
struct Run {
    octets: usize,
    ended_at: Duration,
}

impl Station {
    fn with(files: &[(Sfid, Vec<u8>)]) -> Self {
        let outbound = files.iter().map(|(sfid, content)| Outbound {
            sfid: sfid.clone(),
            content: content.clone(),
            was_tried: false,
            is_sent: false,
            is_acknowledged: false,
        });
        Self { outbound: outbound.collect(), ..Self::default() }
    }

    fn find(&mut self, file: &FileIdentity) -> &mut Outbound {
        self.outbound.iter_mut().find(|outbound| outbound.sfid.file == *file).unwrap()
    }
}

impl<'a> Side<'a> {
    fn new(session: Session, station: &'a mut Station, terms: Terms) -> Self {
        station.aborted = None;
        Self {
            session,
            station,
            terms,
            current: None,
            offset: 0,
            already: Counts::default(),
            is_closing: false,
            is_connected: true,
        }
    }

    fn receives(&mut self, mut octets: &[u8], now: Duration) {
        while !octets.is_empty() {
            let mut payload = Vec::new();
            let used = self.session.receive(octets, &mut payload, now);
            assert!(used > 0);
            octets = &octets[used..];
            self.station.received += payload.len();
            if let Some(file) = self.current.as_ref().filter(|_| !payload.is_empty()) {
                self.station.inbound.get_mut(file).unwrap().part.extend(payload);
            }
            self.acts_on_events(now);
        }
    }

    fn acts_on_events(&mut self, now: Duration) {
        while let Some(event) = self.session.poll_event() {
            if let Some(answer) = self.answers(event) {
                self.session.handle(answer, now).unwrap();
            }
        }
    }

    fn answers(&mut self, event: Event) -> Option<Request> {
        match event {
            Event::PartnerPresented(_) => {
                return Some(Request::AcceptSession(Box::new(self.terms.clone())));
            }
            Event::FileOffered(sfid) => return Some(self.answers_offer(&sfid)),
            Event::FileEnded { fault: Some(fault), .. } => {
                let text = ReasonText::default();
                return Some(Request::RefuseClose { reason: fault.reason(), text });
            }
            Event::FileEnded { fault: None, .. } => return Some(self.owns_file()),
            Event::FileAccepted { restart } => {
                let file = self.current.clone().unwrap();
                let outbound = self.station.find(&file);
                let point = point_at(&outbound.sfid, &outbound.content, restart);
                self.offset = usize::try_from(point.offset).unwrap();
                self.already = point.counts;
                self.is_closing = false;
            }
            Event::FileRefused { reason, .. } => {
                assert_eq!(reason, FileReason::DuplicateFile);
                self.is_sent();
            }
            Event::FileCompleted { .. } => self.is_sent(),
            Event::FileCloseRefused { reason, .. } => panic!("EFNA {reason}"),
            Event::EerpReceived(eerp) => {
                let outbound = self.station.find(&eerp.file);
                outbound.is_acknowledged = true;
                // The receipt tells that the file is there, even if its EFPA was lost.
                outbound.is_sent = true;
                return Some(Request::ReadyToReceive);
            }
            Event::ReceiptConfirmed => drop(self.station.receipts.pop_front()),
            Event::Aborted { by, reason, .. } => self.station.aborted = Some((by, reason)),
            Event::Disconnect => self.is_connected = false,
            _ => {}
        }
        None
    }

    fn answers_offer(&mut self, sfid: &Sfid) -> Request {
        let inbound = self.station.inbound.entry(sfid.file.clone()).or_default();
        if inbound.completions > 0 {
            let reason = FileReason::DuplicateFile;
            return Request::RefuseFile { reason, retry: false, text: ReasonText::default() };
        }
        let held = last_point(sfid, &inbound.part);
        let point = point_at(sfid, &inbound.part, sfid.restart.min(held.position));
        inbound.part.truncate(usize::try_from(point.offset).unwrap());
        self.current = Some(sfid.file.clone());
        Request::AcceptFile { restart: point.position, already: point.counts }
    }

    fn owns_file(&mut self) -> Request {
        let file = self.current.take().unwrap();
        let inbound = self.station.inbound.get_mut(&file).unwrap();
        inbound.completions += 1;
        let user_data = field::UserData::default();
        let seal = Some(oftp::Seal::default());
        self.station.receipts.push_back(Eerp { file, user_data, seal });
        Request::AcceptClose { change_direction: self.station.wants_direction }
    }

    fn is_sent(&mut self) {
        let file = self.current.take().unwrap();
        self.station.find(&file).is_sent = true;
    }

    /// What the station does of its own accord.
    fn acts(&mut self, now: Duration) {
        match self.session.state() {
            State::IdleSpeaker | State::IdleSpeakerDirectionReceived => {
                let request = self.next_request();
                self.session.handle(request, now).unwrap();
            }
            State::OpenOut if !self.is_closing => self.sends(now),
            _ => {}
        }
        self.acts_on_events(now);
    }

    fn next_request(&mut self) -> Request {
        if let Some(receipt) = self.station.receipts.front() {
            return Request::SendEerp(Box::new(receipt.clone()));
        }
        if let Some(outbound) = self.station.outbound.iter_mut().find(|file| !file.is_sent) {
            let mut sfid = outbound.sfid.clone();
            // What was never tried cannot have been received in part.
            if outbound.was_tried {
                sfid.restart = last_point(&sfid, &outbound.content).position;
            }
            outbound.was_tried = true;
            self.current = Some(sfid.file.clone());
            return Request::StartFile(Box::new(sfid));
        }
        if self.session.may_release() { Request::Release } else { Request::ChangeDirection }
    }

    fn sends(&mut self, now: Duration) {
        let file = self.current.clone().unwrap();
        let content = &self.station.find(&file).content;
        while self.offset < content.len() && self.session.can_send_data() {
            // As a user that reads from a file does.
            let piece = &content[self.offset..content.len().min(self.offset + 700)];
            self.offset += self.session.send_data(piece, now).unwrap();
        }
        if self.offset == content.len() {
            self.is_closing = true;
            self.session.handle(Request::CloseFile { already: self.already }, now).unwrap();
        }
    }

    /// What is to be sent now: the stream as it is, or one packet after the other.
    fn writes(&mut self, framing: Framing) -> Vec<Vec<u8>> {
        match framing {
            Framing::Stream => {
                let octets = std::mem::take(self.session.transmit());
                if octets.is_empty() { Vec::new() } else { vec![octets] }
            }
            Framing::Packet => std::iter::from_fn(|| {
                let mut packet = Vec::new();
                self.session.take_packet(&mut packet).then_some(packet)
            })
            .collect(),
        }
    }
}

fn point_at(sfid: &Sfid, stored: &[u8], position: u64) -> RestartPoint {
    RestartPoint::at(sfid.transmitted_format(), position).unwrap_or_else(|| {
        let mut scan = VariableScan::to(position);
        scan.feed(stored);
        scan.point()
    })
}

fn last_point(sfid: &Sfid, stored: &[u8]) -> RestartPoint {
    let octets = stored.len() as u64;
    RestartPoint::before(sfid.transmitted_format(), octets).unwrap_or_else(|| {
        let mut scan = VariableScan::to_end();
        scan.feed(stored);
        scan.point()
    })
}

/// Runs one session between two stations to its end.
fn run(calling: &mut Station, called: &mut Station, terms: &Terms, line: &Line) -> Run {
    let (timers, tolerance) = (bench::timers(), Tolerance::STRICT);
    let initiator = Session::initiator(terms.clone(), timers, tolerance, line.framing);
    let responder = Session::responder(timers, tolerance, line.framing);
    let mut sides = [
        Side::new(initiator, calling, terms.clone()),
        Side::new(responder, called, Terms { identity: id("O0013CALLED"), ..terms.clone() }),
    ];
    let mut now = Duration::ZERO;
    for side in &mut sides {
        side.session.connected(now);
    }
    // What is on its way to each side: when it arrives, and what.
    let mut ways: [VecDeque<(Duration, Vec<u8>)>; 2] = [VecDeque::new(), VecDeque::new()];
    let mut octets = 0;
    loop {
        let mut is_quiet = true;
        for place in 0..2 {
            sides[place].acts(now);
            for written in sides[place].writes(line.framing) {
                ways[1 - place].push_back((now + line.latency, written));
                is_quiet = false;
            }
        }
        for (side, way) in sides.iter_mut().zip(&mut ways) {
            while way.front().is_some_and(|(arrival, _)| *arrival <= now) {
                let (_, mut arrived) = way.pop_front().unwrap();
                is_quiet = false;
                if let Some(limit) = line.breaks_after {
                    arrived.truncate(limit - octets);
                }
                octets += arrived.len();
                side.receives(&arrived, now);
                if line.breaks_after == Some(octets) {
                    for side in &mut sides {
                        side.session.disconnected(now);
                        side.acts_on_events(now);
                    }
                    return Run { octets, ended_at: now };
                }
            }
        }
        // Whoever closes the connection closes it for both, after what is under way.
        let is_under_way = ways.iter().any(|way| !way.is_empty());
        if sides.iter().any(|side| !side.is_connected) && !is_under_way {
            for side in &mut sides {
                side.session.disconnected(now);
                side.acts_on_events(now);
                assert!(side.session.has_ended());
            }
            return Run { octets, ended_at: now };
        }
        if is_quiet {
            let arrivals = ways.iter().filter_map(|way| way.front().map(|(arrival, _)| *arrival));
            let deadlines = sides.iter().filter_map(|side| side.session.deadline());
            now = arrivals.chain(deadlines).min().expect("something is still to happen");
            for side in &mut sides {
                side.session.time_out(now);
                side.acts_on_events(now);
            }
        }
    }
}

fn id(text: &str) -> field::OdetteId {
    text.parse().unwrap()
}

fn terms() -> Terms {
    Terms { identity: id("O0013CALLING"), ..bench::ours() }
}

fn file(name: &str, format: Format) -> Sfid {
    // A stamp that the older levels carry whole, too.
    let stamp = "202611221404050000".parse().unwrap();
    let file = FileIdentity { stamp, ..bench::file(name) };
    Sfid { file, format, ..bench::sfid() }
}

/// Octets that are not the same anywhere, so that a shift would show.
fn noise(octets: usize, seed: u32) -> Vec<u8> {
    let mut state = seed;
    let next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    std::iter::repeat_with(next).take(octets).collect()
}

/// Records of 0 to 90 octets, each after its length.
fn variable_records(count: u16) -> Vec<u8> {
    (0..count)
        .flat_map(|place| {
            let length = (place * 37) % 91;
            let record = noise(usize::from(length), u32::from(place));
            length.to_be_bytes().into_iter().chain(record)
        })
        .collect()
}

fn length(octets: u32) -> RecordLength {
    RecordLength::try_from(octets).unwrap()
}

/// One file of each format.
fn files() -> Vec<(Sfid, Vec<u8>)> {
    vec![
        (file("UNSTRUCTURED", Format::Unstructured), noise(2500, 1)),
        (file("FIXED", Format::Fixed { record_length: length(70) }), noise(70 * 20, 2)),
        (
            file("VARIABLE", Format::Variable { maximum_record_length: length(90) }),
            variable_records(30),
        ),
        (file("TEXT", Format::Text), b"It is an ancient Mariner,\r\n".repeat(50)),
        (file("EMPTY", Format::Unstructured), Vec::new()),
        (file("ONE.BLOCK", Format::Unstructured), noise(1024, 3)),
    ]
}

/// Every file arrived once and whole, and its receipt came back.
#[track_caller]
fn assert_all_is_well(sender: &Station, receiver: &Station, what: &str) {
    for Outbound { sfid, content, is_sent, is_acknowledged, .. } in &sender.outbound {
        let name = &sfid.file.dataset_name;
        let inbound = &receiver.inbound[&sfid.file];
        assert!(inbound.part == *content, "{name} is whole {what}");
        assert_eq!(inbound.completions, 1, "{name} was taken once {what}");
        assert!(is_sent, "{name} is sent {what}");
        assert!(is_acknowledged, "{name} is acknowledged {what}");
    }
    assert!(receiver.receipts.is_empty(), "no receipt is left {what}");
}

#[test]
fn many_files_of_every_format_go_both_ways_in_one_session() {
    for wants_direction in [false, true] {
        for level in Level::ALL {
            let terms = Terms { level, compression: level >= Level::V1_4, ..terms() };
            let (mut calling, mut called) = (Station::with(&files()), Station::with(&files()));
            calling.wants_direction = wants_direction;
            called.wants_direction = wants_direction;
            run(&mut calling, &mut called, &terms, &GOOD_LINE);
            assert_eq!((calling.aborted, called.aborted), (None, None), "at {level}");
            assert_all_is_well(&calling, &called, "from the caller");
            assert_all_is_well(&called, &calling, "from the called");
        }
    }
}

#[test]
fn packets_carry_what_streams_carry() {
    let (mut calling, mut called) = (Station::with(&files()), Station::with(&files()));
    let line = Line { framing: Framing::Packet, ..GOOD_LINE };
    let by_packets = run(&mut calling, &mut called, &terms(), &line);
    assert_all_is_well(&calling, &called, "by packets");
    assert_all_is_well(&called, &calling, "by packets");
    let (mut calling, mut called) = (Station::with(&files()), Station::with(&files()));
    let by_stream = run(&mut calling, &mut called, &terms(), &GOOD_LINE);
    assert!(by_packets.octets < by_stream.octets, "a header of four octets less for each");
}

#[test]
fn a_session_without_anything_to_do_ends_in_good_order() {
    let (mut calling, mut called) = (Station::default(), Station::default());
    let run = run(&mut calling, &mut called, &terms(), &GOOD_LINE);
    assert_eq!((calling.aborted, called.aborted), (None, None));
    // SSRM, two SSIDs, CD, ESID: what nothing costs.
    assert_eq!(run.octets, 23 + 65 + 65 + 5 + 11);
}

/// The loss of the connection at every octet of a session; then a second session.
fn survives_a_break_anywhere(
    terms: &Terms,
    sent: &[(Sfid, Vec<u8>)],
    answered: &[(Sfid, Vec<u8>)],
) {
    let (mut calling, mut called) = (Station::with(sent), Station::with(answered));
    let whole = run(&mut calling, &mut called, terms, &GOOD_LINE).octets;
    let file_octets: usize = sent.iter().chain(answered).map(|(_, content)| content.len()).sum();
    let mut least_repeated = usize::MAX;
    for breaks_after in 1..whole {
        let (mut calling, mut called) = (Station::with(sent), Station::with(answered));
        let line = Line { breaks_after: Some(breaks_after), ..GOOD_LINE };
        run(&mut calling, &mut called, terms, &line);
        run(&mut calling, &mut called, terms, &GOOD_LINE);
        let what = format!("after a break at octet {breaks_after} of {whole}");
        assert_eq!((calling.aborted, called.aborted), (None, None), "{what}");
        assert_all_is_well(&calling, &called, &what);
        assert_all_is_well(&called, &calling, &what);
        let repeated = calling.received + called.received - file_octets;
        least_repeated = least_repeated.min(repeated);
        let most = if terms.restart { 1024 } else { file_octets };
        assert!(repeated <= most, "{repeated} octets came twice {what}");
    }
    assert_eq!(least_repeated, 0, "most breaks cost nothing but the way");
}

#[test]
fn a_stream_of_octets_survives_a_break_at_every_octet() {
    let sent = [(file("UNSTRUCTURED", Format::Unstructured), noise(2500, 1))];
    let answered = [(file("ANSWER", Format::Text), noise(1200, 9))];
    survives_a_break_anywhere(&terms(), &sent, &answered);
}

#[test]
fn fixed_records_survive_a_break_at_every_octet() {
    let format = Format::Fixed { record_length: length(70) };
    survives_a_break_anywhere(&terms(), &[(file("FIXED", format), noise(70 * 25, 2))], &[]);
}

#[test]
fn variable_records_survive_a_break_at_every_octet() {
    let format = Format::Variable { maximum_record_length: length(90) };
    survives_a_break_anywhere(&terms(), &[(file("VARIABLE", format), variable_records(40))], &[]);
}

#[test]
fn compressed_octets_survive_a_break_at_every_octet() {
    let terms = Terms { compression: true, ..terms() };
    let content = [vec![b' '; 1500], noise(900, 4), vec![0; 1500]].concat();
    survives_a_break_anywhere(&terms, &[(file("BLANKS", Format::Unstructured), content)], &[]);
}

#[test]
fn without_restart_a_file_comes_again_from_its_start() {
    let terms = Terms { restart: false, ..terms() };
    // Without restart the second session must not offer a position; the user knows by the first.
    let sent = [(file("SMALL", Format::Unstructured), noise(900, 5))];
    survives_a_break_anywhere(&terms, &sent, &[]);
}

#[test]
fn a_line_that_breaks_again_and_again_still_brings_the_file() {
    let content = noise(20 * 1024, 6);
    let sent = [(file("LONG", Format::Unstructured), content)];
    let (mut calling, mut called) = (Station::with(&sent), Station::default());
    let mut breaks = 0;
    // Enough for a session's start and two blocks of the file.
    let line = Line { breaks_after: Some(3000), ..GOOD_LINE };
    while !calling.outbound[0].is_acknowledged {
        run(&mut calling, &mut called, &terms(), &line);
        breaks += 1;
        assert!(breaks < 20, "every session brings the file on");
    }
    assert_all_is_well(&calling, &called, "in the end");
}

#[test]
fn the_window_sets_the_pace_on_a_long_line() {
    let rounds = |credit: u16| {
        let terms = Terms { credit: Credit::try_from(credit).unwrap(), ..terms() };
        let sent = [(file("LONG", Format::Unstructured), noise(40 * 125, 7))];
        let (mut calling, mut called) = (Station::with(&sent), Station::default());
        let line = Line { latency: SECOND, ..GOOD_LINE };
        let run = run(&mut calling, &mut called, &terms, &line);
        assert_all_is_well(&calling, &called, "on a long line");
        run.ended_at.as_secs() / 2
    };
    // Notes on the window: stop and wait, once a window.
    let buffers = 41; // of 125 octets in 128, less their sub-record headers
    for credit in [1, 2, 10] {
        let difference = rounds(credit) - rounds(999);
        assert!(difference.abs_diff(buffers / u64::from(credit)) <= 1, "{difference} at {credit}");
    }
}

#[test]
fn a_partner_that_falls_silent_is_given_up_in_time_by_both() {
    let sent = [(file("LONG", Format::Unstructured), noise(5000, 7))];
    let (mut calling, mut called) = (Station::with(&sent), Station::default());
    // The line is longer than anybody waits.
    let line = Line { latency: 100 * SECOND, ..GOOD_LINE };
    run(&mut calling, &mut called, &terms(), &line);
    let timed_out = Some((AbortOrigin::Timeout, EndSessionReason::TimeOut));
    assert_eq!(calling.aborted, timed_out);
}

#[test]
fn timers_of_any_length_do_not_overflow() {
    let timers =
        Timers { response: Duration::MAX, end_file: Duration::MAX, disconnect: Duration::MAX };
    let mut session = Session::responder(timers, Tolerance::STRICT, Framing::Stream);
    session.connected(SECOND);
    assert_eq!(session.deadline(), Some(Duration::MAX));
}

#[test]
fn the_largest_buffers_and_windows_work() {
    let terms = Terms {
        buffer_size: BufferSize::MAXIMUM,
        credit: Credit::MAXIMUM,
        compression: true,
        ..terms()
    };
    let content = [noise(300_000, 8), vec![b' '; 8 << 20]].concat();
    let sent = [(file("LARGE", Format::Unstructured), content)];
    let (mut calling, mut called) = (Station::with(&sent), Station::default());
    let run = run(&mut calling, &mut called, &terms, &GOOD_LINE);
    assert_all_is_well(&calling, &called, "with the largest buffers");
    assert!(run.octets < 700_000, "blanks take a thirty-second of their room");
}
