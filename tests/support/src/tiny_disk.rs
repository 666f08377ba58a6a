//! A file system that is soon full.

use std::path::Path;
use std::process::Command;

use crate::TemporaryDirectory;

/// A tmpfs of a few kilobytes, unmounted on drop.
#[derive(Debug)]
pub struct TinyDisk {
    directory: TemporaryDirectory,
}

impl TinyDisk {
    /// Mounts one with room for about so many octets; an error says why this machine cannot.
    pub fn mount(octets: u64) -> Result<Self, String> {
        let directory = TemporaryDirectory::new();
        let options = format!("size={octets}");
        run(Command::new("mount")
            .args(["-t", "tmpfs", "-o", &options, "seon-test"])
            .arg(directory.path()))?;
        Ok(Self { directory })
    }

    /// Where it is mounted.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Makes it read-only, or writable again.
    pub fn set_read_only(&self, read_only: bool) {
        let options = if read_only { "remount,ro" } else { "remount,rw" };
        let mut command = Command::new("mount");
        run(command.args(["-o", options]).arg(self.path())).expect("remount a tiny disk");
    }
}

impl Drop for TinyDisk {
    fn drop(&mut self) {
        let _ = run(Command::new("umount").arg("--lazy").arg(self.path()));
    }
}

fn run(command: &mut Command) -> Result<(), String> {
    match command.output() {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
        Err(error) => Err(format!("cannot run {command:?}: {error}")),
    }
}
