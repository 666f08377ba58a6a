//! A real PostgreSQL server for the tests of one process.

use std::fs::OpenOptions;
use std::io::Write;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use crate::account::{Account, unprivileged_account};
use crate::{Process, TemporaryDirectory, free_port, guarded_command, wait_until_blocking};

/// Whether the server's commits survive a power cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// No fsync: what most tests want, they lose no power.
    Fast,
    /// As installed: for benchmarks and crash tests.
    Durable,
}

/// Where a server listens.
#[derive(Clone, Debug)]
enum Place {
    /// On a port of 127.0.0.1, which asks for no password.
    Here { port: u16 },
    /// On an address in another network namespace, with the password [`PASSWORD`].
    Namespace { namespace: PathBuf, address: Ipv4Addr },
}

/// The password of the server's one user where it asks for one.
const PASSWORD: &str = "seon-password";

/// A server on a TCP port and a Unix socket, stopped on drop, and by the kernel when this process
/// ends in any way.
#[derive(Debug)]
pub struct Postgres {
    // Dropped in this order: first the server, then its files.
    server: Mutex<Option<Process>>,
    settings: Settings,
}

#[derive(Debug)]
struct Settings {
    programs: PathBuf,
    /// Whom it runs as when we are root, whom it refuses.
    user: Option<Account>,
    durability: Durability,
    place: Place,
    directory: TemporaryDirectory,
}

const START: Duration = Duration::from_mins(1);

impl Postgres {
    /// The server that all tests of this process share; each takes a [`Database`] of its own.
    /// `Err` says why this machine has none. In tests: `support::postgres!()`.
    pub fn shared() -> Result<&'static Self, String> {
        static SHARED: OnceLock<Result<Postgres, String>> = OnceLock::new();
        SHARED.get_or_init(|| Self::start(Durability::Fast)).as_ref().map_err(Clone::clone)
    }

    /// Starts a server of one's own, to stop, freeze or kill it.
    pub fn start(durability: Durability) -> Result<Self, String> {
        Self::start_at(Place::Here { port: free_port() }, durability)
    }

    /// Starts one that listens on an address of a network namespace (`/proc/<number>/ns/net`), and
    /// asks who comes from there for a password; [`Database::uri`] has it.
    pub fn start_in_namespace(
        namespace: PathBuf,
        address: Ipv4Addr,
        durability: Durability,
    ) -> Result<Self, String> {
        let server = Self::start_at(Place::Namespace { namespace, address }, durability)?;
        server.run_sql("postgres", &format!("alter role seon password '{PASSWORD}'"));
        Ok(server)
    }

    fn start_at(place: Place, durability: Durability) -> Result<Self, String> {
        let programs = find_programs()?;
        let user = unprivileged_account()?;
        let directory = TemporaryDirectory::new();
        if let Some(user) = &user {
            std::os::unix::fs::chown(directory.path(), Some(user.user), Some(user.group))
                .map_err(|error| format!("cannot hand over {directory:?}: {error}"))?;
        }
        let settings = Settings { programs, user, durability, place, directory };
        let made = settings
            .command("initdb", &["--auth=trust", "--username=seon", "--encoding=UTF8"])
            .args(["--locale=C", "--no-sync", "--no-instructions", "--pgdata"])
            .arg(settings.data())
            .output();
        check("initdb", made)?;
        settings.admit_clients()?;
        let server = Self { server: Mutex::new(None), settings };
        server.resume();
        Ok(server)
    }

    /// Makes an empty database.
    pub fn database(&self) -> Database<'_> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("test_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        self.run_sql("postgres", &format!("create database {name}"));
        Database { server: self, name }
    }

    /// A database that was made before, by its [`Database::name`].
    pub fn database_again(&self, name: String) -> Database<'_> {
        Database { server: self, name }
    }

    /// Its TCP port: of 127.0.0.1 unless it is in another namespace.
    pub fn port(&self) -> u16 {
        self.settings.port()
    }

    /// The directory of its Unix socket.
    pub fn socket_directory(&self) -> &Path {
        self.settings.directory.path()
    }

    /// Ends it at once, as by a crash: connections break, what was committed stays.
    pub fn crash(&self) {
        let stop = ["stop", "--mode=immediate", "--silent", "--pgdata"];
        let stopped = self.settings.command("pg_ctl", &stop).arg(self.settings.data()).output();
        check("pg_ctl stop", stopped).expect("stop PostgreSQL");
        *self.server.lock().unwrap() = None;
    }

    /// Starts it again after [`Postgres::crash`], on the same port.
    ///
    /// # Panics
    ///
    /// If it does not answer within a minute.
    pub fn resume(&self) {
        let process = Process::spawn(self.settings.server_command());
        *self.server.lock().unwrap() = Some(process);
        let is_ready = || check("pg_isready", self.settings.client("pg_isready").output());
        wait_until_blocking("PostgreSQL is ready", START, || {
            let mut server = self.server.lock().unwrap();
            let process = server.as_mut().expect("a server was just started");
            assert!(process.is_running(), "PostgreSQL ended: {:#?}", process.output());
            is_ready()
        });
    }

    fn stop(&self) -> Result<String, String> {
        let stop = ["stop", "--mode=immediate", "--silent", "--pgdata"];
        let stopped = self.settings.command("pg_ctl", &stop).arg(self.settings.data()).output();
        check("pg_ctl stop", stopped)
    }

    /// Runs SQL by `psql`; gives its rows, columns parted by `|`.
    fn run_sql(&self, database: &str, sql: &str) -> String {
        let mut command = self.settings.client("psql");
        command.args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align"]);
        command.args(["--set=ON_ERROR_STOP=1", "--dbname", database, "--command", sql]);
        match check("psql", command.output()) {
            Ok(rows) => rows.trim_end().to_owned(),
            Err(error) => panic!("{sql}: {error}"),
        }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // So that none of its processes writes while its files are removed.
        let _ = self.stop();
    }
}

/// A database of one test, dropped with it.
#[derive(Debug)]
pub struct Database<'server> {
    server: &'server Postgres,
    name: String,
}

impl Database<'_> {
    /// Its name on the server.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its URI over TCP.
    pub fn uri(&self) -> String {
        let user = match &self.server.settings.place {
            Place::Here { .. } => "seon".to_owned(),
            Place::Namespace { .. } => format!("seon:{PASSWORD}"),
        };
        let address = self.server.settings.address();
        format!("postgres://{user}@{address}:{}/{}", self.server.port(), self.name)
    }

    /// Runs SQL beside the code under test; gives its rows, columns parted by `|`.
    ///
    /// # Panics
    ///
    /// If PostgreSQL refuses it.
    pub fn sql(&self, sql: &str) -> String {
        self.server.run_sql(&self.name, sql)
    }
}

impl Drop for Database<'_> {
    fn drop(&mut self) {
        let mut command = self.server.settings.client("dropdb");
        // Not worth a failure: the server goes with its files.
        let _ = command.args(["--force", "--if-exists", &self.name]).output();
    }
}

impl Settings {
    fn port(&self) -> u16 {
        match self.place {
            Place::Here { port } => port,
            Place::Namespace { .. } => 5432,
        }
    }

    fn address(&self) -> Ipv4Addr {
        match self.place {
            Place::Here { .. } => Ipv4Addr::LOCALHOST,
            Place::Namespace { address, .. } => address,
        }
    }

    /// Lets in who comes from another machine of a namespace: initdb admits this machine only.
    fn admit_clients(&self) -> Result<(), String> {
        if let Place::Here { .. } = self.place {
            return Ok(());
        }
        let file = self.data().join("pg_hba.conf");
        let open = OpenOptions::new().append(true).open(&file);
        open.and_then(|mut file| file.write_all(b"host all all 0.0.0.0/0 scram-sha-256\n"))
            .map_err(|error| format!("cannot write {}: {error}", file.display()))
    }

    fn data(&self) -> PathBuf {
        self.directory.join("data")
    }

    /// The server, guarded by the kernel. A shell stands before it, to remove its files when this
    /// process was killed and could not.
    fn server_command(&self) -> Command {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "TERM", "--"]);
        if let Place::Namespace { namespace, .. } = &self.place {
            command.arg("nsenter").arg(format!("--net={}", namespace.display()));
        }
        command.args(["sh", "-c"]);
        // `wait` is interrupted by the signal, then the trap runs.
        command.arg(
            "trap 'kill -QUIT $server; wait $server; rm -rf \"$0\"; exit' TERM
             \"$@\" & server=$!
             wait $server",
        );
        command.arg(self.directory.path());
        let server = self.command("postgres", &[]);
        command.arg(server.get_program()).args(server.get_args());
        command.arg("-D").arg(self.data());
        let mut settings = vec![
            format!("port={}", self.port()),
            format!("listen_addresses={}", self.address()),
            format!("unix_socket_directories={}", self.directory.path().display()),
            "max_connections=300".to_owned(),
            "shared_buffers=64MB".to_owned(),
            "timezone=UTC".to_owned(),
        ];
        if self.durability == Durability::Fast {
            settings.extend(
                // What is committed outlives the server's own crash all the same.
                ["fsync=off", "full_page_writes=off"].map(str::to_owned),
            );
        }
        command.args(settings.into_iter().flat_map(|setting| ["-c".to_owned(), setting]));
        command
    }

    /// A program of the server's, as the user that it runs as.
    fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let program = self.programs.join(program);
        let mut command = match &self.user {
            None => guarded_command(program),
            Some(user) => {
                let mut command = Command::new("setpriv");
                command.args([format!("--reuid={}", user.user), format!("--regid={}", user.group)]);
                command.args(["--clear-groups", "--pdeathsig", "KILL", "--"]).arg(program);
                command
            }
        };
        // Its own directory: ours may be closed to that user.
        command.args(arguments).current_dir(self.directory.path());
        command
    }

    /// A client of it, by its socket: that is reached from every network namespace.
    fn client(&self, program: &str) -> Command {
        let mut command = Command::new(self.programs.join(program));
        command.arg("--host").arg(self.directory.path()).arg("--username=seon");
        command.arg(format!("--port={}", self.port()));
        command
    }
}

/// The newest installed server's programs, or those in the PATH.
fn find_programs() -> Result<PathBuf, String> {
    let installed = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut versions: Vec<(u32, PathBuf)> = installed
        .filter_map(|entry| {
            let version = entry.file_name().to_str()?.parse().ok()?;
            Some((version, entry.path().join("bin")))
        })
        .collect();
    versions.sort();
    let path = std::env::var_os("PATH").unwrap_or_default();
    versions
        .into_iter()
        .rev()
        .map(|(_, programs)| programs)
        .chain(std::env::split_paths(&path))
        .find(|programs| programs.join("initdb").exists() && programs.join("postgres").exists())
        .ok_or_else(|| "PostgreSQL is not installed (apt-get install postgresql)".to_owned())
}

fn check(what: &str, output: std::io::Result<Output>) -> Result<String, String> {
    let output = output.map_err(|error| format!("cannot run {what}: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = [output.stdout, output.stderr].concat();
    Err(format!("{what}: {}", String::from_utf8_lossy(&said).trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_test_has_a_database_of_its_own_on_the_shared_server() {
        let server = crate::postgres!();
        let (one, two) = (server.database(), server.database());
        assert_ne!(one.uri(), two.uri());
        one.sql("create table seen (number int); insert into seen values (1), (2)");
        assert_eq!(one.sql("select sum(number), count(*) from seen"), "3|2");
        assert_eq!(two.sql("select to_regclass('seen') is null"), "t");
    }

    #[test]
    fn a_crashed_server_comes_back_on_its_port_with_what_was_committed() {
        let server = match Postgres::start(Durability::Durable) {
            Ok(server) => server,
            Err(reason) => crate::skip!(postgres, "{reason}"),
        };
        let database = server.database();
        database.sql("create table kept (number int); insert into kept values (7)");
        server.crash();
        server.resume();
        assert_eq!(database.sql("select number from kept"), "7");
    }

    #[test]
    fn a_killed_test_leaves_no_server_and_no_files_behind() {
        const INNER: &str = "SEON_TEST_LEAVES_A_SERVER";
        let server = crate::postgres!();
        if std::env::var_os(INNER).is_some() {
            println!("server: {} {}", server.port(), server.socket_directory().display());
            loop {
                std::thread::park();
            }
        }
        let mut command = guarded_command(std::env::current_exe().unwrap());
        command.args([
            "postgres::tests::a_killed_test_leaves_no_server_and_no_files_behind",
            "--exact",
            "--nocapture",
        ]);
        command.env(INNER, "1");
        let mut test = Process::spawn(command);
        let line = test.wait_for_line(START, |line| line.contains("server: "));
        let (_, line) = line.split_once("server: ").unwrap();
        let (port, directory) = line.split_once(' ').unwrap();
        let port: u16 = port.parse().unwrap();
        assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
        test.kill();
        wait_until_blocking("the server is gone", START, || {
            std::net::TcpStream::connect(("127.0.0.1", port)).is_err()
        });
        wait_until_blocking("its files are gone", START, || !Path::new(directory).exists());
    }
}
