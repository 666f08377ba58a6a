//! What runs in a pod, and what it may and may not.

mod placement;
mod volumes;

use std::collections::BTreeMap;

use crds::{TaintEffect, TolerationOperator, names};
use k8s_openapi::{
    api::core::v1::{
        Capabilities, Container, ContainerPort, EnvVar, EnvVarSource, HTTPGetAction,
        LocalObjectReference, ObjectFieldSelector, PodSecurityContext, PodSpec, PodTemplateSpec,
        Probe, ResourceRequirements, SeccompProfile, SecurityContext, Sysctl, Toleration,
    },
    apimachinery::pkg::{
        api::resource::Quantity, apis::meta::v1::ObjectMeta, util::intstr::IntOrString,
    },
};
use serde_json::json;

use super::{labels, rights};
use crate::{
    daemon::{Daemon, OnCluster as _},
    fingerprint,
    validate::{ValidatedDaemon, ValidatedInstance, ValidatedLine},
};

/// The user and group of everything that runs, as the images have it.
const USER: i64 = 65_532;
/// How long a pod waits on a node that is silent before Kubernetes gives it up, in seconds. The
/// lease has expired long before; the usual five minutes would leave a daemon without a standby.
const PATIENCE: i64 = 30;

/// What a process that failed said last is what Kubernetes shows of its end.
const LAST_LINES: &str = "FallbackToLogsOnError";

/// A daemon's pods, with the fingerprint by which outdated ones are known.
pub(super) fn template(instance: &ValidatedInstance, daemon: &ValidatedDaemon) -> PodTemplateSpec {
    let mut template = bare_template(instance, daemon);
    let fingerprint = fingerprint(instance, daemon);
    if let Some(metadata) = &mut template.metadata {
        metadata
            .annotations
            .get_or_insert_default()
            .insert(names::TEMPLATE_ANNOTATION.into(), fingerprint);
    }
    template
}

/// Another one when pods have to be replaced.
pub(super) fn fingerprint(instance: &ValidatedInstance, daemon: &ValidatedDaemon) -> String {
    fingerprint::of(&json!(bare_template(instance, daemon)))
}

fn bare_template(instance: &ValidatedInstance, daemon: &ValidatedDaemon) -> PodTemplateSpec {
    PodTemplateSpec {
        metadata: Some(metadata(instance, &daemon.daemon.label())),
        spec: Some(PodSpec {
            service_account_name: Some(rights::name(instance, daemon)),
            automount_service_account_token: Some(true),
            containers: vec![container(instance, daemon)],
            volumes: Some(volumes::of_daemon(instance, daemon)),
            termination_grace_period_seconds: Some(
                instance.template.termination_grace_period_seconds,
            ),
            affinity: placement::affinity(instance),
            topology_spread_constraints: placement::spread(instance, daemon.daemon),
            security_context: Some(pod_security(
                instance,
                daemon.listener.as_ref().map(|l| l.port),
            )),
            ..common(instance)
        }),
    }
}

/// The migration's pod: it needs the database and no API server.
pub(super) fn migration(instance: &ValidatedInstance) -> PodSpec {
    PodSpec {
        automount_service_account_token: Some(false),
        restart_policy: Some("OnFailure".into()),
        containers: vec![Container {
            name: "migrate".into(),
            image: Some(instance.image.clone()),
            args: Some(arguments(["migrate"])),
            env: Some(place().into_iter().chain(further(instance)).collect()),
            volume_mounts: Some(volumes::mounts_of_migration()),
            resources: Some(resources(&instance.template.resources)),
            security_context: Some(container_security()),
            termination_message_policy: Some(LAST_LINES.into()),
            ..Container::default()
        }],
        volumes: Some(volumes::of_migration(instance)),
        security_context: Some(pod_security(instance, None)),
        ..common(instance)
    }
}

/// What the user says of all pods.
fn common(instance: &ValidatedInstance) -> PodSpec {
    let template = &instance.template;
    let of_template = template.image_pull_secrets.iter().map(|secret| &secret.name);
    let more = instance.pull_secrets.iter();
    let more = more.filter(|name| template.image_pull_secrets.iter().all(|own| own.name != **name));
    let secrets: Vec<_> =
        of_template.chain(more).map(|name| LocalObjectReference { name: name.clone() }).collect();
    PodSpec {
        enable_service_links: Some(false),
        image_pull_secrets: Some(secrets).filter(|secrets| !secrets.is_empty()),
        node_selector: Some(template.node_selector.clone()).filter(|labels| !labels.is_empty()),
        priority_class_name: template.priority_class_name.clone(),
        scheduler_name: template.scheduler_name.clone(),
        tolerations: Some(tolerations(&template.tolerations)),
        ..PodSpec::default()
    }
}

/// Labels and annotations of pods: the user's, and over them ours.
pub(super) fn metadata(instance: &ValidatedInstance, component: &str) -> ObjectMeta {
    let template = &instance.template;
    let mut labels = labels::of_user(&template.labels);
    labels.extend(labels::with_component(labels::of_instance(instance), component));
    ObjectMeta {
        labels: Some(labels),
        annotations: Some(template.annotations.clone()).filter(|all| !all.is_empty()),
        ..ObjectMeta::default()
    }
}

fn container(instance: &ValidatedInstance, daemon: &ValidatedDaemon) -> Container {
    let admin = format!("[::]:{}", names::ADMIN_PORT);
    let mut args = arguments([
        daemon.daemon.name(),
        "--standby",
        "--watch",
        "--admin",
        &admin,
        "--log-format",
        "json",
    ]);
    if daemon.daemon == Daemon::Seonrd {
        args.push("--without-receivers".into());
    }
    Container {
        name: daemon.daemon.label(),
        image: Some(instance.image.clone()),
        args: Some(args),
        env: Some(environment(instance, daemon)),
        // Not the listener's: it moves to another port without a new pod.
        ports: Some(vec![port("admin", names::ADMIN_PORT)]),
        volume_mounts: Some(volumes::mounts_of_daemon(instance)),
        resources: Some(with_line(resources(&daemon.resources), daemon.line.as_ref())),
        liveness_probe: Some(Probe {
            period_seconds: Some(10),
            timeout_seconds: Some(5),
            failure_threshold: Some(3),
            ..probe("/healthz")
        }),
        // Whoever can take over is ready; who gets calls is decided by the role label.
        readiness_probe: Some(Probe {
            period_seconds: Some(2),
            timeout_seconds: Some(2),
            failure_threshold: Some(3),
            ..probe("/readyz?standby=ready")
        }),
        security_context: Some(container_security()),
        termination_message_policy: Some(LAST_LINES.into()),
        ..Container::default()
    }
}

fn arguments<const N: usize>(command: [&str; N]) -> Vec<String> {
    command.map(str::to_owned).into()
}

/// Where everything is, for every command in the pod: also for one that a person runs there.
fn place() -> Vec<EnvVar> {
    let value = |name: &str, value: &str| EnvVar {
        name: name.into(),
        value: Some(value.into()),
        ..EnvVar::default()
    };
    vec![
        value("SEON_DIRECTORY", names::CONFIGURATION_DIRECTORY),
        value("SEON_RUN_DIRECTORY", names::RUN_DIRECTORY),
        value("SEON_MIGRATE", "never"),
    ]
}

fn environment(instance: &ValidatedInstance, daemon: &ValidatedDaemon) -> Vec<EnvVar> {
    let field = |name: &str, path: &str| EnvVar {
        name: name.into(),
        value_from: Some(EnvVarSource {
            field_ref: Some(ObjectFieldSelector {
                field_path: path.into(),
                ..ObjectFieldSelector::default()
            }),
            ..EnvVarSource::default()
        }),
        ..EnvVar::default()
    };
    let peers = EnvVar {
        name: "SEON_PEERS".into(),
        value: Some(rights::pods(instance, daemon).join(",")),
        ..EnvVar::default()
    };
    let own = [
        field("POD_NAME", "metadata.name"),
        field("POD_NAMESPACE", "metadata.namespace"),
        field("POD_IP", "status.podIP"),
        field("NODE_NAME", "spec.nodeName"),
        peers,
    ];
    place().into_iter().chain(own).chain(further(instance)).collect()
}

/// What the user says of the environment; the definitions keep our own names apart.
fn further(instance: &ValidatedInstance) -> impl Iterator<Item = EnvVar> {
    instance.template.env.iter().map(|variable| EnvVar {
        name: variable.name.clone(),
        value: Some(variable.value.clone()),
        ..EnvVar::default()
    })
}

fn port(name: &str, port: u16) -> ContainerPort {
    ContainerPort {
        name: Some(name.into()),
        container_port: port.into(),
        protocol: Some("TCP".into()),
        ..ContainerPort::default()
    }
}

fn probe(path: &str) -> Probe {
    Probe {
        http_get: Some(HTTPGetAction {
            path: Some(path.into()),
            port: IntOrString::String("admin".into()),
            ..HTTPGetAction::default()
        }),
        ..Probe::default()
    }
}

fn resources(wanted: &crds::Resources) -> ResourceRequirements {
    let quantities = |wanted: &BTreeMap<String, crds::Quantity>| {
        let quantities = wanted.iter().map(|(name, q)| (name.clone(), Quantity(q.0.clone())));
        quantities.collect::<BTreeMap<_, _>>()
    };
    // What a daemon needs when nothing happens, so that a node is not filled without looking.
    let mut requests: BTreeMap<_, _> =
        [("cpu", "20m"), ("memory", "64Mi")].map(|(k, v)| (k.into(), Quantity(v.into()))).into();
    requests.extend(quantities(&wanted.requests));
    ResourceRequirements {
        requests: Some(requests),
        limits: Some(quantities(&wanted.limits)).filter(|limits| !limits.is_empty()),
        ..ResourceRequirements::default()
    }
}

/// The device that a container needs is a resource like any other: it has the pod run where there
/// is one, and the kubelet gives it to the container.
fn with_line(wanted: ResourceRequirements, line: Option<&ValidatedLine>) -> ResourceRequirements {
    let Some(ValidatedLine::Device(resource)) = line else { return wanted };
    let with_device = |quantities: Option<BTreeMap<String, Quantity>>| {
        let mut quantities = quantities.unwrap_or_default();
        quantities.insert(resource.clone(), Quantity("1".into()));
        Some(quantities)
    };
    ResourceRequirements {
        requests: with_device(wanted.requests),
        limits: with_device(wanted.limits),
        ..wanted
    }
}

fn pod_security(instance: &ValidatedInstance, port: Option<u16>) -> PodSecurityContext {
    let wanted = &instance.template.security_context;
    let usual = (!instance.platform_users).then_some(USER);
    let groups = &wanted.supplemental_groups;
    let first_free = Sysctl {
        name: "net.ipv4.ip_unprivileged_port_start".into(),
        value: port.unwrap_or_default().to_string(),
    };
    PodSecurityContext {
        run_as_non_root: Some(true),
        run_as_user: wanted.run_as_user.or(usual),
        run_as_group: wanted.run_as_group.or(usual),
        fs_group: wanted.fs_group.or(usual),
        supplemental_groups: Some(groups.clone()).filter(|groups| !groups.is_empty()),
        // A volume with many files would otherwise be gone through at every start.
        fs_group_change_policy: Some("OnRootMismatch".into()),
        seccomp_profile: Some(SeccompProfile {
            type_: "RuntimeDefault".into(),
            ..SeccompProfile::default()
        }),
        sysctls: port.filter(|port| *port < 1024).map(|_| vec![first_free]),
        ..PodSecurityContext::default()
    }
}

fn container_security() -> SecurityContext {
    SecurityContext {
        allow_privilege_escalation: Some(false),
        read_only_root_filesystem: Some(true),
        capabilities: Some(Capabilities {
            drop: Some(vec!["ALL".into()]),
            ..Capabilities::default()
        }),
        ..SecurityContext::default()
    }
}

fn tolerations(wanted: &[crds::Toleration]) -> Vec<Toleration> {
    let wanted = wanted.iter().map(|toleration| Toleration {
        key: toleration.key.clone(),
        operator: Some(operator(toleration.operator).into()),
        value: toleration.value.clone(),
        effect: toleration.effect.map(|effect| taint_effect(effect).into()),
        toleration_seconds: toleration.toleration_seconds,
    });
    let usual = ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"];
    let usual = usual.map(|key| Toleration {
        key: Some(key.into()),
        operator: Some("Exists".into()),
        effect: Some("NoExecute".into()),
        toleration_seconds: Some(PATIENCE),
        ..Toleration::default()
    });
    wanted.chain(usual).collect()
}

fn operator(operator: TolerationOperator) -> &'static str {
    match operator {
        TolerationOperator::Equal => "Equal",
        TolerationOperator::Exists => "Exists",
    }
}

fn taint_effect(effect: TaintEffect) -> &'static str {
    match effect {
        TaintEffect::NoSchedule => "NoSchedule",
        TaintEffect::PreferNoSchedule => "PreferNoSchedule",
        TaintEffect::NoExecute => "NoExecute",
    }
}
