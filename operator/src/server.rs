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
use tokio::net::TcpListener;

use crate::metrics::Metrics;

/// What the operator answers from.
#[derive(Clone, Debug, Default)]
pub struct Readings {
    /// What it has counted.
    pub metrics: Arc<Metrics>,
    /// Whether it acts, or waits to.
    pub is_ready: Arc<AtomicBool>,
}

/// Answers for as long as the process lives.
pub async fn serve(address: SocketAddr, readings: Readings) -> std::io::Result<()> {
    let routes = Router::new()
        .route("/healthz", get(|| async { "ok" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(readings);
    axum::serve(TcpListener::bind(address).await?, routes).await
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
