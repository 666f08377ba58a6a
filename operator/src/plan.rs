//! The third step: from an instance that is known to be good to everything that should be. Pure.

mod configuration;
mod daemon_set;
mod labels;
mod migration;
mod network_policy;
mod pod;
mod rights;
mod service;
mod storage;

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::{
    apps::v1::StatefulSet,
    batch::v1::Job,
    core::v1::{PersistentVolumeClaim, Secret, Service, ServiceAccount},
    networking::v1::NetworkPolicy,
    policy::v1::PodDisruptionBudget,
    rbac::v1::{Role, RoleBinding},
};

use crate::{
    action::{self, Action, Steps},
    daemon::{Daemon, OnCluster as _},
    dereference::Found,
    validate::{ValidatedDaemon, ValidatedInstance},
    world::{Kind, Migration},
};

/// Everything that should be.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// The objects, all of them.
    pub objects: Objects,
    /// What is to be done with pods that are there.
    pub actions: Vec<Action>,
    /// What a roll-out waits for, in words; nothing, if none is under way.
    pub rollout: Option<String>,
    /// Whether that does not come by itself.
    pub is_halted: bool,
    /// The Job that migrates the database.
    pub migration_job: String,
    /// How far the migration is.
    pub migration: Migration,
    /// Pods that are wanted of each daemon, now.
    pub replicas: BTreeMap<Daemon, i32>,
}

/// Every object of an instance, kind by kind.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Objects {
    /// Who a daemon is to the API server.
    pub service_accounts: Vec<ServiceAccount>,
    /// What it may do there: label its own pods.
    pub roles: Vec<Role>,
    /// And that it may.
    pub role_bindings: Vec<RoleBinding>,
    /// The instance as it is good now.
    pub last_good: Vec<Secret>,
    /// The rendered configuration.
    pub secrets: Vec<Secret>,
    /// The volume for files, if it is ours to make.
    pub persistent_volume_claims: Vec<PersistentVolumeClaim>,
    /// Who may connect to whom.
    pub network_policies: Vec<NetworkPolicy>,
    /// The partners' way to the active pods, and names for all of them.
    pub services: Vec<Service>,
    /// What a drain may take at once.
    pub pod_disruption_budgets: Vec<PodDisruptionBudget>,
    /// The migration of the database.
    pub jobs: Vec<Job>,
    /// The daemons.
    pub stateful_sets: Vec<StatefulSet>,
}

/// Builds everything.
pub fn plan(instance: &ValidatedInstance, found: &Found) -> Plan {
    let replicas = replicas(instance, found);
    let objects = objects(instance, found, &replicas);
    let migration_job = migration::name(instance);
    let migration = found
        .owned
        .get(&(Kind::Job, migration_job.clone()))
        .map_or(Migration::Running, |job| job.migration);
    let templates: BTreeMap<_, _> = instance
        .daemons
        .iter()
        .map(|daemon| (daemon.daemon, pod::fingerprint(instance, daemon)))
        .collect();
    let steps = action::decide(instance, found, &templates, &replicas, migration);
    let Steps { actions, rollout, is_halted } = steps;
    Plan { objects, actions, rollout, is_halted, migration_job, migration, replicas }
}

fn objects(
    instance: &ValidatedInstance,
    found: &Found,
    replicas: &BTreeMap<Daemon, i32>,
) -> Objects {
    let daemons = &instance.daemons;
    let each = |daemon: &ValidatedDaemon| replicas.get(&daemon.daemon).copied().unwrap_or(0);
    Objects {
        service_accounts: daemons.iter().map(|d| rights::service_account(instance, d)).collect(),
        roles: daemons.iter().map(|d| rights::role(instance, d)).collect(),
        role_bindings: daemons.iter().map(|d| rights::role_binding(instance, d)).collect(),
        last_good: vec![configuration::last_good(instance)],
        secrets: configuration::secrets(instance, found),
        persistent_volume_claims: storage::claim(instance).into_iter().collect(),
        network_policies: daemons
            .iter()
            .map(|daemon| network_policy::of_daemon(instance, daemon))
            .chain([network_policy::of_migration(instance)])
            .collect(),
        services: daemons
            .iter()
            .filter_map(|daemon| service::of_listener(instance, daemon))
            .chain([service::of_pods(instance)])
            .collect(),
        pod_disruption_budgets: daemons
            .iter()
            .map(|daemon| daemon_set::disruption_budget(instance, daemon))
            .collect(),
        jobs: vec![migration::job(instance)],
        stateful_sets: daemons
            .iter()
            .map(|daemon| daemon_set::stateful_set(instance, daemon, each(daemon)))
            .collect(),
    }
}

/// Pods of each daemon, now: an instance that is suspended stops in order, each stage when the one
/// before it is gone.
fn replicas(instance: &ValidatedInstance, found: &Found) -> BTreeMap<Daemon, i32> {
    let running: BTreeSet<u8> = found.pods.iter().map(|pod| pod.daemon.stops()).collect();
    let stage = running.first().copied();
    instance
        .daemons
        .iter()
        .map(|daemon| {
            let stops_now = stage.is_none_or(|stage| daemon.daemon.stops() <= stage);
            let replicas = if instance.is_suspended && stops_now { 0 } else { daemon.replicas };
            (daemon.daemon, replicas)
        })
        .collect()
}

#[cfg(test)]
mod isdn_tests;
#[cfg(test)]
mod scale_tests;
#[cfg(test)]
mod template_tests;
#[cfg(test)]
mod tests;
