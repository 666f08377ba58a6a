//! The ISDN of the scenarios: an exchange, which pods reach by remote CAPI, or as a node's adapter.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use cluster::Nodes;
use support::{Process, TemporaryDirectory, development_binary};

use crate::PATIENCE;

/// A running exchange. When it is dropped, it is gone as without power; a node's device stays there
/// and does not answer.
#[derive(Debug)]
pub struct Exchange {
    program: Process,
    commands: PathBuf,
    _directory: TemporaryDirectory,
}

/// An adapter in a node.
#[derive(Clone, Copy, Debug)]
pub struct Adapter<'a> {
    /// The node.
    pub node: &'a str,
    /// Its device, a path on the node in a folder of its own below `/var/lib`.
    pub device: &'a str,
    /// Which of the exchange's controllers it is: controller 1 to the node.
    pub controller: u8,
}

impl Exchange {
    /// Beside the nodes: each of these numbers has a controller, and a remote CAPI with it alone, at
    /// 10.99.0.1 and the port behind the number.
    pub fn beside(nodes: &Nodes, lines: &[(&str, u16)]) -> Self {
        let remotes =
            (1..).zip(lines).map(|(number, (_, port))| format!("0.0.0.0:{port}={number}"));
        let remotes = remotes.flat_map(|remote| ["--remote".to_owned(), remote]);
        Self::start(|program| nodes.command(program), lines.iter().map(|line| line.0), remotes)
    }

    /// On a node, as its adapter; a remote CAPI at the node's address and port 2662 has all of these
    /// numbers' controllers.
    pub async fn on_node(nodes: &Nodes, adapter: Adapter<'_>, numbers: &[&str]) -> Self {
        let Adapter { node, device, controller } = adapter;
        let below = Path::new(device).strip_prefix("/var/lib").expect("a path below /var/lib");
        let folder = nodes.directory().join(node).join("var-lib").join(below);
        fs::create_dir_all(folder.parent().expect("a folder")).unwrap();
        let command = nodes.command_on(node, &program()).await;
        let faces = ["--device".to_owned(), format!("{device}={controller}")];
        let faces = faces.into_iter().chain(["--remote".to_owned(), "0.0.0.0:2662".to_owned()]);
        Self::start(|_| command, numbers.iter().copied(), faces)
    }

    fn start<'a>(
        command: impl FnOnce(&Path) -> Command,
        numbers: impl Iterator<Item = &'a str>,
        faces: impl Iterator<Item = String>,
    ) -> Self {
        let directory = TemporaryDirectory::new();
        let commands = directory.join("commands");
        let made = Command::new("mkfifo").arg(&commands).status().expect("run mkfifo");
        assert!(made.success(), "mkfifo: {made}");
        let mut command = command(&program());
        for number in numbers {
            command.args(["--controller", number]);
        }
        command.args(faces).args([OsString::from("--commands"), commands.clone().into()]);
        let program = Process::spawn(command);
        program.wait_for_line(PATIENCE, |line| line == "ready");
        Self { program, commands, _directory: directory }
    }

    /// Takes a controller away, as when an adapter is pulled out.
    pub fn unplug(&self, controller: u8) {
        self.order(
            &format!("unplug {controller}"),
            &format!("controller {controller} is unplugged"),
        );
    }

    /// Brings it back.
    pub fn plug(&self, controller: u8) {
        self.order(
            &format!("plug {controller}"),
            &format!("controller {controller} is plugged in"),
        );
    }

    fn order(&self, command: &str, answer: &str) {
        fs::write(&self.commands, format!("{command}\n")).unwrap();
        self.program.wait_for_line(PATIENCE, |line| line == answer);
    }
}

fn program() -> PathBuf {
    development_binary("capi-sim", "capi-exchange")
}
