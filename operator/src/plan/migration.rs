//! The migration of the database: a Job for each kind of pod and database, before anything rolls.

use crds::names;
use k8s_openapi::api::{
    batch::v1::{Job, JobSpec},
    core::v1::PodTemplateSpec,
};
use serde_json::json;

use super::{labels, pod};
use crate::{fingerprint, validate::ValidatedInstance};

/// What its pods are labelled as.
pub(super) const COMPONENT: &str = names::MIGRATION;

/// The Job's name. A Job's template can never change, so that another one is another Job; and so is
/// one for another database.
pub(super) fn name(instance: &ValidatedInstance) -> String {
    let fingerprint = fingerprint::of(&json!([template(instance), instance.database_address]));
    names::migration(&instance.key.name, &fingerprint[..8])
}

/// It may run twice, if its pod is lost or its template changes: a migration takes the database's
/// lock and then finds that it is done. It is tried for as long as the database is not there.
pub(super) fn job(instance: &ValidatedInstance) -> Job {
    let labels = labels::with_component(labels::of_instance(instance), COMPONENT);
    Job {
        metadata: labels::metadata(instance, name(instance), labels),
        spec: Some(JobSpec {
            backoff_limit: Some(i32::MAX),
            template: template(instance),
            ..JobSpec::default()
        }),
        ..Job::default()
    }
}

fn template(instance: &ValidatedInstance) -> PodTemplateSpec {
    PodTemplateSpec {
        metadata: Some(pod::metadata(instance, COMPONENT)),
        spec: Some(pod::migration(instance)),
    }
}
