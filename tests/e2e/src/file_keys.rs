//! A company's keys for files, receipts and sessions: a Secret for each purpose, and their certificates in
//! Secrets of the partner's.

use std::collections::BTreeSet;
use std::path::Path;

use crds::names;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use support::Identity;

use crate::{Company, Objects, manifests};

/// What a Secret's name has behind the company's, what the key is for, and what the partner uses
/// its certificate for.
const KEYS: [(&str, &str, &str); 4] = [
    ("sign", "Sign", "VerifySignature"),
    ("decrypt", "Decrypt", "Encrypt"),
    ("receipts", "SignReceipt", "VerifyReceipt"),
    ("authenticate", "Authenticate", "Authenticate"),
];

/// The private key in a Secret.
const KEY: &str = "tls.key";

/// Makes a company's keys, and lets its partner know their certificates.
pub(crate) async fn make(owner: &Company<'_>, partner: &Company<'_>) {
    for (key, ..) in KEYS {
        let identity = Identity::rsa(&format!("{} {key}", owner.name()));
        let name = format!("{}-{key}", owner.name());
        owner.apply(&manifests::key_pair(&name, &identity)).await;
        let certificate = manifests::pinned_certificate(&name, &identity);
        partner.apply(&manifests::of_partner(owner.name(), certificate)).await;
    }
}

/// Names the keys of both, and asks for all that can be asked for.
pub(crate) fn secure(objects: &mut Objects) {
    let Objects { instance, partner } = objects;
    let (own, other) = (instance.name_any(), partner.name_any());
    let entry = |company: &str, key: &str, purpose: &str| {
        let secret = format!("{company}-{key}");
        json!({"purpose": [purpose], "secretRef": {"name": secret}})
    };
    let ours = KEYS.map(|(key, purpose, _)| read(entry(&own, key, purpose)));
    instance.spec.certificates.extend(ours);
    let theirs = KEYS.map(|(key, _, purpose)| read(entry(&other, key, purpose)));
    partner.spec.certificates.extend(theirs);
    partner.spec.security = read(json!({
        "outbound": {"sign": "Required", "encrypt": "Required", "compress": "Required"},
        "inbound": {"sign": "Required", "encrypt": "Required"},
        "receipts": {"signed": "Required"},
        "authentication": "Required",
    }));
}

fn read<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).expect("a part of a spec")
}

impl Company<'_> {
    /// The Secrets of which a pod has the private key: as its processes see it where the machines
    /// are ours, else as the kubelet was told.
    pub async fn private_keys(&self, pod: &Pod) -> BTreeSet<String> {
        match self.stage.nodes() {
            Ok(nodes) => {
                let folder =
                    Path::new(names::CONFIGURATION_DIRECTORY).join(names::SECRETS_DIRECTORY);
                let root = nodes.root(self.namespace(), &pod.name_any()).await;
                let below_root = folder.strip_prefix("/").expect("an absolute path");
                let secrets = std::fs::read_dir(root.join(below_root)).unwrap();
                let secrets = secrets.map(|secret| secret.unwrap());
                let with_key = secrets.filter(|secret| secret.path().join(KEY).exists());
                with_key.map(|secret| secret.file_name().into_string().unwrap()).collect()
            }
            Err(_) => projected_keys(pod),
        }
    }
}

fn projected_keys(pod: &Pod) -> BTreeSet<String> {
    let volumes = pod.spec.iter().flat_map(|spec| spec.volumes.iter().flatten());
    let sources = volumes.filter_map(|volume| volume.projected.as_ref()?.sources.as_ref());
    let secrets = sources.flatten().filter_map(|source| source.secret.as_ref());
    let with_key =
        secrets.filter(|secret| secret.items.iter().flatten().any(|item| item.key == KEY));
    with_key.map(|secret| secret.name.clone()).collect()
}
