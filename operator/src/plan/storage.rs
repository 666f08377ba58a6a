//! The volume for files.

use crds::{AccessMode, WhenDeleted, names};
use k8s_openapi::{
    api::core::v1::{PersistentVolumeClaim, PersistentVolumeClaimSpec, VolumeResourceRequirements},
    apimachinery::pkg::api::resource::Quantity,
};

use super::labels;
use crate::validate::{ValidatedInstance, ValidatedStorage};

/// The claim that we make; nothing, if one is there.
pub(super) fn claim(instance: &ValidatedInstance) -> Option<PersistentVolumeClaim> {
    let ValidatedStorage::Make(claim) = &instance.storage else {
        return None;
    };
    let name = names::data_claim(&instance.key.name);
    let labels = labels::of_instance(instance);
    // What has an owner goes with it: so the claim has one only if that is wanted.
    let metadata = match claim.when_deleted {
        WhenDeleted::Retain => labels::ownerless(instance, name, labels),
        WhenDeleted::Delete => labels::metadata(instance, name, labels),
    };
    let size = [("storage".to_owned(), Quantity(claim.size.clone()))];
    Some(PersistentVolumeClaim {
        metadata,
        spec: Some(PersistentVolumeClaimSpec {
            access_modes: Some(vec![access_mode(claim.access_mode).into()]),
            storage_class_name: claim.storage_class_name.clone(),
            resources: Some(VolumeResourceRequirements {
                requests: Some(size.into()),
                ..VolumeResourceRequirements::default()
            }),
            ..PersistentVolumeClaimSpec::default()
        }),
        ..PersistentVolumeClaim::default()
    })
}

fn access_mode(mode: AccessMode) -> &'static str {
    match mode {
        AccessMode::ReadWriteMany => "ReadWriteMany",
        AccessMode::ReadWriteOnce => "ReadWriteOnce",
    }
}

/// The name of the claim that pods mount.
pub(super) fn claim_name(instance: &ValidatedInstance) -> String {
    match &instance.storage {
        ValidatedStorage::Make(_) => names::data_claim(&instance.key.name),
        ValidatedStorage::Use { name, .. } => name.clone(),
    }
}

/// Whether all pods have to be on one node.
pub(super) fn is_on_one_node(instance: &ValidatedInstance) -> bool {
    match &instance.storage {
        ValidatedStorage::Make(claim) => claim.access_mode == AccessMode::ReadWriteOnce,
        ValidatedStorage::Use { is_of_one_node, .. } => *is_of_one_node,
    }
}
