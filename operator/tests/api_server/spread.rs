//! More partners than one Secret holds.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt as _, stream};
use k8s_openapi::api::{apps::v1::StatefulSet, core::v1::Secret};
use kube::{ResourceExt as _, api::DeleteParams};
use operator::fingerprint::sha256;
use serde_json::json;
use support::Authority;

use crate::fixture::{Operator, PASSWORD, Place, server, until};

const PARTNERS: usize = 190;

/// Each with a chain of certificates and a password of its own, 6 KiB.
async fn partners(place: &Place, numbers: impl Iterator<Item = usize>) {
    let identity = Authority::new("test").identity("oftp.bolt.example");
    let chain = identity.certificate_pem.repeat(5500 / identity.certificate_pem.len());
    stream::iter(numbers)
        .map(|number| {
            let (name, chain) = (format!("p{number}"), &chain);
            async move {
                let values = [("tls.crt", chain.as_str()), ("password", PASSWORD)];
                place.secret_of(&[&name], &name, &values).await;
                place
                    .partner(&name, |value| {
                        let reference = json!({"name": name, "key": "password"});
                        value["spec"]["identity"]["passwordSecretRef"] = reference;
                        value["spec"]["certificates"][0]["secretRef"]["name"] = json!(name);
                    })
                    .await;
            }
        })
        .buffer_unordered(8)
        .collect::<Vec<()>>()
        .await;
}

/// The daemons' files as a pod has them, and whether each shard is the one that the first Secret names.
async fn files(place: &Place) -> (BTreeMap<String, String>, bool) {
    let secrets = place.all::<Secret>().await;
    let ours = secrets.iter().filter(|it| it.name_any().starts_with("acme-configuration"));
    let data = ours.filter_map(|secret| secret.data.clone()).flatten();
    let text = |octets: Vec<u8>| String::from_utf8(octets).unwrap();
    let files: BTreeMap<_, _> = data.map(|(name, value)| (name, text(value.0))).collect();
    let shards = files.iter().filter(|(name, _)| name.starts_with("shard-"));
    let list = shards.map(|(name, text)| format!("{}  {name}", sha256(text))).collect::<Vec<_>>();
    let is_whole = files.get("shards").cloned().unwrap_or_default() == list.join("\n");
    (files, is_whole)
}

fn count(files: &BTreeMap<String, String>) -> usize {
    files.values().map(|text| text.matches("kind: SeonPartner").count()).sum()
}

#[tokio::test]
async fn partners_that_one_secret_does_not_hold_are_spread_and_one_less_changes_few_of_them() {
    let place = Place::new(server!()).await;
    place.instance(|_| ()).await;
    partners(&place, 0..PARTNERS).await;
    let operator = Operator::start(&place).await;
    operator.turn(&place, "acme").await.unwrap();
    let (all, is_whole) = files(&place).await;
    assert!(is_whole && all.len() > 6, "{:?}", all.keys());
    assert_eq!(count(&all), PARTNERS);
    let instance = place.get::<crds::SeonInstance>("acme").await;
    assert_eq!(instance.status.unwrap().partners, i32::try_from(PARTNERS).ok());

    let writes = operator.writes();
    operator.turn(&place, "acme").await.unwrap();
    assert_eq!(operator.writes(), writes, "nothing is written at rest");
    let fresh = Operator::start(&place).await;
    fresh.turn(&place, "acme").await.unwrap();
    assert_eq!(fresh.writes(), 0, "nor by one that has just begun");

    let sets = place.versions::<StatefulSet>().await;
    let before = place.versions::<Secret>().await;
    let newest = format!("p{}", PARTNERS - 1);
    let partners = place.api::<crds::SeonPartner>();
    partners.delete(&newest, &DeleteParams::default()).await.unwrap();
    let key = operator::world::InstanceKey::new(&place.namespace, "acme");
    until("the operator knows that it is gone", async || {
        let known = operator.context.world.partners.of(&key);
        if known.contains_key(&newest) { Err("not yet".into()) } else { Ok(()) }
    })
    .await;
    operator.turn(&place, "acme").await.unwrap();
    let after = place.versions::<Secret>().await;
    let changed: BTreeSet<_> = after.iter().filter(|(name, is)| before[*name] != **is).collect();
    assert!(
        changed.len() <= 4,
        "its shard, what took its room, the first, and what was good: {changed:?}"
    );
    assert_eq!(place.versions::<StatefulSet>().await, sets);
    let (fewer, is_whole) = files(&place).await;
    assert!(is_whole);
    assert_eq!(count(&fewer), PARTNERS - 1);
}

#[tokio::test]
async fn an_operator_that_dies_between_two_shards_leaves_what_the_next_one_finishes() {
    let server = server!();
    let place = Place::new(server).await;
    place.instance(|_| ()).await;
    partners(&place, 0..PARTNERS).await;
    Operator::start(&place).await.turn(&place, "acme").await.unwrap();
    // All in shards change: their Secrets do.
    partners(&place, 0..PARTNERS).await;
    let mut were_whole = BTreeSet::new();
    for writes in [1, 2, 8] {
        let dying = Operator::dying_after(&place, writes).await;
        dying.turn(&place, "acme").await.unwrap_err();
        were_whole.insert(files(&place).await.1);
    }
    assert!(were_whole.contains(&false), "in the middle it is not");
    Operator::start(&place).await.turn(&place, "acme").await.unwrap();
    let (all, is_whole) = files(&place).await;
    assert!(is_whole);
    assert_eq!(count(&all), PARTNERS);
}
