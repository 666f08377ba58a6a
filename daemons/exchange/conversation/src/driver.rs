//! The driver: it owns the transport and the engine, and turns what the engine tells into rows,
//! files and answers.

mod ending;
mod incoming;
mod listening;
mod logon;
mod outgoing;
mod recorded;
mod speaking;
mod turn;

use std::sync::Arc;
use std::time::Duration;

use configuration::{Configuration, Partner};
use domain::{ENDED_IN_ORDER, PartnerName, Purpose};
use oftp::session::{Event, Session, Timers};
use packaging::challenge::Challenge;
use runtime::{Active, Activity, Beginning};
use store::{Direction, SessionCounts, SessionId, Wakeups};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use transport::{Connection, ConnectionError, GivesWay};

use crate::door::Door;
use crate::outcome::{Outcome, Stop, abort_code, abort_text};

use self::incoming::Incoming;
use self::outgoing::Outgoing;
use self::speaking::Pending;
use self::turn::Turn;

/// From the connection until both sides know each other. It holds against a peer that sends an
/// octet now and then.
const LOGON_LIMIT: Duration = Duration::from_mins(1);

/// One piece of what we write (at most the engine's high-water mark and a command) has to be taken
/// within this time: a slow ISDN line does 256 KiB in under a minute.
const WRITE_LIMIT: Duration = Duration::from_mins(5);

/// At shutdown a file under way may still finish for so long, then it is parked.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(5);

/// Octets read at once: little while a session idles, more while a file comes.
const READ_IDLE: usize = 2 * 1024;
const READ_BUSY: usize = 128 * 1024;

/// A session that we begin.
#[derive(Debug, Clone)]
pub struct Call {
    /// Whom we called.
    pub partner: Arc<Partner>,
    /// What for.
    pub purpose: Purpose,
    /// Whether both sides are to prove by their certificates who they are.
    pub authenticated: bool,
}

/// Runs the session of a partner that called us, if it is let in at the door.
pub async fn respond(active: Active, connection: impl Into<Connection>, door: &Door) -> Outcome {
    let connection = connection.into();
    let configuration = active.configuration.borrow().clone();
    let tolerance = configuration
        .partners()
        .find(|partner| {
            let shown = connection.certificate();
            shown.is_some_and(|shown| shown.partners().any(|name| name == partner.name.as_str()))
        })
        .map_or_else(oftp::Tolerance::default, |partner| partner.protocol.tolerance);
    let engine = Session::responder(Timers::default(), tolerance, connection.framing());
    // On the heap, so that a task that awaits a session stays small.
    let mut conversation = Conversation::new(active, configuration, connection, engine, None);
    conversation.door = door.clone();
    Box::pin(conversation.run()).await
}

/// Runs a session with a partner that we called.
pub async fn initiate(active: Active, connection: impl Into<Connection>, call: Call) -> Outcome {
    let connection = connection.into();
    let configuration = active.configuration.borrow().clone();
    let terms = logon::terms(&configuration, &call.partner, call.authenticated);
    let tolerance = call.partner.protocol.tolerance;
    let timers = logon::timers(&call.partner);
    let engine = Session::initiator(terms, timers, tolerance, connection.framing());
    Box::pin(Conversation::new(active, configuration, connection, engine, Some(call)).run()).await
}

pub(crate) struct Conversation {
    active: Active,
    configuration: Arc<Configuration>,
    connection: Connection,
    engine: Session,
    direction: Direction,
    purpose: Purpose,
    activity: Arc<Activity>,
    door: Door,
    /// Until the caller is known.
    gives_way: GivesWay,
    wakeups: Wakeups,
    origin: Instant,
    /// Octets read and not yet taken by the engine; of a line at most one packet.
    inbound: Vec<u8>,
    /// Whether the other side has said anything.
    has_heard: bool,
    /// Decoded octets of the file that is coming in.
    payload: Vec<u8>,
    partner: Option<Arc<Partner>>,
    /// What the partner has to decrypt to show who it is.
    challenge: Option<Challenge>,
    record: Option<SessionId>,
    counts: SessionCounts,
    incoming: Option<Incoming>,
    outgoing: Option<Outgoing>,
    pending: Pending,
    turn: Turn,
    /// Since when we speak, have nothing to say, and wait for receipts of this session's files.
    lingering_until: Option<Instant>,
    shutdown_at: Option<Instant>,
    ended: Option<(String, Option<String>)>,
}

enum Woken {
    Read,
    Closed,
    TimedOut,
    StoreChanged,
}

impl Conversation {
    fn new(
        active: Active,
        configuration: Arc<Configuration>,
        connection: Connection,
        engine: Session,
        call: Option<Call>,
    ) -> Self {
        let direction = if call.is_some() { Direction::Out } else { Direction::In };
        let activity = Arc::new(active.activities.begin(Beginning {
            partner: call.as_ref().map(|call| call.partner.name.clone()),
            direction: match direction {
                Direction::In => runtime::Direction::In,
                Direction::Out => runtime::Direction::Out,
            },
            transport: connection.kind().as_str(),
            peer: connection.peer(),
        }));
        let gives_way = connection.gives_way();
        Self {
            wakeups: active.store.wakeups(),
            door: Door::default(),
            gives_way,
            active,
            configuration,
            connection,
            engine,
            direction,
            purpose: call.as_ref().map_or(Purpose::Exchange, |call| call.purpose),
            activity,
            origin: Instant::now(),
            inbound: Vec::new(),
            has_heard: false,
            payload: Vec::new(),
            partner: call.map(|call| call.partner),
            challenge: None,
            record: None,
            counts: SessionCounts::default(),
            incoming: None,
            outgoing: None,
            pending: Pending::default(),
            turn: Turn::begins(),
            lingering_until: None,
            shutdown_at: None,
            ended: None,
        }
    }

    async fn run(mut self) -> Outcome {
        let now = self.now();
        self.engine.connected(now);
        if let Err(stop) = self.converse().await {
            self.stop(stop).await;
        }
        self.close().await
    }

    /// One turn after the other until the engine has hung up.
    async fn converse(&mut self) -> Result<(), Stop> {
        loop {
            self.store_payload().await?;
            while let Some(event) = self.engine.poll_event() {
                self.on_event(event).await?;
            }
            if self.engine.has_ended() {
                self.flush().await?;
                return Ok(());
            }
            self.speak().await?;
            self.feed().await?;
            let has_written = self.flush().await?;
            if self.take_in() {
                continue;
            }
            if has_written && self.engine.can_send_data() && self.outgoing.is_some() {
                // More to send: look whether the partner says something, but do not wait for it.
                // Only after something was written: a turn in which nothing moves has to end in a
                // wait, whatever the engine says.
                tokio::task::yield_now().await;
                self.glance().await?;
                continue;
            }
            self.settle_if_due().await?;
            match self.wait().await? {
                Woken::Read | Woken::StoreChanged => {}
                Woken::Closed => {
                    let now = self.now();
                    self.engine.disconnected(now);
                }
                Woken::TimedOut => {
                    let now = self.now();
                    self.engine.time_out(now);
                }
            }
        }
    }

    async fn on_event(&mut self, event: Event) -> Result<(), Stop> {
        match event {
            Event::PartnerPresented(ssid) => self.partner_presented(&ssid).await,
            Event::Established(agreed) => self.established(&agreed).await,
            Event::FileOffered(sfid) => self.file_offered(*sfid).await,
            Event::UnfitFileOffered { reason, error } => {
                self.unfit_file_offered(reason, error).await
            }
            Event::FileEnded { announced, seen, fault } => {
                self.file_ended(announced, seen, fault).await
            }
            Event::EerpReceived(eerp) => self.eerp_received(&eerp).await,
            Event::NerpReceived(nerp) => self.nerp_received(&nerp).await,
            Event::FileAccepted { restart } => self.file_accepted(restart).await,
            Event::FileRefused { reason, retry, text } => {
                self.file_refused(reason, retry, &text.text()).await
            }
            Event::FileCompleted { change_direction } => {
                // The engine gives it at once.
                if change_direction {
                    self.turn = Turn::begins();
                }
                self.file_completed().await
            }
            Event::FileCloseRefused { reason, text } => {
                self.file_close_refused(reason, &text.text()).await
            }
            Event::ReceiptConfirmed => {
                self.receipt_confirmed();
                Ok(())
            }
            // What follows from speaking is decided by the engine's state, in `speak`.
            Event::DirectionReceived => {
                self.turn = Turn::begins();
                Ok(())
            }
            Event::Disconnect => Ok(()),
            Event::Released => {
                self.ended.get_or_insert((ENDED_IN_ORDER.to_owned(), None));
                Ok(())
            }
            Event::Aborted { by, reason, text } => {
                // Nothing is waited for any more but that the partner hangs up.
                self.lingering_until = None;
                self.ended.get_or_insert_with(|| {
                    (abort_code(by, reason), Some(abort_text(by, reason, &text.text())))
                });
                Ok(())
            }
            Event::ChallengeWanted => self.challenge_wanted().await,
            Event::ChallengeReceived(challenge) => self.challenge_received(challenge).await,
            Event::ChallengeAnswered(response) => self.challenge_answered(&response),
        }
    }

    /// Gives the engine what has been read; false when there was nothing, or nothing it could use
    /// before more is read or an answer given.
    fn take_in(&mut self) -> bool {
        let held_back = self.engine.holds_back();
        if self.inbound.is_empty() && !held_back {
            return false;
        }
        self.has_heard = true;
        let now = self.now();
        let used = self.engine.receive(&self.inbound, &mut self.payload, now);
        self.inbound.drain(..used);
        used > 0 || held_back
    }

    async fn wait(&mut self) -> Result<Woken, Stop> {
        if self.shutdown_at.is_some() && self.incoming.is_none() && self.outgoing.is_none() {
            return Err(Stop::Shutdown);
        }
        let deadline = self.deadline();
        let draining = self.shutdown_at.is_some();
        let lingering = self.lingering_until.is_some();
        let is_logging_on = self.is_logging_on();
        let size = if self.incoming.is_some() { READ_BUSY } else { READ_IDLE };
        let Self { connection, inbound, activity, active, wakeups, gives_way, .. } = self;
        let read = tokio::select! {
            biased;
            reason = activity.aborted() => return Err(Stop::Operator(reason)),
            () = gives_way.told(), if is_logging_on => return Err(Stop::GaveWay),
            read = connection.receive(inbound, size) => read,
            () = active.shutdown.cancelled(), if !draining => {
                self.shutdown_at = Some(Instant::now() + SHUTDOWN_GRACE);
                return Ok(Woken::StoreChanged);
            }
            () = wakeups.changed(), if lingering => return Ok(Woken::StoreChanged),
            () = sleep_until(deadline) => return self.timed_out(),
        };
        woken_by(read)
    }

    /// Takes what lies ready without waiting.
    async fn glance(&mut self) -> Result<(), Stop> {
        if let Some(reason) = self.activity.abort_reason() {
            return Err(Stop::Operator(reason));
        }
        if self.active.shutdown.is_cancelled() {
            let until = *self.shutdown_at.get_or_insert_with(|| Instant::now() + SHUTDOWN_GRACE);
            if Instant::now() >= until {
                return Err(Stop::Shutdown);
            }
        }
        let Self { connection, inbound, .. } = self;
        let read = tokio::select! {
            biased;
            read = connection.receive(inbound, READ_IDLE) => read,
            () = std::future::ready(()) => return Ok(()),
        };
        if let Woken::Closed = woken_by(read)? {
            let now = self.now();
            self.engine.disconnected(now);
        }
        Ok(())
    }

    /// The nearest of: the engine's timers, the logon's end, lingering's end, shutdown's grace, and
    /// when something done has to be recorded.
    fn deadline(&self) -> Instant {
        let far = Instant::now() + Duration::from_hours(1);
        let engine = self.engine.deadline().map(|deadline| self.origin + deadline);
        let logon = self.is_logging_on().then_some(self.origin + LOGON_LIMIT);
        [engine, logon, self.lingering_until, self.shutdown_at, self.settle_deadline()]
            .into_iter()
            .flatten()
            .fold(far, Instant::min)
    }

    fn timed_out(&mut self) -> Result<Woken, Stop> {
        let now = Instant::now();
        if self.shutdown_at.is_some_and(|at| now >= at) {
            return Err(Stop::Shutdown);
        }
        if self.is_logging_on() && now >= self.origin + LOGON_LIMIT {
            return Err(Stop::LogonTooSlow(LOGON_LIMIT.as_secs()));
        }
        let engine_due = self.engine.deadline().is_some_and(|due| now >= self.origin + due);
        Ok(if engine_due { Woken::TimedOut } else { Woken::StoreChanged })
    }

    /// Whether the logon still may come to something: not if it was refused, and the partner has yet
    /// to hang up.
    fn is_logging_on(&self) -> bool {
        self.record.is_none() && self.ended.is_none()
    }

    /// Writes what the engine has to say, whether there was anything; an operator and a shutdown are
    /// heard meanwhile.
    async fn flush(&mut self) -> Result<bool, Stop> {
        if self.engine.transmit().is_empty() {
            return Ok(false);
        }
        let Self { engine, connection, activity, active, shutdown_at, .. } = self;
        let written = tokio::select! {
            biased;
            reason = activity.aborted() => return Err(Stop::Operator(reason)),
            written = timeout(WRITE_LIMIT, connection.send(engine)) => written,
            () = grace_over(&active.shutdown, shutdown_at) => return Err(Stop::Shutdown),
        };
        written.map_err(|_| Stop::WriteTooSlow(WRITE_LIMIT.as_secs()))??;
        let now = self.now();
        self.engine.written(now);
        Ok(true)
    }

    /// Between files a session holds no large buffers: thousands of them may idle at once.
    fn rest(&mut self) {
        for buffer in [&mut self.payload, &mut self.inbound, self.engine.transmit()] {
            if buffer.is_empty() {
                *buffer = Vec::new();
            }
        }
    }

    /// The engine's time: since the session began.
    fn now(&self) -> Duration {
        self.origin.elapsed()
    }

    fn partner_name(&self) -> Option<PartnerName> {
        self.partner.as_ref().map(|partner| partner.name.clone())
    }
}

/// Until a shutdown has come, and what is under way has had its time.
async fn grace_over(shutdown: &CancellationToken, shutdown_at: &mut Option<Instant>) {
    if shutdown_at.is_none() {
        shutdown.cancelled().await;
    }
    sleep_until(*shutdown_at.get_or_insert_with(|| Instant::now() + SHUTDOWN_GRACE)).await;
}

fn woken_by(read: Result<usize, ConnectionError>) -> Result<Woken, Stop> {
    Ok(if read? == 0 { Woken::Closed } else { Woken::Read })
}
