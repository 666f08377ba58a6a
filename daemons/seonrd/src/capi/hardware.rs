//! Controllers by CAPI 2.0.

use std::fmt::Display;
use std::sync::Arc;

use capi::backend::Access;
use capi::machine::{CallRequest, Listen, Segmentation, Settings, Timers};
use capi::{Connection, Inbound, IncomingCall, Outbound, State};
use capi_sys::message::{
    CallContents, Controller as Number, Facilities, PacketSize, PhoneNumber, Window,
};
use capi_sys::remote::{Dialect, Login, Register};
use configuration::{
    CallUserData, CapiAccess, CapiController, CapiDialect, CapiSegmentation, IsdnAddress,
};
use futures::future::BoxFuture;
use tokio::sync::watch;
use transport::{Line, LineError, Packets};

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
        let number = Number::new(wanted.number.get()).map_err(unfit)?;
        let settings = settings(number, wanted)?;
        let numbers = wanted.numbers.iter().map(|number| phone_number(number));
        let numbers = numbers.collect::<Result<_, _>>()?;
        let listen = Listen { numbers, overlap: wanted.overlap };
        let (line, driver) = capi::line(access(&wanted.access), settings);
        // It ends when line and connections are dropped.
        tokio::spawn(driver.run());
        line.listen(Some(listen)).map_err(broken)?;
        Ok(Arc::new(CapiLine(line)))
    }
}

fn settings(number: Number, wanted: &CapiController) -> Result<Settings, LineError> {
    let usual = Settings::new(number);
    Ok(Settings {
        calls: wanted.max_sessions.get(),
        segmentation: match wanted.segmentation {
            CapiSegmentation::Packets => Segmentation::Packets,
            CapiSegmentation::Blocks => Segmentation::Blocks(Register::LONGEST_BLOCK),
        },
        packet_size: packet_size(wanted.packet_size)?,
        timers: Timers { idle: Some(wanted.idle_timeout), ..usual.timers },
        ..usual
    })
}

/// What a call to a partner says.
fn request(address: &IsdnAddress) -> Result<CallRequest, LineError> {
    let own_number = address.calling_number.as_ref().map(|own| phone_number(&own.dialled()));
    let size = address.packet_size.map(packet_size).transpose()?;
    let window = address.window.map(|window| Window::new(window.packets())).transpose();
    let user_data = address.call_user_data.as_ref().map(CallUserData::octets);
    Ok(CallRequest {
        number: phone_number(&address.number.dialled())?,
        own_number: own_number.transpose()?,
        packet: CallContents {
            facilities: Facilities {
                packet_size: size.map(|size| [size; 2]),
                window: window.map_err(unfit)?.map(|window| [window; 2]),
            },
            user_data: user_data.unwrap_or_default().to_vec(),
            ..CallContents::default()
        },
    })
}

fn packet_size(size: configuration::PacketSize) -> Result<PacketSize, LineError> {
    PacketSize::new(size.octets()).map_err(unfit)
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
            let connection = self.0.call(request(address)?).await.map_err(broken)?;
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

#[cfg(test)]
mod tests {
    use configuration::Transport;

    use super::*;

    #[test]
    fn what_the_manifests_say_of_a_line_and_of_a_call_is_what_capi_is_told() {
        const MANIFESTS: &str = "
apiVersion: seon.dev/v1alpha1
kind: SeonInstance
metadata: {name: acme}
spec:
  identity: {odetteId: O0013000001ACME, passwordSecretRef: {name: acme-oftp, key: password}}
  receive:
    capi:
      controllers:
      - {number: 1, device: {}, maxSessions: 30, packetSize: 1024, segmentation: Blocks,
         idleTimeout: 90s}
---
apiVersion: seon.dev/v1alpha1
kind: SeonPartner
metadata: {name: bolt}
spec:
  instanceRef: {name: acme}
  identity: {odetteId: O0013000002BOLT, passwordSecretRef: {name: acme-oftp, key: password}}
  transports:
  - isdn: {number: +49 221 7}
  - isdn: {number: '8', callingNumber: '9', callUserData: C000, packetSize: 256, window: 2}
---
apiVersion: v1
kind: Secret
metadata: {name: acme-oftp}
stringData: {password: GEHEIM}
";
        let configuration = configuration::parse(&[("acme.yaml", MANIFESTS)]).unwrap();
        let wanted = &configuration.instance.receive.capi[0];
        let settings = settings(Number::new(1).unwrap(), wanted).unwrap();
        assert_eq!((settings.calls, settings.packet_size.octets()), (30, 1024));
        assert_eq!(settings.segmentation, Segmentation::Blocks(2048));
        assert_eq!(settings.timers.idle.unwrap().as_secs(), 90);

        let partner = configuration.partner("bolt").unwrap();
        let [Transport::Isdn(plain), Transport::Isdn(full)] = partner.transports.as_slice() else {
            panic!("two");
        };
        let plain = request(plain).unwrap();
        assert_eq!((plain.number.as_str(), plain.own_number), ("00492217", None));
        assert_eq!(plain.packet, CallContents::default());
        let full = request(full).unwrap();
        assert_eq!((full.number.as_str(), full.own_number.unwrap().as_str()), ("8", "9"));
        assert_eq!(full.packet.user_data, [0xc0, 0]);
        let Facilities { packet_size, window } = full.packet.facilities;
        assert_eq!(packet_size, Some([PacketSize::new(256).unwrap(); 2]));
        assert_eq!(window, Some([Window::new(2).unwrap(); 2]));
    }
}
