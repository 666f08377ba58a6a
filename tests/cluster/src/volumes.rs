//! Volumes that pods on all nodes see at once: directories of this machine, made for claims.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::pin::pin;

use futures::StreamExt;
use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim};
use k8s_openapi::api::storage::v1::StorageClass;
use kube::api::{Api, DeleteParams, PostParams};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Client, ResourceExt};
use serde_json::json;
use tokio::sync::oneshot;

use crate::access::Access;

/// The one storage class, the default.
const CLASS: &str = "shared";
const PROVISIONER: &str = "seon.dev/test-directories";

/// Makes a volume for every claim of the class, and removes it when the claim is deleted, until it
/// is dropped. Its files stay as long as the cluster.
#[derive(Debug)]
pub(crate) struct Volumes {
    root: PathBuf,
    /// The thread ends when this is dropped.
    _end: oneshot::Sender<()>,
}

impl Volumes {
    pub(crate) async fn start(access: &Access, directory: &Path) -> Self {
        let class: StorageClass = serde_json::from_value(json!({
            "metadata": {
                "name": CLASS,
                "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
            },
            "provisioner": PROVISIONER,
            "volumeBindingMode": "Immediate",
        }))
        .expect("a StorageClass");
        let classes = Api::<StorageClass>::all(access.client().await);
        classes.create(&PostParams::default(), &class).await.expect("make the StorageClass");

        let root = directory.join("volumes");
        fs::create_dir_all(&root).unwrap();
        let (end, ended) = oneshot::channel();
        let kubeconfig = access.read_kubeconfig();
        let volumes = root.clone();
        // The tests' runtimes come and go with the tests.
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async {
                let client = crate::access::client(kubeconfig).await;
                tokio::select! {
                    () = make(client.clone(), &volumes) => {}
                    () = remove(client) => {}
                    _ = ended => {}
                }
            });
        });
        Self { root, _end: end }
    }

    /// Where a volume's files are.
    pub(crate) fn directory(&self, volume: &str) -> PathBuf {
        self.root.join(volume)
    }
}

async fn make(client: Client, root: &Path) {
    let volumes = Api::<PersistentVolume>::all(client.clone());
    let claims = watcher(Api::<PersistentVolumeClaim>::all(client), watcher::Config::default());
    let mut claims = pin!(claims.default_backoff().applied_objects());
    while let Some(claim) = claims.next().await {
        // An error here is the watch's, which is taken up again.
        let Ok(claim) = claim else { continue };
        let spec = claim.spec.as_ref();
        let class = spec.and_then(|spec| spec.storage_class_name.as_deref());
        let is_bound = spec.is_some_and(|spec| spec.volume_name.is_some());
        if class == Some(CLASS) && !is_bound {
            let volume = volume_for(&claim, root);
            // It may be there already: an object is seen more than once.
            let _ = volumes.create(&PostParams::default(), &volume).await;
        }
    }
}

async fn remove(client: Client) {
    let volumes = Api::<PersistentVolume>::all(client);
    let changes = watcher(volumes.clone(), watcher::Config::default());
    let mut changes = pin!(changes.default_backoff().applied_objects());
    while let Some(volume) = changes.next().await {
        let Ok(volume) = volume else { continue };
        let phase = volume.status.as_ref().and_then(|status| status.phase.as_deref());
        if phase == Some("Released") {
            let _ = volumes.delete(&volume.name_any(), &DeleteParams::default()).await;
        }
    }
}

fn volume_for(claim: &PersistentVolumeClaim, root: &Path) -> PersistentVolume {
    let (namespace, name) = (claim.namespace().unwrap_or_default(), claim.name_any());
    let uid = claim.uid().unwrap_or_default();
    let volume = format!("{namespace}-{name}-{}", uid.split('-').next().unwrap_or_default());
    let directory = root.join(&volume);
    fs::create_dir_all(&directory).unwrap();
    // No driver hands a directory over to the pod's group.
    fs::set_permissions(&directory, fs::Permissions::from_mode(0o777)).unwrap();
    std::os::unix::fs::chown(&directory, Some(65_532), Some(65_532)).unwrap();
    let spec = claim.spec.as_ref();
    let requested = spec.and_then(|spec| spec.resources.as_ref()?.requests.as_ref());
    serde_json::from_value(json!({
        "metadata": {
            "name": volume,
            "annotations": {"pv.kubernetes.io/provisioned-by": PROVISIONER},
        },
        "spec": {
            "storageClassName": CLASS,
            "capacity": requested,
            "accessModes": spec.and_then(|spec| spec.access_modes.as_ref()),
            // Delete is a provisioner's task, which the controllers ask us to do by the phase.
            "persistentVolumeReclaimPolicy": "Retain",
            "hostPath": {"path": directory},
            "claimRef": {
                "kind": "PersistentVolumeClaim", "apiVersion": "v1",
                "namespace": namespace, "name": name, "uid": uid,
            },
        },
    }))
    .expect("a PersistentVolume")
}
