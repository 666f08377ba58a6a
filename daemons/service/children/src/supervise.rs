//! The supervisor: one task for each child.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::process::Child;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::{Ending, Policy, Program, Verdict};

/// What happened to a child, for the log or the terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// It runs.
    Started {
        /// The child's name.
        name: String,
        /// Its process number.
        process: u32,
    },
    /// It ended unasked and will be started again.
    Restarting {
        /// The child's name.
        name: String,
        /// How it ended.
        ending: Ending,
        /// The pause before the next start.
        pause: Duration,
    },
    /// It ended unasked and a new start would not help.
    GaveUp {
        /// The child's name.
        name: String,
        /// How it ended.
        ending: Ending,
    },
    /// It ended because it was asked to.
    Stopped {
        /// The child's name.
        name: String,
        /// How it ended.
        ending: Ending,
    },
    /// It could not be started at all, or did not answer SIGTERM: what the system said.
    Trouble {
        /// The child's name.
        name: String,
        /// What went wrong.
        message: String,
    },
}

type Report = Arc<dyn Fn(Event) + Send + Sync>;

/// Children that are kept running until shutdown.
pub struct Children {
    policy: Policy,
    report: Report,
    shutdown: CancellationToken,
    tasks: JoinSet<Option<Ending>>,
}

impl Children {
    /// No children yet. `report` hears of every event; cancelling `shutdown` ends all children.
    pub fn new(
        policy: Policy,
        shutdown: CancellationToken,
        report: impl Fn(Event) + Send + Sync + 'static,
    ) -> Self {
        Self { policy, report: Arc::new(report), shutdown, tasks: JoinSet::new() }
    }

    /// Starts a program and keeps it running.
    pub fn keep(&mut self, program: Program) {
        let child = Kept {
            program,
            policy: self.policy,
            shutdown: self.shutdown.clone(),
            report: Arc::clone(&self.report),
        };
        self.tasks.spawn(child.run());
    }

    /// Waits until no child is left: after shutdown, or when every one was given up.
    /// Returns how those ended that were given up; empty after a clean shutdown.
    pub async fn wait(mut self) -> Vec<Ending> {
        let mut given_up = Vec::new();
        while let Some(ended) = self.tasks.join_next().await {
            given_up.extend(ended.ok().flatten());
        }
        given_up
    }
}

struct Kept {
    program: Program,
    policy: Policy,
    shutdown: CancellationToken,
    report: Report,
}

impl Kept {
    async fn run(self) -> Option<Ending> {
        let mut starts = 0_u32;
        loop {
            let started = Instant::now();
            let ending = match self.program.start() {
                Ok(child) => match self.attend(child).await {
                    Attended::Stopped => return None,
                    Attended::Ended(ending) => ending,
                },
                Err(error) => {
                    self.trouble(format!("cannot be started: {error}"));
                    Ending::NotStarted
                }
            };
            starts = if started.elapsed() >= self.policy.healthy_after { 1 } else { starts + 1 };
            match self.policy.judge(ending, starts) {
                Verdict::GiveUp => {
                    (self.report)(Event::GaveUp { name: self.name(), ending });
                    return Some(ending);
                }
                Verdict::Restart(pause) => {
                    (self.report)(Event::Restarting { name: self.name(), ending, pause });
                    tokio::select! {
                        () = sleep(pause) => {}
                        () = self.shutdown.cancelled() => return None,
                    }
                }
            }
        }
    }

    async fn attend(&self, mut child: Child) -> Attended {
        if let Some(process) = child.id() {
            (self.report)(Event::Started { name: self.name(), process });
        }
        tokio::select! {
            ended = child.wait() => return Attended::Ended(ended.map_or(Ending::NotStarted, Into::into)),
            () = self.shutdown.cancelled() => {}
        }
        let ending = self.stop(&mut child).await;
        (self.report)(Event::Stopped { name: self.name(), ending });
        Attended::Stopped
    }

    async fn stop(&self, child: &mut Child) -> Ending {
        if let Err(error) = terminate(child) {
            self.trouble(format!("cannot be sent SIGTERM: {error}"));
        }
        if let Ok(ended) = timeout(self.policy.grace, child.wait()).await {
            return ended.map_or(Ending::NotStarted, Into::into);
        }
        self.trouble(format!(
            "did not end within {:?} of SIGTERM and is killed",
            self.policy.grace
        ));
        if let Err(error) = child.start_kill() {
            self.trouble(format!("cannot be killed: {error}"));
        }
        child.wait().await.map_or(Ending::NotStarted, Into::into)
    }

    fn name(&self) -> String {
        self.program.name().to_owned()
    }

    fn trouble(&self, message: String) {
        (self.report)(Event::Trouble { name: self.name(), message });
    }
}

enum Attended {
    Ended(Ending),
    Stopped,
}

fn terminate(child: &Child) -> io::Result<()> {
    // No number: it has been waited for already, so nobody else can have got the number.
    let Some(pid) = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw) else {
        return Ok(());
    };
    Ok(kill_process(pid, Signal::TERM)?)
}
