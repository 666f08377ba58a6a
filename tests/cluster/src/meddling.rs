//! A person meddles with what an operator made.

use std::time::Duration;

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Secret, Service, ServiceAccount};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::api::rbac::v1::{Role, RoleBinding};
use kube::api::{Api, ApiResource, DynamicObject, ListParams, Patch, PatchParams};
use kube::{Client, ResourceExt as _};
use serde_json::json;
use support::wait_until;

const PATIENCE: Duration = Duration::from_mins(1);

macro_rules! resources {
    ($($kind:ty),* $(,)?) => { [$(ApiResource::erase::<$kind>(&())),*] };
}

/// Takes an annotation off everything in a namespace that has it, whatever its kind, and waits
/// until the operator has put it back everywhere.
pub async fn an_annotation_comes_back(client: &Client, namespace: &str, annotation: &str) {
    for resource in resources!(
        ServiceAccount,
        Role,
        RoleBinding,
        Secret,
        PersistentVolumeClaim,
        NetworkPolicy,
        Service,
        PodDisruptionBudget,
        Job,
        StatefulSet,
    ) {
        let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), namespace, &resource);
        let all = api.list(&ListParams::default()).await.unwrap();
        let annotated = all.iter().filter(|object| object.annotations().contains_key(annotation));
        let names: Vec<String> = annotated.map(kube::ResourceExt::name_any).collect();
        assert!(!names.is_empty(), "no {} has {annotation}", resource.plural);
        let off = json!({"metadata": {"annotations": {annotation: null}}});
        for name in &names {
            api.patch(name, &PatchParams::default(), &Patch::Merge(&off)).await.unwrap();
        }
        wait_until(&format!("{annotation} is on every {}", resource.kind), PATIENCE, async || {
            for name in &names {
                let object = api.get(name).await.map_err(|error| error.to_string())?;
                if !object.annotations().contains_key(annotation) {
                    return Err(format!("not on {name}"));
                }
            }
            Ok(())
        })
        .await;
    }
}
