//! The mount goes with whoever made it, however that ends.

use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Sender};
use std::thread::{self, JoinHandle};

/// Waits for the end of the thread that started it, or of its input, and unmounts what is still of its making: by
/// force, since one who waits for an answer of the killed server cannot even be killed, and without
/// a look at the file, which would wait too.
const SWEEP: &str = r#"
    path=$0 source=$1
    sweep() {
        grep -F " $path " /proc/self/mountinfo | grep -qF " $source " \
            && umount --internal-only --no-canonicalize --force --lazy "$path"
    }
    trap 'sweep; exit' TERM
    echo ready
    read -r _
    sweep
"#;

/// A process that unmounts a file when this one is killed. A process that serves a file which it
/// has open itself would otherwise stay for ever: killed in the middle of a call, it waits for its
/// own answer.
#[derive(Debug)]
pub(super) struct Sweeper {
    end: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Sweeper {
    /// For the mount of this source at a path.
    pub(super) fn start(path: &Path, source: &str) -> io::Result<Self> {
        let mut command = Command::new("setpriv");
        // In a group of its own, since groups are killed as a whole.
        command.args(["--pdeathsig", "TERM", "--", "sh", "-c", SWEEP]).arg(path).arg(source);
        command.process_group(0);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let (end, ended) = mpsc::channel::<()>();
        let (tell, told) = mpsc::channel();
        // The kernel watches the thread that starts a process, so that one has to last.
        let thread = thread::spawn(move || match started(&mut command) {
            Ok(child) => {
                let _ = tell.send(Ok(()));
                let _ = ended.recv();
                stop(child);
            }
            Err(error) => {
                let _ = tell.send(Err(error));
            }
        });
        told.recv().map_err(io::Error::other)??;
        Ok(Self { end: Some(end), thread: Some(thread) })
    }
}

/// Starts it, and waits until it watches.
fn started(command: &mut Command) -> io::Result<Child> {
    let mut child = command.spawn()?;
    let mut ready = [0];
    match child.stdout.take() {
        Some(mut output) => output.read_exact(&mut ready)?,
        None => return Err(io::ErrorKind::BrokenPipe.into()),
    }
    Ok(child)
}

/// By force: there is nothing left for it to do.
fn stop(mut child: Child) {
    let _ = child.kill();
    let _ = child.wait();
}

impl Drop for Sweeper {
    fn drop(&mut self) {
        self.end = None;
        let _ = self.thread.take().map(JoinHandle::join);
    }
}
