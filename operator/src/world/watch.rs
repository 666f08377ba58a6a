//! The watches that keep the world up to date, and whom each piece of news is about.

use std::{
    collections::{BTreeSet, HashMap},
    fmt::Debug,
    sync::{Arc, PoisonError},
};

use crds::{SeonInstance, SeonPartner, names};
use futures::{
    FutureExt as _, Stream, StreamExt as _, future::BoxFuture, stream::FuturesUnordered,
};
use k8s_openapi::{
    NamespaceResourceScope,
    api::{
        apps::v1::StatefulSet,
        batch::v1::Job,
        core::v1::{Node, PersistentVolumeClaim, Pod, Secret, Service, ServiceAccount},
        networking::v1::NetworkPolicy,
        policy::v1::PodDisruptionBudget,
        rbac::v1::{Role, RoleBinding},
    },
};
use kube::{
    Api, Client, Resource, ResourceExt as _,
    core::{DeserializeGuard, PartialObjectMeta},
    runtime::{
        WatchStreamExt as _, reflector,
        watcher::{self, Config, Event, watcher},
    },
};
use tokio::sync::{mpsc, oneshot};

use super::{
    World,
    cache::Item,
    key::InstanceKey,
    migration::MigrationPod,
    node::ObservedNode,
    owned::{Made, Owned},
    pod::ObservedPod,
};

/// Running watches.
pub struct Watches {
    /// What they have told us.
    pub world: Arc<World>,
    /// Whom the news is about.
    pub news: mpsc::UnboundedReceiver<InstanceKey>,
    /// The watches themselves, each with its name. None of them ever ends.
    pub running: FuturesUnordered<BoxFuture<'static, &'static str>>,
    /// Ends when each of them has listed what there is.
    pub listed: BoxFuture<'static, ()>,
}

impl Debug for Watches {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watches").field("running", &self.running.len()).finish_non_exhaustive()
    }
}

/// Watches a namespace, or all of them.
pub fn watch(client: &Client, namespace: Option<&str>, with_nodes: bool) -> Watches {
    let (store, writer) = reflector::store();
    let world = Arc::new(World::new(store));
    let (sender, news) = mpsc::unbounded_channel();
    let mut start = Start {
        client: client.clone(),
        namespace: namespace.map(str::to_owned),
        sender,
        running: FuturesUnordered::new(),
        listed: Vec::new(),
    };

    // Who wrote which field is the longest part of an instance, and nobody here asks.
    let instances = watcher(start.api::<DeserializeGuard<SeonInstance>>(), all())
        .modify(|instance| instance.meta_mut().managed_fields = None);
    let instances = reflector(writer, instances).default_backoff();
    start.stream("seoninstances", instances, touched_instances);
    start.partners(&world);
    start.pods(&world);
    start.secrets(&world);
    start.jobs(&world);
    start.owned::<ServiceAccount>("serviceaccounts", &world);
    start.owned::<Role>("roles", &world);
    start.owned::<RoleBinding>("rolebindings", &world);
    start.owned::<PersistentVolumeClaim>("persistentvolumeclaims", &world);
    start.owned::<NetworkPolicy>("networkpolicies", &world);
    start.owned::<Service>("services", &world);
    start.owned::<PodDisruptionBudget>("poddisruptionbudgets", &world);
    start.owned::<StatefulSet>("statefulsets", &world);
    if with_nodes {
        start.nodes(&world);
    }

    let listed = futures::future::join_all(start.listed).map(|_| ()).boxed();
    Watches { world, news, running: start.running, listed }
}

struct Start {
    client: Client,
    namespace: Option<String>,
    sender: mpsc::UnboundedSender<InstanceKey>,
    running: FuturesUnordered<BoxFuture<'static, &'static str>>,
    listed: Vec<oneshot::Receiver<()>>,
}

/// After so many seconds the API server ends a watch, and it goes on where it was. One that is silent for
/// a little longer is begun anew: its connection may be dead without anybody having said so, and until
/// then its news are missing.
const LONGEST_WATCH: u32 = 60;

/// Every object of a kind.
fn all() -> Config {
    Config::default().timeout(LONGEST_WATCH)
}

/// Every object that we make carries the label of its instance, and no other object does.
fn ours() -> Config {
    all().labels(names::INSTANCE_LABEL)
}

impl Start {
    fn api<K>(&self) -> Api<K>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    {
        match &self.namespace {
            Some(namespace) => Api::namespaced(self.client.clone(), namespace),
            None => Api::all(self.client.clone()),
        }
    }

    /// Takes in a stream for as long as the process lives.
    fn stream<K: Send + 'static>(
        &mut self,
        name: &'static str,
        stream: impl Stream<Item = watcher::Result<Event<K>>> + Send + 'static,
        mut fold: impl FnMut(Event<K>) -> BTreeSet<InstanceKey> + Send + 'static,
    ) {
        let sender = self.sender.clone();
        let (listed, is_listed) = oneshot::channel();
        self.listed.push(is_listed);
        let running = async move {
            let mut listed = Some(listed);
            let mut stream = Box::pin(stream);
            while let Some(event) = stream.next().await {
                match event {
                    Ok(event) => {
                        let is_listed = matches!(event, Event::InitDone);
                        for instance in fold(event) {
                            // Nobody listens any more as the process ends.
                            let _ = sender.send(instance);
                        }
                        if is_listed && let Some(listed) = listed.take() {
                            let _ = listed.send(());
                        }
                    }
                    Err(error) => {
                        tracing::warn!(watch = name, %error, "a watch broke and begins again");
                    }
                }
            }
            name
        };
        self.running.push(running.boxed());
    }

    fn partners(&mut self, world: &Arc<World>) {
        let world = Arc::clone(world);
        let stream = watcher(self.api::<DeserializeGuard<SeonPartner>>(), all());
        self.stream("seonpartners", stream.default_backoff(), move |event| {
            world.partners.fold(event, keep_partner)
        });
    }

    fn pods(&mut self, world: &Arc<World>) {
        let world = Arc::clone(world);
        let config = all().labels(names::DAEMON_LABEL);
        let stream = watcher(self.api::<Pod>(), config);
        self.stream("pods", stream.default_backoff(), move |event: Event<Pod>| {
            let mut touched = world.migrations.fold(event.clone(), |pod| MigrationPod::keep(&pod));
            touched.extend(world.pods.fold(event, |pod| {
                let Item { instance, name, value } = ObservedPod::keep(&pod)?;
                Some(Item { instance, name, value: Arc::new(value) })
            }));
            touched
        });
    }

    /// Ours, and those of other people that instances refer to: of all of them, the metadata only.
    fn secrets(&mut self, world: &Arc<World>) {
        let world = Arc::clone(world);
        let stream = watcher(self.api::<PartialObjectMeta<Secret>>(), all());
        self.stream("secrets", stream.default_backoff(), move |event| {
            let mut touched = BTreeSet::new();
            if let Event::Apply(secret) | Event::InitApply(secret) | Event::Delete(secret) = &event
                && let Some(namespace) = secret.namespace()
            {
                touched = world.references.to(&namespace, &secret.name_any());
            }
            if let Some(cache) = world.owned.get(&Secret::KIND) {
                touched.extend(cache.fold(event, |secret| Owned::keep(&secret.metadata)));
            }
            touched
        });
    }

    /// Whole ones, for their status.
    fn jobs(&mut self, world: &Arc<World>) {
        let world = Arc::clone(world);
        let stream = watcher(self.api::<Job>(), ours());
        self.stream("jobs", stream.default_backoff(), move |event| {
            let cache = world.owned.get(&Job::KIND);
            cache.map(|cache| cache.fold(event, |job| Owned::keep_job(&job))).unwrap_or_default()
        });
    }

    fn owned<K: Made>(&mut self, name: &'static str, world: &Arc<World>) {
        let world = Arc::clone(world);
        let stream = watcher(self.api::<PartialObjectMeta<K>>(), ours());
        self.stream(name, stream.default_backoff(), move |event: Event<PartialObjectMeta<K>>| {
            let cache = world.owned.get(&K::KIND);
            cache.map(|c| c.fold(event, |object| Owned::keep(&object.metadata))).unwrap_or_default()
        });
    }

    fn nodes(&mut self, world: &Arc<World>) {
        let world = Arc::clone(world);
        let stream = watcher(Api::<Node>::all(self.client.clone()), all());
        let mut listed = HashMap::new();
        self.stream("nodes", stream.default_backoff(), move |event| {
            let mut known = world.nodes.write().unwrap_or_else(PoisonError::into_inner);
            let nodes = known.get_or_insert_default();
            let changed: BTreeSet<String> = match event {
                Event::Apply(node) => {
                    let (name, now) = (node.name_any(), ObservedNode::keep(&node));
                    let before = nodes.insert(name.clone(), now.clone());
                    if before == Some(now) { BTreeSet::new() } else { [name].into() }
                }
                Event::Delete(node) => {
                    nodes.remove(&node.name_any());
                    [node.name_any()].into()
                }
                Event::Init => {
                    listed = HashMap::new();
                    BTreeSet::new()
                }
                Event::InitApply(node) => {
                    listed.insert(node.name_any(), ObservedNode::keep(&node));
                    BTreeSet::new()
                }
                Event::InitDone => {
                    let before = std::mem::replace(nodes, std::mem::take(&mut listed));
                    before.into_keys().chain(nodes.keys().cloned()).collect()
                }
            };
            drop(known);
            let mut touched = BTreeSet::new();
            world.pods.each(|instance, _, pod| {
                if pod.node.as_ref().is_some_and(|node| changed.contains(node)) {
                    touched.insert(instance.clone());
                }
            });
            touched
        });
    }
}

fn touched_instances<K: Resource<DynamicType = ()>>(event: Event<K>) -> BTreeSet<InstanceKey> {
    match event {
        Event::Apply(object) | Event::InitApply(object) | Event::Delete(object) => {
            let namespace = object.meta().namespace.clone().unwrap_or_default();
            [InstanceKey::new(namespace, object.meta().name.clone().unwrap_or_default())].into()
        }
        Event::Init | Event::InitDone => BTreeSet::new(),
    }
}

/// A partner that cannot be read says no instance either; it is nobody's until it can.
fn keep_partner(guarded: DeserializeGuard<SeonPartner>) -> Option<Item<Arc<SeonPartner>>> {
    match guarded.0 {
        Ok(mut partner) => {
            partner.metadata.managed_fields = None;
            let namespace = partner.namespace()?;
            let instance = InstanceKey::new(namespace, partner.spec.instance_ref.name.clone());
            Some(Item { instance, name: partner.name_any(), value: Arc::new(partner) })
        }
        Err(invalid) => {
            let name = invalid.metadata.name.unwrap_or_default();
            tracing::error!(
                code = "E-OPERATOR-MALFORMED",
                partner = name,
                error = invalid.error,
                "a SeonPartner cannot be read and is left out"
            );
            None
        }
    }
}
