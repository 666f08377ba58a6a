//! What the operator makes, keeps, and takes away.

use std::collections::{BTreeMap, BTreeSet};

use crds::{SeonInstance, SeonPartner, names};
use k8s_openapi::api::{
    apps::v1::StatefulSet,
    batch::v1::Job,
    core::v1::{Event, Namespace, PersistentVolumeClaim, Secret, Service, ServiceAccount},
    networking::v1::NetworkPolicy,
    policy::v1::PodDisruptionBudget,
    rbac::v1::{Role, RoleBinding},
};
use kube::{
    Api, ResourceExt as _,
    api::{DeleteParams, ListParams, Patch, PatchParams},
};
use operator::world::{InstanceKey, Kind};
use serde_json::json;

use crate::fixture::{Operator, PASSWORD, Place, server, until};

/// The names of everything in the namespace that carries our label.
async fn ours(place: &Place) -> BTreeMap<&'static str, BTreeSet<String>> {
    macro_rules! names {
        ($($kind:ty),*) => {
            [$((stringify!($kind), named(&place.all::<$kind>().await))),*].into()
        };
    }
    names!(
        ServiceAccount,
        Role,
        RoleBinding,
        Secret,
        PersistentVolumeClaim,
        NetworkPolicy,
        Service,
        PodDisruptionBudget,
        Job,
        StatefulSet
    )
}

fn named<K: kube::Resource>(objects: &[K]) -> BTreeSet<String> {
    let ours = objects.iter().filter(|o| o.labels().contains_key(names::INSTANCE_LABEL));
    ours.map(kube::ResourceExt::name_any).collect()
}

fn set<const N: usize>(names: [&str; N]) -> BTreeSet<String> {
    names.map(str::to_owned).into()
}

#[tokio::test]
async fn an_instance_becomes_exactly_these_objects_and_a_second_turn_writes_nothing() {
    let place = Place::new(server!()).await;
    place.instance(|_| ()).await;
    place.partner("bolt", |_| ()).await;
    let operator = Operator::start(&place).await;
    operator.turn(&place, "acme").await.unwrap();

    let daemons = ["acme-seonrd", "acme-seonrd-tcpip", "acme-seonrd-tcpip-tls", "acme-seonsqd"];
    let mut found = ours(&place).await;
    let migration = found.remove("Job").unwrap().pop_first().unwrap();
    assert!(migration.starts_with("acme-migrate-"), "{migration}");
    let mut policies = set(daemons);
    policies.insert("acme-migrate".into());
    assert_eq!(
        found,
        [
            ("ServiceAccount", set(daemons)),
            ("Role", set(daemons)),
            ("RoleBinding", set(daemons)),
            ("Secret", set(["acme-configuration", "acme-last-good"])),
            ("PersistentVolumeClaim", set(["acme-data"])),
            ("NetworkPolicy", policies),
            ("Service", set(["acme-seonrd-tcpip", "acme-seonrd-tcpip-tls", "acme-pods"])),
            ("PodDisruptionBudget", set(daemons)),
            ("StatefulSet", set(daemons)),
        ]
        .into()
    );

    let writes = operator.writes();
    assert!(writes > 20);
    let before = (place.versions::<StatefulSet>().await, place.versions::<Secret>().await);
    // The status of the instance is news of its own.
    for _ in 0..3 {
        operator.turn(&place, "acme").await.unwrap();
    }
    assert_eq!(operator.writes(), writes, "nothing is written at rest");
    let after = (place.versions::<StatefulSet>().await, place.versions::<Secret>().await);
    assert_eq!(before, after);

    // Nor by an operator that has just begun and remembers nothing.
    let fresh = Operator::start(&place).await;
    fresh.turn(&place, "acme").await.unwrap();
    assert_eq!(fresh.writes(), 0);
    let reads = fresh.reads();
    fresh.turn(&place, "acme").await.unwrap();
    let secrets = 5;
    // Nobody makes pods here, so that it asks for events about each of these.
    let without_pods = daemons.len() as u64 + 1;
    let read = fresh.reads() - reads;
    assert_eq!(read, secrets + without_pods, "a turn at rest reads the Secrets and nothing else");
}

#[tokio::test]
async fn what_somebody_changed_is_put_right() {
    let place = Place::new(server!()).await;
    place.instance(|_| ()).await;
    let operator = Operator::start(&place).await;
    operator.turn(&place, "acme").await.unwrap();
    let api = place.api::<Service>();
    let patch = json!({"spec": {"selector": {names::ROLE_LABEL: "standby"}}});
    api.patch("acme-seonrd-tcpip", &PatchParams::default(), &Patch::Merge(patch)).await.unwrap();
    let key = InstanceKey::new(&place.namespace, "acme");
    until("the operator hears of the change", async || {
        let owned = operator.context.world.owned_by(&key);
        let service = &owned[&(Kind::Service, "acme-seonrd-tcpip".to_owned())];
        let is_as_wanted = operator.context.verified.is(&service.uid, service.version);
        (!is_as_wanted).then_some(()).ok_or_else(|| format!("{service:?}"))
    })
    .await;
    operator.turn(&place, "acme").await.unwrap();
    let service = place.get::<Service>("acme-seonrd-tcpip").await;
    assert_eq!(service.spec.unwrap().selector.unwrap()[names::ROLE_LABEL], names::ACTIVE);
}

#[tokio::test]
async fn a_field_that_is_no_longer_wanted_goes_and_what_somebody_else_added_stays() {
    let place = Place::new(server!()).await;
    let send = json!({"resources": {"limits": {"memory": "64Mi"}}});
    place.instance(|value| value["spec"]["send"] = send).await;
    let operator = Operator::start(&place).await;
    operator.turn(&place, "acme").await.unwrap();
    let api = place.api::<StatefulSet>();
    let note = json!({"metadata": {"annotations": {"example.com/note": "ours"}}});
    api.patch("acme-seonsqd", &PatchParams::default(), &Patch::Merge(note)).await.unwrap();
    let memory = async || {
        let mut set = place.get::<StatefulSet>("acme-seonsqd").await;
        assert_eq!(set.annotations_mut().remove("example.com/note").as_deref(), Some("ours"));
        let containers = set.spec.unwrap().template.spec.unwrap().containers;
        let resources = containers.into_iter().next().unwrap().resources.unwrap_or_default();
        resources.limits.and_then(|mut limits| limits.remove("memory"))
    };
    assert_eq!(memory().await.unwrap().0, "64Mi");
    place.instance(|_| ()).await;
    operator.turn(&place, "acme").await.unwrap();
    assert_eq!(memory().await, None);
}

#[tokio::test]
async fn what_the_spec_no_longer_wants_goes_and_files_stay() {
    let place = Place::new(server!()).await;
    place.instance(|_| ()).await;
    let operator = Operator::start(&place).await;
    operator.turn(&place, "acme").await.unwrap();
    place
        .instance(|value| {
            value["spec"]["receive"] =
                json!({"tls": {"certificateSecretRef": {"name": "acme-tls"}}});
            value["spec"]["image"] = json!("registry.local/seon:2");
        })
        .await;
    let jobs = named(&place.all::<Job>().await);
    operator.turn(&place, "acme").await.unwrap();
    let found = ours(&place).await;
    for kind in ["StatefulSet", "ServiceAccount", "Role", "NetworkPolicy", "PodDisruptionBudget"] {
        assert!(!found[kind].contains("acme-seonrd-tcpip"), "{kind}");
        assert!(found[kind].contains("acme-seonrd-tcpip-tls"), "{kind}");
    }
    assert_eq!(found["Service"], set(["acme-seonrd-tcpip-tls", "acme-pods"]));
    assert_eq!(found["PersistentVolumeClaim"], set(["acme-data"]));
    assert_eq!(found["Job"].len(), 1, "the migration of the old image is gone");
    assert_ne!(found["Job"], jobs);
}

#[tokio::test]
async fn a_controller_of_isdn_is_a_daemon_as_others_are_for_as_long_as_it_is_wanted() {
    let place = Place::new(server!()).await;
    place.secret("router", &[("username", "seon"), ("password", "LONG")]).await;
    let remote = json!({"host": "192.0.2.7", "secretRef": {"name": "router"}});
    let controllers = json!([{"number": 1, "device": {}}, {"number": 2, "remote": remote}]);
    place.instance(|v| v["spec"]["receive"]["capi"] = json!({"controllers": controllers})).await;
    let operator = Operator::start(&place).await;
    operator.turn(&place, "acme").await.unwrap();
    let writes = operator.writes();
    operator.turn(&place, "acme").await.unwrap();
    assert_eq!(operator.writes(), writes, "nothing is written at rest");
    let daemons = ["acme-seonrd-capi-0", "acme-seonrd-capi-1"];
    let kinds = [
        "StatefulSet",
        "ServiceAccount",
        "Role",
        "RoleBinding",
        "NetworkPolicy",
        "PodDisruptionBudget",
    ];
    let found = ours(&place).await;
    for kind in kinds {
        assert!(set(daemons).is_subset(&found[kind]), "{kind}: {:?}", found[kind]);
    }
    assert!(set(daemons).is_disjoint(&found["Service"]), "nobody calls them by TCP");
    let device = place.get::<StatefulSet>(daemons[0]).await.spec.unwrap();
    assert_eq!(device.replicas, Some(1));
    let container = &device.template.spec.unwrap().containers[0];
    let limits = container.resources.clone().unwrap().limits.unwrap();
    assert_eq!(limits["seon.dev/capi-controller-1"].0, "1");

    place.instance(|_| ()).await;
    operator.turn(&place, "acme").await.unwrap();
    let found = ours(&place).await;
    for kind in kinds {
        assert!(set(daemons).is_disjoint(&found[kind]), "{kind}: {:?}", found[kind]);
    }
}

#[tokio::test]
async fn an_object_of_somebody_else_is_not_touched() {
    let place = Place::new(server!()).await;
    let foreign: Service = serde_json::from_value(json!({
        "metadata": {"name": "acme-seonrd-tcpip"},
        "spec": {"ports": [{"port": 80}]},
    }))
    .unwrap();
    place.create(&foreign).await;
    let before = place.versions::<Service>().await;
    place.instance(|_| ()).await;
    let operator = Operator::start(&place).await;
    let error = operator.turn(&place, "acme").await.unwrap_err();
    assert_eq!(error.code(), "E-APPLY-FOREIGN");
    assert_eq!(
        error.to_string(),
        "Service acme-seonrd-tcpip is there already and does not belong to this instance; rename \
         or delete it, or give the instance another name"
    );
    let after = place.versions::<Service>().await;
    assert_eq!(after["acme-seonrd-tcpip"], before["acme-seonrd-tcpip"]);
    let status = place.get::<SeonInstance>("acme").await.status.unwrap();
    let ready = status.conditions.iter().find(|c| c.kind == "Ready").unwrap();
    assert_eq!(
        (ready.status.as_str(), ready.reason.as_str()),
        ("False", "NotApplied"),
        "{}",
        ready.message
    );
    assert!(ready.message.starts_with("E-APPLY-FOREIGN Service acme-seonrd-tcpip"));
}

#[tokio::test]
async fn an_object_of_another_instance_is_not_touched_either() {
    let place = Place::new(server!()).await;
    place.instance(|_| ()).await;
    let operator = Operator::start(&place).await;
    operator.turn(&place, "acme").await.unwrap();
    // Deleted and made again: nobody collects garbage here, so what belonged to the old one is
    // there.
    place.api::<SeonInstance>().delete("acme", &DeleteParams::default()).await.unwrap();
    place.instance(|_| ()).await;
    let error = operator.turn(&place, "acme").await.unwrap_err();
    assert_eq!(error.code(), "E-APPLY-FOREIGN");
}

#[tokio::test]
async fn in_a_namespace_that_is_ending_one_object_is_tried_and_nothing_ever_after() {
    let server = server!();
    // Not even one, where the operator had not been before.
    for (is_claimed, tried) in [(true, 1), (false, 0)] {
        let place = Place::new(server).await;
        place.instance(|_| ()).await;
        let operator = Operator::start(&place).await;
        if is_claimed {
            operator.context.claims.hold(&place.namespace).await.unwrap();
        }
        // Nobody collects what is in it, so it stays like this.
        let namespaces = Api::<Namespace>::all(place.client.clone());
        namespaces.delete(&place.namespace, &DeleteParams::default()).await.unwrap();
        operator.turn(&place, "acme").await.unwrap();
        let (reads, writes) = (operator.reads(), operator.writes());
        assert_eq!(writes, tried);
        operator.turn(&place, "acme").await.unwrap();
        assert_eq!((operator.reads(), operator.writes()), (reads, writes));
    }
}

#[tokio::test]
async fn a_volume_claim_outlives_its_instance_unless_that_is_said() {
    let place = Place::new(server!()).await;
    place.instance(|_| ()).await;
    let operator = Operator::start(&place).await;
    operator.turn(&place, "acme").await.unwrap();
    let owners = async || {
        place.get::<PersistentVolumeClaim>("acme-data").await.metadata.owner_references.is_some()
    };
    assert!(!owners().await);
    let storage = json!({"volumeClaim": {"size": "1Gi", "whenDeleted": "Delete"}});
    place.instance(|value| value["spec"]["storage"] = storage).await;
    operator.turn(&place, "acme").await.unwrap();
    assert!(owners().await);
    place.instance(|_| ()).await;
    operator.turn(&place, "acme").await.unwrap();
    assert!(!owners().await, "and it may be said otherwise again");
}

#[tokio::test]
async fn one_object_that_is_refused_keeps_no_other_from_its_place() {
    let place = Place::new(server!()).await;
    place.instance(|_| ()).await;
    let operator = Operator::start(&place).await;
    operator.turn(&place, "acme").await.unwrap();
    // A claim that is not bound cannot grow.
    place
        .instance(|value| {
            value["spec"]["storage"]["volumeClaim"]["size"] = json!("2Gi");
            value["spec"]["image"] = json!("registry.local/seon:2");
        })
        .await;
    let error = operator.turn(&place, "acme").await.unwrap_err();
    assert_eq!(error.code(), "E-APPLY-REFUSED");
    for set in place.all::<StatefulSet>().await {
        let image = set.spec.unwrap().template.spec.unwrap().containers.remove(0).image;
        assert_eq!(image.as_deref(), Some("registry.local/seon:2"));
    }
    // What is refused can be taken back.
    place.instance(|value| value["spec"]["image"] = json!("registry.local/seon:2")).await;
    operator.turn(&place, "acme").await.unwrap();
}

#[tokio::test]
async fn a_claim_of_somebody_else_keeps_pods_on_a_node_if_only_one_node_can_have_it() {
    let place = Place::new(server!()).await;
    place.instance(|value| value["spec"]["storage"] = json!({"claimName": "files"})).await;
    let operator = Operator::start(&place).await;
    operator.turn(&place, "acme").await.unwrap();
    let status = place.get::<SeonInstance>("acme").await.status.unwrap();
    let ready = status.conditions.iter().find(|c| c.kind == "Ready").unwrap();
    let missing = "E-VALIDATE-STORAGE spec.storage.claimName: there is no volume claim files";
    assert!(ready.message.starts_with(missing), "{}", ready.message);
    let claim: PersistentVolumeClaim = serde_json::from_value(json!({
        "metadata": {"name": "files"},
        "spec": {
            "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}},
        },
    }))
    .unwrap();
    place.create(&claim).await;
    operator.turn(&place, "acme").await.unwrap();
    let sets = place.all::<StatefulSet>().await;
    assert_eq!(sets.len(), 4);
    for set in sets {
        let pod = set.spec.unwrap().template.spec.unwrap();
        assert!(pod.affinity.unwrap().pod_affinity.is_some());
    }
    let claims = place.all::<PersistentVolumeClaim>().await;
    assert!(claims[0].metadata.annotations.is_none(), "it is nobody's to write on");
}

#[tokio::test]
async fn a_secret_shows_nowhere_else() {
    let place = Place::new(server!()).await;
    place.instance(|_| ()).await;
    place.partner("bolt", |_| ()).await;
    // One that is wrong, for its message.
    place.secret_of(&["cast"], "cast-oftp", &[("password", "GEHEIM77-too-long")]).await;
    place
        .partner("cast", |value| {
            value["spec"]["identity"]["passwordSecretRef"]["name"] = json!("cast-oftp");
        })
        .await;
    let operator = Operator::start(&place).await;
    operator.turn(&place, "acme").await.unwrap();
    let everything = [
        format!("{:?}", place.all::<StatefulSet>().await),
        format!("{:?}", place.all::<Job>().await),
        format!("{:?}", place.get::<SeonInstance>("acme").await),
        format!("{:?}", place.api::<SeonPartner>().list(&ListParams::default()).await),
        format!("{:?}", place.api::<Event>().list(&ListParams::default()).await),
    ]
    .concat();
    assert!(everything.contains("is a password of 17 characters"));
    assert!(!everything.contains(PASSWORD));
    let configuration = place.get::<Secret>("acme-configuration").await.data.unwrap();
    let text = |key: &str| String::from_utf8(configuration[key].0.clone()).unwrap();
    assert!(text("secrets.yaml").contains(PASSWORD));
    assert!(!text("secrets.yaml").contains("PRIVATE KEY"), "no key but where it is used");
    assert!(!text("secrets.yaml").contains("postgres://"));
    assert!(!text("instance.yaml").contains(PASSWORD) && !text("partners.yaml").contains(PASSWORD));
}
