//! The receivers: accept, and run one session for each connection.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use configuration::Configuration;
use runtime::{Active, Listening, ServiceError};
use session::transport::{
    AcceptError, Arrival, Limits, ListenError, TcpReceiver, TlsReceiver, TlsServerSettings,
};
use session::{SettingsError, respond, server_settings};
use tokio::task::JoinSet;

/// From the connection until TLS stands.
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(30);

/// One address may hold this share of the sessions: one busy or hostile partner leaves room for
/// the others.
const ADDRESS_SHARE: usize = 2;

/// Receives on plain TCP until shutdown.
pub async fn tcpip(active: Active) -> Result<(), ServiceError> {
    run(active, Kind::Tcp).await
}

/// Receives on TLS until shutdown.
pub async fn tcpip_tls(active: Active) -> Result<(), ServiceError> {
    run(active, Kind::Tls).await
}

#[derive(Clone, Copy)]
enum Kind {
    Tcp,
    Tls,
}

/// What one configuration asks the listener to be.
struct Wanted {
    address: IpAddr,
    port: u16,
    limits: Limits,
    tls: Option<TlsServerSettings>,
}

enum Receiver {
    Tcp(TcpReceiver),
    Tls(TlsReceiver),
}

/// A listener as it stands.
struct Open {
    receiver: Receiver,
    /// What was asked for; port 0 stays 0.
    asked: (IpAddr, u16),
    _listening: Listening,
}

async fn run(active: Active, kind: Kind) -> Result<(), ServiceError> {
    active.supervisor.spawn("requests", session::operations::attend(active.clone(), None));
    let mut configuration = active.configuration.clone();
    let mut sessions = JoinSet::new();
    let mut open = match wanted(kind, &active.configuration())? {
        Some(wanted) => Some(listen(&active, kind, wanted)?),
        None => None,
    };
    loop {
        tokio::select! {
            () = active.shutdown.cancelled() => break,
            changed = configuration.changed() => {
                if changed.is_ok() {
                    open = follow(&active, kind, open);
                }
            }
            Some(_) = sessions.join_next(), if !sessions.is_empty() => {}
            arrival = accept(open.as_ref()) => match arrival {
                Ok(arrival) => { sessions.spawn(attend(active.clone(), arrival)); }
                Err(error) if error.is_fatal() => {
                    return Err(ServiceError::failed(error.code(), error));
                }
                Err(error) => {
                    active.metrics.error(error.code());
                    tracing::warn!(code = error.code(), "{error}");
                }
            },
        }
    }
    // Closed first: nobody new comes while the sessions finish or park.
    drop(open);
    while sessions.join_next().await.is_some() {}
    Ok(())
}

async fn attend(active: Active, arrival: Arrival) {
    let peer = arrival.peer_address();
    match arrival.establish().await {
        Ok(transport) => {
            respond(active, transport).await;
        }
        Err(error) => {
            active.metrics.error(error.code());
            tracing::warn!(%peer, code = error.code(), "{error}");
        }
    }
}

/// The next connection; never, while nothing listens.
async fn accept(open: Option<&Open>) -> Result<Arrival, AcceptError> {
    match open.map(|open| &open.receiver) {
        Some(Receiver::Tcp(receiver)) => receiver.accept().await,
        Some(Receiver::Tls(receiver)) => receiver.accept().await,
        None => std::future::pending().await,
    }
}

/// After a reload: sessions go on, the listener follows. What cannot be had leaves things as they
/// are, with a line in the log.
fn follow(active: &Active, kind: Kind, open: Option<Open>) -> Option<Open> {
    let wanted = match wanted(kind, &active.configuration()) {
        Ok(wanted) => wanted?,
        Err(error) => {
            active.metrics.error(error.code());
            tracing::error!(code = error.code(), "the listener stays as it was: {error}");
            return open;
        }
    };
    if let Some(open) = open.as_ref().filter(|open| open.asked == (wanted.address, wanted.port)) {
        match (&open.receiver, wanted.tls) {
            (Receiver::Tcp(receiver), _) => receiver.set_limits(wanted.limits),
            (Receiver::Tls(receiver), tls) => {
                receiver.set_limits(wanted.limits);
                if let Some(settings) = tls {
                    receiver.reload(settings);
                }
            }
        }
    } else {
        match listen(active, kind, wanted) {
            Ok(moved) => return Some(moved),
            Err(error) => {
                active.metrics.error(error.code());
                tracing::error!(code = error.code(), "the listener stays where it was: {error}");
            }
        }
    }
    open
}

fn listen(active: &Active, kind: Kind, wanted: Wanted) -> Result<Open, ServiceError> {
    let Wanted { address, port, limits, tls } = wanted;
    let name = match kind {
        Kind::Tcp => "tcpip",
        Kind::Tls => "tls",
    };
    let bound: Result<(Receiver, SocketAddr), ListenError> = match tls {
        None => TcpReceiver::bind(address, port, limits).map(|receiver| {
            let local = receiver.local_address();
            (Receiver::Tcp(receiver), local)
        }),
        Some(tls) => TlsReceiver::bind(address, port, limits, tls).map(|receiver| {
            let local = receiver.local_address();
            (Receiver::Tls(receiver), local)
        }),
    };
    let (receiver, local) = bound.map_err(|error| ServiceError::failed(error.code(), error))?;
    tracing::info!(address = %local, "listening");
    Ok(Open { receiver, asked: (address, port), _listening: active.listeners.bound(name, local) })
}

/// `None`: the configuration has no such listener.
fn wanted(kind: Kind, configuration: &Configuration) -> Result<Option<Wanted>, ServiceError> {
    let limits = |sessions: usize| Limits {
        sessions,
        sessions_per_address: (sessions / ADDRESS_SHARE).max(1),
        handshake: HANDSHAKE_LIMIT,
    };
    // A suspended instance listens on nothing; the daemon stays, and follows when that changes.
    if configuration.instance.suspend {
        return Ok(None);
    }
    let receive = &configuration.instance.receive;
    Ok(match kind {
        Kind::Tcp => receive.tcpip.as_ref().map(|tcpip| Wanted {
            address: tcpip.address,
            port: tcpip.port,
            limits: limits(tcpip.max_sessions.get()),
            tls: None,
        }),
        Kind::Tls => {
            match receive.tls.as_ref() {
                None => None,
                Some(tls) => Some(Wanted {
                    address: tls.address,
                    port: tls.port,
                    limits: limits(tls.max_sessions.get()),
                    tls: Some(server_settings(configuration, tls).map_err(
                        |error: SettingsError| ServiceError::failed(error.code(), error),
                    )?),
                }),
            }
        }
    })
}
