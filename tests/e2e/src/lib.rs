//! Two companies on a real cluster, and what can happen to them: the parts of the scenarios.
//!
//! A scenario gets the [`Stage`]: a cluster with the operator on it, installed as a user installs it.
//! It puts a [`Pair`] of companies there, each in a namespace of its own, lets them exchange files
//! all the time ([`Load`]), does something terrible, and at the end has the load judge: nothing
//! lost, nothing doubled, every receipt there, no two tenures mixed. How long everything took is in
//! the [`Figures`], which are shown and never judged.
//!
//! What is different on a cluster that a user names is in `ground` alone.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "what fails here is a test"
)]

mod audit;
mod company;
mod database;
mod disruption;
mod exchange;
mod figures;
mod file_keys;
mod ground;
mod images;
mod journal;
mod load;
mod manifests;
mod operator;
mod pair;
mod pods;
mod stage;
mod terms;
mod volume;

pub use audit::{Audit, Refused, Request, Right, counted};
pub use company::Company;
pub use database::{Database, Uri};
pub use disruption::Disruption;
pub use exchange::{Adapter, Exchange};
pub use figures::Figures;
pub use images::THIS;
pub use journal::{Journal, Record};
pub use load::{Load, Outcome};
pub use manifests::{Line, Objects};
pub use operator::repository;
pub use pair::Pair;
pub use pods::{Active, is_ready};
pub use stage::Stage;
pub(crate) use volume::Volume;

use std::time::Duration;

use support::{Outcome as Condition, wait_until};

/// How long a scenario waits for what has to come: generous, for machines that are busy.
pub const PATIENCE: Duration = Duration::from_mins(4);

/// Between two looks at the cluster: the processors have better things to do than to answer us.
const PACE: Duration = Duration::from_millis(200);

/// Looks until a condition is reached, and gives its value.
pub async fn eventually<C: Condition>(
    what: &str,
    mut condition: impl AsyncFnMut() -> C,
) -> C::Value {
    let mut pace = tokio::time::interval(PACE);
    wait_until(what, PATIENCE, async || {
        pace.tick().await;
        condition().await
    })
    .await
}
