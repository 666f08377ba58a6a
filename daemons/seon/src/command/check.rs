//! `seon check`: examines an instance and says what is wrong and what to do about it.

use std::process::ExitCode;

use commands::check;
use terminal::{Failure, Format, report};

use super::Context;

pub(super) async fn run(context: &Context) -> Result<ExitCode, Failure> {
    let examined = check::examine(&context.place()).await;
    let text = match context.shared.format {
        Format::Json => terminal::json(&examined),
        Format::Table => report::render(&examined, &context.terminal),
    };
    terminal::answer(&text)?;
    Ok(if examined.is_success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
