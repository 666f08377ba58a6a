//! The machine that the figures are of, and what processes take of it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;

/// Processors, load, kernel, and the file system of the benchmarks' files, in one line.
pub(crate) fn describe() -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let processors = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let model = read("/proc/cpuinfo")
        .lines()
        .find_map(|line| {
            line.strip_prefix("model name")?.split_once(": ").map(|(_, name)| name.to_owned())
        })
        .unwrap_or_default();
    let load = read("/proc/loadavg");
    let load = load.split_whitespace().next().unwrap_or("?").to_owned();
    let directory = std::env::temp_dir();
    format!(
        "{processors} processors {model}, load {load} before the run, Linux {}, files in {} ({})",
        read("/proc/sys/kernel/osrelease").trim(),
        directory.display(),
        file_system(&directory),
    )
}

/// The file system's type as `stat` calls it.
fn file_system(directory: &Path) -> String {
    let stat =
        Command::new("stat").args(["--file-system", "--format=%T", "--"]).arg(directory).output();
    stat.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
}

/// A program in the PATH, or where administrators' programs are.
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin", "/sbin", "/usr/local/sbin"].map(PathBuf::from))
        .map(|directory| directory.join(name))
        .find(|program| program.is_file())
}

/// What a process holds of the machine's memory, in octets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Resident {
    /// Pages of its own.
    pub(crate) anonymous: u64,
    /// Pages of files, such as the program; processes of one program share them.
    pub(crate) file: u64,
    /// Shared memory.
    pub(crate) shared: u64,
}

impl Resident {
    /// RSS.
    pub(crate) fn total(self) -> u64 {
        self.anonymous + self.file + self.shared
    }

    pub(crate) fn of(pid: u32) -> anyhow::Result<Self> {
        let path = format!("/proc/{pid}/status");
        let status = fs::read_to_string(&path).with_context(|| format!("read {path}"))?;
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            let kibi_octets = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
            kibi_octets
                .map(|number: u64| number * 1024)
                .with_context(|| format!("{name} in {path}"))
        };
        Ok(Self {
            anonymous: field("RssAnon")?,
            file: field("RssFile")?,
            shared: field("RssShmem")?,
        })
    }
}

/// Processor time that a process has used by itself, in seconds.
pub(crate) fn processor_time(pid: u32) -> anyhow::Result<f64> {
    Ok(ticks(&format!("/proc/{pid}/stat"), 11)? / TICKS)
}

/// Processor time of all processes that this one started and that have ended, in seconds.
pub(crate) fn processor_time_of_ended_children() -> anyhow::Result<f64> {
    Ok(ticks("/proc/self/stat", 13)? / TICKS)
}

/// Of a second; `USER_HZ`, which is the same on every Linux that this runs on.
const TICKS: f64 = 100.0;

/// The sum of two fields, counted from the one after the process's name.
fn ticks(path: &str, first: usize) -> anyhow::Result<f64> {
    let stat = fs::read_to_string(path).with_context(|| format!("read {path}"))?;
    let (_, fields) = stat.rsplit_once(')').with_context(|| format!("a name in {path}"))?;
    let both = fields.split_whitespace().skip(first).take(2);
    both.map(|field| field.parse::<f64>().with_context(|| format!("a number in {path}"))).sum()
}

/// How many files this process, and those that it starts, may have open.
pub(crate) fn open_files_limit() -> anyhow::Result<u64> {
    let limits = fs::read_to_string("/proc/self/limits").context("read /proc/self/limits")?;
    limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files")?.split_whitespace().next())
        .and_then(|limit| if limit == "unlimited" { Some(u64::MAX) } else { limit.parse().ok() })
        .context("Max open files in /proc/self/limits")
}

/// Whether somebody listens on this TCP port, without calling there.
pub(crate) fn is_listening(port: u16) -> bool {
    const LISTEN: &str = "0A";
    let wanted = format!(":{port:04X}");
    ["/proc/net/tcp", "/proc/net/tcp6"].iter().any(|path| {
        let table = fs::read_to_string(path).unwrap_or_default();
        table.lines().any(|line| {
            let mut fields = line.split_whitespace().skip(1);
            fields.next().is_some_and(|local| local.ends_with(&wanted))
                && fields.nth(1) == Some(LISTEN)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_has_pages_of_its_own_and_of_its_program() {
        let ours = Resident::of(std::process::id()).unwrap();
        assert!(ours.anonymous > 0 && ours.file > 0);
        assert_eq!(ours.total(), ours.anonymous + ours.file + ours.shared);
    }

    #[test]
    fn a_process_uses_the_processor_and_so_did_its_children() {
        let before = processor_time(std::process::id()).unwrap();
        let mut number = 1_u64;
        while processor_time(std::process::id()).unwrap() <= before {
            number = std::hint::black_box(number.wrapping_mul(3));
        }
        assert!(processor_time_of_ended_children().unwrap() >= 0.0);
    }

    #[test]
    fn a_listening_port_is_seen_without_a_connection() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        assert!(is_listening(port));
        drop(listener);
        assert!(!is_listening(port));
    }

    #[test]
    fn the_limit_of_open_files_is_known() {
        assert!(open_files_limit().unwrap() >= 64);
    }
}
