//! `seon enqueue` and `seoneq`.

mod follow;

use std::process::ExitCode;

use commands::Instance;
use commands::enqueue::{self, Enqueued};
use terminal::arguments::EnqueueOptions;
use terminal::{Failure, Format, Style, Terminal, human};

use super::{Context, attended};
use crate::arguments::{Caller, Place, Shared};
use crate::seoneq;

/// `seoneq`.
pub(crate) async fn classic(
    options: seoneq::Options,
    terminal: Terminal,
) -> Result<ExitCode, Failure> {
    let shared = Shared {
        place: Place { directory: options.directory.clone(), ..Place::default() },
        format: Format::Table,
        caller: Caller::default(),
    };
    run(&Context { shared, terminal }, options.options()?).await
}

/// `seon enqueue`.
pub(super) async fn run(context: &Context, options: EnqueueOptions) -> Result<ExitCode, Failure> {
    let instance = Instance::load(&context.place())?;
    let follow = options.follow;
    // Its end says that nobody waits any more, so a stream ends by its size.
    let submission = options.submission(context.shared.caller.attended)?;
    let store = instance.migrated_store().await?;
    let enqueued = enqueue::put(&instance, &store, submission).await?;
    if follow {
        let following = follow::run(context, &instance, &store, &enqueued);
        return attended::run(context, following).await;
    }
    let text = match context.shared.format {
        Format::Json => terminal::json(&enqueued),
        Format::Table => enqueued.iter().map(|one| line(one, &context.terminal)).collect(),
    };
    terminal::answer(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn line(enqueued: &Enqueued, terminal: &Terminal) -> String {
    format!(
        "{} {} → {}  {}  {}  entry {}\n",
        terminal.paint(Style::Good, "√"),
        enqueued.file.display(),
        enqueued.partner,
        enqueued.dataset_name,
        human::octets(enqueued.octets),
        enqueued.id,
    )
}
