//! A company's volume, and what its people do there: put files into hot folders, and look what came.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use cluster::{Cluster, TEST_LABEL};
use crds::names;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, Patch, PatchParams};
use serde_json::{Value, json};
use support::guarded_command;

use crate::{PACE, PATIENCE, eventually, is_ready};

/// Whom the daemons run as.
const USER: u32 = 65_532;
/// The pod that mounts the volume, and where.
const COURIER: &str = "courier";
const MOUNT: &str = "/files";

/// Is there a hot folder for partner $1? Makes room for files beside it, on the same file system.
const IS_OPEN: &str = r#"test -d "outgoing/$1" && mkdir -p .load"#;
/// Puts $3 octets as $2 into the hot folder for $1, whole or not at all. Where it is not known
/// whether it was done, it is done again, and a file that has left stays gone.
const PUT: &str = r#"
file=.load/$2
if [ ! -e "$file.whole" ]; then
  cat >"$file" && [ "$(wc -c <"$file")" -eq "$3" ] && : >"$file.whole" || exit 1
fi
[ ! -e "$file" ] || mv "$file" "outgoing/$1/$2"
"#;
/// Did $2 come from $1?
const HAS: &str = r#"test -e "incoming/$1/$2""#;
/// The hash of everything that came from $1.
const HASHES: &str = r#"cd "incoming/$1" && find . ! -name . -exec sha256sum {} +"#;

/// How the company's people get at it: with the same few commands of a shell in either case.
pub(crate) enum Volume {
    /// It is a directory of this machine.
    Here(PathBuf),
    /// By a pod in its namespace.
    ByCourier(Arc<Cluster>, String),
}

impl Volume {
    pub(crate) async fn by_courier(
        cluster: &Arc<Cluster>,
        namespace: &str,
        company: &str,
        claim: &str,
        image: &str,
    ) -> Self {
        let pods = Api::<Pod>::namespaced(cluster.client().await, namespace);
        let wanted = Patch::Apply(courier(company, claim, image));
        let made = pods.patch(COURIER, &PatchParams::apply("administrator"), &wanted).await;
        made.unwrap_or_else(|error| panic!("the courier of {company}: {error}"));
        eventually(&format!("the courier of {company} is ready"), async || {
            let pod = pods.get(COURIER).await.map_err(|error| error.to_string())?;
            if is_ready(&pod) { Ok(()) } else { Err(format!("{:?}", pod.status)) }
        })
        .await;
        Self::ByCourier(cluster.clone(), namespace.to_owned())
    }

    /// Waits until files for a partner can be put there.
    pub(crate) async fn is_open(&self, partner: &str) {
        let what = format!("there is a hot folder for {partner}");
        eventually(&what, async || self.run(IS_OPEN, &[partner], b"").await).await;
    }

    /// Puts a file into the hot folder for a partner. Tries again as [`eventually`] does, but on any
    /// thread, where that one's conditions cannot go.
    pub(crate) async fn put(&self, partner: &str, name: &str, content: &[u8]) {
        let size = content.len().to_string();
        let mut pace = tokio::time::interval(PACE);
        let mut last = String::new();
        let done = tokio::time::timeout(PATIENCE, async {
            while let Err(error) = self.run(PUT, &[partner, name, &size], content).await {
                last = error;
                pace.tick().await;
            }
        });
        let is_done = done.await.is_ok();
        assert!(is_done, "{name} is not in the hot folder for {partner}: {last}");
    }

    /// Waits until a file of a partner is delivered.
    pub(crate) async fn has(&self, partner: &str, name: &str) {
        let what = format!("{name} of {partner} is there");
        eventually(&what, async || self.run(HAS, &[partner, name], b"").await).await;
    }

    /// Every file that a partner sent by its name, with its hash: by `sha256sum`, all at once.
    pub(crate) async fn hashes(&self, partner: &str) -> BTreeMap<String, String> {
        let what = format!("the files of {partner} are looked at");
        let lines = eventually(&what, async || self.run(HASHES, &[partner], b"").await).await;
        let names = lines.lines().filter_map(|line| line.split_once("  ./"));
        names.map(|(hash, name)| (name.to_owned(), hash.to_owned())).collect()
    }

    async fn run(&self, script: &str, words: &[&str], input: &[u8]) -> Result<String, String> {
        let shell = [&["sh", "-c", script, "sh"], words].concat();
        match self {
            Self::Here(directory) => {
                let mut command = guarded_command("setpriv");
                command.args([format!("--reuid={USER}"), format!("--regid={USER}")]);
                command.arg("--clear-groups").args(&shell).current_dir(directory);
                support::run(&words.join(" "), command, input).await
            }
            Self::ByCourier(cluster, namespace) => {
                cluster.exec_with(namespace, COURIER, &shell, input).await
            }
        }
    }
}

/// By its label a drained node keeps it: whoever puts files into the folders is not what the drain
/// is about.
fn courier(company: &str, claim: &str, image: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": COURIER, "labels": {TEST_LABEL: COURIER}},
        "spec": {
            "automountServiceAccountToken": false,
            "terminationGracePeriodSeconds": 0,
            "securityContext": {
                "runAsNonRoot": true, "runAsUser": USER, "runAsGroup": USER, "fsGroup": USER,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            // A volume that one node has is where the company's own pods are.
            "affinity": {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{
                "topologyKey": "kubernetes.io/hostname",
                "labelSelector": {"matchLabels": {names::INSTANCE_LABEL: company}},
            }]}},
            "containers": [{
                "name": COURIER,
                "image": image,
                "command": ["tail", "-f", "/dev/null"],
                "workingDir": MOUNT,
                "securityContext": {
                    "allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]},
                },
                "volumeMounts": [{"name": "files", "mountPath": MOUNT}],
            }],
            "volumes": [{"name": "files", "persistentVolumeClaim": {"claimName": claim}}],
        },
    })
}
