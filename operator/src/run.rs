//! The program: wait to act, act, end in order.

use std::sync::{Arc, atomic::Ordering};

use anyhow::{Context as _, bail};
use kube::Client;
use tokio::{
    signal::unix::{SignalKind, signal},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

use crate::{
    arguments::Arguments,
    controller::{self, Settings},
    election::{Election, machine::Terms},
    requests::{self, counted, limited},
    server::{Readings, serve},
    turns::{self, Turns},
};

/// Runs until a signal asks for the end, or until something ends that must not.
pub async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let readings = Readings::new(Turns::new(arguments.concurrency.into(), turns::LIMIT));
    let client = Client::try_default().await.context("finding the API server")?;
    let client = counted(limited(client, requests::LIMIT), Arc::clone(&readings.metrics));
    let stop = CancellationToken::new();
    tokio::select! {
        result = serve(arguments.listen, readings.clone()) => {
            result.with_context(|| format!("answering on {}", arguments.listen))
        }
        result = stop_when_asked(&stop) => result,
        result = act(client, &arguments, &readings, &stop) => result,
    }
}

async fn stop_when_asked(stop: &CancellationToken) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("listening for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("listening for SIGINT")?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    stop.cancel();
    // The end is that of the work.
    std::future::pending().await
}

async fn act(
    client: Client,
    arguments: &Arguments,
    readings: &Readings,
    stop: &CancellationToken,
) -> anyhow::Result<()> {
    let mut election = Election::new(
        client.clone(),
        &arguments.own_namespace,
        arguments.identity.clone(),
        Terms::default(),
        Arc::clone(&readings.metrics),
    );
    let is_heard = || readings.is_ready.store(true, Ordering::Relaxed);
    tokio::select! {
        () = election.won(is_heard) => {}
        () = stop.cancelled() => return Ok(()),
    }
    tracing::info!(identity = arguments.identity, "this replica acts");
    readings.metrics.acts();
    // The lease is kept until the last turn has ended.
    tokio::select! {
        error = election.kept() => {
            tracing::error!(code = error.code(), "{error}");
            return Err(error.into());
        }
        result = work(client, arguments, readings, stop) => result?,
    }
    election.resign().await;
    Ok(())
}

/// Every scope; ends when it is told to.
async fn work(
    client: Client,
    arguments: &Arguments,
    readings: &Readings,
    stop: &CancellationToken,
) -> anyhow::Result<()> {
    let mut scopes = JoinSet::new();
    for namespace in arguments.scopes() {
        let settings = Settings {
            installation: arguments.installation(),
            identity: arguments.identity.clone(),
            turns: Arc::clone(&readings.turns),
            with_nodes: !arguments.no_nodes,
        };
        let metrics = Arc::clone(&readings.metrics);
        scopes.spawn(controller::run(client.clone(), namespace, settings, metrics, stop.clone()));
    }
    while let Some(ended) = scopes.join_next().await {
        ended.context("a scope has failed")?;
        if !stop.is_cancelled() {
            bail!("a scope has ended without being told to");
        }
    }
    Ok(())
}
