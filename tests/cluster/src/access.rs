//! The ways to talk to a cluster: clients for any identity, kubectl and helm.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::{Namespace, ServiceAccount};
use kube::api::{Api, ObjectMeta, PostParams};
use kube::config::{AuthInfo, KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use support::{TemporaryDirectory, guarded_command, wait_until};

use crate::parts;
use crate::sandbox::in_path;

const PATIENCE: Duration = Duration::from_mins(1);
/// Namespaces are as strict as Kubernetes allows.
const POD_SECURITY: &str = "pod-security.kubernetes.io/enforce";
/// The label of what is a test's own: its namespaces, so that those of a killed one are found, and
/// pods that only help it.
pub const TEST_LABEL: &str = "seon.dev/test";

/// Which cluster it is: one of our own unless this says [`EXISTING`].
pub(crate) const WHICH: &str = "SEON_TEST_CLUSTER";
pub(crate) const EXISTING: &str = "existing";

/// A cluster's API, seen by its administrator and by whom a test wants to be.
#[derive(Debug)]
pub struct Access {
    /// Kubeconfigs, and the home of kubectl and helm.
    directory: TemporaryDirectory,
    kubeconfig: PathBuf,
    audit_log: Option<PathBuf>,
    /// Whether somebody makes ServiceAccounts and ends namespaces.
    has_controllers: bool,
    /// Whether it is a user's: then the user's own kubectl and helm, which fit it and know how to
    /// log in, go before those that are built.
    is_theirs: bool,
}

impl Access {
    /// By the administrator's kubeconfig.
    pub(crate) fn new(kubeconfig: &str, audit_log: Option<PathBuf>, has_controllers: bool) -> Self {
        let directory = TemporaryDirectory::new();
        let path = directory.join("admin.kubeconfig");
        fs::write(&path, kubeconfig).unwrap();
        Self { directory, kubeconfig: path, audit_log, has_controllers, is_theirs: false }
    }

    /// By the files that `KUBECONFIG` names.
    pub(crate) fn of_the_user() -> Result<Self, String> {
        let kubeconfig = Kubeconfig::from_env().map_err(|error| format!("KUBECONFIG: {error}"))?;
        let kubeconfig = kubeconfig.ok_or("SEON_TEST_CLUSTER=existing wants a KUBECONFIG")?;
        let kubeconfig = serde_json::to_string(&kubeconfig).expect("a kubeconfig");
        Ok(Self { is_theirs: true, ..Self::new(&kubeconfig, None, true) })
    }

    /// The administrator's kubeconfig, for a process of the test.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// A client of the administrator, for the runtime of the calling test.
    pub async fn client(&self) -> Client {
        client(self.read_kubeconfig()).await
    }

    /// A client of any user in any groups, by impersonation.
    pub async fn client_as(&self, user: &str, groups: &[&str]) -> Client {
        let mut kubeconfig = self.read_kubeconfig();
        let login = login(&mut kubeconfig);
        login.impersonate = Some(user.to_owned());
        login.impersonate_groups = Some(groups.iter().map(|&group| group.to_owned()).collect());
        client(kubeconfig).await
    }

    /// A client with the token of a ServiceAccount, which has to be there.
    pub async fn client_of(&self, namespace: &str, service_account: &str) -> Client {
        let path = self.kubeconfig_of(namespace, service_account).await;
        client(Kubeconfig::read_from(path).unwrap()).await
    }

    /// A kubeconfig with the token of a ServiceAccount, for a process of the test.
    pub async fn kubeconfig_of(&self, namespace: &str, service_account: &str) -> PathBuf {
        let accounts = Api::<ServiceAccount>::namespaced(self.client().await, namespace);
        let request = TokenRequest {
            spec: TokenRequestSpec { expiration_seconds: Some(86_400), ..Default::default() },
            ..Default::default()
        };
        let answer = accounts
            .create_token_request(service_account, &PostParams::default(), &request)
            .await
            .unwrap_or_else(|error| panic!("token of {namespace}/{service_account}: {error}"));
        let token = answer.status.expect("a granted token").token;
        let mut kubeconfig = self.read_kubeconfig();
        *login(&mut kubeconfig) =
            serde_json::from_value(serde_json::json!({ "token": token })).unwrap();
        let path = self.directory.join(format!("{namespace}-{service_account}.kubeconfig"));
        fs::write(&path, serde_json::to_string(&kubeconfig).unwrap()).unwrap();
        path
    }

    /// Makes a namespace of one's own with a name that begins so, where only restricted pods are
    /// admitted; gives its name.
    pub async fn namespace(&self, prefix: &str) -> String {
        let client = self.client().await;
        let namespace = Namespace {
            metadata: ObjectMeta {
                generate_name: Some(format!("{prefix}-")),
                labels: Some(
                    [(POD_SECURITY, "restricted"), (TEST_LABEL, "true")]
                        .map(|(label, value)| (label.to_owned(), value.to_owned()))
                        .into(),
                ),
                ..Default::default()
            },
            ..Default::default()
        };
        let namespaces = Api::<Namespace>::all(client.clone());
        let made = namespaces.create(&PostParams::default(), &namespace).await.unwrap();
        let name = made.metadata.name.expect("a made object's name");
        if self.has_controllers {
            let accounts = Api::<ServiceAccount>::namespaced(client, &name);
            let what = "the namespace has its default ServiceAccount";
            wait_until(what, PATIENCE, async || accounts.get("default").await).await;
        }
        name
    }

    /// Runs kubectl as the administrator; gives what it printed, or what it complained about.
    pub async fn kubectl(&self, arguments: &[&str]) -> Result<String, String> {
        self.kubectl_with(arguments, b"").await
    }

    /// `kubectl apply` of manifests, server-side.
    pub async fn apply(&self, manifests: &str) -> Result<String, String> {
        let apply = ["apply", "--server-side", "--filename=-"];
        self.kubectl_with(&apply, manifests.as_bytes()).await
    }

    /// Runs helm as the administrator; gives what it printed, or what it complained about.
    pub async fn helm(&self, arguments: &[&str]) -> Result<String, String> {
        self.run("helm", parts::helm, arguments, b"").await
    }

    /// Runs a command in a pod's first container; gives what it printed.
    pub async fn exec(
        &self,
        namespace: &str,
        pod: &str,
        command: &[&str],
    ) -> Result<String, String> {
        let arguments = ["exec", "--namespace", namespace, pod, "--"];
        self.kubectl(&[&arguments, command].concat()).await
    }

    /// The same with a standard input.
    pub async fn exec_with(
        &self,
        namespace: &str,
        pod: &str,
        command: &[&str],
        input: &[u8],
    ) -> Result<String, String> {
        let arguments = ["exec", "--stdin", "--namespace", namespace, pod, "--"];
        self.kubectl_with(&[&arguments, command].concat(), input).await
    }

    /// What the containers of a pod have written.
    pub async fn logs(&self, namespace: &str, pod: &str) -> Result<String, String> {
        self.kubectl(&["logs", "--namespace", namespace, pod, "--all-containers"]).await
    }

    /// Drains a node as a person does it: cordons it and evicts its pods, and waits until they are
    /// gone. All but the test's own.
    pub async fn drain(&self, node: &str) -> Result<(), String> {
        let options = ["--ignore-daemonsets", "--delete-emptydir-data", "--timeout=5m"];
        let not_ours = format!("--pod-selector=!{TEST_LABEL}");
        self.kubectl(&[&["drain", node, &not_ours][..], &options].concat()).await.map(drop)
    }

    /// Lets pods be scheduled to a node again.
    pub async fn uncordon(&self, node: &str) -> Result<(), String> {
        self.kubectl(&["uncordon", node]).await.map(drop)
    }

    /// All requests that were answered so far, as the API server's audit log has them: who, what,
    /// and the answer's code. Those of Kubernetes' own components are left out. `None` where the
    /// cluster is not ours.
    pub fn audit_events(&self) -> Option<Vec<serde_json::Value>> {
        let log = fs::read_to_string(self.audit_log.as_ref()?).unwrap_or_default();
        // The last line may be half written.
        let lines = log.split_inclusive('\n').filter(|line| line.ends_with('\n'));
        Some(lines.map(|line| serde_json::from_str(line).expect("an audit event")).collect())
    }

    async fn kubectl_with(&self, arguments: &[&str], input: &[u8]) -> Result<String, String> {
        self.run("kubectl", parts::kubernetes, arguments, input).await
    }

    async fn run(
        &self,
        program: &str,
        built: fn() -> Result<PathBuf, String>,
        arguments: &[&str],
        input: &[u8],
    ) -> Result<String, String> {
        let mut command = if self.is_theirs && in_path(program) {
            guarded_command(program)
        } else {
            guarded_command(built()?.join("bin").join(program))
        };
        command.args(arguments).env("KUBECONFIG", &self.kubeconfig);
        if !self.is_theirs {
            command.env("HOME", self.directory.path());
        }
        support::run(&format!("{program} {}", arguments.join(" ")), command, input).await
    }

    pub(crate) fn read_kubeconfig(&self) -> Kubeconfig {
        Kubeconfig::read_from(&self.kubeconfig).expect("the administrator's kubeconfig")
    }
}

pub(crate) async fn client(kubeconfig: Kubeconfig) -> Client {
    let options = KubeConfigOptions::default();
    let config = Config::from_custom_kubeconfig(kubeconfig, &options).await;
    Client::try_from(config.expect("a usable kubeconfig")).expect("a client")
}

/// How the current context's user logs in.
fn login(kubeconfig: &mut Kubeconfig) -> &mut AuthInfo {
    let current = kubeconfig.current_context.as_ref().expect("a current context");
    let context = kubeconfig.contexts.iter().find(|context| &context.name == current);
    let user = context.and_then(|context| context.context.as_ref()?.user.clone());
    let user = user.expect("the current context's user");
    let named = kubeconfig.auth_infos.iter_mut().find(|login| login.name == user);
    named.expect("that user").auth_info.get_or_insert_default()
}
