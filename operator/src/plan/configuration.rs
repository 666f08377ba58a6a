//! The configuration that the daemons have mounted.

use crds::names;
use k8s_openapi::{ByteString, api::core::v1::Secret};

use super::labels;
use crate::{
    dereference::Found,
    fingerprint, last_good,
    validate::{Manifests, ValidatedInstance},
    world::Kind,
};

/// Everything but keys and the database's URI. The shards come first, and the first Secret last: it says
/// which of them belong to it. Before all of them those that are new: if a quota refuses one, the others
/// still go together. A shard that has nothing any more is emptied, since no Secret is ever deleted.
pub(super) fn secrets(instance: &ValidatedInstance, found: &Found) -> Vec<Secret> {
    let Some(manifests) = &instance.manifests else { return Vec::new() };
    let (mut new, mut others) = (Vec::new(), Vec::new());
    for number in 0..names::SHARDS {
        let name = names::configuration_shard(&instance.key.name, number);
        let there = found.owned.get(&(Kind::Secret, name.clone()));
        let is_ours = there.is_some_and(|it| it.owner.as_ref() == Some(&instance.owner.uid));
        let places = if is_ours { &mut others } else { &mut new };
        match manifests.shards.get(&number) {
            Some(shard) => {
                let file = [(names::shard_file(number), shard.text.as_str())];
                places.push(secret(instance, name, &shard.revision, file));
            }
            None if is_ours => places.push(secret(instance, name, EMPTY, [])),
            None => {}
        }
    }
    new.into_iter().chain(others).chain([first(instance, manifests)]).collect()
}

/// What an operator knows the instance by while it is not good.
pub(super) fn last_good(instance: &ValidatedInstance) -> Secret {
    let name = names::last_good_secret(&instance.key.name);
    last_good::secret(instance, labels::metadata(instance, name, labels::of_instance(instance)))
}

/// The revision of a shard without anything.
const EMPTY: &str = "none";

fn first(instance: &ValidatedInstance, manifests: &Manifests) -> Secret {
    let Manifests { instance: own, partners, secrets, shards } = manifests;
    let list = shards.iter().map(|(number, shard)| {
        format!("{}  {}", fingerprint::sha256(&shard.text), names::shard_file(*number))
    });
    let list = list.collect::<Vec<_>>().join("\n");
    let name = names::configuration_secret(&instance.key.name);
    let files = [
        ("instance.yaml", own),
        ("partners.yaml", partners),
        ("secrets.yaml", secrets),
        (names::SHARDS_FILE, &list),
        (names::REVISION_FILE, &instance.revision),
    ];
    let files = files.map(|(name, text)| (name.to_owned(), text.as_str()));
    secret(instance, name, &instance.revision, files)
}

fn secret<'a>(
    instance: &ValidatedInstance,
    name: String,
    revision: &str,
    files: impl IntoIterator<Item = (String, &'a str)>,
) -> Secret {
    let mut metadata = labels::metadata(instance, name, labels::of_instance(instance));
    let revision = (names::WANTED_ANNOTATION.to_owned(), revision.to_owned());
    metadata.annotations = Some([revision].into());
    // Empty files are let out: a manifest without a document is none.
    let files = files.into_iter().filter(|(_, text)| !text.is_empty());
    let octets = |text: &str| ByteString(text.as_bytes().to_vec());
    Secret {
        metadata,
        data: Some(files.map(|(name, text)| (name, octets(text))).collect()),
        type_: Some("seon.dev/configuration".into()),
        ..Secret::default()
    }
}
