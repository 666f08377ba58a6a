//! Runs the scenarios on one stage.

use std::panic::AssertUnwindSafe;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use cluster::Cluster;
use e2e::Stage;
use futures::FutureExt;
use futures::future::LocalBoxFuture;
use libtest_mimic::{Arguments, Failed, Trial};
use support::record_skip;
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{OnceCell, watch};

/// A scenario and its name.
#[derive(Clone, Copy)]
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) play: for<'stage> fn(&'stage Stage) -> LocalBoxFuture<'stage, ()>,
}

/// The scenarios of a module.
macro_rules! scenarios {
    ($module:ident { $($name:ident),+ $(,)? }) => {
        &[$(Scenario {
            name: concat!(stringify!($module), "::", stringify!($name)),
            play: |stage| Box::pin($module::$name(stage)),
        }),+][..]
    };
}
pub(crate) use scenarios;

pub(crate) fn run(scenarios: &[&[Scenario]]) -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads = Some(1);
    let runtime = Runtime::new().expect("a runtime");
    let is_asked_to_end = is_asked_to_end(&runtime);
    let theatre = Arc::new(Theatre {
        stage: OnceCell::new(),
        runtime,
        is_set: AtomicBool::new(false),
        is_asked_to_end,
    });
    let trials = scenarios.iter().copied().flatten().map(|&scenario| {
        let theatre = Arc::clone(&theatre);
        Trial::test(scenario.name, move || theatre.play(scenario))
    });
    let conclusion = libtest_mimic::run(&arguments, trials.collect());
    if let Some(Ok(stage)) = theatre.stage.get() {
        println!("{}", stage.figures);
        if Cluster::is_existing() {
            theatre.runtime.block_on(stage.strike());
        }
    }
    conclusion.exit_code()
}

/// Becomes true when a user wants no more of it: on their cluster we end in order. One of our own
/// goes with this process.
fn is_asked_to_end(runtime: &Runtime) -> watch::Receiver<bool> {
    let (tell, told) = watch::channel(false);
    if Cluster::is_existing() {
        let _in_it = runtime.enter();
        let signals = [SignalKind::interrupt(), SignalKind::terminate()].map(signal);
        let [mut interrupt, mut terminate] = signals.map(|signal| signal.expect("a handler"));
        runtime.spawn(async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            tell.send_replace(true);
        });
    }
    told
}

struct Theatre {
    // Dropped in this order.
    stage: OnceCell<Result<Stage, String>>,
    runtime: Runtime,
    /// Whether somebody has tried to.
    is_set: AtomicBool,
    is_asked_to_end: watch::Receiver<bool>,
}

impl Theatre {
    fn play(&self, scenario: Scenario) -> Result<(), Failed> {
        self.runtime.block_on(async {
            if self.stage.get().is_none() && self.is_set.swap(true, Ordering::Relaxed) {
                return Err("the stage could not be set: see the first failure".into());
            }
            let stage = match self.stage.get_or_init(Stage::set).await {
                Ok(stage) => stage,
                // Who names a cluster wants it to be played on.
                Err(reason) if Cluster::is_existing() => return Err(reason.into()),
                Err(reason) => {
                    record_skip(scenario.name, "cluster", reason);
                    return Ok(());
                }
            };
            let mut is_asked_to_end = self.is_asked_to_end.clone();
            let played = tokio::select! {
                biased;
                Ok(_) = is_asked_to_end.wait_for(|is_asked| *is_asked) => {
                    Err("it was asked to end")
                }
                played = AssertUnwindSafe((scenario.play)(stage)).catch_unwind() => {
                    if played.is_err() {
                        eprintln!("{}", stage.describe().await);
                    }
                    played.map_err(|_| "the panic above")
                }
            };
            stage.clear().await;
            played.map_err(Failed::from)
        })
    }
}
