//! The chart as the real helm renders it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "what fails here is a test")]

use std::{
    env,
    ffi::OsStr,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use serde::de::DeserializeOwned;
use serde_yaml::Value;

/// The chart's folder.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../charts/seon")
}

/// The real helm: the one that HELM names, or the one of the tests' cluster.
#[derive(Debug)]
pub struct Helm(PathBuf);

impl Helm {
    /// Builds it on first use. Fails with a reason where that is not possible.
    pub fn find() -> Result<Self, String> {
        if let Some(named) = env::var_os("HELM") {
            return Ok(Self(named.into()));
        }
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../cluster/build");
        let output = Command::new(&script)
            .arg("helm")
            .stderr(Stdio::inherit())
            .output()
            .map_err(|error| format!("cannot run {}: {error}", script.display()))?;
        if !output.status.success() {
            return Err("tests/cluster/build could not make helm (see above)".into());
        }
        let folder = String::from_utf8(output.stdout).unwrap();
        Ok(Self(Path::new(folder.trim_end()).join("bin/helm")))
    }

    /// Runs helm in the chart's folder.
    pub fn run(&self, arguments: &[impl AsRef<OsStr>]) -> Output {
        Command::new(&self.0)
            .args(arguments)
            .current_dir(folder())
            .output()
            .unwrap_or_else(|error| panic!("{}: {error}", self.0.display()))
    }

    /// The objects that an installation with these values makes.
    pub fn template(&self, values: &[&str]) -> Objects {
        let output = self.run(&template(values));
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Objects::parse(&String::from_utf8(output.stdout).unwrap())
    }

    /// What helm says when it refuses these values.
    pub fn refusal(&self, values: &[&str]) -> String {
        let output = self.run(&template(values));
        assert!(!output.status.success(), "helm accepted {values:?}");
        String::from_utf8(output.stderr).unwrap()
    }
}

fn template<'a>(values: &[&'a str]) -> Vec<&'a str> {
    let mut arguments = vec!["template", "seon", ".", "--namespace", "seon-system"];
    for value in values {
        arguments.extend(["--set", value]);
    }
    arguments
}

/// Rendered objects.
#[derive(Debug)]
pub struct Objects(Vec<Value>);

impl Objects {
    /// From several YAML documents.
    pub fn parse(text: &str) -> Self {
        use serde::Deserialize as _;
        let documents = serde_yaml::Deserializer::from_str(text);
        let objects = documents.map(|document| Value::deserialize(document).unwrap());
        Self(objects.filter(|object| !object.is_null()).collect())
    }

    /// Each as `Kind namespace/name`, or `Kind name` without a namespace, in order.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self
            .0
            .iter()
            .map(|object| {
                let metadata = &object["metadata"];
                let namespace = metadata["namespace"].as_str();
                let namespace = namespace.map(|name| format!("{name}/")).unwrap_or_default();
                format!("{} {namespace}{}", text(&object["kind"]), text(&metadata["name"]))
            })
            .collect();
        names.sort();
        names
    }

    /// Every object of a kind, by its type: what is misspelt or of a wrong type fails here.
    pub fn all<T: DeserializeOwned + serde::Serialize>(&self, kind: &str) -> Vec<T> {
        let objects = self.0.iter().filter(|object| object["kind"] == kind);
        objects.map(|object| strictly(object)).collect()
    }

    /// The only object of a kind.
    pub fn one<T: DeserializeOwned + serde::Serialize>(&self, kind: &str) -> T {
        let mut all = self.all(kind);
        assert_eq!(all.len(), 1, "objects of kind {kind}");
        all.remove(0)
    }

    /// Every object as it was rendered.
    pub fn values(&self) -> &[Value] {
        &self.0
    }
}

/// The helm of this machine, or a skip.
#[macro_export]
macro_rules! helm {
    () => {
        match $crate::Helm::find() {
            Ok(helm) => helm,
            Err(reason) => support::skip!(helm, "{reason}"),
        }
    };
}

/// Nothing may be lost on the way through the type: a field that it does not know is a mistake.
fn strictly<T: DeserializeOwned + serde::Serialize>(object: &Value) -> T {
    let typed: T = serde_yaml::from_value(object.clone()).unwrap();
    let again = serde_yaml::to_value(&typed).unwrap();
    lost(object, &again, "");
    typed
}

fn lost(rendered: &Value, typed: &Value, path: &str) {
    match (rendered, typed) {
        (Value::Mapping(rendered), Value::Mapping(typed)) => {
            for (key, value) in rendered {
                let path = format!("{path}.{}", text(key));
                let Some(other) = typed.get(key) else {
                    assert!(is_empty(value), "{path}: there is no such field");
                    continue;
                };
                lost(value, other, &path);
            }
        }
        (Value::Sequence(rendered), Value::Sequence(typed)) => {
            assert_eq!(rendered.len(), typed.len(), "{path}");
            for (one, other) in rendered.iter().zip(typed) {
                lost(one, other, path);
            }
        }
        _ => assert_eq!(rendered, typed, "{path}"),
    }
}

/// Types leave out empty groups.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Mapping(mapping) => mapping.is_empty(),
        Value::Sequence(sequence) => sequence.is_empty(),
        _ => false,
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
