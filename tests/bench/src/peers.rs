//! Who else moves a file from here to there: socat and sftp, both as their users run them.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use support::{Identity, Process, free_port, guarded_command};

use crate::machine::{is_listening, program};
use crate::poll;

const START: Duration = Duration::from_secs(10);
const LIMIT: Duration = Duration::from_mins(10);

/// socat's own buffers of 8 KiB would make it an easy peer; these are as large as ours.
const BLOCK: &str = "131072";

/// A file through one TCP or TLS connection.
pub(crate) struct Socat {
    program: PathBuf,
    tls: Option<Certificates>,
}

struct Certificates {
    certificate: PathBuf,
    key: PathBuf,
}

impl Socat {
    pub(crate) fn plain() -> Result<Self, String> {
        let program = program("socat").ok_or("socat is not installed (apt-get install socat)")?;
        Ok(Self { program, tls: None })
    }

    /// With a certificate on either side that the other knows, as ours have.
    pub(crate) fn tls(place: &Path) -> Result<Self, String> {
        let (certificate, key) = Identity::self_signed("127.0.0.1").write(place, "socat");
        Ok(Self { tls: Some(Certificates { certificate, key }), ..Self::plain()? })
    }

    /// From the start of the sender until the received file is on the disk, in seconds.
    pub(crate) async fn copy(&self, source: &Path, target: &Path) -> anyhow::Result<f64> {
        let port = free_port();
        let target_address = format!("OPEN:{},wronly,creat,trunc", target.display());
        let mut receiver = self.process([self.listen(port), target_address]);
        poll::until("socat listens", START, Duration::from_millis(5), async || {
            ensure!(receiver.is_running(), "socat: {}", receiver.output().join("; "));
            Ok(is_listening(port).then_some(()))
        })
        .await?;
        let started = Instant::now();
        let mut sender =
            self.process([format!("OPEN:{},rdonly", source.display()), self.call(port)]);
        let endings = [sender.wait(LIMIT), receiver.wait(LIMIT)];
        File::open(target).context("what socat received")?.sync_all()?;
        let took = started.elapsed();
        for (process, status) in [&sender, &receiver].into_iter().zip(endings) {
            ensure!(status.success(), "socat: {}", process.output().join("; "));
        }
        Ok(took.as_secs_f64())
    }

    fn process(&self, addresses: [String; 2]) -> Process {
        let mut command = guarded_command(&self.program);
        command.args(["-u", "-b", BLOCK]).args(addresses);
        Process::spawn(command)
    }

    fn listen(&self, port: u16) -> String {
        let kind = if self.tls.is_some() { "OPENSSL-LISTEN" } else { "TCP-LISTEN" };
        format!("{kind}:{port},bind=127.0.0.1,reuseaddr{}", self.options())
    }

    fn call(&self, port: u16) -> String {
        let kind = if self.tls.is_some() { "OPENSSL" } else { "TCP" };
        format!("{kind}:127.0.0.1:{port}{}", self.options())
    }

    fn options(&self) -> String {
        self.tls.as_ref().map_or_else(String::new, |Certificates { certificate, key }| {
            format!(
                ",cert={0},key={1},cafile={0},verify=1,openssl-commonname=127.0.0.1",
                certificate.display(),
                key.display(),
            )
        })
    }

    pub(crate) fn note(&self) -> String {
        let kind = match self.tls {
            None => "TCP",
            Some(_) => "OPENSSL on both sides, both certificates verified",
        };
        format!("socat -u -b {BLOCK}, {kind}: from the sender's start until the file is fsynced")
    }
}

/// An sshd of our own on loopback.
pub(crate) struct Sftp {
    server: Process,
    client: PathBuf,
    port: u16,
    key: PathBuf,
    batch: PathBuf,
}

impl Sftp {
    /// # Errors
    ///
    /// If the machine has no sshd, or one that does not let us in; with what it said.
    pub(crate) async fn start(place: &Path) -> anyhow::Result<Self> {
        let server =
            program("sshd").context("there is no sshd (apt-get install openssh-server)")?;
        let client =
            program("sftp").context("there is no sftp (apt-get install openssh-client)")?;
        let port = free_port();
        let (host_key, key) = (make_key(place, "ssh-host")?, make_key(place, "ssh-user")?);
        let configuration = place.join("sshd_config");
        fs::write(
            &configuration,
            format!(
                "ListenAddress 127.0.0.1\nPort {port}\nHostKey {}\nAuthorizedKeysFile {}\n\
                 PidFile none\nStrictModes no\nUsePAM no\nPasswordAuthentication no\n\
                 Subsystem sftp internal-sftp\n",
                host_key.display(),
                key.with_extension("pub").display(),
            ),
        )?;
        // Debian's service makes it; ours has none. Without the right to, sshd says what it misses.
        let _ = fs::create_dir_all("/run/sshd");
        let mut command = guarded_command(&server);
        command.args(["-D", "-e", "-f"]).arg(&configuration);
        let mut server = Process::spawn(command);
        let listens = poll::until("sshd listens", START, Duration::from_millis(20), async || {
            ensure!(server.is_running(), "sshd ended");
            Ok(is_listening(port).then_some(()))
        });
        let listens = listens.await;
        let sftp = Self { server, client, port, key, batch: place.join("sftp.batch") };
        listens.with_context(|| sftp.server.output().join("; "))?;
        let (small, copy) = (place.join("small"), place.join("small.copy"));
        fs::write(&small, "hello")?;
        sftp.copy(&small, &copy)?;
        Ok(sftp)
    }

    /// From the start of the client until the received file is on the disk, in seconds.
    pub(crate) fn copy(&self, source: &Path, target: &Path) -> anyhow::Result<f64> {
        fs::write(&self.batch, format!("put \"{}\" \"{}\"\n", source.display(), target.display()))?;
        let started = Instant::now();
        let output = self.client(&self.batch, &[]).output().context("run sftp")?;
        if !output.status.success() {
            bail!("{}", self.failed(String::from_utf8_lossy(&output.stderr).trim()));
        }
        File::open(target).context("what sftp received")?.sync_all()?;
        Ok(started.elapsed().as_secs_f64())
    }

    /// Folders of small files, from and to, each by a client of its own and all at once: from the
    /// start of the clients until the last has ended, in seconds.
    pub(crate) fn copy_folders(&self, folders: &[(PathBuf, PathBuf)]) -> anyhow::Result<f64> {
        let mut commands = Vec::with_capacity(folders.len());
        for (number, (source, target)) in folders.iter().enumerate() {
            let batch = self.batch.with_extension(number.to_string());
            fs::write(&batch, format!("put \"{}\" \"{}\"\n", source.display(), target.display()))?;
            commands.push(self.client(&batch, &["-r", "-f"]));
        }
        let started = Instant::now();
        let mut clients: Vec<_> = commands.into_iter().map(Process::spawn).collect();
        let endings: Vec<_> = clients.iter_mut().map(|client| client.wait(LIMIT)).collect();
        let took = started.elapsed();
        for (client, status) in clients.iter().zip(endings) {
            ensure!(status.success(), "{}", self.failed(&client.output().join("; ")));
        }
        Ok(took.as_secs_f64())
    }

    fn client(&self, batch: &Path, options: &[&str]) -> Command {
        let mut command = guarded_command(&self.client);
        command.args(options).arg("-q").arg("-b").arg(batch).arg("-P").arg(self.port.to_string());
        command.arg("-i").arg(&self.key);
        for option in [
            "IdentitiesOnly=yes",
            "BatchMode=yes",
            "StrictHostKeyChecking=no",
            "UserKnownHostsFile=/dev/null",
        ] {
            command.args(["-o", option]);
        }
        command.arg("127.0.0.1");
        command
    }

    fn failed(&self, said: &str) -> String {
        let server = self.server.output();
        let last = server.last().map_or("nothing", String::as_str);
        format!("sftp: {said}; sshd said {last}")
    }

    pub(crate) fn note() -> String {
        format!(
            "sftp put to an sshd on loopback, both {} with default settings: from the client's \
             start until the file is fsynced",
            version(),
        )
    }

    pub(crate) fn note_on_folders() -> String {
        format!(
            "sftp -r -f of the same files, right afterwards, to an sshd on loopback, both {} with \
             default settings: a client and a folder for each of our sessions, all at once, each \
             file fsynced by the server; from the clients' start to the last one's end",
            version(),
        )
    }
}

fn version() -> String {
    let version = Command::new("ssh").arg("-V").output().map(|output| output.stderr);
    let version = version.unwrap_or_default();
    String::from_utf8_lossy(&version).split(',').next().unwrap_or_default().to_owned()
}

fn make_key(place: &Path, name: &str) -> anyhow::Result<PathBuf> {
    let path = place.join(name);
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-f"])
        .arg(&path)
        .output()
        .context("run ssh-keygen")?;
    ensure!(made.status.success(), "ssh-keygen: {}", String::from_utf8_lossy(&made.stderr));
    Ok(path)
}
