use std::fs;
use std::path::Path;

use super::*;
use crate::instance::tests::instance;
use commands::report::Verdict;

#[test]
fn an_instance_that_the_operator_has_not_seen_is_a_warning() {
    let mut acme = instance("acme", "status: {observedGeneration: 3}\n");
    acme.metadata.generation = Some(3);
    assert_eq!(state(&acme)[0].result, Verdict::Success);
    acme.metadata.generation = Some(4);
    assert_eq!(state(&acme)[0].result, Verdict::Warning);
    acme.spec.suspend = true;
    let shown = serde_json::to_string(&state(&acme)).unwrap();
    assert!(shown.contains("suspended") && shown.contains("seon resume acme"), "{shown}");
}

#[tokio::test]
async fn without_a_kubeconfig_the_report_says_so_and_ends() {
    let connection =
        Connection { kubeconfig: Some("/no/such/kubeconfig".into()), ..Connection::default() };
    let report = examine(&connection, None).await;
    assert!(!report.is_success());
    let shown = report::render(&report, &Terminal::default());
    assert!(shown.starts_with("kubernetes\n× cannot read the kubeconfig"), "{shown}");
    assert!(shown.contains("docs/errors.md#e-kubernetes-config"), "{shown}");
}

/// Every place in the documentation that a hint of this folder names.
fn anchors(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            anchors(&path, found);
        } else {
            let text = fs::read_to_string(path).unwrap();
            let words = text
                .split(|letter: char| !(letter.is_ascii_alphanumeric() || "./#-".contains(letter)));
            let is_place = |word: &&str| word.starts_with("docs/") && word.contains(".md");
            found.extend(words.filter(is_place).map(str::to_owned));
        }
    }
}

#[test]
fn every_place_that_a_hint_names_is_in_the_documentation() {
    let top = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../.."));
    let mut found = Vec::new();
    anchors(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    assert!(found.len() > 10);
    for place in found {
        let place = place.trim_end_matches('.');
        let (file, anchor) = place.split_once('#').unwrap_or((place, ""));
        let text = fs::read_to_string(top.join(file)).expect(file);
        let headings = text
            .lines()
            .filter(|line| line.starts_with('#'))
            .map(|line| line.trim_start_matches('#').trim().to_lowercase().replace(' ', "-"));
        // An anchor that is put together at run time is a code's, which another test looks after.
        let is_there = anchor.is_empty() || headings.clone().any(|heading| heading == anchor);
        assert!(is_there, "{place} has no such heading");
    }
}
