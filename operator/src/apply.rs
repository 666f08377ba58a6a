//! The fourth step: make it so, and write nothing that is so already.

mod actions;
mod object;

use std::collections::BTreeSet;

use crate::{
    action::{Action, Why},
    context::Context,
    dereference::Found,
    plan::{Objects, Plan},
    world::Made,
};
use object::Applier;
pub use object::is_of_an_ending_namespace;

/// Why something could not be made so.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// Nothing new is taken there any more, and all that is there goes by itself.
    #[error("namespace {namespace} is being deleted")]
    Ending {
        /// Its name.
        namespace: String,
    },
    /// An object of a name that we need is somebody else's.
    #[error(
        "{kind} {name} is there already and does not belong to this instance; rename or delete it, \
         or give the instance another name"
    )]
    Foreign {
        /// Its kind.
        kind: String,
        /// Its name.
        name: String,
    },
    /// The API server did not take an object.
    #[error("{kind} {name} was refused: {}", short(error))]
    Refused {
        /// Its kind.
        kind: String,
        /// Its name.
        name: String,
        /// Why.
        #[source]
        error: Box<kube::Error>,
    },
    /// The API server did not delete an object that is no longer wanted.
    #[error("{kind} {name} is no longer wanted and was not deleted: {}", short(error))]
    Delete {
        /// Its kind.
        kind: String,
        /// Its name.
        name: String,
        /// Why.
        #[source]
        error: Box<kube::Error>,
    },
    /// Something that was to be done with a pod was not.
    #[error("pod {pod}: {}", short(error))]
    Pod {
        /// Which pod.
        pod: String,
        /// Why not.
        #[source]
        error: Box<kube::Error>,
    },
    /// The annotation of a switchover could not be written.
    #[error("the switchover's annotation was not written: {0}")]
    Switchover(#[source] Box<kube::Error>),
}

impl ApplyError {
    /// The stable code used in the event, the metric and the documentation.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Ending { .. } => "E-APPLY-ENDING",
            Self::Foreign { .. } => "E-APPLY-FOREIGN",
            Self::Refused { .. } => "E-APPLY-REFUSED",
            Self::Delete { .. } => "E-APPLY-DELETE",
            Self::Pod { .. } => "E-APPLY-POD",
            Self::Switchover(_) => "E-APPLY-SWITCHOVER",
        }
    }
}

/// Makes it so: every object, then what is no longer wanted goes, then what is to be done with
/// pods. One that is refused keeps no other from its place; the first refusal is what is reported.
/// With a namespace that is ending nothing more is tried.
pub async fn apply(context: &Context, found: &Found, plan: &Plan) -> Result<(), ApplyError> {
    let mut applier = Applier { context, found, failures: Vec::new() };
    objects(&mut applier, &plan.objects).await;
    let mut failures = applier.failures;
    if let Some(ending) = failures.pop_if(|failure| matches!(failure, ApplyError::Ending { .. })) {
        return Err(ending);
    }
    for action in &plan.actions {
        // A pod that is outdated would be made from the old template again, and again be outdated.
        let is_in_vain = matches!(action, Action::End { why: Why::Outdated, .. });
        if failures.is_empty() || !is_in_vain {
            failures.extend(actions::act(context, found, action).await.err());
        }
    }
    failures.into_iter().next().map_or(Ok(()), Err)
}

/// Without `..`: a kind that is planned and not applied does not compile.
async fn objects(applier: &mut Applier<'_>, objects: &Objects) {
    let Objects {
        service_accounts,
        roles,
        role_bindings,
        last_good,
        secrets,
        persistent_volume_claims,
        network_policies,
        services,
        pod_disruption_budgets,
        jobs,
        stateful_sets,
    } = objects;
    // What pods need comes before them, and what protects them too.
    applier.all(service_accounts).await;
    applier.all(roles).await;
    applier.all(role_bindings).await;
    applier.all(last_good).await;
    // The last one says which of them belong together.
    applier.in_order(secrets).await;
    applier.all(persistent_volume_claims).await;
    applier.all(network_policies).await;
    applier.all(services).await;
    applier.all(pod_disruption_budgets).await;
    applier.all(jobs).await;
    applier.all(stateful_sets).await;
    // Pods first, then what they needed. Secrets and volume claims never: the configuration is
    // always wanted, and files are nothing that an operator deletes.
    applier.orphans(stateful_sets).await;
    applier.orphans(jobs).await;
    applier.orphans(pod_disruption_budgets).await;
    applier.orphans(services).await;
    applier.orphans(network_policies).await;
    applier.orphans(role_bindings).await;
    applier.orphans(roles).await;
    applier.orphans(service_accounts).await;
}

/// What the API server says, without the whole object that it may add.
fn short(error: &kube::Error) -> String {
    let text = match error {
        kube::Error::Api(status) => status.message.clone(),
        error => error.to_string(),
    };
    match text.char_indices().nth(300) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// The names of these objects.
fn names<K: Made>(objects: &[K]) -> BTreeSet<&str> {
    objects.iter().filter_map(|object| object.meta().name.as_deref()).collect()
}

/// For messages.
fn kind_name<K: Made>() -> String {
    K::kind(&()).into_owned()
}
