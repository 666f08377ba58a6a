//! What the user says of pods and Services, in what is planned.

use crds::names;
use serde_json::{Value, json};

use super::*;
use crate::{
    context::Installation,
    sample::{found, installation, instance, planned},
    validate::validate,
};

fn template(value: Value) -> impl Fn(&mut Value) {
    move |instance| instance["spec"]["daemonTemplate"] = value.clone()
}

/// The pods of every daemon, and the migration's.
fn pods(plan: &Plan) -> Vec<Value> {
    let sets =
        plan.objects.stateful_sets.iter().map(|set| json!(set.spec)["template"]["spec"].clone());
    let jobs = plan.objects.jobs.iter().map(|job| json!(job.spec)["template"]["spec"].clone());
    sets.chain(jobs).collect()
}

fn planned_for(installation: &Installation, change: impl Fn(&mut Value)) -> Plan {
    let found = found(instance(change), vec![]);
    plan(&validate(&found, installation).unwrap(), &found)
}

#[test]
fn what_the_template_says_of_places_is_said_of_every_daemons_pods() {
    let zone = json!({"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {
        "nodeSelectorTerms": [{"matchExpressions": [
            {"key": "topology.kubernetes.io/zone", "operator": "In", "values": ["a", "b"]},
        ]}],
    }}});
    let plan = planned(template(json!({
        "affinity": zone,
        "schedulerName": "batch",
        "topologySpreadConstraints": [
            {"maxSkew": 1, "topologyKey": "topology.kubernetes.io/zone", "whenUnsatisfiable": "DoNotSchedule"},
            {"maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "ScheduleAnyway",
             "labelSelector": {"matchLabels": {"its": "own"}}},
        ],
    })));
    for set in &plan.objects.stateful_sets {
        let spec = &json!(set.spec)["template"]["spec"];
        assert_eq!((&spec["affinity"], &spec["schedulerName"]), (&zone, &json!("batch")));
        let spread = &spec["topologySpreadConstraints"];
        assert_eq!(spread[0]["labelSelector"], json!(set.spec)["selector"], "its own pods");
        assert_eq!(spread[1]["labelSelector"], json!({"matchLabels": {"its": "own"}}));
    }
}

#[test]
fn a_volume_of_one_node_has_all_pods_there_whatever_else_is_said() {
    let wanted = json!({"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [
        {"topologyKey": "topology.kubernetes.io/zone", "labelSelector": {"matchLabels": {"a": "b"}}},
    ]}});
    let plan = planned(|instance: &mut Value| {
        instance["spec"]["storage"] =
            json!({"volumeClaim": {"size": "1Gi", "accessMode": "ReadWriteOnce"}});
        instance["spec"]["daemonTemplate"] = json!({"affinity": wanted});
    });
    for set in &plan.objects.stateful_sets {
        let terms = json!(set.spec)["template"]["spec"]["affinity"]["podAffinity"]
            ["requiredDuringSchedulingIgnoredDuringExecution"]
            .clone();
        let keys: Vec<_> = terms.as_array().unwrap().iter().map(|t| &t["topologyKey"]).collect();
        assert_eq!(keys, ["topology.kubernetes.io/zone", "kubernetes.io/hostname"]);
    }
}

#[test]
fn what_pods_do_not_know_is_refused_with_its_path() {
    let said = |wanted| {
        let found = found(instance(template(wanted)), vec![]);
        let error = validate(&found, &installation()).unwrap_err();
        assert_eq!(error.code(), "E-VALIDATE-PLACEMENT");
        error.to_string()
    };
    let misspelt = said(json!({"affinity": {"podAffinity": {}, "nodeAfinity": {"a": 1}}}));
    assert!(misspelt.contains("spec.daemonTemplate.affinity.nodeAfinity"), "{misspelt}");
    let deeper = said(json!({"topologySpreadConstraints": [
        {"maxSkew": 1, "topologyKey": "a", "whenUnsatisfiable": "b", "labelSelector": {"matchLabel": {"a": "b"}}},
    ]}));
    assert!(deeper.contains("topologySpreadConstraints[0].labelSelector.matchLabel"), "{deeper}");
    let no_number = said(json!({"topologySpreadConstraints": [{"maxSkew": "one"}]}));
    assert!(
        no_number.contains("topologySpreadConstraints[0]: is none as pods have it"),
        "{no_number}"
    );
}

#[test]
fn further_variables_and_folders_are_seen_by_every_daemon() {
    let plan = planned(template(json!({
        "env": [{"name": "HTTPS_PROXY", "value": "http://proxy:3128"}],
        "volumes": [
            {"mountPath": "/mnt/plm", "claimName": "plm"},
            {"mountPath": "/mnt/old", "nfs": {"server": "nas", "path": "/old"}, "readOnly": true},
            {"mountPath": "/mnt/rules", "configMapName": "rules"},
            {"mountPath": "/mnt/key", "secretName": "key"},
        ],
    })));
    for pod in pods(&plan) {
        let container = &pod["containers"][0];
        let env = container["env"].as_array().unwrap();
        assert!(
            env.contains(&json!({"name": "HTTPS_PROXY", "value": "http://proxy:3128"})),
            "{env:?}"
        );
    }
    for set in &plan.objects.stateful_sets {
        let pod = json!(set.spec)["template"]["spec"].clone();
        let volume = |name: &str| {
            let all = pod["volumes"].as_array().unwrap();
            all.iter().find(|volume| volume["name"] == name).unwrap().clone()
        };
        assert_eq!(volume("further-0")["persistentVolumeClaim"], json!({"claimName": "plm"}));
        let nfs = json!({"server": "nas", "path": "/old", "readOnly": true});
        assert_eq!(volume("further-1")["nfs"], nfs);
        assert_eq!(volume("further-2")["configMap"], json!({"name": "rules"}));
        assert_eq!(
            volume("further-3")["secret"],
            json!({"secretName": "key", "defaultMode": 0o440})
        );
        let mounts = pod["containers"][0]["volumeMounts"].as_array().unwrap();
        let old = json!({"name": "further-1", "mountPath": "/mnt/old", "readOnly": true});
        assert!(mounts.contains(&old), "{mounts:?}");
    }
}

#[test]
fn the_definitions_keep_further_folders_from_the_daemons_own() {
    let definitions = json!(crds::definitions()).to_string();
    let own = [names::CONFIGURATION_DIRECTORY, names::DATA_DIRECTORY, names::RUN_DIRECTORY]
        .map(|own| format!("'{own}'"));
    let rule = format!("[{}].exists(ours, self == ours", own.join(", "));
    assert!(definitions.contains(&rule), "{rule}");
}

#[test]
fn pods_run_as_our_user_or_as_who_is_named_or_as_the_platform_says() {
    let ours = installation();
    let platform = Installation { platform_users: true, ..installation() };
    let named = json!({"securityContext": {"runAsUser": 1000, "supplementalGroups": [3000]}});
    let cases = [
        (&ours, json!({}), json!([65_532, 65_532, 65_532, null])),
        (&ours, named.clone(), json!([1000, 65_532, 65_532, [3000]])),
        (&platform, json!({}), json!([null, null, null, null])),
        (&platform, named, json!([1000, null, null, [3000]])),
    ];
    for (installation, wanted, expected) in cases {
        for pod in pods(&planned_for(installation, template(wanted.clone()))) {
            let context = &pod["securityContext"];
            let fields = ["runAsUser", "runAsGroup", "fsGroup", "supplementalGroups"];
            assert_eq!(json!(fields.map(|field| &context[field])), expected, "{wanted}");
            assert_eq!(context["runAsNonRoot"], true, "never as root");
        }
    }
}

#[test]
fn images_are_fetched_by_the_instances_secrets_and_the_installations() {
    let installation =
        Installation { pull_secrets: vec!["shared".into(), "own".into()], ..installation() };
    let wanted = json!({"imagePullSecrets": [{"name": "own"}]});
    for pod in pods(&planned_for(&installation, template(wanted))) {
        assert_eq!(pod["imagePullSecrets"], json!([{"name": "own"}, {"name": "shared"}]));
    }
}

#[test]
fn a_service_is_what_its_load_balancer_needs() {
    let plan = planned(|instance: &mut Value| {
        instance["spec"]["receive"]["tcpip"] = json!({"service": {
            "type": "LoadBalancer",
            "externalTrafficPolicy": "Local",
            "loadBalancerClass": "example.com/inner",
            "ipFamilyPolicy": "PreferDualStack",
            "ipFamilies": ["IPv6", "IPv4"],
            "labels": {"pool": "partners", names::INSTANCE_LABEL: "forged", names::ROLE_LABEL: "active"},
        }});
    });
    let service = |name: &str| {
        let service =
            plan.objects.services.iter().find(|s| s.metadata.name.as_deref() == Some(name));
        json!(service.unwrap())
    };
    let tcpip = service("acme-seonrd-tcpip");
    let spec = &tcpip["spec"];
    assert_eq!(spec["externalTrafficPolicy"], "Local");
    assert_eq!(spec["loadBalancerClass"], "example.com/inner");
    assert_eq!(
        (&spec["ipFamilyPolicy"], &spec["ipFamilies"]),
        (&json!("PreferDualStack"), &json!(["IPv6", "IPv4"]))
    );
    let labels = &tcpip["metadata"]["labels"];
    assert_eq!(
        (&labels["pool"], &labels[names::INSTANCE_LABEL]),
        (&json!("partners"), &json!("acme"))
    );
    assert!(labels.get(names::ROLE_LABEL).is_none(), "{labels}");
    let tls = service("acme-seonrd-tcpip-tls");
    for field in ["externalTrafficPolicy", "loadBalancerClass", "ipFamilyPolicy", "ipFamilies"] {
        assert_eq!(tls["spec"][field], Value::Null, "as the cluster has it");
    }
}

#[test]
fn a_service_account_has_the_annotations_that_give_it_an_identity_elsewhere() {
    let annotations = json!({"eks.amazonaws.com/role-arn": "arn:aws:iam::1:role/seon"});
    let plan = planned(template(json!({"serviceAccountAnnotations": annotations})));
    for account in &plan.objects.service_accounts {
        assert_eq!(json!(account)["metadata"]["annotations"], annotations);
    }
}

#[test]
fn what_is_said_of_pods_and_services_is_no_part_of_what_daemons_read() {
    let plain = planned(|_| ());
    let much = planned(|instance: &mut Value| {
        instance["spec"]["receive"]["tcpip"] =
            json!({"replicas": 3, "service": {"type": "NodePort"}});
        instance["spec"]["send"] =
            json!({"replicas": 1, "resources": {"limits": {"memory": "1Gi"}}});
        instance["spec"]["daemonTemplate"] = json!({"env": [{"name": "TZ", "value": "UTC"}]});
    });
    assert_eq!(json!(plain.objects.secrets), json!(much.objects.secrets));
}
