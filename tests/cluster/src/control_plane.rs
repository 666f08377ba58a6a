//! etcd, the API server, and for a whole cluster the controllers, the scheduler and DNS.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use kube::api::{ListParams, Request};
use serde_json::json;
use support::{Authority, Identity, wait_until};

use crate::access::Access;
use crate::addresses::{self, API_PORT, API_SERVER};
use crate::component::Component;
use crate::forward::Forward;
use crate::parts;
use crate::sandbox::Sandbox;

const PATIENCE: Duration = Duration::from_mins(2);
/// A lost node is NotReady after so long, and its pods are evicted after a second period.
const NODE_GRACE: &str = "8s";
const EVICTION_SECONDS: &str = "2";

/// What else than the API runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Controllers {
    /// Nothing: objects are kept and checked, nobody acts on them.
    None,
    /// Kubernetes' controllers, its scheduler, and the cluster's DNS server.
    All,
}

/// The processes; they end with the sandbox.
#[derive(Debug)]
pub(crate) struct ControlPlane {
    pub(crate) access: Access,
    pub(crate) authority: Authority,
    programs: PathBuf,
    components: Vec<Component>,
    _forward: Forward,
    // Last, so that it goes when nothing uses it any more.
    pub(crate) sandbox: Sandbox,
}

impl ControlPlane {
    pub(crate) async fn start(controllers: Controllers) -> Result<Self, String> {
        let programs = parts::kubernetes()?;
        let sandbox = Sandbox::start()?;
        let authority = Authority::new("cluster");
        let forward = Forward::start(&sandbox.network(), SocketAddr::from((API_SERVER, API_PORT)));
        let admin = authority.user("admin", Some("system:masters"), &[]);
        let here = format!("https://127.0.0.1:{}", forward.port());
        let audit_log = sandbox.directory().join("audit.log");
        let access = Access::new(
            &kubeconfig(&here, &authority, &admin),
            Some(audit_log),
            controllers == Controllers::All,
        );
        let mut control_plane = Self {
            access,
            authority,
            programs,
            components: Vec::new(),
            _forward: forward,
            sandbox,
        };
        control_plane.write_certificates();
        control_plane.start_etcd();
        control_plane.start_api_server(controllers);
        control_plane.wait_until_ready().await;
        if controllers == Controllers::All {
            control_plane.start_controllers();
            control_plane.start_name_server(&parts::coredns()?.join("bin/coredns"));
        }
        Ok(control_plane)
    }

    pub(crate) fn directory(&self) -> &Path {
        self.sandbox.directory()
    }

    /// A file of its directory, for the arguments of a component.
    fn file(&self, name: &str) -> String {
        self.directory().join(name).display().to_string()
    }

    /// The kubeconfig of a component, by which it finds the API server inside.
    pub(crate) fn kubeconfig(&self, user: &str, group: Option<&str>) -> String {
        let identity = self.authority.user(user, group, &[]);
        let server = format!("https://{API_SERVER}:{API_PORT}");
        kubeconfig(&server, &self.authority, &identity)
    }

    /// The option that names the file with it.
    fn kubeconfig_option(&self, option: &str, name: &str, group: Option<&str>) -> String {
        let file = self.file(&format!("{name}.kubeconfig"));
        fs::write(&file, self.kubeconfig(&format!("system:{name}"), group)).unwrap();
        format!("--{option}={file}")
    }

    fn write_certificates(&self) {
        let directory = self.directory();
        fs::write(directory.join("authority.crt"), self.authority.pem()).unwrap();
        let (address, service) = (API_SERVER.to_string(), addresses::API_SERVICE.to_string());
        let hosts = [
            "kubernetes",
            "kubernetes.default",
            "kubernetes.default.svc",
            "kubernetes.default.svc.cluster.local",
            "localhost",
            "127.0.0.1",
            &address,
            &service,
        ];
        self.authority.user("kube-apiserver", None, &hosts).write(directory, "apiserver");
        let to_kubelets = Some("system:masters");
        self.authority
            .user("kube-apiserver-kubelet-client", to_kubelets, &[])
            .write(directory, "kubelet-client");
        // The tokens of ServiceAccounts are signed with this key.
        self.authority.user("tokens", None, &[]).write(directory, "tokens");
        let policy = json!({
            "apiVersion": "audit.k8s.io/v1",
            "kind": "Policy",
            "omitStages": ["RequestReceived"],
            "rules": [
                {"level": "None", "userGroups": ["system:nodes"]},
                {"level": "None", "users": [
                    "system:apiserver", "system:kube-controller-manager",
                    "system:kube-scheduler", "system:kube-proxy", "system:coredns",
                ]},
                {"level": "None", "userGroups": ["system:serviceaccounts:kube-system"]},
                {"level": "Metadata"},
            ],
        });
        fs::write(directory.join("audit-policy.yaml"), policy.to_string()).unwrap();
    }

    fn start_etcd(&mut self) {
        let settings = json!({
            "data-dir": self.directory().join("etcd"),
            // The machine's power loss is not what is tested here.
            "unsafe-no-fsync": true,
            "log-level": "warn",
            "listen-client-urls": "http://127.0.0.1:2379",
            "advertise-client-urls": "http://127.0.0.1:2379",
            "listen-peer-urls": "http://127.0.0.1:2380",
            "quota-backend-bytes": 1_u64 << 30,
        });
        let file = self.file("etcd.yaml");
        fs::write(&file, settings.to_string()).unwrap();
        self.start_component("etcd", &[file]);
    }

    fn start_api_server(&mut self, controllers: Controllers) {
        let mut arguments = vec![
            "--etcd-servers=http://127.0.0.1:2379".to_owned(),
            format!("--advertise-address={API_SERVER}"),
            format!("--secure-port={API_PORT}"),
            format!("--service-cluster-ip-range={}", addresses::SERVICES),
            format!("--cert-dir={}", self.file("apiserver")),
            format!("--tls-cert-file={}", self.file("apiserver.crt")),
            format!("--tls-private-key-file={}", self.file("apiserver.key")),
            format!("--client-ca-file={}", self.file("authority.crt")),
            "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
            format!("--service-account-key-file={}", self.file("tokens.crt")),
            format!("--service-account-signing-key-file={}", self.file("tokens.key")),
            "--authorization-mode=Node,RBAC".to_owned(),
            "--enable-admission-plugins=NodeRestriction".to_owned(),
            "--allow-privileged=true".to_owned(),
            format!("--kubelet-client-certificate={}", self.file("kubelet-client.crt")),
            format!("--kubelet-client-key={}", self.file("kubelet-client.key")),
            format!("--kubelet-certificate-authority={}", self.file("authority.crt")),
            "--kubelet-preferred-address-types=InternalIP".to_owned(),
            format!("--default-not-ready-toleration-seconds={EVICTION_SECONDS}"),
            format!("--default-unreachable-toleration-seconds={EVICTION_SECONDS}"),
            format!("--audit-policy-file={}", self.file("audit-policy.yaml")),
            format!("--audit-log-path={}", self.file("audit.log")),
            // An event is in the file before the answer is out.
            "--audit-log-mode=blocking".to_owned(),
            // Whole: what is moved aside at some size would not be seen.
            "--audit-log-maxsize=0".to_owned(),
            "--profiling=false".to_owned(),
        ];
        if controllers == Controllers::None {
            // Nobody makes the ServiceAccounts that it would insist on.
            arguments.push("--disable-admission-plugins=ServiceAccount".to_owned());
        }
        self.start_component("kube-apiserver", &arguments);
    }

    async fn wait_until_ready(&mut self) {
        let client = self.access.client().await;
        wait_until("the API server is ready", PATIENCE, async || {
            self.components.iter_mut().for_each(Component::assert_running);
            let request = Request::new("/readyz").list(&ListParams::default());
            client.request_text(request.expect("a request")).await
        })
        .await;
    }

    fn start_controllers(&mut self) {
        let fast = ["--leader-elect=false", "--kube-api-qps=500", "--kube-api-burst=1000"];
        let mut manager = fast.map(str::to_owned).to_vec();
        let mut scheduler = manager.clone();
        for option in ["kubeconfig", "authentication-kubeconfig", "authorization-kubeconfig"] {
            manager.push(self.kubeconfig_option(option, "kube-controller-manager", None));
            scheduler.push(self.kubeconfig_option(option, "kube-scheduler", None));
        }
        manager.extend([
            format!("--cert-dir={}", self.file("kube-controller-manager")),
            format!("--service-account-private-key-file={}", self.file("tokens.key")),
            format!("--root-ca-file={}", self.file("authority.crt")),
            "--use-service-account-credentials=true".to_owned(),
            "--allocate-node-cidrs=false".to_owned(),
            "--node-monitor-period=1s".to_owned(),
            format!("--node-monitor-grace-period={NODE_GRACE}"),
        ]);
        scheduler.push(format!("--cert-dir={}", self.file("kube-scheduler")));
        self.start_component("kube-controller-manager", &manager);
        self.start_component("kube-scheduler", &scheduler);
    }

    /// Outside of all nodes, so that no node's end takes the names along.
    fn start_name_server(&mut self, program: &Path) {
        let kubeconfig = self.file("coredns.kubeconfig");
        fs::write(&kubeconfig, self.kubeconfig("system:coredns", Some("system:masters"))).unwrap();
        let settings = format!(
            ".:53 {{
                errors
                health
                ready
                cache 1
                kubernetes cluster.local in-addr.arpa {{
                    kubeconfig {kubeconfig}
                    ttl 1
                }}
            }}\n"
        );
        let file = self.file("coredns.conf");
        fs::write(&file, settings).unwrap();
        let mut command = self.sandbox.command(program);
        command.args(["-conf", &file]);
        self.components.push(Component::start(&command, &self.directory().join("coredns.log")));
    }

    fn start_component(&mut self, name: &str, arguments: &[String]) {
        let mut command = self.sandbox.command(self.programs.join("bin").join(name));
        command.args(arguments);
        let log = self.directory().join(format!("{name}.log"));
        self.components.push(Component::start(&command, &log));
    }
}

/// A kubeconfig that depends on no other file.
fn kubeconfig(server: &str, authority: &Authority, identity: &Identity) -> String {
    let encode = |pem: &str| BASE64_STANDARD.encode(pem);
    json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "seon-test", "cluster": {
            "server": server,
            "certificate-authority-data": encode(&authority.pem()),
        }}],
        "users": [{"name": "user", "user": {
            "client-certificate-data": encode(&identity.certificate_pem),
            "client-key-data": encode(&identity.key_pem),
        }}],
        "contexts": [{"name": "seon-test", "context": {"cluster": "seon-test", "user": "user"}}],
        "current-context": "seon-test",
    })
    .to_string()
}
