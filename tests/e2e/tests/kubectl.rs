//! `kubectl seon` against a real API server. The pods here are objects only: what runs in them is
//! played by the test.

#![allow(clippy::unwrap_used, clippy::panic, reason = "what fails here is a test")]

use std::path::Path;
use std::process::{Child, Output, Stdio};
use std::time::Duration;

use cluster::ApiServer;
use crds::{SeonInstance, names};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, Patch, PatchParams};
use serde_json::{Value, json};
use support::{TemporaryDirectory, guarded_command, kubectl_seon_binary, seon_binary, wait_until};

const PATIENCE: Duration = Duration::from_mins(1);

/// A namespace with the definitions, in which pods may be written.
struct Office {
    server: ApiServer,
    namespace: String,
}

impl Office {
    async fn new(server: ApiServer) -> Self {
        server.apply(&seon(&["install"])).await.unwrap_or_else(|error| panic!("{error}"));
        let namespace = server.namespace("office").await;
        let office = Self { server, namespace };
        office.apply("apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: default}\n").await;
        wait_until("the kinds are served", PATIENCE, async || {
            office.server.kubectl(&["get", "seoninstances,seonpartners", "-A"]).await
        })
        .await;
        office
    }

    async fn apply(&self, manifest: &str) {
        let kubectl = ["-n", &self.namespace, "apply", "--server-side", "-f"];
        let directory = TemporaryDirectory::new();
        let file = directory.join("manifest.yaml");
        std::fs::write(&file, manifest).unwrap();
        let arguments = [&kubectl[..], &[file.to_str().unwrap()]].concat();
        self.server.kubectl(&arguments).await.unwrap_or_else(|error| panic!("{error}"));
    }

    async fn instance(&self, name: &str) {
        self.apply(&format!(
            "apiVersion: seon.dev/v1alpha1
kind: SeonInstance
metadata: {{name: {name}}}
spec:
  identity: {{odetteId: O0013000001ACME, passwordSecretRef: {{name: acme-oftp, key: password}}}}
  database: {{secretRef: {{name: acme-db, key: uri}}}}
"
        ))
        .await;
    }

    fn pods(&self, client: kube::Client) -> Api<Pod> {
        Api::namespaced(client, &self.namespace)
    }

    /// A pod of seonsqd of acme with a role, as its daemon and the kubelet would write it.
    async fn pod(&self, name: &str, role: &str, epoch: i64) {
        self.apply(&format!(
            "apiVersion: v1
kind: Pod
metadata:
  name: {name}
  labels: {{seon.dev/instance: acme, seon.dev/daemon: seonsqd}}
spec:
  automountServiceAccountToken: false
  securityContext: {{runAsNonRoot: true, runAsUser: 65532, seccompProfile: {{type: RuntimeDefault}}}}
  containers:
  - name: seon
    image: registry.local/seon:1
    securityContext: {{allowPrivilegeEscalation: false, capabilities: {{drop: [ALL]}}}}
"
        ))
        .await;
        let running = json!({"status": {
            "phase": "Running",
            "conditions": [{"type": "Ready", "status": "True"}],
            "containerStatuses": [{"name": "seon", "image": "x", "imageID": "x", "ready": true,
                                   "restartCount": 0, "containerID": "containerd://1",
                                   "state": {"running": {}}}],
        }});
        let pods = self.pods(self.server.client().await);
        let (parameters, patch) = (PatchParams::default(), Patch::Merge(running));
        pods.patch_status(name, &parameters, &patch).await.unwrap();
        self.says(name, role, epoch).await;
    }

    /// What a daemon says about itself.
    async fn says(&self, pod: &str, role: &str, epoch: i64) {
        let said = json!({"metadata": {
            "labels": {names::ROLE_LABEL: role},
            "annotations": {names::EPOCH_ANNOTATION: epoch.to_string(),
                            names::SINCE_ANNOTATION: "2026-11-20T08:14:02Z"},
        }});
        let pods = self.pods(self.server.client().await);
        pods.patch(pod, &PatchParams::default(), &Patch::Merge(said)).await.unwrap();
    }

    fn start(&self, kubeconfig: &Path, arguments: &[&str]) -> Child {
        let mut command = guarded_command(kubectl_seon_binary());
        command.args(["-n", &self.namespace]).args(arguments);
        command.env("KUBECONFIG", kubeconfig).stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.start(self.server.kubeconfig(), arguments).wait_with_output().unwrap()
    }

    /// Standard output of a command that succeeds.
    fn ok(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", complaint(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Standard error of a command that fails.
    fn refused(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {}", complaint(&output));
        complaint(&output)
    }

    async fn spec(&self) -> SeonInstance {
        let instances = Api::namespaced(self.server.client().await, &self.namespace);
        instances.get("acme").await.unwrap()
    }
}

fn complaint(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A command that needs no cluster.
fn seon(arguments: &[&str]) -> String {
    let output = guarded_command(kubectl_seon_binary()).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", complaint(&output));
    String::from_utf8(output.stdout).unwrap()
}

/// The results of a category of `check -o json`.
fn results(report: &Value, category: &str) -> Vec<String> {
    let categories = report["categories"].as_array().unwrap();
    let Some(found) = categories.iter().find(|it| it["categoryName"] == category) else {
        return Vec::new();
    };
    let checks = found["checks"].as_array().unwrap();
    checks.iter().map(|check| check["result"].as_str().unwrap().to_owned()).collect()
}

fn check(office: &Office, kubeconfig: &Path) -> Value {
    let child = office.start(kubeconfig, &["check", "-o", "json"]);
    serde_json::from_slice(&child.wait_with_output().unwrap().stdout).unwrap()
}

#[tokio::test]
async fn install_teaches_the_api_server_the_kinds_and_check_sees_it() {
    let server = cluster::api_server!();
    let before = {
        let mut command = guarded_command(kubectl_seon_binary());
        command.arg("check").env("KUBECONFIG", server.kubeconfig());
        command.output().unwrap()
    };
    assert_eq!(before.status.code(), Some(1));
    let said = String::from_utf8(before.stdout).unwrap();
    assert!(said.contains("√ API server answers, version 1."), "{said}");
    assert!(said.contains("× seoninstances of seon.dev/v1alpha1 are not served"), "{said}");
    assert!(said.contains("hint: kubectl seon install | kubectl apply"), "{said}");

    let office = Office::new(server).await;
    let report = check(&office, office.server.kubeconfig());
    assert_eq!(results(&report, "crds"), ["success", "success"]);
    assert_eq!(results(&report, "permissions"), ["success"]);
    assert_eq!(results(&report, "operator")[0], "error", "its Deployment has no pod here");
    assert_eq!(results(&report, "instance"), ["error"], "there is none");
}

#[tokio::test]
async fn the_only_instance_need_not_be_named() {
    let office = Office::new(cluster::api_server!()).await;
    assert!(office.refused(&["status"]).starts_with("E-KUBERNETES-INSTANCE there is no Seon"));
    assert!(office.refused(&["status", "acme"]).starts_with("E-KUBERNETES-NOT-FOUND "));
    office.instance("acme").await;
    assert!(office.ok(&["suspend"]).starts_with("acme is suspended"));
    office.instance("bolt").await;
    let said = office.refused(&["suspend"]);
    assert!(said.contains("name one of acme, bolt"), "{said}");
}

#[tokio::test]
async fn suspend_and_resume_change_the_spec_and_nothing_when_it_is_so_already() {
    let office = Office::new(cluster::api_server!()).await;
    office.instance("acme").await;
    office.ok(&["suspend", "acme"]);
    let suspended = office.spec().await;
    assert!(suspended.spec.suspend);
    assert!(office.ok(&["suspend", "acme"]).contains("nothing changed"));
    assert_eq!(office.spec().await.metadata.resource_version, suspended.metadata.resource_version);
    office.ok(&["resume", "acme"]);
    assert!(!office.spec().await.spec.suspend);
}

#[tokio::test]
async fn the_status_shows_what_the_pods_say_and_tells_at_the_end_what_could_not_be_asked() {
    let office = Office::new(cluster::api_server!()).await;
    office.instance("acme").await;
    office.pod("acme-seonsqd-0", "active", 4).await;
    office.pod("acme-seonsqd-1", "standby", 0).await;
    let output = office.run(&["status", "-o", "json"]);
    assert_eq!(output.status.code(), Some(1), "nobody runs seon in these pods");
    let status: Value = serde_json::from_slice(&output.stdout).unwrap();
    let daemon = &status["daemons"][1];
    assert_eq!(daemon["daemon"], "seonsqd");
    assert_eq!(daemon["active"], json!(["acme-seonsqd-0"]));
    assert_eq!(daemon["epoch"], 4);
    assert_eq!(daemon["standbys"], json!(["acme-seonsqd-1"]));
    assert_eq!(daemon["sessions"], Value::Null);
    let error = status["errors"][0].as_str().unwrap();
    assert!(error.contains("running seon in pod acme-seonsqd-0"), "{error}");
}

#[tokio::test]
async fn a_command_for_a_pod_says_how_the_pods_are_when_none_runs() {
    let office = Office::new(cluster::api_server!()).await;
    office.instance("acme").await;
    let said = office.refused(&["queue"]);
    assert!(said.starts_with("E-KUBERNETES-NO-POD no pod of acme runs"), "{said}");
}

#[tokio::test]
async fn a_switchover_without_a_ready_standby_is_refused_and_asks_for_nothing() {
    let office = Office::new(cluster::api_server!()).await;
    office.instance("acme").await;
    office.pod("acme-seonsqd-0", "active", 4).await;
    let said = office.refused(&["switchover", "acme", "seonsqd"]);
    assert!(said.starts_with("E-KUBERNETES-SWITCHOVER "), "{said}");
    assert!(said.contains("nobody could take over from acme-seonsqd-0"), "{said}");
    let annotations = office.spec().await.metadata.annotations.unwrap_or_default();
    assert_eq!(annotations.get(names::SWITCHOVER_ANNOTATION), None);
}

#[tokio::test]
async fn a_switchover_is_asked_for_and_waited_for_until_another_pod_has_a_higher_epoch() {
    let office = Office::new(cluster::api_server!()).await;
    office.instance("acme").await;
    office.pod("acme-seonsqd-0", "active", 4).await;
    office.pod("acme-seonsqd-1", "standby", 0).await;
    let wanted = ["switchover", "acme", "seonsqd", "--wait", "-o", "json"];
    let waiting = office.start(office.server.kubeconfig(), &wanted);
    wait_until("the operator is asked", PATIENCE, async || {
        let annotations = office.spec().await.metadata.annotations.unwrap_or_default();
        annotations.get(names::SWITCHOVER_ANNOTATION).filter(|daemon| *daemon == "seonsqd").cloned()
    })
    .await;
    office.says("acme-seonsqd-0", "standby", 4).await;
    office.says("acme-seonsqd-1", "active", 5).await;
    let output = waiting.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", complaint(&output));
    let done: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&done["from"], &done["to"]), (&"acme-seonsqd-0".into(), &"acme-seonsqd-1".into()));
    assert_eq!(done["epoch"], 5);
    assert!(done["gap_milliseconds"].is_u64() && done["took_milliseconds"].is_u64());
}

#[tokio::test]
async fn a_switchover_that_nobody_carries_out_ends_with_a_sentence() {
    let office = Office::new(cluster::api_server!()).await;
    office.instance("acme").await;
    office.pod("acme-seonsqd-0", "active", 4).await;
    office.pod("acme-seonsqd-1", "standby", 0).await;
    let said = office.refused(&["switchover", "seonsqd", "--wait", "--timeout", "1"]);
    assert!(said.starts_with("E-KUBERNETES-LATE seonsqd of acme has not changed over"), "{said}");
}

/// The Role of docs/kubectl.md, as it is printed there.
fn documented_role() -> &'static str {
    let text = include_str!("../../../docs/kubectl.md");
    text.split("```yaml\n").nth(1).unwrap().split("```").next().unwrap()
}

#[tokio::test]
async fn who_may_do_nothing_is_told_so_and_the_documented_role_is_enough() {
    let office = Office::new(cluster::api_server!()).await;
    office.instance("acme").await;
    office.pod("acme-seonsqd-0", "active", 4).await;
    office.apply("apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: eve}\n").await;
    let eve = office.server.kubeconfig_of(&office.namespace, "eve").await;
    let output = office.start(&eve, &["status", "acme"]).wait_with_output().unwrap();
    let said = complaint(&output);
    assert!(said.starts_with("E-KUBERNETES-FORBIDDEN reading SeonInstance acme"), "{said}");
    assert!(said.contains("cannot get resource \"seoninstances\""), "{said}");
    let report = check(&office, &eve);
    assert_eq!(results(&report, "permissions").len(), 12, "{report}");
    assert_eq!(results(&report, "instance"), Vec::<String>::new(), "it would only fail too");

    office.apply(documented_role()).await;
    let subject = format!("--serviceaccount={}:eve", office.namespace);
    let bind = ["-n", &office.namespace, "create", "rolebinding", "eve", "--role=seon-user"];
    office.server.kubectl(&[&bind[..], &[&subject]].concat()).await.unwrap();
    let report = wait_until("the API server knows of it", PATIENCE, async || {
        let report = check(&office, &eve);
        let permissions = results(&report, "permissions");
        if permissions == ["success"] { Ok(report) } else { Err(format!("{permissions:?}")) }
    })
    .await;
    for category in ["operator", "database", "leases", "daemons", "partners"] {
        assert!(!results(&report, category).is_empty(), "{category}: {report}");
    }
    let text = report.to_string();
    assert!(!text.contains("cannot be seen"), "{text}");
    assert!(!text.contains("E-KUBERNETES-FORBIDDEN"), "{text}");
}

#[tokio::test]
async fn a_server_that_does_not_answer_and_a_context_that_is_not_there_are_told_apart() {
    let office = Office::new(cluster::api_server!()).await;
    let said = office.refused(&["status", "--context", "nowhere"]);
    assert!(said.starts_with("E-KUBERNETES-CONFIG the kubeconfig has no context \"nowhere\""));
    let said = office.refused(&["status", "--kubeconfig", "/no/such/file"]);
    assert!(said.starts_with("E-KUBERNETES-CONFIG cannot read the kubeconfig /no/such/file"));

    let directory = TemporaryDirectory::new();
    let dead = directory.join("dead");
    let text = std::fs::read_to_string(office.server.kubeconfig()).unwrap();
    let server =
        text.split(['"', '\'', ' ', '\n']).find(|word| word.starts_with("https://")).unwrap();
    let nobody = format!("https://127.0.0.1:{}", support::free_port());
    std::fs::write(&dead, text.replace(server, &nobody)).unwrap();
    let output = office.start(&dead, &["status"]).wait_with_output().unwrap();
    let said = complaint(&output);
    assert!(said.starts_with("E-KUBERNETES-UNREACHABLE "), "{said}");
    assert!(said.contains("does not answer: "), "{said}");
}

#[test]
fn the_plugin_and_seon_complete_their_own_words() {
    let help = guarded_command(kubectl_seon_binary()).arg("--help").output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    assert!(help.contains("Usage: kubectl seon") && help.contains("switchover"), "{help}");
    for shell in ["bash", "zsh", "fish"] {
        let programs = [kubectl_seon_binary(), seon_binary()];
        let [plugin, own] = programs.map(|program| {
            let output = guarded_command(program).args(["completion", shell]).output().unwrap();
            String::from_utf8(output.stdout).unwrap()
        });
        assert!(plugin.contains("kubectl-seon") && plugin.contains("switchover"), "{shell}");
        assert!(own.contains("enqueue") && !own.contains("switchover"), "{shell}");
    }
}
