//! `seon force DAEMON`: takes the lease away from whoever holds it.

use std::process::ExitCode;

use commands::Instance;
use commands::force::{self, Forced};
use terminal::Failure;
use terminal::arguments::Force;

use super::Context;

pub(super) async fn run(context: &Context, command: &Force) -> Result<ExitCode, Failure> {
    let daemon = command.daemon;
    let instance = Instance::load(&context.place())?;
    let store = instance.store().await?;
    let name = instance.name();
    let text = match force::force(&store, daemon, &context.requested_by()).await? {
        Forced::Taken { from, next } => format!(
            "{daemon} of {name}: the lease was taken from process {} on {} and is free; its next \
             holder begins epoch {next}.\nThat process is refused at its next write and ends by itself; a standby \
             takes over at once.\n",
            from.holder.process, from.holder.host,
        ),
        Forced::WasFree { next } => format!(
            "{daemon} of {name}: nobody held the lease; its next holder begins epoch {next}.\n"
        ),
        Forced::NeverRan => {
            format!("{daemon} of {name}: it never ran, so there is no lease to take.\n")
        }
    };
    terminal::answer(&text)?;
    Ok(ExitCode::SUCCESS)
}
