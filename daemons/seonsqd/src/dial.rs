//! One call: the partner's transports in order of preference, then a session.

use std::sync::Arc;
use std::time::Duration;

use configuration::{Partner, Transport as Address};
use conversation::{Call, Outcome, initiate};
use domain::Purpose;
use runtime::Active;
use transport::{
    ConnectError, SettingsError, Transport, client_settings, connect_tcp, connect_tls,
};

use crate::isdn::{self, DialError};

/// For one transport, TLS included. The next transport is tried after it.
const CONNECT_LIMIT: Duration = Duration::from_secs(30);

/// What came of a call.
#[derive(Debug)]
pub(crate) enum Dialled {
    /// No transport connected; the code is that of the preferred one.
    Unreachable { code: String, text: String },
    /// A connection stood; how its session ended.
    Session(Outcome),
}

#[derive(Debug, thiserror::Error)]
enum TransportError {
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[error(transparent)]
    Settings(#[from] SettingsError),
    #[error(transparent)]
    Isdn(#[from] DialError),
    #[error("this daemon is stopping; the partner is called again")]
    Shutdown,
}

impl TransportError {
    fn code(&self) -> &str {
        match self {
            Self::Connect(error) => error.code(),
            Self::Settings(error) => error.code(),
            Self::Isdn(error) => error.code(),
            Self::Shutdown => "E-SESSION-SHUTDOWN",
        }
    }

    /// Whether nothing is wrong with the transport: we are ending.
    fn is_shutdown(&self) -> bool {
        matches!(self, Self::Shutdown | Self::Isdn(DialError::Shutdown(_)))
    }
}

/// Calls the partner and runs the session to its end.
pub(crate) async fn dial(active: Active, partner: Arc<Partner>, purpose: Purpose) -> Dialled {
    let mut failures = Vec::new();
    let mut code = "E-CONNECT-NO-TRANSPORT".to_owned();
    for address in &partner.transports {
        match agree(&active, &partner, address, purpose).await {
            Ok(outcome) => return Dialled::Session(outcome),
            Err(error) if error.is_shutdown() => {
                return Dialled::Unreachable {
                    code: error.code().to_owned(),
                    text: error.to_string(),
                };
            }
            Err(error) => {
                tracing::warn!(partner = %partner.name, code = error.code(), "{error}");
                active.metrics.error(error.code());
                if failures.is_empty() {
                    error.code().clone_into(&mut code);
                }
                failures.push(error.to_string());
            }
        }
    }
    let text = if failures.is_empty() {
        format!("{} has no transports, so only it can call", partner.name)
    } else {
        failures.join("; ")
    };
    Dialled::Unreachable { code, text }
}

/// A session by one transport, authenticated as both sides want it; where we only follow the partner,
/// that may take two calls.
async fn agree(
    active: &Active,
    partner: &Arc<Partner>,
    address: &Address,
    purpose: Purpose,
) -> Result<Outcome, TransportError> {
    let openings = match address {
        // Whoever has the line sees to it there.
        Address::Isdn(_) => &[false],
        Address::Tcp { .. } | Address::Tls { .. } => partner.authentication.openings(),
    };
    let mut openings = openings.iter().copied();
    let mut authenticated = openings.next().unwrap_or_default();
    loop {
        let outcome = exchange(active, partner, address, (purpose, authenticated)).await?;
        match openings.next().filter(|_| outcome.is_for_want_of_authentication()) {
            Some(other) => authenticated = other,
            None => return Ok(outcome),
        }
    }
}

/// A session by one transport; an error if it brought no connection.
async fn exchange(
    active: &Active,
    partner: &Arc<Partner>,
    address: &Address,
    (purpose, authenticated): (Purpose, bool),
) -> Result<Outcome, TransportError> {
    let connected = match address {
        Address::Tcp { host, port } => {
            let connecting = connect_tcp(host, *port, CONNECT_LIMIT);
            unless_stopping(active, connecting).await?
        }
        Address::Tls { host, port, server_name } => {
            let settings = client_settings(&active.configuration(), partner, server_name)?;
            let connecting = connect_tls(host, *port, &settings, CONNECT_LIMIT);
            unless_stopping(active, connecting).await?
        }
        Address::Isdn(address) => return Ok(isdn::dial(active, partner, address, purpose).await?),
    };
    let call = Call { partner: Arc::clone(partner), purpose, authenticated };
    Ok(initiate(active.clone(), connected, call).await)
}

/// A connection, if it comes before we stop.
async fn unless_stopping(
    active: &Active,
    connecting: impl Future<Output = Result<Transport, ConnectError>>,
) -> Result<Transport, TransportError> {
    tokio::select! {
        connected = connecting => Ok(connected?),
        () = active.shutdown.cancelled() => Err(TransportError::Shutdown),
    }
}
