//! The configuration that the daemons have mounted.

use crds::names;
use k8s_openapi::{ByteString, api::core::v1::Secret};

use super::labels;
use crate::validate::{Manifests, ValidatedInstance};

/// Everything but keys and the database's URI.
pub(super) fn secret(instance: &ValidatedInstance) -> Secret {
    let Manifests { instance: own, partners, secrets, revision } = &instance.manifests;
    let data = [
        ("instance.yaml", own),
        ("partners.yaml", partners),
        ("secrets.yaml", secrets),
        (names::REVISION_FILE, revision),
    ];
    let name = names::configuration_secret(&instance.key.name);
    let mut metadata = labels::metadata(instance, name, labels::of_instance(instance));
    let revision = [(names::WANTED_ANNOTATION.to_owned(), revision.clone())];
    metadata.annotations = Some(revision.into());
    let data = data.map(|(key, text)| (key.to_owned(), ByteString(text.as_bytes().to_vec())));
    Secret {
        metadata,
        // Empty files are let out: a manifest without a document is none.
        data: Some(data.into_iter().filter(|(_, text)| !text.0.is_empty()).collect()),
        type_: Some("seon.dev/configuration".into()),
        ..Secret::default()
    }
}
