//! Holds the rooms of ARCHITECTURE.md against the workspace: each crate is there, stands above what it
//! uses, and uses just what its row says.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, bail};
use serde_json::Value;

use crate::cargo::cargo;

const DOCUMENT: &str = "ARCHITECTURE.md";
/// What only tests are made of: no other crate is built on it.
const TESTS: &str = "tests";

/// A crate of the workspace.
#[derive(Debug, PartialEq, Eq)]
struct Crate {
    name: String,
    folder: PathBuf,
    /// Those of ours that it is built on.
    uses: BTreeSet<String>,
}

/// A row of the table: a crate, and those that it may use.
#[derive(Debug, PartialEq, Eq)]
struct Row {
    name: String,
    may_use: BTreeSet<String>,
}

/// Prints the rooms with their lines of Rust, and says what is not as the document has it.
pub(crate) fn show(top: &Path) -> anyhow::Result<ExitCode> {
    let crates = crates(top)?;
    for one in &crates {
        let [product, tests] = lines(&top.join(&one.folder))?;
        let uses: Vec<_> = one.uses.iter().map(String::as_str).collect();
        let folder = one.folder.display();
        println!("{folder:40} {product:6} + {tests:6} of tests  {}", uses.join(" "));
    }
    let problems = problems(top)?;
    for problem in &problems {
        eprintln!("{problem}");
    }
    Ok(if problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What the workspace and the document disagree about.
pub(crate) fn problems(top: &Path) -> anyhow::Result<Vec<String>> {
    let text =
        fs::read_to_string(top.join(DOCUMENT)).with_context(|| format!("reading {DOCUMENT}"))?;
    Ok(differences(&crates(top)?, &rows(&text)))
}

fn differences(crates: &[Crate], rows: &[Row]) -> Vec<String> {
    let mut problems = Vec::new();
    let place = |name: &str| rows.iter().position(|row| row.name == name);
    let is_test =
        |name: &str| crates.iter().any(|one| one.name == name && one.folder.starts_with(TESTS));
    for one in crates {
        for used in one.uses.iter().filter(|used| is_test(used) && !is_test(&one.name)) {
            problems.push(format!("{} is built on {used}, which is for tests only", one.name));
        }
        if is_test(&one.name) {
            continue;
        }
        let Some(own_place) = place(&one.name) else {
            problems.push(format!("{DOCUMENT}: no row for {}", one.name));
            continue;
        };
        let may_use = &rows[own_place].may_use;
        for used in one.uses.difference(may_use) {
            problems.push(format!("{} uses {used}; its row does not say so", one.name));
        }
        for unused in may_use.difference(&one.uses) {
            problems.push(format!("{} does not use {unused}; its row says so", one.name));
        }
        for used in may_use.iter().filter(|used| place(used).is_none_or(|at| at >= own_place)) {
            problems.push(format!("{} uses {used}, which does not stand above it", one.name));
        }
    }
    let is_there = |name: &str| crates.iter().any(|one| one.name == name);
    let gone = rows.iter().filter(|row| !is_there(&row.name));
    problems.extend(gone.map(|row| format!("{DOCUMENT}: there is no crate {}", row.name)));
    problems
}

/// The rows of every table whose second column says what a room may use.
fn rows(text: &str) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut is_ours = false;
    for line in text.lines() {
        let mut cells = line.strip_prefix('|').unwrap_or_default().split('|').map(str::trim);
        match (cells.next().unwrap_or_default(), cells.next()) {
            (_, Some("may use")) => is_ours = true,
            ("", _) => is_ours = false,
            (room, Some(may_use)) if is_ours => {
                let names = |cell: &str| -> Vec<String> {
                    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
                };
                let may_use = names(may_use).into_iter().collect();
                // What has a slash is a folder: a heading, or where the crate is.
                let name = names(room).into_iter().find(|name| !name.contains('/'));
                rows.extend(name.map(|name| Row { name, may_use }));
            }
            _ => {}
        }
    }
    rows
}

/// The workspace's crates by their manifests.
fn crates(top: &Path) -> anyhow::Result<Vec<Crate>> {
    let output = cargo()
        .args(["metadata", "--no-deps", "--format-version=1", "--locked"])
        .current_dir(top)
        .output()
        .context("running cargo")?;
    if !output.status.success() {
        bail!("cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    }
    let metadata: Value = serde_json::from_slice(&output.stdout).context("cargo's answer")?;
    let packages = metadata["packages"].as_array().context("no packages in cargo's answer")?;
    let text = |value: &Value| value.as_str().map(str::to_owned).context("no text");
    let root = PathBuf::from(text(&metadata["workspace_root"])?);
    let mut by_name = BTreeMap::new();
    for package in packages {
        let manifest = PathBuf::from(text(&package["manifest_path"])?);
        let folder = manifest.parent().unwrap_or(&manifest).strip_prefix(&root)?.to_owned();
        by_name.insert(text(&package["name"])?, (folder, package));
    }
    let own: BTreeSet<_> = by_name.keys().cloned().collect();
    let mut crates = Vec::new();
    for (name, (folder, package)) in by_name {
        let dependencies = package["dependencies"].as_array().into_iter().flatten();
        let uses = dependencies
            .filter(|dependency| dependency["kind"] != "dev")
            .filter_map(|dependency| dependency["name"].as_str().map(str::to_owned))
            .filter(|used| own.contains(used))
            .collect();
        crates.push(Crate { name, folder, uses });
    }
    crates.sort_by(|one, other| one.folder.cmp(&other.folder));
    Ok(crates)
}

/// Lines of Rust below a folder: of the product, and of tests.
fn lines(folder: &Path) -> anyhow::Result<[usize; 2]> {
    let mut sum = [0; 2];
    for entry in fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let is_test = matches!(name, "tests" | "tests.rs" | "examples" | "fuzz");
        let [product, tests] = if path.is_dir() {
            lines(&path)?
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path)?;
            let all = text.lines().count();
            let product = text.split("\n#[cfg(test)]\nmod ").next().unwrap_or_default();
            let product = product.lines().count();
            [product, all - product]
        } else {
            continue;
        };
        if is_test {
            sum[1] += product + tests;
        } else {
            sum[0] += product;
            sum[1] += tests;
        }
    }
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_crate_uses_just_what_its_row_says_and_only_what_stands_above_it() {
        assert_eq!(problems(crate::generated::top()).unwrap(), Vec::<String>::new());
    }

    #[test]
    fn rows_are_those_of_tables_that_say_what_a_room_may_use() {
        let text = "| a | b |\n|---|---|\n| `other` | `table` |\n\n| room | may use | what |\n\
                    |---|---|---|\n| **`low/`** | | **wing** |\n| `low/` `oftp` | | pure |\n\
                    | `seonrd` | `oftp`, `store` | x |\n\ntext\n";
        let row = |name: &str, may_use: &[&str]| Row {
            name: name.to_owned(),
            may_use: may_use.iter().map(|&name| name.to_owned()).collect(),
        };
        assert_eq!(rows(text), [row("oftp", &[]), row("seonrd", &["oftp", "store"])]);
    }

    #[test]
    fn what_is_used_and_not_said_said_and_not_used_or_stands_below_is_named() {
        let one = |name: &str, folder: &str, uses: &[&str]| Crate {
            name: name.to_owned(),
            folder: folder.into(),
            uses: uses.iter().map(|&name| name.to_owned()).collect(),
        };
        let crates = [
            one("low", "daemons/low", &["high"]),
            one("high", "daemons/high", &["low", "sim"]),
            one("new", "daemons/new", &[]),
            one("sim", "tests/sim", &["high"]),
        ];
        let text = "| room | may use | |\n| `low` | `high` | |\n| `high` | `gone` | |\n\
                    | `gone` | | |\n";
        assert_eq!(
            differences(&crates, &rows(text)),
            [
                "low uses high, which does not stand above it",
                "high is built on sim, which is for tests only",
                "high uses low; its row does not say so",
                "high uses sim; its row does not say so",
                "high does not use gone; its row says so",
                "high uses gone, which does not stand above it",
                "ARCHITECTURE.md: no row for new",
                "ARCHITECTURE.md: there is no crate gone",
            ]
        );
    }
}
