//! One machine of a cluster: namespaces of its own with containerd, kubelet and kube-proxy.

use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use k8s_openapi::api::core::v1::Node as NodeObject;
use kube::api::Api;
use serde_json::json;
use support::{Process, guarded_command, wait_until};

use crate::addresses::{self, API_SERVER};
use crate::component::{Component, last_lines};
use crate::control_plane::ControlPlane;
use crate::sandbox::{
    cgroup_hierarchies, enter_network, ip, network_of, remove_cgroup, script, try_run,
};
use crate::{images, parts};

const PATIENCE: Duration = Duration::from_mins(2);
/// There are never more in one cluster.
pub(crate) const MOST_NODES: u8 = 3;

const POD_IMAGE: &str = "pod.tar";

/// From what a node is cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum From {
    /// The API server alone.
    ApiServer,
    /// PostgreSQL alone.
    Database,
    /// All that is not on the same node.
    Everything,
}

/// A node, on or off.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) name: String,
    number: u8,
    /// Its disk.
    directory: PathBuf,
    machine: Option<Machine>,
}

/// What loses its power.
#[derive(Debug)]
struct Machine {
    power: Process,
    /// The first process of its namespaces, as this machine numbers it.
    init: u32,
    boot: String,
    kubelet: Component,
    _others: [Component; 2],
}

/// The programs of nodes.
struct Programs {
    kubernetes: PathBuf,
    debian: PathBuf,
}

impl Programs {
    fn find() -> Result<Self, String> {
        Ok(Self { kubernetes: parts::kubernetes()?, debian: parts::debian()? })
    }
}

impl Node {
    pub(crate) fn new(number: u8, control_plane: &ControlPlane) -> Result<Self, String> {
        let name = format!("node-{number}");
        let directory = control_plane.directory().join(&name);
        fs::create_dir_all(directory.join("cni")).unwrap();
        let node = Self { name, number, directory, machine: None };
        node.write_settings(control_plane, &Programs::find()?);
        images::write_pod(&node.directory.join(POD_IMAGE))?;
        Ok(node)
    }

    /// Switches it on, and waits until Kubernetes finds it ready.
    pub(crate) async fn start(&mut self, control_plane: &ControlPlane) {
        assert!(self.machine.is_none(), "{} is on already", self.name);
        let programs = Programs::find().expect("the programs were there before");
        let (power, init, boot) = self.power_on(control_plane).await;
        self.connect(control_plane, init).await;
        let program = |path: PathBuf| enter(init, &programs.path(), path);
        let log = |name: &str| self.directory.join(format!("{name}.log"));
        let settings = |name: &str| format!("--config={}", self.directory.join(name).display());

        let mut containerd = program(programs.debian.join("bin/containerd"));
        containerd.arg(settings("containerd.toml"));
        let mut containerd = Component::start(&containerd, &log("containerd"));
        wait_until("containerd answers", PATIENCE, async || {
            containerd.assert_running();
            try_run(program(programs.debian.join("bin/ctr")).arg("version"))
        })
        .await;
        import(init, &programs, &self.directory.join(POD_IMAGE)).unwrap();

        let kubelet = Component::start(&self.kubelet(init, &programs), &log("kubelet"));
        let mut proxy = program(programs.kubernetes.join("bin/kube-proxy"));
        proxy.arg(settings("kube-proxy.yaml"));
        let proxy = Component::start(&proxy, &log("kube-proxy"));
        let others = [containerd, proxy];
        self.machine = Some(Machine { power, init, boot, kubelet, _others: others });
        self.wait_until_ready(control_plane).await;
    }

    /// Ends everything on it at once.
    pub(crate) async fn power_off(&mut self, control_plane: &ControlPlane) {
        let Some(mut machine) = self.machine.take() else { return };
        machine.power.kill_group();
        drop(machine);
        // They are removed once the last process has ended.
        wait_until("the node's processes are gone", PATIENCE, async || {
            let left = self.cgroups(control_plane).into_iter().filter(|folder| {
                remove_cgroup(folder);
                folder.exists()
            });
            left.count() == 0
        })
        .await;
    }

    /// Kills the kubelet; the containers go on.
    pub(crate) fn kill_kubelet(&mut self) {
        self.machine().kubelet.kill();
    }

    /// Starts it again.
    pub(crate) fn start_kubelet(&mut self) {
        let programs = Programs::find().expect("the programs were there before");
        let command = self.kubelet(self.init(), &programs);
        let log = self.directory.join("kubelet.log");
        self.machine().kubelet = Component::start(&command, &log);
    }

    /// Packets to and from there are lost from now on. Several cuts add up.
    pub(crate) fn cut_off(&self, from: From) {
        let (to, of) = match from {
            From::ApiServer => (format!("ip daddr {API_SERVER}"), format!("ip saddr {API_SERVER}")),
            From::Database => (
                format!("ip daddr {}", addresses::DATABASE),
                format!("ip saddr {}", addresses::DATABASE),
            ),
            From::Everything => (String::new(), String::new()),
        };
        // As the packets are on the wire: before and after kube-proxy changes their addresses.
        self.filter(&format!(
            "add table inet cut;
             add chain inet cut in {{ type filter hook prerouting priority -400; }};
             add chain inet cut out {{ type filter hook postrouting priority 400; }};
             add rule inet cut in iifname eth0 {of} drop;
             add rule inet cut out oifname eth0 {to} drop;"
        ));
    }

    /// Judges what it forwards from now on, if it is on.
    pub(crate) fn enforce(&self, rules: &str) {
        if self.machine.is_some() {
            self.filter(rules);
        }
    }

    /// Ends every cut.
    pub(crate) fn heal(&self) {
        self.filter("add table inet cut; delete table inet cut;");
    }

    /// A command on it.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let programs = Programs::find().expect("the programs were there before");
        enter(self.init(), &programs.path(), program.to_owned())
    }

    /// Gives it an OCI image in a tar file.
    pub(crate) fn import(&self, image: &Path) -> Result<(), String> {
        match &self.machine {
            None => Err(format!("{} is off", self.name)),
            Some(machine) => import(machine.init, &Programs::find()?, image),
        }
    }

    fn filter(&self, rules: &str) {
        let network = network_of(self.init());
        try_run(enter_network(&network, "nft").arg(rules))
            .unwrap_or_else(|error| panic!("{error}"));
    }

    fn machine(&mut self) -> &mut Machine {
        let name = &self.name;
        self.machine.as_mut().unwrap_or_else(|| panic!("{name} is off"))
    }

    fn init(&self) -> u32 {
        self.machine.as_ref().unwrap_or_else(|| panic!("{} is off", self.name)).init
    }

    fn address(&self) -> Ipv4Addr {
        addresses::node(self.number)
    }

    /// Its control groups, one in each hierarchy.
    pub(crate) fn cgroups(&self, control_plane: &ControlPlane) -> Vec<PathBuf> {
        let name = Path::new(&control_plane.sandbox.cgroup()).join(&self.name);
        cgroup_hierarchies().into_iter().map(|hierarchy| hierarchy.join(&name)).collect()
    }

    /// Its namespaces: their first process, its number here, and the boot's identity.
    async fn power_on(&self, control_plane: &ControlPlane) -> (Process, u32, String) {
        for folder in self.cgroups(control_plane) {
            fs::create_dir_all(&folder)
                .unwrap_or_else(|error| panic!("cannot make {}: {error}", folder.display()));
        }
        let started = self.directory.join("started");
        let _ = fs::remove_file(&started);
        let mut command = control_plane.sandbox.command("unshare");
        command.args(["--net", "--mount", "--uts", "--ipc", "--pid", "--fork", "--kill-child"]);
        command.arg(script("node.sh")).arg(&self.name).arg(&self.directory);
        let mut power = Process::spawn(command);
        let started = wait_until("the node has booted", PATIENCE, async || {
            assert!(power.is_running(), "{} did not boot: {:#?}", self.name, power.output());
            fs::read_to_string(&started)
        })
        .await;
        let (init, boot) = started.trim().split_once(' ').expect("a number and an identity");
        (power, init.parse().expect("a process number"), boot.to_owned())
    }

    /// Connects it to the bridge, and tells everybody where its pods are.
    async fn connect(&self, control_plane: &ControlPlane, init: u32) {
        let sandbox = &control_plane.sandbox;
        let name = &self.name;
        wait_until("the node is plugged in", PATIENCE, async || {
            // After a power loss the old cable may be there for a moment.
            let cable = format!("link add {name} type veth peer name eth0 netns {init}");
            try_run(enter_network(&sandbox.network(), "ip").args(cable.split(' ')))
        })
        .await;
        sandbox.ip(&format!("link set {name} master machines up"));
        let pods = addresses::pods_of_node(self.number);
        sandbox.ip(&format!("route replace {pods} via {}", self.address()));
        let own = |arguments: &str| ip(&network_of(init), arguments);
        own("link set lo up");
        own(&format!("address add {}/24 dev eth0", self.address()));
        own("link set eth0 up");
        own(&format!("route add default via {API_SERVER}"));
        for other in (1..=MOST_NODES).filter(|&other| other != self.number) {
            let pods = addresses::pods_of_node(other);
            own(&format!("route add {pods} via {}", addresses::node(other)));
        }
    }

    fn kubelet(&self, init: u32, programs: &Programs) -> Command {
        let mut kubelet = enter(init, &programs.path(), programs.kubernetes.join("bin/kubelet"));
        let file = |option: &str, name: &str| {
            format!("--{option}={}", self.directory.join(name).display())
        };
        kubelet.arg(file("config", "kubelet.yaml"));
        kubelet.arg(file("kubeconfig", "kubelet.kubeconfig"));
        kubelet.arg(file("cert-dir", "certificates"));
        kubelet.arg(format!("--hostname-override={}", self.name));
        kubelet.arg(format!("--node-ip={}", self.address()));
        kubelet
    }

    /// Of this boot: what the API server knew of it before does not count.
    async fn wait_until_ready(&mut self, control_plane: &ControlPlane) {
        let nodes = Api::<NodeObject>::all(control_plane.access.client().await);
        let name = self.name.clone();
        let log = self.directory.join("kubelet.log");
        let machine = self.machine();
        wait_until(&format!("{name} is ready"), PATIENCE, async || {
            machine.kubelet.assert_running();
            let node = nodes.get(&name).await.map_err(|error| error.to_string())?;
            let status = node.status.unwrap_or_default();
            let boot = status.node_info.map(|info| info.boot_id);
            let mut conditions = status.conditions.into_iter().flatten();
            let ready = conditions.find(|condition| condition.type_ == "Ready");
            if boot.as_ref() == Some(&machine.boot)
                && ready.as_ref().is_some_and(|ready| ready.status == "True")
            {
                return Ok(());
            }
            Err(format!("{ready:?}, {}", last_lines(&log)))
        })
        .await;
    }

    fn write_settings(&self, control_plane: &ControlPlane, programs: &Programs) {
        let write = |name: &str, content: &str| {
            fs::write(self.directory.join(name), content).unwrap();
        };
        let path = |name: &str| self.directory.join(name).display().to_string();
        let address = self.address().to_string();
        let hosts = [self.name.as_str(), &address];
        control_plane.authority.user(&self.name, None, &hosts).write(&self.directory, "kubelet");
        let kubelet =
            control_plane.kubeconfig(&format!("system:node:{}", self.name), Some("system:nodes"));
        write("kubelet.kubeconfig", &kubelet);
        write("kube-proxy.kubeconfig", &control_plane.kubeconfig("system:kube-proxy", None));
        write("resolv.conf", "");
        let pods = addresses::pods_of_node(self.number);
        let network = json!({
            "cniVersion": "0.4.0",
            "name": "pods",
            "plugins": [
                {
                    "type": "bridge", "bridge": "pods", "isGateway": true, "hairpinMode": true,
                    "ipam": {
                        "type": "host-local",
                        "ranges": [[{"subnet": pods}]],
                        "routes": [{"dst": "0.0.0.0/0"}],
                    },
                },
                {"type": "portmap", "capabilities": {"portMappings": true}, "snat": true},
            ],
        });
        write("cni/10-pods.conflist", &network.to_string());
        let runc = programs.debian.join("bin/runc");
        let plugins = programs.debian.join("cni");
        write("containerd.toml", &containerd_settings(&path("cni"), &runc, &plugins));
        let cgroup = format!("/{}/{}", control_plane.sandbox.cgroup(), self.name);
        write("kubelet.yaml", &kubelet_settings(control_plane, &path, &cgroup).to_string());
        let proxy = json!({
            "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
            "kind": "KubeProxyConfiguration",
            "mode": "nftables",
            "hostnameOverride": self.name,
            "clusterCIDR": addresses::PODS,
            "clientConnection": {"kubeconfig": path("kube-proxy.kubeconfig")},
            // These are the whole machine's.
            "conntrack": {
                "maxPerCore": 0, "min": 0,
                "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s",
            },
        });
        write("kube-proxy.yaml", &proxy.to_string());
    }
}

impl Programs {
    /// Where programs on a node look for others.
    fn path(&self) -> String {
        let (own, cluster) = (self.debian.join("bin"), self.kubernetes.join("bin"));
        let system = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
        format!("PATH={}:{}:{system}", own.display(), cluster.display())
    }
}

/// A command on a node. Not by `ip netns exec`, which mounts another /sys without control groups.
fn enter(init: u32, path: &str, program: PathBuf) -> Command {
    let mut command = guarded_command("nsenter");
    command.arg(format!("--target={init}"));
    command.args(["--net", "--mount", "--uts", "--ipc", "--pid", "--", "env", path]).arg(program);
    command
}

fn import(init: u32, programs: &Programs, image: &Path) -> Result<(), String> {
    let mut command = enter(init, &programs.path(), programs.debian.join("bin/ctr"));
    command.args(["--namespace=k8s.io", "images", "import", "--snapshotter=overlayfs"]);
    try_run(command.arg(image)).map(drop)
}

fn containerd_settings(network: &str, runc: &Path, plugins: &Path) -> String {
    let (runc, plugins) = (runc.display(), plugins.display());
    // Without restrict_oom_score_adj, runc fails where root lacks CAP_SYS_RESOURCE.
    format!(
        r#"version = 2
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{}"
  disable_apparmor = true
  tolerate_missing_hugetlb_controller = true
  disable_hugetlb_controller = true
  restrict_oom_score_adj = true
[plugins."io.containerd.grpc.v1.cri".containerd]
  snapshotter = "overlayfs"
  default_runtime_name = "runc"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
  BinaryName = "{runc}"
  SystemdCgroup = false
[plugins."io.containerd.grpc.v1.cri".cni]
  bin_dir = "{plugins}"
  conf_dir = "{network}"
"#,
        images::POD
    )
}

fn kubelet_settings(
    control_plane: &ControlPlane,
    path: &impl Fn(&str) -> String,
    cgroup: &str,
) -> serde_json::Value {
    json!({
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "failCgroupV1": false,
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": cgroup,
        "containerRuntimeEndpoint": "unix:///run/containerd/containerd.sock",
        "volumePluginDir": "/var/lib/kubelet/plugins/volume",
        "authentication": {
            "anonymous": {"enabled": false},
            "webhook": {"enabled": true},
            "x509": {"clientCAFile": control_plane.directory().join("authority.crt")},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": path("kubelet.crt"),
        "tlsPrivateKeyFile": path("kubelet.key"),
        "clusterDNS": [addresses::NAME_SERVER],
        "clusterDomain": "cluster.local",
        "resolvConf": path("resolv.conf"),
        "failSwapOn": false,
        "nodeStatusUpdateFrequency": "2s",
        "nodeLeaseDurationSeconds": 4,
        // A full disk of the machine must not cost us our images: they can be had nowhere else.
        "imageGCHighThresholdPercent": 100,
        "imageGCLowThresholdPercent": 99,
        "evictionHard": {
            "memory.available": "50Mi", "nodefs.available": "1%",
            "nodefs.inodesFree": "1%", "imagefs.available": "1%",
        },
        "maxPods": 110,
    })
}
