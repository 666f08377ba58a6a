//! An API server with our definitions, an instance on it, and operators that can be cut off.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use cluster::ApiServer;
use crds::{SeonInstance, SeonPartner, names};
use futures::StreamExt as _;
use http::{Method, Request};
use k8s_openapi::{
    NamespaceResourceScope, api::core::v1::Secret,
    apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
};
use kube::{
    Api, Client, Resource, ResourceExt as _,
    api::{ListParams, Patch, PatchParams, PostParams},
    client::Body,
    core::DeserializeGuard,
    runtime::controller::Action,
};
use operator::{
    context::{Context, Installation},
    metrics::Metrics,
    reconcile::{ReconcileError, reconcile},
    world::{Made, Watches, watch},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use support::{Authority, wait_until};
use tokio::{sync::OnceCell, task::JoinHandle};

pub(crate) const PATIENCE: Duration = Duration::from_mins(1);
pub(crate) const IMAGE: &str = "registry.local/seon:1";
/// The namespace of the operator's pods, if it had any.
pub(crate) const SYSTEM: &str = "seon-system";

pub(crate) fn installation() -> Installation {
    Installation { image: IMAGE.into(), namespace: SYSTEM.into(), ..Installation::default() }
}

/// In no object but Secrets may this ever be read.
pub(crate) const PASSWORD: &str = "GEHEIM77";

/// The API server that the tests of this program share, with our definitions.
pub(crate) async fn shared() -> Result<&'static ApiServer, String> {
    static SHARED: OnceCell<Result<ApiServer, String>> = OnceCell::const_new();
    let start = || async {
        let server = ApiServer::start().await?;
        define(&server.client().await, crds::definitions()).await;
        Ok(server)
    };
    SHARED.get_or_init(start).await.as_ref().map_err(Clone::clone)
}

/// [`shared`], or a skip.
macro_rules! server {
    () => {
        match $crate::fixture::shared().await {
            Ok(server) => server,
            Err(reason) => support::skip!(cluster, "{reason}"),
        }
    };
}
pub(crate) use server;

/// Teaches the server definitions, and waits until it knows them.
pub(crate) async fn define(
    client: &Client,
    definitions: impl IntoIterator<Item = CustomResourceDefinition>,
) {
    let api: Api<CustomResourceDefinition> = Api::all(client.clone());
    for definition in definitions {
        let name = definition.name_any();
        let parameters = PatchParams::apply("test").force();
        api.patch(&name, &parameters, &Patch::Apply(&definition)).await.unwrap();
        wait_until("the definition is established", PATIENCE, async || {
            let status = api.get(&name).await.unwrap().status.unwrap_or_default();
            let mut conditions = status.conditions.into_iter().flatten();
            conditions
                .any(|c| c.type_ == "Established" && c.status == "True")
                .then_some(())
                .ok_or("not yet")
        })
        .await;
    }
}

/// A namespace with everything that an instance refers to.
pub(crate) struct Place {
    pub(crate) client: Client,
    pub(crate) namespace: String,
}

impl Place {
    pub(crate) async fn new(server: &ApiServer) -> Self {
        let namespace = server.namespace("operator").await;
        let place = Self { client: server.client().await, namespace };
        let identity = Authority::new("test").identity("oftp.acme.example");
        place.secret("acme-oftp", &[("password", PASSWORD)]).await;
        let partners = ["bolt", "cast", "dart", "echo"];
        place.secret_of(&partners, "bolt-oftp", &[("password", PASSWORD)]).await;
        place.secret("acme-db-app", &[("uri", &format!("postgres://u:{PASSWORD}@db/seon"))]).await;
        let (certificate, key) = (&identity.certificate_pem, &identity.key_pem);
        place.secret("acme-tls", &[("tls.crt", certificate), ("tls.key", key)]).await;
        place.secret_of(&partners, "bolt-tls", &[("tls.crt", certificate)]).await;
        place
    }

    pub(crate) fn api<K>(&self) -> Api<K>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    pub(crate) async fn secret(&self, name: &str, values: &[(&str, &str)]) {
        self.secret_of(&[], name, values).await;
    }

    /// One that these partners may use.
    pub(crate) async fn secret_of(&self, partners: &[&str], name: &str, values: &[(&str, &str)]) {
        let values: BTreeMap<_, _> = values.iter().copied().collect();
        let labels: BTreeMap<_, _> =
            partners.iter().map(|partner| (names::partner_label(partner), "")).collect();
        self.apply::<Secret>(json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "labels": labels},
            "stringData": values,
        }))
        .await;
    }

    /// As a person does it.
    pub(crate) async fn apply<K>(&self, manifest: Value) -> K
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
            + Clone
            + std::fmt::Debug
            + DeserializeOwned,
    {
        let name = manifest["metadata"]["name"].as_str().unwrap().to_owned();
        let parameters = PatchParams::apply("test").force();
        self.api::<K>().patch(&name, &parameters, &Patch::Apply(manifest)).await.unwrap()
    }

    pub(crate) async fn instance(&self, change: impl FnOnce(&mut Value)) -> SeonInstance {
        self.apply(instance("acme", change)).await
    }

    pub(crate) async fn partner(&self, name: &str, change: impl FnOnce(&mut Value)) -> SeonPartner {
        self.apply(partner(name, change)).await
    }

    /// Every object of a kind.
    pub(crate) async fn all<K: Made>(&self) -> Vec<K> {
        self.api::<K>().list(&ListParams::default()).await.unwrap().items
    }

    /// Its resource versions by name.
    pub(crate) async fn versions<K: Made>(&self) -> BTreeMap<String, Option<String>> {
        let all = self.all::<K>().await;
        all.iter().map(|object| (object.name_any(), object.resource_version())).collect()
    }

    pub(crate) async fn get<K>(&self, name: &str) -> K
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
            + Clone
            + std::fmt::Debug
            + DeserializeOwned,
    {
        self.api::<K>().get(name).await.unwrap()
    }

    pub(crate) async fn create<K>(&self, object: &K)
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
            + Clone
            + std::fmt::Debug
            + Serialize
            + DeserializeOwned,
    {
        self.api::<K>().create(&PostParams::default(), object).await.unwrap();
    }
}

pub(crate) fn instance(name: &str, change: impl FnOnce(&mut Value)) -> Value {
    let mut value = json!({
        "apiVersion": crds::API_VERSION,
        "kind": "SeonInstance",
        "metadata": {"name": name},
        "spec": {
            "identity": {
                "odetteId": "O0013000001ACME",
                "passwordSecretRef": {"name": "acme-oftp", "key": "password"},
            },
            "database": {"secretRef": {"name": "acme-db-app", "key": "uri"}},
            "storage": {"volumeClaim": {"size": "1Gi"}},
            "receive": {"tcpip": {}, "tls": {"certificateSecretRef": {"name": "acme-tls"}}},
        },
    });
    change(&mut value);
    value
}

pub(crate) fn partner(name: &str, change: impl FnOnce(&mut Value)) -> Value {
    let id = format!("O0013000002{}", name.to_uppercase());
    let mut value = json!({
        "apiVersion": crds::API_VERSION,
        "kind": "SeonPartner",
        "metadata": {"name": name},
        "spec": {
            "instanceRef": {"name": "acme"},
            "identity": {
                "odetteId": id,
                "passwordSecretRef": {"name": "bolt-oftp", "key": "password"},
            },
            "transports": [{"tls": {"host": "oftp.bolt.example", "port": 7619}}],
            "certificates": [{"purpose": ["Tls"], "secretRef": {"name": "bolt-tls"}}],
        },
    });
    change(&mut value);
    value
}

/// An operator that takes its turns when the test says so, counts its requests, and can die after
/// any of its writes.
pub(crate) struct Operator {
    pub(crate) context: Arc<Context>,
    pub(crate) counts: Arc<Counts>,
    watches: JoinHandle<()>,
}

/// Requests of an operator.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) reads: AtomicU64,
    pub(crate) writes: AtomicU64,
    /// How many writes it may do until it is dead.
    limit: AtomicU64,
}

impl Operator {
    pub(crate) async fn start(place: &Place) -> Self {
        Self::dying_after(place, u64::MAX).await
    }

    /// Dies after so many writes: no request of it arrives any more.
    pub(crate) async fn dying_after(place: &Place, writes: u64) -> Self {
        Self::of_release(place, writes, SYSTEM).await
    }

    /// One whose pods would be in this namespace.
    pub(crate) async fn of_release(place: &Place, writes: u64, system: &str) -> Self {
        let counts = Arc::new(Counts { limit: writes.into(), ..Counts::default() });
        let client = between(place.client.clone(), Arc::clone(&counts));
        // Watches are not what is counted.
        let Watches { world, mut running, listed, .. } =
            watch(&place.client, Some(&place.namespace), false);
        let watches = tokio::spawn(async move { while running.next().await.is_some() {} });
        tokio::time::timeout(PATIENCE, listed).await.unwrap();
        let metrics = Arc::new(Metrics::default());
        let installation = Installation { namespace: system.into(), ..installation() };
        let context = Context::new(client, world, installation, "test".into(), metrics);
        Self { context: Arc::new(context), counts, watches }
    }

    /// One turn, with the instance as it is now.
    pub(crate) async fn turn(&self, place: &Place, name: &str) -> Result<Action, ReconcileError> {
        let instance = place.get::<SeonInstance>(name).await;
        reconcile(Arc::new(DeserializeGuard(Ok(instance))), Arc::clone(&self.context)).await
    }

    pub(crate) fn writes(&self) -> u64 {
        self.counts.writes.load(Ordering::Relaxed)
    }

    pub(crate) fn reads(&self) -> u64 {
        self.counts.reads.load(Ordering::Relaxed)
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        self.watches.abort();
    }
}

/// A client whose requests are counted, and that is dead after its last write.
fn between(inner: Client, counts: Arc<Counts>) -> Client {
    let service = tower::service_fn(move |request: Request<Body>| {
        let (inner, counts) = (inner.clone(), Arc::clone(&counts));
        async move {
            let limit = counts.limit.load(Ordering::Relaxed);
            let is_read = request.method() == Method::GET;
            if counts.writes.load(Ordering::Relaxed) >= limit {
                return Err::<_, tower::BoxError>("this operator is dead".into());
            }
            // Whose the namespace is belongs to no turn, as watches do not.
            if !request.uri().path().contains("/leases") {
                let counter = if is_read { &counts.reads } else { &counts.writes };
                counter.fetch_add(1, Ordering::Relaxed);
            }
            inner.send(request).await.map_err(Into::into)
        }
    });
    Client::new(service, "default")
}

/// Waits until a watch has told an operator what it should know.
pub(crate) async fn until<T>(what: &str, condition: impl AsyncFnMut() -> Result<T, String>) -> T {
    let mut condition = condition;
    wait_until(what, PATIENCE, async || condition().await).await
}
