//! The receivers: accept, and run one session for each connection.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use configuration::Configuration;
use conversation::{Door, Refused, Told, respond};
use ipnet::IpNet;
use runtime::{Active, Listening, ServiceError};
use tokio::task::JoinSet;
use transport::{
    AcceptError, Arrival, Limits, ListenError, SettingsError, TcpReceiver, TlsFault, TlsReceiver,
    TlsServerSettings, neighbourhood, server_settings,
};

/// From the connection until TLS stands.
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(30);

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
struct ListenerSettings {
    address: IpAddr,
    port: u16,
    limits: Limits,
    proxies: Vec<IpNet>,
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
    active
        .supervisor
        .spawn("requests", operations::attend(active.clone(), operations::Helpers::default()));
    let door = Door::default();
    active.supervisor.spawn("door", door.clone().keep(active.clone()));
    let mut configuration = active.configuration.clone();
    let mut followed = active.configuration();
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
                    let now = active.configuration();
                    // Who is locked out stays so when nothing but a list of revoked certificates is new.
                    if !now.is_same_reading(&followed) {
                        door.forget();
                    }
                    followed = now;
                    open = follow(&active, kind, open);
                }
            }
            Some(_) = sessions.join_next(), if !sessions.is_empty() => {}
            arrival = accept(open.as_ref()) => match arrival {
                Ok(arrival) => { sessions.spawn(attend(active.clone(), arrival, door.clone())); }
                Err(error) => return Err(ServiceError::failed(error.code(), error)),
            },
        }
    }
    // Closed first: nobody new comes while the sessions finish or park.
    drop(open);
    while sessions.join_next().await.is_some() {}
    Ok(())
}

async fn attend(active: Active, arrival: Arrival, door: Door) {
    let caller_of = |arrival: &Arrival| neighbourhood(arrival.peer_address().ip()).to_string();
    let mut caller = caller_of(&arrival);
    let establish = async {
        let arrival = arrival.unproxied().await?;
        caller = caller_of(&arrival);
        arrival.establish().await
    };
    let established = tokio::select! {
        established = establish => established,
        // Nothing is lost with a handshake: the caller calls again.
        () = active.shutdown.cancelled() => return,
    };
    match established {
        Ok(transport) => {
            respond(active, transport, &door).await;
        }
        Err(error) => {
            let (code, text) = (error.code().to_owned(), error.to_string());
            let told = match error.fault() {
                TlsFault::Bare => Told::Nobody,
                _ if error.is_of_silence() => Told::Log,
                _ => Told::Journal,
            };
            let refused = Refused { code, text, caller, partner: None, told };
            door.refused(&active, refused).await;
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
fn follow(active: &Active, kind: Kind, mut open: Option<Open>) -> Option<Open> {
    let wanted = match wanted(kind, &active.configuration()) {
        Ok(wanted) => wanted?,
        Err(error) => {
            active.metrics.error(error.code());
            tracing::error!(code = error.code(), "the listener stays as it was: {error}");
            return open;
        }
    };
    if let Some(same) = open.as_ref().filter(|open| open.asked == (wanted.address, wanted.port)) {
        match (&same.receiver, wanted.tls) {
            (Receiver::Tcp(receiver), _) => {
                receiver.set_limits(wanted.limits);
                receiver.set_proxies(wanted.proxies);
            }
            (Receiver::Tls(receiver), tls) => {
                receiver.set_limits(wanted.limits);
                receiver.set_proxies(wanted.proxies);
                if let Some(settings) = tls {
                    receiver.reload(settings);
                }
            }
        }
        return open;
    }
    let before = open.as_ref().map(|open| open.asked);
    // One address of a port keeps every address of it from being bound: the old one goes first.
    if before.is_some_and(|(_, port)| port == wanted.port) {
        open = None;
    }
    match listen(active, kind, wanted) {
        Ok(moved) => Some(moved),
        Err(error) => {
            active.metrics.error(error.code());
            tracing::error!(code = error.code(), "the listener stays where it was: {error}");
            open.or_else(|| go_back(active, kind, before?))
        }
    }
}

/// Listens where it did before it was to move. If that cannot be any more, the next reload tries again.
fn go_back(active: &Active, kind: Kind, (address, port): (IpAddr, u16)) -> Option<Open> {
    let wanted = wanted(kind, &active.configuration()).ok()??;
    listen(active, kind, ListenerSettings { address, port, ..wanted }).ok()
}

fn listen(active: &Active, kind: Kind, wanted: ListenerSettings) -> Result<Open, ServiceError> {
    let ListenerSettings { address, port, limits, proxies, tls } = wanted;
    let name = match kind {
        Kind::Tcp => "tcpip",
        Kind::Tls => "tls",
    };
    let bound: Result<(Receiver, SocketAddr), ListenError> = match tls {
        None => TcpReceiver::bind(address, port, limits).map(|receiver| {
            let local = receiver.local_address();
            receiver.set_proxies(proxies);
            (Receiver::Tcp(receiver), local)
        }),
        Some(tls) => TlsReceiver::bind(address, port, limits, tls).map(|receiver| {
            let local = receiver.local_address();
            receiver.set_proxies(proxies);
            (Receiver::Tls(receiver), local)
        }),
    };
    let (receiver, local) = bound.map_err(|error| ServiceError::failed(error.code(), error))?;
    tracing::info!(address = %local, "listening");
    Ok(Open { receiver, asked: (address, port), _listening: active.listeners.bound(name, local) })
}

/// `None`: the configuration has no such listener.
fn wanted(
    kind: Kind,
    configuration: &Configuration,
) -> Result<Option<ListenerSettings>, ServiceError> {
    let limits = |sessions: usize| Limits::of(sessions, HANDSHAKE_LIMIT);
    // A suspended instance listens on nothing; the daemon stays, and follows when that changes.
    if configuration.instance.suspend {
        return Ok(None);
    }
    let receive = &configuration.instance.receive;
    Ok(match kind {
        Kind::Tcp => receive.tcpip.as_ref().map(|tcpip| ListenerSettings {
            address: tcpip.address,
            port: tcpip.port,
            limits: limits(tcpip.max_sessions.get()),
            proxies: tcpip.proxies.clone(),
            tls: None,
        }),
        Kind::Tls => {
            match receive.tls.as_ref() {
                None => None,
                Some(tls) => Some(ListenerSettings {
                    address: tls.address,
                    port: tls.port,
                    limits: limits(tls.max_sessions.get()),
                    proxies: tls.proxies.clone(),
                    tls: Some(server_settings(configuration, tls).map_err(
                        |error: SettingsError| ServiceError::failed(error.code(), error),
                    )?),
                }),
            }
        }
    })
}
