//! What the API server's audit log says about rights: which ones were used, and which were missing.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Display};

use serde::Deserialize;
use serde_json::Value;

/// API group, resource with subresource, verb.
pub type Right = (String, String, String);

/// The requests of ServiceAccounts, and when namespaces ended meanwhile.
#[derive(Debug)]
pub struct Audit {
    requests: Vec<Request>,
    /// When the deletion of each namespace was asked for.
    ending: BTreeMap<String, String>,
}

/// What ServiceAccounts were refused outside of namespaces that end.
#[derive(Debug)]
pub struct Refused<'a> {
    /// What is given or taken reaches the API server's decisions a moment later, and a scenario
    /// takes rights away by hand: the same was allowed to the same user at another time.
    pub for_a_moment: Vec<&'a Request>,
    /// It was not: a right is missing.
    pub for_good: Vec<&'a Request>,
}

/// One request with its answer, as an audit event has them. Moments are in the notation of RFC 3339
/// with microseconds, which sorts as text.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    user: User,
    verb: String,
    #[serde(default)]
    object_ref: Object,
    #[serde(default)]
    response_status: Answer,
    #[serde(rename = "requestReceivedTimestamp")]
    received: String,
    #[serde(rename = "stageTimestamp")]
    answered: String,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
struct User {
    #[serde(default)]
    username: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Object {
    api_group: String,
    resource: String,
    subresource: String,
    namespace: String,
    name: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Answer {
    code: u16,
    message: String,
}

const CREATED: u16 = 201;
const FORBIDDEN: u16 = 403;

impl Audit {
    /// Reads the log's events.
    ///
    /// # Panics
    ///
    /// If one is none.
    pub fn of(events: Vec<Value>) -> Self {
        let read = |event| serde_json::from_value(event).expect("an audit event");
        let all: Vec<Request> = events.into_iter().map(read).collect();
        let ends = |request: &&Request| {
            request.verb == "delete" && request.object_ref.resource == "namespaces"
        };
        let end = |request: &Request| (request.object_ref.name.clone(), request.received.clone());
        let ending = all.iter().filter(ends).map(end).collect();
        let ours = |request: &Request| request.user.username.starts_with("system:serviceaccount:");
        Self { requests: all.into_iter().filter(ours).collect(), ending }
    }

    /// The rights by which something was allowed.
    pub fn used(&self) -> BTreeSet<Right> {
        self.allowed().flat_map(Request::rights).collect()
    }

    /// What was refused.
    pub fn refused(&self) -> Refused<'_> {
        let had: BTreeSet<_> = self.allowed().flat_map(Request::wishes).collect();
        let refused = self.requests.iter().filter(|request| request.is_forbidden());
        let (for_a_moment, for_good) = refused
            .filter(|request| !self.is_of_an_ending_namespace(request))
            .partition(|request| request.wishes().all(|wish| had.contains(&wish)));
        Refused { for_a_moment, for_good }
    }

    fn allowed(&self) -> impl Iterator<Item = &Request> {
        self.requests.iter().filter(|request| request.is_allowed())
    }

    /// There the rights go before those who used them, and nothing new is admitted. A request may
    /// have come before the end, and be decided on after it.
    fn is_of_an_ending_namespace(&self, request: &Request) -> bool {
        let since = self.ending.get(&request.object_ref.namespace);
        since.is_some_and(|since| request.answered >= *since)
    }
}

impl Request {
    /// Also what the authorizer allows may be forbidden in the end, such as to give rights that one
    /// does not have.
    fn is_allowed(&self) -> bool {
        let decision = self.annotations.get("authorization.k8s.io/decision");
        decision.is_some_and(|decision| decision == "allow") && !self.is_forbidden()
    }

    fn is_forbidden(&self) -> bool {
        self.response_status.code == FORBIDDEN
    }

    /// What it needed: to apply an object that was not there is also to create it.
    fn rights(&self) -> Vec<Right> {
        let Object { api_group, resource, subresource, .. } = &self.object_ref;
        let resource = if subresource.is_empty() {
            resource.clone()
        } else {
            format!("{resource}/{subresource}")
        };
        let mut verbs = vec![self.verb.as_str()];
        if self.verb == "patch" && self.response_status.code == CREATED {
            verbs.push("create");
        }
        let right = |verb: &str| (api_group.clone(), resource.clone(), verb.to_owned());
        verbs.into_iter().map(right).collect()
    }

    /// Who wanted to do what, in which namespace, with which object. Who creates one has no right
    /// to its name.
    fn wishes(&self) -> impl Iterator<Item = (&str, Right, &str, &str)> {
        let Object { namespace, name, .. } = &self.object_ref;
        self.rights().into_iter().map(move |right| {
            let name = if right.2 == "create" { "" } else { name };
            (self.user.username.as_str(), right, namespace.as_str(), name)
        })
    }
}

/// In a line, for whoever reads of a failure.
impl Display for Request {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { user, object_ref: Object { namespace, name, .. }, answered, .. } = self;
        let Answer { code, message } = &self.response_status;
        write!(formatter, "{answered} {}:", user.username)?;
        for (_, resource, verb) in self.rights() {
            write!(formatter, " {verb} {resource}")?;
        }
        write!(formatter, " {namespace}/{name}: {code} {message}")
    }
}

/// How often what was asked for, and by which account.
pub fn counted(requests: &[&Request]) -> String {
    let mut counts = BTreeMap::<String, usize>::new();
    for request in requests {
        let account = request.user.username.rsplit(':').next().unwrap_or_default();
        for (_, resource, verb) in request.rights() {
            *counts.entry(format!("{verb} {resource} by {account}")).or_default() += 1;
        }
    }
    let counts = counts.into_iter().map(|(what, count)| format!("{count} x {what}"));
    let counts = counts.collect::<Vec<_>>();
    if counts.is_empty() { "nothing".to_owned() } else { counts.join(", ") }
}
