//! The CEL rules, evaluated here as the API server evaluates them there.

use serde::Deserialize as _;
use serde_json::{Value, json};

use super::*;
use crate::common::OBJECT_NAME_MESSAGE;

mod security;

fn instance(change: impl FnOnce(&mut Value)) -> SeonInstance {
    let mut value = json!({
        "apiVersion": API_VERSION,
        "kind": "SeonInstance",
        "metadata": {"name": "acme"},
        "spec": {
            "identity": {
                "odetteId": "O0013000001ACME",
                "passwordSecretRef": {"name": "acme-oftp", "key": "password"},
            },
        },
    });
    change(&mut value);
    serde_json::from_value(value).unwrap()
}

fn partner(change: impl FnOnce(&mut Value)) -> SeonPartner {
    let mut value = json!({
        "apiVersion": API_VERSION,
        "kind": "SeonPartner",
        "metadata": {"name": "bolt"},
        "spec": {
            "instanceRef": {"name": "acme"},
            "identity": {
                "odetteId": "O0013000002BOLT",
                "passwordSecretRef": {"name": "bolt-oftp", "key": "password"},
            },
            "transports": [{"tcp": {"host": "oftp.bolt.example"}}],
        },
    });
    change(&mut value);
    serde_json::from_value(value).unwrap()
}

/// What the rules say about an instance after a change.
fn instance_says(change: impl FnOnce(&mut Value)) -> Vec<String> {
    messages(instance(change).validate_cel())
}

/// What the rules say about a partner after a change.
fn partner_says(change: impl FnOnce(&mut Value)) -> Vec<String> {
    messages(partner(change).validate_cel())
}

fn messages(result: Result<(), kube::core::cel::ValidationErrors>) -> Vec<String> {
    let errors = result.err().map(kube::core::cel::ValidationErrors::into_vec).unwrap_or_default();
    errors.into_iter().map(|error| format!("{}: {}", error.field_path, error.message)).collect()
}

const NOTHING: [&str; 0] = [];

#[test]
fn the_shortest_resources_are_good() {
    assert_eq!(instance_says(|_| ()), NOTHING);
    assert_eq!(partner_says(|_| ()), NOTHING);
}

#[test]
fn resources_with_everything_are_good() {
    let says = instance_says(|value| {
        let spec = &mut value["spec"];
        spec["identity"]["stations"] = json!([{"odetteId": "O0013 (1)/-.&"}]);
        spec["receive"] = json!({
            "tcpip": {},
            "tls": {"certificateSecretRef": {"name": "tls"}},
            "capi": {"controllers": [
                {"number": 1, "device": {}},
                {"number": 2, "remote": {"host": "router.lan", "secretRef": {"name": "box"}},
                    "numbers": ["12345"], "maxSessions": 30, "overlap": true, "packetSize": 4096,
                    "segmentation": "Blocks", "idleTimeout": "24h"},
            ]},
        });
        spec["certificates"] = json!([
            {"purpose": ["Sign", "SignReceipt"], "secretRef": {"name": "sign"}},
            {"purpose": ["Decrypt"], "secretRef": {"name": "decrypt"}, "activeFrom": "2026-12-01"},
        ]);
        spec["send"] = json!({
            "retry": {"first": "1m30s", "longest": "168h"},
            "schedule": ["* 6-19 * * 1-5", "0 2 * * *"],
        });
        spec["lease"] = json!({"ttl": "2s"});
        spec["retention"] = json!({"journal": "87600h", "finished": "24h"});
    });
    assert_eq!(says, NOTHING);
    let says = partner_says(|value| {
        let spec = &mut value["spec"];
        spec["identity"]["stations"] = json!([{"odetteId": "O0013 (4)/-.&"}]);
        spec["transports"] = json!([
            {"tls": {"host": "a"}},
            {"tcp": {"host": "a"}},
            {"isdn": {"number": "+49 221 12345", "callingNumber": "0221 54321",
                "callUserData": "c0FFee", "packetSize": 16, "window": 7}},
        ]);
        spec["certificates"] =
            json!([{"purpose": ["Tls"], "secretRef": {"name": "a"}, "activeFrom": "2026-12-01"}]);
        spec["protocol"] = json!({"level": "1.4", "highestLevel": "1.4", "strict": ["NulPadding"]});
        spec["poll"] = json!("*/15 * * * *");
        spec["schedule"] = json!([]);
        spec["files"] = json!([{"match": "*", "rename": "{date}-{dataset}"}]);
        spec["folders"] = json!([
            {"directory": "a"},
            {"directory": "b", "format": "Fixed", "recordLength": 80},
        ]);
    });
    assert_eq!(says, NOTHING);
}

#[test]
fn an_instance_is_named_so_that_its_daemons_can_be() {
    for name in ["Acme", "1acme", "a.b", "acme-", "a23456789012345678901234567890123456"] {
        let says = instance_says(|value| value["metadata"]["name"] = json!(name));
        assert_eq!(
            says,
            [": metadata.name becomes part of the daemons' names; give 1 to 35 of a-z, 0-9 and \
              -, beginning with a letter, such as acme"],
            "{name}"
        );
    }
}

#[test]
fn a_partner_is_named_so_that_its_folder_can_be() {
    let says = partner_says(|value| value["metadata"]["name"] = json!("a.b"));
    assert_eq!(
        says,
        [": metadata.name becomes a folder and a word on the command line; give 1 to 63 of a-z, \
          0-9 and -, such as bolt"]
    );
}

#[test]
fn an_odette_id_is_of_the_odette_set() {
    for id in ["o0013", "O0013_1", "Ö", "  "] {
        let says = instance_says(|value| value["spec"]["identity"]["odetteId"] = json!(id));
        assert_eq!(
            says,
            ["spec.identity.odetteId: an Odette ID consists of A-Z, 0-9, space and / - . & ( ), \
              such as O0013000001ACME"],
            "{id}"
        );
    }
}

#[test]
fn lengths_of_time_are_within_reason() {
    for ttl in ["1s", "6m", "10", "10 s", "-10s", ""] {
        let says = instance_says(|value| value["spec"]["lease"] = json!({"ttl": ttl}));
        assert_eq!(says.len(), 1, "{ttl}: {says:?}");
        assert!(says[0].starts_with("spec.lease.ttl: "), "{says:?}");
    }
    let says = instance_says(|value| value["spec"]["lease"] = json!({"ttl": "1s"}));
    assert_eq!(says, ["spec.lease.ttl: give 2s to 5m (usual: 10s)"]);
    let says = instance_says(|value| value["spec"]["send"] = json!({"retry": {"first": "25h"}}));
    assert!(says.contains(&"spec.send.retry.first: give 1s to 24h (usual: 30s)".into()));
    for kept in ["23h", "87601h", "90d"] {
        let says = instance_says(|value| {
            value["spec"]["retention"] = json!({"journal": kept, "finished": kept});
        });
        assert_eq!(
            says,
            [
                "spec.retention.finished: give 24h to 87600h (usual: 2160h)",
                "spec.retention.journal: give 24h to 87600h (usual: 8760h)"
            ],
            "{kept}"
        );
    }
}

#[test]
fn the_first_wait_is_not_the_longest() {
    let says = instance_says(|value| value["spec"]["send"] = json!({"retry": {"first": "2h"}}));
    assert_eq!(
        says,
        ["spec.send.retry: first is longer than longest; give a shorter first or a longer longest"]
    );
}

#[test]
fn a_transport_is_one_of_three() {
    let mixed = [
        json!({}),
        json!({"tls": {"host": "a"}, "tcp": {"host": "a"}}),
        json!({"tcp": {"host": "a"}, "isdn": {"number": "1"}}),
    ];
    for transport in mixed {
        let says = partner_says(|value| {
            value["spec"]["transports"] = json!([transport]);
            value["spec"]["certificates"] =
                json!([{"purpose": ["Tls"], "secretRef": {"name": "a"}}]);
        });
        assert_eq!(
            says,
            [
                "spec.transports[0]: a transport is one of tls, tcp and isdn; give each its own entry \
              in the list"
            ]
        );
    }
}

#[test]
fn numbers_of_isdn_can_be_dialled() {
    for number in ["", "+", " ", "0221/12345", "+49 (221)", "22+1"] {
        for field in ["number", "callingNumber"] {
            let says = partner_says(|value| {
                let mut isdn = json!({"number": "1"});
                isdn[field] = json!(number);
                value["spec"]["transports"] = json!([{"isdn": isdn}]);
            });
            assert_eq!(
                says,
                [format!(
                    "spec.transports[0].isdn.{field}: a number consists of digits, with a + before \
                     them or without, such as +49 221 12345"
                )],
                "{number}"
            );
        }
    }
    let says = instance_says(|value| {
        let controllers =
            json!([{"number": 1}, {"number": 2, "device": {}, "remote": {"host": "a"}}]);
        value["spec"]["receive"] = json!({"capi": {"controllers": controllers}});
    });
    assert_eq!(
        says,
        [0, 1].map(|index| format!(
            "spec.receive.capi.controllers[{index}]: a controller is reached by one of device and \
             remote; leave one of them"
        ))
    );
    let says = instance_says(|value| {
        value["spec"]["receive"] = json!({"capi": {"controllers": [
            {"number": 1, "remote": {"host": "a"}, "numbers": ["0221 1"]},
        ]}});
    });
    assert_eq!(
        says,
        [
            "spec.receive.capi.controllers[0].numbers: an own number consists of digits, as the line \
          tells it, such as 12345"
        ]
    );
}

#[test]
fn what_x25_is_told_is_something_that_it_can_say() {
    let of_a_controller = |controller: Value| {
        instance_says(|value| {
            let mut controller = controller;
            controller["number"] = json!(1);
            controller["device"] = json!({});
            value["spec"]["receive"] = json!({"capi": {"controllers": [controller]}});
        })
    };
    let field = "spec.receive.capi.controllers[0]";
    assert_eq!(
        of_a_controller(json!({"packetSize": 100, "idleTimeout": "1s"})),
        [
            format!("{field}.idleTimeout: give 10s to 24h (usual: 3m)"),
            format!("{field}.packetSize: give a power of two from 16 to 4096 (usual: 128)"),
        ]
    );
    assert_eq!(
        of_a_controller(json!({"overlap": true})),
        [format!(
            "{field}: with overlap a called number is complete when it is one of ours; give \
             numbers, or leave out overlap"
        )]
    );
    let says = partner_says(|value| {
        let isdn = json!({"number": "1", "packetSize": 8192, "callUserData": "C0F"});
        value["spec"]["transports"] = json!([{"isdn": isdn}]);
    });
    let field = "spec.transports[0].isdn";
    assert_eq!(
        says,
        [
            format!(
                "{field}.callUserData: call user data are 1 to 16 octets in hexadecimal, such as \
                 C0000000"
            ),
            format!("{field}.packetSize: give a power of two from 16 to 4096 (usual: 128)"),
        ]
    );
}

#[test]
fn a_partner_by_tls_is_known_by_a_certificate() {
    let says = partner_says(|value| value["spec"]["transports"] = json!([{"tls": {"host": "a"}}]));
    assert_eq!(
        says,
        ["spec: a tls transport needs certificates to know the partner by; add to certificates \
          an entry with purpose [Tls]"]
    );
}

#[test]
fn a_poll_needs_somewhere_to_call() {
    let says = partner_says(|value| {
        value["spec"]["transports"] = json!([]);
        value["spec"]["poll"] = json!("* * * * *");
    });
    assert_eq!(
        says,
        ["spec: poll calls the partner, but transports is empty; say where to call, or leave out \
          poll"]
    );
}

#[test]
fn a_poll_has_five_fields() {
    let says = partner_says(|value| value["spec"]["poll"] = json!("0 */15 * * * *"));
    assert_eq!(
        says,
        ["spec.poll: a cron expression has five fields: minute, hour, day of month, month, day \
          of week, such as */15 * * * *"]
    );
}

#[test]
fn each_window_for_calls_has_five_fields() {
    let window = json!(["* 6-19 * * 1-5", "* * * *"]);
    let message = "a cron expression has five fields: minute, hour, day of month, month, day of \
                   week, such as * 6-19 * * 1-5";
    let says = instance_says(|value| value["spec"]["send"] = json!({"schedule": window}));
    assert_eq!(says, [format!("spec.send.schedule: {message}")]);
    let says = partner_says(|value| value["spec"]["schedule"] = window);
    assert_eq!(says, [format!("spec.schedule: {message}")]);
}

#[test]
fn the_lowest_level_is_not_above_the_highest() {
    let protocol = json!({"level": "2.0", "highestLevel": "1.4"});
    let says = partner_says(|value| value["spec"]["protocol"] = protocol);
    assert_eq!(
        says,
        ["spec.protocol: level is the lowest that is accepted and is above highestLevel, so no \
          session could ever begin; lower level or raise highestLevel"]
    );
}

#[test]
fn a_quirk_is_borne_or_not() {
    let protocol = json!({"quirks": ["LateCredit"], "strict": ["NulPadding", "LateCredit"]});
    let says = partner_says(|value| value["spec"]["protocol"] = protocol);
    assert_eq!(
        says,
        ["spec.protocol: one quirk is both in quirks and in strict; leave it in one of them"]
    );
}

#[test]
fn a_certificate_is_active_from_a_date_or_a_time() {
    let says = |active_from: &str| {
        partner_says(|value| {
            value["spec"]["certificates"] = json!([
                {"purpose": ["Tls"], "secretRef": {"name": "a"}, "activeFrom": active_from},
            ]);
        })
    };
    for good in ["2026-12-01", "2026-12-01T06:00:00Z", "2026-12-01T06:00:00.5+01:00"] {
        assert_eq!(says(good), NOTHING);
    }
    for bad in ["tomorrow", "2026-12", "2026-12-01 06:00"] {
        assert_eq!(
            says(bad),
            ["spec.certificates[0].activeFrom: give a date such as 2026-12-01 or a time such as \
              2026-12-01T06:00:00Z"]
        );
    }
}

#[test]
fn what_names_an_object_is_a_name_and_no_path() {
    let long = "a".repeat(254);
    for (name, is_good) in [
        ("acme", true),
        ("acme-db.app", true),
        ("0", true),
        ("?watch=true", false),
        ("../../kube-system/secrets/foo", false),
        ("a/b", false),
        ("a%2fb", false),
        ("..", false),
        ("a..b", false),
        ("-a", false),
        ("a-", false),
        ("a.-b", false),
        ("Acme", false),
        ("a\n", false),
        ("ä", false),
        ("", false),
        (long.as_str(), false),
    ] {
        assert_eq!(is_object_name(name), is_good, "{name:?}");
        // Lengths are the schema's.
        if (1..=253).contains(&name.len()) {
            let rule = partner_says(|value| {
                value["spec"]["identity"]["passwordSecretRef"]["name"] = json!(name);
            });
            assert_eq!(rule.is_empty(), is_good, "{name:?}: {rule:?}");
        }
    }
    for (key, is_good) in [
        ("tls.crt", true),
        ("A_b-c", true),
        (".hidden", true),
        (".", false),
        ("..", false),
        ("..a", false),
        ("a/b", false),
        ("a b", false),
    ] {
        assert_eq!(is_secret_key(key), is_good, "{key:?}");
        let rule = partner_says(|value| {
            value["spec"]["identity"]["passwordSecretRef"]["key"] = json!(key);
        });
        assert_eq!(rule.is_empty(), is_good, "{key:?}: {rule:?}");
    }
}

#[test]
fn every_field_that_names_an_object_has_its_pattern() {
    const NAMES: [&str; 5] = ["name", "claimName", "configMapName", "schedulerName", "secretName"];
    // A variable's name.
    const OTHERS: [&str; 1] = [".daemonTemplate.env[].name"];
    fn look(schema: &Value, path: &str, found: &mut usize) {
        for (field, property) in schema["properties"].as_object().into_iter().flatten() {
            let path = format!("{path}.{field}");
            let is_other = OTHERS.iter().any(|other| path.ends_with(other));
            let is_name = NAMES.contains(&field.as_str()) || field.ends_with("ClassName");
            if is_name && !is_other {
                let rules = property["x-kubernetes-validations"].to_string();
                assert!(rules.contains(OBJECT_NAME_MESSAGE), "{path}");
                *found += 1;
            }
            look(property, &path, found);
        }
        if schema["items"].is_object() {
            look(&schema["items"], &format!("{path}[]"), found);
        }
    }
    let mut found = 0;
    for definition in definitions() {
        let schema = serde_json::to_value(&definition.spec.versions[0].schema).unwrap();
        look(&schema["openAPIV3Schema"]["properties"]["spec"], "spec", &mut found);
    }
    assert!(found >= 13, "{found}");
}

#[test]
fn a_file_is_renamed_to_a_plain_name() {
    for rename in ["../x", "a/b", ".hidden"] {
        let files = json!([{"match": "*", "rename": rename}]);
        assert_eq!(
            partner_says(|value| value["spec"]["files"] = files),
            ["spec.files[0].rename: a file name, not a path: without / and not beginning with a \
              full stop"]
        );
    }
}

#[test]
fn a_record_length_goes_with_the_formats_that_have_one() {
    for folder in [
        json!({"directory": "a", "format": "Fixed"}),
        json!({"directory": "a", "recordLength": 80}),
        json!({"directory": "a", "format": "Text", "recordLength": 80}),
    ] {
        assert_eq!(
            partner_says(|value| value["spec"]["folders"] = json!([folder])),
            ["spec.folders[0]: recordLength belongs to the formats Fixed and Variable, and they \
              need it"]
        );
    }
}

#[test]
fn a_partner_stays_with_its_instance() {
    let (old, new) =
        (partner(|_| ()), partner(|value| value["spec"]["instanceRef"] = json!({"name": "other"})));
    assert_eq!(messages(old.validate_cel_update(&old)), NOTHING);
    assert_eq!(
        messages(new.validate_cel_update(&old)),
        ["spec.instanceRef: a partner stays with its instance; make a new SeonPartner for the \
          other one"]
    );
}

#[test]
fn everything_that_only_a_cluster_has_is_good() {
    let says = instance_says(|value| {
        let spec = &mut value["spec"];
        spec["image"] = json!("registry.example/seon:1");
        spec["storage"] = json!({"volumeClaim": {"size": "50Gi", "storageClassName": "shared"}});
        spec["receive"] = json!({"tcpip": {
            "replicas": 3,
            "service": {
                "type": "LoadBalancer",
                "nodePort": 30_305,
                "loadBalancerSourceRanges": ["192.0.2.0/24", "2001:db8::/32"],
            },
            "resources": {"requests": {"cpu": 1, "memory": "64Mi"}},
        }});
        spec["daemonTemplate"] = json!({
            "tolerations": [{"key": "a", "operator": "Exists", "effect": "NoExecute"}],
            "nodeSelector": {"disk": "fast"},
            "terminationGracePeriodSeconds": 30,
        });
    });
    assert_eq!(says, NOTHING);
}

#[test]
fn no_daemon_has_more_pods_than_it_can_have_names() {
    let [definition, _] = definitions();
    let schema = serde_json::to_value(&definition.spec.versions[0].schema).unwrap();
    let spec = &schema["openAPIV3Schema"]["properties"]["spec"]["properties"];
    let most = json!(f64::from(names::MOST_REPLICAS));
    assert_eq!(spec["daemonTemplate"]["properties"]["replicas"]["maximum"], most);
    assert_eq!(spec["send"]["properties"]["replicas"]["maximum"], most);
    for listener in ["tcpip", "tls"] {
        let listener = &spec["receive"]["properties"][listener]["properties"];
        assert_eq!(listener["replicas"]["maximum"], most);
    }
    let controllers = &spec["receive"]["properties"]["capi"]["properties"]["controllers"];
    assert_eq!(controllers["items"]["properties"]["replicas"]["maximum"], most);
}

#[test]
fn storage_is_one_of_three() {
    let storage = json!({"directory": "./data", "claimName": "acme"});
    assert_eq!(
        instance_says(|value| value["spec"]["storage"] = storage),
        ["spec.storage: storage is one of directory (one machine), volumeClaim and claimName \
          (cluster); leave one of them"]
    );
}

#[test]
fn a_volume_claim_has_a_size() {
    for size in ["", "much", "0", "-1Gi"] {
        let storage = json!({"volumeClaim": {"size": size}});
        assert_eq!(
            instance_says(|value| value["spec"]["storage"] = storage),
            ["spec.storage.volumeClaim.size: give a size such as 50Gi"],
            "{size}"
        );
    }
}

#[test]
fn what_belongs_to_a_type_of_service_goes_with_it() {
    let says = |service: Value| {
        instance_says(|value| value["spec"]["receive"] = json!({"tcpip": {"service": service}}))
    };
    assert_eq!(
        says(json!({"nodePort": 30_305})),
        ["spec.receive.tcpip.service: nodePort belongs to the types NodePort and LoadBalancer; \
          give type: NodePort, or leave out nodePort"]
    );
    assert_eq!(
        says(json!({"type": "NodePort", "loadBalancerSourceRanges": ["192.0.2.0/24"]})),
        ["spec.receive.tcpip.service: loadBalancerSourceRanges belongs to the type LoadBalancer; \
          give type: LoadBalancer, or leave it out"]
    );
    assert_eq!(
        says(json!({"type": "LoadBalancer", "loadBalancerSourceRanges": ["192.0.2.1"]})),
        ["spec.receive.tcpip.service.loadBalancerSourceRanges: give networks with the length of \
          their prefix, such as 192.0.2.0/24"]
    );
}

/// What the rules say as an instance changes from one spec to another.
fn change_says(old: impl FnOnce(&mut Value), new: impl FnOnce(&mut Value)) -> Vec<String> {
    messages(instance(new).validate_cel_update(&instance(old)))
}

#[test]
fn a_database_changes_only_while_the_instance_is_suspended() {
    let database = |name: &str, suspend: bool| {
        let database = json!({"secretRef": {"name": name, "key": "uri"}});
        move |value: &mut Value| {
            value["spec"]["database"] = database;
            value["spec"]["suspend"] = json!(suspend);
        }
    };
    let refused = "spec: database is where the queue and the journal are; set suspend: true \
                   first, move what is in it, then change it";
    assert_eq!(change_says(database("a", false), database("a", true)), NOTHING);
    assert_eq!(change_says(database("a", true), database("b", true)), NOTHING);
    assert_eq!(change_says(database("a", false), database("b", false)), [refused]);
    assert_eq!(change_says(database("a", false), database("b", true)), [refused]);
    assert_eq!(change_says(|_| (), database("b", false)), [refused]);
    assert_eq!(change_says(database("a", false), |_| ()), [refused]);
}

#[test]
fn storage_changes_only_while_the_instance_is_suspended() {
    let storage = |storage: Value, suspend: bool| {
        move |value: &mut Value| {
            value["spec"]["storage"] = storage;
            value["spec"]["suspend"] = json!(suspend);
        }
    };
    let (one, other) = (json!({"claimName": "a"}), json!({"claimName": "b"}));
    let claim = json!({"volumeClaim": {"size": "1Gi"}});
    let refused = "spec: storage is where the files are; set suspend: true first, move them, then \
                   change it";
    assert_eq!(change_says(storage(one.clone(), true), storage(other.clone(), true)), NOTHING);
    assert_eq!(change_says(storage(one.clone(), false), storage(one.clone(), false)), NOTHING);
    assert_eq!(change_says(storage(one.clone(), false), storage(other, false)), [refused]);
    assert_eq!(change_says(storage(one, false), storage(claim, false)), [refused]);
}

#[test]
fn a_volume_claim_gets_another_size_and_nothing_else() {
    let claim = |claim: Value| {
        move |value: &mut Value| value["spec"]["storage"] = json!({"volumeClaim": claim})
    };
    let old = json!({"size": "10Gi"});
    assert_eq!(change_says(claim(old.clone()), claim(json!({"size": "11Gi"}))), NOTHING);
    // What a class refuses is taken back; whether one that was given can be, the claim itself says.
    assert_eq!(change_says(claim(old.clone()), claim(json!({"size": "9Gi"}))), NOTHING);
    for new in [
        json!({"size": "10Gi", "accessMode": "ReadWriteOnce"}),
        json!({"size": "10Gi", "storageClassName": "other"}),
    ] {
        assert_eq!(
            change_says(claim(old.clone()), claim(new)),
            ["spec.storage.volumeClaim: a volume claim keeps its access mode and storage class; \
              make another claim, and give its claimName while the instance is suspended"]
        );
    }
}

#[test]
fn the_samples_are_good() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/samples");
    let mut judged = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        for document in serde_yaml::Deserializer::from_str(&text) {
            let value = Value::deserialize(document).unwrap();
            let result = match value["kind"].as_str() {
                Some("SeonInstance") => {
                    serde_json::from_value::<SeonInstance>(value).unwrap().validate_cel()
                }
                Some("SeonPartner") => {
                    serde_json::from_value::<SeonPartner>(value).unwrap().validate_cel()
                }
                _ => continue,
            };
            assert_eq!(messages(result), NOTHING);
            judged += 1;
        }
    }
    assert!(judged >= 11);
}

#[test]
fn every_field_is_described_and_structural() {
    for definition in definitions() {
        let schema = serde_json::to_value(&definition.spec.versions[0].schema).unwrap();
        let spec = &schema["openAPIV3Schema"]["properties"]["spec"];
        described(spec, "spec");
    }
}

/// Every field says what it is for, and has one type (a structural schema has).
fn described(schema: &Value, path: &str) {
    let text = schema["description"].as_str().unwrap_or_default();
    assert!(!text.is_empty(), "{path} is not described");
    assert!(schema["type"].is_string(), "{path} has no type");
    for keyword in ["anyOf", "oneOf", "allOf", "$ref"] {
        assert!(schema.get(keyword).is_none(), "{path} has {keyword}");
    }
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        described(property, &format!("{path}.{name}"));
    }
    if schema["items"]["type"] == "object" {
        described(&schema["items"], &format!("{path}[]"));
    }
}

#[test]
fn the_generated_text_is_that_of_the_types() {
    let texts = [generated::SEON_INSTANCE, generated::SEON_PARTNER];
    for (definition, text) in definitions().into_iter().zip(texts) {
        let wanted = serde_yaml::to_value(&definition).unwrap();
        let found: serde_yaml::Value = serde_yaml::from_str(text).unwrap();
        assert!(found == wanted, "run `cargo xtask generate`: {}", definition.spec.names.plural);
    }
}
