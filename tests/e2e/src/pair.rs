//! Two companies that exchange files.

use std::collections::BTreeSet;

use crds::SeonPartner;
use domain::Daemon;
use k8s_openapi::api::core::v1::Pod;
use kube::api::ListParams;
use serde_json::{Value, json};
use support::Authority;

use crate::{Company, Line, Objects, Stage, company, file_keys};

/// Two companies that know each other, each in a namespace of its own.
pub struct Pair<'stage> {
    /// One of them.
    pub acme: Company<'stage>,
    /// The other one.
    pub bolt: Company<'stage>,
    /// Who issued both certificates.
    pub authority: Authority,
    /// Their resources' specs as they were when both were ready.
    made: Vec<Value>,
}

/// Two companies as [`Pair::ready`] gives them, left for a later scenario: to make two and take them
/// away takes longer than what most scenarios do with them.
pub(crate) struct Standing {
    acme: company::Kept,
    bolt: company::Kept,
    authority: Authority,
    made: Vec<Value>,
}

impl Standing {
    /// Of both.
    pub(crate) fn namespaces(&self) -> [&str; 2] {
        [self.acme.namespace(), self.bolt.namespace()]
    }
}

impl<'stage> Pair<'stage> {
    /// Both ready: acme calls by TLS, bolt by TCP, so that there is a daemon of every kind. They may
    /// have been there for an earlier scenario; their journals begin anew.
    pub async fn ready(stage: &'stage Stage) -> Self {
        let standing = stage.standing.lock().unwrap().pop();
        let Some(standing) = standing else {
            return Self::ready_with(stage, Line::Tls, Line::Tcp, |_, _| {}).await;
        };
        let Standing { acme, bolt, authority, made } = standing;
        let acme = Company::again(stage, acme).await;
        let bolt = Company::again(stage, bolt).await;
        let mut pair = Self { acme, bolt, authority, made };
        pair.is_ready().await;
        pair.acme.begins_its_journal().await;
        pair.bolt.begins_its_journal().await;
        pair
    }

    /// Leaves both to a later scenario, which must not notice it. A pair that has lost a node may have
    /// both pods of a daemon on one now, as no new pair has: it goes.
    ///
    /// # Panics
    ///
    /// If they are not as they were made.
    pub async fn leave(self) {
        self.is_ready().await;
        assert_eq!(self.specs().await, self.made, "what is left has to be as it was");
        if !self.is_spread().await {
            return;
        }
        let Self { acme, bolt, authority, made } = self;
        let stage = acme.stage;
        for company in [&acme, &bolt] {
            stage.leaves(company.namespace());
        }
        let standing = Standing { acme: acme.keep(), bolt: bolt.keep(), authority, made };
        stage.standing.lock().unwrap().push(standing);
    }

    /// Both ready; `change` sees acme's and bolt's resources before they are applied.
    pub async fn ready_with(
        stage: &'stage Stage,
        acme_calls: Line,
        bolt_calls: Line,
        change: impl FnOnce(&mut Objects, &mut Objects),
    ) -> Self {
        // Boxed: what waits here is most of what every scenario's future holds.
        let pair = Self::prepared(stage, acme_calls, bolt_calls).await;
        Box::pin(pair.applied_with(change)).await
    }

    /// Both ready, by TLS both ways, and each asks of the other all that it can ask of files and
    /// receipts.
    pub async fn secured(stage: &'stage Stage) -> Self {
        let pair = Self::prepared(stage, Line::Tls, Line::Tls).await;
        for (owner, partner) in [(&pair.acme, &pair.bolt), (&pair.bolt, &pair.acme)] {
            file_keys::make(owner, partner).await;
        }
        pair.applied_with(|acme, bolt| [acme, bolt].into_iter().for_each(file_keys::secure)).await
    }

    /// What administrators prepare is there.
    async fn prepared(stage: &'stage Stage, acme_calls: Line, bolt_calls: Line) -> Self {
        let pair = Self {
            acme: Company::new(stage, "acme", "O0013000001ACME", bolt_calls).await,
            bolt: Company::new(stage, "bolt", "O0013000002BOLT", acme_calls).await,
            authority: Authority::new("Odette test authority"),
            made: Vec::new(),
        };
        let Self { acme, bolt, authority, .. } = &pair;
        acme.prepare(bolt, authority).await;
        bolt.prepare(acme, authority).await;
        pair
    }

    async fn applied_with(mut self, change: impl FnOnce(&mut Objects, &mut Objects)) -> Self {
        let (mut of_acme, mut of_bolt) = self.objects();
        change(&mut of_acme, &mut of_bolt);
        self.acme.apply_objects(&of_acme).await;
        self.bolt.apply_objects(&of_bolt).await;
        self.is_ready().await;
        self.made = self.specs().await;
        self
    }

    /// Whether each daemon's pods are on nodes of their own.
    async fn is_spread(&self) -> bool {
        for (company, daemon) in self.daemons() {
            let pods = company.pods_of(daemon).await.unwrap();
            let node = |pod: &Pod| pod.spec.as_ref().and_then(|spec| spec.node_name.clone());
            let nodes: BTreeSet<_> = pods.iter().map(node).collect();
            if nodes.len() < pods.len() {
                return false;
            }
        }
        true
    }

    /// What the cluster has of their resources.
    async fn specs(&self) -> Vec<Value> {
        let mut specs = Vec::new();
        for company in self.companies() {
            specs.push(json!(company.instance().await.unwrap().spec));
            let partners = company.api::<SeonPartner>().list(&ListParams::default()).await.unwrap();
            specs.extend(partners.into_iter().map(|partner| json!(partner.spec)));
        }
        specs
    }

    /// Their resources as they are applied unless a scenario changes them: acme's and bolt's.
    pub fn objects(&self) -> (Objects, Objects) {
        let (acme, bolt) = (&self.acme.party, &self.bolt.party);
        (acme.objects(bolt), bolt.objects(acme))
    }

    /// Waits until both are ready.
    pub async fn is_ready(&self) {
        self.acme.is_ready().await;
        self.bolt.is_ready().await;
    }

    /// Both of them.
    pub fn companies(&self) -> [&Company<'stage>; 2] {
        [&self.acme, &self.bolt]
    }

    /// The daemons of both.
    pub fn daemons(&self) -> impl Iterator<Item = (&Company<'stage>, Daemon)> {
        let of = |company| Company::daemons(company).map(|daemon| (company, daemon));
        self.companies().into_iter().flat_map(of)
    }
}
