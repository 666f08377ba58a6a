//! Memory: of daemons that have nothing to do, and of a receiver with many sessions.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::Arguments;
use crate::company::{Company, Pair, Settings};
use crate::logon::{self, LoggedOn};
use crate::machine::{Resident, open_files_limit};
use crate::poll;
use crate::report::{Figure, Goal, Line};

/// Sessions that log on at the same time.
const LOGONS_AT_ONCE: usize = 64;

/// All of them must be there before the first is ended for saying nothing (two minutes).
const LOGON_LIMIT: Duration = Duration::from_secs(90);

/// Memory that does not change for so long is what there is.
const SETTLED: Duration = Duration::from_secs(3);

const RECEIVER: &str = "seonrd_tcpip";

pub(crate) async fn measure(arguments: &Arguments) -> anyhow::Result<Vec<Line>> {
    let wanted: u16 = if arguments.quick { 200 } else { 2000 };
    let settings = Settings { sessions: u32::from(wanted) * 2, ..Settings::default() };
    let mut pair = Pair::make(&arguments.seon, &settings).await?;
    pair.bolt.start().await?;

    let mut lines = Vec::new();
    let mut idle = 0;
    for daemon in pair.bolt.daemons()? {
        let pid = daemon.pid.with_context(|| format!("{} has a pid", daemon.name))?;
        let resident = settled(pid).await?;
        if daemon.name == RECEIVER {
            idle = resident.total();
        }
        lines.push(idle_line(&daemon.name, resident));
    }
    let name = "sessions: memory of each";
    let limit = open_files_limit()?;
    if limit < u64::from(wanted) + 256 {
        lines.push(Line::skipped(
            name,
            format!("a process may open {limit} files, {wanted} sessions need more (ulimit -n)"),
        ));
        return Ok(lines);
    }
    lines.push(with_sessions(&pair.bolt, name, wanted, idle).await?);
    pair.end();
    Ok(lines)
}

fn idle_line(daemon: &str, resident: Resident) -> Line {
    // Pages of the program's file are shared, and the kernel takes them back when it wants to.
    Line::measured(format!("idle: {daemon}"), Figure::new(mebi(resident.anonymous), "MiB"))
        .goal(Goal::Below(4.0))
        .note(format!(
            "RssAnon: memory of its own, on SQLite; beside it RssFile {:.1} MiB (the program, which \
             all daemons share) and RssShmem {:.1} MiB (SQLite's)",
            mebi(resident.file),
            mebi(resident.shared),
        ))
}

async fn with_sessions(bolt: &Company, name: &str, wanted: u16, idle: u64) -> anyhow::Result<Line> {
    let began = Instant::now();
    let sessions = log_on(bolt.tcp_port, wanted).await?;
    let took = began.elapsed();
    let daemons = bolt.daemons()?;
    let receiver = daemons.iter().find(|daemon| daemon.name == RECEIVER);
    let receiver = receiver.context("the receiver runs")?;
    ensure!(
        receiver.sessions() == usize::from(wanted),
        "{} sessions at {RECEIVER}, {wanted} are wanted",
        receiver.sessions()
    );
    let resident = settled(receiver.pid.context("the receiver has a pid")?).await?;
    drop(sessions);
    let each = kibi(resident.total().saturating_sub(idle)) / f64::from(wanted);
    Ok(Line::measured(name, Figure::new(each, "KiB")).goal(Goal::Below(128.0)).note(format!(
        "{wanted} sessions at once over TCP, logged on and idle, all {wanted} in {RECEIVER}'s \
         status: its RSS of {:.1} MiB ({:.1} anonymous) less {:.1} MiB before the first, for each; \
         all logged on in {:.1} s",
        mebi(resident.total()),
        mebi(resident.anonymous),
        mebi(idle),
        took.as_secs_f64(),
    )))
}

#[expect(clippy::cast_precision_loss, reason = "a size is rounded anyway")]
fn kibi(octets: u64) -> f64 {
    octets as f64 / 1024.0
}

fn mebi(octets: u64) -> f64 {
    kibi(octets) / 1024.0
}

/// What a process holds once it neither grows nor shrinks.
async fn settled(pid: u32) -> anyhow::Result<Resident> {
    let mut last = (Resident::of(pid)?, Instant::now());
    let limit = Duration::from_secs(30);
    poll::until("memory has settled", limit, Duration::from_millis(200), async || {
        let now = Resident::of(pid)?;
        if now != last.0 {
            last = (now, Instant::now());
        }
        Ok((last.1.elapsed() >= SETTLED).then_some(now))
    })
    .await
}

async fn log_on(port: u16, wanted: u16) -> anyhow::Result<Vec<LoggedOn>> {
    let places = Arc::new(Semaphore::new(LOGONS_AT_ONCE));
    let mut logons = JoinSet::new();
    for _ in 0..wanted {
        let places = Arc::clone(&places);
        logons.spawn(async move {
            let _place = places.acquire().await?;
            logon::log_on(port, None).await
        });
    }
    let all = async {
        let mut sessions = Vec::with_capacity(usize::from(wanted));
        while let Some(logon) = logons.join_next().await {
            sessions.push(logon??);
        }
        Ok(sessions)
    };
    tokio::time::timeout(LOGON_LIMIT, all).await.context("sessions log on too slowly")?
}
