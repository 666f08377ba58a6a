//! What comes of a request to a daemon, and who makes it.

use std::process::ExitCode;

use commands::request::Obeyed;
use serde::Serialize;
use terminal::{Failure, Format, Style, Terminal, escaped};

use super::Context;

/// Tells what came of each order; the exit code is 1 unless all is done.
pub(super) fn tell<I: Serialize>(
    context: &Context,
    all: &[Obeyed<I>],
) -> Result<ExitCode, Failure> {
    terminal::answer(&match context.shared.format {
        Format::Json => terminal::json(&all),
        Format::Table => all.iter().map(|one| line(one, &context.terminal)).collect(),
    })?;
    let all_done = all.iter().all(|one| one.done);
    Ok(if all_done { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn line<I>(one: &Obeyed<I>, terminal: &Terminal) -> String {
    let (mark, style) = if one.done { ("√", Style::Good) } else { ("×", Style::Bad) };
    let code = one.code.as_ref().map(|code| format!("{code} ")).unwrap_or_default();
    let told = format!("{code}{}", one.text);
    format!("{} {}\n", terminal.paint(style, mark), escaped(&told))
}

/// The user of this process, and its host.
pub(super) fn user_and_host() -> String {
    let user = ["SUDO_USER", "USER", "LOGNAME"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok().filter(|user| !user.is_empty()))
        .unwrap_or_else(|| format!("user {}", rustix::process::getuid().as_raw()));
    let host = rustix::system::uname();
    format!("{user}@{}", host.nodename().to_string_lossy())
}
