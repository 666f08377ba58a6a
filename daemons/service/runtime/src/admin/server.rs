//! The server side of the admin endpoint.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Path as Segment, Query, Request, State};
use axum::http::{HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::serve::Listener;
use domain::Daemon;
use serde::Deserialize;
use serde_json::Value;
use tokio::net::{TcpListener, UnixListener};

use super::address::{Address, short_path, socket_name};
use super::bounded::Bounded;
use crate::service_error::ServiceError;
use crate::status::DaemonStatus;
use crate::supervisor::Supervisor;

/// No request body is larger: a log level, a reason.
const LARGEST_BODY: usize = 16 * 1024;
/// Connections that wait to be accepted.
const WAITING: i32 = 128;
/// No request takes longer, a reload included.
const LONGEST_REQUEST: Duration = Duration::from_secs(10);

/// Why the admin endpoint does not work.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// The directory of the sockets cannot be made.
    #[error("cannot make {path} for the admin sockets: {error}; make it writable for this user")]
    Directory {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// The socket or address cannot be bound.
    #[error("cannot listen on {address} for administration: {error}; is another process there?")]
    Bind {
        /// Where.
        address: Address,
        /// Why.
        #[source]
        error: io::Error,
    },
}

impl AdminError {
    /// The stable code for logs, metrics and docs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Directory { .. } => "E-ADMIN-DIRECTORY",
            Self::Bind { .. } => "E-ADMIN-BIND",
        }
    }
}

/// What the endpoint asks the process.
pub(crate) trait Reading: Send + Sync + 'static {
    /// What the daemon is doing.
    fn status(&self) -> DaemonStatus;
    /// Why the process is not healthy, if it is not.
    fn unhealthy(&self) -> Option<String>;
    /// Why the daemon is not ready, if it is not.
    fn not_ready(&self, standby: Standby) -> Option<String>;
    /// All metrics as text.
    fn metrics(&self) -> String;
    /// What this daemon alone can tell at a path, if it has anything there.
    fn own(&self, path: &str) -> impl Future<Output = Option<Result<Value, ServiceError>>> + Send;
    /// Loads the configuration again; the errors, if it was refused.
    fn reload(&self) -> impl Future<Output = Result<(), Vec<String>>> + Send;
    /// Sets the log level.
    fn set_log_level(&self, level: &str) -> Result<(), String>;
    /// Asks a session to end; whether there was one.
    fn abort_session(&self, id: &str, reason: &str) -> bool;
}

/// Whether a standby counts as ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standby {
    /// To whoever wants the one that is active.
    IsNotReady,
    /// To whoever wants to know that it could take over: it saw its lease when it looked last.
    IsReady,
}

/// The bound sockets of an admin endpoint. The file of the Unix socket goes with this value.
pub(crate) struct Endpoint {
    unix: Option<UnixListener>,
    path: PathBuf,
    tcp: Option<(TcpListener, SocketAddr)>,
}

impl Endpoint {
    /// Binds the process's socket in the directory of sockets, and the TCP address if there is one.
    pub(crate) fn bind(
        daemon: Daemon,
        directory: &Path,
        tcp: Option<SocketAddr>,
    ) -> Result<Self, AdminError> {
        let directory_error = |error| AdminError::Directory { path: directory.to_owned(), error };
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o750)
            .create(directory)
            .map_err(directory_error)?;
        let directory = std::fs::canonicalize(directory).map_err(directory_error)?;
        sweep(&directory);
        let path = directory.join(socket_name(daemon, std::process::id()));
        let unix = bind_unix(&path)
            .map_err(|error| AdminError::Bind { address: Address::Unix(path.clone()), error })?;
        let tcp = match tcp {
            None => None,
            Some(wanted) => Some(
                bind_tcp(wanted)
                    .map_err(|error| AdminError::Bind { address: Address::Tcp(wanted), error })?,
            ),
        };
        Ok(Self { unix: Some(unix), path, tcp })
    }

    /// What goes into the lease row: the TCP address if there is one, as others can reach it. Who
    /// listens on every address does not know which of them that is, and has to be told.
    pub(crate) fn address(&self, reached_at: Option<IpAddr>) -> Address {
        match &self.tcp {
            Some((_, bound)) if bound.ip().is_unspecified() => {
                let reached = reached_at.unwrap_or(bound.ip());
                Address::Tcp(SocketAddr::new(reached, bound.port()))
            }
            Some((_, bound)) => Address::Tcp(*bound),
            None => Address::Unix(self.path.clone()),
        }
    }

    /// Serves for as long as the process lives, as supervised tasks.
    pub(crate) fn serve<R: Reading>(&mut self, reading: &Arc<R>, supervisor: &Supervisor) {
        if let Some(listener) = self.unix.take() {
            let router = readings().merge(changes()).with_state(Arc::clone(reading));
            supervisor.spawn("admin", serve(listener, router));
        }
        if let Some((listener, _)) = self.tcp.take() {
            let router = readings().with_state(Arc::clone(reading));
            supervisor.spawn("admin over TCP", serve(listener, router));
        }
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        // What cannot be removed here is swept by the next process that starts.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Removes the sockets that processes left behind which were killed: old ones only, so that one
/// which is being made just now, and does not answer yet, stays.
fn sweep(directory: &Path) {
    const OLD: Duration = Duration::from_mins(1);
    let Ok(files) = std::fs::read_dir(directory) else {
        return;
    };
    for path in files.flatten().map(|file| file.path()) {
        let is_socket = path.extension().is_some_and(|extension| extension == "sock");
        let is_old = std::fs::symlink_metadata(&path)
            .and_then(|status| status.modified())
            .is_ok_and(|made| made.elapsed().is_ok_and(|age| age > OLD));
        if is_socket && is_old && is_dead(&path) {
            // Another process may have swept it just now.
            let _ = std::fs::remove_file(&path);
        }
    }
}

/// Whether nobody listens on a socket that is there.
fn is_dead(path: &Path) -> bool {
    let connection = short_path(path)
        .and_then(|(short, _directory)| std::os::unix::net::UnixStream::connect(short));
    matches!(connection, Err(error) if error.kind() == io::ErrorKind::ConnectionRefused)
}

fn bind_unix(path: &Path) -> io::Result<UnixListener> {
    let (short, _directory) = short_path(path)?;
    // A process number comes back: what an earlier process of this number left is ours to remove.
    if is_dead(path) {
        std::fs::remove_file(path)?;
    }
    let listener = UnixListener::bind(&short)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o660))?;
    Ok(listener)
}

fn bind_tcp(wanted: SocketAddr) -> io::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::from_std(ambient::listen(wanted, WAITING)?)?;
    let bound = listener.local_addr()?;
    Ok((listener, bound))
}

async fn serve<L>(listener: L, router: Router) -> Result<(), ServiceError>
where
    L: Listener,
    L::Addr: std::fmt::Debug,
{
    let router = router.layer(from_fn(bound)).layer(DefaultBodyLimit::max(LARGEST_BODY));
    axum::serve(Bounded::new(listener), router)
        .await
        .map_err(|error| ServiceError::failed("E-ADMIN-SERVE", error))
}

/// A limit on the time of each request, and one request a connection.
async fn bound(request: Request, next: Next) -> Response {
    let mut response = match tokio::time::timeout(LONGEST_REQUEST, next.run(request)).await {
        Ok(response) => response,
        Err(_) => (StatusCode::GATEWAY_TIMEOUT, "it took too long\n").into_response(),
    };
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

fn readings<R: Reading>() -> Router<Arc<R>> {
    Router::new()
        .route("/healthz", get(health::<R>))
        .route("/readyz", get(readiness::<R>))
        .route("/status", get(status::<R>))
        .route("/metrics", get(metrics::<R>))
        .fallback(own::<R>)
}

fn changes<R: Reading>() -> Router<Arc<R>> {
    Router::new()
        .route("/reload", post(reload::<R>))
        .route("/log-level", post(log_level::<R>))
        .route("/sessions/{id}/abort", post(abort::<R>))
}

async fn health<R: Reading>(State(reading): State<Arc<R>>) -> Response {
    answer(reading.unhealthy())
}

/// `/readyz`, or `/readyz?standby=ready`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Readiness {
    standby: Option<StandbyIs>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum StandbyIs {
    Ready,
}

async fn readiness<R: Reading>(
    State(reading): State<Arc<R>>,
    Query(asked): Query<Readiness>,
) -> Response {
    answer(reading.not_ready(match asked.standby {
        None => Standby::IsNotReady,
        Some(StandbyIs::Ready) => Standby::IsReady,
    }))
}

fn answer(trouble: Option<String>) -> Response {
    match trouble {
        None => "ok\n".into_response(),
        Some(reason) => (StatusCode::SERVICE_UNAVAILABLE, reason + "\n").into_response(),
    }
}

async fn status<R: Reading>(State(reading): State<Arc<R>>) -> Response {
    axum::Json(reading.status()).into_response()
}

async fn metrics<R: Reading>(State(reading): State<Arc<R>>) -> Response {
    const TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, TYPE)], reading.metrics()).into_response()
}

async fn own<R: Reading>(State(reading): State<Arc<R>>, method: Method, uri: Uri) -> Response {
    let answer = if method == Method::GET { reading.own(uri.path()).await } else { None };
    match answer {
        Some(Ok(value)) => axum::Json(value).into_response(),
        Some(Err(error)) => {
            let text = format!("{} {error}\n", error.code());
            (StatusCode::SERVICE_UNAVAILABLE, text).into_response()
        }
        None => (StatusCode::NOT_FOUND, "there is nothing here\n").into_response(),
    }
}

async fn reload<R: Reading>(State(reading): State<Arc<R>>) -> Response {
    match reading.reload().await {
        Ok(()) => "reloaded\n".into_response(),
        Err(errors) => (StatusCode::UNPROCESSABLE_ENTITY, errors.join("\n") + "\n").into_response(),
    }
}

async fn log_level<R: Reading>(State(reading): State<Arc<R>>, level: String) -> Response {
    match reading.set_log_level(level.trim()) {
        Ok(()) => "ok\n".into_response(),
        Err(reason) => (StatusCode::UNPROCESSABLE_ENTITY, reason + "\n").into_response(),
    }
}

async fn abort<R: Reading>(
    State(reading): State<Arc<R>>,
    Segment(id): Segment<String>,
    reason: String,
) -> Response {
    if reading.abort_session(&id, reason.trim()) {
        "asked to end\n".into_response()
    } else {
        (StatusCode::NOT_FOUND, format!("there is no session {id}\n")).into_response()
    }
}
