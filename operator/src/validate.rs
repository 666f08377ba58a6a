//! The second step: from what was found to an instance that is known to be good. Pure.
//!
//! The rules are those of one machine (`configuration::parse` on the rendered manifests) and a few
//! that only a cluster has. A partner that is not good does not take the others down: it is left
//! out.

mod cluster;
mod endings;
mod members;
mod placement;
mod spread;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use configuration::{Configuration, ManifestError};
use crds::{
    DaemonTemplate, Resources, SecretKeyReference, SeonPartner, Service, VolumeClaim, names,
};
use jiff::Timestamp;
use k8s_openapi::{
    api::networking::v1::NetworkPolicyPeer, apimachinery::pkg::apis::meta::v1::OwnerReference,
};
use kube::{Resource as _, ResourceExt as _};
use members::{Member, Rendered};

use serde::{Deserialize, Serialize};

pub use placement::Placement;

use crate::{
    context::Installation,
    daemon::Daemon,
    dereference::{Found, instance_secrets, partner_secrets},
    problem::{Problem, sentence},
    world::{InstanceKey, Kind},
};

pub use endings::Ending;

/// An instance that is known to be good. What follows is built from this, never from the resource.
#[derive(Clone, Debug, Serialize, Deserialize)]
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
    /// What the daemons read; nothing, if it stays as it is on the cluster.
    #[serde(skip)]
    pub manifests: Option<Manifests>,
    /// Whether one Secret is not enough for what they read, or once was not: then its pods look for all
    /// shards. To change over replaces them once, and there is no way back that would do so again.
    #[serde(default)]
    pub is_spread: bool,
    /// Another one when anything of that, or of a mounted Secret, is another.
    pub revision: String,
    /// The partners that are part of it, and when the first of their certificates expires.
    #[serde(skip)]
    pub accepted: BTreeMap<String, Option<Timestamp>>,
    /// The partners that are left out, and why.
    #[serde(skip)]
    pub rejected: BTreeMap<String, Vec<Problem>>,
    /// The certificates of the instance and of accepted partners that end soon.
    #[serde(skip)]
    pub endings: Vec<Ending>,
    /// The ports that accepted partners are called on, and those from which lists of revoked certificates
    /// are fetched.
    pub partner_ports: BTreeSet<u16>,
}

/// A daemon that is wanted.
#[derive(Clone, Debug, Serialize, Deserialize)]
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ValidatedListener {
    /// The port, in the pod and on the Service.
    pub port: u16,
    /// How partners reach it.
    pub service: Service,
}

/// The volume for files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Clone, Debug, Default)]
pub struct Manifests {
    /// `instance.yaml`
    pub instance: String,
    /// `partners.yaml`: the oldest ones, as many as fit.
    pub partners: String,
    /// `secrets.yaml`
    pub secrets: String,
    /// The others, by the number of their shard.
    pub shards: BTreeMap<u8, Shard>,
}

/// What does not fit beside the first manifests.
#[derive(Clone, Debug)]
pub struct Shard {
    /// Partners, and the Secrets that nobody before them brings.
    pub text: String,
    /// Another one when anything of it is another.
    pub revision: String,
}

/// The partners that are left out, and why.
type Rejected = BTreeMap<String, Vec<Problem>>;

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
    let mut rejected = Rejected::new();
    let mut partners: Vec<&SeonPartner> = found.partners.iter().map(AsRef::as_ref).collect();
    leave_out_those_without_their_secrets(found, &mut partners, &mut rejected);
    let mut members: Vec<Member<'_>> = partners.into_iter().map(Member::new).collect();
    let judged = loop {
        let rendered = Rendered::new(found, &members);
        let theirs = match judge(&rendered) {
            Ok(judged) => break Some(judged),
            Err(NotYet::Without(theirs)) => theirs,
            Err(NotYet::Errors(errors)) => {
                let (mut ours, theirs) = blame(found, &members, &errors);
                if theirs.is_empty() {
                    ours.retain(|problem| !is_said(&problems, problem));
                    problems.extend(ours);
                    break None;
                }
                theirs
            }
        };
        // Conflicts may hide behind other errors, so the rest is judged again without them.
        members.retain(|member| !theirs.contains_key(&member.name));
        rejected.extend(theirs);
    };
    problems.extend(judged.as_ref().and_then(|judged| judged.too_large.clone()));
    let wanted = cluster::wanted(found);
    let placement = placement::read(&found.instance.spec.daemon_template)
        .map_err(|problem| problems.push(problem))
        .ok();
    match (judged, wanted, placement) {
        (Some(judged), Some((database, storage)), Some(placement)) if problems.is_empty() => {
            let Judged { configuration, manifests, revision, too_large: _ } = judged;
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
                is_spread: is_spread(&manifests, found),
                manifests: Some(manifests),
                revision,
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

fn is_spread(manifests: &Manifests, found: &Found) -> bool {
    let is_there = |number| {
        let name = names::configuration_shard(&found.key.name, number);
        let uid = found.instance.metadata.uid.as_ref();
        let shard = found.owned.get(&(Kind::Secret, name));
        shard.is_some_and(|shard| shard.owner.as_ref() == uid)
    };
    !manifests.shards.is_empty() || (0..names::SHARDS).any(is_there)
}

/// What the common rules take, in its places.
struct Judged {
    configuration: Configuration,
    manifests: Manifests,
    revision: String,
    /// What is wrong with the instance's own size.
    too_large: Option<Problem>,
}

/// Why partners have to be left out before it can be judged again.
enum NotYet {
    Errors(Vec<ManifestError>),
    Without(Rejected),
}

fn judge(rendered: &Rendered<'_>) -> Result<Judged, NotYet> {
    let configuration = rendered.parse().map_err(NotYet::Errors)?;
    let spread = rendered.spread();
    if !spread.without.is_empty() {
        let without = spread.without.iter();
        let without = without.map(|(name, why)| ((*name).to_owned(), vec![members::problem(*why)]));
        return Err(NotYet::Without(without.collect()));
    }
    let (manifests, revision) = rendered.manifests(&spread);
    let too_large = members::too_large(&spread, &manifests.instance);
    Ok(Judged { configuration, manifests, revision, too_large })
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
    rejected: &mut Rejected,
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

fn instance_document(found: &Found) -> String {
    format!("SeonInstance {}", found.key.name)
}

fn secret_document(name: &str) -> String {
    format!("Secret {name}")
}

/// Whose error it is: a partner's, if it is in its document or in a Secret that only partners use.
fn blame(
    found: &Found,
    members: &[Member<'_>],
    errors: &[ManifestError],
) -> (Vec<Problem>, Rejected) {
    let ours = instance_secrets(&found.instance.spec);
    let mut of_document: HashMap<String, Vec<&Member<'_>>> = HashMap::new();
    for member in members {
        of_document.entry(member.document.clone()).or_default().push(member);
        for secret in partner_secrets(&member.partner.spec).difference(&ours) {
            of_document.entry(secret_document(secret)).or_default().push(member);
        }
    }
    let (mut problems, mut theirs) = (Vec::new(), Rejected::new());
    for error in errors {
        let Some(blamed) = of_document.get(&error.file) else {
            problems.push(Problem::of_manifest(error, &instance_document(found)));
            continue;
        };
        for member in blamed {
            let problem = Problem::of_manifest(error, &member.document);
            theirs.entry(member.name.clone()).or_default().push(problem);
        }
    }
    (problems, theirs)
}

#[cfg(test)]
mod tests;
