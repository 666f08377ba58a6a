//! The manifests as both hosts read them: what the operator judges is, octet for octet, what the
//! daemons parse, and a folder on one machine could hold the same files.

mod defaults;

use std::collections::{BTreeMap, BTreeSet};

use crds::{API_VERSION, SeonInstance, SeonInstanceSpec, SeonPartner, SeonPartnerSpec, names};
use k8s_openapi::{ByteString, api::core::v1::Secret};
use serde_json::{Map, Value, json};

use crate::dereference::accounts;

/// The keys of an account, as a Secret of type kubernetes.io/basic-auth has them.
pub const ACCOUNT: [&str; 2] = ["username", "password"];

/// The keys of a certificate and its key, as a Secret of type kubernetes.io/tls has them.
pub const KEY_PAIR: [&str; 2] = ["tls.crt", "tls.key"];

/// A Secret's keys by its name.
pub type Keys = BTreeMap<String, BTreeSet<String>>;

/// An instance as the daemons' file says it: their files lie where the volume is mounted.
pub fn instance(instance: &SeonInstance) -> String {
    let mut spec = instance.spec.clone();
    spec.storage =
        crds::Storage { directory: Some(names::DATA_DIRECTORY.into()), ..Default::default() };
    // What the daemons' pods are made from, and what the operator gives them, is none of their
    // business: a change of it is no change of their configuration.
    spec.image = None;
    spec.partner_secrets = crds::PartnerSecrets::default();
    spec.daemon_template = crds::DaemonTemplate::default();
    if let Some(tcpip) = &mut spec.receive.tcpip {
        (tcpip.replicas, tcpip.resources, tcpip.service) = Default::default();
    }
    if let Some(tls) = &mut spec.receive.tls {
        (tls.replicas, tls.resources, tls.service) = Default::default();
    }
    for controller in spec.receive.capi.iter_mut().flat_map(|capi| &mut capi.controllers) {
        (controller.replicas, controller.resources) = Default::default();
    }
    (spec.send.replicas, spec.send.resources) = Default::default();
    let mut spec = json!(spec);
    defaults::leave_out_of_instance(&mut spec);
    document("SeonInstance", instance.metadata.name.as_deref(), &spec)
}

/// A partner as the daemons' file says it.
pub fn partner(partner: &SeonPartner) -> String {
    let mut spec = json!(partner.spec);
    defaults::leave_out_of_partner(&mut spec);
    document("SeonPartner", partner.metadata.name.as_deref(), &spec)
}

/// A Secret with these of its keys and no other.
pub fn secret(name: &str, secret: &Secret, keys: &BTreeSet<String>) -> String {
    let mut text = Map::new();
    let mut octets = Map::new();
    for (key, ByteString(value)) in secret.data.iter().flatten().filter(|(k, _)| keys.contains(*k))
    {
        // Plainly where it can be: base64 needs a third more of the room that a Secret has.
        match std::str::from_utf8(value) {
            Ok(value) => text.insert(key.clone(), value.into()),
            Err(_) => octets.insert(key.clone(), json!(ByteString(value.clone()))),
        };
    }
    let manifest = json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name},
        "data": octets,
        "stringData": text,
    });
    yaml(&manifest)
}

fn document(kind: &str, name: Option<&str>, spec: &Value) -> String {
    yaml(&json!({
        "apiVersion": API_VERSION,
        "kind": kind,
        "metadata": {"name": name},
        "spec": spec,
    }))
}

fn yaml(manifest: &Value) -> String {
    // JSON values always have a form in YAML.
    serde_yaml::to_string(manifest).unwrap_or_default()
}

/// What an instance needs of Secrets in the daemons' file: passwords. Its keys, its accounts and the
/// database's URI are mounted, each only into the pods that use them.
pub fn instance_keys(spec: &SeonInstanceSpec) -> Keys {
    let password = &spec.identity.password_secret_ref;
    [(password.name.clone(), [password.key.clone()].into())].into()
}

/// What an instance's daemons have mounted.
pub fn mounted_keys(spec: &SeonInstanceSpec) -> Keys {
    let mut keys = Keys::new();
    if let Some(database) = &spec.database {
        keys.entry(database.secret_ref.name.clone())
            .or_default()
            .insert(database.secret_ref.key.clone());
    }
    let receive = spec.receive.tls.iter().map(|tls| &tls.certificate_secret_ref.name);
    let send = spec.send.tls.iter().map(|tls| &tls.certificate_secret_ref.name);
    let files = spec.certificates.iter().map(|entry| &entry.secret_ref.name);
    for name in receive.chain(send).chain(files) {
        keys.entry(name.clone()).or_default().extend(KEY_PAIR.map(str::to_owned));
    }
    for account in accounts(spec) {
        keys.entry(account.name.clone()).or_default().extend(ACCOUNT.map(str::to_owned));
    }
    keys
}

/// What a partner needs of Secrets: passwords and its certificates, never a key of its.
pub fn partner_keys(spec: &SeonPartnerSpec) -> Keys {
    let mut keys = Keys::new();
    let identity = &spec.identity;
    for password in [Some(&identity.password_secret_ref), identity.own_password_secret_ref.as_ref()]
        .into_iter()
        .flatten()
    {
        keys.entry(password.name.clone()).or_default().insert(password.key.clone());
    }
    for certificate in &spec.certificates {
        keys.entry(certificate.secret_ref.name.clone())
            .or_default()
            .extend(["tls.crt".to_owned(), "ca.crt".to_owned()]);
    }
    keys
}

/// Adds to what is needed of each Secret.
pub fn merge(into: &mut Keys, more: Keys) {
    for (name, keys) in more {
        into.entry(name).or_default().extend(keys);
    }
}
