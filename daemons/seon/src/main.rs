//! Seon: every daemon under its classic name, and the tool for people.

use std::process::ExitCode;

fn main() -> ExitCode {
    seon::run(std::env::args_os().collect())
}
