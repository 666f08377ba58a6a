//! The operator's rights as the chart grants them, each with its reason, from the operator's table.

use std::fmt::Write as _;

use operator::rbac::{RULES, Rule, Scope};

/// How wide a comment is, without its `# `.
const WIDTH: usize = 98;

/// A named template for each scope.
pub(crate) fn template() -> String {
    let mut text = String::from(
        "{{/* Made by `cargo xtask generate` from operator/src/rbac.rs; do not edit. */}}\n",
    );
    for (scope, name, place) in [
        (Scope::Watched, "watched", "In every namespace that the operator works in."),
        (Scope::Cluster, "cluster", "In the whole cluster."),
        (Scope::Own, "own", "In the operator's own namespace."),
    ] {
        // Writing to a String does not fail.
        let _ = writeln!(text, "\n{{{{/* {place} */}}}}\n{{{{- define \"seon.rules.{name}\" -}}}}");
        for rule in RULES.iter().filter(|rule| rule.scope == scope) {
            write(&mut text, rule);
        }
        text.push_str("{{- end }}\n");
    }
    text
}

fn write(text: &mut String, rule: &Rule) {
    for line in lines(&sentence(rule.reason)) {
        let _ = writeln!(text, "# {line}");
    }
    let group = if rule.group.is_empty() { "\"\"" } else { rule.group };
    let verbs = rule.verbs.join(", ");
    let _ = writeln!(
        text,
        "- apiGroups: [{group}]\n  resources: [{}]\n  verbs: [{verbs}]",
        rule.resource
    );
}

/// With a capital and a full stop.
fn sentence(reason: &str) -> String {
    let mut letters = reason.chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    first.chain(letters).chain(['.']).collect()
}

/// Broken at spaces.
fn lines(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.len() + 1 + word.len() <= WIDTH => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_has_its_reason_above_it() {
        let mut text = String::new();
        write(
            &mut text,
            &Rule {
                scope: Scope::Watched,
                group: "",
                resource: "pods",
                verbs: &["get", "patch"],
                reason: "who is active",
            },
        );
        assert_eq!(
            text,
            "# Who is active.\n- apiGroups: [\"\"]\n  resources: [pods]\n  verbs: [get, patch]\n"
        );
    }

    #[test]
    fn a_long_reason_is_broken_at_a_space() {
        let lines = lines(&"word ".repeat(30));
        assert_eq!(lines.len(), 2);
        assert!(lines.iter().all(|line| line.len() <= WIDTH && !line.ends_with(' ')));
    }
}
