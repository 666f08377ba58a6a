//! The operator goes, and comes again.

use crds::{SeonInstance, names};
use e2e::{Pair, Stage, THIS, eventually};
use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::ResourceExt;
use kube::api::{Api, DeleteParams};

pub(crate) async fn what_holds_data_outlives_the_operator(stage: &Stage) {
    let pair = Pair::ready(stage).await;
    let load = pair.under_load().await;
    let before = pair.acme.incarnations().await;
    stage.uninstall().await;
    let definitions = Api::<CustomResourceDefinition>::all(stage.client.clone());
    for definition in crds::definitions() {
        definitions.get(&definition.name_any()).await.unwrap();
    }
    pair.acme.instance().await.unwrap();
    load.flows().await;
    assert_eq!(pair.acme.incarnations().await, before, "no daemon noticed");

    stage.install(THIS).await;
    pair.is_ready().await;
    load.flows().await;
    load.judge(&pair).await;

    let acme = &pair.acme;
    acme.api::<SeonInstance>().delete(acme.name(), &DeleteParams::default()).await.unwrap();
    eventually("the instance is gone with its pods", async || {
        let left = acme.api::<SeonInstance>().get_opt(acme.name()).await;
        let left = left.map_err(|error| error.to_string())?;
        let pods = acme.all_pods().await?.len();
        if left.is_none() && pods == 0 { Ok(()) } else { Err(format!("{pods} pods are left")) }
    })
    .await;
    let claim = names::data_claim(acme.name());
    acme.api::<PersistentVolumeClaim>().get(&claim).await.unwrap();
    for secret in ["acme-oftp", "acme-db-app", "acme-tls"] {
        assert!(acme.secret(secret).await.is_some(), "{secret} is the administrator's");
    }
    assert_ne!(acme.database().sql("select count(*) from journal"), "0");
}
