//! What the tests share: lines on an exchange, calls between them, and units that are compared.
#![allow(dead_code, reason = "not every test needs everything")]

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Mutex;
use std::time::Duration;

use capi::backend::Access;
use capi::machine::{CallRequest, Ending, Listen, Settings};
use capi::{Connection, Line, LineError, State};
use capi_sim::{Device, Exchange, Port, Remote};
use capi_sys::message::{CallContents, Controller, PhoneNumber};
use capi_sys::remote::{Dialect, Login};
use support::{PseudoRandom, TemporaryDirectory, wait_until};

/// Ends the test as skipped where no file can stand in for `/dev/capi20`.
#[allow(unused_macros, reason = "not every test needs everything")]
macro_rules! needs_device {
    () => {
        if let Some(reason) = capi_sim::device::obstacle() {
            support::skip!(fuse, "{reason}");
        }
    };
}

/// Every way in which a line can reach the exchange here; that one is missing is told.
#[allow(unused_macros, reason = "not every test needs everything")]
macro_rules! ways {
    () => {{
        fn here() {}
        match capi_sim::device::obstacle() {
            None => vec![By::Remote, By::Device],
            Some(reason) => {
                let test = support::test_name(std::any::type_name_of_val(&here));
                support::record_skip(&format!("{test} by device"), "fuse", reason);
                vec![By::Remote]
            }
        }
    }};
}

/// Long, because machines are slow; nothing here waits for it unless something hangs.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// The number of the line on controller 1.
pub(crate) const FIRST: &str = "4411";
/// The number of the line on controller 2.
pub(crate) const SECOND: &str = "4422";

pub(crate) fn number(digits: &str) -> PhoneNumber {
    digits.parse().unwrap()
}

pub(crate) fn controller(number: u8) -> Controller {
    Controller::new(number).unwrap()
}

pub(crate) fn loopback() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 0).into()
}

/// Two basic rate accesses with ISO 8208.
pub(crate) fn ports() -> [Port; 2] {
    [Port::with_iso_8208([number(FIRST)]), Port::with_iso_8208([number(SECOND)])]
}

/// The same with ISO 7776 only.
pub(crate) fn link_ports() -> [Port; 2] {
    [Port::with_link_only([number(FIRST)]), Port::with_link_only([number(SECOND)])]
}

pub(crate) fn settings(number: u8) -> Settings {
    Settings::new(controller(number))
}

/// How a line reaches the exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    /// By remote CAPI.
    Remote,
    /// By a file that stands in for `/dev/capi20`.
    Device,
}

impl By {
    /// Opens the exchange for lines.
    pub(crate) async fn open(self, exchange: &Exchange) -> Way {
        match self {
            Self::Remote => Way::Remote(exchange.remote(loopback()).await.unwrap()),
            Self::Device => {
                let directory = TemporaryDirectory::new();
                let device = exchange.device(directory.join("capi20")).unwrap();
                Way::Device(exchange.clone(), Mutex::new(Some(device)), directory)
            }
        }
    }
}

/// A way to the exchange.
pub(crate) enum Way {
    Remote(Remote),
    Device(Exchange, Mutex<Option<Device>>, TemporaryDirectory),
}

impl Way {
    pub(crate) fn access(&self) -> Access {
        match self {
            Self::Remote(remote) => access(remote, None, Dialect::Libcapi),
            Self::Device(_, _, directory) => Access::Device(directory.join("capi20")),
        }
    }

    /// Breaks every connection: by a reset of TCP, or as a driver does that is loaded anew.
    pub(crate) fn reset(&self) {
        match self {
            Self::Remote(remote) => remote.reset(),
            Self::Device(exchange, device, directory) => {
                let mut device = device.lock().unwrap();
                drop(device.take());
                *device = Some(exchange.device(directory.join("capi20")).unwrap());
            }
        }
    }
}

pub(crate) fn access(remote: &Remote, login: Option<Login>, dialect: Dialect) -> Access {
    let address = remote.address();
    Access::Remote { host: address.ip().to_string(), port: address.port(), login, dialect }
}

/// A line whose driver works until it is dropped, and comes back fast.
pub(crate) fn line_by(access: Access, settings: Settings) -> Line {
    let (line, driver) = capi::line(access, settings);
    let soon = Duration::from_millis(10);
    tokio::spawn(driver.with_backoff(soon, soon).run());
    line
}

/// A line that listens for every number of its controller.
pub(crate) async fn listening(way: &Way, settings: Settings) -> Line {
    let line = line_by(way.access(), settings);
    line.listen(Some(Listen::default())).unwrap();
    stands(&line, &State::Listening).await;
    line
}

/// An exchange of two controllers, and a line on each.
pub(crate) struct Pair {
    pub(crate) exchange: Exchange,
    pub(crate) way: Way,
    pub(crate) first: Line,
    pub(crate) second: Line,
}

impl Pair {
    pub(crate) async fn new(by: By, ports: [Port; 2]) -> Self {
        Self::with(by, ports, settings(1), settings(2)).await
    }

    pub(crate) async fn with(by: By, ports: [Port; 2], first: Settings, second: Settings) -> Self {
        let exchange = Exchange::new(ports);
        let way = by.open(&exchange).await;
        let first = listening(&way, first).await;
        let second = listening(&way, second).await;
        Self { exchange, way, first, second }
    }

    /// A call of the first line to the second one: both ends.
    pub(crate) async fn call(&self) -> [Connection; 2] {
        connect(&self.first, &self.second, SECOND).await.unwrap()
    }

    /// Both lines can be called and carry units, and nothing of former calls is left.
    pub(crate) async fn is_well(&self) {
        stands(&self.first, &State::Listening).await;
        stands(&self.second, &State::Listening).await;
        tokio::join!(
            talk(&self.first, &self.second, SECOND),
            talk(&self.second, &self.first, FIRST),
        );
        self.is_free().await;
    }

    /// No call is left in the exchange.
    pub(crate) async fn is_free(&self) {
        wait_until("every call is freed", PATIENCE, async || match self.exchange.legs() {
            0 => Ok(()),
            legs => Err(format!("{legs} are not")),
        })
        .await;
    }
}

/// What must come to an end, or fails the test.
pub(crate) async fn within<T>(what: &str, work: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, work).await.unwrap_or_else(|_| panic!("{what} hangs"))
}

pub(crate) async fn stands(line: &Line, wanted: &State) {
    let state = line.state();
    wait_until(&format!("the line is {wanted:?}"), PATIENCE, async || {
        let state = state.borrow().clone();
        if state == *wanted { Ok(()) } else { Err(format!("{state:?}")) }
    })
    .await;
}

/// Waits until the line is down for this reason.
pub(crate) async fn is_down(line: &Line, wanted: &str) {
    let mut state = line.state();
    let is_it = |state: &State| matches!(state, State::Down { code, .. } if *code == wanted);
    within(wanted, state.wait_for(is_it)).await.unwrap();
}

pub(crate) fn request(digits: &str) -> CallRequest {
    CallRequest { number: number(digits), own_number: None, packet: CallContents::default() }
}

/// Calls, and takes the call on the other line: both ends.
pub(crate) async fn connect(
    from: &Line,
    to: &Line,
    digits: &str,
) -> Result<[Connection; 2], LineError> {
    let calling = async {
        let accepting = async {
            loop {
                let call = to.accept().await.unwrap();
                if let Ok(connection) = call.accept().await {
                    return connection;
                }
            }
        };
        let calling = from.call(request(digits));
        tokio::pin!(accepting, calling);
        tokio::select! {
            accepted = &mut accepting => Ok([calling.await?, accepted]),
            outcome = &mut calling => Ok([outcome?, accepting.await]),
        }
    };
    within("a call", calling).await
}

/// Tries to call until it works, and carries a unit both ways.
pub(crate) async fn talk(from: &Line, to: &Line, digits: &str) {
    let [mut here, mut there] =
        wait_until("a call works", PATIENCE, async || connect(from, to, digits).await).await;
    here.send(b"question".to_vec()).await.unwrap();
    assert_eq!(within("a unit", there.receive()).await.unwrap(), b"question");
    there.send(b"answer".to_vec()).await.unwrap();
    assert_eq!(within("a unit", here.receive()).await.unwrap(), b"answer");
    within("closing", here.close()).await;
    assert_eq!(within("the end", there.receive()).await, None);
}

/// Units around every length at which something is cut.
pub(crate) fn units(seed: u64) -> Vec<Vec<u8>> {
    const LENGTHS: [usize; 15] =
        [1, 2, 127, 128, 129, 255, 256, 257, 896, 1024, 2047, 2048, 2049, 5000, 99_999];
    let mut random = PseudoRandom::new(seed);
    LENGTHS.into_iter().map(|length| random.octets(length)).collect()
}

/// Both ends send all their units at once, and get all of the other's.
pub(crate) async fn exchange_units(here: Connection, there: Connection) -> [Halves; 2] {
    let (here_out, mut here_in) = here.split();
    let (there_out, mut there_in) = there.split();
    let (ours, theirs) = (units(1), units(2));
    let send = async |out: &capi::Outbound, units: &[Vec<u8>]| {
        for unit in units {
            out.send(unit.clone()).await.unwrap();
        }
    };
    let receive = async |inbound: &mut capi::Inbound, units: &[Vec<u8>]| {
        for (number, unit) in units.iter().enumerate() {
            let got = inbound.receive().await;
            assert!(got.as_ref() == Some(unit), "unit {number} is not what was sent");
        }
    };
    let all = async {
        tokio::join!(
            send(&here_out, &ours),
            send(&there_out, &theirs),
            receive(&mut there_in, &ours),
            receive(&mut here_in, &theirs),
        )
    };
    within("the exchange of units", all).await;
    [(here_out, here_in), (there_out, there_in)]
}

/// A connection in its two halves.
pub(crate) type Halves = (capi::Outbound, capi::Inbound);

/// Reads until the end: what came, and why it ended.
pub(crate) async fn drain(connection: &mut Connection) -> (Vec<Vec<u8>>, Ending) {
    let mut units = Vec::new();
    while let Some(unit) = within("a connection that is over", connection.receive()).await {
        units.push(unit);
    }
    (units, connection.ending().unwrap())
}

/// Sends until the connection is over: how many units went, and why no more did.
pub(crate) async fn send_until_the_end(connection: &Connection, unit: &[u8]) -> (usize, LineError) {
    let sending = async {
        let mut sent = 0;
        loop {
            match connection.send(unit.to_vec()).await {
                Ok(()) => sent += 1,
                Err(error) => return (sent, error),
            }
        }
    };
    within("sending", sending).await
}
