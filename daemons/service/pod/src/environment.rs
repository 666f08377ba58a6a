//! What a process is told about its pod.

use crate::error::PodError;

/// The pod that a process runs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pod {
    /// Its name.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// The names of all pods that run the same daemon of the same instance, itself or not.
    pub peers: Vec<String>,
}

impl Pod {
    /// What the environment says; `None` outside of a pod, which is where `POD_NAME` is not set.
    pub fn from_environment() -> Result<Option<Self>, PodError> {
        Self::told(|variable| std::env::var(variable).ok())
    }

    fn told(variable: impl Fn(&str) -> Option<String>) -> Result<Option<Self>, PodError> {
        let given = |name| variable(name).filter(|value| !value.is_empty());
        let Some(name) = given("POD_NAME") else { return Ok(None) };
        let missing = PodError::Environment { variable: "POD_NAMESPACE", problem: "is not" };
        let namespace = given("POD_NAMESPACE").ok_or(missing)?;
        let peers = given("SEON_PEERS").unwrap_or_default();
        let peers = peers.split(',').map(str::trim).filter(|peer| !peer.is_empty());
        Ok(Some(Self { peers: peers.map(str::to_owned).collect(), name, namespace }))
    }

    /// The others of its kind.
    pub(crate) fn others(&self) -> impl Iterator<Item = &str> {
        self.peers.iter().map(String::as_str).filter(|peer| *peer != self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(variables: &[(&str, &str)]) -> Result<Option<Pod>, PodError> {
        let find = |wanted: &str| variables.iter().find(|(name, _)| *name == wanted);
        Pod::told(|wanted| find(wanted).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn outside_of_a_pod_there_is_nothing_to_say() {
        assert_eq!(told(&[]).unwrap(), None);
        assert_eq!(told(&[("POD_NAME", ""), ("POD_NAMESPACE", "acme")]).unwrap(), None);
    }

    #[test]
    fn a_pod_knows_its_name_and_its_peers() {
        let peers = ("SEON_PEERS", "acme-seonrd-0, acme-seonrd-1,");
        let pod = told(&[("POD_NAME", "acme-seonrd-1"), ("POD_NAMESPACE", "acme"), peers]);
        let pod = pod.unwrap().unwrap();
        assert_eq!((pod.name.as_str(), pod.namespace.as_str()), ("acme-seonrd-1", "acme"));
        assert_eq!(pod.others().collect::<Vec<_>>(), ["acme-seonrd-0"]);
    }

    #[test]
    fn half_of_it_is_an_error() {
        let error = told(&[("POD_NAME", "acme-seonrd-1")]).unwrap_err();
        assert_eq!(error.code(), "E-POD-ENVIRONMENT");
        assert!(error.to_string().contains("POD_NAMESPACE is not"), "{error}");
    }
}
