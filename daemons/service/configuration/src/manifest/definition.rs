//! What may be written: the schema of a spec, as the generated definition of its kind says it.
//!
//! The definition is read as it lies in `crds/generated`, so that a daemon carries no code that
//! makes schemas, and a cluster and a folder of YAML cannot disagree.

use std::collections::BTreeMap;

use super::yaml::{self, Meaning, Node, Scalar, Value};

/// As much of a schema as is judged here; CEL rules are for the API server.
#[derive(Default)]
pub(super) struct Schema {
    /// The type; none for what may be a number or a text.
    pub(super) kind: Option<String>,
    pub(super) int_or_string: bool,
    pub(super) description: Option<String>,
    pub(super) nullable: bool,
    /// Whether it may be left empty because something stands in for it.
    pub(super) has_default: bool,
    /// The default, if it is a single value.
    pub(super) usual: Option<String>,
    pub(super) choices: Option<Vec<String>>,
    pub(super) minimum: Option<f64>,
    pub(super) maximum: Option<f64>,
    pub(super) min_length: Option<usize>,
    pub(super) max_length: Option<usize>,
    pub(super) properties: Option<BTreeMap<String, Schema>>,
    pub(super) required: Vec<String>,
    /// Of a map: its values, under any key.
    pub(super) values: Option<Box<Schema>>,
    pub(super) items: Option<Box<Schema>>,
    pub(super) min_items: Option<usize>,
    pub(super) max_items: Option<usize>,
    pub(super) list: List,
}

/// How the entries of a list are told apart.
#[derive(Default)]
pub(super) enum List {
    #[default]
    Free,
    Set,
    Map(Vec<String>),
}

impl Schema {
    /// The schema of `spec` in a `CustomResourceDefinition` with one version.
    pub(super) fn of_spec(definition: &str) -> Option<Self> {
        let (documents, _) = yaml::documents(definition);
        let mut node = documents.first()?.field("spec")?.field("versions")?.items().first()?;
        for step in ["schema", "openAPIV3Schema", "properties", "spec"] {
            node = node.field(step)?;
        }
        Some(Self::of(node))
    }

    fn of(node: &Node) -> Self {
        let mut schema = Self::default();
        let mut keys = Vec::new();
        for (key, node) in node.fields() {
            match key.as_str() {
                "type" => schema.kind = text(node),
                "description" => schema.description = text(node),
                "x-kubernetes-int-or-string" => schema.int_or_string = truth(node),
                "nullable" => schema.nullable = truth(node),
                "default" => {
                    schema.has_default = true;
                    schema.usual = text(node);
                }
                "enum" => schema.choices = Some(texts(node)),
                "minimum" => schema.minimum = number(node),
                "maximum" => schema.maximum = number(node),
                "minLength" => schema.min_length = number(node),
                "maxLength" => schema.max_length = number(node),
                "minItems" => schema.min_items = number(node),
                "maxItems" => schema.max_items = number(node),
                "required" => schema.required = texts(node),
                "additionalProperties" => schema.values = Some(Box::new(Self::of(node))),
                "items" => schema.items = Some(Box::new(Self::of(node))),
                "properties" => {
                    let properties = node.fields().iter();
                    schema.properties =
                        Some(properties.map(|(key, node)| (key.clone(), Self::of(node))).collect());
                }
                "x-kubernetes-list-map-keys" => keys = texts(node),
                "x-kubernetes-list-type" if text(node).as_deref() == Some("set") => {
                    schema.list = List::Set;
                }
                _ => {}
            }
        }
        if !keys.is_empty() {
            schema.list = List::Map(keys);
        }
        schema
    }
}

fn scalar(node: &Node) -> Option<&Scalar> {
    match &node.value {
        Value::Scalar(scalar) if scalar.meaning() != Meaning::Null => Some(scalar),
        _ => None,
    }
}

fn text(node: &Node) -> Option<String> {
    scalar(node).map(|scalar| scalar.text.to_string())
}

fn truth(node: &Node) -> bool {
    scalar(node).is_some_and(|scalar| scalar.meaning() == Meaning::Boolean(true))
}

fn texts(node: &Node) -> Vec<String> {
    node.items().iter().filter_map(text).collect()
}

fn number<N: std::str::FromStr>(node: &Node) -> Option<N> {
    scalar(node)?.text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_definition_has_a_spec_whose_every_field_has_a_type() {
        fn look(path: &str, schema: &Schema) {
            assert!(schema.kind.is_some() || schema.int_or_string, "{path}");
            for (key, property) in schema.properties.iter().flatten() {
                look(&format!("{path}.{key}"), property);
            }
            for each in schema.items.iter().chain(&schema.values) {
                look(&format!("{path}[]"), each);
            }
        }
        for definition in [crds::generated::SEON_INSTANCE, crds::generated::SEON_PARTNER] {
            look("spec", &Schema::of_spec(definition).unwrap());
        }
    }

    #[test]
    fn what_a_definition_says_of_a_field_is_read() {
        let partner = Schema::of_spec(crds::generated::SEON_PARTNER).unwrap();
        let channels = &partner.properties.as_ref().unwrap()["channels"];
        assert_eq!(channels.kind.as_deref(), Some("integer"));
        assert_eq!((channels.minimum, channels.maximum), (Some(1.0), Some(256.0)));
        assert_eq!(channels.usual.as_deref(), Some("1"));
        assert!(partner.required.contains(&"identity".to_owned()), "{:?}", partner.required);
        let transports = &partner.properties.as_ref().unwrap()["transports"];
        assert_eq!(transports.kind.as_deref(), Some("array"));
        assert!(transports.max_items.is_some());
    }
}
