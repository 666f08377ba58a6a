//! What is written against what may be written: the schema of the custom resources.

use serde_json::{Map, Value as Json};

use super::{
    definition::{List, Schema},
    report::Report,
    yaml::{Meaning, Node, Scalar, Value},
};
use crate::error::Problem;

/// Checks a node, reports all that is wrong with it, and gives its value without what is wrong;
/// nothing if what is wrong cannot be left out.
pub(super) fn check(
    node: &Node,
    schema: &Schema,
    path: &str,
    report: &mut Report<'_>,
) -> Option<Json> {
    let is_null = matches!(&node.value, Value::Scalar(scalar) if scalar.meaning() == Meaning::Null);
    if is_null {
        if schema.nullable || schema.has_default {
            return Some(Json::Null);
        }
        let problem = format!("is empty; give {}, or remove the line", wanted(schema));
        report.add(node.place, path, Problem::Type(problem));
        return None;
    }
    match (schema.kind.as_deref(), &node.value) {
        (Some("object"), Value::Mapping(entries)) if schema.values.is_some() => {
            map(entries, schema, path, report)
        }
        (Some("object"), Value::Mapping(entries)) => object(node, entries, schema, path, report),
        (Some("array"), Value::Sequence(items)) => array(items, schema, path, report),
        (Some("string"), Value::Scalar(scalar)) => {
            string(scalar, schema).map_err(|p| report.add(node.place, path, p)).ok()
        }
        (None, Value::Scalar(scalar)) if schema.int_or_string => Some(quantity(scalar)),
        (Some("integer"), Value::Scalar(scalar)) => {
            integer(scalar, schema, path).map_err(|p| report.add(node.place, path, p)).ok()
        }
        (Some("boolean"), Value::Scalar(scalar)) => {
            boolean(scalar).map_err(|p| report.add(node.place, path, p)).ok()
        }
        (_, value) => {
            let problem = format!("is {}; give {}", kind_of(value), wanted(schema));
            report.add(node.place, path, Problem::Type(problem));
            None
        }
    }
}

fn object(
    node: &Node,
    entries: &[(String, Node)],
    schema: &Schema,
    path: &str,
    report: &mut Report<'_>,
) -> Option<Json> {
    let properties = schema.properties.as_ref()?;
    let mut object = Map::new();
    let mut complete = true;
    for (key, value) in entries {
        let path = format!("{path}.{key}");
        let Some(property) = properties.get(key) else {
            let known: Vec<&str> = properties.keys().map(String::as_str).collect();
            report.add(value.place, &path, unknown(key, &known));
            continue;
        };
        match check(value, property, &path, report) {
            Some(Json::Null) => {}
            Some(json) => {
                object.insert(key.clone(), json);
            }
            // What may be left out is taken as left out, so that the rest is judged too.
            None => complete &= !is_required(schema, key),
        }
    }
    for key in &schema.required {
        if !entries.iter().any(|(written, _)| written == key) {
            complete = false;
            let path = format!("{path}.{key}");
            let purpose = properties.get(key).and_then(|p| p.description.as_deref());
            report.add(node.place, &path, missing(purpose));
        }
    }
    complete.then_some(Json::Object(object))
}

/// Fields of any name, all of one shape: labels, quantities.
fn map(
    entries: &[(String, Node)],
    schema: &Schema,
    path: &str,
    report: &mut Report<'_>,
) -> Option<Json> {
    let values = schema.values.as_deref()?;
    let entries = entries.iter().map(|(key, value)| {
        Some((key.clone(), check(value, values, &format!("{path}.{key}"), report)?))
    });
    // All of them are judged before the first bad one ends it.
    let entries: Vec<Option<_>> = entries.collect();
    entries.into_iter().collect::<Option<Map<_, _>>>().map(Json::Object)
}

/// A number or a text: what a cluster makes of it is the cluster's own.
fn quantity(scalar: &Scalar) -> Json {
    match scalar.meaning() {
        Meaning::Integer(number) => Json::from(number),
        _ => Json::String(scalar.text.to_string()),
    }
}

fn is_required(schema: &Schema, key: &str) -> bool {
    schema.required.iter().any(|required| required == key)
}

fn array(items: &[Node], schema: &Schema, path: &str, report: &mut Report<'_>) -> Option<Json> {
    let item_schema = schema.items.as_deref()?;
    // All of them, also after a bad one, for their errors.
    let values: Vec<Option<Json>> = items
        .iter()
        .enumerate()
        .map(|(index, item)| check(item, item_schema, &format!("{path}[{index}]"), report))
        .collect();
    if let Some(most) = schema.max_items
        && items.len() > most
        && let Some(first) = items.first()
    {
        let problem = format!("has {} entries; give at most {most}", items.len());
        report.add(first.place, path, Problem::Value(problem));
        return None;
    }
    if schema.min_items.is_some_and(|least| least > 0) && items.is_empty() {
        let place = report.place_of(path);
        report.add(place, path, Problem::Value(format!("is empty; give {}", wanted(item_schema))));
        return None;
    }
    let values = values.into_iter().collect::<Option<Vec<_>>>()?;
    distinct(items, &values, schema, path, report).then_some(Json::Array(values))
}

/// As a person wrote it.
fn text(value: &Json) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Whether no two entries have the same keys (a list map) or are the same (a set).
fn distinct(
    items: &[Node],
    values: &[Json],
    schema: &Schema,
    path: &str,
    report: &mut Report<'_>,
) -> bool {
    let identity = |value: &Json| match &schema.list {
        List::Map(keys) => Some(keys.iter().map(|key| value[key].clone()).collect()),
        List::Set => Some(vec![value.clone()]),
        List::Free => None,
    };
    let mut all = true;
    for (index, value) in values.iter().enumerate() {
        let Some(identity_here) = identity(value) else {
            return true;
        };
        let earlier = &values[..index];
        if earlier.iter().any(|other| identity(other).as_ref() == Some(&identity_here)) {
            all = false;
            let shown: Vec<_> = identity_here.iter().map(text).collect();
            let problem =
                format!("{} is in this list already; leave one of them", shown.join(", "));
            report.add(
                items[index].place,
                &format!("{path}[{index}]"),
                Problem::Duplicate(problem),
            );
        }
    }
    all
}

fn string(scalar: &Scalar, schema: &Schema) -> Result<Json, Problem> {
    let text = scalar.text.as_str();
    if scalar.meaning() != Meaning::Text {
        let what = match scalar.meaning() {
            Meaning::Boolean(_) => "true or false",
            _ => "a number",
        };
        let usual = usual(schema);
        return Err(Problem::Type(format!(
            "{text} is {what} to YAML, and a text goes here; write it in quotes, \"{text}\"{usual}"
        )));
    }
    if let Some(choices) = &schema.choices
        && !choices.iter().any(|choice| choice == text)
    {
        return Err(Problem::Value(format!(
            "\"{text}\" is not known here; {}give {}",
            did_you_mean(text, choices.iter().map(String::as_str)),
            one_of(choices),
        )));
    }
    let length = text.chars().count();
    let (least, most) = (schema.min_length.unwrap_or(0), schema.max_length.unwrap_or(usize::MAX));
    if length > most || length < least {
        let give = if least == most {
            format!("give exactly {least}")
        } else if least > 0 {
            format!("give {least} to {most}")
        } else {
            format!("give at most {most}")
        };
        return Err(Problem::Value(match length {
            0 => format!("is empty; {give} characters"),
            1 => format!("\"{text}\" has 1 character; {give}"),
            _ => format!("\"{text}\" has {length} characters; {give}"),
        }));
    }
    Ok(Json::String(text.to_owned()))
}

fn integer(scalar: &Scalar, schema: &Schema, path: &str) -> Result<Json, Problem> {
    let text = scalar.text.as_str();
    let is_port = path.rsplit('.').next() == Some("port");
    let range = range(schema, is_port);
    let Meaning::Integer(value) = scalar.meaning() else {
        let what = if is_port { "a port" } else { "a whole number" };
        return Err(Problem::Type(format!("{} is not {what}; {range}", shown(scalar))));
    };
    #[expect(clippy::cast_precision_loss, reason = "the schema's bounds are small whole numbers")]
    let inside = schema.minimum.is_none_or(|minimum| value as f64 >= minimum)
        && schema.maximum.is_none_or(|maximum| value as f64 <= maximum);
    if inside {
        Ok(Json::from(value))
    } else if is_port {
        Err(Problem::Value(format!("{text} is not a port; {range}")))
    } else {
        Err(Problem::Value(format!("{text} is out of range; {range}")))
    }
}

/// `give 1 to 65535 (usual: 6619)`
fn range(schema: &Schema, is_port: bool) -> String {
    let usual = usual(schema);
    match (schema.minimum, schema.maximum) {
        // Port 0 is for those who know that they want it.
        (Some(minimum), Some(maximum)) if is_port => {
            format!("give {} to {maximum}{usual}", minimum.max(1.0))
        }
        (Some(minimum), Some(maximum)) => format!("give {minimum} to {maximum}{usual}"),
        _ => format!("give a whole number{usual}"),
    }
}

/// ` (usual: 6619)` or nothing
fn usual(schema: &Schema) -> String {
    schema.usual.as_ref().map(|usual| format!(" (usual: {usual})")).unwrap_or_default()
}

fn boolean(scalar: &Scalar) -> Result<Json, Problem> {
    match scalar.meaning() {
        Meaning::Boolean(value) => Ok(Json::Bool(value)),
        _ => {
            Err(Problem::Type(format!("{} is not true or false; give one of them", shown(scalar))))
        }
    }
}

fn shown(scalar: &Scalar) -> String {
    match scalar.meaning() {
        Meaning::Text => format!("\"{}\"", *scalar.text),
        _ => scalar.text.to_string(),
    }
}

/// What a field takes, for `give …`.
fn wanted(schema: &Schema) -> String {
    match schema.kind.as_deref() {
        Some("object") => {
            let keys: Vec<&str> =
                schema.properties.iter().flatten().map(|(key, _)| key.as_str()).collect();
            format!("fields such as {}", keys.join(", "))
        }
        Some("array") => "a list, each entry beginning with -".into(),
        Some("integer") => "a whole number".into(),
        Some("boolean") => "true or false".into(),
        _ => schema.choices.as_deref().map_or_else(|| "a text".into(), one_of),
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Scalar(_) => "a single value",
        Value::Sequence(_) => "a list",
        Value::Mapping(_) => "a group of fields",
    }
}

/// `Required or InsecureOptional`, `one of A, B, C`
fn one_of(choices: &[String]) -> String {
    match choices {
        [only] => only.clone(),
        [first, second] => format!("{first} or {second}"),
        choices => format!("one of {}", choices.join(", ")),
    }
}

/// The sentence for a field that is not known among these.
pub(super) fn unknown(key: &str, known: &[&str]) -> Problem {
    let guess = did_you_mean(key, known.iter().copied());
    Problem::UnknownField(format!(
        "there is no such field; {guess}known here: {}",
        known.join(", ")
    ))
}

/// The sentence for a field that must be there, with what it is for.
pub(super) fn missing(purpose: Option<&str>) -> Problem {
    let purpose = purpose.map(first_clause).filter(|purpose| !purpose.is_empty());
    Problem::MissingField(match purpose {
        Some(purpose) => format!("is missing; add it: {purpose}"),
        None => "is missing; add it".into(),
    })
}

/// A description up to its first full stop or colon, on one line, to go on a sentence.
fn first_clause(description: &str) -> String {
    let end = description.find([':', '.']).unwrap_or(description.len());
    let clause = description[..end].split_whitespace().collect::<Vec<_>>().join(" ");
    let mut characters = clause.chars();
    characters
        .next()
        .map_or_else(String::new, |first| first.to_lowercase().chain(characters).collect())
}

/// `did you mean maxSessions? ` or nothing.
fn did_you_mean<'a>(text: &str, known: impl Iterator<Item = &'a str>) -> String {
    nearest(text, known).map(|near| format!("did you mean {near}? ")).unwrap_or_default()
}

/// The known word that was probably meant.
pub(crate) fn nearest<'a>(text: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let lower = text.to_lowercase();
    known
        .map(|word| (strsim::jaro_winkler(&lower, &word.to_lowercase()), word))
        .filter(|(likeness, _)| *likeness >= 0.8)
        .max_by(|(left, _), (right, _)| left.total_cmp(right))
        .map(|(_, word)| word)
}
