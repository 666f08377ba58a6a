//! Whether the manifests of a pod are all there: its folder is made from several objects, which the
//! kubelet learns of one after the other. Pure.

use std::collections::BTreeMap;

use aws_lc_rs::digest::{SHA256, digest};
use crds::names::{SHARDS, shard_file};

/// The shards that belong to a revision.
pub(crate) struct Shards<'a> {
    digests: BTreeMap<&'a str, &'a str>,
}

impl<'a> Shards<'a> {
    /// As a list says it, whose lines are as sha256sum writes them.
    pub(crate) fn listed(list: &'a str) -> Self {
        let entries = list.lines().filter_map(|line| line.split_once("  "));
        Self { digests: entries.map(|(digest, name)| (name, digest)).collect() }
    }

    /// Whether a file is a shard of another revision, or was put there by somebody else.
    pub(crate) fn is_stray(&self, name: &str) -> bool {
        !self.digests.contains_key(name) && (0..SHARDS).any(|number| shard_file(number) == name)
    }

    /// Those that are not here, or are of another revision, by their files' names.
    pub(crate) fn missing<'f>(
        &self,
        found: impl Iterator<Item = (&'f str, &'f str)>,
    ) -> Vec<String> {
        let found: BTreeMap<&str, String> = found
            .filter(|(name, _)| self.digests.contains_key(name))
            .map(|(name, text)| (name, hexadecimal(text)))
            .collect();
        let is_here = |name: &str, digest: &str| found.get(name).is_some_and(|it| it == digest);
        let missing = self.digests.iter().filter(|(name, digest)| !is_here(name, digest));
        missing.map(|(name, _)| (*name).to_owned()).collect()
    }
}

/// A text's SHA-256, as sha256sum writes it.
pub(crate) fn hexadecimal(text: &str) -> String {
    let digest = digest(&SHA256, text.as_bytes());
    digest.as_ref().iter().fold(String::new(), |text, octet| text + &format!("{octet:02x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `printf one | sha256sum`, `printf two | sha256sum`
    const ONE: &str = "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed";
    const TWO: &str = "3fc4ccfe745870e2c0d99f71f30ff0656c8dedd41cc1d7d3d376b0dbe685e2f3";

    #[test]
    fn a_set_is_whole_if_each_shard_of_the_list_is_there_as_it_says() {
        let both = format!("{ONE}  shard-03.yaml\n{TWO}  shard-40.yaml\n");
        let first = format!("{ONE}  shard-03.yaml\n");
        let (three, forty) = (("shard-03.yaml", "one"), ("shard-40.yaml", "two"));
        for (list, found, expected) in [
            ("", &[][..], &[][..]),
            (&both, &[three, forty], &[]),
            (&both, &[three], &["shard-40.yaml"]),
            (&both, &[three, ("shard-40.yaml", "older")], &["shard-40.yaml"]),
            (&both, &[], &["shard-03.yaml", "shard-40.yaml"]),
            (&first, &[three, forty], &[]),
            ("", &[three], &[]),
            ("not a list", &[three], &[]),
        ] {
            let found = found.iter().chain(&[("partners.yaml", "x")]).copied();
            assert_eq!(Shards::listed(list).missing(found), expected, "{list:?}");
        }
    }

    #[test]
    fn a_shard_that_the_list_does_not_know_is_nobodys_and_every_other_file_is() {
        let list = format!("{ONE}  shard-03.yaml\n");
        let shards = Shards::listed(&list);
        for stray in ["shard-00.yaml", "shard-40.yaml", "shard-63.yaml"] {
            assert!(shards.is_stray(stray), "{stray}");
        }
        for file in ["shard-03.yaml", "shard-64.yaml", "shard-a.yaml", "partners.yaml"] {
            assert!(!shards.is_stray(file), "{file}");
        }
    }
}
