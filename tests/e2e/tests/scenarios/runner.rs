//! Runs the scenarios on one stage: those that share it side by side, those that need it for
//! themselves one after the other.

use std::panic::AssertUnwindSafe;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::available_parallelism;
use std::time::Instant;

use cluster::Cluster;
use e2e::Stage;
use futures::FutureExt;
use futures::future::LocalBoxFuture;
use libtest_mimic::{Arguments, Failed, Trial};
use support::record_skip;
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{OnceCell, RwLock, watch};

/// Scenarios played side by side on a cluster of our own have so many processors each: they wait more
/// than they work, but with some fifteen pods of each on fewer, leases run out now and then.
const PROCESSORS_EACH: usize = 2;

/// A scenario and its name.
#[derive(Clone, Copy)]
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    /// Whether it meddles with what all others stand on: nodes, networks, the operator, the database.
    pub(crate) is_alone: bool,
    pub(crate) play: for<'stage> fn(&'stage Stage) -> LocalBoxFuture<'stage, ()>,
}

/// The scenarios of a module, and how they are played.
macro_rules! scenarios {
    (side by side $module:ident { $($name:ident),+ $(,)? }) => {
        scenarios!(false, $module { $($name),+ })
    };
    (alone $module:ident { $($name:ident),+ $(,)? }) => {
        scenarios!(true, $module { $($name),+ })
    };
    ($is_alone:literal, $module:ident { $($name:ident),+ }) => {
        &[$(Scenario {
            name: concat!(stringify!($module), "::", stringify!($name)),
            is_alone: $is_alone,
            play: |stage| Box::pin($module::$name(stage)),
        }),+][..]
    };
}
pub(crate) use scenarios;

pub(crate) fn run(scenarios: &[&[Scenario]]) -> ExitCode {
    let mut arguments = Arguments::from_args();
    // A user's cluster has other work to do.
    let at_once = if Cluster::is_existing() { 1 } else { side_by_side() };
    arguments.test_threads = Some(arguments.test_threads.unwrap_or(at_once));
    let runtime = Runtime::new().expect("a runtime");
    let is_asked_to_end = is_asked_to_end(&runtime);
    let theatre = Arc::new(Theatre {
        stage: OnceCell::new(),
        runtime,
        is_set: AtomicBool::new(false),
        floor: RwLock::const_new(()),
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

fn side_by_side() -> usize {
    let processors = available_parallelism().map_or(1, usize::from);
    (processors / PROCESSORS_EACH).clamp(1, 4)
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
    /// Whoever is alone has it for writing.
    floor: RwLock<()>,
    is_asked_to_end: watch::Receiver<bool>,
}

impl Theatre {
    fn play(&self, scenario: Scenario) -> Result<(), Failed> {
        self.runtime.block_on(async {
            if scenario.is_alone {
                let _floor = self.floor.write().await;
                self.play_now(scenario).await
            } else {
                let _floor = self.floor.read().await;
                self.play_now(scenario).await
            }
        })
    }

    async fn play_now(&self, scenario: Scenario) -> Result<(), Failed> {
        let set = self.stage.get_or_try_init(async || {
            if self.is_set.swap(true, Ordering::Relaxed) { Err(()) } else { Ok(Stage::set().await) }
        });
        let stage = match set.await {
            Ok(Ok(stage)) => stage.set_apart(),
            // Who names a cluster wants it to be played on.
            Ok(Err(reason)) if Cluster::is_existing() => return Err(reason.into()),
            Ok(Err(reason)) => {
                record_skip(scenario.name, "cluster", reason);
                return Ok(());
            }
            Err(()) => return Err("the stage could not be set: see the first failure".into()),
        };
        let began = Instant::now();
        let mut is_asked_to_end = self.is_asked_to_end.clone();
        let played = tokio::select! {
            biased;
            Ok(_) = is_asked_to_end.wait_for(|is_asked| *is_asked) => Err("it was asked to end"),
            played = AssertUnwindSafe((scenario.play)(&stage)).catch_unwind() => {
                if played.is_err() {
                    eprintln!("{}", stage.describe().await);
                }
                played.map_err(|_| "the panic above")
            }
        };
        stage.clear().await;
        println!("{}: {} s", scenario.name, began.elapsed().as_secs());
        played.map_err(Failed::from)
    }
}
