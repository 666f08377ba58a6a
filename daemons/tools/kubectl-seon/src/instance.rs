//! Which instance is meant.

use crds::{SeonInstance, SeonPartner};
use domain::Daemon;
use kube::ResourceExt;
use kube::api::ListParams;

use super::KubernetesError;
use super::cluster::Cluster;

/// The instance of this name, or the only one of the namespace.
pub(super) async fn find(
    cluster: &Cluster,
    name: Option<&str>,
) -> Result<SeonInstance, KubernetesError> {
    let instances = cluster.objects::<SeonInstance>();
    if let Some(name) = name {
        let doing = format!("reading SeonInstance {name} in namespace {}", cluster.namespace);
        return instances.get(name).await.map_err(|error| cluster.explain(&doing, error));
    }
    let doing = format!("reading the SeonInstances in namespace {}", cluster.namespace);
    let list = instances.list(&ListParams::default()).await;
    only(list.map_err(|error| cluster.explain(&doing, error))?.items, &cluster.namespace)
}

fn only(
    mut instances: Vec<SeonInstance>,
    namespace: &str,
) -> Result<SeonInstance, KubernetesError> {
    match (instances.pop(), instances.is_empty()) {
        (Some(instance), true) => Ok(instance),
        (None, _) => Err(KubernetesError::Instance(format!(
            "there is no SeonInstance in namespace {namespace}; give another with -n, or see: \
             kubectl get seon -A"
        ))),
        (Some(last), false) => {
            instances.push(last);
            let names: Vec<_> = instances.iter().map(ResourceExt::name_any).collect();
            Err(KubernetesError::Instance(format!(
                "there are several SeonInstances in namespace {namespace}; name one of {}",
                names.join(", ")
            )))
        }
    }
}

/// The daemons that the instance should have: none while it is suspended.
pub(super) fn wanted(instance: &SeonInstance) -> Vec<Daemon> {
    let spec = &instance.spec;
    let is_wanted = |daemon: &Daemon| match daemon {
        Daemon::Seonrd | Daemon::Seonsqd => true,
        Daemon::SeonrdTcpip => spec.receive.tcpip.is_some(),
        Daemon::SeonrdTcpipTls => spec.receive.tls.is_some(),
        Daemon::SeonrdCapi(number) => {
            let mut controllers = spec.receive.capi.iter().flat_map(|capi| &capi.controllers);
            controllers.any(|controller| controller.number == i32::from(number.get()))
        }
    };
    Daemon::all().filter(|daemon| !spec.suspend && is_wanted(daemon)).collect()
}

/// The partners of an instance.
pub(super) async fn partners(
    cluster: &Cluster,
    instance: &str,
) -> Result<Vec<SeonPartner>, KubernetesError> {
    let of_instance = ListParams::default().fields(&format!("spec.instanceRef.name={instance}"));
    let list = cluster.objects::<SeonPartner>().list(&of_instance).await;
    list.map(|list| list.items)
        .map_err(|error| cluster.explain(&format!("reading the SeonPartners of {instance}"), error))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// An instance with these further lines of its spec and status.
    pub(crate) fn instance(name: &str, more: &str) -> SeonInstance {
        serde_yaml::from_str(&format!(
            "apiVersion: seon.dev/v1alpha1
kind: SeonInstance
metadata: {{name: {name}, namespace: office}}
spec:
  identity: {{odetteId: O0013000001ACME, passwordSecretRef: {{name: acme-oftp, key: password}}}}
{more}"
        ))
        .unwrap()
    }

    #[test]
    fn the_only_instance_need_not_be_named_and_several_are_listed() {
        let (acme, bolt) = (instance("acme", ""), instance("bolt", ""));
        assert_eq!(only(vec![acme.clone()], "office").unwrap().name_any(), "acme");
        let error = only(vec![acme, bolt], "office").unwrap_err().to_string();
        assert!(error.ends_with("name one of acme, bolt"), "{error}");
        let error = only(Vec::new(), "office").unwrap_err().to_string();
        assert!(error.contains("no SeonInstance in namespace office; give another"), "{error}");
    }

    #[test]
    fn receivers_are_wanted_as_they_are_written_and_nothing_while_suspended() {
        let both = instance("acme", "  receive: {tcpip: {}}\n");
        assert_eq!(wanted(&both), [Daemon::Seonrd, Daemon::SeonrdTcpip, Daemon::Seonsqd]);
        let isdn = "  receive: {capi: {controllers: [{number: 2, device: {}}]}}\n";
        let controller = Daemon::SeonrdCapi(2.try_into().unwrap());
        let wanted_by_isdn = wanted(&instance("acme", isdn));
        assert_eq!(wanted_by_isdn, [Daemon::Seonrd, controller, Daemon::Seonsqd]);
        let none = instance("acme", "  receive: {tcpip: {}}\n  suspend: true\n");
        assert_eq!(wanted(&none), []);
    }
}
