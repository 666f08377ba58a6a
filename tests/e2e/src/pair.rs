//! Two companies that exchange files.

use domain::Daemon;
use support::Authority;

use crate::{Company, Line, Objects, Stage, file_keys};

/// Two companies that know each other, each in a namespace of its own.
pub struct Pair<'stage> {
    /// One of them.
    pub acme: Company<'stage>,
    /// The other one.
    pub bolt: Company<'stage>,
    /// Who issued both certificates.
    pub authority: Authority,
}

impl<'stage> Pair<'stage> {
    /// Both ready: acme calls by TLS, bolt by TCP, so that there is a daemon of every kind.
    pub async fn ready(stage: &'stage Stage) -> Self {
        Self::ready_with(stage, Line::Tls, Line::Tcp, |_, _| {}).await
    }

    /// Both ready; `change` sees acme's and bolt's resources before they are applied.
    pub async fn ready_with(
        stage: &'stage Stage,
        acme_calls: Line,
        bolt_calls: Line,
        change: impl FnOnce(&mut Objects, &mut Objects),
    ) -> Self {
        Self::prepared(stage, acme_calls, bolt_calls).await.applied_with(change).await
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
        };
        let Self { acme, bolt, authority } = &pair;
        acme.prepare(bolt, authority).await;
        bolt.prepare(acme, authority).await;
        pair
    }

    async fn applied_with(self, change: impl FnOnce(&mut Objects, &mut Objects)) -> Self {
        let (mut of_acme, mut of_bolt) = self.objects();
        change(&mut of_acme, &mut of_bolt);
        self.acme.apply_objects(&of_acme).await;
        self.bolt.apply_objects(&of_bolt).await;
        self.is_ready().await;
        self
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
