//! What the API server takes of people, and the sentence with which it refuses the rest.

use std::collections::BTreeSet;

use crds::{SeonInstance, SeonPartner};
use kube::{
    Api,
    api::{DynamicObject, ListParams, Patch, PatchParams},
    core::ApiResource,
};
use serde_json::{Value, json};

use crate::fixture::{Place, instance, partner, server};

/// What the API server says about a manifest; nothing, if it takes it.
async fn says(place: &Place, manifest: &Value) -> Option<String> {
    let resource = match manifest["kind"].as_str() {
        Some("SeonInstance") => ApiResource::erase::<SeonInstance>(&()),
        _ => ApiResource::erase::<SeonPartner>(&()),
    };
    let api: Api<DynamicObject> =
        Api::namespaced_with(place.client.clone(), &place.namespace, &resource);
    let name = manifest["metadata"]["name"].as_str().unwrap();
    let parameters = PatchParams::apply("test").force();
    let result = api.patch(name, &parameters, &Patch::Apply(manifest)).await;
    result.err().map(|error| error.to_string())
}

/// A change of a good manifest that breaks one rule.
type Break = Box<dyn Fn(&mut Value)>;

fn to(path: &'static [&'static str], value: Value) -> Break {
    Box::new(move |manifest: &mut Value| {
        let place = path.iter().fold(manifest, |place, step| &mut place[*step]);
        *place = value.clone();
    })
}

/// Broken as they are made.
fn instances() -> Vec<Break> {
    vec![
        to(&["metadata", "name"], json!("1acme")),
        to(&["spec", "identity", "odetteId"], json!("o0013")),
        to(&["spec", "identity", "stations"], json!([{"odetteId": "_"}])),
        to(&["spec", "identity", "passwordSecretRef"], json!({"name": "?watch=true", "key": "a"})),
        to(&["spec", "identity", "passwordSecretRef"], json!({"name": "a", "key": "a/b"})),
        to(&["spec", "storage"], json!({"claimName": "../a"})),
        to(&["spec", "storage"], json!({"directory": "a", "claimName": "b"})),
        to(&["spec", "storage"], json!({"volumeClaim": {"size": "much"}})),
        to(&["spec", "receive"], json!({"tcpip": {"service": {"nodePort": 30_305}}})),
        to(
            &["spec", "receive"],
            json!({"tcpip": {"service": {"loadBalancerSourceRanges": ["192.0.2.0/24"]}}}),
        ),
        to(
            &["spec", "receive"],
            json!({"tcpip": {"service": {
                "type": "LoadBalancer", "loadBalancerSourceRanges": ["x"],
            }}}),
        ),
        to(&["spec", "receive", "tls", "service"], json!({"nodePort": 30_305})),
        to(&["spec", "receive"], json!({"tcpip": {"service": {"externalTrafficPolicy": "Local"}}})),
        to(&["spec", "receive"], json!({"tcpip": {"service": {"loadBalancerClass": "a"}}})),
        to(&["spec", "receive", "tls", "service"], json!({"externalTrafficPolicy": "Local"})),
        to(&["spec", "receive", "tls", "service"], json!({"loadBalancerClass": "a"})),
        to(&["spec", "daemonTemplate"], json!({"env": [{"name": "a b", "value": ""}]})),
        to(&["spec", "daemonTemplate"], json!({"env": [{"name": "SEON_PEERS", "value": ""}]})),
        to(&["spec", "daemonTemplate"], json!({"volumes": [{"mountPath": "/mnt/a"}]})),
        to(
            &["spec", "daemonTemplate"],
            json!({"volumes": [{"mountPath": "mnt", "claimName": "a"}]}),
        ),
        to(
            &["spec", "daemonTemplate"],
            json!({"volumes": [{"mountPath": "/var/lib", "claimName": "a"}]}),
        ),
        to(
            &["spec", "daemonTemplate"],
            json!({"volumes": [{"mountPath": "/mnt/a", "nfs": {"server": "a", "path": "a"}}]}),
        ),
        to(
            &["spec", "receive", "tls", "service"],
            json!({"loadBalancerSourceRanges": ["192.0.2.0/24"]}),
        ),
        to(
            &["spec", "receive", "tls", "service"],
            json!({"type": "LoadBalancer", "loadBalancerSourceRanges": ["x"]}),
        ),
        to(
            &["spec", "receive"],
            json!({"capi": {"controllers": [
                {"number": 1, "device": {}, "remote": {"host": "router.lan"}},
            ]}}),
        ),
        to(
            &["spec", "receive"],
            json!({"capi": {"controllers": [{"number": 1, "device": {}, "numbers": ["x"]}]}}),
        ),
        to(
            &["spec", "receive"],
            json!({"capi": {"controllers": [{"number": 1, "device": {}, "overlap": true}]}}),
        ),
        to(
            &["spec", "receive"],
            json!({"capi": {"controllers": [{"number": 1, "device": {}, "packetSize": 100}]}}),
        ),
        to(
            &["spec", "receive"],
            json!({"capi": {"controllers": [{"number": 1, "device": {}, "idleTimeout": "1s"}]}}),
        ),
        to(&["spec", "send"], json!({"retry": {"first": "2h"}})),
        to(&["spec", "send"], json!({"retry": {"first": "1ms"}})),
        to(&["spec", "send"], json!({"retry": {"longest": "1000h"}})),
        to(&["spec", "send"], json!({"schedule": ["* * *"]})),
        to(&["spec", "revocation"], json!({"urls": ["https://ca.example/x.crl"]})),
        to(&["spec", "revocation"], json!({"proxy": "proxy.example:3128"})),
        to(&["spec", "revocation"], json!({"maximumAge": "1m"})),
        to(&["spec", "revocation"], json!({"timeout": "1h"})),
        to(&["spec", "retention"], json!({"journal": "1h"})),
        to(&["spec", "retention"], json!({"finished": "1h"})),
        to(&["spec", "retention"], json!({"partial": {"age": "1m"}})),
        to(&["spec", "lease"], json!({"ttl": "1s"})),
        to(
            &["spec", "certificates"],
            json!([{"purpose": ["Sign"], "secretRef": {"name": "a"}, "activeFrom": "soon"}]),
        ),
    ]
}

fn partners() -> Vec<Break> {
    vec![
        to(&["metadata", "name"], json!("a.b")),
        to(&["spec", "identity", "odetteId"], json!("o0013")),
        to(
            &["spec", "identity", "ownPasswordSecretRef"],
            json!({"name": "../../kube-system/secrets/foo", "key": "a"}),
        ),
        to(&["spec", "certificates"], json!([])),
        to(
            &["spec", "certificates"],
            json!([{"purpose": ["Tls"], "secretRef": {"name": "a"}, "activeFrom": "soon"}]),
        ),
        Box::new(|manifest| {
            let certificates = manifest["spec"]["certificates"].as_array_mut().unwrap();
            certificates.push(
                json!({"purpose": ["Encrypt"], "secretRef": {"name": "a"}, "names": ["a.example"]}),
            );
        }),
        to(&["spec", "security"], json!({"outbound": {"encrypt": "Required"}})),
        to(&["spec", "security"], json!({"inbound": {"sign": "Required"}})),
        to(&["spec", "security"], json!({"receipts": {"signed": "Required"}})),
        Box::new(|manifest| {
            let certificates = manifest["spec"]["certificates"].as_array_mut().unwrap();
            certificates.push(json!({"purpose": ["VerifyReceipt"], "secretRef": {"name": "a"}}));
            manifest["spec"]["security"] = json!({"receipts": {"signed": "Required"}});
            manifest["spec"]["receipts"] = json!({"expected": false});
        }),
        Box::new(|manifest| {
            manifest["spec"]["security"] = json!({"outbound": {"compress": "Required"}});
            manifest["spec"]["protocol"] = json!({"highestLevel": "1.4"});
        }),
        to(&["spec", "security"], json!({"authentication": "Prepared"})),
        Box::new(|manifest| {
            let certificates = manifest["spec"]["certificates"].as_array_mut().unwrap();
            certificates.push(json!({"purpose": ["Authenticate"], "secretRef": {"name": "a"}}));
            manifest["spec"]["security"] = json!({"authentication": "Required"});
            manifest["spec"]["protocol"] = json!({"highestLevel": "1.4"});
        }),
        to(&["spec", "poll"], json!("* * *")),
        to(&["spec", "schedule"], json!(["* * *"])),
        Box::new(|manifest| {
            manifest["spec"]["transports"] = json!([]);
            manifest["spec"]["poll"] = json!("* * * * *");
        }),
        to(&["spec", "transports"], json!([{}])),
        to(&["spec", "transports"], json!([{"isdn": {"number": "home"}}])),
        to(&["spec", "transports"], json!([{"isdn": {"number": "1", "callUserData": "C0F"}}])),
        to(&["spec", "transports"], json!([{"isdn": {"number": "1", "packetSize": 100}}])),
        to(&["spec", "protocol"], json!({"level": "2.0", "highestLevel": "1.4"})),
        to(&["spec", "protocol"], json!({"quirks": ["NulPadding"], "strict": ["NulPadding"]})),
        to(&["spec", "files"], json!([{"match": "*", "rename": "../x"}])),
        to(&["spec", "folders"], json!([{"directory": "a", "format": "Fixed"}])),
        to(&["spec", "folders"], json!([{"directory": "a", "settle": "2h"}])),
        to(&["spec", "folders"], json!([{"directory": "a", "originator": "o0013"}])),
        to(&["spec", "folders"], json!([{"directory": "a", "destination": "o0013"}])),
        to(&["spec", "protocol"], json!({"responseTimeout": "1s"})),
        to(&["spec", "protocol"], json!({"endFileTimeout": "2h"})),
    ]
}

/// Good by themselves, and no way from one to the other.
fn changes() -> Vec<(Value, Break)> {
    let claim = |size: &str| json!({"volumeClaim": {"size": size}});
    let other_claim = json!({"volumeClaim": {"size": "9Gi", "accessMode": "ReadWriteOnce"}});
    let database = json!({"secretRef": {"name": "other", "key": "uri"}});
    let with = |storage| instance("acme", |value| value["spec"]["storage"] = storage);
    vec![
        (instance("acme", |_| ()), to(&["spec", "database"], database)),
        (with(json!({"claimName": "a"})), to(&["spec", "storage"], claim("1Gi"))),
        (with(claim("9Gi")), to(&["spec", "storage"], other_claim)),
        (partner("bolt", |_| ()), to(&["spec", "instanceRef"], json!({"name": "other"}))),
    ]
}

/// Every sentence of a definition's rules.
fn sentences() -> BTreeSet<String> {
    fn collect(schema: &Value, sentences: &mut BTreeSet<String>) {
        match schema {
            Value::Object(fields) => {
                for rule in fields
                    .get("x-kubernetes-validations")
                    .iter()
                    .flat_map(|r| r.as_array().into_iter().flatten())
                {
                    sentences.insert(rule["message"].as_str().expect("a sentence").to_owned());
                }
                fields.values().for_each(|value| collect(value, sentences));
            }
            Value::Array(items) => items.iter().for_each(|item| collect(item, sentences)),
            _ => {}
        }
    }
    let mut all = BTreeSet::new();
    for definition in crds::definitions() {
        collect(&json!(definition), &mut all);
    }
    all
}

#[tokio::test]
async fn every_rule_refuses_with_its_sentence() {
    let place = Place::new(server!()).await;
    let sentences = sentences();
    let mut said = BTreeSet::new();
    let mut refused = async |manifest: &Value| {
        let says = says(&place, manifest).await;
        let says = says.unwrap_or_else(|| panic!("was taken: {manifest}"));
        let of: Vec<_> = sentences.iter().filter(|sentence| says.contains(*sentence)).collect();
        assert!(!of.is_empty(), "refused for another reason: {says}");
        said.extend(of.into_iter().cloned());
    };
    for change in instances() {
        refused(&instance("acme", &change)).await;
    }
    for change in partners() {
        refused(&partner("bolt", &change)).await;
    }
    for (good, change) in changes() {
        assert_eq!(says(&place, &good).await, None);
        let mut bad = good.clone();
        change(&mut bad);
        refused(&bad).await;
        let kind = good["kind"].as_str().unwrap();
        let name = good["metadata"]["name"].as_str().unwrap();
        let resource = if kind == "SeonInstance" {
            ApiResource::erase::<SeonInstance>(&())
        } else {
            ApiResource::erase::<SeonPartner>(&())
        };
        let api: Api<DynamicObject> =
            Api::namespaced_with(place.client.clone(), &place.namespace, &resource);
        api.delete(name, &kube::api::DeleteParams::default()).await.unwrap();
    }
    let unsaid: Vec<_> = sentences.difference(&said).collect();
    assert!(unsaid.is_empty(), "no test breaks these rules: {unsaid:#?}");
}

#[tokio::test]
async fn a_database_and_storage_change_while_the_instance_is_suspended() {
    let place = Place::new(server!()).await;
    place.instance(|value| value["spec"]["suspend"] = json!(true)).await;
    let moved = instance("acme", |value| {
        value["spec"]["suspend"] = json!(true);
        value["spec"]["database"]["secretRef"]["name"] = json!("other");
        value["spec"]["storage"] = json!({"claimName": "other"});
    });
    assert_eq!(says(&place, &moved).await, None);
}

#[tokio::test]
async fn an_unknown_field_is_refused_by_a_strict_client() {
    let place = Place::new(server!()).await;
    let manifest = instance("acme", |value| value["spec"]["sned"] = json!({}));
    let api: Api<SeonInstance> = place.api();
    let parameters = PatchParams {
        field_manager: Some("test".into()),
        force: true,
        ..PatchParams::apply("test").validation_strict()
    };
    let error = api.patch("acme", &parameters, &Patch::Apply(manifest)).await.unwrap_err();
    assert!(error.to_string().contains("sned"), "{error}");
}

#[tokio::test]
async fn resources_are_found_by_short_names_categories_and_fields() {
    let server = server!();
    let place = Place::new(server).await;
    place.instance(|_| ()).await;
    place.partner("bolt", |_| ()).await;
    place.partner("cast", |value| value["spec"]["instanceRef"]["name"] = json!("other")).await;
    let list = ListParams::default().fields("spec.instanceRef.name=acme");
    assert_eq!(place.api::<SeonPartner>().list(&list).await.unwrap().items.len(), 1);
    let kubectl = async |what: &str| {
        server.kubectl(&["get", what, "--namespace", &place.namespace]).await.unwrap()
    };
    let heading = |table: &str| {
        table
            .lines()
            .next()
            .unwrap_or_default()
            .split_whitespace()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        heading(&kubectl("seon").await),
        ["NAME", "PHASE", "READY", "RECEIVE", "SEND", "QUEUE", "PARTNERS", "AGE"]
    );
    assert!(kubectl("seonp").await.contains("bolt"));
    assert_eq!(kubectl("seon-all").await.matches("O0013000002").count(), 2);
}
