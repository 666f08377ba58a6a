//! How the operator bears many instances: `cargo bench -p operator` on an API server of its own,
//! with 1,000 instances, or as many as the first argument says.
//!
//! Prints the time until every object is there, the requests for that, the requests of a turn at
//! rest, the writes at rest, and the operator's memory.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a measurement that fails has nothing to say; it prints what it has measured"
)]

use std::{
    fs,
    time::{Duration, Instant},
};

use cluster::ApiServer;
use crds::SeonInstance;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use k8s_openapi::{
    api::{
        apps::v1::StatefulSet,
        core::v1::{PersistentVolumeClaim, Secret, Service, ServiceAccount},
    },
    apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
};
use kube::{
    Api, Client, Resource, ResourceExt as _,
    api::{ListParams, Patch, PatchParams},
    core::PartialObjectMeta,
};
use serde_json::{Value, json};
use support::{Process, free_port, guarded_command, wait_until};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

const PATIENCE: Duration = Duration::from_mins(15);
/// How long the operator is watched at rest.
const REST: Duration = Duration::from_secs(30);

fn main() {
    // `cargo bench` adds --bench.
    let count = std::env::args().skip(1).find_map(|word| word.parse().ok()).unwrap_or(1000);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(measure(count));
}

async fn measure(count: usize) {
    let server = match ApiServer::start().await {
        Ok(server) => server,
        Err(reason) => {
            println!("SKIPPED: {reason}");
            return;
        }
    };
    let client = server.client().await;
    define(&client).await;
    let namespace = server.namespace("scale").await;
    make(&client, &namespace, count).await;

    let began = Instant::now();
    let port = free_port();
    let mut command = guarded_command(env!("CARGO_BIN_EXE_seon-operator"));
    command
        .env("KUBECONFIG", server.kubeconfig())
        .args(["--image", "registry.local/seon:1", "--no-nodes", "--log-level", "warn"])
        .args(["--listen", &format!("127.0.0.1:{port}"), "--identity", "scale"])
        .args(["--own-namespace", &namespace]);
    let operator = Process::spawn(command);
    // Three daemons each; StatefulSets come last.
    wait_for::<StatefulSet>(&client, count * 3).await;
    let taken = began.elapsed();
    let objects = objects(&client).await;
    println!("instances                     {count}");
    println!("objects                       {objects}");
    println!("time until all are there      {:.1} s", taken.as_secs_f64());
    settle(port).await;
    let (reads, writes) = requests(port).await;
    println!("requests for one instance     {:.1}", (reads + writes) as f64 / count as f64);
    println!("  of these writes             {:.1}", writes as f64 / count as f64);
    println!("memory of the operator        {:.1} MiB", resident(operator.pid()));

    tokio::time::sleep(REST).await;
    let after = requests(port).await.1;
    // The lease's own renewals are not counted.
    println!("writes at rest in {REST:?}        {}", after - writes);

    let before = requests(port).await;
    touch(&client, &namespace, count).await;
    settle(port).await;
    let after = requests(port).await;
    println!("reads of a turn at rest       {:.1}", (after.0 - before.0) as f64 / count as f64);
    println!("writes of a turn at rest      {:.1}", (after.1 - before.1) as f64 / count as f64);
    println!("memory after that             {:.1} MiB", resident(operator.pid()));
}

async fn define(client: &Client) {
    let api: Api<CustomResourceDefinition> = Api::all(client.clone());
    for definition in crds::definitions() {
        let name = definition.name_any();
        let parameters = PatchParams::apply("bench").force();
        api.patch(&name, &parameters, &Patch::Apply(&definition)).await.unwrap();
    }
    wait_until("the definitions are known", PATIENCE, async || {
        Api::<SeonInstance>::all(client.clone()).list(&ListParams::default().limit(1)).await
    })
    .await;
}

/// The instances share their Secrets, as those of one company would.
async fn make(client: &Client, namespace: &str, count: usize) {
    for (name, key, value) in
        [("acme-oftp", "password", "GEHEIM"), ("acme-db-app", "uri", "postgres://u:p@db/seon")]
    {
        let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name},
            "stringData": {key: value}});
        apply::<Secret>(client, namespace, name, secret).await;
    }
    stream::iter(0..count)
        .map(|number| async move {
            let name = format!("acme-{number}");
            let instance = json!({
                "apiVersion": crds::API_VERSION, "kind": "SeonInstance", "metadata": {"name": name},
                "spec": {
                    "identity": {
                        "odetteId": format!("O0013{number:06}ACME"),
                        "passwordSecretRef": {"name": "acme-oftp", "key": "password"},
                    },
                    "database": {"secretRef": {"name": "acme-db-app", "key": "uri"}},
                    "storage": {"volumeClaim": {"size": "1Gi"}},
                    // A thousand partners with one Secret.
                    "partnerSecrets": "Any",
                    "receive": {"tcpip": {}},
                },
            });
            apply::<SeonInstance>(client, namespace, &name, instance).await;
            let partner = format!("bolt-{number}");
            let manifest = json!({
                "apiVersion": crds::API_VERSION, "kind": "SeonPartner",
                "metadata": {"name": partner},
                "spec": {
                    "instanceRef": {"name": name},
                    "identity": {
                        "odetteId": format!("O0013{number:06}BOLT"),
                        "passwordSecretRef": {"name": "acme-oftp", "key": "password"},
                    },
                },
            });
            apply::<crds::SeonPartner>(client, namespace, &partner, manifest).await;
        })
        .buffer_unordered(16)
        .collect::<Vec<()>>()
        .await;
}

async fn apply<K>(client: &Client, namespace: &str, name: &str, manifest: Value)
where
    K: Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope>
        + Clone
        + std::fmt::Debug
        + serde::de::DeserializeOwned,
{
    let api: Api<K> = Api::namespaced(client.clone(), namespace);
    let parameters = PatchParams::apply("bench").force();
    api.patch(name, &parameters, &Patch::Apply(manifest)).await.unwrap();
}

async fn names<K>(client: &Client) -> usize
where
    K: Resource<DynamicType = ()> + Clone + std::fmt::Debug + serde::de::DeserializeOwned,
{
    let api: Api<PartialObjectMeta<K>> = Api::all(client.clone());
    let ours = ListParams::default().labels(crds::names::INSTANCE_LABEL);
    api.list(&ours).await.map_or(0, |list| list.items.len())
}

async fn wait_for<K>(client: &Client, count: usize)
where
    K: Resource<DynamicType = ()> + Clone + std::fmt::Debug + serde::de::DeserializeOwned,
{
    wait_until("all objects are there", PATIENCE, async || {
        let there = names::<K>(client).await;
        if there >= count { Ok(()) } else { Err(format!("{there} of {count}")) }
    })
    .await;
}

async fn objects(client: &Client) -> usize {
    // Six for each daemon, and what an instance has once.
    names::<StatefulSet>(client).await * 6
        + names::<Service>(client).await
        + names::<PersistentVolumeClaim>(client).await
        + names::<Secret>(client).await
        + names::<ServiceAccount>(client).await / 3 * 2
}

/// Until the operator has nothing more to do.
async fn settle(port: u16) {
    let mut before = None;
    let mut same = 0;
    wait_until("the operator rests", PATIENCE, async || {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let now = requests(port).await;
        same = if before == Some(now) { same + 1 } else { 0 };
        before = Some(now);
        if same >= 3 { Ok(()) } else { Err(format!("{now:?}")) }
    })
    .await;
}

/// Reads and writes of the operator so far, without watches and without its lease.
async fn requests(port: u16) -> (usize, usize) {
    let mut counts = (0, 0);
    let text = metrics(port).await.unwrap();
    for line in text.lines().filter(|line| line.starts_with("seon_operator_requests_total{")) {
        let count: usize = line.rsplit(' ').next().unwrap().parse().unwrap();
        let is_of = |verb: &str| line.contains(&format!("verb=\"{verb}\""));
        match () {
            () if line.contains("resource=\"leases\"") || is_of("watch") => {}
            () if is_of("get") => counts.0 += count,
            () => counts.1 += count,
        }
    }
    counts
}

async fn metrics(port: u16) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

/// Something about every instance changes that nobody acts on.
async fn touch(client: &Client, namespace: &str, count: usize) {
    let api: Api<SeonInstance> = Api::namespaced(client.clone(), namespace);
    let patch = json!({"metadata": {"annotations": {"touched": "yes"}}});
    stream::iter(0..count)
        .map(|number| {
            let (api, patch) = (api.clone(), patch.clone());
            async move {
                let name = format!("acme-{number}");
                api.patch(&name, &PatchParams::default(), &Patch::Merge(patch)).await
            }
        })
        .buffer_unordered(16)
        .try_collect::<Vec<_>>()
        .await
        .unwrap();
}

/// The memory of a process, in MiB.
fn resident(process: u32) -> f64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    let kibibytes: f64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kibibytes / 1024.0
}
