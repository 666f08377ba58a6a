//! The operator, as a user installs and upgrades it, and as it may fail.

use std::path::{Path, PathBuf};

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams};
use serde_json::json;

use crate::{Stage, THIS, eventually, is_ready};

/// The release and, by the chart, the Deployment.
const RELEASE: &str = "seon";
const DEPLOYMENT: &str = "seon-operator";

impl Stage {
    /// `helm install` with that version of both images.
    pub async fn install(&self, version: &str) {
        self.succeed("install", version).await;
    }

    /// `helm upgrade` to that version of both images.
    pub async fn upgrade(&self, version: &str) {
        self.succeed("upgrade", version).await;
    }

    /// `helm upgrade` to this version with these values more.
    pub async fn upgrade_with(&self, values: &[&str]) {
        if let Err(error) = self.helm_with_values("upgrade", THIS, values).await {
            panic!("{error}\n{}", self.describe().await);
        }
    }

    /// `helm uninstall`.
    pub async fn uninstall(&self) {
        self.helm_uninstall().await.unwrap();
    }

    pub(crate) async fn helm_uninstall(&self) -> Result<(), String> {
        let namespace = ["--namespace", self.operator_namespace()];
        let arguments = [&["uninstall", RELEASE, "--wait"][..], &namespace].concat();
        self.cluster.helm(&arguments).await.map(drop)
    }

    async fn succeed(&self, what: &str, version: &str) {
        if let Err(error) = self.helm_with_chart(what, version).await {
            panic!("{error}\n{}", self.describe().await);
        }
    }

    pub(crate) async fn helm_with_chart(&self, what: &str, version: &str) -> Result<(), String> {
        self.helm_with_values(what, version, &[]).await
    }

    async fn helm_with_values(
        &self,
        what: &str,
        version: &str,
        values: &[&str],
    ) -> Result<(), String> {
        let more = values.iter().map(|&value| value.to_owned());
        let chart = repository().join("charts/seon").display().to_string();
        let values = self.ground.chart_values(version).into_iter().chain(more);
        let values = values.collect::<Vec<_>>().join(",");
        let namespace = ["--namespace", self.operator_namespace()];
        let options = ["--wait", "--timeout=4m", "--set", &values];
        let arguments = [&[what, RELEASE, &chart][..], &namespace, &options].concat();
        self.cluster.helm(&arguments).await.map(drop)
    }

    /// The operator's pods.
    pub async fn operator_pods(&self) -> Vec<Pod> {
        let selector = ListParams::default().labels("app.kubernetes.io/name=seon-operator");
        self.operator_pods_api().list(&selector).await.unwrap().items
    }

    /// So many replicas of the operator from now on; waits until it is so.
    pub async fn scale_operator(&self, replicas: i32) {
        let deployments =
            Api::<Deployment>::namespaced(self.client.clone(), self.operator_namespace());
        let scale = Patch::Merge(json!({"spec": {"replicas": replicas}}));
        deployments.patch_scale(DEPLOYMENT, &PatchParams::default(), &scale).await.unwrap();
        eventually(&format!("the operator has {replicas} replicas"), async || {
            let pods = self.operator_pods().await;
            let ready = pods.iter().filter(|pod| is_ready(pod)).count();
            let wanted = usize::try_from(replicas).unwrap();
            if pods.len() == wanted && ready == wanted {
                Ok(())
            } else {
                Err(format!("{ready} of {}", pods.len()))
            }
        })
        .await;
    }

    /// Ends every pod of the operator at once, without a chance to finish anything.
    pub async fn kill_operator(&self) {
        let at_once = DeleteParams { grace_period_seconds: Some(0), ..DeleteParams::default() };
        for pod in self.operator_pods().await {
            // It may be gone by itself.
            let _ = self.operator_pods_api().delete(&pod.name_any(), &at_once).await;
        }
    }

    fn operator_pods_api(&self) -> Api<Pod> {
        Api::namespaced(self.client.clone(), self.operator_namespace())
    }
}

/// Where the chart, the samples and the rest of what users get are.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
