//! Generated files: what they should be, and whether they are.

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context as _;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;

use crate::{
    chart,
    generated::{Generated, top},
    reference,
};

/// Folders in which everything is generated.
const FOLDERS: [&str; 2] = ["crds/generated", "charts/seon/templates/crds"];

/// Everything that is generated from the sources alone.
pub(crate) fn files() -> anyhow::Result<Vec<Generated>> {
    let definitions = crds::definitions();
    let mut files = Vec::new();
    for definition in &definitions {
        let plural = &definition.spec.names.plural;
        let manifest = manifest(definition)?;
        files.push(chart::definition(plural, &manifest)?);
        files.push(Generated::new(format!("crds/generated/{plural}.yaml"), manifest));
    }
    files.push(Generated::new("crds/README.md", reference::markdown(&definitions)));
    files.push(chart::rules());
    files.push(chart::readme()?);
    Ok(files)
}

fn manifest(definition: &CustomResourceDefinition) -> anyhow::Result<String> {
    let yaml = serde_yaml::to_string(definition).context("writing a definition as YAML")?;
    Ok(format!("# Made by `cargo xtask generate` from crds/src; do not edit.\n{yaml}"))
}

/// Writes what differs, and what is no longer generated goes.
pub(crate) fn write(files: &[Generated]) -> anyhow::Result<ExitCode> {
    for file in files {
        let path = top().join(&file.path);
        if fs::read_to_string(&path).ok().as_ref() == Some(&file.text) {
            continue;
        }
        let directory = path.parent().unwrap_or(&path);
        fs::create_dir_all(directory)
            .with_context(|| format!("making the folder {}", directory.display()))?;
        fs::write(&path, &file.text).with_context(|| format!("writing {}", path.display()))?;
        println!("wrote {}", file.path.display());
    }
    for path in leftovers(files)? {
        let full = top().join(&path);
        fs::remove_file(&full).with_context(|| format!("removing {}", full.display()))?;
        println!("removed {}", path.display());
    }
    Ok(ExitCode::SUCCESS)
}

/// Names every file that is not what it should be.
pub(crate) fn check(files: &[Generated]) -> anyhow::Result<ExitCode> {
    let mut stale = 0;
    for file in files {
        let found = fs::read_to_string(top().join(&file.path)).ok();
        let Some(problem) = difference(found.as_deref(), &file.text) else { continue };
        eprintln!("{}: {problem}; run `cargo xtask generate`", file.path.display());
        stale += 1;
    }
    for path in leftovers(files)? {
        eprintln!("{}: is no longer generated; run `cargo xtask generate`", path.display());
        stale += 1;
    }
    Ok(if stale == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// How a file differs from what it should be, in words; `None` if it does not.
fn difference(found: Option<&str>, wanted: &str) -> Option<String> {
    let Some(found) = found else { return Some("is not there".into()) };
    if found == wanted {
        return None;
    }
    let same = found.lines().zip(wanted.lines()).take_while(|(one, other)| one == other).count();
    Some(format!("differs from what is generated, from line {}", same + 1))
}

/// Files in the generated folders that nothing generates any more.
fn leftovers(files: &[Generated]) -> anyhow::Result<Vec<PathBuf>> {
    let mut leftovers = Vec::new();
    for folder in FOLDERS {
        let Ok(entries) = fs::read_dir(top().join(folder)) else { continue };
        for entry in entries {
            let name = entry.with_context(|| format!("reading {folder}"))?.file_name();
            let path = Path::new(folder).join(name);
            if !files.iter().any(|file| file.path == path) {
                leftovers.push(path);
            }
        }
    }
    leftovers.sort();
    Ok(leftovers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_checked_in_is_what_is_generated() {
        assert_eq!(check(&files().unwrap()).unwrap(), ExitCode::SUCCESS);
    }

    #[test]
    fn a_difference_is_named_by_its_first_line() {
        assert_eq!(difference(Some("a\nb\n"), "a\nb\n"), None);
        assert_eq!(difference(None, "a\n").unwrap(), "is not there");
        assert_eq!(
            difference(Some("a\nb\n"), "a\nc\n").unwrap(),
            "differs from what is generated, from line 2"
        );
        assert_eq!(
            difference(Some("a\n"), "a\nb\n").unwrap(),
            "differs from what is generated, from line 2"
        );
    }
}
