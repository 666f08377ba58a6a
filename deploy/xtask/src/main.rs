//! `cargo xtask`: what is made from the sources and kept beside them.

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
        /// Writes nothing; fails if a file is not what would be written.
        #[arg(long)]
        check: bool,
    },
}

fn main() -> anyhow::Result<ExitCode> {
    let Task::Generate { check } = Arguments::parse().task;
    let files = generate::files()?;
    if check { generate::check(&files) } else { generate::write(&files) }
}
