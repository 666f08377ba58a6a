//! What the log's events may not call their fields: in a line of JSON these are keys already, and a
//! program that reads one of two keys of one name reads the wrong one.

use std::{fs, path::Path};

/// What the log itself says of each event.
const TAKEN: [&str; 6] = ["timestamp", "level", "message", "target", "span", "spans"];
const MACROS: [&str; 5] = ["error!(", "warn!(", "info!(", "debug!(", "trace!("];

/// Each event of the sources below a folder that has such a field, or one twice.
fn problems(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("the sources can be read") {
        let path = entry.expect("the sources can be read").path();
        if path.is_dir() {
            found.extend(problems(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).expect("the sources can be read");
            let events = events(&text);
            let fields = events.iter().flat_map(|event| fields(event));
            let bad = fields.filter(|(_, is_bad)| *is_bad);
            found.extend(bad.map(|(field, _)| format!("{}: {field}", path.display())));
        }
    }
    found
}

/// What stands between the parentheses of each event, without what its literals say.
fn events(text: &str) -> Vec<String> {
    let begins = text.match_indices("tracing::").map(|(at, path)| &text[at + path.len()..]);
    begins
        .filter_map(|rest| Some(arguments(MACROS.iter().find_map(|name| rest.strip_prefix(name))?)))
        .collect()
}

fn arguments(text: &str) -> String {
    let (mut depth, mut is_literal, mut is_escaped) = (1, false, false);
    let mut arguments = String::new();
    for letter in text.chars() {
        match letter {
            _ if is_escaped => is_escaped = false,
            '\\' if is_literal => is_escaped = true,
            '"' => is_literal = !is_literal,
            _ if is_literal => {}
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            break;
        }
        // What lies deeper is a value.
        if depth == 1 && !is_literal {
            arguments.push(letter);
        }
    }
    arguments
}

/// The names of an event's fields, and whether each is bad.
fn fields(arguments: &str) -> Vec<(String, bool)> {
    let mut names: Vec<String> = Vec::new();
    let mut fields = Vec::new();
    for argument in arguments.split(',') {
        let name = argument.split('=').next().unwrap_or_default();
        let name = name.trim().trim_start_matches(['%', '?']).to_owned();
        let is_name = !name.is_empty()
            && name
                .chars()
                .all(|letter| letter.is_ascii_alphanumeric() || letter == '_' || letter == '.');
        if is_name {
            fields.push((name.clone(), TAKEN.contains(&name.as_str()) || names.contains(&name)));
            names.push(name);
        }
    }
    fields
}

#[test]
fn no_event_has_a_field_that_the_log_has_already() {
    let top = crate::generated::top();
    let found: Vec<String> =
        ["daemons", "operator/src"].iter().flat_map(|folder| problems(&top.join(folder))).collect();
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn fields_are_found_whatever_their_values_are() {
    let source = r#"tracing::info!(%target, code = error.code(1, level), "a, level = {b}");
        tracing::warn!(a = f("x)", target), ?a, error.kind = 3, "b");"#;
    let found: Vec<_> = events(source).iter().flat_map(|event| fields(event)).collect();
    let mut found: Vec<_> = found.iter().map(|(name, is_bad)| (name.as_str(), *is_bad)).collect();
    found.sort_unstable();
    let expected =
        [("a", false), ("a", true), ("code", false), ("error.kind", false), ("target", true)];
    assert_eq!(found, expected);
}
