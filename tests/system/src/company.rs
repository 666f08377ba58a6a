//! A company: its folder of manifests, its daemons, its command line.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open, pidfd_send_signal};
use serde_json::Value;
use support::{
    Identity, Process, TemporaryDirectory, free_port, seon_binary, wait_until_blocking,
    write_pseudo_random,
};

use crate::PATIENCE;

/// How one company calls the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// By TLS, both certificates pinned.
    Tls,
    /// By plain TCP.
    Tcp,
    /// By plain TCP, through this port: a [`Proxy`](crate::Proxy) or nobody.
    TcpBy(u16),
    /// Not at all: it waits to be called.
    Nothing,
}

/// One company's folder and addresses.
pub struct Company {
    /// Its instance's name.
    pub name: &'static str,
    /// Its Odette ID.
    pub odette_id: &'static str,
    /// What it says to its partner.
    pub password: String,
    /// Its key and certificate.
    pub identity: Identity,
    /// Whether it says no address to listen on, and is called by IPv6. Else both are 127.0.0.1.
    pub is_called_by_ipv6: bool,
    /// Where it listens on TCP.
    pub tcp: u16,
    /// Where it listens on TLS.
    pub tls: u16,
    /// Its folder.
    pub directory: PathBuf,
    /// PostgreSQL, if not SQLite.
    pub database: Option<String>,
    /// `spec.storage.directory`, if not `data` in its folder.
    pub storage: Option<PathBuf>,
    /// `receive.tcpip.maxSessions`, if not the usual number.
    pub max_sessions: Option<u32>,
    /// Its keys for files and receipts, if it has any; its partner knows their certificates.
    pub file_keys: Option<FileKeys>,
    /// More lines of the instance's `spec`, each indented by two.
    pub instance_extra: String,
    /// More lines of its partner's `spec`, each indented by two.
    pub partner_extra: String,
}

/// A company's keys for files and receipts, one for each purpose.
#[derive(Clone)]
pub struct FileKeys {
    /// Signs files.
    pub sign: Identity,
    /// Decrypts files.
    pub decrypt: Identity,
    /// Signs receipts.
    pub receipts: Identity,
    /// Decrypts challenges.
    pub authenticate: Identity,
}

impl FileKeys {
    /// Keys made for a company.
    pub fn of(name: &str) -> Self {
        let key = |purpose: &str| Identity::rsa(&format!("{name} {purpose}"));
        Self {
            sign: key("files"),
            decrypt: key("decryption"),
            receipts: key("receipts"),
            authenticate: key("sessions"),
        }
    }

    /// Their names in Secrets, our purpose, and the partner's.
    fn each(&self) -> [(&'static str, &'static str, &'static str, &Identity); 4] {
        [
            ("sign", "Sign", "VerifySignature", &self.sign),
            ("decrypt", "Decrypt", "Encrypt", &self.decrypt),
            ("receipts", "SignReceipt", "VerifyReceipt", &self.receipts),
            ("authenticate", "Authenticate", "Authenticate", &self.authenticate),
        ]
    }
}

/// Everything that a partner can ask of files, as lines of its `spec`.
pub const SECURED: &str = "  security:
    outbound: {sign: Required, encrypt: Required, compress: Required}
    inbound: {sign: Required, encrypt: Required}
    receipts: {signed: Required}
    authentication: Required
";

/// Two companies that know each other.
pub struct Pair {
    /// Calls bolt.
    pub acme: Company,
    /// Calls acme.
    pub bolt: Company,
    _directory: TemporaryDirectory,
}

impl Pair {
    /// Two companies in folders of their own, manifests not written yet.
    pub fn new() -> Self {
        let directory = TemporaryDirectory::new();
        let company = |name: &'static str, odette_id: &'static str, password: &str| Company {
            name,
            odette_id,
            password: password.to_owned(),
            identity: Identity::self_signed("127.0.0.1"),
            is_called_by_ipv6: false,
            tcp: free_port(),
            tls: free_port(),
            directory: directory.join(name),
            database: None,
            storage: None,
            max_sessions: None,
            file_keys: None,
            instance_extra:
                "  lease: {ttl: 3s}\n  send: {retry: {attempts: 20, first: 1s, longest: 3s}}\n"
                    .to_owned(),
            partner_extra: String::new(),
        };
        Self {
            acme: company("acme", "O0013000001ACME", "ACMESPW"),
            bolt: company("bolt", "O0013000002BOLT", "BOLTSPW"),
            _directory: directory,
        }
    }

    /// Two companies that sign, compress and encrypt every file, and sign every receipt.
    pub fn secured() -> Self {
        let mut pair = Self::new();
        for company in [&mut pair.acme, &mut pair.bolt] {
            company.file_keys = Some(FileKeys::of(company.name));
            company.partner_extra.push_str(SECURED);
        }
        pair
    }

    /// Writes both companies' manifests.
    pub fn write(&self, acme_calls: Line, bolt_calls: Line) {
        self.acme.write(&self.bolt, acme_calls);
        self.bolt.write(&self.acme, bolt_calls);
    }

    /// The usual pair: acme calls by TLS, bolt by TCP, both up and ready.
    pub fn running() -> (Self, Up, Up) {
        let pair = Self::new();
        pair.write(Line::Tls, Line::Tcp);
        let (acme, bolt) = (pair.acme.up(), pair.bolt.up());
        pair.acme.wait_until_ready();
        pair.bolt.wait_until_ready();
        (pair, acme, bolt)
    }
}

impl Default for Pair {
    fn default() -> Self {
        Self::new()
    }
}

/// A running `seon up`; killed with all its daemons when dropped.
pub struct Up(pub Process);

impl Up {
    /// SIGTERM, and waits for the orderly end.
    pub fn stop(mut self) {
        self.0.terminate();
        let status = self.0.wait(PATIENCE);
        assert!(status.success(), "seon up ended with {status}");
    }

    /// All its processes end at once, as when the machine loses power; `daemons` in the order in which
    /// they were started. They are frozen first: a daemon whose parent has gone ends in order, and
    /// could do so before its own turn comes. The youngest goes first, for the kernel lets a frozen
    /// process go on if its parent ends.
    pub fn lose_power(&mut self, daemons: &[u32]) {
        self.0.freeze();
        for daemon in daemons {
            match kill_process(process(*daemon), Signal::STOP) {
                Ok(()) | Err(Errno::SRCH) => {}
                Err(error) => panic!("{daemon}: {error}"),
            }
        }
        daemons.iter().rev().copied().for_each(kill);
        self.0.kill();
    }

    /// Whether a file was received from above its start on, as the log tells.
    pub fn resumed_a_file(&self) -> bool {
        self.0.output().iter().any(|line| {
            line.contains("receiving")
                && !line.contains("restart=0")
                && !line.contains("\"restart\":0,")
                && (line.contains("restart=") || line.contains("\"restart\":"))
        })
    }
}

/// SIGKILL to a daemon, which may be about to end anyway, because its parent has. When this returns
/// it has ended, and not only been told to: whoever starts the next one would find it alive.
pub fn kill(pid: u32) {
    let pid = process(pid);
    let process = match pidfd_open(pid, PidfdFlags::empty()) {
        Err(Errno::SRCH) => return,
        opened => opened.unwrap(),
    };
    match pidfd_send_signal(&process, Signal::KILL) {
        Ok(()) | Err(Errno::SRCH) => {}
        Err(error) => panic!("{pid:?}: {error}"),
    }
    wait_until_blocking("the killed process has ended", PATIENCE, || {
        let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
        poll(&mut [PollFd::new(&process, PollFlags::IN)], Some(&at_once)).unwrap() > 0
    });
}

fn process(number: u32) -> Pid {
    Pid::from_raw(i32::try_from(number).unwrap()).unwrap()
}

impl Company {
    /// Writes the manifests: the instance, its one partner, their Secrets.
    pub fn write(&self, partner: &Self, line: Line) {
        fs::create_dir_all(&self.directory).unwrap();
        let write = |name: &str, text: String| fs::write(self.directory.join(name), text).unwrap();
        write("instance.yaml", self.instance());
        write("partner.yaml", self.partner(partner, line));
        write("secrets.yaml", self.secrets(partner));
        if self.file_keys.is_some() || partner.file_keys.is_some() {
            write("file-keys.yaml", self.file_secrets(partner));
        }
    }

    /// Our keys with their certificates, and the partner's certificates.
    fn file_secrets(&self, partner: &Self) -> String {
        let ours = self.file_keys.iter().flat_map(FileKeys::each).map(|(name, _, _, key)| {
            format!(
                "---\napiVersion: v1\nkind: Secret\nmetadata: {{name: {}-{name}}}\n\
                 type: kubernetes.io/tls\nstringData:\n  tls.crt: |\n{}  tls.key: |\n{}",
                self.name,
                indented(&key.certificate_pem),
                indented(&key.key_pem)
            )
        });
        let theirs = partner.file_keys.iter().flat_map(FileKeys::each).map(|(name, _, _, key)| {
            format!(
                "---\napiVersion: v1\nkind: Secret\nmetadata: {{name: {}-{name}}}\n\
                 stringData:\n  tls.crt: |\n{}",
                partner.name,
                indented(&key.certificate_pem)
            )
        });
        ours.chain(theirs).collect()
    }

    fn instance(&self) -> String {
        let Self { name, odette_id, tcp, tls, instance_extra, .. } = self;
        let address = if self.is_called_by_ipv6 { "" } else { "address: 127.0.0.1, " };
        let database = match &self.database {
            Some(_) => format!("  database: {{secretRef: {{name: {name}-db, key: uri}}}}\n"),
            None => String::new(),
        };
        let storage = match &self.storage {
            Some(path) => format!("  storage: {{directory: {}}}\n", path.display()),
            None => String::new(),
        };
        let keys = self.file_keys.iter().flat_map(FileKeys::each);
        let keys = keys.map(|(key, purpose, _, _)| {
            format!("  - {{purpose: [{purpose}], secretRef: {{name: {name}-{key}}}}}\n")
        });
        let keys = keys.collect::<Vec<_>>().concat();
        let certificates = if keys.is_empty() { keys } else { format!("  certificates:\n{keys}") };
        let max_sessions = match self.max_sessions {
            Some(number) => format!(", maxSessions: {number}"),
            None => String::new(),
        };
        format!(
            "apiVersion: seon.dev/v1alpha1
kind: SeonInstance
metadata: {{name: {name}}}
spec:
  identity:
    odetteId: {odette_id}
    passwordSecretRef: {{name: {name}-oftp, key: password}}
  receive:
    tcpip: {{{address}port: {tcp}{max_sessions}}}
    tls: {{{address}port: {tls}, certificateSecretRef: {{name: {name}-tls}}}}
{database}{storage}{certificates}{instance_extra}"
        )
    }

    fn partner(&self, partner: &Self, line: Line) -> String {
        let Self { name: own, partner_extra, .. } = self;
        let Self { name, odette_id, tcp, tls, .. } = partner;
        let host = if partner.is_called_by_ipv6 { "'::1'" } else { "127.0.0.1" };
        let by =
            |kind, port| format!("  transports:\n  - {kind}: {{host: {host}, port: {port}}}\n");
        let transports = match line {
            Line::Tls => by("tls", tls),
            Line::Tcp => by("tcp", tcp),
            Line::TcpBy(port) => by("tcp", &port),
            Line::Nothing => String::new(),
        };
        let keys = partner.file_keys.iter().flat_map(FileKeys::each);
        let certificates = keys.map(|(key, _, purpose, _)| {
            format!("  - {{purpose: [{purpose}], secretRef: {{name: {name}-{key}}}}}\n")
        });
        let certificates = certificates.collect::<Vec<_>>().concat();
        format!(
            "apiVersion: seon.dev/v1alpha1
kind: SeonPartner
metadata: {{name: {name}}}
spec:
  instanceRef: {{name: {own}}}
  identity:
    odetteId: {odette_id}
    passwordSecretRef: {{name: {name}-oftp, key: password}}
  certificates:
  - {{purpose: [Tls], secretRef: {{name: {name}-certificate}}}}
{certificates}{transports}{partner_extra}"
        )
    }

    fn secrets(&self, partner: &Self) -> String {
        let Self { name: own, password, identity, .. } = self;
        let name = partner.name;
        let database = match &self.database {
            Some(uri) => format!(
                "---\napiVersion: v1\nkind: Secret\nmetadata: {{name: {own}-db}}\n\
                 stringData: {{uri: \"{uri}\"}}\n"
            ),
            None => String::new(),
        };
        format!(
            r#"apiVersion: v1
kind: Secret
metadata: {{name: {own}-oftp}}
stringData: {{password: "{password}"}}
---
apiVersion: v1
kind: Secret
metadata: {{name: {own}-tls}}
type: kubernetes.io/tls
stringData:
  tls.crt: |
{}  tls.key: |
{}---
apiVersion: v1
kind: Secret
metadata: {{name: {name}-oftp}}
stringData: {{password: "{}"}}
---
apiVersion: v1
kind: Secret
metadata: {{name: {name}-certificate}}
stringData:
  tls.crt: |
{}{database}"#,
            indented(&identity.certificate_pem),
            indented(&identity.key_pem),
            partner.password,
            indented(&partner.identity.certificate_pem),
        )
    }

    /// Starts every daemon.
    pub fn up(&self) -> Up {
        Up(Process::start(seon_binary(), ["up".as_ref(), self.directory.as_os_str()]))
    }

    /// Starts every daemon from a second folder with the same manifests and the same database, as a
    /// second machine would: `folder` is its name beside the first.
    pub fn up_elsewhere(&self, folder: &Path) -> Up {
        let arguments = ["up".as_ref(), folder.as_os_str(), "--standby".as_ref()];
        Up(Process::start(seon_binary(), arguments))
    }

    /// Waits until every daemon is active and answers.
    pub fn wait_until_ready(&self) {
        // Daemons that refuse their manifests would only be waited for.
        self.ok(["config", "check"]);
        wait_until_blocking("every daemon active, every receiver listening", PATIENCE, || {
            let daemons = self.daemons();
            daemons.len() == 4 && daemons.iter().all(is_ready)
        });
    }

    /// A hot folder of the data directory, once the send queue takes files from it.
    pub fn hot_folder(&self, folder: &str) -> PathBuf {
        let folder = self.data().join(folder);
        let aside = folder.join(".taken");
        wait_until_blocking("the hot folder is watched", PATIENCE, || aside.is_dir());
        folder
    }

    /// `seon ps -o json`, one value a daemon; empty while it cannot be told.
    pub fn daemons(&self) -> Vec<Value> {
        let output = self.seon(["ps", "-o", "json"]);
        let parsed: Result<Value, _> = serde_json::from_slice(&output.stdout);
        parsed.ok().and_then(|value| value.as_array().cloned()).unwrap_or_default()
    }

    /// A daemon's row of `seon ps -o json`.
    pub fn daemon(&self, name: &str) -> Option<Value> {
        self.daemons().into_iter().find(|daemon| daemon["daemon"] == name)
    }

    /// The process number of the active daemon.
    pub fn pid(&self, daemon: &str) -> Option<u32> {
        let row = self.daemon(daemon)?;
        row["pid"].as_u64().and_then(|pid| u32::try_from(pid).ok())
    }

    /// Tells every daemon by SIGHUP to read the manifests again. They are found by their sockets: `seon ps`
    /// reads the manifests too, which may be wrong on purpose.
    pub fn reload(&self) {
        for socket in fs::read_dir(self.data().join("run")).unwrap().flatten() {
            let name = socket.file_name().into_string().unwrap();
            let pid = name.strip_suffix(".sock").and_then(|name| name.rsplit('.').next());
            let Some(Ok(pid)) = pid.map(str::parse::<i32>) else { continue };
            let pid = Pid::from_raw(pid).unwrap();
            // The socket of a process that is gone is nobody.
            let _ = kill_process(pid, Signal::HUP);
        }
    }

    /// Runs `seon` in this company's folder, whatever comes of it.
    pub fn seon<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Output {
        let mut command = support::guarded_command(seon_binary());
        command.args(arguments).env("SEON_DIRECTORY", &self.directory).output().unwrap()
    }

    /// Runs `seon` and gives its output; it must succeed.
    pub fn ok<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> String {
        let output = self.seon(arguments);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: {text}{errors}", output.status);
        text
    }

    /// Queues a file; its number.
    pub fn enqueue(&self, partner: &str, file: &Path, more: &[&str]) -> u64 {
        let path = file.to_str().unwrap();
        let arguments = [&["enqueue", "--partner", partner, "-o", "json"], more, &[path]].concat();
        let answer: Value = serde_json::from_str(&self.ok(arguments)).unwrap();
        answer[0]["id"].as_u64().expect("the entry's number")
    }

    /// Queues many files at once; their numbers.
    pub fn enqueue_all(&self, partner: &str, files: &[PathBuf]) -> Vec<u64> {
        let paths = files.iter().map(|file| file.to_str().unwrap());
        let arguments = ["enqueue", "--partner", partner, "-o", "json"].into_iter().chain(paths);
        let answer: Value = serde_json::from_str(&self.ok(arguments)).unwrap();
        answer.as_array().unwrap().iter().map(|row| row["id"].as_u64().unwrap()).collect()
    }

    /// A new file in this company's folder, of pseudo-random octets.
    pub fn file(&self, name: &str, octets: u64) -> PathBuf {
        let file = self.directory.join(name);
        write_pseudo_random(&file, octets, octets);
        file
    }

    /// Every entry of the queue.
    pub fn queue(&self) -> Vec<Value> {
        let all = ["queue", "--all", "--limit", "100000", "-o", "json"];
        let answer: Value = serde_json::from_str(&self.ok(all)).unwrap();
        answer.as_array().cloned().unwrap_or_default()
    }

    /// An entry of the queue.
    pub fn entry(&self, entry: u64) -> Value {
        let mut queue = self.queue().into_iter();
        queue.find(|row| row["id"] == entry).expect("the entry is in the queue")
    }

    /// The state of an entry.
    pub fn state(&self, entry: u64) -> String {
        self.entry(entry)["state"].as_str().unwrap().to_owned()
    }

    /// Waits until all of these files have their receipts.
    pub fn wait_until_acknowledged(&self, entries: &[u64], limit: Duration) {
        wait_until_blocking(&format!("every file of {} acknowledged", self.name), limit, || {
            let queue = self.queue();
            let mut open = queue.iter().filter(|row| {
                row["state"] != "acknowledged" && entries.iter().any(|entry| row["id"] == *entry)
            });
            match open.next() {
                None => Ok(()),
                Some(row) => Err(format!("{} more, and {row}", open.count())),
            }
        });
    }

    /// Waits until an entry is in a state.
    pub fn wait_for_state(&self, entry: u64, state: &str, limit: Duration) {
        wait_until_blocking(&format!("entry {entry} {state}"), limit, || {
            let found = self.state(entry);
            if found == state { Ok(()) } else { Err(format!("it is {found}")) }
        });
    }

    /// The journal, oldest first.
    pub fn journal(&self) -> Vec<Value> {
        let text = self.ok(["journal", "--limit", "100000", "-o", "json"]);
        let answer: Value = serde_json::from_str(&text).unwrap();
        answer.as_array().cloned().unwrap_or_default()
    }

    /// The journal's records of one kind, oldest first.
    pub fn journal_of(&self, kind: &str) -> Vec<Value> {
        self.journal().into_iter().filter(|record| record["kind"] == kind).collect()
    }

    /// Waits for a journal record with this code.
    pub fn wait_for_code(&self, code: &str) -> Value {
        wait_until_blocking(&format!("{code} in the journal of {}", self.name), PATIENCE, || {
            self.journal().into_iter().find(|record| record["code"] == code)
        })
    }

    /// The parts in its spool: what is being received, or is received and not delivered yet.
    pub fn parts(&self) -> Vec<PathBuf> {
        let epochs = fs::read_dir(self.data().join("spool/in")).unwrap().flatten();
        epochs
            .flat_map(|epoch| fs::read_dir(epoch.path()).unwrap().flatten())
            .map(|part| part.path())
            .filter(|path| path.extension().is_some_and(|it| it == "part"))
            .collect()
    }

    /// The data directory.
    pub fn data(&self) -> PathBuf {
        self.storage.clone().unwrap_or_else(|| self.directory.join("data"))
    }
}

/// Whether a daemon is active and, if it is a receiver, listens: it binds a moment after its lease
/// is its own.
fn is_ready(daemon: &Value) -> bool {
    let listens = |listeners: &Vec<Value>| {
        !listeners.is_empty() && listeners.iter().all(|listener| listener["ok"] == true)
    };
    let receives = daemon["daemon"].as_str().is_some_and(|name| name.starts_with("seonrd_"));
    daemon["pid"].is_u64() && (!receives || daemon["listeners"].as_array().is_some_and(listens))
}

/// The exit code of a command, which must have ended by itself.
pub fn exit_code(output: &Output) -> i32 {
    output.status.code().expect("the command ended by itself")
}

fn indented(text: &str) -> String {
    text.lines().fold(String::new(), |text, line| text + "    " + line + "\n")
}
