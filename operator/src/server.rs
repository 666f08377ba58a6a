//! What the operator answers: whether it lives, whether it is ready, what it has counted.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use axum::{
    Router, extract::State, http::StatusCode, http::header, response::IntoResponse, routing::get,
};
use tokio::{net::TcpListener, time::Instant};

use crate::{metrics::Metrics, turns::Turns};

/// Connections that wait to be accepted.
const WAITING: i32 = 128;

/// What the operator answers from.
#[derive(Clone, Debug)]
pub struct Readings {
    /// The turns that run.
    pub turns: Arc<Turns>,
    /// What it has counted.
    pub metrics: Arc<Metrics>,
    /// Whether it acts, or waits to.
    pub is_ready: Arc<AtomicBool>,
}

impl Readings {
    /// Of a process that has done nothing yet.
    pub fn new(turns: Arc<Turns>) -> Self {
        Self { turns, metrics: Arc::default(), is_ready: Arc::default() }
    }
}

/// Answers for as long as the process lives.
pub async fn serve(address: SocketAddr, readings: Readings) -> std::io::Result<()> {
    let routes = Router::new()
        .route("/healthz", get(alive))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(readings);
    let listener = TcpListener::from_std(ambient::listen(address, WAITING)?)?;
    axum::serve(listener, routes).await
}

async fn alive(State(readings): State<Readings>) -> impl IntoResponse {
    match readings.turns.hanging(Instant::now()) {
        None => (StatusCode::OK, "ok".to_owned()),
        Some((instance, runs_for)) => {
            let text = format!("the turn of {instance} hangs, for {} s", runs_for.as_secs());
            (StatusCode::SERVICE_UNAVAILABLE, text)
        }
    }
}

async fn ready(State(readings): State<Readings>) -> impl IntoResponse {
    if readings.is_ready.load(Ordering::Relaxed) {
        (StatusCode::OK, "ok")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "the API server has not answered yet")
    }
}

async fn metrics(State(readings): State<Readings>) -> impl IntoResponse {
    const TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, TYPE)], readings.metrics.text())
}
