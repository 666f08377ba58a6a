//! What stands on a pod and what should, and the change from one to the other. No clock, no network.

use std::collections::BTreeMap;

use crds::names::{
    ACTIVE, AT_NEXT_START_ANNOTATION, BEGUN_WITH_ANNOTATION, CONFIGURATION_ANNOTATION,
    DAEMON_ANNOTATIONS, EPOCH_ANNOTATION, LISTENS_ANNOTATION, REFUSED_ANNOTATION,
    REFUSED_REVISION_ANNOTATION, ROLE_LABEL, SINCE_ANNOTATION, STANDBY, WAITS_FOR_ANNOTATION,
};
use domain::Epoch;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use runtime::Standing;
use runtime::status::Role;
use serde_json::{Map, Value, json};

/// The longest text of a refusal, and of what is waited for; the log has the rest.
const LONGEST: usize = 1000;

/// What stands on a pod about its daemon, or should.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Marks {
    role: Option<String>,
    annotations: BTreeMap<&'static str, String>,
}

/// A pod as it was read or written last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) uid: String,
    resource_version: String,
    marks: Marks,
}

impl Marks {
    /// What should stand on the pod of a process that stands so.
    pub(crate) fn wanted(standing: &Standing) -> Self {
        let role = match standing.role {
            Role::Active => ACTIVE,
            Role::Starting | Role::Standby | Role::Stopping => STANDBY,
        };
        let configuration = &standing.configuration;
        let listens = standing.listens.join(", ");
        let refused = configuration.code.as_ref().map(|code| {
            let text = format!("{code} {}", configuration.refused.join("; "));
            text.chars().take(LONGEST).collect()
        });
        let waits_for =
            standing.waits_for.as_ref().map(|what| what.chars().take(LONGEST).collect());
        let at_next_start = configuration.at_next_start.join(", ");
        let annotations = [
            (EPOCH_ANNOTATION, standing.epoch.map(|epoch| epoch.to_string())),
            (SINCE_ANNOTATION, Some(format!("{:.3}", standing.since))),
            (LISTENS_ANNOTATION, Some(listens).filter(|listens| !listens.is_empty())),
            (CONFIGURATION_ANNOTATION, configuration.revision.clone()),
            (REFUSED_ANNOTATION, refused),
            (REFUSED_REVISION_ANNOTATION, configuration.refused_revision.clone()),
            (WAITS_FOR_ANNOTATION, waits_for),
            (AT_NEXT_START_ANNOTATION, Some(at_next_start).filter(|fields| !fields.is_empty())),
            (BEGUN_WITH_ANNOTATION, configuration.begun_with.clone()),
        ];
        let annotations = annotations.into_iter().filter_map(|(name, value)| Some((name, value?)));
        Self { role: Some(role.to_owned()), annotations: annotations.collect() }
    }

    fn found(metadata: &ObjectMeta) -> Self {
        let role = metadata.labels.as_ref().and_then(|labels| labels.get(ROLE_LABEL)).cloned();
        let found = metadata.annotations.as_ref();
        let annotations = DAEMON_ANNOTATIONS
            .into_iter()
            .filter_map(|name| Some((name, found?.get(name)?.clone())))
            .collect();
        Self { role, annotations }
    }

    /// What makes a role another one: a new time of becoming active is a new epoch.
    fn tenure(&self) -> (Option<&str>, Option<&String>) {
        (self.role.as_deref(), self.annotations.get(EPOCH_ANNOTATION))
    }
}

impl Found {
    /// `None` for what no API server says.
    pub(crate) fn of(metadata: &ObjectMeta) -> Option<Self> {
        Some(Self {
            uid: metadata.uid.clone()?,
            resource_version: metadata.resource_version.clone()?,
            marks: Marks::found(metadata),
        })
    }

    /// The merge patch that makes the pod say what is wanted; `None` when it does.
    pub(crate) fn change_to(&self, wanted: &Marks) -> Option<Value> {
        let mut wanted = wanted.clone();
        // A process that starts again in a role that the pod has anyway has it since then.
        if wanted.tenure() == self.marks.tenure()
            && let Some(since) = self.marks.annotations.get(SINCE_ANNOTATION)
        {
            wanted.annotations.insert(SINCE_ANNOTATION, since.clone());
        }
        self.patch(&wanted)
    }

    /// The merge patch that takes the role from a peer, by the holder of this epoch; `None` for one
    /// that has no role to take, or took it later than we did.
    pub(crate) fn deposition(&self, epoch: Epoch) -> Option<Value> {
        let theirs = self.marks.annotations.get(EPOCH_ANNOTATION);
        let theirs = theirs.and_then(|text| text.parse::<i64>().ok());
        let is_over = theirs.is_none_or(|theirs| theirs <= epoch.get());
        if self.marks.role.as_deref() != Some(ACTIVE) || !is_over {
            return None;
        }
        let mut deposed = Marks { role: Some(STANDBY.to_owned()), ..self.marks.clone() };
        for name in [EPOCH_ANNOTATION, SINCE_ANNOTATION, LISTENS_ANNOTATION] {
            deposed.annotations.remove(name);
        }
        self.patch(&deposed)
    }

    /// Refused by the server if the pod is another one, or was changed since it was read.
    fn patch(&self, wanted: &Marks) -> Option<Value> {
        if self.marks == *wanted {
            return None;
        }
        let mut metadata = Map::new();
        metadata.insert("uid".to_owned(), json!(self.uid));
        metadata.insert("resourceVersion".to_owned(), json!(self.resource_version));
        if self.marks.role != wanted.role {
            metadata.insert("labels".to_owned(), json!({ ROLE_LABEL: wanted.role }));
        }
        let changed: Map<_, _> = DAEMON_ANNOTATIONS
            .into_iter()
            .map(|name| (name, self.marks.annotations.get(name), wanted.annotations.get(name)))
            .filter(|(_, found, wanted)| found != wanted)
            // None is null, which removes it.
            .map(|(name, _, wanted)| (name.to_owned(), json!(wanted)))
            .collect();
        if !changed.is_empty() {
            metadata.insert("annotations".to_owned(), Value::Object(changed));
        }
        Some(json!({ "metadata": metadata }))
    }
}

#[cfg(test)]
mod tests;
