//! `seon`: every daemon under its classic name, and the tool for people.
//!
//! A library, so that a program that needs `seon` as its child can be `seon` itself: the quick start.

mod arguments;
mod command;
mod daemons;
mod failure;
mod seoneq;

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::ExitCode;

use arguments::Invocation;
use domain::Daemon;
use terminal::Terminal;

/// Whether `seon` is meant by the name under which a program was called.
pub fn is_meant_by(name: &OsStr) -> bool {
    let name = Path::new(name).file_name().and_then(OsStr::to_str).unwrap_or_default();
    matches!(name, "seon" | "seoneq") || name.parse::<Daemon>().is_ok()
}

/// Runs to the end what a command line asks for, its first word being the name of the program.
pub fn run(words: Vec<OsString>) -> ExitCode {
    let invocation = match Invocation::parse(words) {
        Ok(invocation) => invocation,
        Err(error) => return terminal::usage(&error),
    };
    terminal::end(match invocation {
        Invocation::Daemon(start) => {
            let tells = failure::Tells::of(start.options.log_format);
            match daemons::run(start) {
                Err(failure) => return tells.the_end(failure),
                Ok(()) => Ok(ExitCode::SUCCESS),
            }
        }
        Invocation::Tool(arguments) => {
            let ends_itself = arguments.command.ends_in_order();
            terminal::run(command::run(*arguments, Terminal::detect()), ends_itself)
        }
        Invocation::Seoneq(options) => {
            terminal::run(command::enqueue::classic(*options, Terminal::detect()), false)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seon_is_meant_by_its_own_name_and_by_every_classic_one() {
        for name in ["seon", "/opt/bin/seonrd_tcpip", "seonrd_capi_0", "seoneq", "./seon"] {
            assert!(is_meant_by(OsStr::new(name)), "{name}");
        }
        for name in ["quickstart", "/target/release/quickstart", "seonfoo", ""] {
            assert!(!is_meant_by(OsStr::new(name)), "{name}");
        }
    }
}
