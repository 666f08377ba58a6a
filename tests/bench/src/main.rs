//! The benchmarks: what this system does beside what the machine can do, measured in one run.
//!
//! Figures of one run on one machine are compared with each other, never with a figure from
//! elsewhere. A goal that is missed is no failure; a benchmark that could not be run is one, unless
//! the machine lacks what it needs, which is said loudly.

mod cms;
mod codec;
mod company;
mod content;
mod files;
mod latency;
mod logon;
mod machine;
mod peers;
mod poll;
mod report;
mod rest;
mod sessions;
mod transfer;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Parser, ValueEnum};

use report::{Line, Report};

/// Measures the system beside what the machine can do.
#[derive(Clone, Debug, Parser)]
struct Arguments {
    /// Only these; all without.
    #[arg(value_enum, value_name = "ROW")]
    rows: Vec<Row>,
    /// As JSON instead of a table.
    #[arg(long)]
    json: bool,
    /// Less of everything: to see whether it works, not how fast it is.
    #[arg(long)]
    quick: bool,
    /// The `seon` binary.
    #[arg(long, env = "SEON_BINARY", value_name = "FILE")]
    seon: PathBuf,
    /// Put before each row's name.
    #[arg(long, hide = true)]
    label: Option<String>,
    #[command(flatten)]
    tuning: transfer::Tuning,
    #[command(flatten)]
    amount: files::Amount,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Row {
    /// Decoding and encoding data exchange buffers, beside memcpy.
    Codec,
    /// Files signed, compressed and encrypted, and back, beside openssl and pigz in a pipe.
    Cms,
    /// One session, 1 GiB file to file, durable, beside socat and sftp.
    Transfer,
    /// The same over a network with a delay.
    Latency,
    /// 10,000 files of 10 kB with receipts, over one session and over four, beside sftp.
    Files,
    /// 2,000 sessions at once: resident memory. Daemons that idle: memory of their own.
    Sessions,
    /// 50,000 entries that wait and 2,000 hot folders: processor time over ten seconds.
    Rest,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let rows = match arguments.rows.as_slice() {
        [] => Row::value_variants(),
        chosen => chosen,
    };
    let mut report = Report::new(machine::describe());
    for &row in rows {
        eprintln!("measuring: {row:?}");
        let lines = measure(row, arguments).unwrap_or_else(|error| {
            vec![Line::failed(format!("{row:?}").to_lowercase(), format!("{error:#}"))]
        });
        report.add(lines, arguments.label.as_deref());
    }
    print!("{}", if arguments.json { report.json()? } else { report.table() });
    Ok(if report.has_failed() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// One row in a thread of its own: what panics there ends that row, and the others are measured.
fn measure(row: Row, arguments: &Arguments) -> anyhow::Result<Vec<Line>> {
    let arguments = arguments.clone();
    let thread = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            match row {
                Row::Codec => codec::measure(arguments.quick),
                Row::Cms => cms::measure(&arguments).await,
                Row::Transfer => transfer::measure(&arguments).await,
                Row::Latency => latency::measure(&arguments),
                Row::Files => files::measure(&arguments).await,
                Row::Sessions => sessions::measure(&arguments).await,
                Row::Rest => rest::measure(&arguments).await,
            }
        })
    });
    thread.join().map_err(|panic| anyhow::anyhow!(panic_text(&*panic)))?.context("not measured")
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    panic
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string))
        .unwrap_or_else(|| "a panic without a text".to_owned())
}
