//! An instance with many partners.

use std::{collections::BTreeSet, time::Instant};

use kube::ResourceExt;

use super::*;
use crate::{
    fingerprint,
    sample::{found_many, made, validated},
};

/// Five thousand are spread in `validate::spread`; judging so many takes too long without optimisation.
const PARTNERS: usize = 1000;
/// A certificate and two authorities above it.
const CHAIN: usize = 5 * 1024;
/// What a Secret holds.
const MEBIBYTE: usize = 1024 * 1024;

fn octets(secret: &Secret) -> usize {
    secret.data.iter().flatten().map(|(name, value)| name.len() + value.0.len()).sum()
}

/// The Secrets as they are once they were applied.
fn applied(found: &mut Found, plan: &Plan) {
    for secret in &plan.objects.secrets {
        made(found, Kind::Secret, secret.name_any());
    }
}

fn changed(before: &Plan, after: &Plan) -> BTreeSet<String> {
    let changed = after.objects.secrets.iter().filter(|it| !before.objects.secrets.contains(it));
    changed.map(ResourceExt::name_any).collect()
}

#[test]
fn a_thousand_partners_are_in_secrets_that_each_can_be_and_one_less_changes_few() {
    let mut found = found_many(PARTNERS, CHAIN);
    let began = Instant::now();
    let good = validated(&found);
    println!("{PARTNERS} partners: judged in {:?}", began.elapsed());
    let before = plan(&good, &found);
    println!("judged and planned in {:?}", began.elapsed());
    assert_eq!((good.accepted.len(), good.rejected.len()), (PARTNERS, 0));
    let secrets = &before.objects.secrets;
    assert!(secrets.iter().all(|secret| octets(secret) < MEBIBYTE - 40_000));
    assert_eq!(
        secrets.last().unwrap().name_any(),
        "acme-configuration",
        "when all others are there"
    );
    assert!(serde_json::to_string(&before.objects.stateful_sets).unwrap().len() < MEBIBYTE / 4);
    let first = secrets.last().unwrap().data.clone().unwrap();
    let list = String::from_utf8(first["shards"].0.clone()).unwrap();
    for (secret, line) in secrets.iter().zip(list.lines()) {
        let (name, text) = secret.data.clone().unwrap().pop_first().unwrap();
        let text = String::from_utf8(text.0).unwrap();
        assert_eq!(line, format!("{}  {name}", fingerprint::sha256(&text)));
        assert!(secret.name_any().ends_with(&name[6..8]));
    }
    assert_eq!(list.lines().count() + 1, secrets.len());

    applied(&mut found, &before);
    let revisions = |plan: &Plan| {
        let all = plan.objects.secrets.iter();
        all.map(|it| (it.name_any(), it.annotations().clone())).collect::<BTreeMap<_, _>>()
    };
    found.partners.remove(800);
    let began = Instant::now();
    let after = plan(&validated(&found), &found);
    println!("again in {:?}", began.elapsed());
    let others = changed(&before, &after);
    assert_eq!(others.len(), 2, "its shard and the first, which says so: {others:?}");
    assert!(others.contains("acme-configuration"));
    let (was, is) = (revisions(&before), revisions(&after));
    let said: BTreeSet<_> = is.keys().filter(|name| was[*name] != is[*name]).cloned().collect();
    assert_eq!(said, others, "whose contents are others says so, and nobody else");
    assert_eq!(before.objects.stateful_sets, after.objects.stateful_sets);
    assert_eq!(before.objects.jobs, after.objects.jobs);
}

#[test]
fn a_shard_that_has_nothing_any_more_is_emptied_and_nobody_elses_is_touched() {
    let mut found = found_many(200, CHAIN);
    let all = plan(&validated(&found), &found);
    assert!(all.objects.secrets.len() > 10, "more than one Secret holds");
    applied(&mut found, &all);
    found.partners.truncate(10);
    let after = plan(&validated(&found), &found).objects.secrets;
    let (first, shards) = after.split_last().unwrap();
    assert_eq!(shards.len() + 1, all.objects.secrets.len());
    assert!(shards.iter().all(|shard| octets(shard) == 0));
    assert!(!first.data.as_ref().unwrap().contains_key("shards"), "as it is without any");
    // One of an instance of the same name that was before this one.
    for owned in found.owned.values_mut() {
        owned.owner = Some("2".into());
    }
    assert_eq!(plan(&validated(&found), &found).objects.secrets.len(), 1);
}

#[test]
fn pods_look_for_shards_once_there_are_any_and_from_then_on() {
    let sources = |plan: &Plan| {
        let sets = serde_json::to_string(&plan.objects.stateful_sets).unwrap();
        sets.matches("configuration-00").count()
    };
    let small = found_many(10, CHAIN);
    assert_eq!(sources(&plan(&validated(&small), &small)), 0);
    let mut found = found_many(200, CHAIN);
    let large = plan(&validated(&found), &found);
    assert!(sources(&large) > 0);
    applied(&mut found, &large);
    found.partners.truncate(10);
    let again = plan(&validated(&found), &found);
    assert_eq!(again.objects.stateful_sets, large.objects.stateful_sets, "nothing is replaced");
}
