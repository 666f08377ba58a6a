//! The operator's program.

use std::process::ExitCode;

use clap::Parser as _;
use operator::{
    arguments::{Arguments, LogFormat},
    run,
};
use tracing_subscriber::EnvFilter;

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    ambient::leave_no_core();
    let arguments = Arguments::parse();
    let filter = EnvFilter::try_new(&arguments.log_level)?;
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match arguments.log_format {
        LogFormat::Json => log.json().flatten_event(true).init(),
        LogFormat::Text => log.init(),
    }
    let Err(error) = run::run(arguments).await else { return Ok(ExitCode::SUCCESS) };
    // A line of the log, as every other: Kubernetes shows it as the message of the end.
    tracing::error!(code = "E-OPERATOR-ENDED", "{error:#}");
    Ok(ExitCode::FAILURE)
}
