//! Where pods are to run, as the user says it in Kubernetes' own words.

use crds::{AsInPods, DaemonTemplate};
use k8s_openapi::api::core::v1::{Affinity, TopologySpreadConstraint};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::problem::Problem;

/// Where pods are to run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Placement {
    /// What they are to be near to or apart from.
    pub affinity: Option<Affinity>,
    /// How those of a daemon are spread; empty: as usual.
    pub spread: Vec<TopologySpreadConstraint>,
}

/// Reads what Kubernetes' types say of it.
pub(super) fn read(template: &DaemonTemplate) -> Result<Placement, Problem> {
    let affinity = template.affinity.as_ref();
    let affinity = affinity.map(|affinity| exactly(affinity, "spec.daemonTemplate.affinity"));
    let spread = template.topology_spread_constraints.iter().enumerate();
    let spread = spread.map(|(position, constraint)| {
        let field = format!("spec.daemonTemplate.topologySpreadConstraints[{position}]");
        exactly(constraint, &field)
    });
    Ok(Placement { affinity: affinity.transpose()?, spread: spread.collect::<Result<_, _>>()? })
}

/// A value of Kubernetes, with nothing in it that Kubernetes does not know.
fn exactly<T: DeserializeOwned + Serialize>(
    AsInPods(value): &AsInPods,
    field: &str,
) -> Result<T, Problem> {
    let problem = |field: &str, text: String| Problem::new("E-VALIDATE-PLACEMENT", field, text);
    let read: T = serde_json::from_value(value.clone())
        .map_err(|error| problem(field, format!("is none as pods have it: {error}")))?;
    match unknown(value, &json!(read)) {
        None => Ok(read),
        Some(path) => Err(problem(
            &format!("{field}{path}"),
            "is not known to pods; see kubectl explain pod.spec".into(),
        )),
    }
}

/// The path of the first thing that was given and not read.
fn unknown(given: &Value, read: &Value) -> Option<String> {
    match (given, read) {
        (Value::Object(given), Value::Object(read)) => given.iter().find_map(|(name, value)| {
            let empty = value.is_null() || *value == json!([]) || *value == json!({});
            match read.get(name) {
                Some(read) => unknown(value, read).map(|path| format!(".{name}{path}")),
                None => (!empty).then(|| format!(".{name}")),
            }
        }),
        (Value::Array(given), Value::Array(read)) => {
            given.iter().zip(read).enumerate().find_map(|(position, (given, read))| {
                unknown(given, read).map(|path| format!("[{position}]{path}"))
            })
        }
        _ => None,
    }
}
