//! The device plugin's program.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use capi_device_plugin::arguments::{Arguments, LogFormat};
use capi_device_plugin::device::DeviceNode;
use capi_device_plugin::error::PluginError;
use capi_device_plugin::run::run;
use clap::Parser as _;
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    let filter = EnvFilter::try_new(&arguments.log_level)?;
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match arguments.log_format {
        LogFormat::Json => log.json().flatten_event(true).init(),
        LogFormat::Text => log.init(),
    }
    let runtime = Runtime::new().context("starting the threads")?;
    let result = runtime.block_on(until_asked_to_stop(&arguments));
    // A look at a driver that hangs must not hold up the end.
    runtime.shutdown_background();
    match result? {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(error) => {
            tracing::error!(code = error.code(), "{error}");
            Ok(ExitCode::FAILURE)
        }
    }
}

async fn until_asked_to_stop(arguments: &Arguments) -> anyhow::Result<Result<(), PluginError>> {
    let mut terminate = signal(SignalKind::terminate()).context("listening for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("listening for SIGINT")?;
    let stop = CancellationToken::new();
    let asked = async {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("asked to end");
        stop.cancel();
        // The end is that of the work.
        std::future::pending::<()>().await;
    };
    let settings = arguments.settings();
    let controllers = Arc::new(DeviceNode::at(&arguments.device));
    tokio::select! {
        result = run(&settings, controllers, &stop) => Ok(result),
        () = asked => Ok(Ok(())),
    }
}
