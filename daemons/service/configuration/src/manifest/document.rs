//! Documents: which kind, which name, and their contents as far as they are sound.

use std::{cell::OnceCell, collections::BTreeMap};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use crds::{SeonInstanceSpec, SeonPartnerSpec};
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use super::{
    definition::Schema,
    report::{Errors, Fault, Report},
    schema,
    yaml::{self, Meaning, Node, Place, Value},
};
use crate::{
    error::{ManifestError, Problem},
    sources::SecretFolder,
};

/// One manifest.
pub(crate) struct Document<'a> {
    pub(crate) file: &'a str,
    pub(crate) name: String,
    pub(crate) namespace: Option<String>,
    pub(crate) content: Content,
    /// Whether nothing was found to be wrong yet.
    pub(crate) is_sound: bool,
    /// Its number among all.
    pub(crate) number: usize,
    order: usize,
    root: Node,
}

/// What a manifest says; `None` if it is too broken to say.
pub(crate) enum Content {
    Instance(Option<Box<SeonInstanceSpec>>),
    Partner(Option<Box<SeonPartnerSpec>>),
    Secret(SecretDocument),
}

/// The values of a Secret by key. Those that could not be read are `None`; they are reported.
#[derive(Default)]
pub(crate) struct SecretDocument {
    pub(crate) values: BTreeMap<String, SecretValue>,
}

/// A value of a Secret and the field that it stands in, such as `stringData.password`.
pub(crate) struct SecretValue {
    pub(crate) octets: Option<Zeroizing<Vec<u8>>>,
    pub(crate) field: String,
    pub(crate) place: Place,
}

impl Document<'_> {
    /// A report on this document.
    pub(crate) fn report<'r>(&'r self, errors: &'r mut Errors) -> Report<'r> {
        let Self { file, order, number, root, is_sound, .. } = self;
        let (order, document) = (*order, *number);
        Report { file, order, document, root, was_sound: *is_sound, errors }
    }
}

/// Reads every document of every file that can be read, and reports what is wrong. Also says
/// whether all of them could be read.
pub(crate) fn read<'a>(
    files: impl Iterator<Item = (&'a str, &'a str)>,
    errors: &mut Errors,
) -> (Vec<Document<'a>>, bool) {
    let schemas = Schemas::default();
    let mut documents = Vec::new();
    let mut all_read = true;
    let mut numbers = 0..;
    for (order, (file, text)) in files.enumerate() {
        let (roots, error) = yaml::documents(text);
        let reader = Reader { file, order, schemas: &schemas };
        for (root, number) in roots.into_iter().zip(&mut numbers) {
            let document = reader.document(root, number, errors);
            all_read &= document.is_some();
            documents.extend(document);
        }
        all_read &= error.is_none();
        if let Some(error) = error {
            let problem = if error.duplicate { Problem::Duplicate } else { Problem::Syntax };
            let error = ManifestError {
                file: file.to_owned(),
                line: error.place.line,
                column: error.place.column,
                field: String::new(),
                problem: problem(error.message),
            };
            errors.push(Fault { order, document: numbers.next(), error });
        }
    }
    (documents, all_read)
}

/// A Secret that lies beside the manifests as a folder. Its problems have no line.
pub(crate) fn mounted((index, folder): (usize, &SecretFolder)) -> Document<'_> {
    let nowhere = Place { line: 0, column: 0 };
    let values = folder.values.iter().map(|(key, octets)| {
        let octets = Some(octets.clone());
        (key.clone(), SecretValue { octets, field: key.clone(), place: nowhere })
    });
    Document {
        file: &folder.path,
        name: folder.name.clone(),
        namespace: None,
        content: Content::Secret(SecretDocument { values: values.collect() }),
        is_sound: true,
        // After the manifests, however many.
        order: usize::MAX,
        number: usize::MAX - index,
        root: Node { place: nowhere, value: Value::Mapping(Vec::new()) },
    }
}

/// The schemas of the two specs, read when the first document needs one and forgotten with the
/// last.
#[derive(Default)]
struct Schemas(OnceCell<[Option<Schema>; 2]>);

impl Schemas {
    fn both(&self) -> &[Option<Schema>; 2] {
        let definitions = [crds::generated::SEON_INSTANCE, crds::generated::SEON_PARTNER];
        self.0.get_or_init(|| definitions.map(Schema::of_spec))
    }
}

struct Reader<'a, 's> {
    file: &'a str,
    order: usize,
    schemas: &'s Schemas,
}

#[derive(Clone, Copy)]
enum Kind {
    Instance,
    Partner,
    Secret,
}

const KINDS: [(&str, Kind, &str); 3] = [
    ("SeonInstance", Kind::Instance, crds::API_VERSION),
    ("SeonPartner", Kind::Partner, crds::API_VERSION),
    ("Secret", Kind::Secret, "v1"),
];

impl<'a> Reader<'a, '_> {
    fn document(&self, root: Node, number: usize, errors: &mut Errors) -> Option<Document<'a>> {
        let before = errors.len();
        let mut report = Report {
            file: self.file,
            order: self.order,
            document: number,
            root: &root,
            was_sound: true,
            errors,
        };
        let Value::Mapping(entries) = &root.value else {
            let problem = "this is not a manifest; begin with apiVersion, kind, metadata, spec";
            report.add(root.place, "", Problem::Kind(problem.into()));
            return None;
        };
        let kind = kind(entries, &mut report)?;
        let (name, namespace) = metadata(entries, &mut report);
        let content = match kind {
            Kind::Instance => {
                let [schema, _] = self.schemas.both();
                Content::Instance(spec(entries, schema.as_ref(), &mut report))
            }
            Kind::Partner => {
                let [_, schema] = self.schemas.both();
                Content::Partner(spec(entries, schema.as_ref(), &mut report))
            }
            Kind::Secret => Content::Secret(secret(entries, &mut report)),
        };
        let is_sound = errors.len() == before;
        let (file, order) = (self.file, self.order);
        Some(Document { file, name: name?, namespace, content, is_sound, number, order, root })
    }
}

fn get<'n>(entries: &'n [(String, Node)], key: &str) -> Option<&'n Node> {
    entries.iter().find(|(other, _)| other == key).map(|(_, node)| node)
}

fn text(node: &Node) -> Option<&str> {
    match &node.value {
        Value::Scalar(scalar) if scalar.meaning() == Meaning::Text => Some(&scalar.text),
        _ => None,
    }
}

fn kind(entries: &[(String, Node)], report: &mut Report<'_>) -> Option<Kind> {
    let known = "SeonInstance and SeonPartner of seon.dev/v1alpha1, Secret of v1";
    let Some(node) = get(entries, "kind") else {
        let problem = format!("is missing; add it; known are {known}");
        report.add_at("kind", Problem::MissingField(problem));
        return None;
    };
    let written = text(node).unwrap_or_default();
    let Some((name, kind, api_version)) = KINDS.into_iter().find(|(name, ..)| *name == written)
    else {
        let near = schema::nearest(written, KINDS.iter().map(|(name, ..)| *name));
        let guess = near.map(|near| format!("did you mean {near}? ")).unwrap_or_default();
        let problem = format!("\"{written}\" is not read here; {guess}known are {known}");
        report.add(node.place, "kind", Problem::Kind(problem));
        return None;
    };
    match get(entries, "apiVersion") {
        None => {
            let problem = format!("is missing; add it: {api_version}");
            report.add_at("apiVersion", Problem::MissingField(problem));
        }
        Some(node) if text(node) != Some(api_version) => {
            let problem = format!("a {name} of this version is not known; give {api_version}");
            report.add(node.place, "apiVersion", Problem::Kind(problem));
        }
        Some(_) => {}
    }
    Some(kind)
}

/// Name and namespace. What an exported manifest has besides (uid, managedFields) is let be.
fn metadata(
    entries: &[(String, Node)],
    report: &mut Report<'_>,
) -> (Option<String>, Option<String>) {
    const KNOWN: [&str; 4] = ["name", "namespace", "labels", "annotations"];
    const EXPORTED: [&str; 7] = [
        "creationTimestamp",
        "finalizers",
        "generation",
        "managedFields",
        "ownerReferences",
        "resourceVersion",
        "uid",
    ];
    let Some(node) = get(entries, "metadata") else {
        report.add_at(
            "metadata.name",
            Problem::MissingField("is missing; add it: metadata: {name: …}".into()),
        );
        return (None, None);
    };
    let Value::Mapping(fields) = &node.value else {
        let problem = "is not a group of fields; give metadata: {name: …}";
        report.add(node.place, "metadata", Problem::Type(problem.into()));
        return (None, None);
    };
    for (key, field) in fields {
        if !KNOWN.contains(&key.as_str()) && !EXPORTED.contains(&key.as_str()) {
            let problem = schema::unknown(key, &KNOWN);
            report.add(field.place, &format!("metadata.{key}"), problem);
        }
    }
    let mut string = |key: &str| {
        let field = get(fields, key)?;
        let value = text(field).filter(|value| !value.is_empty());
        if value.is_none() {
            let problem = "is not a name; give a text (a number in quotes)";
            report.add(field.place, &format!("metadata.{key}"), Problem::Type(problem.into()));
        }
        value.map(str::to_owned)
    };
    let (name, namespace) = (string("name"), string("namespace"));
    if get(fields, "name").is_none() {
        let problem = schema::missing(None);
        report.add(node.place, "metadata.name", problem);
    }
    (name, namespace)
}

fn spec<S: DeserializeOwned>(
    entries: &[(String, Node)],
    schema: Option<&Schema>,
    report: &mut Report<'_>,
) -> Option<Box<S>> {
    only(entries, &["apiVersion", "kind", "metadata", "spec", "status"], report);
    let Some(node) = get(entries, "spec") else {
        report.add_at("spec", schema::missing(None));
        return None;
    };
    let value = schema::check(node, schema?, "spec", report)?;
    match serde_path_to_error::deserialize(value) {
        Ok(spec) => Some(Box::new(spec)),
        // What the schema lets through and the types do not would be a defect of ours; it is
        // reported as well as it can be.
        Err(error) => {
            let field = format!("spec.{}", error.path());
            report.add_at(&field, Problem::Value(error.into_inner().to_string()));
            None
        }
    }
}

fn only(entries: &[(String, Node)], known: &[&str], report: &mut Report<'_>) {
    for (key, node) in entries {
        if !known.contains(&key.as_str()) {
            report.add(node.place, key, schema::unknown(key, known));
        }
    }
}

fn secret(entries: &[(String, Node)], report: &mut Report<'_>) -> SecretDocument {
    let known = ["apiVersion", "kind", "metadata", "type", "immutable", "data", "stringData"];
    only(entries, &known, report);
    let mut secret = SecretDocument::default();
    // stringData comes second, for it wins on Kubernetes too.
    for section in ["data", "stringData"] {
        let Some(node) = get(entries, section) else {
            continue;
        };
        let fields = match &node.value {
            Value::Mapping(fields) => fields,
            Value::Scalar(scalar) if scalar.meaning() == Meaning::Null => continue,
            _ => {
                let problem = format!("is not a group of fields; give {section}: {{key: value}}");
                report.add(node.place, section, Problem::Type(problem));
                continue;
            }
        };
        for (key, node) in fields {
            let field = format!("{section}.{key}");
            let octets = match text(node) {
                Some(text) if section == "data" => base64(text),
                Some(text) => Ok(Zeroizing::new(text.as_bytes().to_vec())),
                None => Err("is not a text; write it in quotes".into()),
            };
            let octets = octets
                .map_err(|problem| report.add(node.place, &field, Problem::Secret(problem)))
                .ok();
            let value = SecretValue { octets, field, place: node.place };
            secret.values.insert(key.clone(), value);
        }
    }
    secret
}

fn base64(text: &str) -> Result<Zeroizing<Vec<u8>>, String> {
    let packed: Zeroizing<String> =
        Zeroizing::new(text.chars().filter(|c| !c.is_ascii_whitespace()).collect());
    BASE64.decode(packed.as_bytes()).map(Zeroizing::new).map_err(|_| {
        "is not base64; encode it (base64 -w0), or write it plainly under stringData".to_owned()
    })
}
