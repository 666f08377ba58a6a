//! `cargo xtask`: what is made from the sources, kept beside them or shipped.

mod cargo;
mod chart;
mod codes;
mod elf;
mod generate;
mod generated;
mod helm;
mod images;
#[cfg(test)]
mod log_fields;
mod programs;
mod reference;
mod rooms;

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Makes what is generated, and the images.")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Writes the custom resource definitions, their reference, the generated parts of the chart,
    /// and the chart rendered by helm.
    Generate {
        /// Writes nothing; fails if a file is not what would be written, or if the error codes of
        /// the sources and those of docs/errors.md are not the same.
        #[arg(long)]
        check: bool,
    },
    /// Prints the rooms of the workspace with their lines and what each uses; fails if ARCHITECTURE.md
    /// does not have them so.
    Rooms,
    /// Builds every program for release, with the C library in it, so that it runs anywhere.
    Programs {
        /// Where they go [default: programs in cargo's target folder].
        #[arg(long)]
        output: Option<PathBuf>,
    },
    /// Builds the images of the daemons, of the operator and of the device plugin for ISDN, without
    /// a container engine.
    Images {
        /// A folder that `cargo xtask programs` has filled; without it they are built.
        #[arg(long)]
        programs: Option<PathBuf>,
        /// Where the archives go [default: images in cargo's target folder].
        #[arg(long)]
        output: Option<PathBuf>,
        /// What the images' names begin with.
        #[arg(long, default_value = "registry.local")]
        registry: String,
    },
}

fn main() -> anyhow::Result<ExitCode> {
    match Arguments::parse().task {
        Task::Generate { check } => generate(check),
        Task::Rooms => rooms::show(generated::top()),
        Task::Programs { output } => programs::write(output.as_deref()),
        Task::Images { programs, output, registry } => {
            images::write(programs.as_deref(), output.as_deref(), &registry)
        }
    }
}

fn generate(check: bool) -> anyhow::Result<ExitCode> {
    let mut files = generate::files()?;
    if !check {
        // The definitions first: they are part of the chart that helm renders.
        generate::write(&files)?;
        let Some(install) = helm::install()? else { return Ok(ExitCode::FAILURE) };
        files.push(install);
        return generate::write(&files);
    }
    files.extend(helm::install()?);
    let outcomes = [generate::check(&files)?, codes::check(generated::top())?];
    Ok(if outcomes == [ExitCode::SUCCESS; 2] { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
