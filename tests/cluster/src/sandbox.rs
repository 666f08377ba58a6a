//! The namespaces of one cluster on this machine, and their end.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use support::{Process, TemporaryDirectory, guarded_command, wait_until_blocking};

use crate::addresses;

const PATIENCE: Duration = Duration::from_secs(30);
/// How long a cluster lives at most, as `timeout` reads it: one that somebody forgot ends by itself.
const LIMIT: &str = "SEON_CLUSTER_LIMIT";
const USUAL_LIMIT: &str = "2h";
const CGROUPS: &str = "/sys/fs/cgroup";

/// A network and a PID namespace with the bridge on which the machines are, and a directory. All
/// processes in it, the directory and the control groups go on drop; if the test is killed, a
/// supervisor that the kernel notifies does the same.
#[derive(Debug)]
pub(crate) struct Sandbox {
    supervisor: Process,
    /// The first process of the namespaces, as this machine numbers it.
    init: u32,
    directory: TemporaryDirectory,
}

impl Sandbox {
    /// `Err` says why this machine cannot.
    pub(crate) fn start() -> Result<Self, String> {
        check_machine()?;
        sweep();
        let directory = TemporaryDirectory::new();
        let cgroup = cgroup(&directory);
        let mut command = Command::new("setpriv");
        let limit = std::env::var(LIMIT).unwrap_or_else(|_| USUAL_LIMIT.to_owned());
        command.args(["--pdeathsig", "TERM", "--", "timeout", &limit]);
        command.arg(script("supervisor.sh")).arg(directory.path()).arg(&cgroup);
        command.arg(script("sandbox.sh")).arg(directory.path());
        for address in [addresses::API_SERVER, addresses::DATABASE, addresses::NAME_SERVER] {
            command.arg(format!("{address}/24"));
        }
        let mut supervisor = Process::spawn(command);
        let ready = directory.join("sandbox");
        let init = wait_until_blocking("the cluster's namespaces are there", PATIENCE, || {
            assert!(supervisor.is_running(), "no namespaces: {:#?}", supervisor.output());
            fs::read_to_string(&ready).map_err(|_| supervisor.output().join("\n"))
        });
        let init = init.trim().parse().expect("a process number");
        Ok(Self { supervisor, init, directory })
    }

    /// Where everything of the cluster is.
    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The name of its control groups, in every hierarchy.
    pub(crate) fn cgroup(&self) -> String {
        cgroup(&self.directory)
    }

    /// The network namespace of the control plane, as a file.
    pub(crate) fn network(&self) -> PathBuf {
        network_of(self.init)
    }

    /// A command that runs in it, and ends with it.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = guarded_command("nsenter");
        command.arg(format!("--target={}", self.init));
        command.args(["--net", "--pid", "--"]).arg(program);
        command
    }

    /// Runs `ip` in it.
    pub(crate) fn ip(&self, arguments: &str) {
        ip(&self.network(), arguments);
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.supervisor.stop(PATIENCE);
    }
}

/// The network namespace of a process, as a file.
pub(crate) fn network_of(process: u32) -> PathBuf {
    PathBuf::from(format!("/proc/{process}/ns/net"))
}

/// Runs `ip` in a network namespace; processes are named there as this machine numbers them.
pub(crate) fn ip(network: &Path, arguments: &str) {
    let mut command = enter_network(network, "ip");
    run(command.args(arguments.split(' ')));
}

/// A command in a network namespace and otherwise here.
pub(crate) fn enter_network(network: &Path, program: impl AsRef<OsStr>) -> Command {
    let mut command = guarded_command("nsenter");
    command.arg(format!("--net={}", network.display())).arg("--").arg(program);
    command
}

/// Runs a command to its end; gives what it printed.
///
/// # Panics
///
/// If it fails, with what it said.
pub(crate) fn run(command: &mut Command) -> String {
    try_run(command).unwrap_or_else(|error| panic!("{error}"))
}

/// Runs a command to its end; gives what it printed, or what it said when it failed.
pub(crate) fn try_run(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|error| format!("cannot run {command:?}: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = [output.stdout, output.stderr].concat();
    Err(format!("{command:?}: {}: {}", output.status, String::from_utf8_lossy(&said).trim()))
}

/// The hierarchies of control groups: one with cgroup v2, one for each controller before.
pub(crate) fn cgroup_hierarchies() -> Vec<PathBuf> {
    if Path::new(CGROUPS).join("cgroup.controllers").exists() {
        return vec![PathBuf::from(CGROUPS)];
    }
    let entries = fs::read_dir(CGROUPS).into_iter().flatten().flatten();
    // Two controllers of one hierarchy are linked to it by their names.
    entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect()
}

/// A script of this folder.
pub(crate) fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(name)
}

fn cgroup(directory: &TemporaryDirectory) -> String {
    let name = directory.path().file_name().expect("a directory's name");
    name.to_string_lossy().into_owned()
}

fn check_machine() -> Result<(), String> {
    if !rustix::process::geteuid().is_root() {
        return Err("a cluster needs root: namespaces, mounts and control groups".to_owned());
    }
    for (program, package) in
        [("ip", "iproute2"), ("nsenter", "util-linux"), ("unshare", "util-linux")]
    {
        if try_run(Command::new(program).arg("--help")).is_err() && !in_path(program) {
            return Err(format!("{program} is not installed (apt-get install {package})"));
        }
    }
    try_run(Command::new("unshare").args(["--net", "--pid", "--mount", "--fork", "true"]))
        .map(drop)
        .map_err(|error| format!("this machine allows no namespaces: {error}"))
}

/// Whether a program is installed.
pub(crate) fn in_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// Removes the control groups of clusters whose test and whose supervisor were both killed. Their
/// processes ended with them; directories are swept by [`TemporaryDirectory`].
fn sweep() {
    for hierarchy in cgroup_hierarchies() {
        for entry in fs::read_dir(hierarchy).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let owner = name.strip_prefix("seon-test-").and_then(|name| name.split('-').next());
            if owner.is_some_and(|owner| !Path::new("/proc").join(owner).exists()) {
                remove_cgroup(&entry.path());
            }
        }
    }
}

/// Removes a control group with those in it, as far as no process is in them any more.
pub(crate) fn remove_cgroup(folder: &Path) {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    for entry in entries.filter(|entry| entry.path().is_dir()) {
        remove_cgroup(&entry.path());
    }
    let _ = fs::remove_dir(folder);
}
