//! Runs the scenarios on one stage.

use std::panic::AssertUnwindSafe;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use e2e::Stage;
use futures::FutureExt;
use futures::future::LocalBoxFuture;
use libtest_mimic::{Arguments, Failed, Trial};
use support::record_skip;
use tokio::runtime::Runtime;
use tokio::sync::OnceCell;

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
    let theatre = Arc::new(Theatre {
        runtime: Runtime::new().expect("a runtime"),
        stage: OnceCell::new(),
        is_set: AtomicBool::new(false),
    });
    let trials = scenarios.iter().copied().flatten().map(|&scenario| {
        let theatre = Arc::clone(&theatre);
        Trial::test(scenario.name, move || theatre.play(scenario))
    });
    let conclusion = libtest_mimic::run(&arguments, trials.collect());
    if let Some(Ok(stage)) = theatre.stage.get() {
        println!("{}", stage.figures);
    }
    conclusion.exit_code()
}

struct Theatre {
    // Dropped in this order.
    stage: OnceCell<Result<Stage, String>>,
    runtime: Runtime,
    /// Whether somebody has tried to.
    is_set: AtomicBool,
}

impl Theatre {
    fn play(&self, scenario: Scenario) -> Result<(), Failed> {
        self.runtime.block_on(async {
            if self.stage.get().is_none() && self.is_set.swap(true, Ordering::Relaxed) {
                return Err("the stage could not be set: see the first failure".into());
            }
            let stage = match self.stage.get_or_init(Stage::set).await {
                Ok(stage) => stage,
                Err(reason) => {
                    record_skip(scenario.name, "cluster", reason);
                    return Ok(());
                }
            };
            let played = AssertUnwindSafe((scenario.play)(stage)).catch_unwind().await;
            if played.is_err() {
                eprintln!("{}", stage.describe().await);
            }
            stage.clear().await;
            played.map_err(|_| "the panic above".into())
        })
    }
}
