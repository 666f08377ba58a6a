//! The machines of a cluster of our own, and what can happen to them.

use std::ffi::OsStr;
use std::fmt::Debug;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use futures::future::join_all;
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod};
use kube::api::{Api, ListParams};
use kube::{Client, Resource};
use rustix::process::{Pid, Signal, kill_process};
use serde::de::DeserializeOwned;
use support::{Durability, Postgres};
use tokio::sync::{Mutex, MutexGuard, OnceCell};

use crate::access::{Access, EXISTING, WHICH};
use crate::control_plane::{ControlPlane, Controllers};
use crate::forward::Forward;
use crate::node::{From, MOST_NODES, Node};
use crate::policies::Objects;
use crate::sandbox::{enter_network, in_path};
use crate::volumes::Volumes;
use crate::{addresses, images};

/// Named `node-1` and so on. Dropped, everything of the cluster is gone.
#[derive(Debug)]
pub struct Nodes {
    // Dropped in this order.
    volumes: Volumes,
    postgres: OnceCell<Result<Postgres, String>>,
    machines: Vec<Mutex<Node>>,
    control_plane: ControlPlane,
}

impl Nodes {
    pub(crate) async fn start(count: u8) -> Result<Self, String> {
        assert!((1..=MOST_NODES).contains(&count), "a cluster has one to {MOST_NODES} nodes");
        for (program, package) in
            [("nft", "nftables"), ("iptables", "iptables"), ("conntrack", "conntrack")]
        {
            if !in_path(program) {
                return Err(format!("{program} is not installed (apt-get install {package})"));
            }
        }
        let control_plane = ControlPlane::start(Controllers::All).await?;
        let volumes = Volumes::start(&control_plane.access, control_plane.directory()).await;
        let nodes: Result<Vec<Node>, String> =
            (1..=count).map(|number| Node::new(number, &control_plane)).collect();
        let mut nodes = nodes?;
        join_all(nodes.iter_mut().map(|node| node.start(&control_plane))).await;
        let machines = nodes.into_iter().map(Mutex::new).collect();
        Ok(Self { volumes, postgres: OnceCell::new(), machines, control_plane })
    }

    pub(crate) fn access(&self) -> &Access {
        &self.control_plane.access
    }

    /// Gives an OCI image in a tar file to all nodes that are on, under the name in it.
    pub async fn import(&self, image: &Path) -> Result<(), String> {
        for node in &self.machines {
            node.lock().await.import(image)?;
        }
        Ok(())
    }

    /// Gives an image with a shell and what belongs to it to all nodes; gives the image's name.
    pub async fn import_shell(&self) -> Result<&'static str, String> {
        let path = self.directory().join("shell.tar");
        images::write_shell(&path)?;
        self.import(&path).await?;
        Ok(images::SHELL)
    }

    /// Ends everything on a node at once, as when it loses its power.
    pub async fn power_off(&self, node: &str) {
        self.node(node).await.power_off(&self.control_plane).await;
    }

    /// Switches a node on again, with the disk that it had, and waits until it is ready.
    pub async fn start_node(&self, node: &str) {
        self.node(node).await.start(&self.control_plane).await;
    }

    /// Cuts a node and all its pods off from something. Packets are lost, nobody is told. Several
    /// cuts add up.
    pub async fn partition(&self, node: &str, from: From) {
        self.node(node).await.cut_off(from);
    }

    /// Ends all cuts of a node.
    pub async fn heal(&self, node: &str) {
        self.node(node).await.heal();
    }

    /// Has every node that is on enforce the network policies as they are now, between the pods that
    /// there are now: what changes counts from the next call on. Before the first one, none is
    /// enforced.
    pub async fn enforce_network_policies(&self) {
        let client = self.access().client().await;
        let objects = Objects {
            policies: everything(&client).await,
            namespaces: everything(&client).await,
            pods: everything(&client).await,
        };
        let rules = objects.rules();
        for node in &self.machines {
            node.lock().await.enforce(&rules);
        }
    }

    /// Kills a node's kubelet. Its containers go on; nobody looks after them.
    pub async fn kill_kubelet(&self, node: &str) {
        self.node(node).await.kill_kubelet();
    }

    /// Starts a node's kubelet again.
    pub async fn start_kubelet(&self, node: &str) {
        self.node(node).await.start_kubelet();
    }

    /// Sends a signal to all processes of a pod's containers, from outside of them: SIGKILL, or
    /// SIGSTOP and later SIGCONT.
    ///
    /// # Panics
    ///
    /// If the pod has no running process.
    pub async fn signal(&self, namespace: &str, pod: &str, signal: Signal) {
        for process in self.processes(namespace, pod).await {
            // It may end at this moment by itself.
            let _ = kill_process(process, signal);
        }
    }

    /// The processes of a pod's containers, as this machine numbers them.
    ///
    /// # Panics
    ///
    /// If there is none.
    pub async fn processes(&self, namespace: &str, pod: &str) -> Vec<Pid> {
        let pods = Api::<Pod>::namespaced(self.access().client().await, namespace);
        let object = pods.get(pod).await.unwrap_or_else(|error| panic!("pod {pod}: {error}"));
        let node = object.spec.and_then(|spec| spec.node_name).expect("a scheduled pod");
        let statuses = object.status.and_then(|status| status.container_statuses);
        let containers: Vec<String> = statuses
            .into_iter()
            .flatten()
            .filter_map(|status| Some(status.container_id?.split_once("://")?.1.to_owned()))
            .collect();
        let cgroups = self.node(&node).await.cgroups(&self.control_plane);
        let mut processes: Vec<i32> =
            cgroups.iter().flat_map(|cgroup| processes_of(cgroup, &containers)).collect();
        processes.sort_unstable();
        processes.dedup();
        assert!(!processes.is_empty(), "pod {pod} has no running process");
        processes.into_iter().filter_map(Pid::from_raw).collect()
    }

    /// The root directory that the processes of a pod's containers have, as a path of this machine.
    ///
    /// # Panics
    ///
    /// If the pod has no running process.
    pub async fn root(&self, namespace: &str, pod: &str) -> PathBuf {
        let processes = self.processes(namespace, pod).await;
        Path::new("/proc").join(processes[0].as_raw_nonzero().to_string()).join("root")
    }

    /// The directory of the volume that a claim is bound to.
    pub async fn volume(&self, namespace: &str, claim: &str) -> PathBuf {
        let claims =
            Api::<PersistentVolumeClaim>::namespaced(self.access().client().await, namespace);
        let object = claims.get(claim).await.unwrap_or_else(|error| panic!("{claim}: {error}"));
        let volume = object.spec.and_then(|spec| spec.volume_name);
        self.volumes.directory(&volume.unwrap_or_else(|| panic!("{claim} is not bound")))
    }

    /// A PostgreSQL server beside the nodes that pods reach by the URI of its databases, and the
    /// test by their SQL. Made on first use.
    pub async fn postgres(&self) -> Result<&Postgres, String> {
        let network = self.control_plane.sandbox.network();
        let start = || async {
            Postgres::start_in_namespace(network, addresses::DATABASE, Durability::Fast)
        };
        self.postgres.get_or_init(start).await.as_ref().map_err(Clone::clone)
    }

    /// A command for a process of the test in the network of the machines, where pods are reached
    /// by their addresses, and by which it is reached at 10.99.0.1. It ends with the cluster.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        self.control_plane.sandbox.command(program)
    }

    /// A command for a process of the test on a node, which is on, in all of its namespaces. It
    /// ends with the node's power.
    pub async fn command_on(&self, node: &str, program: &Path) -> Command {
        self.node(node).await.command(program)
    }

    /// A command for a process of the test that knows of this cluster what a user knows of an
    /// existing one: how to reach it, and its administrator's `KUBECONFIG`.
    pub fn guest(&self, program: impl AsRef<OsStr>) -> Command {
        let kubeconfig = self.directory().join("guest.kubeconfig");
        let content = self.control_plane.kubeconfig("guest", Some("system:masters"));
        fs::write(&kubeconfig, content).unwrap();
        let mut command = enter_network(&self.control_plane.sandbox.network(), program);
        command.env("KUBECONFIG", kubeconfig).env(WHICH, EXISTING);
        command
    }

    /// Passes the connections to a port of 127.0.0.1 on to an address in the cluster, a pod's or a
    /// node's.
    pub fn forward(&self, target: SocketAddr) -> Forward {
        Forward::start(&self.control_plane.sandbox.network(), target)
    }

    /// Where the logs of all components are, until the cluster is dropped.
    pub fn directory(&self) -> &Path {
        self.control_plane.directory()
    }

    async fn node(&self, name: &str) -> MutexGuard<'_, Node> {
        for node in &self.machines {
            let node = node.lock().await;
            if node.name == name {
                return node;
            }
        }
        panic!("there is no node {name}");
    }
}

/// Every object of a kind.
async fn everything<K>(client: &Client) -> Vec<K>
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned,
{
    let list = Api::<K>::all(client.clone()).list(&ListParams::default()).await;
    list.unwrap_or_else(|error| panic!("{}: {error}", K::plural(&()))).items
}

/// The processes in those control groups below one that have a container's name.
fn processes_of(cgroup: &Path, containers: &[String]) -> Vec<i32> {
    let mut processes = Vec::new();
    for entry in fs::read_dir(cgroup).into_iter().flatten().flatten() {
        let path = entry.path();
        if !path.is_dir() {
            continue;
        }
        if containers.iter().any(|container| entry.file_name() == container.as_str()) {
            let listed = fs::read_to_string(path.join("cgroup.procs")).unwrap_or_default();
            processes.extend(listed.lines().filter_map(|line| line.parse::<i32>().ok()));
        }
        processes.extend(processes_of(&path, containers));
    }
    processes
}
