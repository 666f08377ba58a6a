//! Daemons as they run in pods, without Kubernetes: the first process of a process namespace, files
//! mounted as the kubelet mounts them, a data volume that several pods share.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use support::{
    Identity, Process, TemporaryDirectory, free_port, guarded_command, seon_binary,
    wait_until_blocking,
};
use system::{Company, Line, PATIENCE, Pair, Up, ask, wait_for};

/// A Secret in a company's folder, as the kubelet writes its files and swaps them.
fn mount(company: &Company, secret: &str, set: &str, values: &[(&str, &str)]) {
    let folder = company.directory.join("secrets").join(secret);
    fs::create_dir_all(folder.join(set)).unwrap();
    for (key, value) in values {
        fs::write(folder.join(set).join(key), value).unwrap();
        // There from the second set on.
        let _ = symlink(Path::new("..data").join(key), folder.join(key));
    }
    symlink(set, folder.join("..data_tmp")).unwrap();
    fs::rename(folder.join("..data_tmp"), folder.join("..data")).unwrap();
}

fn mount_own(company: &Company, set: &str, identity: &Identity) {
    let values = [("tls.crt", &*identity.certificate_pem), ("tls.key", &*identity.key_pem)];
    mount(company, &format!("{}-tls", company.name), set, &values);
}

fn watching(company: &Company) -> Up {
    let arguments = ["up".as_ref(), company.directory.as_os_str(), "--watch".as_ref()];
    Up(Process::start(seon_binary(), arguments))
}

fn until_reached(from: &Company, to: &Company) {
    wait_until_blocking(&format!("{} reaches {}", from.name, to.name), PATIENCE, || {
        let output = from.seon(["partner", "ping", to.name]);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.status.success() { Ok(()) } else { Err(said) }
    });
}

#[test]
fn a_renewed_certificate_is_shown_to_callers_and_in_calls_without_a_restart() {
    let pair = Pair::new();
    pair.write(Line::Tls, Line::Tls);
    mount_own(&pair.bolt, "..1", &pair.bolt.identity);
    let (_acme, _bolt) = (watching(&pair.acme), watching(&pair.bolt));
    pair.acme.wait_until_ready();
    pair.bolt.wait_until_ready();
    until_reached(&pair.acme, &pair.bolt);
    let daemons = ["seonrd_tcpip_tls", "seonsqd"];
    let before = daemons.map(|daemon| pair.bolt.pid(daemon).unwrap());

    // From now on acme takes the new certificate and no other.
    let renewed = Identity::self_signed("127.0.0.1");
    mount(&pair.acme, "bolt-certificate", "..1", &[("tls.crt", &renewed.certificate_pem)]);
    mount_own(&pair.bolt, "..2", &renewed);
    until_reached(&pair.acme, &pair.bolt);
    until_reached(&pair.bolt, &pair.acme);
    assert_eq!(daemons.map(|daemon| pair.bolt.pid(daemon).unwrap()), before);
}

#[test]
fn two_migrations_at_once_do_it_once_and_say_so() {
    let pair = Pair::new();
    pair.acme.write(&pair.bolt, Line::Nothing);
    let migrate = || {
        let mut command = guarded_command(seon_binary());
        command.args(["migrate", "-o", "json"]).env("SEON_DIRECTORY", &pair.acme.directory);
        std::thread::spawn(move || command.output().unwrap())
    };
    let [first, second] = [migrate(), migrate()].map(|running| {
        let output = running.join().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let said: Value = serde_json::from_slice(&output.stdout).unwrap();
        (said["from"].as_i64().unwrap(), said["to"].as_i64().unwrap())
    });
    let now = first.1;
    assert!(now > 0);
    assert!([first, second].contains(&(0, now)) && [first, second].contains(&(now, now)));
    assert!(pair.acme.ok(["migrate"]).contains("already"));
}

/// A daemon as the first process of a process namespace, and what a pod has of its own.
struct InPod {
    process: Process,
    run: TemporaryDirectory,
    port: u16,
}

impl InPod {
    fn start(company: &Company, daemon: &str, more: &[&str]) -> Self {
        let (run, port) = (TemporaryDirectory::new(), free_port());
        let mut command = guarded_command("unshare");
        command
            .args(["--pid", "--fork", "--kill-child=KILL", "--"])
            .arg(seon_binary())
            .args([daemon, "--standby", "--watch", "--admin"])
            .arg(format!("0.0.0.0:{port}"))
            .args(more)
            .env("SEON_DIRECTORY", &company.directory)
            .env("SEON_RUN_DIRECTORY", run.path())
            .env("SEON_MIGRATE", "never")
            .env("POD_IP", "127.0.0.1")
            // There is no API server to tell, which holds nothing up.
            .envs([("POD_NAME", "acme-0"), ("POD_NAMESPACE", "acme"), ("SEON_PEERS", "acme-0")]);
        Self { process: Process::spawn(command), run, port }
    }

    /// What `seon ps` in this pod says of the daemons.
    fn daemons(&self, company: &Company) -> Vec<Value> {
        let mut command = guarded_command(seon_binary());
        command.args(["ps", "-o", "json"]);
        command.env("SEON_DIRECTORY", &company.directory);
        let output = command.env("SEON_RUN_DIRECTORY", self.run.path()).output().unwrap();
        let said: Result<Value, _> = serde_json::from_slice(&output.stdout);
        said.ok().and_then(|said| said.as_array().cloned()).unwrap_or_default()
    }

    fn daemon(&self, company: &Company, name: &str) -> Option<Value> {
        self.daemons(company).into_iter().find(|row| row["daemon"] == name)
    }

    /// SIGTERM to the daemon itself, as from a container runtime.
    fn terminate(&self) {
        let unshare = self.process.pid();
        let children: PathBuf = format!("/proc/{unshare}/task/{unshare}/children").into();
        let inner = fs::read_to_string(children).unwrap().trim().parse().unwrap();
        kill_process(Pid::from_raw(inner).unwrap(), Signal::TERM).unwrap();
    }
}

#[test]
fn daemons_in_pods_share_a_volume_and_hand_over_as_first_processes() {
    let tried = Command::new("unshare").args(["--pid", "--fork", "--", "true"]).status();
    if !tried.is_ok_and(|status| status.success()) {
        support::skip!(namespaces, "this user may not make process namespaces");
    }
    let pair = Pair::new();
    pair.acme.write(&pair.bolt, Line::Nothing);
    // The key is nothing that this daemon could use, or needs.
    let secrets = fs::read_to_string(pair.acme.directory.join("secrets.yaml")).unwrap();
    let without_keys: Vec<_> =
        secrets.split("\n---\n").filter(|secret| !secret.contains("name: acme-tls}")).collect();
    fs::write(pair.acme.directory.join("secrets.yaml"), without_keys.join("\n---\n")).unwrap();

    let acme = &pair.acme;
    let mut first = InPod::start(acme, "seonrd", &["--without-receivers"]);
    let waits = wait_for(first.port, "/readyz?standby=ready", 503);
    assert!(waits.contains("starting"), "{waits}");
    acme.ok(["migrate"]);
    wait_for(first.port, "/readyz", 200);
    let second = InPod::start(acme, "seonrd", &["--without-receivers"]);
    wait_for(second.port, "/readyz?standby=ready", 200);
    assert_eq!(ask(second.port, "GET", "/readyz").unwrap().0, 503);
    assert_eq!(ask(second.port, "POST", "/reload").unwrap().0, 404);

    // Both are process 1 of their pods; the one that is active is found by its address.
    let row = second.daemon(acme, "seonrd").unwrap();
    assert_eq!((&row["state"], &row["pid"]), (&"active".into(), &1.into()), "{row}");
    assert_eq!(row["parent"], Value::Null);
    assert_eq!(row["standbys"].as_array().unwrap().len(), 1, "{row}");
    assert_eq!(second.daemon(acme, "seonrd_tcpip").unwrap()["state"], "inactive");

    first.process.wait_for_line(PATIENCE, |line| line.contains("E-POD-ACCOUNT"));
    first.terminate();
    assert_eq!(first.process.wait(PATIENCE).code(), Some(0));
    wait_for(second.port, "/readyz", 200);
    let row = second.daemon(acme, "seonrd").unwrap();
    assert_eq!((&row["state"], &row["epoch"]), (&"active".into(), &2.into()), "{row}");
}

#[test]
fn the_send_queue_tells_how_it_stands_with_each_partner() {
    let pair = Pair::new();
    // Nobody answers there.
    pair.acme.write(&pair.bolt, Line::TcpBy(free_port()));
    let port = free_port();
    let directory = pair.acme.directory.to_str().unwrap();
    let admin = format!("127.0.0.1:{port}");
    let _daemon = Process::start(seon_binary(), ["-c", directory, "seonsqd", "--admin", &admin]);
    wait_for(port, "/readyz", 200);
    let partners = || -> Value { serde_json::from_str(&wait_for(port, "/partners", 200)).unwrap() };
    let bolt = partners()[0].clone();
    assert_eq!((&bolt["partner"], &bolt["queued"]), (&"bolt".into(), &0.into()), "{bolt}");
    assert_eq!(bolt["last_session"], Value::Null);
    pair.acme.enqueue("bolt", &pair.acme.file("A.DAT", 1000), &[]);
    wait_until_blocking("a failed call is told", PATIENCE, || {
        let bolt = partners()[0].clone();
        let last = &bolt["last_session"];
        let is_so = bolt["queued"] == 1
            && last["outcome"] == "failed"
            && last["code"] == "E-CONNECT-REFUSED";
        if is_so { Ok(()) } else { Err(bolt.to_string()) }
    });
}
