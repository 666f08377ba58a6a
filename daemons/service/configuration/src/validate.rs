//! From manifests that are well-formed to values that are valid and belong together.

mod capi;
mod certificates;
mod folders;
mod instance;
mod isdn;
mod partner;
mod revocation;
mod secrets;
mod security;

use std::{collections::BTreeMap, num::NonZeroUsize, path::Path, sync::Arc, time::Duration};

use oftp::OdetteId;
use rustls_pki_types::ServerName;

use crate::{
    Configuration, Instance, Partner, duration,
    error::{ManifestError, Problem},
    instance::Station,
    manifest::{Content, Document, Errors, Fault, nearest},
    sources::Scope,
};
use secrets::Secrets;

/// What is judged, and for whom.
pub(crate) struct Input<'d> {
    pub(crate) documents: &'d [Document<'d>],
    /// Secrets that lie beside the manifests as folders.
    pub(crate) mounted: &'d [Document<'d>],
    /// Whether every document could be read, so that what is not there is really not there.
    pub(crate) all_read: bool,
    pub(crate) scope: Scope,
}

/// Judges the documents together. Gives a configuration if and only if it reports nothing and
/// nothing was reported before.
pub(crate) fn validate(input: &Input<'_>, errors: &mut Errors) -> Option<Configuration> {
    let Input { documents, mounted, all_read, scope } = *input;
    unique_names(documents, errors);
    let secrets = Secrets::new(mounted, documents);
    let instances: Vec<_> = documents.iter().filter(|d| is_instance(d)).collect();
    let instance_document = match instances.as_slice() {
        [] => {
            if all_read {
                no_instance(errors);
            }
            None
        }
        [only] => Some(*only),
        [first, others @ ..] => {
            for other in others {
                let problem = format!(
                    "this is a second SeonInstance beside {}; one folder describes one instance, \
                     so move it to a folder of its own",
                    first.name,
                );
                other.report(errors).add_at("kind", Problem::Duplicate(problem));
            }
            Some(*first)
        }
    };
    if let Some(instance) = instance_document {
        one_namespace(instance, documents, errors);
    }
    let instance = instance_document.and_then(|document| {
        instance::validate(&mut Checker { document, all_read, scope, secrets: &secrets, errors })
    });
    let mut judged = Vec::new();
    for document in documents.iter().filter(|document| is_partner(document)) {
        let mut checker = Checker { document, all_read, scope, secrets: &secrets, errors };
        let instances: Vec<&str> = instances.iter().map(|i| i.name.as_str()).collect();
        let partner = partner::validate(&mut checker, &instances, instance.as_ref());
        judged.extend(partner.map(|partner| (document, partner)));
    }
    distinct_partners(instance.as_ref(), &judged, errors);
    let partners = judged.into_iter().map(|(_, p)| (p.name.clone(), Arc::new(p))).collect();
    let instance = instance.filter(|_| errors.is_empty())?;
    let (left_out, reading) = (Vec::new(), Arc::new(()));
    Some(Configuration { instance, revision: None, partners, left_out, reading })
}

fn is_instance(document: &Document<'_>) -> bool {
    matches!(document.content, Content::Instance(_))
}

fn is_partner(document: &Document<'_>) -> bool {
    matches!(document.content, Content::Partner(_))
}

fn no_instance(errors: &mut Errors) {
    let problem = "there is no SeonInstance in these files; add a manifest of kind: SeonInstance, \
                   or name the folder that has one";
    let error = ManifestError {
        file: String::new(),
        line: 0,
        column: 0,
        field: String::new(),
        problem: Problem::MissingField(problem.into()),
    };
    errors.push(Fault { order: 0, document: None, error });
}

fn unique_names(documents: &[Document<'_>], errors: &mut Errors) {
    let mut seen: BTreeMap<(u8, &str), &Document<'_>> = BTreeMap::new();
    for document in documents {
        let (kind, kind_name) = match document.content {
            // A second instance is reported whatever its name is.
            Content::Instance(_) => continue,
            Content::Partner(_) => (1, "SeonPartner"),
            Content::Secret(_) => (2, "Secret"),
        };
        if let Some(first) = seen.get(&(kind, document.name.as_str())) {
            let problem = format!(
                "a {kind_name} {} stands in {} already; rename or remove one of them",
                document.name, first.file,
            );
            document.report(errors).add_at("metadata.name", Problem::Duplicate(problem));
        } else {
            seen.insert((kind, &document.name), document);
        }
    }
}

/// On a cluster references do not leave the namespace, so here neither.
fn one_namespace(instance: &Document<'_>, documents: &[Document<'_>], errors: &mut Errors) {
    let shown = |namespace: &Option<String>| {
        namespace.as_ref().map_or_else(|| "none".to_owned(), Clone::clone)
    };
    for document in documents.iter().filter(|d| d.namespace != instance.namespace) {
        let problem = format!(
            "is {}, and that of SeonInstance {} is {}; what belongs together is in one namespace, \
             so give the same one everywhere or leave it out everywhere",
            shown(&document.namespace),
            instance.name,
            shown(&instance.namespace),
        );
        document.report(errors).add_at("metadata.namespace", Problem::Conflict(problem));
    }
}

/// Whoever calls must be one partner, and a hot folder must belong to one.
fn distinct_partners(
    instance: Option<&Instance>,
    judged: &[(&Document<'_>, Partner)],
    errors: &mut Errors,
) {
    let mut ids: BTreeMap<&str, &Partner> = BTreeMap::new();
    let mut folders: BTreeMap<&Path, &Partner> = BTreeMap::new();
    for (document, partner) in judged {
        let id = &partner.odette_id;
        let field = "spec.identity.odetteId";
        if instance.is_some_and(|instance| instance.identity.is_ours(id)) {
            let problem = format!("{id} is our own Odette ID; give the partner's");
            document.report(errors).add_at(field, Problem::Duplicate(problem));
        }
        if let Some(other) = ids.insert(id.as_str(), partner) {
            let problem = format!(
                "{id} is the Odette ID of partner {} already; every partner has its own, by which \
                 it is known when it calls",
                other.name,
            );
            document.report(errors).add_at(field, Problem::Duplicate(problem));
        }
        // Two partners may both speak for a company: one by itself, and by the gateway that it leaves.
        for (index, station) in partner.stations.iter().enumerate() {
            let id = &station.odette_id;
            if instance.is_some_and(|instance| instance.identity.is_ours(id)) {
                let problem = format!("{id} is our own Odette ID; nobody else speaks for it");
                let field = format!("spec.identity.stations[{index}].odetteId");
                document.report(errors).add_at(&field, Problem::Duplicate(problem));
            }
        }
        for (index, folder) in partner.folders.iter().enumerate() {
            if let Some(other) = folders.insert(&folder.directory, partner)
                && other.name != partner.name
            {
                let problem = format!(
                    "{} is a hot folder of partner {} already; give each partner its own",
                    folder.directory.display(),
                    other.name,
                );
                let field = format!("spec.folders[{index}].directory");
                document.report(errors).add_at(&field, Problem::Duplicate(problem));
            }
        }
    }
}

/// Something is wrong, and it was said.
struct Reported;

/// Turns the fields of one document into values, and reports those that cannot be.
struct Checker<'d, 'e> {
    document: &'d Document<'d>,
    /// Whether every document could be read, so that what is not there is really not there.
    all_read: bool,
    scope: Scope,
    secrets: &'d Secrets<'d>,
    errors: &'e mut Errors,
}

impl Checker<'_, '_> {
    fn fail(&mut self, field: &str, problem: Problem) {
        self.document.report(self.errors).add_at(field, problem);
    }

    fn value(&mut self, field: &str, problem: String) {
        self.fail(field, Problem::Value(problem));
    }

    /// The name of an object on a cluster; nothing, if it is reported as none.
    fn object_name(&mut self, text: &str, kind: &str, field: &str) -> Option<()> {
        let is_good = crds::is_object_name(text);
        if !is_good {
            let problem = format!(
                "{text:?} is not the name of {kind}; give a-z, 0-9, - and full stops, such as \
                 bolt-oftp"
            );
            self.value(field, problem);
        }
        is_good.then_some(())
    }

    fn odette_id(&mut self, text: &str, field: &str) -> Option<OdetteId> {
        let odette_id = text.parse().ok();
        if odette_id.is_none() {
            self.value(
                field,
                format!(
                    "\"{text}\" is not an Odette ID; give 1 to 25 of A-Z, 0-9, space and \
                     / - . & ( ), such as O0013000001ACME"
                ),
            );
        }
        odette_id
    }

    /// Odette IDs beside the one of `identity.odetteId`.
    fn stations(
        &mut self,
        stations: &[crds::Station],
        odette_id: Option<&OdetteId>,
    ) -> Option<Vec<Station>> {
        let stations = stations.iter().enumerate().map(|(index, station)| {
            let field = format!("spec.identity.stations[{index}].odetteId");
            let id = self.odette_id(&station.odette_id, &field)?;
            if Some(&id) == odette_id {
                let problem = format!("{id} is identity.odetteId already; remove it here");
                self.fail(&field, Problem::Duplicate(problem));
            }
            Some(Station { odette_id: id, description: station.description.clone() })
        });
        // All of them are judged before the first bad one ends it.
        stations.collect::<Vec<_>>().into_iter().collect()
    }

    fn duration(&mut self, text: &str, range: [&str; 3], field: &str) -> Option<Duration> {
        let [shortest, longest, usual] = range;
        let Some(value) = duration::parse(text) else {
            let problem = format!(
                "\"{text}\" is not a length of time; give a number with h, m, s or ms \
                 (usual: {usual})"
            );
            self.value(field, problem);
            return None;
        };
        let inside = duration::parse(shortest).is_none_or(|shortest| value >= shortest)
            && duration::parse(longest).is_none_or(|longest| value <= longest);
        if !inside {
            let problem =
                format!("{text} is out of range; give {shortest} to {longest} (usual: {usual})");
            self.value(field, problem);
        }
        inside.then_some(value)
    }

    fn count(&mut self, value: i32, field: &str) -> Option<NonZeroUsize> {
        let count = usize::try_from(value).ok().and_then(NonZeroUsize::new);
        if count.is_none() {
            self.value(field, format!("{value} is out of range; give 1 or more"));
        }
        count
    }

    fn number<N: TryFrom<i32>>(&mut self, value: i32, field: &str) -> Option<N> {
        let number = N::try_from(value).ok();
        if number.is_none() {
            self.value(field, format!("{value} is out of range"));
        }
        number
    }

    /// A host name or an IP address.
    fn host(&mut self, text: &str, field: &str) -> Option<ServerName<'static>> {
        let name = ServerName::try_from(text.to_owned()).ok();
        if name.is_none() {
            let problem = format!(
                "\"{text}\" is neither a host name nor an IP address; give one without a port and \
                 without brackets, such as oftp.bolt.example"
            );
            self.value(field, problem);
        }
        name
    }
}

/// `; did you mean bolt-tls?` or nothing
fn did_you_mean<'a>(text: &str, known: impl Iterator<Item = &'a str>) -> String {
    nearest(text, known).map(|near| format!("did you mean {near}? ")).unwrap_or_default()
}
