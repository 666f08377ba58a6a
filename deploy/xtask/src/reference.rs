//! The reference of every field, for people, as Markdown.

use std::fmt::Write as _;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSON, JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};

/// A table of every kind's fields.
pub(crate) fn markdown(definitions: &[CustomResourceDefinition]) -> String {
    let mut text = String::from(
        "# What you can write\n\n<!-- Made by `cargo xtask generate` from crds/src; do not edit. \
         -->\n\nEvery field of every kind. On a cluster, `kubectl explain seoninstance.spec` and \
         `kubectl explain\nseonpartner.spec` say the same. Examples lie in \
         [deploy/samples](../deploy/samples).\n",
    );
    for definition in definitions {
        kind(&mut text, definition);
    }
    text
}

fn kind(text: &mut String, definition: &CustomResourceDefinition) {
    let names = &definition.spec.names;
    let Some(version) = definition.spec.versions.first() else { return };
    let Some(schema) = version.schema.as_ref().and_then(|s| s.open_api_v3_schema.as_ref()) else {
        return;
    };
    let Some(spec) = schema.properties.as_ref().and_then(|properties| properties.get("spec"))
    else {
        return;
    };
    let short: Vec<String> =
        names.short_names.iter().flatten().map(|name| format!("`{name}`")).collect();
    // Writing to a String does not fail.
    let _ = write!(
        text,
        "\n## {}\n\n{}\n\n`apiVersion: {}/{}`, `kind: {}`; short: {}\n\n| Field | Takes | Default | \
         What it is |\n|---|---|---|---|\n",
        names.kind,
        line(schema.description.as_deref()),
        definition.spec.group,
        version.name,
        names.kind,
        short.join(", "),
    );
    rows(text, spec, "spec", &[]);
    let mut rules = Vec::new();
    collect_rules(&mut rules, schema, "");
    if !rules.is_empty() {
        text.push_str("\nRules beyond the types:\n\n");
        for (field, message) in rules {
            let field = if field.is_empty() { "the resource".into() } else { format!("`{field}`") };
            let _ = writeln!(text, "- {field}: {message}");
        }
    }
}

/// A row for each field, parents before their fields.
fn rows(text: &mut String, schema: &JSONSchemaProps, path: &str, required: &[String]) {
    let name = path.rsplit('.').next().unwrap_or(path).trim_end_matches("[]");
    let default = match &schema.default {
        _ if required.iter().any(|required| required == name) => "required".into(),
        // A group's default is that of its fields.
        Some(default) if schema.properties.is_none() => code(default),
        _ => String::new(),
    };
    if path != "spec" {
        let _ = writeln!(
            text,
            "| `{path}` | {} | {default} | {} |",
            takes(schema),
            line(schema.description.as_deref()),
        );
    }
    let fields = match &schema.items {
        Some(JSONSchemaPropsOrArray::Schema(item)) => item.as_ref(),
        _ => schema,
    };
    let path = if schema.items.is_some() { format!("{path}[]") } else { path.to_owned() };
    let required = fields.required.as_deref().unwrap_or_default();
    for (name, property) in fields.properties.iter().flatten() {
        rows(text, property, &format!("{path}.{name}"), required);
    }
}

fn takes(schema: &JSONSchemaProps) -> String {
    if let Some(choices) = &schema.enum_ {
        let choices: Vec<String> = choices.iter().filter(|c| !c.0.is_null()).map(code).collect();
        return choices.join(", ");
    }
    match schema.type_.as_deref() {
        Some("integer") => match (schema.minimum, schema.maximum) {
            (Some(minimum), Some(maximum)) => format!("{minimum} to {maximum}"),
            _ => "a whole number".into(),
        },
        Some("boolean") => "`true`, `false`".into(),
        Some("string") => "text".into(),
        Some("array") => match &schema.items {
            Some(JSONSchemaPropsOrArray::Schema(item)) if item.enum_.is_some() => {
                format!("list of {}", takes(item))
            }
            Some(JSONSchemaPropsOrArray::Schema(item)) if item.properties.is_none() => {
                "list of texts".into()
            }
            _ => "list".into(),
        },
        None if schema.x_kubernetes_int_or_string == Some(true) => "quantity".into(),
        _ => match &schema.additional_properties {
            Some(JSONSchemaPropsOrBool::Schema(value)) => {
                format!("names, each with a {}", takes(value))
            }
            _ => "group".into(),
        },
    }
}

fn code(value: &JSON) -> String {
    match value.0.as_str() {
        Some(text) => format!("`{text}`"),
        None => format!("`{}`", value.0),
    }
}

fn collect_rules(rules: &mut Vec<(String, String)>, schema: &JSONSchemaProps, path: &str) {
    for rule in schema.x_kubernetes_validations.iter().flatten() {
        if let Some(message) = &rule.message {
            rules.push((path.to_owned(), line(Some(message))));
        }
    }
    if let Some(JSONSchemaPropsOrArray::Schema(item)) = &schema.items {
        collect_rules(rules, item, &format!("{path}[]"));
    }
    for (name, property) in schema.properties.iter().flatten() {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        collect_rules(rules, property, &path);
    }
}

/// A description on one line, fit for a table.
fn line(text: Option<&str>) -> String {
    let text = text.unwrap_or_default();
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(schema: &JSONSchemaProps, path: &str, all: &mut Vec<(String, String)>) {
        if let Some(JSONSchemaPropsOrArray::Schema(item)) = &schema.items {
            return fields(item, path, all);
        }
        for (name, property) in schema.properties.iter().flatten() {
            let path = format!("{path}.{name}");
            all.push((name.clone(), path.clone()));
            fields(property, &path, all);
        }
    }

    #[test]
    fn the_sample_of_everything_names_every_field() {
        let sample = include_str!("../../samples/everything.yaml");
        let mut all = Vec::new();
        for definition in crds::definitions() {
            let schema = definition.spec.versions[0].schema.as_ref().unwrap();
            let schema = schema.open_api_v3_schema.as_ref().unwrap();
            fields(&schema.properties.as_ref().unwrap()["spec"], "spec", &mut all);
        }
        let is_named = |name: &str| {
            let named = format!("{name}:");
            sample
                .match_indices(&named)
                .any(|(at, _)| !sample[..at].ends_with(char::is_alphanumeric))
        };
        let missing: Vec<_> = all.iter().filter(|(name, _)| !is_named(name)).collect();
        assert!(!all.is_empty() && missing.is_empty(), "{missing:?}");
    }
}
