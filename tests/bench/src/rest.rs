//! What a send queue costs that only waits: many entries that are not due, and many hot folders.

use std::fs;
use std::time::Duration;

use anyhow::Context;
use jiff::Timestamp;
use spool::{Payloads as _, TakeIn};
use store::NewEntry;

use crate::Arguments;
use crate::company::{Pair, Settings, entry};
use crate::machine::processor_time;
use crate::report::{Figure, Goal, Line};

/// Entries that are queued by one statement.
const AT_ONCE: usize = 5000;

/// Between the start and the measurement: what is new is looked at, and made ready.
const SETTLED: Duration = Duration::from_secs(20);

/// So long is measured.
const MEASURED: Duration = Duration::from_secs(10);

pub(crate) async fn measure(arguments: &Arguments) -> anyhow::Result<Vec<Line>> {
    let (entries, folders) = if arguments.quick { (5000, 200) } else { (50_000, 2000) };
    let settings = Settings { folders, ..Settings::default() };
    let mut pair = Pair::make(&arguments.seon, &settings).await?;
    let file = pair.acme.scratch("waits");
    fs::write(&file, "waits")?;
    let payload = pair.acme.spool()?.take_in(&file, TakeIn::Copy).await?;
    let tomorrow = ambient::now() + Duration::from_hours(24);
    let waiting = (0..entries).map(|number| {
        let due_tomorrow = Timestamp::from_microsecond(tomorrow.as_microsecond())?;
        let entry = entry(&format!("WAITS{number}"), &payload)?;
        Ok(NewEntry { not_before: Some(due_tomorrow), ..entry })
    });
    let waiting: Vec<_> = waiting.collect::<anyhow::Result<_>>()?;
    for some in waiting.chunks(AT_ONCE) {
        pair.acme.store.intake().enqueue_all(some).await?;
    }
    pair.acme.start().await?;
    tokio::time::sleep(SETTLED).await;
    let mut before = Vec::new();
    for daemon in pair.acme.daemons()? {
        let pid = daemon.pid.with_context(|| format!("{} has a pid", daemon.name))?;
        before.push((daemon.name, pid, processor_time(pid)?));
    }
    tokio::time::sleep(MEASURED).await;
    let mut lines = Vec::new();
    for (name, pid, time) in before {
        let used = (processor_time(pid)? - time) / MEASURED.as_secs_f64() * 100.0;
        let line = Line::measured(format!("rest: {name}"), Figure::new(used, "% of a core"));
        let note = format!("{entries} entries wait until tomorrow, {folders} hot folders; SQLite");
        lines.push(line.goal(Goal::Below(1.0)).note(note));
    }
    pair.end();
    Ok(lines)
}
