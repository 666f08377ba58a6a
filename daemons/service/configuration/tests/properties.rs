//! Whatever a person writes, there is an answer.

mod common;

use common::{INSTANCE, PARTNER, SECRETS};
use configuration::{ManifestError, parse};
use proptest::prelude::*;

/// Text that is likely to be taken for YAML.
fn yaml_like() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("\n".to_owned()),
        Just("  ".to_owned()),
        Just(": ".to_owned()),
        Just("- ".to_owned()),
        Just("---\n".to_owned()),
        prop::sample::select(
            &["{", "}", "[", "]", ",", "\"", "'", "|", ">", "&a", "*a", "!t", "?", "#", "%", "\t"]
                [..]
        )
        .prop_map(str::to_owned),
        prop::sample::select(
            &[
                "apiVersion",
                "kind",
                "metadata",
                "name",
                "spec",
                "SeonInstance",
                "v1",
                "data",
                "1e9"
            ][..]
        )
        .prop_map(str::to_owned),
        any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

/// Good manifests with some characters of one of them replaced.
fn nearly_good() -> impl Strategy<Value = Vec<(&'static str, String)>> {
    (0..3_usize, any::<prop::sample::Index>(), 0..12_usize, yaml_like()).prop_map(
        |(which, at, length, insert)| {
            let mut files = vec![
                ("acme.yaml", INSTANCE.to_owned()),
                ("bolt.yaml", PARTNER.to_owned()),
                ("secrets.yaml", SECRETS.to_owned()),
            ];
            let text = &mut files[which].1;
            let start = at.index(text.len());
            let end = (start + length).min(text.len());
            text.replace_range(start..end, &insert);
            files
        },
    )
}

fn errors(files: &[(&str, String)]) -> Vec<ManifestError> {
    parse(files).err().unwrap_or_default()
}

/// Every error points into its file and speaks.
fn are_sound(errors: &[ManifestError], files: &[(&str, String)]) {
    for error in errors {
        assert!(error.code().starts_with("E-CONFIG-"));
        assert!(!error.problem.to_string().is_empty());
        if let Some((_, text)) = files.iter().find(|(name, _)| *name == error.file) {
            let lines = text.chars().filter(|c| ['\n', '\r'].contains(c)).count() + 1;
            assert!((1..=lines + 1).contains(&error.line), "{error} of {lines} lines");
            assert!(error.column >= 1);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_has_an_answer(text in any::<String>()) {
        let files = [("any.yaml", text)];
        are_sound(&errors(&files), &files);
    }

    #[test]
    fn any_text_like_yaml_has_an_answer(text in yaml_like()) {
        let files = [("any.yaml", text)];
        are_sound(&errors(&files), &files);
    }

    #[test]
    fn any_damage_to_good_manifests_has_an_answer(files in nearly_good()) {
        are_sound(&errors(&files), &files);
    }
}

#[test]
fn deep_nesting_is_refused_and_not_followed() {
    let first = |text: String| errors(&[("deep.yaml", text)])[0].to_string();
    // Some is refused by the parser itself, some by us.
    assert!(first("[".repeat(100_000)).contains("recursion limit"));
    assert_eq!(
        first("- ".repeat(100_000)),
        "deep.yaml:1:129: this is nested deeper than any manifest; flatten it"
    );
}
