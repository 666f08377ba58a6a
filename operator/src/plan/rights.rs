//! What a daemon may do at the API server: label exactly its own pods, so that Services find the
//! active one.

use crds::names;
use k8s_openapi::api::{
    core::v1::ServiceAccount,
    rbac::v1::{PolicyRule, Role, RoleBinding, RoleRef, Subject},
};

use super::labels;
use crate::validate::{ValidatedDaemon, ValidatedInstance};

pub(super) fn name(instance: &ValidatedInstance, daemon: &ValidatedDaemon) -> String {
    names::daemon_object(&instance.key.name, daemon.daemon.name())
}

/// The names of all pods that a daemon can ever have, so that another number of replicas makes no
/// pod anew: a peer that is not there has no role to take.
pub(super) fn pods(instance: &ValidatedInstance, daemon: &ValidatedDaemon) -> Vec<String> {
    let pod = |ordinal| names::pod(&instance.key.name, daemon.daemon.name(), ordinal);
    (0..names::MOST_REPLICAS).map(pod).collect()
}

pub(super) fn service_account(
    instance: &ValidatedInstance,
    daemon: &ValidatedDaemon,
) -> ServiceAccount {
    let labels = labels::of_daemon(instance, daemon.daemon);
    let mut metadata = labels::metadata(instance, name(instance, daemon), labels);
    let annotations = &instance.template.service_account_annotations;
    metadata.annotations = Some(annotations.clone()).filter(|annotations| !annotations.is_empty());
    ServiceAccount {
        metadata,
        // The pods say themselves that they want a token.
        automount_service_account_token: Some(false),
        ..ServiceAccount::default()
    }
}

pub(super) fn role(instance: &ValidatedInstance, daemon: &ValidatedDaemon) -> Role {
    let labels = labels::of_daemon(instance, daemon.daemon);
    Role {
        metadata: labels::metadata(instance, name(instance, daemon), labels),
        rules: Some(vec![PolicyRule {
            api_groups: Some(vec![String::new()]),
            resources: Some(vec!["pods".into()]),
            resource_names: Some(pods(instance, daemon)),
            verbs: vec!["get".into(), "patch".into()],
            ..PolicyRule::default()
        }]),
    }
}

pub(super) fn role_binding(instance: &ValidatedInstance, daemon: &ValidatedDaemon) -> RoleBinding {
    let labels = labels::of_daemon(instance, daemon.daemon);
    let name = name(instance, daemon);
    RoleBinding {
        metadata: labels::metadata(instance, name.clone(), labels),
        role_ref: RoleRef {
            api_group: "rbac.authorization.k8s.io".into(),
            kind: "Role".into(),
            name: name.clone(),
        },
        subjects: Some(vec![Subject {
            kind: "ServiceAccount".into(),
            name,
            namespace: Some(instance.key.namespace.clone()),
            ..Subject::default()
        }]),
    }
}
