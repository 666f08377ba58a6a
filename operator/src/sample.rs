//! An instance, its partners and its pods for the tests of pure functions.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crds::{SeonInstance, SeonPartner, names};
use jiff::Timestamp;
use k8s_openapi::{
    ByteString, api::core::v1::Secret, apimachinery::pkg::apis::meta::v1::ObjectMeta,
};
use kube::ResourceExt as _;
use serde_json::{Value, json};

use crate::{
    context::Installation,
    daemon::Daemon,
    dereference::Found,
    plan::{Plan, plan},
    questions::Readings,
    validate::{ValidateError, ValidatedInstance, validate},
    world::{InstanceKey, Kind, Migration, NodeState, ObservedNode, ObservedPod, Owned},
};

/// Deliberately no two of namespace, instance and image are alike.
pub(crate) const NAMESPACE: &str = "trade";
pub(crate) const IMAGE: &str = "registry.local/seon:1";

pub(crate) const OPERATOR_NAMESPACE: &str = "seon-system";

pub(crate) fn installation() -> Installation {
    Installation {
        image: IMAGE.into(),
        namespace: OPERATOR_NAMESPACE.into(),
        ..Installation::default()
    }
}

pub(crate) fn now() -> Timestamp {
    "2026-11-25T12:00:00Z".parse().unwrap()
}

pub(crate) fn instance(change: impl FnOnce(&mut Value)) -> SeonInstance {
    let mut value = json!({
        "apiVersion": crds::API_VERSION,
        "kind": "SeonInstance",
        "metadata": {"name": "acme", "namespace": NAMESPACE, "uid": "1", "generation": 4},
        "spec": {
            "identity": {
                "odetteId": "O0013000001ACME",
                "passwordSecretRef": {"name": "acme-oftp", "key": "password"},
            },
            "database": {"secretRef": {"name": "acme-db-app", "key": "uri"}},
            "storage": {"volumeClaim": {"size": "1Gi"}},
            "receive": {"tcpip": {}, "tls": {"certificateSecretRef": {"name": "acme-tls"}}},
        },
    });
    change(&mut value);
    serde_json::from_value(value).unwrap()
}

pub(crate) fn partner(name: &str, change: impl FnOnce(&mut Value)) -> Arc<SeonPartner> {
    let mut value = json!({
        "apiVersion": crds::API_VERSION,
        "kind": "SeonPartner",
        "metadata": {"name": name, "namespace": NAMESPACE, "uid": name},
        "spec": {
            "instanceRef": {"name": "acme"},
            "identity": {
                "odetteId": format!("O0013000002{}", name.to_uppercase()),
                "passwordSecretRef": {"name": "bolt-oftp", "key": "password"},
            },
            "transports": [{"tcp": {"host": "oftp.bolt.example", "port": 7305}}],
        },
    });
    change(&mut value);
    Arc::new(serde_json::from_value(value).unwrap())
}

pub(crate) fn secret(version: &str, values: &[(&str, &str)]) -> Secret {
    let mut secret = Secret::default();
    secret.metadata.resource_version = Some(version.into());
    let octets = |text: &str| ByteString(text.as_bytes().to_vec());
    secret.data = Some(values.iter().map(|(key, text)| ((*key).into(), octets(text))).collect());
    secret
}

/// One that these partners may use.
pub(crate) fn of_partners(secret: Secret, partners: &[&str]) -> Secret {
    let labels = partners.iter().map(|name| (names::partner_label(name), String::new()));
    let metadata = ObjectMeta { labels: Some(labels.collect()), ..secret.metadata };
    Secret { metadata, ..secret }
}

pub(crate) fn found(instance: SeonInstance, partners: Vec<Arc<SeonPartner>>) -> Found {
    let identity = support::Authority::new("test").identity("oftp.acme.example");
    let (certificate, key) = (identity.certificate_pem.as_str(), identity.key_pem.as_str());
    let theirs: Vec<String> = partners.iter().map(|partner| partner.name_any()).collect();
    let theirs: Vec<&str> = theirs.iter().map(String::as_str).collect();
    let secrets: BTreeMap<String, Secret> = [
        ("acme-oftp".into(), secret("1", &[("password", "GEHEIM"), ("other", "OTHER")])),
        ("bolt-oftp".into(), of_partners(secret("1", &[("password", "GEHEIM")]), &theirs)),
        ("acme-tls".into(), secret("1", &[("tls.crt", certificate), ("tls.key", key)])),
        ("router".into(), secret("1", &[("username", "seon"), ("password", "GEHEIM")])),
        ("acme-db-app".into(), secret("1", &[("uri", "postgres://u:GEHEIM@db:6432/seon")])),
    ]
    .into();
    Found {
        key: InstanceKey::new(NAMESPACE, "acme"),
        instance: Arc::new(instance),
        partners,
        secrets,
        claim: Some(vec!["ReadWriteMany".into()]),
        pods: Vec::new(),
        migrations: Vec::new(),
        refusals: BTreeMap::new(),
        nodes: Some(
            ["n1", "n2", "n3"].map(|name| (name.to_owned(), node(NodeState::Ready))).into(),
        ),
        owned: BTreeMap::new(),
        readings: Readings::default(),
        now: now(),
    }
}

pub(crate) fn validated(found: &Found) -> ValidatedInstance {
    validate(found, &installation()).unwrap()
}

/// So many partners, each with a Secret of its own that has a chain of certificates of so many octets.
pub(crate) fn found_many(count: usize, octets: usize) -> Found {
    let identity = support::Authority::new("test").identity("oftp.bolt.example");
    let chain = identity.certificate_pem.repeat(octets / identity.certificate_pem.len());
    let partners = (0..count).map(|number| {
        partner(&format!("p{number}"), |value| {
            let reference = json!({"name": format!("p{number}-tls")});
            value["spec"]["certificates"] = json!([{"purpose": ["Tls"], "secretRef": reference}]);
            value["spec"]["transports"] = json!([{"tls": {"host": format!("p{number}.example")}}]);
        })
    });
    let mut found = found(instance(|_| ()), partners.collect());
    for number in 0..count {
        let theirs = of_partners(secret("1", &[("tls.crt", &chain)]), &[&format!("p{number}")]);
        found.secrets.insert(format!("p{number}-tls"), theirs);
    }
    found
}

/// The database has the schema: the migration that is planned is done.
pub(crate) fn migrated(found: &mut Found, validated: &ValidatedInstance) {
    let job = plan(validated, found).objects.jobs[0].name_any();
    made(found, Kind::Job, job);
}

/// This object is there as the operator made it, and done if it is a migration.
pub(crate) fn made(found: &mut Found, kind: Kind, name: String) {
    let owned = Owned {
        uid: name.clone(),
        version: 0,
        applied: None,
        owner: Some("1".into()),
        is_managed: true,
        is_ending: false,
        migration: Migration::Done,
    };
    found.owned.insert((kind, name), owned);
}

pub(crate) fn refused(found: &Found) -> ValidateError {
    validate(found, &installation()).unwrap_err()
}

pub(crate) fn planned(change: impl FnOnce(&mut Value)) -> Plan {
    let found = found(instance(change), vec![partner("bolt", |_| ())]);
    plan(&validated(&found), &found)
}

/// A node without ISDN.
pub(crate) fn node(state: NodeState) -> ObservedNode {
    ObservedNode { state, controllers: BTreeSet::new() }
}

/// A pod that is ready and stands by, on a node of its own.
pub(crate) fn pod(daemon: Daemon, ordinal: i32) -> ObservedPod {
    let name = names::pod("acme", daemon.name(), ordinal);
    ObservedPod {
        uid: format!("{name}-a"),
        name,
        version: "1".into(),
        daemon,
        node: Some(format!("n{}", ordinal + 1)),
        address: Some("10.0.0.1".into()),
        is_ready: true,
        created: None,
        ends: None,
        is_active: false,
        epoch: None,
        since: None,
        listens: None,
        configuration: None,
        refused: None,
        refused_revision: None,
        at_next_start: None,
        begun_with: None,
        wanted: None,
        template: None,
        process_ended: None,
        waits_for: None,
        unplaced: None,
        unready_since: None,
        controller: None,
    }
}

/// One that is active.
pub(crate) fn active(daemon: Daemon, ordinal: i32, epoch: i64) -> ObservedPod {
    ObservedPod { is_active: true, epoch: Some(epoch), ..pod(daemon, ordinal) }
}
