//! What is planned for controllers of ISDN.

use k8s_openapi::api::{apps::v1::StatefulSet, networking::v1::NetworkPolicyEgressRule};
use kube::ResourceExt as _;
use serde_json::{Value, json};

use super::*;
use crate::{
    action::Why,
    sample::{active, found, instance, migrated, now, partner, pod, validated},
    world::ObservedPod,
};

const RESOURCE: &str = "seon.dev/capi-controller-3";

fn capi(number: u8) -> Daemon {
    Daemon::SeonrdCapi(number.try_into().unwrap())
}

/// Controller 3 is a node's, and 4 is a box's.
fn with_isdn(host: &str) -> impl FnOnce(&mut Value) {
    let remote = json!({"host": host, "secretRef": {"name": "router"}});
    let controllers = json!([{"number": 3, "device": {}}, {"number": 4, "remote": remote}]);
    move |value| value["spec"]["receive"]["capi"] = json!({"controllers": controllers})
}

fn planned(host: &str) -> Plan {
    let found = found(instance(with_isdn(host)), vec![partner("bolt", |_| ())]);
    plan(&validated(&found), &found)
}

fn stateful_set<'a>(plan: &'a Plan, name: &str) -> &'a StatefulSet {
    plan.objects.stateful_sets.iter().find(|set| set.name_any() == name).unwrap()
}

/// What the only container of a daemon's pods asks for, and may use.
fn resources(plan: &Plan, name: &str) -> (Value, Value) {
    let set = stateful_set(plan, name);
    let pod = set.spec.as_ref().unwrap().template.spec.as_ref().unwrap();
    let resources = pod.containers[0].resources.as_ref().unwrap();
    (json!(resources.requests), json!(resources.limits))
}

fn egress(plan: &Plan, name: &str) -> Vec<NetworkPolicyEgressRule> {
    let policies = &plan.objects.network_policies;
    let policy = policies.iter().find(|policy| policy.name_any() == name).unwrap();
    policy.spec.clone().unwrap().egress.unwrap()
}

#[test]
fn each_controller_has_a_daemon_with_all_that_daemons_have_and_no_service() {
    let plan = planned("router.lan");
    for name in ["acme-seonrd-capi-2", "acme-seonrd-capi-3"] {
        let Objects { service_accounts, roles, role_bindings, .. } = &plan.objects;
        assert!(service_accounts.iter().any(|one| one.name_any() == name));
        assert!(roles.iter().any(|one| one.name_any() == name));
        assert!(role_bindings.iter().any(|one| one.name_any() == name));
        let Objects { services, pod_disruption_budgets, network_policies, .. } = &plan.objects;
        assert!(pod_disruption_budgets.iter().any(|one| one.name_any() == name));
        assert!(services.iter().all(|one| one.name_any() != name), "nobody calls it by TCP");
        let policy = network_policies.iter().find(|one| one.name_any() == name).unwrap();
        let ingress = policy.spec.clone().unwrap().ingress.unwrap();
        let [readings] = &ingress[..] else { panic!("{ingress:?}") };
        assert_eq!(json!(readings)["ports"][0]["port"], crds::names::ADMIN_PORT);
        let pod = stateful_set(&plan, name).spec.clone().unwrap().template.spec.unwrap();
        assert_eq!(pod.service_account_name.as_deref(), Some(name));
        assert_eq!(pod.containers[0].args.as_ref().unwrap()[0], name[5..].replace('-', "_"));
    }
}

#[test]
fn the_pods_of_a_device_ask_for_the_controller_of_that_number_and_for_nothing_on_the_node() {
    let plan = planned("router.lan");
    let (requests, limits) = resources(&plan, "acme-seonrd-capi-2");
    assert_eq!((&requests[RESOURCE], &limits[RESOURCE]), (&json!("1"), &json!("1")));
    assert_eq!(requests["memory"], "64Mi", "beside what every daemon asks for");
    let spec =
        stateful_set(&plan, "acme-seonrd-capi-2").spec.clone().unwrap().template.spec.unwrap();
    assert!(spec.volumes.unwrap().iter().all(|volume| volume.host_path.is_none()));
    assert_eq!((spec.host_network, spec.host_ipc, spec.host_pid), (None, None, None));
    assert_eq!(spec.containers[0].security_context.as_ref().unwrap().privileged, None);
    let (requests, limits) = resources(&plan, "acme-seonrd-capi-3");
    assert!(!requests.to_string().contains("capi-controller"), "{requests}");
    assert_eq!(limits, Value::Null);
}

#[test]
fn a_device_has_one_pod_unless_more_are_wanted_and_a_box_has_as_many_as_other_daemons() {
    let usual = planned("router.lan");
    assert_eq!((usual.replicas[&capi(3)], usual.replicas[&capi(4)]), (1, 2));
    let found = found(
        instance(|value| {
            let controller = json!({"number": 3, "device": {}, "replicas": 2,
                "resources": {"limits": {"memory": "99Mi"}}});
            value["spec"]["receive"]["capi"] = json!({"controllers": [controller]});
        }),
        vec![],
    );
    let more = plan(&validated(&found), &found);
    assert_eq!(more.replicas[&capi(3)], 2);
    let (_, limits) = resources(&more, "acme-seonrd-capi-2");
    assert_eq!(limits, json!({"memory": "99Mi", RESOURCE: "1"}));
}

#[test]
fn only_the_daemon_of_a_box_reaches_it_and_that_alone_where_its_address_is_known() {
    for (host, to) in [
        ("router.lan", Value::Null),
        ("192.0.2.7", json!([{"ipBlock": {"cidr": "192.0.2.7/32"}}])),
        ("2001:db8::7", json!([{"ipBlock": {"cidr": "2001:db8::7/128"}}])),
    ] {
        let plan = planned(host);
        let rules = egress(&plan, "acme-seonrd-capi-3");
        let usual = egress(&plan, "acme-seonrd-capi-2");
        assert_eq!(rules[..3], usual, "everything else is as for others");
        let rule = json!(rules[3]);
        assert_eq!((&rule["to"], &rule["ports"][0]["port"]), (&to, &json!(2662)), "{host}");
        for other in ["acme-seonrd", "acme-seonsqd", "acme-seonrd-tcpip", "acme-migrate"] {
            assert!(!json!(egress(&plan, other)).to_string().contains("2662"), "{other}");
        }
    }
}

#[test]
fn the_account_at_a_box_is_mounted_in_the_pods_of_its_daemon_alone() {
    let plan = planned("router.lan");
    for set in &plan.objects.stateful_sets {
        let pod = json!(set.spec.as_ref().unwrap().template.spec);
        let is_mounted = pod.to_string().contains("secrets/router/password");
        assert_eq!(is_mounted, set.name_any() == "acme-seonrd-capi-3", "{}", set.name_any());
    }
    assert!(!json!(plan.objects.jobs).to_string().contains("router"));
}

/// An active pod that has lost its device, beside pods that are outdated.
fn stranded() -> Found {
    let mut found = found(instance(with_isdn("router.lan")), vec![]);
    let lost = ObservedPod {
        is_ready: false,
        unready_since: Some(now() - jiff::SignedDuration::from_mins(1)),
        controller: Some(RESOURCE.into()),
        ..active(capi(3), 0, 7)
    };
    found.pods = vec![pod(Daemon::Seonsqd, 1), lost];
    found
}

fn ended(found: &Found) -> Vec<(String, Why)> {
    let actions = plan(&validated(found), found).actions.into_iter();
    let ended = actions.filter_map(|action| match action {
        Action::End { pod, why } => Some((pod.name, why)),
        _ => None,
    });
    ended.collect()
}

#[test]
fn a_pod_that_has_lost_its_controller_is_ended_before_any_roll_out_goes_on() {
    let mut found = stranded();
    assert_eq!(ended(&found), [("acme-seonrd-capi-2-0".to_owned(), Why::Stranded)]);
    // Until it is gone nothing else is.
    found.pods[1].ends = Some(now());
    assert_eq!(ended(&found), []);
}

#[test]
fn a_line_that_is_away_holds_up_the_roll_out_of_nothing_else() {
    let mut found = found(instance(with_isdn("router.lan")), vec![]);
    let validated = validated(&found);
    migrated(&mut found, &validated);
    for wanted in &validated.daemons {
        let number = wanted.replicas;
        found.pods.extend((0..number).map(|ordinal| pod(wanted.daemon, ordinal)));
    }
    let mut order = Vec::new();
    while let [(name, Why::Outdated)] = &ended(&found)[..] {
        let pod = found.pods.iter_mut().find(|pod| pod.name == *name).unwrap();
        let wanted = validated.daemons.iter().find(|wanted| wanted.daemon == pod.daemon).unwrap();
        pod.template = Some(pod::fingerprint(&validated, wanted));
        // As if its line were away for good.
        pod.is_ready = !matches!(pod.daemon, Daemon::SeonrdCapi(_));
        order.push(name.clone());
    }
    let all = found.pods.len();
    let isdn = order.iter().position(|name| name.contains("capi")).unwrap();
    assert_eq!((isdn, order.len()), (all - 3, all - 2), "{order:?}");
}
