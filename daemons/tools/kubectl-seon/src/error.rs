//! What can go wrong between here and a pod, in words that say what to do.

use std::error::Error;

use kube::client::UpgradeConnectionError;
use kube::config::KubeconfigError;
use kube::core::Status;
use terminal::{Failure, ProgramError};

/// Why a command on a cluster failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KubernetesError {
    /// There is no kubeconfig, or it cannot be used.
    #[error("{problem}; {cure}")]
    Configuration {
        /// What is wrong with it.
        problem: String,
        /// What to do about it.
        cure: String,
    },
    /// The API server does not answer.
    #[error(
        "{doing}: the API server {server} does not answer: {reason}; see: kubectl cluster-info"
    )]
    Unreachable {
        /// What was tried.
        doing: String,
        /// Its address.
        server: String,
        /// What the system said.
        reason: String,
    },
    /// The API server does not know who we are.
    #[error(
        "{doing}: the API server {server} does not take our credentials; they may have expired: \
         log in again, or see: kubectl auth whoami"
    )]
    Unauthorized {
        /// What was tried.
        doing: String,
        /// Its address.
        server: String,
    },
    /// We may not do this.
    #[error("{doing}: {reason}; ask for the permission, they are listed in docs/kubectl.md")]
    Forbidden {
        /// What was tried.
        doing: String,
        /// Who may not do what, as the API server says it.
        reason: String,
    },
    /// An object is not there.
    #[error("{doing}: {reason}")]
    NotFound {
        /// What was tried.
        doing: String,
        /// What is not there, and where.
        reason: String,
    },
    /// The API server does not know our kinds of objects.
    #[error(
        "{doing}: the cluster has no SeonInstance and SeonPartner; install them: kubectl seon \
         install | kubectl apply --server-side -f -"
    )]
    NotInstalled {
        /// What was tried.
        doing: String,
    },
    /// The API server refused.
    #[error("{doing}: the API server refused: {reason}")]
    Refused {
        /// What was tried.
        doing: String,
        /// What it said.
        reason: String,
    },
    /// It is not clear which instance is meant, or there is none.
    #[error("{0}")]
    Instance(String),
    /// No pod could carry out the command.
    #[error("{0}")]
    NoPod(String),
    /// The connection into a pod did not come about, or broke.
    #[error("{0}")]
    Exec(String),
    /// A file changed on its way.
    #[error(
        "{0} changed while it was sent, or ended too soon; nothing was queued, send it again when it \
         is written completely"
    )]
    Changed(String),
    /// A hand-over makes no sense now.
    #[error("{0}")]
    Switchover(String),
    /// Something that was waited for did not happen in time.
    #[error("{0}")]
    Late(String),
}

impl ProgramError for KubernetesError {
    fn code(&self) -> &'static str {
        self.code()
    }
}

impl From<KubernetesError> for Failure {
    fn from(error: KubernetesError) -> Self {
        Self::Program(Box::new(error))
    }
}

impl KubernetesError {
    /// The stable code.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Configuration { .. } => "E-KUBERNETES-CONFIG",
            Self::Unreachable { .. } => "E-KUBERNETES-UNREACHABLE",
            Self::Unauthorized { .. } => "E-KUBERNETES-UNAUTHORIZED",
            Self::Forbidden { .. } => "E-KUBERNETES-FORBIDDEN",
            Self::NotFound { .. } => "E-KUBERNETES-NOT-FOUND",
            Self::NotInstalled { .. } => "E-KUBERNETES-NOT-INSTALLED",
            Self::Refused { .. } => "E-KUBERNETES-REFUSED",
            Self::Instance(_) => "E-KUBERNETES-INSTANCE",
            Self::NoPod(_) => "E-KUBERNETES-NO-POD",
            Self::Exec(_) => "E-KUBERNETES-EXEC",
            Self::Changed(_) => "E-ENQUEUE-SIZE",
            Self::Switchover(_) => "E-KUBERNETES-SWITCHOVER",
            Self::Late(_) => "E-KUBERNETES-LATE",
        }
    }

    /// What the kubeconfig lacks.
    pub(super) fn kubeconfig(error: &KubeconfigError) -> Self {
        let elsewhere = "give another with --kubeconfig, or set KUBECONFIG";
        let (problem, cure) = match error {
            KubeconfigError::CurrentContextNotSet => (
                "the kubeconfig names no current context".to_owned(),
                "give --context NAME, or: kubectl config use-context NAME".to_owned(),
            ),
            KubeconfigError::LoadContext(name) => (
                format!("the kubeconfig has no context \"{name}\""),
                "see: kubectl config get-contexts".to_owned(),
            ),
            KubeconfigError::ReadConfig(source, path) => (
                format!("cannot read the kubeconfig {}: {source}", path.display()),
                elsewhere.to_owned(),
            ),
            KubeconfigError::FindPath => {
                ("there is no kubeconfig".to_owned(), elsewhere.to_owned())
            }
            other => (format!("the kubeconfig cannot be used: {other}"), elsewhere.to_owned()),
        };
        Self::Configuration { problem, cure }
    }

    /// What an answer, or its absence, means for what was tried.
    pub(super) fn of(doing: &str, server: &str, error: kube::Error) -> Self {
        let (doing, server) = (doing.to_owned(), server.to_owned());
        match error {
            kube::Error::Api(status) => Self::answer(doing, server, &status),
            kube::Error::UpgradeConnection(UpgradeConnectionError::ProtocolSwitch(status)) => {
                Self::no_upgrade(doing, server, status.as_u16())
            }
            kube::Error::Auth(error) => Self::Configuration {
                problem: format!("the kubeconfig's credentials cannot be had: {}", last(&error)),
                cure: "log in again, or see: kubectl auth whoami".into(),
            },
            kube::Error::SerdeError(error) => {
                Self::Refused { doing, reason: format!("its answer is not understood: {error}") }
            }
            other => Self::Unreachable { doing, server, reason: last(&other) },
        }
    }

    fn answer(doing: String, server: String, status: &Status) -> Self {
        let reason = status.message.clone();
        let names_an_object =
            status.details.as_ref().is_some_and(|details| !details.name.is_empty());
        match status.code {
            401 => Self::Unauthorized { doing, server },
            403 => Self::Forbidden { doing, reason },
            404 if names_an_object => Self::NotFound { doing, reason },
            // Kubernetes' own kinds are always there.
            404 => Self::NotInstalled { doing },
            _ => Self::Refused { doing, reason },
        }
    }

    /// An upgrade that is refused comes without its sentence.
    fn no_upgrade(doing: String, server: String, status: u16) -> Self {
        match status {
            401 => Self::Unauthorized { doing, server },
            403 => Self::Forbidden {
                doing,
                reason: "it needs create and get on pods/exec in this namespace".into(),
            },
            404 => Self::NotFound { doing, reason: "the pod is gone; try again".into() },
            status => Self::Exec(format!(
                "{doing}: the API server answered with HTTP status {status}; see the pod: kubectl \
                 describe pod"
            )),
        }
    }
}

/// The innermost error, which says what happened rather than who noticed.
fn last(error: &dyn Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVER: &str = "https://192.0.2.1:6443";

    fn answered(code: u16, name: &str, message: &str) -> KubernetesError {
        let text = format!(
            r#"{{"kind":"Status","status":"Failure","code":{code},"reason":"","message":{message:?},
               "details":{{"name":{name:?}}}}}"#
        );
        let status: Status = serde_json::from_str(&text).unwrap();
        KubernetesError::of("reading the SeonInstances", SERVER, kube::Error::Api(status.boxed()))
    }

    #[test]
    fn an_answer_is_told_by_what_to_do_about_it() {
        let told: Vec<_> = [
            (401, "", "Unauthorized"),
            (403, "", "seoninstances.seon.dev is forbidden: User \"eve\" cannot list resource"),
            (404, "acme", "seoninstances.seon.dev \"acme\" not found"),
            (404, "", "the server could not find the requested resource"),
            (422, "acme", "spec.receive.tls.port: Invalid value"),
        ]
        .map(|(code, name, message)| answered(code, name, message))
        .iter()
        .map(|error| (error.code(), error.to_string()))
        .collect();
        let codes: Vec<_> = told.iter().map(|(code, _)| *code).collect();
        assert_eq!(
            codes,
            [
                "E-KUBERNETES-UNAUTHORIZED",
                "E-KUBERNETES-FORBIDDEN",
                "E-KUBERNETES-NOT-FOUND",
                "E-KUBERNETES-NOT-INSTALLED",
                "E-KUBERNETES-REFUSED",
            ]
        );
        assert!(told[0].1.contains(SERVER));
        assert!(told[1].1.contains("User \"eve\" cannot list resource"));
        assert!(told[3].1.contains("kubectl seon install"));
        assert!(told.iter().all(|(_, text)| text.starts_with("reading the SeonInstances: ")));
    }

    #[test]
    fn a_server_that_does_not_answer_is_named_with_the_innermost_reason() {
        let refused = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
        let wrapped = std::io::Error::other(refused);
        let error =
            KubernetesError::of("reading pods", SERVER, kube::Error::Service(wrapped.into()));
        assert_eq!(
            error.to_string(),
            "reading pods: the API server https://192.0.2.1:6443 does not answer: connection \
             refused; see: kubectl cluster-info"
        );
    }

    #[test]
    fn a_refused_way_into_a_pod_names_the_permission() {
        let doing = "running seon in pod acme-seonsqd-0".to_owned();
        let error = KubernetesError::no_upgrade(doing, SERVER.into(), 403);
        assert_eq!(error.code(), "E-KUBERNETES-FORBIDDEN");
        assert!(error.to_string().contains("pods/exec"));
    }
}
