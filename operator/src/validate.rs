//! The second step: from what was found to an instance that is known to be good. Pure.
//!
//! The rules are those of one machine (`configuration::parse` on the rendered manifests) and a few
//! that only a cluster has. A partner that is not good does not take the others down: it is left
//! out.

mod cluster;
mod endings;
mod placement;

use std::collections::{BTreeMap, BTreeSet};

use configuration::{Configuration, ManifestError};
use crds::{DaemonTemplate, Resources, SecretKeyReference, SeonPartner, Service, VolumeClaim};
use jiff::Timestamp;
use k8s_openapi::{
    api::{core::v1::Secret, networking::v1::NetworkPolicyPeer},
    apimachinery::pkg::apis::meta::v1::OwnerReference,
};
use kube::{Resource as _, ResourceExt as _};
use serde_json::json;

pub use placement::Placement;

use crate::{
    context::Installation,
    daemon::Daemon,
    dereference::{Found, instance_secrets, partner_secrets},
    fingerprint,
    problem::{Problem, sentence},
    render,
    world::InstanceKey,
};

pub use endings::Ending;

/// An instance that is known to be good. What follows is built from this, never from the resource.
#[derive(Clone, Debug)]
pub struct ValidatedInstance {
    /// Where it is.
    pub key: InstanceKey,
    /// What its objects are owned by.
    pub owner: OwnerReference,
    /// The daemons' image.
    pub image: String,
    /// Where the operator's pods are.
    pub operator_namespace: String,
    /// Who may read the daemons' metrics, beside the operator and the instance itself.
    pub metrics_from: Vec<NetworkPolicyPeer>,
    /// The daemons that are wanted.
    pub daemons: Vec<ValidatedDaemon>,
    /// What their pods have in common.
    pub template: DaemonTemplate,
    /// Where they are to run.
    pub placement: Placement,
    /// Secrets by which the image is fetched, beside those of the template.
    pub pull_secrets: Vec<String>,
    /// Whether the platform says as which user pods run.
    pub platform_users: bool,
    /// Where the database's URI is.
    pub database: SecretKeyReference,
    /// The ports of the database's servers.
    pub database_ports: BTreeSet<u16>,
    /// Where the database is, without user and password.
    pub database_address: String,
    /// The volume for files.
    pub storage: ValidatedStorage,
    /// Whether it is to stand still.
    pub is_suspended: bool,
    /// What the daemons read.
    pub manifests: Manifests,
    /// The partners that are part of it, and when the first of their certificates expires.
    pub accepted: BTreeMap<String, Option<Timestamp>>,
    /// The partners that are left out, and why.
    pub rejected: BTreeMap<String, Vec<Problem>>,
    /// The certificates of the instance and of accepted partners that end soon.
    pub endings: Vec<Ending>,
    /// The ports that accepted partners are called on, and those from which lists of revoked certificates
    /// are fetched.
    pub partner_ports: BTreeSet<u16>,
}

/// A daemon that is wanted.
#[derive(Clone, Debug)]
pub struct ValidatedDaemon {
    /// Which one.
    pub daemon: Daemon,
    /// How many pods.
    pub replicas: i32,
    /// What each may use.
    pub resources: Resources,
    /// The Secrets with certificates and keys that it uses: for TLS, for files, for receipts.
    pub key_secrets: BTreeSet<String>,
    /// Where it listens.
    pub listener: Option<ValidatedListener>,
    /// How it reaches its controller of ISDN.
    pub line: Option<ValidatedLine>,
}

/// How a daemon reaches its controller of ISDN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ValidatedLine {
    /// It is a node's; this is the resource that the container asks for.
    Device(String),
    /// By a box.
    Remote {
        /// Host name or IP address.
        host: String,
        /// TCP port.
        port: u16,
        /// The Secret with our account there.
        account: Option<String>,
    },
}

/// Where a daemon listens.
#[derive(Clone, Debug)]
pub struct ValidatedListener {
    /// The port, in the pod and on the Service.
    pub port: u16,
    /// How partners reach it.
    pub service: Service,
}

/// The volume for files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ValidatedStorage {
    /// One that we make.
    Make(VolumeClaim),
    /// One that is there.
    Use {
        /// Its name.
        name: String,
        /// Whether only one node at a time can have it.
        is_of_one_node: bool,
    },
}

/// What the daemons read.
#[derive(Clone, Debug)]
pub struct Manifests {
    /// `instance.yaml`
    pub instance: String,
    /// `partners.yaml`
    pub partners: String,
    /// `secrets.yaml`
    pub secrets: String,
    /// Another one when anything of it, or of a mounted Secret, is another.
    pub revision: String,
}

/// Why nothing can be built from it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", sentence(problems))]
pub struct ValidateError {
    /// All that is wrong; never empty.
    pub problems: Vec<Problem>,
    /// What is wrong with partners, beside that.
    pub rejected: BTreeMap<String, Vec<Problem>>,
}

impl ValidateError {
    /// The stable code used in the event, the metric and the documentation: of the first problem.
    pub fn code(&self) -> &'static str {
        self.problems.first().map_or("E-CONFIG-INVALID", |problem| problem.code)
    }
}

/// Judges what was found.
pub fn validate(
    found: &Found,
    installation: &Installation,
) -> Result<ValidatedInstance, ValidateError> {
    let mut problems = cluster::problems(found);
    let mut rejected = BTreeMap::new();
    let mut partners: Vec<&SeonPartner> = found.partners.iter().map(AsRef::as_ref).collect();
    leave_out_those_without_their_secrets(found, &mut partners, &mut rejected);
    let configuration = loop {
        match parse(found, &partners) {
            Ok(configuration) => break Some(configuration),
            Err(errors) => {
                let (mut ours, theirs) = blame(found, &partners, &errors);
                // Conflicts may hide behind other errors, so the rest is judged again without them.
                if theirs.is_empty() {
                    ours.retain(|problem| !is_said(&problems, problem));
                    problems.extend(ours);
                    break None;
                }
                partners.retain(|partner| !theirs.contains_key(&partner.name_any()));
                rejected.extend(theirs);
            }
        }
    };
    let manifests = manifests(found, &partners);
    problems.extend(cluster::too_large(&manifests));
    let wanted = cluster::wanted(found);
    let placement = placement::read(&found.instance.spec.daemon_template)
        .map_err(|problem| problems.push(problem))
        .ok();
    match (configuration, wanted, placement) {
        (Some(configuration), Some((database, storage)), Some(placement))
            if problems.is_empty() =>
        {
            let image = found.instance.spec.image.clone();
            let image = image.unwrap_or_else(|| installation.image.clone());
            Ok(ValidatedInstance {
                owner: owner(found),
                daemons: cluster::daemons(&found.instance.spec, &configuration),
                template: found.instance.spec.daemon_template.clone(),
                placement,
                pull_secrets: installation.pull_secrets.clone(),
                platform_users: installation.platform_users,
                database_ports: cluster::database_ports(&configuration),
                // Shown without user, password and parameters.
                database_address: configuration.instance.database.to_string(),
                image,
                operator_namespace: installation.namespace.clone(),
                metrics_from: installation.metrics_from.clone(),
                database,
                storage,
                is_suspended: found.instance.spec.suspend,
                manifests,
                partner_ports: cluster::partner_ports(&configuration),
                accepted: cluster::accepted(&configuration),
                endings: endings::of(&configuration, found.now),
                rejected,
                key: found.key.clone(),
            })
        }
        _ => Err(ValidateError { problems, rejected }),
    }
}

fn owner(found: &Found) -> OwnerReference {
    OwnerReference {
        api_version: crds::API_VERSION.into(),
        kind: crds::SeonInstance::kind(&()).into(),
        name: found.key.name.clone(),
        uid: found.instance.uid().unwrap_or_default(),
        controller: Some(true),
        block_owner_deletion: None,
    }
}

/// A Secret that is missing is reported once; the rules would say "in these files", and here are
/// none.
fn is_said(problems: &[Problem], problem: &Problem) -> bool {
    problem.code == "E-CONFIG-REFERENCE"
        && problems.iter().any(|said| said.code == "E-VALIDATE-SECRET")
}

/// Those with a Secret that is not there, where the rules would say "in these files", and here are
/// none; and those with one that is not theirs, which no daemon is to see in their name.
fn leave_out_those_without_their_secrets(
    found: &Found,
    partners: &mut Vec<&SeonPartner>,
    rejected: &mut BTreeMap<String, Vec<Problem>>,
) {
    partners.retain(|partner| {
        let mut problems = cluster::missing_secrets(found, partner_secrets(&partner.spec));
        problems.extend(cluster::secrets_of_others(found, partner));
        let is_good = problems.is_empty();
        if !is_good {
            rejected.insert(partner.name_any(), problems);
        }
        is_good
    });
}

fn parse(found: &Found, partners: &[&SeonPartner]) -> Result<Configuration, Vec<ManifestError>> {
    let instance = (instance_document(found), render::instance(&found.instance));
    let partners_texts = partners.iter().map(|p| (partner_document(p), render::partner(p)));
    let mut keys = render::mounted_keys(&found.instance.spec);
    render::merge(&mut keys, wanted_keys(found, partners));
    let secrets = keys.iter().filter_map(|(name, keys)| {
        let secret = found.secrets.get(name)?;
        Some((secret_document(name), render::secret(name, secret, keys)))
    });
    let files: Vec<_> = [instance].into_iter().chain(partners_texts).chain(secrets).collect();
    configuration::parse(&files)
}

fn manifests(found: &Found, partners: &[&SeonPartner]) -> Manifests {
    let instance = render::instance(&found.instance);
    let documents = |texts: Vec<String>| texts.join("---\n");
    let partners_text = documents(partners.iter().map(|p| render::partner(p)).collect());
    let keys = wanted_keys(found, partners);
    let secrets = keys.iter().filter_map(|(name, keys)| {
        found.secrets.get(name).map(|secret| render::secret(name, secret, keys))
    });
    let secrets = documents(secrets.collect());
    // The Secrets' own versions stand for their contents: a digest of a short password in an
    // annotation would give it away.
    let mut names = instance_secrets(&found.instance.spec);
    names.extend(partners.iter().flat_map(|partner| partner_secrets(&partner.spec)));
    let versions: BTreeMap<_, _> = names
        .into_iter()
        .filter_map(|name| {
            let secret: &Secret = found.secrets.get(&name)?;
            Some((name, (secret.uid(), secret.resource_version())))
        })
        .collect();
    let revision = fingerprint::of(&json!([instance, partners_text, versions]));
    Manifests { instance, partners: partners_text, secrets, revision }
}

fn wanted_keys(found: &Found, partners: &[&SeonPartner]) -> BTreeMap<String, BTreeSet<String>> {
    let mut keys = render::instance_keys(&found.instance.spec);
    for partner in partners {
        render::merge(&mut keys, render::partner_keys(&partner.spec));
    }
    keys
}

fn instance_document(found: &Found) -> String {
    format!("SeonInstance {}", found.key.name)
}

fn partner_document(partner: &SeonPartner) -> String {
    format!("SeonPartner {}", partner.name_any())
}

fn secret_document(name: &str) -> String {
    format!("Secret {name}")
}

type Blame = (Vec<Problem>, BTreeMap<String, Vec<Problem>>);

/// Whose error it is: a partner's, if it is in its document or in a Secret that only partners use.
fn blame(found: &Found, partners: &[&SeonPartner], errors: &[ManifestError]) -> Blame {
    let ours = instance_secrets(&found.instance.spec);
    let mut blamed = (Vec::new(), BTreeMap::<String, Vec<Problem>>::new());
    for error in errors {
        let mut is_theirs = false;
        for partner in partners {
            let document = partner_document(partner);
            let in_secret = partner_secrets(&partner.spec)
                .iter()
                .any(|name| !ours.contains(name) && error.file == secret_document(name));
            if error.file == document || in_secret {
                is_theirs = true;
                let problem = Problem::of_manifest(error, &document);
                blamed.1.entry(partner.name_any()).or_default().push(problem);
            }
        }
        if !is_theirs {
            blamed.0.push(Problem::of_manifest(error, &instance_document(found)));
        }
    }
    blamed
}

#[cfg(test)]
mod tests;
