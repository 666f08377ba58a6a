//! What stands in a resource as it is by default is not written into the daemons' files: a daemon of the
//! version before, which works on during a roll-out or is pinned by `image`, knows no field that is new,
//! and refuses what it does not know.

use std::sync::LazyLock;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSON, JSONSchemaProps, JSONSchemaPropsOrArray,
};
use serde_json::Value;

/// The schemas of `spec`, of an instance and of a partner.
static SPECS: LazyLock<[JSONSchemaProps; 2]> =
    LazyLock::new(|| crds::definitions().map(|definition| spec(definition).unwrap_or_default()));

fn spec(definition: CustomResourceDefinition) -> Option<JSONSchemaProps> {
    let version = definition.spec.versions.into_iter().next()?;
    version.schema?.open_api_v3_schema?.properties?.remove("spec")
}

/// An instance's `spec` without what is as it is by default.
pub(super) fn leave_out_of_instance(spec: &mut Value) {
    leave_out(spec, &SPECS[0]);
}

/// The same of a partner's.
pub(super) fn leave_out_of_partner(spec: &mut Value) {
    leave_out(spec, &SPECS[1]);
}

fn leave_out(value: &mut Value, schema: &JSONSchemaProps) {
    match value {
        Value::Object(fields) => {
            let Some(properties) = &schema.properties else { return };
            fields.retain(|name, field| {
                let Some(schema) = properties.get(name) else { return true };
                leave_out(field, schema);
                !is_default(field, schema)
            });
        }
        Value::Array(items) => {
            if let Some(JSONSchemaPropsOrArray::Schema(schema)) = &schema.items {
                for item in items {
                    leave_out(item, schema);
                }
            }
        }
        _ => {}
    }
}

/// Whether a value, already without its own defaults, is what would be there without it.
fn is_default(value: &Value, schema: &JSONSchemaProps) -> bool {
    let Some(JSON(default)) = &schema.default else { return false };
    let mut default = default.clone();
    leave_out(&mut default, schema);
    *value == default
}

#[cfg(test)]
mod tests {
    use crds::{SeonInstanceSpec, SeonPartnerSpec};
    use serde_json::json;

    use super::*;

    fn instance(written: &Value) -> Value {
        let spec: SeonInstanceSpec = serde_json::from_value(written.clone()).unwrap();
        let mut rendered = json!(spec);
        leave_out_of_instance(&mut rendered);
        let read: SeonInstanceSpec = serde_json::from_value(rendered.clone()).unwrap();
        assert_eq!(read, spec, "it means the same: {rendered}");
        rendered
    }

    fn partner(written: &Value) -> Value {
        let spec: SeonPartnerSpec = serde_json::from_value(written.clone()).unwrap();
        let mut rendered = json!(spec);
        leave_out_of_partner(&mut rendered);
        let read: SeonPartnerSpec = serde_json::from_value(rendered.clone()).unwrap();
        assert_eq!(read, spec, "it means the same: {rendered}");
        rendered
    }

    #[test]
    fn what_nobody_wrote_is_not_there() {
        let written = json!({
            "identity": {
                "odetteId": "O0013000001ACME",
                "passwordSecretRef": {"name": "acme-oftp", "key": "password"},
            },
            "receive": {"tcpip": {}, "tls": {"certificateSecretRef": {"name": "acme-tls"}}},
            "send": {"maxSessions": 7},
        });
        assert_eq!(instance(&written), written);
        let written = json!({
            "instanceRef": {"name": "acme"},
            "identity": {
                "odetteId": "O0013000002BOLT",
                "passwordSecretRef": {"name": "bolt-oftp", "key": "password"},
            },
            "transports": [{"tcp": {"host": "bolt"}}],
            "folders": [{"directory": "outgoing/bolt"}],
            "security": {"outbound": {"sign": "Required"}},
        });
        assert_eq!(partner(&written), written);
    }

    #[test]
    fn everything_that_can_be_written_means_the_same_without_its_defaults() {
        let sample = include_str!("../../../deploy/samples/everything.yaml");
        let mut kinds = Vec::new();
        for document in sample.split("\n---\n") {
            let manifest: Value = serde_yaml::from_str(document).unwrap();
            match manifest["kind"].as_str() {
                Some("SeonInstance") => drop(instance(&manifest["spec"])),
                Some("SeonPartner") => drop(partner(&manifest["spec"])),
                _ => continue,
            }
            kinds.push(manifest["kind"].as_str().unwrap_or_default().to_owned());
        }
        assert!(kinds.iter().any(|kind| kind == "SeonInstance"), "{kinds:?}");
        assert!(kinds.iter().any(|kind| kind == "SeonPartner"), "{kinds:?}");
    }
}
