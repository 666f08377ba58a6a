//! One call: the partner's transports in order of preference, then a session.

use std::sync::Arc;
use std::time::Duration;

use configuration::{Partner, Transport as Address};
use runtime::Active;
use session::transport::{ConnectError, Transport, connect_tcp, connect_tls};
use session::{Call, Outcome, Purpose, SettingsError, client_settings, initiate};

/// For one transport, TLS included. The next transport is tried after it.
const CONNECT_LIMIT: Duration = Duration::from_secs(30);

/// What came of a call.
#[derive(Debug)]
pub(crate) enum Dialled {
    /// No transport connected; the code is that of the preferred one.
    Unreachable { code: &'static str, text: String },
    /// A connection stood; how its session ended.
    Session(Outcome),
}

#[derive(Debug, thiserror::Error)]
enum TransportError {
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[error(transparent)]
    Settings(#[from] SettingsError),
}

impl TransportError {
    fn code(&self) -> &'static str {
        match self {
            Self::Connect(error) => error.code(),
            Self::Settings(error) => error.code(),
        }
    }
}

/// Calls the partner and runs the session to its end.
pub(crate) async fn dial(active: Active, partner: Arc<Partner>, purpose: Purpose) -> Dialled {
    let mut failures = Vec::new();
    let mut code = "E-CONNECT-NO-TRANSPORT";
    for address in &partner.transports {
        match connect(&active, &partner, address).await {
            Ok(transport) => {
                let call = Call { partner, purpose };
                return Dialled::Session(initiate(active, transport, call).await);
            }
            Err(error) => {
                tracing::warn!(partner = %partner.name, code = error.code(), "{error}");
                active.metrics.error(error.code());
                if failures.is_empty() {
                    code = error.code();
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

async fn connect(
    active: &Active,
    partner: &Partner,
    address: &Address,
) -> Result<Transport, TransportError> {
    Ok(match address {
        Address::Tcp { host, port } => connect_tcp(host, *port, CONNECT_LIMIT).await?,
        Address::Tls { host, port, server_name } => {
            let settings = client_settings(&active.configuration(), partner, server_name)?;
            connect_tls(host, *port, &settings, CONNECT_LIMIT).await?
        }
    })
}
