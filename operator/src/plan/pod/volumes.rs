//! What a pod has mounted. A key is only where it is used.

use crds::names;
use k8s_openapi::api::core::v1::{
    ConfigMapVolumeSource, EmptyDirVolumeSource, KeyToPath, NFSVolumeSource,
    PersistentVolumeClaimVolumeSource, ProjectedVolumeSource, SecretProjection, SecretVolumeSource,
    Volume, VolumeMount, VolumeProjection,
};

use super::super::storage;
use crate::{
    render,
    validate::{ValidatedDaemon, ValidatedInstance, ValidatedLine},
};

const CONFIGURATION: &str = "configuration";
const DATA: &str = "data";
const RUN: &str = "run";
/// For the owner and the group, which is the pod's: nobody else reads keys.
const READABLE: i32 = 0o440;

pub(super) fn of_daemon(instance: &ValidatedInstance, daemon: &ValidatedDaemon) -> Vec<Volume> {
    let keys = daemon.key_secrets.iter().map(|name| mounted(name, &render::KEY_PAIR));
    let account = match &daemon.line {
        Some(ValidatedLine::Remote { account, .. }) => account.as_deref(),
        Some(ValidatedLine::Device(_)) | None => None,
    };
    let account = account.map(|name| mounted(name, &render::ACCOUNT));
    let data = Volume {
        name: DATA.into(),
        persistent_volume_claim: Some(PersistentVolumeClaimVolumeSource {
            claim_name: storage::claim_name(instance),
            ..PersistentVolumeClaimVolumeSource::default()
        }),
        ..Volume::default()
    };
    let ours = [configuration(instance, keys.chain(account)), data, run()];
    ours.into_iter().chain(further(instance).map(|(volume, _)| volume)).collect()
}

/// What the user has the daemons see beside that.
fn further(instance: &ValidatedInstance) -> impl Iterator<Item = (Volume, VolumeMount)> {
    instance.template.volumes.iter().enumerate().map(|(position, wanted)| {
        let name = format!("further-{position}");
        let mount = mount(&name, &wanted.mount_path, wanted.read_only.then_some(true));
        let claim = |name: &String| PersistentVolumeClaimVolumeSource {
            claim_name: name.clone(),
            read_only: wanted.read_only.then_some(true),
        };
        let volume = Volume {
            name,
            persistent_volume_claim: wanted.claim_name.as_ref().map(claim),
            config_map: wanted.config_map_name.as_ref().map(|name| ConfigMapVolumeSource {
                name: name.clone(),
                ..ConfigMapVolumeSource::default()
            }),
            secret: wanted.secret_name.as_ref().map(|name| SecretVolumeSource {
                secret_name: Some(name.clone()),
                default_mode: Some(READABLE),
                ..SecretVolumeSource::default()
            }),
            nfs: wanted.nfs.as_ref().map(|nfs| NFSVolumeSource {
                server: nfs.server.clone(),
                path: nfs.path.clone(),
                read_only: wanted.read_only.then_some(true),
            }),
            ..Volume::default()
        };
        (volume, mount)
    })
}

/// The configuration says where the database is; the sockets' folder is for everybody who runs.
pub(super) fn of_migration(instance: &ValidatedInstance) -> Vec<Volume> {
    vec![configuration(instance, [].into_iter()), run()]
}

/// One volume, so that the kubelet renews everything in it at one moment.
fn configuration(
    instance: &ValidatedInstance,
    more: impl Iterator<Item = VolumeProjection>,
) -> Volume {
    let first = projection(SecretProjection {
        name: names::configuration_secret(&instance.key.name),
        ..SecretProjection::default()
    });
    let shards = if instance.is_spread { names::SHARDS } else { 0 };
    let shards = (0..shards).map(|number| shard(instance, number));
    let database = mounted(&instance.database.name, &[&instance.database.key]);
    Volume {
        name: CONFIGURATION.into(),
        projected: Some(ProjectedVolumeSource {
            default_mode: Some(READABLE),
            sources: Some(
                [first].into_iter().chain(shards).chain([database]).chain(more).collect(),
            ),
        }),
        ..Volume::default()
    }
}

/// A Secret as the daemons look for it: `secrets/<name>/<key>`.
fn mounted(name: &str, keys: &[&str]) -> VolumeProjection {
    let item = |key: &&str| KeyToPath {
        key: (*key).to_owned(),
        path: format!("{}/{name}/{key}", names::SECRETS_DIRECTORY),
        ..KeyToPath::default()
    };
    projection(SecretProjection {
        name: name.into(),
        items: Some(keys.iter().map(item).collect()),
        ..SecretProjection::default()
    })
}

/// A shard of the manifests, whether there is one or not. Its file alone: another one in a Secret of
/// that name is nobody's.
fn shard(instance: &ValidatedInstance, number: u8) -> VolumeProjection {
    let file = names::shard_file(number);
    projection(SecretProjection {
        name: names::configuration_shard(&instance.key.name, number),
        items: Some(vec![KeyToPath { key: file.clone(), path: file, ..KeyToPath::default() }]),
        optional: Some(true),
    })
}

fn projection(secret: SecretProjection) -> VolumeProjection {
    VolumeProjection { secret: Some(secret), ..VolumeProjection::default() }
}

fn run() -> Volume {
    Volume {
        name: RUN.into(),
        empty_dir: Some(EmptyDirVolumeSource {
            medium: Some("Memory".into()),
            ..EmptyDirVolumeSource::default()
        }),
        ..Volume::default()
    }
}

pub(super) fn mounts_of_daemon(instance: &ValidatedInstance) -> Vec<VolumeMount> {
    let mut mounts = mounts_of_migration();
    mounts.push(mount(DATA, names::DATA_DIRECTORY, None));
    mounts.extend(further(instance).map(|(_, mount)| mount));
    mounts
}

pub(super) fn mounts_of_migration() -> Vec<VolumeMount> {
    vec![
        mount(CONFIGURATION, names::CONFIGURATION_DIRECTORY, Some(true)),
        mount(RUN, names::RUN_DIRECTORY, None),
    ]
}

fn mount(name: &str, path: &str, read_only: Option<bool>) -> VolumeMount {
    VolumeMount { name: name.into(), mount_path: path.into(), read_only, ..VolumeMount::default() }
}
