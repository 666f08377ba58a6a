//! `values.yaml` as a table: a row for each value that a comment `# --` explains.

use std::fmt::Write as _;

use anyhow::{Context as _, bail};
use serde_yaml::Value;

/// A value: `crds.keep`, what it is, and its default.
#[derive(Debug, PartialEq, Eq)]
struct Row {
    path: Vec<String>,
    explanation: String,
}

/// The table, in the file's order. Fails for a value that nothing explains.
pub(crate) fn table(text: &str) -> anyhow::Result<String> {
    let values: Value = serde_yaml::from_str(text).context("reading values.yaml")?;
    let rows = rows(text);
    if let Some(path) = unexplained(&values, &rows, &mut Vec::new()) {
        bail!("values.yaml: {path} has no comment that begins with # --");
    }
    let mut table = String::from("| Value | Default | What it is |\n|---|---|---|\n");
    for row in &rows {
        let default = default_of(&values, &row.path)?;
        // Writing to a String does not fail.
        let _ = writeln!(
            table,
            "| `{}` | `{default}` | {} |",
            row.path.join("."),
            row.explanation.replace('|', "\\|")
        );
    }
    Ok(table)
}

/// Every key below a comment `# --`, with its place among the keys above it.
fn rows(text: &str) -> Vec<Row> {
    let mut rows = Vec::new();
    // The keys above the line, each with its indentation.
    let mut above: Vec<(usize, String)> = Vec::new();
    let mut comment: Option<String> = None;
    for line in text.lines() {
        let content = line.trim_start();
        if let Some(begun) = content.strip_prefix("# -- ") {
            comment = Some(begun.to_owned());
        } else if let Some(more) = content.strip_prefix("# ") {
            if let Some(comment) = &mut comment {
                comment.push(' ');
                comment.push_str(more);
            }
        } else if let Some(key) = key(content) {
            let indentation = line.len() - content.len();
            above.retain(|(other, _)| *other < indentation);
            above.push((indentation, key.to_owned()));
            if let Some(explanation) = comment.take() {
                let path = above.iter().map(|(_, key)| key.clone()).collect();
                rows.push(Row { path, explanation });
            }
        } else {
            comment = None;
        }
    }
    rows
}

fn key(line: &str) -> Option<&str> {
    let (key, rest) = line.split_once(':')?;
    let plain = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric());
    (plain && (rest.is_empty() || rest.starts_with(' '))).then_some(key)
}

/// The first value that neither has a row nor lies below one that has.
fn unexplained(value: &Value, rows: &[Row], path: &mut Vec<String>) -> Option<String> {
    if rows.iter().any(|row| row.path == *path) {
        return None;
    }
    let Value::Mapping(mapping) = value else { return Some(path.join(".")) };
    for (key, value) in mapping {
        path.push(key.as_str().unwrap_or_default().to_owned());
        if let Some(found) = unexplained(value, rows, path) {
            return Some(found);
        }
        path.pop();
    }
    None
}

/// As JSON, on one line.
fn default_of(values: &Value, path: &[String]) -> anyhow::Result<String> {
    let value = path
        .iter()
        .try_fold(values, |value, key| value.get(key.as_str()))
        .with_context(|| format!("values.yaml: {} is not where it seems", path.join(".")))?;
    serde_json::to_string(value).context("writing a default as JSON")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_has_the_whole_path_the_default_and_the_whole_comment() {
        let text = "crds:\n  # -- Install them\n  # with the chart.\n  enabled: true\n\n\
                    # -- What it needs.\nresources:\n  limits: {memory: 1Mi}\n";
        assert_eq!(
            table(text).unwrap(),
            "| Value | Default | What it is |\n|---|---|---|\n\
             | `crds.enabled` | `true` | Install them with the chart. |\n\
             | `resources` | `{\"limits\":{\"memory\":\"1Mi\"}}` | What it needs. |\n"
        );
    }

    #[test]
    fn a_value_without_a_comment_is_named() {
        let error = table("# -- One.\none: 1\ntwo:\n  three: 3\n").unwrap_err();
        assert_eq!(
            error.to_string(),
            "values.yaml: two.three has no comment that begins with # --"
        );
    }
}
