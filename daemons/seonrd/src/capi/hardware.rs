//! Controllers by CAPI 2.0.

use std::fmt::Display;
use std::sync::Arc;

use capi::backend::Access;
use capi::machine::{CallRequest, Listen, Settings};
use capi::{Connection, Inbound, IncomingCall, Outbound, State};
use capi_sys::message::{CallContents, PhoneNumber};
use capi_sys::remote::{Dialect, Login};
use configuration::{CapiAccess, CapiController, CapiDialect, IsdnAddress};
use futures::future::BoxFuture;
use session::transport::{Line, LineError, Packets};
use tokio::sync::watch;

use super::controller::{Controller, Controllers, Ringing};

/// The codes of an end that nobody has to be told of.
const HUNG_UP: [&str; 2] = ["E-CAPI-CALL-CLOSED", "E-CAPI-CALL-CLEARED"];

/// A caller whose number the network does not tell.
const UNKNOWN: &str = "unknown number";

/// Adapters in this machine, and boxes that offer their lines by remote CAPI.
#[derive(Debug, Clone, Copy)]
pub struct Hardware;

impl Controllers for Hardware {
    fn open(&self, wanted: &CapiController) -> Result<Arc<dyn Controller>, LineError> {
        let number = capi_sys::message::Controller::new(wanted.number.get()).map_err(unfit)?;
        let settings = Settings { calls: wanted.max_sessions.get(), ..Settings::new(number) };
        let numbers = wanted.numbers.iter().map(|number| phone_number(number));
        let listen = Listen { numbers: numbers.collect::<Result<_, _>>()?, overlap: false };
        let (line, driver) = capi::line(access(&wanted.access), settings);
        // It ends when line and connections are dropped.
        tokio::spawn(driver.run());
        line.listen(Some(listen)).map_err(broken)?;
        Ok(Arc::new(CapiLine(line)))
    }
}

fn access(access: &CapiAccess) -> Access {
    match access {
        CapiAccess::Device(path) => Access::Device(path.clone()),
        CapiAccess::Remote(remote) => Access::Remote {
            host: remote.host.clone(),
            port: remote.port,
            login: remote.account.as_ref().map(|account| Login {
                user: account.user.clone(),
                password: account.password.expose().to_owned(),
            }),
            dialect: match remote.dialect {
                CapiDialect::Libcapi => Dialect::Libcapi,
                CapiDialect::Bintec => Dialect::Bintec,
            },
        },
    }
}

fn phone_number(digits: &str) -> Result<PhoneNumber, LineError> {
    digits.parse().map_err(unfit)
}

/// The configuration lets nothing through that CAPI cannot say; this keeps it total.
fn unfit(error: impl Display) -> LineError {
    LineError::new("E-CAPI-SETTINGS", error.to_string())
}

fn broken(error: capi::LineError) -> LineError {
    LineError::new(error.code(), error.to_string())
}

struct CapiLine(capi::Line);

impl Controller for CapiLine {
    fn state(&self) -> watch::Receiver<State> {
        self.0.state()
    }

    fn called(&self) -> BoxFuture<'_, Result<Ringing, LineError>> {
        Box::pin(async {
            let call = self.0.accept().await.map_err(broken)?;
            let ringing: Ringing = Box::pin(take(call));
            Ok(ringing)
        })
    }

    fn call<'a>(&'a self, address: &'a IsdnAddress) -> BoxFuture<'a, Result<Line, LineError>> {
        Box::pin(async {
            let own_number =
                address.calling_number.as_ref().map(|own| phone_number(&own.dialled()));
            let request = CallRequest {
                number: phone_number(&address.number.dialled())?,
                own_number: own_number.transpose()?,
                packet: CallContents::default(),
            };
            let connection = self.0.call(request).await.map_err(broken)?;
            Ok(Line::new(CapiPackets::of(connection), address.number.to_string()))
        })
    }
}

async fn take(call: IncomingCall) -> Result<Line, LineError> {
    let caller = match call.calling() {
        "" => UNKNOWN.to_owned(),
        number => number.to_owned(),
    };
    let connection = call.accept().await.map_err(broken)?;
    Ok(Line::new(CapiPackets::of(connection), caller))
}

struct CapiPackets {
    outbound: Outbound,
    inbound: Inbound,
}

impl CapiPackets {
    fn of(connection: Connection) -> Self {
        let (outbound, inbound) = connection.split();
        Self { outbound, inbound }
    }
}

impl Packets for CapiPackets {
    fn send(&mut self, packet: Vec<u8>) -> BoxFuture<'_, Result<(), LineError>> {
        Box::pin(async { self.outbound.send(packet).await.map_err(broken) })
    }

    fn receive(&mut self) -> BoxFuture<'_, Result<Option<Vec<u8>>, LineError>> {
        Box::pin(async {
            let packet = self.inbound.receive().await;
            match self.inbound.ending() {
                None => Ok(packet),
                _ if packet.is_some() => Ok(packet),
                // Who has said everything hangs up: CAPI, X.25 and ISDN each have a word for it.
                Some(ending) if HUNG_UP.contains(&ending.code()) => Ok(None),
                Some(ending) => Err(LineError::new(ending.code(), ending.to_string())),
            }
        })
    }

    fn close(&mut self) -> BoxFuture<'_, ()> {
        self.outbound.close();
        Box::pin(async { while self.inbound.receive().await.is_some() {} })
    }
}
