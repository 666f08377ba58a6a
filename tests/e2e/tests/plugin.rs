//! `kubectl seon` and a real pod: what goes in, what comes out, and what is left when the way in
//! between breaks. The pod is one of an instance on SQLite, without an operator.

#![allow(clippy::unwrap_used, clippy::panic, reason = "what fails here is a test")]

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Output, Stdio};
use std::time::Duration;

use cluster::Cluster;
use image::{Architecture, Compression, Image, Name};
use serde_json::Value;
use support::{
    TemporaryDirectory, guarded_command, kubectl_seon_binary, seon_binary, wait_until,
    wait_until_blocking, write_pseudo_random,
};

const PATIENCE: Duration = Duration::from_mins(2);
const POD: &str = "acme-seonsqd-0";
const IMAGE: (&str, &str) = ("registry.local/seon-plugin-test", "1");
const LARGE: u64 = 256 << 20;
/// A constant, whatever the file's size.
const MOST_MEMORY: u64 = 96 << 20;

struct Office {
    cluster: Cluster,
    namespace: String,
    directory: TemporaryDirectory,
}

/// The program under test in an image, with what it is linked to.
fn image(directory: &Path) -> PathBuf {
    let program = |path: &str, from: &Path| image::File::program(path, fs::read(from).unwrap());
    let mut files = vec![program("bin/seon", seon_binary())];
    let linked = guarded_command("ldd").arg(seon_binary()).output().unwrap();
    for line in String::from_utf8(linked.stdout).unwrap().lines() {
        let path = line.split_whitespace().find(|word| word.starts_with('/'));
        files.extend(path.map(|path| program(path.trim_start_matches('/'), Path::new(path))));
    }
    let image = Image {
        name: Name { repository: IMAGE.0.to_owned(), tag: IMAGE.1.to_owned() },
        architecture: Architecture::of_this_machine().unwrap(),
        files,
        entrypoint: vec!["/bin/seon".to_owned()],
        user: "65532:65532".to_owned(),
        labels: [].into(),
        compression: Compression::None,
    };
    let path = directory.join("image.tar");
    fs::write(&path, image::archive(&image).unwrap().octets).unwrap();
    path
}

/// The manifests in the pod; the cluster has the same instance.
const INSTANCE: &str = "apiVersion: seon.dev/v1alpha1
kind: SeonInstance
metadata: {name: acme}
spec:
  identity: {odetteId: O0013000001ACME, passwordSecretRef: {name: acme-oftp, key: password}}
  storage: {directory: /var/lib/seon}
";
const PARTNER: &str = "apiVersion: seon.dev/v1alpha1
kind: SeonPartner
metadata: {name: bolt}
spec:
  instanceRef: {name: acme}
  identity: {odetteId: O0013000002BOLT, passwordSecretRef: {name: acme-oftp, key: password}}
";
const SECRETS: &str = "apiVersion: v1
kind: Secret
metadata: {name: acme-oftp}
stringData: {password: SECRET}
";

fn indented(text: &str) -> String {
    text.lines().fold(String::new(), |text, line| text + "    " + line + "\n")
}

fn pod() -> String {
    format!(
        "apiVersion: v1
kind: Secret
metadata: {{name: acme-configuration}}
stringData:
  instance.yaml: |
{}  partners.yaml: |
{}  secrets.yaml: |
{}---
apiVersion: v1
kind: Pod
metadata:
  name: {POD}
  labels: {{seon.dev/instance: acme, seon.dev/daemon: seonsqd, seon.dev/role: active}}
spec:
  automountServiceAccountToken: false
  securityContext:
    {{runAsNonRoot: true, runAsUser: 65532, fsGroup: 65532, seccompProfile: {{type: RuntimeDefault}}}}
  containers:
  - name: seonsqd
    image: {}:{}
    imagePullPolicy: Never
    args: [-c, /etc/seon, --run-directory, /run/seon, seonsqd, --log-format, json]
    securityContext:
      allowPrivilegeEscalation: false
      readOnlyRootFilesystem: true
      capabilities: {{drop: [ALL]}}
    volumeMounts:
    - {{name: configuration, mountPath: /etc/seon}}
    - {{name: data, mountPath: /var/lib/seon}}
    - {{name: run, mountPath: /run/seon}}
    # SQLite wants one when it brings its schema up to date.
    - {{name: temporary, mountPath: /tmp}}
  volumes:
  - {{name: configuration, secret: {{secretName: acme-configuration}}}}
  - {{name: data, emptyDir: {{}}}}
  - {{name: run, emptyDir: {{medium: Memory}}}}
  - {{name: temporary, emptyDir: {{medium: Memory}}}}
",
        indented(INSTANCE),
        indented(PARTNER),
        indented(SECRETS),
        IMAGE.0,
        IMAGE.1
    )
}

impl Office {
    async fn new(cluster: Cluster) -> Self {
        let directory = TemporaryDirectory::new();
        cluster.nodes().unwrap().import(&image(directory.path())).await.unwrap();
        let definitions = guarded_command(kubectl_seon_binary()).arg("install").output();
        cluster.apply(&String::from_utf8(definitions.unwrap().stdout).unwrap()).await.unwrap();
        let namespace = cluster.namespace("office").await;
        let office = Self { cluster, namespace, directory };
        wait_until("the kinds are served", PATIENCE, async || {
            office.cluster.kubectl(&["get", "seoninstances", "-A"]).await
        })
        .await;
        office.apply(INSTANCE).await;
        office.apply(&pod()).await;
        wait_until("seon answers in the pod", PATIENCE, async || {
            let output = office.run(&["ps", "-o", "json"]);
            let Ok(rows) = serde_json::from_slice::<Value>(&output.stdout) else {
                let logs = office.cluster.logs(&office.namespace, POD).await;
                return Err(complaint(&output) + &logs.unwrap_or_else(|error| error));
            };
            let is_active = |row: &Value| row["daemon"] == "seonsqd" && row["state"] == "active";
            let rows = rows.as_array().cloned().unwrap_or_default();
            if rows.iter().any(is_active) { Ok(()) } else { Err(format!("{rows:?}")) }
        })
        .await;
        office
    }

    async fn apply(&self, manifest: &str) {
        let file = self.directory.join("manifest.yaml");
        fs::write(&file, manifest).unwrap();
        let arguments =
            ["-n", &self.namespace, "apply", "--server-side", "-f", file.to_str().unwrap()];
        self.cluster.kubectl(&arguments).await.unwrap_or_else(|error| panic!("{error}"));
    }

    fn start(&self, arguments: &[&str], input: Stdio) -> Child {
        let mut command = guarded_command(kubectl_seon_binary());
        command.args(["-n", &self.namespace]).args(arguments);
        command.env("KUBECONFIG", self.cluster.kubeconfig()).stdin(input);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.start(arguments, Stdio::null()).wait_with_output().unwrap()
    }

    fn ok(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", complaint(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.ok(&[arguments, &["-o", "json"]].concat())).unwrap()
    }

    fn queue(&self) -> Vec<Value> {
        self.json(&["queue", "--all"]).as_array().cloned().unwrap()
    }
}

fn complaint(output: &Output) -> String {
    let said = [&output.stdout[..], &output.stderr].concat();
    String::from_utf8_lossy(&said).into_owned()
}

/// Processes on this machine, those in pods too, with this word in their command line.
fn processes_with(word: &str) -> usize {
    let lines = fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| {
        let line = fs::read(entry.path().join("cmdline")).ok()?;
        Some(String::from_utf8_lossy(&line).into_owned())
    });
    lines.filter(|line| line.contains("--attended") && line.contains(word)).count()
}

/// The most memory that a process ever had, in octets.
fn peak(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kibibytes| kibibytes << 10)
}

/// One cluster for all: what follows is one story in one pod.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_files_and_logs_go_through_a_pod() {
    let cluster = match Cluster::start(1).await {
        Ok(cluster) => cluster,
        Err(reason) => support::skip!(cluster, "{reason}"),
    };
    cluster::nodes!(cluster);
    let office = Office::new(cluster).await;
    exit_codes_and_errors_are_those_of_the_pod(&office);
    a_file_of_this_machine_is_queued_in_constant_memory(&office);
    a_stream_that_breaks_queues_nothing(&office);
    a_command_ends_with_its_connection(&office);
    the_journal_names_the_kubernetes_user(&office);
    logs_are_laid_out_for_people(&office);
    status_and_check_ask_the_pod(&office);
}

fn exit_codes_and_errors_are_those_of_the_pod(office: &Office) {
    assert_eq!(office.ok(&["queue"]), "the queue is empty\n");
    let output = office.run(&["queue", "hold", "4711"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(complaint(&output).contains("E-REQUEST-MISSING"), "{}", complaint(&output));
    let output = office.run(&["partner", "ping", "nobody"]);
    assert_eq!(output.status.code(), Some(64), "{}", complaint(&output));
    assert!(complaint(&output).contains("acme has no partner \"nobody\""));
}

fn a_file_of_this_machine_is_queued_in_constant_memory(office: &Office) {
    let file = office.directory.join("LARGE.DAT");
    write_pseudo_random(&file, LARGE, 1);
    let wanted = ["enqueue", "--partner", "bolt", "-o", "json", file.to_str().unwrap()];
    let child = office.start(&wanted, Stdio::null());
    let process = child.id();
    let mut most = 0;
    wait_until_blocking("the end of the transfer", PATIENCE, || {
        most = most.max(peak(process).unwrap_or_default());
        // A process that has ended and is not waited for has no memory any more.
        if peak(process).is_none() { Ok(()) } else { Err(format!("{most} octets of memory")) }
    });
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", complaint(&output));
    assert!(most > 0 && most < MOST_MEMORY, "{most} octets of memory");
    let queued: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(queued[0]["octets"], LARGE);
    assert_eq!(queued[0]["dataset_name"], "LARGE.DAT");
    assert!(complaint(&output).contains("LARGE.DAT is in pod acme-seonsqd-0"));
    assert_eq!(office.queue().len(), 1);
}

fn a_stream_that_breaks_queues_nothing(office: &Office) {
    let before = office.queue().len();
    let (name, size) = ("CUT.DAT", "99999999");
    let wanted = ["enqueue", "--partner", "bolt", "--name", name, "--size", size, "-"];
    let mut child = office.start(&wanted, Stdio::piped());
    let mut input = child.stdin.take().unwrap();
    input.write_all(&vec![7; 8 << 20]).unwrap();
    wait_until_blocking("the command in the pod", PATIENCE, || processes_with(name) > 0);
    child.kill().unwrap();
    child.wait().unwrap();
    wait_until_blocking("the end of the command in the pod", PATIENCE, || {
        processes_with(name) == 0
    });
    assert_eq!(office.queue().len(), before);

    // The input ends by itself, too soon.
    let short = office.directory.join("short");
    fs::write(&short, "1234").unwrap();
    let output = office.start(&wanted, File::open(&short).unwrap().into()).wait_with_output();
    let output = output.unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(complaint(&output).contains("E-ENQUEUE-SIZE"), "{}", complaint(&output));
    assert_eq!(office.queue().len(), before);
}

fn a_command_ends_with_its_connection(office: &Office) {
    let mut child = office.start(&["journal", "--follow", "--limit", "4711"], Stdio::null());
    let follows = || processes_with("--limit=4711");
    wait_until_blocking("the command in the pod", PATIENCE, || follows() > 0);
    child.kill().unwrap();
    child.wait().unwrap();
    wait_until_blocking("the end of the command in the pod", PATIENCE, || follows() == 0);
}

fn the_journal_names_the_kubernetes_user(office: &Office) {
    let id = office.queue()[0]["id"].to_string();
    office.ok(&["queue", "hold", &id]);
    let journal = office.json(&["journal", "--kind", "entry_held"]);
    let text = journal[0]["text"].as_str().unwrap();
    assert!(text.starts_with("by ") && !text.contains(POD), "{text}");
}

fn logs_are_laid_out_for_people(office: &Office) {
    let raw = office.ok(&["logs", "--raw"]);
    let first: Value = serde_json::from_str(raw.lines().next().unwrap()).unwrap();
    let message = first["message"].as_str().unwrap();
    let told = office.ok(&["logs", "acme", "seonsqd"]);
    let line = told.lines().next().unwrap();
    assert!(line.starts_with(POD) && line.contains(message), "{line}");
    assert_eq!(raw.lines().count(), told.lines().count());
    assert_eq!(office.ok(&["logs", "acme", "seonrd"]), "", "it has no pod");

    let mut child = office.start(&["logs", "--follow", "--raw"], Stdio::null());
    let mut seen = std::io::BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    std::io::BufRead::read_line(&mut seen, &mut line).unwrap();
    assert_eq!(line.trim_end(), raw.lines().next().unwrap());
    child.kill().unwrap();
    child.wait().unwrap();
}

fn status_and_check_ask_the_pod(office: &Office) {
    let status = office.json(&["status"]);
    assert_eq!(status["daemons"][1]["sessions"], 0, "{status}");
    assert_eq!(status["errors"], Value::Array(Vec::new()));
    let report: Value =
        serde_json::from_slice(&office.run(&["check", "-o", "json"]).stdout).unwrap();
    let categories = report["categories"].as_array().unwrap();
    let of = |name: &str| {
        let found = categories.iter().find(|category| category["categoryName"] == name);
        found.map(|category| category["checks"].clone()).unwrap_or_default()
    };
    // What only the pod knows.
    assert_eq!(of("queue")[0]["description"], "no entry is blocked", "{report}");
    assert!(of("spool")[0]["description"].as_str().unwrap().contains("/var/lib/seon"), "{report}");
    assert_eq!(of("leases")[1]["result"], "warning", "it has not said its epoch: {report}");
}
