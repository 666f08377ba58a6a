//! `cargo xtask`: what is made from the sources and kept beside them.

mod codes;
mod generate;
mod reference;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Makes what is generated.")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Writes the custom resource definitions and their reference.
    Generate {
        /// Writes nothing; fails if a file is not what would be written, or if the error codes of
        /// the sources and those of docs/errors.md are not the same.
        #[arg(long)]
        check: bool,
    },
}

fn main() -> anyhow::Result<ExitCode> {
    let Task::Generate { check } = Arguments::parse().task;
    let files = generate::files()?;
    if !check {
        return generate::write(&files);
    }
    let outcomes = [generate::check(&files)?, codes::check(generate::top())?];
    Ok(if outcomes == [ExitCode::SUCCESS; 2] { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
