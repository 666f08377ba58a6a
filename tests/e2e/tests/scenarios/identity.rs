//! One instance, one database, one volume: what two manifests, a changed address or a volume that is
//! not shared make of it is refused before anybody is active beside the one who is, and says so.

use std::path::Path;

use crds::{SeonInstance, conditions};
use domain::Daemon;
use e2e::{Company, Pair, Stage, eventually};
use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim};
use kube::api::{Api, DeleteParams, PostParams};
use serde_json::{Value, json};

/// Each node sees a directory of its own there.
const UNSHARED: &str = "/var/lib/seon-unshared";

pub(crate) async fn what_is_not_one_instance_one_database_and_one_volume_is_refused(stage: &Stage) {
    let nodes = cluster::nodes!(stage);
    let pair = Pair::ready(stage).await;
    let acme = &pair.acme;
    let load = pair.at_rest().await;
    let before = tenures(acme).await;
    for name in ["squatter", "apart"] {
        acme.another_database(name).await;
    }
    let other = async |name: &str, database: &str, storage: Value, replicas: u8| {
        let mut object = json!(pair.objects().0.instance);
        object["metadata"]["name"] = name.into();
        object["spec"]["database"]["secretRef"]["name"] = database.into();
        object["spec"]["storage"] = storage;
        object["spec"]["daemonTemplate"]["replicas"] = replicas.into();
        acme.apply::<SeonInstance>(&serde_json::from_value(object).unwrap()).await;
    };

    // Two instances with one database, and two with one claim.
    other("borrower", "acme-db-app", json!({"volumeClaim": stage.volume_claim()}), 1).await;
    let said = refused_and_gone(acme, "borrower", "E-INSTANCE-NAME").await;
    assert!(said.contains("acme") && said.contains("borrower"), "{said}");
    other("squatter", "squatter", json!({"claimName": "acme-data"}), 1).await;
    refused_and_gone(acme, "squatter", "E-INSTANCE-DATABASE").await;

    // A volume that is another one on each node: one node's daemons work, the others' are refused.
    for node in ["node-1", "node-2", "node-3"] {
        let mut install = nodes.command_on(node, Path::new("install")).await;
        let made = install.args(["-d", "--owner=65532", "--group=65532", UNSHARED]).status();
        assert!(made.unwrap().success(), "{UNSHARED} of {node}");
    }
    unshared_claim(acme).await;
    other("apart", "apart", json!({"claimName": "apart"}), 2).await;
    refused_and_gone(acme, "apart", "E-INSTANCE-VOLUME").await;
    load.flows().await;

    // The address in the Secret leads to another database: nobody follows it.
    let right = acme.database().uri();
    acme.set_database(&acme.another_database("elsewhere").await).await;
    refused(acme, "acme", "E-INSTANCE-DATABASE").await;
    load.flows().await;
    assert_eq!(tenures(acme).await, before, "the active ones work on");
    acme.set_database(&right).await;
    pair.is_ready().await;
    load.flows().await;
    load.judge(&pair).await;
    // Later scenarios find this pair as it was: claims outlive the instances that they were made for. Their
    // volumes go with them (`cluster`'s volumes).
    for claim in ["borrower-data", "apart"] {
        let claims = acme.api::<PersistentVolumeClaim>();
        claims.delete(claim, &DeleteParams::default()).await.unwrap();
        eventually(&format!("the claim {claim} is gone"), async || {
            claims.get_opt(claim).await.is_ok_and(|found| found.is_none())
        })
        .await;
    }
    pair.leave().await;
}

/// Who is active in which epoch.
async fn tenures(company: &Company<'_>) -> Vec<(Daemon, String, i64)> {
    let mut tenures = Vec::new();
    for daemon in company.daemons() {
        let active = company.active(daemon).await;
        tenures.push((daemon, active.uid, active.epoch));
    }
    tenures
}

/// Waits until an instance is not ready, or degraded, because of that; gives what it says.
async fn refused(company: &Company<'_>, instance: &str, code: &str) -> String {
    eventually(&format!("{instance} says {code}"), async || {
        let instance = company.api::<SeonInstance>().get(instance).await;
        let instance = instance.map_err(|error| error.to_string())?;
        let conditions = instance.status.map(|status| status.conditions).unwrap_or_default();
        let told = conditions.iter().find(|condition| {
            let is_bad = matches!(
                (condition.kind.as_str(), condition.status.as_str()),
                (conditions::READY, "False") | (conditions::DEGRADED, "True")
            );
            is_bad && condition.message.contains(code)
        });
        told.map(|told| told.message.clone()).ok_or_else(|| format!("{conditions:?}"))
    })
    .await
}

/// The same of one that is not needed any more then.
async fn refused_and_gone(company: &Company<'_>, instance: &str, code: &str) -> String {
    let said = refused(company, instance, code).await;
    company.api::<SeonInstance>().delete(instance, &DeleteParams::default()).await.unwrap();
    said
}

/// A claim of a volume that says that all nodes share it, which they do not.
async fn unshared_claim(company: &Company<'_>) {
    let size = json!({"storage": "1Gi"});
    let volume = json!({
        "apiVersion": "v1", "kind": "PersistentVolume",
        "metadata": {"name": company.namespace()},
        "spec": {
            "storageClassName": "", "accessModes": ["ReadWriteMany"], "capacity": size,
            "hostPath": {"path": UNSHARED},
            "claimRef": {"namespace": company.namespace(), "name": "apart"},
        },
    });
    let volumes = Api::<PersistentVolume>::all(company.stage.client.clone());
    let volume = serde_json::from_value(volume).unwrap();
    volumes.create(&PostParams::default(), &volume).await.unwrap();
    let claim = json!({
        "metadata": {"name": "apart"},
        "spec": {
            "storageClassName": "", "accessModes": ["ReadWriteMany"],
            "volumeName": company.namespace(), "resources": {"requests": size},
        },
    });
    company.apply::<PersistentVolumeClaim>(&serde_json::from_value(claim).unwrap()).await;
}
