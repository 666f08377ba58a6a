//! Real processes: what they print, and what happens to them.

use std::ffi::OsStr;
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, OnceLock, mpsc};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use crate::wait::{pause, wait_until_blocking};

/// A command whose process the kernel ends when this one ends, however it ends.
pub fn guarded_command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--"]).arg(program);
    command
}

/// A running process with its output captured, in a process group of its own; the whole group is
/// killed on drop.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    output: Arc<Output>,
}

#[derive(Debug, Default)]
struct Output {
    lines: Mutex<Lines>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Lines {
    lines: Vec<String>,
    open_streams: usize,
}

impl Process {
    /// Starts a program under the guard of [`guarded_command`].
    ///
    /// # Panics
    ///
    /// If it cannot be started.
    pub fn start<A: AsRef<OsStr>>(
        program: impl AsRef<OsStr>,
        arguments: impl IntoIterator<Item = A>,
    ) -> Self {
        let mut command = guarded_command(program);
        command.args(arguments);
        Self::spawn(command)
    }

    /// Starts a command, best made by [`guarded_command`]. Standard input is empty, standard
    /// output and error are captured line by line.
    ///
    /// # Panics
    ///
    /// If it cannot be started.
    pub fn spawn(mut command: Command) -> Self {
        let name = format!("{command:?}");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.process_group(0);
        let mut child = spawn_from_lasting_thread(command)
            .unwrap_or_else(|error| panic!("cannot start {name}: {error}"));
        let output = Arc::new(Output::default());
        let streams: [Option<Box<dyn Read + Send>>; 2] = [
            child.stdout.take().map(|stream| Box::new(stream) as _),
            child.stderr.take().map(|stream| Box::new(stream) as _),
        ];
        for stream in streams.into_iter().flatten() {
            output.lines.lock().unwrap().open_streams += 1;
            let output = Arc::clone(&output);
            std::thread::spawn(move || output.collect(stream));
        }
        Self { name, child, output }
    }

    /// Its number.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it printed so far, both streams in the order of arrival.
    pub fn output(&self) -> Vec<String> {
        self.output.lines.lock().unwrap().lines.clone()
    }

    /// Waits for a line that fits, from the first line on; gives it.
    ///
    /// # Panics
    ///
    /// If the deadline passes or the output ends first; the message holds the output.
    pub fn wait_for_line(&self, deadline: Duration, fits: impl Fn(&str) -> bool) -> String {
        let end = Instant::now() + deadline;
        let mut lines = self.output.lines.lock().unwrap();
        let mut seen = 0;
        loop {
            if let Some(line) = lines.lines[seen..].iter().find(|line| fits(line)) {
                return line.clone();
            }
            seen = lines.lines.len();
            let left = end.saturating_duration_since(Instant::now());
            assert!(
                !left.is_zero() && lines.open_streams > 0,
                "no such line in {deadline:?} from {}; it said:\n{}",
                self.name,
                lines.lines.join("\n")
            );
            lines = self.output.changed.wait_timeout(lines, left).unwrap().0;
        }
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("ask for the process's end").is_none()
    }

    /// Waits for its end, and for the last line of its output.
    ///
    /// # Panics
    ///
    /// If the deadline passes first; the message holds the output.
    pub fn wait(&mut self, deadline: Duration) -> ExitStatus {
        let status = wait_until_blocking(&format!("{} ends", self.name), deadline, || {
            match self.child.try_wait().expect("ask for the process's end") {
                Some(status) => Ok(status),
                None => Err(self.output().join("\n")),
            }
        });
        // A grandchild may hold the stream open for ever.
        let lines = self.output.lines.lock().unwrap();
        let patience = Duration::from_secs(1);
        let open = |lines: &mut Lines| lines.open_streams > 0;
        drop(self.output.changed.wait_timeout_while(lines, patience, open));
        status
    }

    /// SIGTERM: asks it to end.
    pub fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// SIGKILL, and waits until it is gone. Its children live on.
    pub fn kill(&mut self) -> ExitStatus {
        self.signal(Signal::KILL);
        self.child.wait().expect("wait for a killed process")
    }

    /// SIGTERM; and SIGKILL to it and its whole group if it has not ended after so long.
    pub fn stop(&mut self, patience: Duration) -> ExitStatus {
        self.terminate();
        let end = Instant::now() + patience;
        while Instant::now() < end && self.is_running() {
            pause();
        }
        self.kill_group()
    }

    /// SIGKILL to it and all processes of its group, as when a machine loses power.
    pub fn kill_group(&mut self) -> ExitStatus {
        // No such group: they ended already.
        let _ = kill_process_group(self.id(), Signal::KILL);
        self.child.wait().expect("wait for a killed process")
    }

    /// SIGSTOP: freezes it.
    pub fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    /// SIGCONT: thaws it.
    pub fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    /// Any signal; none is sent to a process that was waited for.
    pub fn signal(&self, signal: Signal) {
        // The process may have ended in the meantime: nothing to signal.
        let _ = kill_process(self.id(), signal);
    }

    fn id(&self) -> Pid {
        Pid::from_child(&self.child)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill_group();
        let output = self.output();
        if std::thread::panicking() && !output.is_empty() {
            eprintln!("--- {} said:\n{}", self.name, output.join("\n"));
        }
    }
}

impl Output {
    fn collect(&self, stream: impl Read) {
        let mut reader = BufReader::new(stream);
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line).is_ok_and(|count| count > 0) {
            let text = String::from_utf8_lossy(&line).trim_end_matches(['\n', '\r']).to_owned();
            self.lines.lock().unwrap().lines.push(text);
            self.changed.notify_all();
            line.clear();
        }
        self.lines.lock().unwrap().open_streams -= 1;
        self.changed.notify_all();
    }
}

type Order = (Command, mpsc::Sender<io::Result<Child>>);

/// The kernel's guard watches the thread that started the process, and a test's thread ends with
/// its test; so one thread that lasts as long as this process starts them all.
pub(crate) fn spawn_from_lasting_thread(command: Command) -> io::Result<Child> {
    static ORDERS: OnceLock<mpsc::Sender<Order>> = OnceLock::new();
    let orders = ORDERS.get_or_init(|| {
        let (sender, receiver) = mpsc::channel::<Order>();
        std::thread::spawn(move || {
            for (mut command, answer) in receiver {
                let _ = answer.send(command.spawn());
            }
        });
        sender
    });
    let (sender, receiver) = mpsc::channel();
    orders.send((command, sender)).expect("the starting thread lasts");
    receiver.recv().expect("the starting thread answers")
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(20);

    #[test]
    fn a_process_is_frozen_thawed_and_waited_for_by_its_output() {
        let script = "echo started; read -r _ < \"$0\"; echo ended; exit 3";
        let directory = crate::TemporaryDirectory::new();
        let fifo = directory.join("fifo");
        assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
        let mut process = Process::start("sh", [OsStr::new("-c"), script.as_ref(), fifo.as_ref()]);
        process.wait_for_line(LONG, |line| line == "started");
        process.freeze();
        let state = || std::fs::read_to_string(format!("/proc/{}/stat", process.pid())).unwrap();
        wait_until_blocking("the process is stopped", LONG, || state().contains(" T "));
        process.thaw();
        std::fs::write(&fifo, "go\n").unwrap();
        assert_eq!(process.wait(LONG).code(), Some(3));
        assert_eq!(process.output(), ["started", "ended"]);
    }

    #[test]
    fn a_stopped_process_may_clean_up_and_is_killed_only_when_it_does_not_end() {
        let polite = "trap 'echo cleaned up; exit 4' TERM; echo ready; while :; do sleep 0.1; done";
        let mut process = Process::start("sh", ["-c", polite]);
        process.wait_for_line(LONG, |line| line == "ready");
        assert_eq!(process.stop(LONG).code(), Some(4));
        process.wait_for_line(LONG, |line| line == "cleaned up");
        let deaf = "trap '' TERM; echo ready; while :; do sleep 0.1; done";
        let mut process = Process::start("sh", ["-c", deaf]);
        process.wait_for_line(LONG, |line| line == "ready");
        assert_eq!(process.stop(Duration::from_millis(100)).code(), None);
    }

    #[test]
    fn a_dropped_process_takes_its_children_along() {
        let process = Process::start("sh", ["-c", "sleep 600 & echo $!; wait"]);
        let child = process.wait_for_line(LONG, |_| true);
        drop(process);
        let stat = format!("/proc/{child}/stat");
        // Gone, or a zombie that nobody collects here.
        wait_until_blocking("the child is dead", LONG, || {
            std::fs::read_to_string(&stat).map_or(true, |stat| stat.contains(" Z "))
        });
    }
}
