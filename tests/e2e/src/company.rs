//! One company on the cluster.

use std::fmt::Debug;

use crds::{DaemonStatus, SeonInstance, SeonPartner, conditions, names};
use domain::Daemon;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::{Pod, Secret};
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams};
use kube::{Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use support::{Authority, Identity};

use crate::ground::Ground;
use crate::manifests::{self, Party};
use crate::pods::restarts;
use crate::{
    Active, Database, Journal, Line, Objects, Record, Stage, Uri, Volume, database, eventually,
    is_ready,
};

/// A company: its namespace, its database, its resources.
pub struct Company<'stage> {
    /// The cluster that it is on.
    pub stage: &'stage Stage,
    pub(crate) party: Party,
    database: Database<'stage>,
    /// Where this scenario's part of its journal begins; nowhere if all of it is.
    journal_from: Option<Record>,
}

/// A company that outlives the scenario for which it was made.
pub(crate) struct Kept {
    party: Party,
    database: database::Kept,
}

impl Kept {
    pub(crate) fn namespace(&self) -> &str {
        &self.party.namespace
    }
}

impl<'stage> Company<'stage> {
    /// A namespace and a database; nothing in them yet.
    pub async fn new(
        stage: &'stage Stage,
        name: &'static str,
        odette_id: &'static str,
        listener: Line,
    ) -> Self {
        let namespace = stage.namespace(name).await;
        let database = stage.ground.database(&stage.cluster, &namespace).await;
        let volume_claim = stage.volume_claim();
        Self {
            stage,
            party: Party { name, odette_id, namespace, listener, volume_claim },
            database,
            journal_from: None,
        }
    }

    /// Leaves it to a later scenario.
    pub(crate) fn keep(self) -> Kept {
        Kept { party: self.party, database: self.database.keep() }
    }

    /// One that an earlier scenario has left, for this one.
    pub(crate) async fn again(stage: &'stage Stage, kept: Kept) -> Self {
        let Kept { party, database } = kept;
        stage.owns(&party.namespace);
        let database = Ground::database_again(&stage.cluster, database).await;
        Self { stage, party, database, journal_from: None }
    }

    /// What its journal has until now is not this scenario's.
    pub(crate) async fn begins_its_journal(&mut self) {
        let last = eventually("the end of the journal", async || {
            self.ask::<Vec<Record>>(&["journal", "--limit", "1"]).await
        });
        self.journal_from = last.await.pop();
    }

    /// Its name, also its instance's.
    pub fn name(&self) -> &'static str {
        self.party.name
    }

    /// Its namespace.
    pub fn namespace(&self) -> &str {
        &self.party.namespace
    }

    /// Its database.
    pub fn database(&self) -> &Database<'stage> {
        &self.database
    }

    /// The daemons that it has.
    pub fn daemons(&self) -> [Daemon; 3] {
        [Daemon::Seonrd, self.party.listener.receiver(), Daemon::Seonsqd]
    }

    /// What an administrator prepares before the instance.
    pub(crate) async fn prepare(&self, partner: &Self, authority: &Authority) {
        let Party { name, .. } = self.party;
        let other = partner.name();
        self.set_database(&self.database.uri()).await;
        self.set_password(name, &own_password(name)).await;
        self.set_password(other, &own_password(other)).await;
        self.renew_certificate(authority).await;
        let authority = manifests::authority(&format!("{other}-authority"), &authority.pem());
        self.apply(&manifests::of_partner(other, authority)).await;
    }

    /// Where its daemons are told that its database is.
    pub async fn set_database(&self, uri: &Uri) {
        let secret = format!("{}-db-app", self.name());
        self.apply(&manifests::application_database(&secret, uri)).await;
    }

    /// A Secret that leads to a new database, and where that is.
    pub async fn another_database(&self, secret: &str) -> Uri {
        let place = format!("{}-{secret}", self.namespace());
        let uri = self.stage.ground.database(&self.stage.cluster, &place).await.uri();
        self.apply(&manifests::application_database(secret, &uri)).await;
        uri
    }

    /// What that company says as password, as this one knows it.
    pub async fn set_password(&self, company: &str, password: &str) {
        let secret = manifests::password(&format!("{company}-oftp"), password);
        let is_own = company == self.name();
        let secret = if is_own { secret } else { manifests::of_partner(company, secret) };
        self.apply(&secret).await;
    }

    /// A new certificate from the authority, as cert-manager renews it; gives it.
    pub async fn renew_certificate(&self, authority: &Authority) -> Identity {
        let identity = authority.identity(&self.party.certified_name());
        let name = format!("{}-tls", self.name());
        self.apply(&manifests::certificate(&name, &identity, &authority.pem())).await;
        identity
    }

    /// Makes or changes an object in its namespace, by server-side apply.
    pub async fn apply<K>(&self, object: &K)
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
            + Clone
            + Debug
            + Serialize
            + DeserializeOwned,
    {
        let name = object.name_any();
        let administrator = PatchParams::apply("administrator").force();
        let made = Patch::Apply(typed(object));
        let made = self.api::<K>().patch(&name, &administrator, &made).await;
        made.unwrap_or_else(|error| panic!("{name}: {error}"));
    }

    /// Both of them.
    pub async fn apply_objects(&self, objects: &Objects) {
        self.apply(&objects.instance).await;
        self.apply(&objects.partner).await;
    }

    /// Changes the instance as `kubectl patch --type merge` does.
    pub async fn change(&self, patch: Value) {
        let instances = self.api::<SeonInstance>();
        let merge = Patch::Merge(patch);
        instances.patch(self.name(), &PatchParams::default(), &merge).await.unwrap();
    }

    /// The objects of a kind in its namespace.
    pub fn api<K>(&self) -> Api<K>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
    {
        Api::namespaced(self.stage.client.clone(), self.namespace())
    }

    /// The instance, as the cluster has it.
    pub async fn instance(&self) -> Result<SeonInstance, String> {
        self.api().get(self.name()).await.map_err(|error| error.to_string())
    }

    /// The pods of a daemon.
    pub async fn pods_of(&self, daemon: Daemon) -> Result<Vec<Pod>, String> {
        self.pods(&format!(",{}={}", names::DAEMON_LABEL, names::daemon_label(daemon.name()))).await
    }

    /// The pods of all daemons, and of no migration.
    pub async fn all_pods(&self) -> Result<Vec<Pod>, String> {
        let daemons = self.daemons().map(|daemon| names::daemon_label(daemon.name())).join(",");
        self.pods(&format!(",{} in ({daemons})", names::DAEMON_LABEL)).await
    }

    async fn pods(&self, more: &str) -> Result<Vec<Pod>, String> {
        let selector = format!("{}={}{more}", names::INSTANCE_LABEL, self.name());
        let pods = self.api::<Pod>().list(&ListParams::default().labels(&selector)).await;
        Ok(pods.map_err(|error| error.to_string())?.items)
    }

    /// The pod that holds a daemon's lease.
    pub async fn active(&self, daemon: Daemon) -> Active {
        let what = format!("{daemon} of {} is active", self.name());
        eventually(&what, async || {
            Active::among(&self.pods_of(daemon).await?).ok_or_else(|| "nobody is".to_owned())
        })
        .await
    }

    /// Waits until another tenure of a daemon has begun; gives it.
    pub async fn taken_over(&self, daemon: Daemon, before: &Active) -> Active {
        let what = format!("{daemon} of {} is taken over from {}", self.name(), before.pod);
        eventually(&what, async || {
            let active = Active::among(&self.pods_of(daemon).await?).ok_or("nobody is active")?;
            if active.epoch > before.epoch { Ok(active) } else { Err(format!("{active:?}")) }
        })
        .await
    }

    /// Waits until all is as it should be: every daemon has its replicas, exactly one of them
    /// active, and the instance and its partners say so.
    pub async fn is_ready(&self) {
        eventually(&format!("{} is ready", self.name()), async || self.readiness().await).await;
    }

    async fn readiness(&self) -> Result<(), String> {
        let instance = self.instance().await?;
        let status = instance.status.as_ref().ok_or("no status yet")?;
        if status.observed_generation != instance.metadata.generation {
            return Err("the status is of an older spec".to_owned());
        }
        for (kind, wanted) in [
            (conditions::READY, "True"),
            (conditions::RECONCILING, "False"),
            (conditions::STALLED, "False"),
            (conditions::CONFIGURATION_APPLIED, "True"),
        ] {
            let condition = status.conditions.iter().find(|condition| condition.kind == kind);
            match condition {
                Some(condition) if condition.status == wanted => {}
                other => return Err(format!("{kind} is {other:?}")),
            }
        }
        for daemon in self.daemons() {
            let reported = status.daemons.iter().find(|status| status.name == daemon.name());
            let reported = reported.ok_or_else(|| format!("{daemon} has no status"))?;
            self.is_complete(daemon, reported).await?;
        }
        for partner in self
            .api::<SeonPartner>()
            .list(&ListParams::default())
            .await
            .map_err(|error| error.to_string())?
        {
            let conditions = partner.status.as_ref().map(|status| &status.conditions);
            let ready = conditions.into_iter().flatten().find(|one| one.kind == conditions::READY);
            if ready.is_none_or(|ready| ready.status != "True") {
                return Err(format!("partner {}: {ready:?}", partner.name_any()));
            }
        }
        Ok(())
    }

    /// Whether a daemon's pods are all there, and the status says what they say.
    async fn is_complete(&self, daemon: Daemon, reported: &DaemonStatus) -> Result<(), String> {
        let pods = self.pods_of(daemon).await?;
        let ready = pods.iter().filter(|pod| is_ready(pod)).count();
        let active = Active::among(&pods).ok_or_else(|| format!("no {daemon} is active"))?;
        let labelled = pods.iter().filter(|pod| {
            pod.labels().get(names::ROLE_LABEL).is_some_and(|role| role == names::ACTIVE)
        });
        let is_as_reported = reported.active_pod.as_ref() == Some(&active.pod)
            && reported.epoch == Some(active.epoch)
            && usize::try_from(reported.ready_replicas) == Ok(ready);
        let is_complete = usize::try_from(reported.replicas) == Ok(ready) && pods.len() == ready;
        if is_as_reported && is_complete && labelled.count() == 1 {
            return Ok(());
        }
        Err(format!("{daemon}: {ready} of {} pods ready, {active:?}, {reported:?}", pods.len()))
    }

    /// Waits until a condition of the instance has that status and reason; gives its message.
    pub async fn says(&self, kind: &str, status: &str, reason: &str) -> String {
        let what = format!("{} of {} is {status} because of {reason}", kind, self.name());
        eventually(&what, async || {
            let instance = self.instance().await?;
            let conditions = instance.status.map(|status| status.conditions).unwrap_or_default();
            let found = conditions.into_iter().find(|condition| condition.kind == kind);
            match found {
                Some(found) if found.status == status && found.reason == reason => {
                    Ok(found.message)
                }
                other => Err(format!("{other:?}")),
            }
        })
        .await
    }

    /// Every pod of it by its identity, and how often its containers were started again: what does
    /// not change unless something is restarted.
    pub async fn incarnations(&self) -> Vec<(String, i32)> {
        let pods = self.all_pods().await.unwrap();
        let mut all: Vec<_> =
            pods.iter().map(|pod| (pod.uid().unwrap_or_default(), restarts(pod))).collect();
        all.sort();
        all
    }

    /// Runs `seon` in a pod of it that is ready.
    pub async fn seon(&self, arguments: &[&str]) -> Result<String, String> {
        let pods = self.all_pods().await?;
        let pod = pods.iter().find(|pod| is_ready(pod)).ok_or("no pod is ready")?.name_any();
        let command = [&["/bin/seon"], arguments].concat();
        self.stage.cluster.exec(self.namespace(), &pod, &command).await
    }

    /// The same with an answer in JSON.
    pub async fn ask<T: DeserializeOwned>(&self, arguments: &[&str]) -> Result<T, String> {
        let text = self.seon(&[arguments, &["-o", "json"]].concat()).await?;
        serde_json::from_str(&text).map_err(|error| format!("{error} in {text}"))
    }

    /// Its journal of this scenario.
    pub async fn journal(&self) -> Journal {
        let what = format!("the journal of {}", self.name());
        let mut words = vec!["journal", "--limit", "100000"];
        let (from, since) = match &self.journal_from {
            Some(last) => (last.id, last.at.to_string()),
            None => (0, String::new()),
        };
        if !since.is_empty() {
            words.extend(["--since", &since]);
        }
        let mut journal = Journal(eventually(&what, async || self.ask(&words).await).await);
        journal.0.retain(|record| record.id > from);
        journal
    }

    /// Its volume, as its people get at it.
    pub(crate) async fn volume(&self) -> Volume {
        let Stage { ground, cluster, .. } = self.stage;
        ground.volume(cluster, self.namespace(), self.name()).await
    }

    /// Ends a pod without asking it, as `kubectl delete --force` does.
    pub async fn delete_by_force(&self, pod: &str) {
        let at_once = DeleteParams { grace_period_seconds: Some(0), ..DeleteParams::default() };
        self.api::<Pod>().delete(pod, &at_once).await.unwrap();
    }

    /// Its Secrets by name.
    pub async fn secret(&self, name: &str) -> Option<Secret> {
        self.api().get_opt(name).await.unwrap()
    }
}

fn own_password(company: &str) -> String {
    format!("{}SPW", company.to_uppercase())
}

/// With its type, which objects of Kubernetes' own kinds do not write themselves.
fn typed<K>(object: &K) -> Value
where
    K: Resource<DynamicType = ()> + Serialize,
{
    let mut value = serde_json::to_value(object).expect("an object");
    value["apiVersion"] = K::api_version(&()).into();
    value["kind"] = K::kind(&()).into();
    value
}
