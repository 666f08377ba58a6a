//! Partners as the daemons' files have them, and the Secrets that they bring: rendered once a turn.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
};

use configuration::{Configuration, ManifestError};
use crds::{SeonPartner, names};
use kube::ResourceExt as _;
use serde_json::{Value, json};

use super::{
    Manifests, Shard,
    spread::{self, Contents, Load, NoPlace, Place, ROOM, Spread},
};
use crate::{
    dereference::{Found, instance_secrets, partner_secrets},
    fingerprint,
    problem::Problem,
    render::{self, Keys},
};

/// A partner that is not left out, so far.
pub(super) struct Member<'a> {
    pub(super) partner: &'a SeonPartner,
    pub(super) name: String,
    /// What it is called in messages of the common rules.
    pub(super) document: String,
    text: String,
    keys: Keys,
}

impl<'a> Member<'a> {
    pub(super) fn new(partner: &'a SeonPartner) -> Self {
        let name = partner.name_any();
        Self {
            document: format!("SeonPartner {name}"),
            name,
            text: render::partner(partner),
            keys: render::partner_keys(&partner.spec),
            partner,
        }
    }
}

/// An instance and its partners as the daemons' files have them.
pub(super) struct Rendered<'a> {
    found: &'a Found,
    members: &'a [Member<'a>],
    instance: String,
    /// What is needed of each Secret.
    keys: Keys,
    secrets: BTreeMap<String, String>,
}

impl<'a> Rendered<'a> {
    pub(super) fn new(found: &'a Found, members: &'a [Member<'a>]) -> Self {
        let mut keys = render::instance_keys(&found.instance.spec);
        for member in members {
            render::merge(&mut keys, member.keys.clone());
        }
        let secret = |(name, keys): (&String, &BTreeSet<String>)| {
            Some((name.clone(), render::secret(name, found.secrets.get(name)?, keys)))
        };
        let secrets = keys.iter().filter_map(secret).collect();
        Self { found, members, instance: render::instance(&found.instance), keys, secrets }
    }

    /// As the common rules have it. They also judge what is mounted beside the manifests.
    pub(super) fn parse(&self) -> Result<Configuration, Vec<ManifestError>> {
        let mut mounted = render::mounted_keys(&self.found.instance.spec);
        for (name, keys) in &mut mounted {
            keys.extend(self.keys.get(name).into_iter().flatten().cloned());
        }
        let with_mounted = mounted.iter().filter_map(|(name, keys)| {
            let text = render::secret(name, self.found.secrets.get(name)?, keys);
            Some((name, Cow::Owned(text)))
        });
        let only_rendered = self.secrets.iter().filter(|(name, _)| !mounted.contains_key(*name));
        let secrets = only_rendered.map(|(name, text)| (name, Cow::Borrowed(text.as_str())));
        let secrets: BTreeMap<&String, Cow<'_, str>> = secrets.chain(with_mounted).collect();
        let instance =
            (super::instance_document(self.found), Cow::Borrowed(self.instance.as_str()));
        let partners = self.members.iter();
        let partners =
            partners.map(|member| (member.document.clone(), Cow::Borrowed(member.text.as_str())));
        let secrets = secrets.into_iter().map(|(name, text)| (super::secret_document(name), text));
        let files: Vec<_> = [instance].into_iter().chain(partners).chain(secrets).collect();
        configuration::parse(&files)
    }

    /// Where everything lies.
    pub(super) fn spread(&self) -> Spread<'_> {
        let own: BTreeSet<&str> = render::instance_keys(&self.found.instance.spec)
            .into_keys()
            .filter_map(|name| self.secrets.get_key_value(&name).map(|(name, _)| name.as_str()))
            .collect();
        let of_own = own.iter().map(|name| self.octets(name)).sum::<usize>();
        let loads = self.members.iter().map(|member| Load {
            partner: &member.name,
            octets: with_separator(&member.text),
            secrets: member.keys.keys().map(|name| (name.as_str(), self.octets(name))).collect(),
        });
        let loads: Vec<_> = loads.collect();
        spread::spread(self.instance.len() + of_own, own, &loads)
    }

    fn octets(&self, secret: &str) -> usize {
        self.secrets.get(secret).map_or(0, |text| with_separator(text))
    }

    /// What the daemons read, everybody in their place.
    pub(super) fn manifests(&self, spread: &Spread<'_>) -> (Manifests, String) {
        let members: BTreeMap<&str, &Member<'_>> =
            self.members.iter().map(|member| (member.name.as_str(), member)).collect();
        let partners_of = |contents: &Contents<'_>| -> Vec<&str> {
            let there = contents.partners.iter().filter_map(|name| members.get(name));
            there.map(|member| member.text.as_str()).collect()
        };
        let secrets_of = |contents: &Contents<'_>| -> Vec<&str> {
            let there = contents.secrets.iter().filter_map(|name| self.secrets.get(*name));
            there.map(String::as_str).collect()
        };
        let mut manifests = Manifests { instance: self.instance.clone(), ..Manifests::default() };
        for (place, contents) in &spread.contents {
            let (partners, secrets) = (partners_of(contents), secrets_of(contents));
            match place {
                Place::First => {
                    manifests.partners = partners.join(SEPARATOR);
                    manifests.secrets = secrets.join(SEPARATOR);
                }
                Place::Shard(number) => {
                    let revision =
                        json!([partners, self.versions(contents.secrets.iter().copied())]);
                    let text = [partners, secrets].concat().join(SEPARATOR);
                    let revision = fingerprint::of(&revision);
                    manifests.shards.insert(*number, Shard { text, revision });
                }
            }
        }
        let revision = self.revision(&manifests);
        (manifests, revision)
    }

    /// Another one when anything of it, or of a mounted Secret, is another.
    fn revision(&self, manifests: &Manifests) -> String {
        let partners: Vec<&str> = self.members.iter().map(|member| member.text.as_str()).collect();
        let mut names = instance_secrets(&self.found.instance.spec);
        names.extend(self.members.iter().flat_map(|it| partner_secrets(&it.partner.spec)));
        let versions = names.iter().filter_map(|name| Some((name, self.version(name)?)));
        let versions: BTreeMap<_, _> = versions.collect();
        let mut all = vec![json!(self.instance), json!(partners.join(SEPARATOR)), json!(versions)];
        if !manifests.shards.is_empty() {
            let shards = manifests.shards.iter();
            let shards: BTreeMap<_, _> = shards.map(|(it, shard)| (it, &shard.revision)).collect();
            all.push(json!(shards));
        }
        fingerprint::of(&Value::Array(all))
    }

    /// The Secrets' own versions stand for their contents: a digest of a short password in an
    /// annotation would give it away.
    fn versions<'n>(&self, names: impl Iterator<Item = &'n str>) -> Value {
        let versions = names.map(|name| json!([name, self.version(name), self.keys.get(name)]));
        versions.collect()
    }

    fn version(&self, name: &str) -> Option<(Option<String>, Option<String>)> {
        let secret = self.found.secrets.get(name)?;
        Some((secret.uid(), secret.resource_version()))
    }
}

const SEPARATOR: &str = "---\n";

fn with_separator(text: &str) -> usize {
    text.len() + SEPARATOR.len()
}

/// What is said to a partner that has no place.
pub(super) fn problem(why: NoPlace) -> Problem {
    match why {
        NoPlace::TooLarge { octets } => {
            let text = format!(
                "with its certificates it is {} KiB, and a Secret holds 1 MiB; leave the certificates \
                 out that are not needed, such as further ones in a file of authorities",
                octets / 1024,
            );
            Problem::new("E-VALIDATE-SIZE", "", text)
        }
        NoPlace::Full => {
            let text = format!(
                "there is no room for one more: an instance has {} Secrets of 1 MiB for its partners; \
                 move some of them to another SeonInstance",
                usize::from(names::SHARDS) + 1,
            );
            Problem::new("E-VALIDATE-ROOM", "", text)
        }
    }
}

/// The instance's own part that fits nowhere.
pub(super) fn too_large(spread: &Spread<'_>, instance: &str) -> Option<Problem> {
    let first = spread.contents.get(&Place::First)?;
    (first.octets > ROOM).then(|| {
        let text = format!(
            "its manifest is {} KiB, and a Secret holds 1 MiB; make it smaller",
            instance.len() / 1024,
        );
        Problem::new("E-VALIDATE-SIZE", "", text)
    })
}
