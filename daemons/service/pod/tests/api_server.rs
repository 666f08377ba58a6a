//! What daemons write on their pods, on a real API server and with the rights of their own Role.

#![allow(clippy::unwrap_used, clippy::panic, reason = "what fails here is a test")]

mod gate;

use std::time::Duration;

use cluster::ApiServer;
use crds::names::{
    ACTIVE, CONFIGURATION_ANNOTATION, EPOCH_ANNOTATION, LISTENS_ANNOTATION, REFUSED_ANNOTATION,
    ROLE_LABEL, STANDBY,
};
use domain::Epoch;
use gate::Gate;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, DeleteParams, ObjectMeta, Patch, PatchParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use runtime::status::{ConfigurationStatus, Role};
use runtime::{Known, Standing, Standings};
use serde_json::json;
use support::wait_until;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Long enough for any machine; reached only by a failing test.
const DEADLINE: Duration = Duration::from_mins(1);

const PODS: [&str; 2] = ["acme-seonsqd-0", "acme-seonsqd-1"];
const ACCOUNT: &str = "acme-seonsqd";

/// A daemon's ServiceAccount, whose Role names exactly its pods.
const RIGHTS: &str = r#"
apiVersion: v1
kind: ServiceAccount
metadata: {name: acme-seonsqd}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: acme-seonsqd}
rules:
- apiGroups: [""]
  resources: [pods]
  resourceNames: [acme-seonsqd-0, acme-seonsqd-1]
  verbs: [get, patch]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: acme-seonsqd}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: acme-seonsqd}
subjects:
- {kind: ServiceAccount, name: acme-seonsqd}
"#;

fn pod(name: &str) -> String {
    format!(
        "---
apiVersion: v1
kind: Pod
metadata: {{name: {name}, labels: {{seon.dev/daemon: seonsqd}}}}
spec:
  serviceAccountName: acme-seonsqd
  securityContext: {{runAsNonRoot: true, runAsUser: 65532, seccompProfile: {{type: RuntimeDefault}}}}
  containers:
  - name: daemon
    image: registry.local/seon:test
    securityContext: {{allowPrivilegeEscalation: false, capabilities: {{drop: [ALL]}}}}
"
    )
}

/// The policy for daemons as it is installed.
fn policy() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../deploy/install.yaml");
    let manifests = std::fs::read_to_string(path).unwrap();
    let policy = manifests.split("\n---\n").filter(|one| one.contains("kind: ValidatingAdmission"));
    policy.collect::<Vec<_>>().join("\n---\n")
}

struct World {
    server: ApiServer,
    namespace: String,
    kubeconfig: Kubeconfig,
    pods: Api<Pod>,
}

/// A process's announcer, and what the process says to it.
struct Daemon {
    standing: watch::Sender<Standing>,
    known: Known,
    task: JoinHandle<Result<(), runtime::ServiceError>>,
}

fn standing(role: Role, epoch: Option<i64>) -> Standing {
    Standing {
        role,
        since: ambient::now(),
        waits_for: None,
        epoch: epoch.map(|number| Epoch::try_from(number).unwrap()),
        listens: epoch.map(|_| "10.1.2.3:3305".to_owned()).into_iter().collect(),
        configuration: ConfigurationStatus {
            loaded: ambient::now(),
            revision: Some("r1".to_owned()),
            refused: Vec::new(),
            code: None,
            left_out: Vec::new(),
            refused_revision: None,
            begun_with: None,
            at_next_start: Vec::new(),
        },
    }
}

impl World {
    async fn new(server: ApiServer) -> Self {
        let namespace = server.namespace("pods").await;
        let pods = Api::namespaced(server.client().await, &namespace);
        let mut world = Self { server, namespace, kubeconfig: Kubeconfig::default(), pods };
        world.apply(RIGHTS).await;
        world.apply(&PODS.map(pod).concat()).await;
        world.apply(&policy()).await;
        wait_until("the policy counts", DEADLINE, async || {
            let image = r#"{"spec": {"containers": [{"name": "daemon", "image": "x"}]}}"#;
            // Not by a daemon's own account, whose requests are counted.
            world.patch_as("another-seonsqd", image).await.is_err()
        })
        .await;
        let path = world.server.kubeconfig_of(&world.namespace, ACCOUNT).await;
        world.kubeconfig = Kubeconfig::read_from(path).unwrap();
        world
    }

    async fn apply(&self, manifests: &str) {
        let directory = support::TemporaryDirectory::new();
        let path = directory.join("objects.yaml");
        std::fs::write(&path, manifests).unwrap();
        let path = path.display().to_string();
        let arguments = ["apply", "--namespace", &self.namespace, "--filename", &path];
        self.server.kubectl(&arguments).await.unwrap();
    }

    /// A patch of the first pod that is only tried, by an account with every right.
    async fn patch_as(&self, account: &str, patch: &str) -> Result<String, String> {
        let user = format!("--as=system:serviceaccount:{}:{account}", self.namespace);
        let patch = format!("--patch={patch}");
        let arguments = ["patch", "pod", PODS[0], "--namespace", &self.namespace];
        let more = [&patch, "--dry-run=server", &user, "--as-group=system:masters"];
        self.server.kubectl(&[&arguments[..], &more].concat()).await
    }

    fn port(&self) -> u16 {
        let server = self.kubeconfig.clusters[0].cluster.as_ref().unwrap().server.clone();
        server.unwrap().rsplit(':').next().unwrap().trim_end_matches('/').parse().unwrap()
    }

    /// With the daemon's own rights, by any port that leads to the API server.
    async fn client_by(&self, port: u16) -> Client {
        let mut kubeconfig = self.kubeconfig.clone();
        let cluster = kubeconfig.clusters[0].cluster.as_mut().unwrap();
        cluster.server = Some(format!("https://127.0.0.1:{port}"));
        let options = KubeConfigOptions::default();
        let config = Config::from_custom_kubeconfig(kubeconfig, &options).await.unwrap();
        Client::try_from(config).unwrap()
    }

    async fn daemon(&self, pod: usize, standing: Standing) -> Daemon {
        self.daemon_by(self.port(), pod, standing).await
    }

    async fn daemon_by(&self, port: u16, pod: usize, standing: Standing) -> Daemon {
        // Not within a test: what is read and written there is counted.
        self.looking_daemon(port, pod, standing, Duration::from_hours(1)).await
    }

    async fn looking_daemon(
        &self,
        port: u16,
        pod: usize,
        standing: Standing,
        look_every: Duration,
    ) -> Daemon {
        let standing = watch::Sender::new(standing);
        let (standings, known) = Standings::new(standing.subscribe());
        let pod = pod::Pod {
            name: PODS[pod].to_owned(),
            namespace: self.namespace.clone(),
            peers: PODS.map(str::to_owned).to_vec(),
        };
        let task = tokio::spawn(pod::announce_with(
            self.client_by(port).await,
            pod,
            standings,
            look_every,
        ));
        Daemon { standing, known, task }
    }

    async fn metadata(&self, pod: usize) -> ObjectMeta {
        self.pods.get(PODS[pod]).await.unwrap().metadata
    }

    async fn role(&self, pod: usize) -> Option<String> {
        self.metadata(pod).await.labels?.get(ROLE_LABEL).cloned()
    }

    async fn annotation(&self, pod: usize, name: &str) -> Option<String> {
        self.metadata(pod).await.annotations?.get(name).cloned()
    }

    async fn until_role(&self, pod: usize, role: &str) {
        wait_until(&format!("{} is {role}", PODS[pod]), DEADLINE, async || {
            let found = self.role(pod).await;
            if found.as_deref() == Some(role) { Ok(()) } else { Err(format!("{found:?}")) }
        })
        .await;
    }

    /// How the daemons' requests with a verb were answered.
    fn answers(&self, verb: &str) -> Vec<i64> {
        let account = format!("system:serviceaccount:{}:{ACCOUNT}", self.namespace);
        let events = self.server.audit_events().unwrap();
        let of_daemons = events
            .iter()
            .filter(|event| event["user"]["username"] == account && event["verb"] == verb);
        of_daemons.filter_map(|event| event["responseStatus"]["code"].as_i64()).collect()
    }
}

impl Daemon {
    fn say(&self, standing: Standing) {
        self.standing.send_replace(standing);
    }

    async fn until_known(&mut self, role: Role) {
        assert!(self.known.wait_for(role, DEADLINE).await, "{role:?} is not known");
    }
}

#[tokio::test]
async fn the_role_goes_from_pod_to_pod_with_the_lease_and_nothing_is_written_at_rest() {
    let world = World::new(cluster::api_server!()).await;
    let mut first = world.daemon(0, standing(Role::Starting, None)).await;
    first.until_known(Role::Starting).await;
    assert_eq!(world.role(0).await.as_deref(), Some(STANDBY));
    assert_eq!(world.annotation(0, CONFIGURATION_ANNOTATION).await.as_deref(), Some("r1"));
    assert_eq!(world.answers("patch"), [200]);
    // A standby is what the pod says already.
    first.say(standing(Role::Standby, None));
    first.until_known(Role::Standby).await;
    assert_eq!(world.answers("patch"), [200]);

    first.say(standing(Role::Active, Some(3)));
    first.until_known(Role::Active).await;
    assert_eq!(world.role(0).await.as_deref(), Some(ACTIVE));
    assert_eq!(world.annotation(0, EPOCH_ANNOTATION).await.as_deref(), Some("3"));
    let listens = world.annotation(0, LISTENS_ANNOTATION).await;
    assert_eq!(listens.as_deref(), Some("10.1.2.3:3305"));

    // The first one freezes; its successor takes the role from its pod.
    first.task.abort();
    let mut second = world.daemon(1, standing(Role::Active, Some(4))).await;
    second.until_known(Role::Active).await;
    world.until_role(0, STANDBY).await;
    assert_eq!(world.annotation(0, EPOCH_ANNOTATION).await, None);

    // What comes late of the first one's tenure touches its own pod only.
    let mut late = world.daemon(0, standing(Role::Active, Some(3))).await;
    late.until_known(Role::Active).await;
    late.say(standing(Role::Stopping, None));
    late.until_known(Role::Stopping).await;
    assert_eq!(world.role(0).await.as_deref(), Some(STANDBY));
    assert_eq!(world.role(1).await.as_deref(), Some(ACTIVE));

    // Said again, nothing is written; whatever is written next is the next change.
    let patches = world.answers("patch").len();
    let mut refused = second.standing.borrow().clone();
    second.say(refused.clone());
    refused.configuration.refused = vec!["acme.yaml:3:1: no".to_owned()];
    refused.configuration.code = Some("E-CONFIG-INVALID".to_owned());
    second.say(refused);
    wait_until("the refusal is known", DEADLINE, async || {
        world.annotation(1, REFUSED_ANNOTATION).await
    })
    .await;
    let answers = world.answers("patch");
    assert_eq!(answers.len(), patches + 1, "{answers:?}");
    assert!(answers.iter().all(|code| *code == 200), "{answers:?}");
}

#[tokio::test]
async fn a_role_that_somebody_has_written_by_hand_is_put_right() {
    let world = World::new(cluster::api_server!()).await;
    let often = Duration::from_millis(200);
    let [active, standby] = [(0, Role::Active, Some(3)), (1, Role::Standby, None)];
    for (pod, role, epoch) in [active, standby] {
        let standing = standing(role, epoch);
        let mut daemon = world.looking_daemon(world.port(), pod, standing, often).await;
        daemon.until_known(role).await;
        let right = if role == Role::Active { ACTIVE } else { STANDBY };
        for wrong in [json!(null), json!(STANDBY), json!(ACTIVE), json!("boss")] {
            if wrong == right {
                continue;
            }
            let labels = json!({"metadata": {"labels": {ROLE_LABEL: wrong}}});
            let patch = Patch::Merge(labels);
            world.pods.patch(PODS[pod], &PatchParams::default(), &patch).await.unwrap();
            world.until_role(pod, right).await;
        }
        daemon.task.abort();
    }
}

#[tokio::test]
async fn an_api_server_that_was_away_is_told_when_it_is_back() {
    let world = World::new(cluster::api_server!()).await;
    let gate = Gate::to(world.port()).await;
    let mut daemon = world.daemon_by(gate.port(), 0, standing(Role::Standby, None)).await;
    daemon.until_known(Role::Standby).await;
    gate.close();
    daemon.say(standing(Role::Active, Some(7)));
    gate.until_called_in_vain().await;
    assert!(!daemon.task.is_finished());
    assert_eq!(world.role(0).await.as_deref(), Some(STANDBY));
    gate.open();
    daemon.until_known(Role::Active).await;
    assert_eq!(world.annotation(0, EPOCH_ANNOTATION).await.as_deref(), Some("7"));
}

#[tokio::test]
async fn a_pod_that_others_write_on_is_read_again() {
    let world = World::new(cluster::api_server!()).await;
    let mut daemon = world.daemon(0, standing(Role::Standby, None)).await;
    daemon.until_known(Role::Standby).await;
    let label = ["label", "pod", PODS[0], "by=somebody", "--namespace", &world.namespace];
    world.server.kubectl(&label).await.unwrap();
    daemon.say(standing(Role::Active, Some(2)));
    daemon.until_known(Role::Active).await;
    let labels = world.metadata(0).await.labels.unwrap();
    assert_eq!(labels["by"], "somebody");
    assert_eq!(labels[ROLE_LABEL], ACTIVE);
}

#[tokio::test]
async fn a_later_pod_of_the_same_name_is_left_alone() {
    let world = World::new(cluster::api_server!()).await;
    let mut daemon = world.daemon(0, standing(Role::Standby, None)).await;
    daemon.until_known(Role::Standby).await;
    let at_once = DeleteParams { grace_period_seconds: Some(0), ..DeleteParams::default() };
    world.pods.delete(PODS[0], &at_once).await.unwrap();
    wait_until("the pod is gone", DEADLINE, async || {
        world.pods.get_opt(PODS[0]).await.unwrap().is_none()
    })
    .await;
    world.apply(&pod(PODS[0])).await;
    let reads = world.answers("get").len();
    daemon.say(standing(Role::Active, Some(2)));
    wait_until("it has looked at the pod twice", DEADLINE, async || {
        world.answers("get").len() >= reads + 2
    })
    .await;
    assert_eq!(world.role(0).await, None);
    assert!(!daemon.task.is_finished());
}

#[tokio::test]
async fn a_daemon_that_somebody_has_taken_changes_nothing_else_of_its_pods() {
    let world = World::new(cluster::api_server!()).await;
    let theirs = world.client_by(world.port()).await;
    let pods = Api::<Pod>::namespaced(theirs, &world.namespace);
    let said = async |patch: serde_json::Value| {
        let patch = Patch::Strategic(patch);
        pods.patch(PODS[1], &PatchParams::default(), &patch).await.map(drop)
    };
    for (patch, says) in [
        (json!({"spec": {"containers": [{"name": "daemon", "image": "x"}]}}), "made from"),
        (json!({"metadata": {"labels": {"seon.dev/daemon": "free"}}}), "of the labels"),
        (json!({"metadata": {"labels": {"seon.dev/daemon": null}}}), "of the labels"),
        (json!({"metadata": {"annotations": {"seon.dev/template": "x"}}}), "of the annotations"),
        (json!({"metadata": {"finalizers": ["example.org/stay"]}}), "waits for to end"),
    ] {
        let refused = said(patch.clone()).await.unwrap_err();
        assert!(refused.to_string().contains(says), "{patch}: {refused}");
        let kube::Error::Api(status) = refused else { panic!("{refused}") };
        assert_eq!(status.code, 403, "as what the daemon may not do");
    }
    said(json!({"metadata": {"labels": {ROLE_LABEL: STANDBY}}})).await.unwrap();
}
