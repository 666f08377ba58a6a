//! What is planned, by what it means.

use std::{collections::BTreeSet, sync::LazyLock};

use crds::names;
use k8s_openapi::{
    api::core::v1::{PodSpec, PodTemplateSpec},
    apimachinery::pkg::util::intstr::IntOrString,
};
use kube::ResourceExt as _;
use serde_json::{Value, json};
use support::Identity;

use super::*;
use crate::{
    context::Installation,
    sample::{
        OPERATOR_NAMESPACE, active, found, installation, instance, partner, planned, pod, secret,
        validated,
    },
    validate::validate,
};

fn named<'a, K: kube::Resource>(objects: &'a [K], name: &str) -> &'a K {
    objects.iter().find(|object| object.name_any() == name).unwrap()
}

fn template(plan: &Plan, daemon: &str) -> PodTemplateSpec {
    let set = named(&plan.objects.stateful_sets, &format!("acme-{daemon}"));
    set.spec.clone().unwrap().template
}

fn pod_spec(plan: &Plan, daemon: &str) -> PodSpec {
    template(plan, daemon).spec.unwrap()
}

/// Paths of Secrets below the configuration's folder, in the pods of a daemon.
fn mounted(spec: &PodSpec) -> BTreeSet<String> {
    let volumes = spec.volumes.iter().flatten();
    let sources =
        volumes.filter_map(|volume| volume.projected.as_ref()?.sources.as_ref()).flatten();
    let items = sources.filter_map(|source| source.secret.as_ref()?.items.as_ref()).flatten();
    let paths = items.map(|item| item.path.clone());
    paths.filter(|path| path.starts_with("secrets/")).collect()
}

fn set<const N: usize>(texts: [&str; N]) -> BTreeSet<String> {
    texts.map(str::to_owned).into()
}

#[test]
fn every_object_is_found_by_its_instance_and_ends_with_it() {
    let plan = planned(|_| ());
    let Objects {
        service_accounts,
        roles,
        role_bindings,
        last_good,
        secrets,
        persistent_volume_claims,
        network_policies,
        services,
        pod_disruption_budgets,
        jobs,
        stateful_sets,
    } = &plan.objects;
    let all = [json!(service_accounts), json!(roles), json!(role_bindings), json!(secrets)];
    let all = [&all[..], &[json!(last_good)]].concat();
    let more = [json!(network_policies), json!(services), json!(pod_disruption_budgets)];
    let last = [json!(jobs), json!(stateful_sets)];
    let owned = [&all[..], &more, &last].concat();
    for object in owned.iter().flat_map(|kind| kind.as_array().unwrap()) {
        let metadata = &object["metadata"];
        assert_eq!(metadata["namespace"], "trade", "{object}");
        assert_eq!(metadata["labels"][names::INSTANCE_LABEL], "acme", "{object}");
        assert_eq!(metadata["labels"]["app.kubernetes.io/managed-by"], names::OPERATOR, "{object}");
        assert_eq!(metadata["ownerReferences"][0]["uid"], "1", "{object}");
    }
    let [claim] = &persistent_volume_claims[..] else { panic!("{persistent_volume_claims:?}") };
    assert!(claim.owner_references().is_empty(), "files outlive their instance");
}

#[test]
fn a_key_is_mounted_only_where_it_is_used() {
    let plan = planned(|_| ());
    let database = "secrets/acme-db-app/uri";
    let (certificate, key) = ("secrets/acme-tls/tls.crt", "secrets/acme-tls/tls.key");
    for (daemon, expected) in [
        ("seonrd", set([database])),
        ("seonrd-tcpip", set([database])),
        ("seonrd-tcpip-tls", set([database, certificate, key])),
        ("seonsqd", set([database, certificate, key])),
    ] {
        assert_eq!(mounted(&pod_spec(&plan, daemon)), expected, "{daemon}");
    }
    let job = plan.objects.jobs[0].spec.clone().unwrap().template.spec.unwrap();
    assert_eq!(mounted(&job), set([database]));
    let plan = planned(|value| {
        value["spec"]["send"] = json!({"tls": {"certificateSecretRef": {"name": "acme-tls"}}});
        value["spec"]["receive"] = json!({});
    });
    assert_eq!(mounted(&pod_spec(&plan, "seonsqd")), set([database, certificate, key]));
}

/// An instance with a key of its own for each purpose, and what is planned for it.
fn planned_with_file_keys(change: impl FnOnce(&mut Value)) -> Plan {
    static KEYS: LazyLock<[Identity; 3]> =
        LazyLock::new(|| ["sign", "decrypt", "receipts"].map(Identity::rsa));
    let instance = instance(|value| {
        value["spec"]["certificates"] = json!([
            {"purpose": ["Sign"], "secretRef": {"name": "sign"}},
            {"purpose": ["Decrypt"], "secretRef": {"name": "decrypt"}},
            {"purpose": ["SignReceipt"], "secretRef": {"name": "receipts"}},
        ]);
        let capi = json!({"controllers": [{"number": 1, "remote": {"host": "router.lan"}}]});
        value["spec"]["receive"]["capi"] = capi;
        change(value);
    });
    let mut found = found(instance, vec![partner("bolt", |_| ())]);
    for (name, keys) in ["sign", "decrypt", "receipts"].into_iter().zip(&*KEYS) {
        let values = [("tls.crt", keys.certificate_pem.as_str()), ("tls.key", &keys.key_pem)];
        found.secrets.insert(name.into(), secret("1", &values));
    }
    plan(&validated(&found), &found)
}

#[test]
fn keys_of_files_are_mounted_by_their_purpose_and_no_receiver_has_one() {
    let plan = planned_with_file_keys(|_| ());
    let database = "secrets/acme-db-app/uri";
    let tls = ["secrets/acme-tls/tls.crt", "secrets/acme-tls/tls.key"];
    let sign = ["secrets/sign/tls.crt", "secrets/sign/tls.key"];
    let decrypt = ["secrets/decrypt/tls.crt", "secrets/decrypt/tls.key"];
    let receipts = ["secrets/receipts/tls.crt", "secrets/receipts/tls.key"];
    for (daemon, keys) in [
        ("seonrd", vec![decrypt, receipts]),
        ("seonrd-tcpip", vec![]),
        ("seonrd-tcpip-tls", vec![tls]),
        ("seonrd-capi-0", vec![]),
        ("seonsqd", vec![tls, sign]),
    ] {
        let expected: BTreeSet<String> =
            keys.into_iter().flatten().chain([database]).map(str::to_owned).collect();
        assert_eq!(mounted(&pod_spec(&plan, daemon)), expected, "{daemon}");
    }
    let job = plan.objects.jobs[0].spec.clone().unwrap().template.spec.unwrap();
    assert_eq!(mounted(&job), set([database]));
    // What everybody has mounted as it is has none of them.
    let data = plan.objects.secrets.iter().filter_map(|secret| secret.data.as_ref()).flatten();
    for (name, text) in data {
        let text = String::from_utf8_lossy(&text.0);
        assert!(!text.contains("PRIVATE KEY"), "{name}");
    }
}

#[test]
fn a_secret_of_several_purposes_is_mounted_once() {
    let plan = planned_with_file_keys(|value| {
        value["spec"]["certificates"] = json!([
            {"purpose": ["Sign", "SignReceipt"], "secretRef": {"name": "sign"}},
            {"purpose": ["Sign"], "secretRef": {"name": "sign"}, "activeFrom": "2026-12-01"},
        ]);
        value["spec"]["send"] = json!({"tls": {"certificateSecretRef": {"name": "sign"}}});
    });
    for daemon in ["seonsqd", "seonrd"] {
        let volumes = pod_spec(&plan, daemon).volumes.unwrap();
        let sources = volumes[0].projected.clone().unwrap().sources.unwrap();
        let names = sources.iter().filter_map(|source| Some(source.secret.as_ref()?.name.as_str()));
        assert_eq!(names.filter(|name| *name == "sign").count(), 1, "{daemon}");
    }
}

#[test]
fn a_daemon_may_label_its_own_pods_and_nothing_else() {
    let plan = planned(|_| ());
    let role = named(&plan.objects.roles, "acme-seonrd-tcpip-tls");
    let [only] = &role.rules.clone().unwrap()[..] else { panic!("{role:?}") };
    assert_eq!(only.resources.as_deref(), Some(&["pods".to_owned()][..]));
    assert_eq!(only.verbs, ["get", "patch"]);
    let names: Vec<String> = (0..9).map(|n| format!("acme-seonrd-tcpip-tls-{n}")).collect();
    assert_eq!(only.resource_names.as_ref(), Some(&names));
    let container = &pod_spec(&plan, "seonrd-tcpip-tls").containers[0];
    let peers = container.env.as_ref().unwrap().iter().find(|env| env.name == "SEON_PEERS");
    assert_eq!(peers.unwrap().value.as_ref(), Some(&names.join(",")));
}

#[test]
fn another_port_makes_no_pod_anew() {
    let (usual, moved) =
        (planned(|_| ()), planned(|v| v["spec"]["receive"]["tls"]["port"] = json!(6620)));
    assert_eq!(template(&usual, "seonrd-tcpip-tls"), template(&moved, "seonrd-tcpip-tls"));
}

#[test]
fn another_number_of_replicas_makes_no_pod_anew() {
    let (two, three) =
        (planned(|_| ()), planned(|v| v["spec"]["receive"]["tls"]["replicas"] = json!(3)));
    assert_eq!(template(&two, "seonrd-tcpip-tls"), template(&three, "seonrd-tcpip-tls"));
    let replicas = |plan: &Plan| plan.replicas[&Daemon::SeonrdTcpipTls];
    assert_eq!((replicas(&two), replicas(&three)), (2, 3));
    assert_eq!(two.objects.roles, three.objects.roles);
}

#[test]
fn partners_reach_the_active_pod_and_no_other() {
    let plan = planned(|value| value["spec"]["receive"]["tcpip"]["port"] = json!(3306));
    let service = named(&plan.objects.services, "acme-seonrd-tcpip").spec.clone().unwrap();
    assert_eq!(
        service.selector.unwrap(),
        [
            (names::INSTANCE_LABEL.to_owned(), "acme".to_owned()),
            (names::DAEMON_LABEL.to_owned(), "seonrd-tcpip".to_owned()),
            (names::ROLE_LABEL.to_owned(), names::ACTIVE.to_owned()),
        ]
        .into()
    );
    // The role says who is active, also on a node that only the API server has lost.
    assert_eq!(service.publish_not_ready_addresses, Some(true));
    let port = &service.ports.unwrap()[0];
    assert_eq!((port.port, port.target_port.clone()), (3306, Some(IntOrString::Int(3306))));
    assert!(plan.objects.services.iter().all(|service| service.name_any() != "acme-seonsqd"));
}

#[test]
fn a_service_is_as_the_user_wants_it() {
    let plan = planned(|value| {
        value["spec"]["receive"]["tcpip"]["service"] = json!({
            "type": "LoadBalancer",
            "nodePort": 30_305,
            "annotations": {"a": "b"},
            "loadBalancerSourceRanges": ["192.0.2.0/24"],
        });
    });
    let service = named(&plan.objects.services, "acme-seonrd-tcpip");
    assert_eq!(service.annotations()["a"], "b");
    let spec = service.spec.clone().unwrap();
    assert_eq!(spec.type_.as_deref(), Some("LoadBalancer"));
    assert_eq!(spec.load_balancer_source_ranges.unwrap(), ["192.0.2.0/24"]);
    assert_eq!(spec.ports.unwrap()[0].node_port, Some(30_305));
}

/// What the *restricted* Pod Security Standard asks for.
fn is_restricted(spec: &PodSpec) {
    let pod = spec.security_context.as_ref().unwrap();
    assert_eq!(pod.run_as_non_root, Some(true));
    assert_eq!(pod.seccomp_profile.as_ref().unwrap().type_, "RuntimeDefault");
    for container in &spec.containers {
        let security = container.security_context.as_ref().unwrap();
        assert_eq!(security.allow_privilege_escalation, Some(false));
        assert_eq!(security.read_only_root_filesystem, Some(true));
        assert_eq!(security.capabilities.as_ref().unwrap().drop.as_deref().unwrap(), ["ALL"]);
    }
}

#[test]
fn every_pod_is_restricted_and_only_daemons_have_a_token() {
    let plan = planned(|_| ());
    for set in &plan.objects.stateful_sets {
        let spec = set.spec.clone().unwrap().template.spec.unwrap();
        is_restricted(&spec);
        assert_eq!(spec.automount_service_account_token, Some(true));
        assert_eq!(spec.service_account_name, set.metadata.name);
    }
    let job = plan.objects.jobs[0].spec.clone().unwrap().template.spec.unwrap();
    is_restricted(&job);
    assert_eq!(job.automount_service_account_token, Some(false));
}

#[test]
fn a_port_that_needs_privilege_is_opened_to_users_instead() {
    let sysctls = |port: u16| {
        let plan = planned(|value| value["spec"]["receive"]["tcpip"]["port"] = json!(port));
        pod_spec(&plan, "seonrd-tcpip").security_context.unwrap().sysctls
    };
    assert_eq!(sysctls(3305), None);
    let [sysctl] = &sysctls(305).unwrap()[..] else { panic!() };
    assert_eq!(
        (sysctl.name.as_str(), sysctl.value.as_str()),
        ("net.ipv4.ip_unprivileged_port_start", "305")
    );
}

#[test]
fn pods_are_spread_over_nodes_and_a_volume_of_one_node_keeps_them_together() {
    let plan = planned(|_| ());
    let spec = pod_spec(&plan, "seonrd");
    let [spread] = &spec.topology_spread_constraints.unwrap()[..] else { panic!() };
    assert_eq!(spread.when_unsatisfiable, "DoNotSchedule");
    assert_eq!(spread.node_taints_policy.as_deref(), Some("Honor"), "a lost node does not count");
    assert_eq!(spec.affinity, None);
    let storage = json!({"volumeClaim": {"size": "1Gi", "accessMode": "ReadWriteOnce"}});
    let plan = planned(|value| value["spec"]["storage"] = storage);
    let spec = pod_spec(&plan, "seonrd");
    assert_eq!(spec.topology_spread_constraints, None);
    let together = spec.affinity.unwrap().pod_affinity.unwrap();
    let [term] = &together.required_during_scheduling_ignored_during_execution.unwrap()[..] else {
        panic!()
    };
    assert_eq!(term.topology_key, "kubernetes.io/hostname");
}

#[test]
fn a_claim_that_is_there_is_used_and_none_is_made() {
    let plan = planned(|value| value["spec"]["storage"] = json!({"claimName": "files"}));
    assert!(plan.objects.persistent_volume_claims.is_empty());
    let volumes = pod_spec(&plan, "seonsqd").volumes.unwrap();
    let claims: Vec<_> =
        volumes.iter().filter_map(|v| v.persistent_volume_claim.as_ref()).collect();
    assert_eq!(claims[0].claim_name, "files");
}

#[test]
fn a_claim_that_is_there_keeps_pods_on_a_node_if_only_one_node_can_have_it() {
    for (modes, is_kept) in [
        (vec!["ReadWriteMany"], false),
        (vec!["ReadWriteOnce"], true),
        (vec!["ReadWriteOnce", "ReadWriteMany"], false),
    ] {
        let instance = instance(|value| value["spec"]["storage"] = json!({"claimName": "files"}));
        let mut found = found(instance, Vec::new());
        found.claim = Some(modes.iter().map(|mode| (*mode).to_owned()).collect());
        let pod = pod_spec(&plan(&validated(&found), &found), "seonsqd");
        assert_eq!(pod.affinity.is_some(), is_kept, "{modes:?}");
        assert_eq!(pod.topology_spread_constraints.is_none(), is_kept, "{modes:?}");
    }
}

#[test]
fn the_user_says_what_pods_have_in_common_and_the_operator_keeps_its_own() {
    let plan = planned(|value| {
        value["spec"]["daemonTemplate"] = json!({
            "nodeSelector": {"disk": "fast"},
            "tolerations": [{"key": "only", "operator": "Exists"}],
            "labels": {"team": "edi", names::DAEMON_LABEL: "mine"},
            "annotations": {"note": "x"},
            "imagePullSecrets": [{"name": "registry"}],
            "priorityClassName": "high",
            "terminationGracePeriodSeconds": 90,
            "resources": {"requests": {"cpu": "1"}, "limits": {"memory": "1Gi"}},
        });
        value["spec"]["receive"]["tls"]["resources"] = json!({"requests": {"cpu": 2}});
    });
    let PodTemplateSpec { metadata, spec } = template(&plan, "seonrd");
    let (metadata, spec) = (metadata.unwrap(), spec.unwrap());
    let labels = metadata.labels.unwrap();
    assert_eq!(labels["team"], "edi");
    assert_eq!(labels[names::DAEMON_LABEL], "seonrd");
    assert_eq!(metadata.annotations.unwrap()["note"], "x");
    assert_eq!(spec.node_selector.unwrap()["disk"], "fast");
    assert_eq!(spec.priority_class_name.as_deref(), Some("high"));
    assert_eq!(spec.termination_grace_period_seconds, Some(90));
    assert!(spec.tolerations.unwrap().iter().any(|t| t.key.as_deref() == Some("only")));
    let requests = |daemon: &str| {
        let spec = pod_spec(&plan, daemon);
        spec.containers[0].resources.clone().unwrap().requests.unwrap()
    };
    assert_eq!(requests("seonrd")["cpu"].0, "1");
    assert_eq!(requests("seonrd-tcpip-tls")["cpu"].0, "2");
    assert_eq!(requests("seonrd")["memory"].0, "64Mi", "what is not said has a default");
}

/// Everything that is allowed of one policy.
fn policy(plan: &Plan, name: &str) -> (Vec<Value>, BTreeSet<u64>) {
    let spec = named(&plan.objects.network_policies, name).spec.clone().unwrap();
    let ingress = spec.ingress.iter().flatten().map(|rule| json!(rule)).collect();
    let ports = spec.egress.iter().flatten().flat_map(|rule| rule.ports.clone().unwrap());
    let ports = ports.map(|port| json!(port)["port"].as_u64().unwrap()).collect();
    (ingress, ports)
}

#[test]
fn receivers_reach_the_database_and_the_api_server_and_only_the_sender_reaches_partners() {
    let plan = planned(|_| ());
    let admin = u64::from(names::ADMIN_PORT);
    let everybody: BTreeSet<u64> = [53, 5353, 443, 6443, 6432, admin].into();
    for daemon in ["acme-seonrd", "acme-seonrd-tcpip", "acme-seonrd-tcpip-tls"] {
        assert_eq!(policy(&plan, daemon).1, everybody, "{daemon}");
    }
    let mut sender = everybody;
    sender.insert(7305);
    assert_eq!(policy(&plan, "acme-seonsqd").1, sender);
    assert_eq!(policy(&plan, "acme-migrate"), (Vec::new(), [53, 5353, 6432].into()));
}

#[test]
fn lists_of_revoked_certificates_are_fetched_by_the_sender_alone_or_by_its_proxy() {
    let urls = json!(["http://ca.example/x.crl", "http://ca.example:8080/x.crl"]);
    for (proxy, ports) in [(Value::Null, vec![80, 8080]), (json!("http://proxy:3128"), vec![3128])]
    {
        let plan = |revocation: Value| {
            let mut value = instance(|_| ());
            value.spec.revocation = serde_json::from_value(revocation).unwrap();
            let found = found(value, vec![]);
            plan(&validated(&found), &found)
        };
        let without = plan(json!({}));
        let with = plan(json!({"urls": urls, "proxy": proxy}));
        assert_eq!(policy(&with, "acme-seonrd").1, policy(&without, "acme-seonrd").1);
        let mut expected = policy(&without, "acme-seonsqd").1;
        expected.extend(ports);
        assert_eq!(policy(&with, "acme-seonsqd").1, expected);
    }
}

#[test]
fn readings_are_for_the_operator_and_the_instance_itself_and_listeners_for_everybody() {
    let plan = planned(|_| ());
    let (ingress, _) = policy(&plan, "acme-seonrd-tcpip");
    let [readings, partners] = &ingress[..] else { panic!("{ingress:?}") };
    assert_eq!(readings["ports"][0]["port"], names::ADMIN_PORT);
    // Of other namespaces the operator's alone, however a pod elsewhere is labelled.
    let own_pods = json!({"podSelector": {"matchLabels": {names::INSTANCE_LABEL: "acme"}}});
    let operator = json!({
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": OPERATOR_NAMESPACE}},
        "podSelector": {"matchLabels": {"app.kubernetes.io/name": names::OPERATOR}},
    });
    assert_eq!(readings["from"], json!([own_pods, operator]));
    assert_eq!((&partners["from"], &partners["ports"][0]["port"]), (&Value::Null, &json!(3305)));
    assert_eq!(policy(&plan, "acme-seonsqd").0.len(), 1);
}

#[test]
fn whoever_reads_the_metrics_is_let_in_to_them_and_to_nothing_else() {
    let prometheus = json!({
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}},
    });
    let installation = Installation {
        metrics_from: vec![serde_json::from_value(prometheus.clone()).unwrap()],
        ..installation()
    };
    let found = found(instance(|_| ()), vec![]);
    let plan = plan(&validate(&found, &installation).unwrap(), &found);
    let (ingress, _) = policy(&plan, "acme-seonrd-tcpip");
    let [readings, partners] = &ingress[..] else { panic!("{ingress:?}") };
    assert_eq!(readings["from"][2], prometheus);
    assert_eq!(partners["from"], Value::Null);
}

#[test]
fn a_partner_changes_no_pod_template_and_an_image_changes_them_all() {
    let templates = |partners: Vec<_>, change: fn(&mut Value)| {
        let found = found(instance(change), partners);
        let plan = plan(&validated(&found), &found);
        let sets = plan.objects.stateful_sets.into_iter();
        (sets.map(|set| set.spec.unwrap().template).collect::<Vec<_>>(), plan.objects.secrets)
    };
    let (none, empty) = templates(vec![], |_| ());
    let (two, full) = templates(vec![partner("bolt", |_| ()), partner("cast", |_| ())], |_| ());
    assert_eq!(none, two);
    assert_ne!(empty, full);
    let (other, _) = templates(vec![], |value| value["spec"]["image"] = json!("other"));
    for (before, after) in none.iter().zip(&other) {
        let fingerprint = |t: &PodTemplateSpec| {
            t.metadata.clone().unwrap().annotations.unwrap()[names::TEMPLATE_ANNOTATION].clone()
        };
        assert_ne!(fingerprint(before), fingerprint(after));
    }
}

#[test]
fn a_migration_is_another_job_for_other_pods_or_another_database_and_not_for_another_password() {
    let job = |uri: &str, image: &str| {
        let mut found = found(instance(|value| value["spec"]["image"] = json!(image)), vec![]);
        let secret = secret("2", &[("uri", uri)]);
        found.secrets.insert("acme-db-app".into(), secret);
        plan(&validated(&found), &found).objects.jobs[0].name_any()
    };
    let usual = job("postgres://u:a@db/seon", "one");
    assert_eq!(usual, job("postgres://u:b@db/seon", "one"));
    assert_ne!(usual, job("postgres://u:a@other/seon", "one"));
    assert_ne!(usual, job("postgres://u:a@db/seon", "two"));
    // A Job's template can never change.
    let other = json!({"annotations": {"a": "b"}});
    let other = planned(|value| value["spec"]["daemonTemplate"] = other);
    assert_ne!(planned(|_| ()).objects.jobs[0].name_any(), other.objects.jobs[0].name_any());
}

#[test]
fn an_instance_that_is_suspended_stops_in_order() {
    let replicas = |pods: Vec<_>| {
        let mut found = found(instance(|value| value["spec"]["suspend"] = json!(true)), vec![]);
        found.pods = pods;
        let plan = plan(&validated(&found), &found);
        let of = |daemon| plan.replicas[&daemon];
        [
            of(Daemon::SeonrdTcpip),
            of(Daemon::SeonrdTcpipTls),
            of(Daemon::Seonsqd),
            of(Daemon::Seonrd),
        ]
    };
    let (receiver, sender, master) =
        (pod(Daemon::SeonrdTcpip, 0), pod(Daemon::Seonsqd, 0), pod(Daemon::Seonrd, 0));
    assert_eq!(replicas(vec![receiver, sender.clone(), master.clone()]), [0, 0, 2, 2]);
    assert_eq!(replicas(vec![sender, master.clone()]), [0, 0, 0, 2]);
    assert_eq!(replicas(vec![master]), [0, 0, 0, 0]);
    assert_eq!(replicas(vec![]), [0, 0, 0, 0]);
}

#[test]
fn a_pod_is_asked_once_for_a_newer_configuration() {
    let mut found = found(instance(|_| ()), vec![]);
    let validated = validated(&found);
    let revision = &validated.revision;
    let with = |configuration: Option<&str>, wanted: Option<&str>| crate::world::ObservedPod {
        configuration: configuration.map(Into::into),
        wanted: wanted.map(Into::into),
        ..active(Daemon::Seonsqd, 0, 1)
    };
    for (pod, is_asked) in [
        (with(Some("older"), None), true),
        (with(Some("older"), Some("older")), true),
        (with(Some("older"), Some(revision)), false),
        (with(Some(revision), None), false),
        (with(None, None), false),
    ] {
        found.pods = vec![pod];
        let actions = plan(&validated, &found).actions;
        let asked = actions.iter().any(|action| matches!(action, Action::AskFor { .. }));
        assert_eq!(asked, is_asked, "{:?}", found.pods);
    }
}
