//! `seon force DAEMON`: takes the lease away from whoever holds it.

use std::process::ExitCode;

use lease::{LeaseRow, LeaseTable};

use super::Context;
use super::request::operator;
use crate::arguments::Force;
use crate::failure::Failure;
use crate::instance::Instance;

pub(super) async fn run(context: &Context, command: &Force) -> Result<ExitCode, Failure> {
    let daemon = command.daemon;
    let instance = Instance::load(&context.shared.place)?;
    let store = instance.store().await?;
    let before = store.read(daemon).await?;
    let forced = store.force_lease(daemon, &operator(context)).await?;
    let name = instance.name();
    let text = match (before.filter(LeaseRow::is_held), forced) {
        (Some(row), Some(epoch)) => format!(
            "{daemon} of {name}: the lease was taken from process {} on {} and is free; its next \
             holder begins epoch {}.\nThat process is refused at its next write and ends by itself; a standby \
             takes over at once.\n",
            row.holder.process,
            row.holder.host,
            epoch.get() + 1,
        ),
        (None, Some(epoch)) => {
            let next = epoch.get() + 1;
            format!(
                "{daemon} of {name}: nobody held the lease; its next holder begins epoch {next}.\n"
            )
        }
        (_, None) => format!("{daemon} of {name}: it never ran, so there is no lease to take.\n"),
    };
    crate::output::answer(&text)?;
    Ok(ExitCode::SUCCESS)
}
