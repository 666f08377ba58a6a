//! The master: parent of the receivers on one machine, and the one that delivers.

use std::time::Duration;

use children::{Children, Event, Policy, Program};
use domain::{PartName, PayloadName};
use operations::Helpers;
use runtime::{Active, ServiceError};
use spool::Listing;
use tokio::sync::mpsc;

use crate::{delivery, partial, rejecting, retention, unwrapping, waiting};

/// What nobody knows any more is swept away when it is this old: an hour is more than any step
/// between a file on disk and its row takes.
const SWEEP_AGE: Duration = Duration::from_hours(1);

/// Rejections that wait; more are refused.
const REJECTIONS_WAITING: usize = 100;

/// Runs the master until shutdown. `receivers` are kept running as child processes, as on a classic
/// box; on Kubernetes, where each has its own pod, there are none.
pub async fn master(active: Active, receivers: Vec<Program>) -> Result<(), ServiceError> {
    let mut children =
        Children::new(Policy::default(), active.shutdown.clone(), |event| report(&event));
    for receiver in receivers {
        children.keep(receiver);
    }
    let (rejections, wanted) = mpsc::channel(REJECTIONS_WAITING);
    let helpers = Helpers { rejections: Some(rejections), ..Helpers::default() };
    active.supervisor.spawn("requests", operations::attend(active.clone(), helpers));
    active.supervisor.spawn("rejecting", rejecting::run(active.clone(), wanted));
    active.supervisor.spawn("sweep", sweep_hourly(active.clone()));
    active.supervisor.spawn("partial files", partial::forget(active.clone()));
    active.supervisor.spawn("waiting", waiting::measure(active.clone()));
    active.supervisor.spawn("unwrapping", unwrapping::run(active.clone()));
    active.supervisor.spawn("retention", retention::prune_hourly(active.clone()));
    delivery::run(active).await?;
    children.wait().await;
    Ok(())
}

fn report(event: &Event) {
    match event {
        Event::Started { name, process } => tracing::info!(name, process, "receiver started"),
        Event::Restarting { name, ending, pause } => {
            tracing::warn!(name, ?pause, "receiver ended ({ending}); it is started again");
        }
        Event::GaveUp { name, ending } => tracing::error!(name, "receiver gave up: {ending}"),
        Event::Stopped { name, ending } => tracing::info!(name, "receiver stopped: {ending}"),
        Event::Trouble { name, message } => tracing::error!(name, "{message}"),
    }
}

/// Removes what crashes left in the spool: parts and payloads that no row names.
async fn sweep_hourly(active: Active) -> Result<(), ServiceError> {
    let mut hourly = tokio::time::interval(SWEEP_AGE);
    loop {
        tokio::select! {
            _ = hourly.tick() => {}
            () = active.shutdown.cancelled() => return Ok(()),
        }
        // A sweep that fails costs disk space until the next one, nothing more.
        if let Err(error) = sweep(&active).await {
            tracing::warn!(code = error.code(), "the spool was not swept: {error}");
        }
    }
}

async fn sweep(active: &Active) -> Result<(), ServiceError> {
    // First what lies there, then what is known: a file that comes in between is younger than the
    // listing.
    let listing = Listing::of(&active.spool, SWEEP_AGE).await?;
    let mut known: std::collections::HashSet<String> =
        active.store.parts_in_use().await?.iter().map(PartName::to_string).collect();
    known.extend(active.store.payloads_in_use().await?.iter().map(PayloadName::to_string));
    // What another database owns is unknown to this one: the volume has to be its own at this moment.
    active.is_one_instance().await?;
    let swept = listing.sweep(&active.spool, |name| known.contains(name)).await?;
    tracing::info!(?swept, "the spool is swept");
    Ok(())
}
