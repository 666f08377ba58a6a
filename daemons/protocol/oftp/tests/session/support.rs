//! One engine on a bench: brought into any state, given any event of RFC 5024 section 9.4, and
//! watched in the words of section 9.5.

#![allow(dead_code, reason = "each test binary uses its part")]

use std::time::Duration;

use oftp::command::{
    Auch, Aurp, Command, Eerp, Efna, Efpa, Esid, Nerp, Seal, Sfid, Sfna, Sfpa, Ssid,
};
use oftp::field::{
    Blocks, BufferSize, Capability, CipherSuite, Counts, Credit, Description, EndSessionReason,
    Envelope, FileCompression, FileIdentity, FileReason, Format, Level, NegativeReason, OdetteId,
    ReasonText, SecurityLevel, UserData,
};
use oftp::session::{
    AbortOrigin, Event, Framing, Request, Session, State, Terms, Timers, UserError,
};
use oftp::{Tolerance, stream};

pub(crate) const SECOND: Duration = Duration::from_secs(1);

/// The answer to a challenge on this bench.
pub(crate) const RESPONSE: [u8; 20] = *b"twenty random octets";

pub(crate) fn timers() -> Timers {
    Timers { response: 60 * SECOND, end_file: 90 * SECOND, disconnect: 10 * SECOND }
}

pub(crate) fn terms(identity: &str) -> Terms {
    Terms {
        level: Level::V2_0,
        minimum_level: Level::V1_2,
        identity: identity.parse().unwrap(),
        password: "SECRET".parse().unwrap(),
        user_data: UserData::default(),
        buffer_size: BufferSize::try_from(128).unwrap(),
        credit: Credit::try_from(3).unwrap(),
        // Off, so that a test can count its buffers.
        compression: false,
        restart: true,
        capability: Capability::Both,
        authentication: false,
    }
}

pub(crate) fn ours() -> Terms {
    terms("O0013000001OURS")
}

/// The partner's SSID, as able as we are.
pub(crate) fn theirs() -> Ssid {
    let terms = terms("O0013000002THEIRS");
    Ssid {
        level: terms.level,
        identity: terms.identity,
        password: terms.password,
        buffer_size: terms.buffer_size,
        capability: terms.capability,
        compression: terms.compression,
        restart: terms.restart,
        special_logic: false,
        credit: terms.credit,
        authentication: terms.authentication,
        user_data: terms.user_data,
    }
}

pub(crate) fn file(dataset_name: &str) -> FileIdentity {
    FileIdentity {
        dataset_name: dataset_name.parse().unwrap(),
        stamp: "202611221404050001".parse().unwrap(),
        originator: "O0013000001OURS".parse().unwrap(),
        destination: "O0013000002THEIRS".parse().unwrap(),
    }
}

pub(crate) fn sfid() -> Sfid {
    Sfid {
        file: file("ENGDAT00471"),
        user_data: UserData::default(),
        format: Format::Unstructured,
        size: Blocks::of_octets(1),
        original_size: Blocks::of_octets(1),
        restart: 0,
        security: SecurityLevel::None,
        cipher_suite: CipherSuite::NONE,
        compression: FileCompression::None,
        envelope: Envelope::None,
        signed_receipt: false,
        description: Description::default(),
    }
}

pub(crate) fn eerp() -> Eerp {
    Eerp { file: file("ENGDAT00471"), user_data: UserData::default(), seal: Some(Seal::default()) }
}

pub(crate) fn nerp() -> Nerp {
    Nerp {
        file: file("ENGDAT00471"),
        creator: "O0013000002THEIRS".parse::<OdetteId>().unwrap(),
        reason: NegativeReason::NotDelivered,
        text: ReasonText::fitting("nobody there"),
        seal: Some(Seal::default()),
    }
}

pub(crate) fn esid(reason: EndSessionReason) -> Command {
    Command::Esid(Esid { reason, text: ReasonText::fitting("because") })
}

/// An engine with its partner and its user played by the test.
pub(crate) struct Bench {
    pub(crate) session: Session,
    pub(crate) now: Duration,
    pub(crate) payload: Vec<u8>,
}

impl Bench {
    pub(crate) fn initiator(terms: Terms) -> Self {
        Self::with(Session::initiator(terms, timers(), Tolerance::STRICT, Framing::Stream))
    }

    pub(crate) fn responder() -> Self {
        Self::with(Session::responder(timers(), Tolerance::STRICT, Framing::Stream))
    }

    pub(crate) fn with(session: Session) -> Self {
        Self { session, now: SECOND, payload: Vec::new() }
    }

    /// A bench whose session has come to a state the way real ones do.
    pub(crate) fn in_state(state: State) -> Self {
        let bench = Self::on_the_way_to(state);
        assert_eq!(bench.session.state(), state, "the bench reaches the state");
        bench
    }

    #[expect(clippy::too_many_lines, reason = "one short way for each of 28 states")]
    fn on_the_way_to(state: State) -> Self {
        let mut bench = match state {
            State::Idle => return Self::responder(),
            State::WaitForConnection => return Self::initiator(ours()),
            State::WaitForReadyMessage => {
                let mut bench = Self::initiator(ours());
                bench.session.connected(bench.now);
                bench
            }
            State::WaitForStartSession => {
                let mut bench = Self::in_state(State::WaitForReadyMessage);
                bench.gets(&Command::Ssrm);
                bench
            }
            State::ConnectedOnly => {
                let mut bench = Self::responder();
                bench.session.connected(bench.now);
                bench
            }
            State::WaitForAcceptance => {
                let mut bench = Self::in_state(State::ConnectedOnly);
                bench.gets(&Command::Ssid(theirs()));
                bench
            }
            State::WaitForChallenge => Self::authenticating_initiator(),
            State::WaitForSecurityDirection => {
                let mut bench = Self::authenticating_initiator();
                bench.gets(&Command::Auch(Auch { challenge: vec![1; 30] }));
                bench.asks(Request::AnswerChallenge(RESPONSE)).unwrap();
                bench
            }
            State::WaitForChallengeResponse => {
                let mut bench = Self::in_state(State::WaitForSecurityDirection);
                bench.gets(&Command::Secd);
                bench.asks(Request::Challenge(vec![2; 30])).unwrap();
                bench
            }
            State::IdleSpeaker => {
                let mut bench = Self::in_state(State::WaitForStartSession);
                bench.gets(&Command::Ssid(theirs()));
                bench
            }
            State::IdleListener => {
                let mut bench = Self::in_state(State::WaitForAcceptance);
                bench.asks(Request::AcceptSession(Box::new(ours()))).unwrap();
                bench
            }
            State::IdleSpeakerDirectionReceived => {
                let mut bench = Self::in_state(State::IdleListener);
                bench.gets(&Command::Cd);
                bench
            }
            State::IdleListenerDirectionGiven => {
                let mut bench = Self::in_state(State::IdleSpeaker);
                bench.asks(Request::ChangeDirection).unwrap();
                bench
            }
            State::WaitForReadyToReceive => {
                let mut bench = Self::in_state(State::IdleSpeaker);
                bench.asks(Request::SendEerp(Box::new(eerp()))).unwrap();
                bench
            }
            State::OpenOutPending => {
                let mut bench = Self::in_state(State::IdleSpeaker);
                let sfid = Sfid { restart: 4, ..sfid() };
                bench.asks(Request::StartFile(Box::new(sfid))).unwrap();
                bench
            }
            State::OpenOut => {
                let mut bench = Self::in_state(State::OpenOutPending);
                bench.gets(&Command::Sfpa(Sfpa { restart: 0 }));
                bench
            }
            State::OpenOutWaitForCredit => {
                let mut bench = Self::in_state(State::OpenOut);
                bench.session.send_data(&[7; 1000], bench.now).unwrap();
                bench
            }
            State::CloseOutPending => {
                let mut bench = Self::in_state(State::OpenOut);
                bench.asks(Request::CloseFile { already: Counts::default() }).unwrap();
                bench
            }
            State::OpenInPending => {
                let mut bench = Self::in_state(State::IdleListener);
                bench.gets(&Command::Sfid(Sfid { restart: 4, ..sfid() }));
                bench
            }
            State::OpenIn => {
                let mut bench = Self::in_state(State::OpenInPending);
                bench.asks(Request::AcceptFile { restart: 0, already: Counts::default() }).unwrap();
                bench
            }
            State::CloseInPending => {
                let mut bench = Self::in_state(State::OpenIn);
                bench.gets(&Command::Efid(Counts::default()));
                bench
            }
            State::ReadyToReceivePending => {
                let mut bench = Self::in_state(State::IdleListener);
                bench.gets(&Command::Eerp(eerp()));
                bench
            }
            State::WaitForDirection => {
                let mut bench = Self::in_state(State::CloseInPending);
                bench.asks(Request::AcceptClose { change_direction: true }).unwrap();
                bench
            }
            State::EerpStored => {
                let mut bench = Self::in_state(State::WaitForDirection);
                bench.asks(Request::SendEerp(Box::new(eerp()))).unwrap();
                bench
            }
            State::NerpStored => {
                let mut bench = Self::in_state(State::WaitForDirection);
                bench.asks(Request::SendNerp(Box::new(nerp()))).unwrap();
                bench
            }
            State::StartFileStored => {
                let mut bench = Self::in_state(State::WaitForDirection);
                bench.asks(Request::StartFile(Box::new(sfid()))).unwrap();
                bench
            }
            State::DirectionStored => {
                let mut bench = Self::in_state(State::WaitForDirection);
                bench.asks(Request::ChangeDirection).unwrap();
                bench
            }
            State::WaitForDisconnect => {
                let mut bench = Self::in_state(State::IdleSpeaker);
                bench.asks(abort(EndSessionReason::EmergencyCloseDown)).unwrap();
                bench
            }
        };
        bench.outputs();
        bench
    }

    fn authenticating_initiator() -> Self {
        let mut bench = Self::initiator(Terms { authentication: true, ..ours() });
        bench.session.connected(bench.now);
        bench.gets(&Command::Ssrm);
        bench.gets(&Command::Ssid(Ssid { authentication: true, ..theirs() }));
        bench.outputs();
        bench
    }

    /// The responder at the same point: it has answered the partner's challenge last.
    pub(crate) fn authenticating_responder() -> Self {
        let mut bench = Self::in_state(State::ConnectedOnly);
        bench.gets(&Command::Ssid(Ssid { authentication: true, ..theirs() }));
        let terms = Terms { authentication: true, ..ours() };
        bench.asks(Request::AcceptSession(Box::new(terms))).unwrap();
        bench.outputs();
        bench
    }

    pub(crate) fn level(&self) -> Level {
        self.session.agreed().map_or(Level::V2_0, |agreed| agreed.level)
    }

    /// The partner says something.
    pub(crate) fn gets(&mut self, command: &Command) {
        let mut octets = Vec::new();
        let level = self.level();
        stream::frame(&mut octets, |octets| command.encode(level, octets)).unwrap().unwrap();
        self.receives(&octets);
    }

    /// Octets come from the partner.
    pub(crate) fn receives(&mut self, octets: &[u8]) {
        let mut rest = octets;
        while !rest.is_empty() {
            let used = self.session.receive(rest, &mut self.payload, self.now);
            assert!(used > 0, "every call uses octets");
            rest = &rest[used..];
        }
    }

    /// The user says something.
    pub(crate) fn asks(&mut self, request: Request) -> Result<(), UserError> {
        self.session.handle(request, self.now)
    }

    /// What the session said and told since the last look: commands, then indications, in the
    /// words of the RFC's tables.
    pub(crate) fn outputs(&mut self) -> String {
        let mut names: Vec<String> = self.said().iter().map(describe).collect();
        names.extend(self.told().iter().map(|event| primitive(event).to_owned()));
        names.join(" ")
    }

    /// The commands to be sent to the partner since the last look.
    pub(crate) fn said(&mut self) -> Vec<Command> {
        let octets = std::mem::take(self.session.transmit());
        commands(&octets, self.level())
    }

    /// The events since the last look.
    pub(crate) fn told(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.session.poll_event()).collect()
    }

    /// An event of section 9.4, by its name there in small letters.
    pub(crate) fn apply(&mut self, event: &str) -> Result<(), UserError> {
        if let Some(request) = request(event) {
            return self.asks(request);
        }
        if let Some(command) = command(event) {
            self.gets(&command);
            return Ok(());
        }
        match event {
            "f_data_rq" => self.session.send_data(&[7; 1000], self.now).map(drop),
            "n_con_cf" | "n_con_ind" => {
                self.session.connected(self.now);
                Ok(())
            }
            "n_disc_ind" => {
                self.session.disconnected(self.now);
                Ok(())
            }
            "n_rst_ind" => {
                self.session.reset(self.now);
                Ok(())
            }
            "time_out" => {
                self.now = self.session.deadline().unwrap_or(self.now);
                self.session.time_out(self.now);
                Ok(())
            }
            "invalid_buffer" => {
                self.receives(&[0x10, 0, 0, 5, b'?']);
                Ok(())
            }
            _ => panic!("{event} is no event of section 9.4"),
        }
    }
}

/// The user's requests and responses that the tables have as rows.
pub(crate) fn request(event: &str) -> Option<Request> {
    Some(match event {
        "f_connect_rs" => Request::AcceptSession(Box::new(ours())),
        "f_start_file_rq" => Request::StartFile(Box::new(sfid())),
        "f_close_file_rq" => Request::CloseFile { already: Counts::default() },
        "f_eerp_rq" => Request::SendEerp(Box::new(eerp())),
        "f_nerp_rq" => Request::SendNerp(Box::new(nerp())),
        "f_cd_rq" => Request::ChangeDirection,
        "f_rel_rq_ok" => Request::Release,
        "f_rel_rq_err" => abort(EndSessionReason::EmergencyCloseDown),
        "f_abort_rq" => Request::Disconnect,
        "f_start_file_rs" => Request::AcceptFile { restart: 0, already: Counts::default() },
        "f_close_file_rs" => Request::AcceptClose { change_direction: false },
        "f_rtr_rs" => Request::ReadyToReceive,
        _ => return None,
    })
}

/// The partner's commands that the tables have as rows.
pub(crate) fn command(event: &str) -> Option<Command> {
    Some(match event {
        "ssrm" => Command::Ssrm,
        "ssid" => Command::Ssid(theirs()),
        "auch" => Command::Auch(Auch { challenge: vec![3; 30] }),
        "aurp" => Command::Aurp(Aurp { response: RESPONSE }),
        "secd" => Command::Secd,
        "esid" | "esid_error" => esid(EndSessionReason::EmergencyCloseDown),
        "esid_normal" => esid(EndSessionReason::Normal),
        "sfid" => Command::Sfid(sfid()),
        "sfpa" => Command::Sfpa(Sfpa { restart: 0 }),
        "sfna" => Command::Sfna(Sfna {
            reason: FileReason::DuplicateFile,
            retry: false,
            text: ReasonText::fitting("had it"),
        }),
        "data" => Command::Data(oftp::command::Data { sub_records: b"\x05hello".to_vec() }),
        "cdt" => Command::Cdt,
        "efid" => Command::Efid(Counts::default()),
        "efpa" => Command::Efpa(Efpa { change_direction: false }),
        "efna" => Command::Efna(Efna {
            reason: FileReason::InvalidByteCount,
            text: ReasonText::fitting("short"),
        }),
        "cd" => Command::Cd,
        "eerp" => Command::Eerp(eerp()),
        "nerp" => Command::Nerp(nerp()),
        "rtr" => Command::Rtr,
        _ => return None,
    })
}

pub(crate) fn abort(reason: EndSessionReason) -> Request {
    Request::Abort { reason, text: ReasonText::fitting("closing down") }
}

/// The commands in a stream.
pub(crate) fn commands(octets: &[u8], level: Level) -> Vec<Command> {
    let mut rest = octets;
    let mut deframer = stream::Deframer::new(&Tolerance::ALL);
    let mut commands = Vec::new();
    while let Some(buffer) = deframer.next_buffer(&mut rest).unwrap() {
        commands.push(Command::decode(buffer, Some(level), &Tolerance::STRICT).unwrap());
    }
    assert!(deframer.is_at_boundary(), "only whole commands are queued");
    commands
}

fn describe(command: &Command) -> String {
    match command {
        Command::Esid(esid) => format!("ESID(R={})", esid.reason.code()),
        Command::Efpa(efpa) if efpa.change_direction => "EFPA(CD-Req)".into(),
        Command::Efpa(_) => "EFPA(no CD)".into(),
        other => other.name().to_string(),
    }
}

/// The event's name in section 9.5.
pub(crate) fn primitive(event: &Event) -> &'static str {
    match event {
        Event::PartnerPresented(_) => "F_CONNECT_IND",
        Event::Established(_) => "F_CONNECT_CF",
        Event::ChallengeWanted => "(challenge wanted)",
        Event::ChallengeReceived(_) => "(challenge received)",
        Event::ChallengeAnswered(_) => "(challenge answered)",
        Event::FileOffered(_) | Event::UnfitFileOffered { .. } => "F_START_FILE_IND",
        Event::FileAccepted { .. } => "F_START_FILE_CF(+)",
        Event::FileRefused { .. } => "F_START_FILE_CF(-)",
        Event::FileEnded { .. } => "F_CLOSE_FILE_IND",
        Event::FileCompleted { change_direction: true } => "F_CLOSE_FILE_CF(+,SP=No)",
        Event::FileCompleted { change_direction: false } => "F_CLOSE_FILE_CF(+,SP=Yes)",
        Event::FileCloseRefused { .. } => "F_CLOSE_FILE_CF(-)",
        Event::EerpReceived(_) => "F_EERP_IND",
        Event::NerpReceived(_) => "F_NERP_IND",
        Event::ReceiptConfirmed => "F_RTR_CF",
        Event::DirectionReceived => "F_CD_IND",
        Event::Released => "F_RELEASE_IND",
        Event::Aborted { by: AbortOrigin::Partner | AbortOrigin::Transport, .. } => {
            "F_ABORT_IND(AO=D)"
        }
        Event::Aborted { .. } => "F_ABORT_IND(AO=L)",
        Event::Disconnect => "N_DISC_RQ",
    }
}

/// A cell's test: the event in the state makes the outputs and leads to the next state.
#[track_caller]
pub(crate) fn check(mut bench: Bench, event: &str, outputs: &str, next: State) {
    let before = bench.session.state();
    bench.apply(event).unwrap_or_else(|error| panic!("{event} in {before}: {error}"));
    assert_eq!(bench.outputs(), outputs, "the outputs of {event} in {before}");
    assert_eq!(bench.session.state(), next, "the state after {event} in {before}");
}

/// A cell `U`, `W` or `X` for a request: refused with a reason, and nothing else happens.
#[track_caller]
pub(crate) fn check_refused(mut bench: Bench, event: &str) {
    let before = bench.session.state();
    let deadline = bench.session.deadline();
    let error = bench.apply(event).expect_err("the request is a user error");
    assert!(matches!(error, UserError::NotNow { state, .. } if state == before), "{error}");
    assert_eq!(bench.outputs(), "", "nothing is said or told");
    assert_eq!(bench.session.state(), before, "the session is as it was");
    assert_eq!(bench.session.deadline(), deadline, "and so is its timer");
}

/// A cell for something that cannot happen or does not matter: nothing happens.
#[track_caller]
pub(crate) fn check_ignored(bench: Bench, event: &str) {
    let before = bench.session.state();
    check(bench, event, "", before);
}
