//! What holds for any octets whatsoever: shared by the fuzz targets and the replay of their
//! corpora.
#![allow(dead_code, reason = "each fuzz target runs one of the checks")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a check fails by panicking")]

use std::time::Duration;

use oftp::exchange_buffer::{Filler, RecordPart, SubRecords};
use oftp::record::{Incoming, Outgoing};
use oftp::session::{Event, Framing, Request, Session, Terms, Timers};
use oftp::stream::{Deframer, StreamError};
use oftp::{BufferSize, Command, Counts, Credit, Eerp, Esid, Format, Level, ReasonText, Tolerance};

/// The first octet as a choice, and the rest.
fn choose(octets: &[u8]) -> Option<(u8, &[u8])> {
    octets.split_first().map(|(&choice, rest)| (choice, rest))
}

/// What is read of a command is written as something that reads the same.
pub(crate) fn command(octets: &[u8]) {
    let Some((choice, octets)) = choose(octets) else {
        return;
    };
    let tolerance = match choice & 0x10 {
        0 => Tolerance::default(),
        _ => Tolerance::STRICT,
    };
    let level = Level::ALL.get(usize::from(choice & 7)).copied();
    let Ok(command) = Command::decode(octets, level, &tolerance) else {
        return;
    };
    let level = level.unwrap_or(Level::V2_0);
    let mut written = Vec::new();
    command.encode(level, &mut written).unwrap();
    let read_again = Command::decode(&written, Some(level), &tolerance).unwrap();
    assert_eq!(read_again, at(level, command));
    let mut written_again = Vec::new();
    read_again.encode(level, &mut written_again).unwrap();
    assert_eq!(written_again, written);
}

/// What an older level can say of a command that a partner talked too new.
fn at(level: Level, command: Command) -> Command {
    match command {
        Command::Esid(Esid { reason, text }) => {
            let text = if level < Level::V2_0 { ReasonText::default() } else { text };
            Command::Esid(Esid { reason: reason.at(level), text })
        }
        Command::Sfna(mut command) => {
            command.reason = command.reason.at(level);
            Command::Sfna(command)
        }
        Command::Efna(mut command) => {
            command.reason = command.reason.at(level);
            Command::Efna(command)
        }
        Command::Nerp(mut command) => {
            command.reason = command.reason.at(level);
            Command::Nerp(command)
        }
        other => other,
    }
}

/// A stream in pieces gives the same exchange buffers as in one.
pub(crate) fn stream(octets: &[u8]) {
    let Some((choice, octets)) = choose(octets) else {
        return;
    };
    let size = usize::from(choice % 64) + 1;
    assert_eq!(buffers(octets.chunks(size)), buffers([octets].into_iter()));
}

type Buffers = (Vec<Vec<u8>>, Result<bool, StreamError>);

fn buffers<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Buffers {
    let mut deframer = Deframer::new(&Tolerance::default());
    let mut buffers = Vec::new();
    for mut rest in pieces {
        loop {
            match deframer.next_buffer(&mut rest) {
                Ok(Some(buffer)) => buffers.push(buffer.to_vec()),
                Ok(None) => break,
                Err(error) => return (buffers, Err(error)),
            }
        }
        assert!(rest.is_empty());
    }
    (buffers, Ok(deframer.is_at_boundary()))
}

/// Records of any sub-records are the same after they are filled into buffers again, and the two
/// ways of reading agree.
pub(crate) fn exchange_buffer(octets: &[u8]) {
    let Some((choice, octets)) = choose(octets) else {
        return;
    };
    let Ok((records, is_open)) = records(octets) else {
        assert!(SubRecords::new(octets).any(|sub_record| sub_record.is_err()));
        return;
    };
    let size = BufferSize::try_from(128 + u32::from(choice >> 1)).unwrap();
    let mut written = Vec::new();
    let last = records.len() - 1;
    for (place, record) in records.iter().enumerate() {
        let ends = place < last || !is_open;
        let mut rest = record.as_slice();
        let mut is_done = rest.is_empty() && !ends;
        while !is_done {
            let mut buffer = Vec::new();
            let mut filler = Filler::new(size, choice & 1 == 1, &mut buffer);
            let taken = filler.push(rest, ends);
            rest = &rest[taken.octets..];
            is_done = if ends { taken.record_ended } else { rest.is_empty() };
            assert!(filler.finish() <= size.octets());
            written.extend_from_slice(&buffer[1..]);
        }
    }
    assert_eq!(self::records(&written).unwrap(), (records, is_open));
}

/// The records of a buffer, and whether the last one goes on.
fn records(octets: &[u8]) -> Result<(Vec<Vec<u8>>, bool), oftp::exchange_buffer::SubRecordError> {
    let mut sub_records = SubRecords::new(octets);
    let mut singly = vec![Vec::new()];
    for sub_record in sub_records.clone() {
        let sub_record = sub_record?;
        sub_record.append_to(singly.last_mut().unwrap());
        if sub_record.ends_record {
            singly.push(Vec::new());
        }
    }
    let mut records = Vec::new();
    loop {
        let mut record = Vec::new();
        let part = sub_records.append_record(&mut record)?;
        records.push(record);
        if part == RecordPart::Open {
            assert_eq!(records, singly);
            return Ok((records, true));
        }
    }
}

/// Any sub-records are taken or refused, and counted; any stored file that is sent arrives as it
/// was, with the same counts, however it is cut.
pub(crate) fn record(octets: &[u8]) {
    let Some((choice, octets)) = choose(octets) else {
        return;
    };
    let length = u32::from(choice >> 3) + 1;
    let format = match choice & 3 {
        0 => Format::Unstructured,
        1 => Format::from_parts('F', length).unwrap(),
        2 => Format::from_parts('V', length).unwrap(),
        _ => Format::from_parts('V', 99_999).unwrap(),
    };
    let mut incoming = Incoming::new(format, Counts::default());
    let mut stored = Vec::new();
    if incoming.take(octets, &mut stored).is_ok() && incoming.finish().is_ok() {
        let counts = incoming.counts();
        let is_variable = matches!(format, Format::Variable { .. });
        let lengths = if is_variable { 2 * counts.records } else { 0 };
        assert_eq!(stored.len() as u64, counts.octets + lengths);
        assert_eq!(send(format, choice, &stored), Some(counts));
    }
    send(format, choice, octets);
}

/// Sends a stored file and receives it; `None` if it is not of the format.
fn send(format: Format, choice: u8, stored: &[u8]) -> Option<Counts> {
    let size = BufferSize::try_from(128 + u32::from(choice)).unwrap();
    let mut outgoing = Outgoing::new(format, size, choice & 4 == 4, Counts::default());
    let mut incoming = Incoming::new(format, Counts::default());
    let (mut arrived, mut rest) = (Vec::new(), stored);
    let piece = usize::from(choice) * 3 + 1;
    while !outgoing.is_ended() {
        let mut buffer = Vec::new();
        let next = rest.get(..piece).unwrap_or(rest);
        let filled = outgoing.fill(next, next.len() == rest.len(), &mut buffer).ok()?;
        assert_eq!(filled.buffer, buffer.len());
        assert!(buffer.len() <= size.octets());
        assert!(filled.taken > 0 || filled.buffer > 0 || rest.is_empty());
        rest = &rest[filled.taken..];
        if let Some((&command, sub_records)) = buffer.split_first() {
            assert_eq!(command, b'D');
            incoming.take(sub_records, &mut arrived).unwrap();
        }
    }
    assert!(rest.is_empty());
    assert_eq!(arrived, stored);
    assert_eq!(incoming.finish(), Ok(outgoing.counts()));
    Some(outgoing.counts())
}

/// A session that is fed anything goes on or ends, and says the same however the octets are cut.
pub(crate) fn session(octets: &[u8]) {
    let Some((choice, octets)) = choose(octets) else {
        return;
    };
    let size = usize::from(choice >> 1) + 1;
    let is_initiator = choice & 1 == 1;
    assert_eq!(said(is_initiator, octets.chunks(size)), said(is_initiator, [octets].into_iter()));
}

/// What a session with a willing user answers, and the payload that it receives.
fn said<'a>(is_initiator: bool, pieces: impl Iterator<Item = &'a [u8]>) -> (Vec<u8>, Vec<u8>) {
    let now = Duration::ZERO;
    let (timers, tolerance) = (Timers::default(), Tolerance::default());
    let mut session = if is_initiator {
        Session::initiator(terms(), timers, tolerance, Framing::Stream)
    } else {
        Session::responder(timers, tolerance, Framing::Stream)
    };
    session.connected(now);
    let mut payload = Vec::new();
    for mut rest in pieces {
        while !rest.is_empty() {
            let used = session.receive(rest, &mut payload, now);
            assert!(used > 0 && used <= rest.len());
            rest = &rest[used..];
            while let Some(event) = session.poll_event() {
                answer(&mut session, event);
            }
        }
    }
    (std::mem::take(session.transmit()), payload)
}

fn answer(session: &mut Session, event: Event) {
    let request = match event {
        Event::PartnerPresented(_) => Request::AcceptSession(Box::new(terms())),
        Event::FileOffered(sfid) if sfid.restart % 2 == 1 => Request::RefuseFile {
            reason: oftp::FileReason::DuplicateFile,
            retry: false,
            text: ReasonText::default(),
        },
        Event::UnfitFileOffered { reason, .. } => {
            Request::RefuseFile { reason, retry: false, text: ReasonText::default() }
        }
        Event::FileOffered(_) => Request::AcceptFile { restart: 0, already: Counts::default() },
        Event::FileEnded { fault: Some(fault), .. } => {
            Request::RefuseClose { reason: fault.reason(), text: ReasonText::default() }
        }
        Event::FileEnded { .. } => Request::AcceptClose { change_direction: true },
        Event::EerpReceived(eerp) => {
            let _ = session.handle(Request::ReadyToReceive, Duration::ZERO);
            let eerp = Eerp { seal: None, ..*eerp };
            Request::SendEerp(Box::new(eerp))
        }
        Event::NerpReceived(_) => Request::ReadyToReceive,
        Event::DirectionReceived if session.may_release() => Request::Release,
        Event::DirectionReceived | Event::FileCompleted { change_direction: false } => {
            Request::ChangeDirection
        }
        _ => return,
    };
    // Not every answer is in place in every session that octets out of nowhere lead to.
    let _ = session.handle(request, Duration::ZERO);
}

fn terms() -> Terms {
    Terms {
        level: Level::V2_0,
        minimum_level: Level::V1_2,
        identity: "O0013FUZZ".parse().unwrap(),
        password: "SECRET".parse().unwrap(),
        user_data: oftp::UserData::default(),
        buffer_size: BufferSize::MAXIMUM,
        credit: Credit::MAXIMUM,
        compression: true,
        restart: true,
        capability: oftp::Capability::Both,
        authentication: false,
    }
}
