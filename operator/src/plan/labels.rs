//! What every object carries.

use std::collections::BTreeMap;

use crds::names;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};

use crate::{
    daemon::{Daemon, OnCluster as _},
    validate::ValidatedInstance,
    world::MANAGED_BY,
};

type Labels = BTreeMap<String, String>;

/// A name and owner for an object that ends with its instance.
pub(super) fn metadata(instance: &ValidatedInstance, name: String, labels: Labels) -> ObjectMeta {
    ObjectMeta {
        owner_references: Some(vec![instance.owner.clone()]),
        ..ownerless(instance, name, labels)
    }
}

/// A name for an object that outlives its instance.
pub(super) fn ownerless(instance: &ValidatedInstance, name: String, labels: Labels) -> ObjectMeta {
    ObjectMeta {
        name: Some(name),
        namespace: Some(instance.key.namespace.clone()),
        labels: Some(labels),
        ..ObjectMeta::default()
    }
}

/// The labels of what belongs to the whole instance.
pub(super) fn of_instance(instance: &ValidatedInstance) -> Labels {
    [
        (names::INSTANCE_LABEL, instance.key.name.as_str()),
        ("app.kubernetes.io/name", "seon"),
        ("app.kubernetes.io/instance", &instance.key.name),
        (MANAGED_BY, names::OPERATOR),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .into()
}

/// What users may say of labels: ours are what everything is found by.
pub(super) fn of_user(labels: &Labels) -> Labels {
    let is_ours = |key: &str| {
        let domain = key.split_once('/').map_or("", |(domain, _)| domain);
        domain == "seon.dev" || domain.ends_with(".seon.dev") || domain == "app.kubernetes.io"
    };
    let theirs = labels.iter().filter(|(key, _)| !is_ours(key));
    theirs.map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// The labels of what belongs to one daemon.
pub(super) fn of_daemon(instance: &ValidatedInstance, daemon: Daemon) -> Labels {
    with_component(of_instance(instance), &daemon.label())
}

/// The labels of a part of an instance.
pub(super) fn with_component(mut labels: Labels, component: &str) -> Labels {
    labels.insert(names::DAEMON_LABEL.into(), component.into());
    labels.insert("app.kubernetes.io/component".into(), component.into());
    labels
}

/// What a daemon's pods are found by. A StatefulSet's selector can never change.
pub(super) fn selector(instance: &ValidatedInstance, component: &str) -> Labels {
    [(names::INSTANCE_LABEL, instance.key.name.as_str()), (names::DAEMON_LABEL, component)]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into()
}

/// The same, where a selector is asked for.
pub(super) fn label_selector(labels: Labels) -> LabelSelector {
    LabelSelector { match_labels: Some(labels), ..LabelSelector::default() }
}
