//! The migration of the database: a Job for each image and database, before anything rolls.

use crds::names;
use k8s_openapi::api::{
    batch::v1::{Job, JobSpec},
    core::v1::PodTemplateSpec,
};

use super::{labels, pod};
use crate::validate::ValidatedInstance;

/// What its pods are labelled as.
pub(super) const COMPONENT: &str = "migrate";

/// The Job's name: another image or database, another Job.
pub(super) fn name(instance: &ValidatedInstance) -> String {
    names::migration(&instance.key.name, &instance.migration[..8])
}

/// It may run twice, if its pod is lost: a migration takes the database's lock and then finds that
/// it is done. It is tried for as long as the database is not there.
pub(super) fn job(instance: &ValidatedInstance) -> Job {
    let labels = labels::with_component(labels::of_instance(instance), COMPONENT);
    Job {
        metadata: labels::metadata(instance, name(instance), labels),
        spec: Some(JobSpec {
            backoff_limit: Some(i32::MAX),
            template: PodTemplateSpec {
                metadata: Some(pod::metadata(instance, COMPONENT)),
                spec: Some(pod::migration(instance)),
            },
            ..JobSpec::default()
        }),
        ..Job::default()
    }
}
