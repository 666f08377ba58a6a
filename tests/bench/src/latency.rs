//! The transfers again, over a network with a delay: in a network namespace of their own, whose
//! loopback device delays by netem.

use std::os::unix::fs::MetadataExt;
use std::process::{Command, Output};

use anyhow::{Context, ensure};

use crate::Arguments;
use crate::report::{Line, Report};

/// Round trips to measure, in milliseconds; loopback delays once each way.
const ROUND_TRIPS: [(&str, &str); 2] = [("1 ms RTT", "500us"), ("20 ms RTT", "10ms")];

/// Room for what is under way during the longest round trip: netem drops what is over it.
const NETEM_LIMIT: &str = "100000";

pub(crate) fn measure(arguments: &Arguments) -> anyhow::Result<Vec<Line>> {
    let mut lines = Vec::new();
    for (round_trip, delay) in ROUND_TRIPS {
        if let Err(reason) = probe(delay) {
            lines.push(Line::skipped(format!("latency: transfers, {round_trip}"), reason));
            continue;
        }
        lines.extend(inside(arguments, round_trip, delay)?);
    }
    Ok(lines)
}

/// What the kernel or our rights lack.
fn probe(delay: &str) -> Result<(), String> {
    let output = namespace(delay, "true").output().map_err(|error| format!("unshare: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let said = said.lines().next().unwrap_or_default().trim();
    Err(format!("no network namespace with a delay by netem here: {said}"))
}

/// This program again, in the namespace.
fn inside(arguments: &Arguments, label: &str, delay: &str) -> anyhow::Result<Vec<Line>> {
    let program = std::env::current_exe().context("this program's own file")?;
    let mut command = namespace(delay, program);
    command.args(["transfer", "--json", "--label", label, "--seon"]).arg(&arguments.seon);
    if arguments.quick {
        command.arg("--quick");
    }
    let Output { status, stdout, stderr } = command.output().context("run in a namespace")?;
    let said = String::from_utf8_lossy(&stdout);
    ensure!(!said.is_empty(), "{status}: {}", String::from_utf8_lossy(&stderr));
    Report::lines_of(&said)
}

/// A command in a fresh network namespace; the shell is only there to set it up.
fn namespace(delay: &str, program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new("unshare");
    command.arg("--net");
    // Others than root may have a network of their own as root of a user namespace of their own.
    let is_root = std::fs::metadata("/proc/self").is_ok_and(|status| status.uid() == 0);
    if !is_root {
        command.arg("--map-root-user");
    }
    command.args(["--", "sh", "-c"]);
    command.arg(
        "ip link set lo up && tc qdisc add dev lo root netem delay \"$0\" limit \"$1\" \
         && shift && exec \"$@\"",
    );
    command.args([delay, NETEM_LIMIT]).arg(program);
    command
}
