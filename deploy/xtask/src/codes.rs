//! Keeps the stable error codes of the sources and `docs/errors.md` together.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context as _;

/// Where every code has a heading of its own, which is its anchor too.
const DOCUMENT: &str = "docs/errors.md";
/// Where codes come from.
const SOURCES: [&str; 3] = ["crds", "daemons", "operator"];

/// A code, and the file below the top level that has it.
type Codes = BTreeMap<String, PathBuf>;

/// Names every code that the sources have and the document lacks, or the other way round.
pub(crate) fn check(top: &Path) -> anyhow::Result<ExitCode> {
    let problems = problems(top)?;
    for problem in &problems {
        eprintln!("{problem}");
    }
    Ok(if problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn problems(top: &Path) -> anyhow::Result<Vec<String>> {
    let mut emitted = Codes::new();
    for folder in SOURCES {
        collect(top, Path::new(folder), &mut emitted)?;
    }
    let text =
        fs::read_to_string(top.join(DOCUMENT)).with_context(|| format!("reading {DOCUMENT}"))?;
    Ok(differences(&emitted, &in_headings(&text)))
}

fn differences(emitted: &Codes, documented: &[String]) -> Vec<String> {
    let missing = emitted
        .iter()
        .filter(|(code, _)| !documented.contains(code))
        .map(|(code, file)| format!("{DOCUMENT}: no heading for {code} of {}", file.display()));
    let stale = documented
        .iter()
        .filter(|code| !emitted.contains_key(*code))
        .map(|code| format!("{DOCUMENT}: {code} is in no source any more; remove its section"));
    missing.chain(stale).collect()
}

fn collect(top: &Path, folder: &Path, codes: &mut Codes) -> anyhow::Result<()> {
    let reading = || format!("reading {}", folder.display());
    for entry in fs::read_dir(top.join(folder)).with_context(reading)? {
        let entry = entry.with_context(reading)?;
        let path = folder.join(entry.file_name());
        if is_test(&path) {
            continue;
        }
        if entry.file_type().with_context(reading)?.is_dir() {
            collect(top, &path, codes)?;
        } else if path.extension().is_some_and(|extension| extension == "rs" || extension == "sql")
        {
            let text = fs::read_to_string(top.join(&path))
                .with_context(|| format!("reading {}", path.display()))?;
            for code in in_source(&text) {
                codes.entry(code).or_insert_with(|| path.clone());
            }
        }
    }
    Ok(())
}

/// What only tests say is no promise to anybody.
fn is_test(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    matches!(name, Some("tests" | "tests.rs" | "examples" | "fuzz"))
}

/// The codes at the beginning of string literals, in Rust and SQL, outside of comments and of a
/// test module at the end of the file.
fn in_source(text: &str) -> Vec<String> {
    let text = text.split("\n#[cfg(test)]\nmod ").next().unwrap_or_default();
    let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.flat_map(|line| line.split(['"', '\'']).filter_map(code)).collect()
}

fn in_headings(text: &str) -> Vec<String> {
    text.lines().filter_map(|line| code(line.strip_prefix("### ")?)).collect()
}

/// The code that a text begins with. The two digits of a partner's reason, or the place where they
/// are put in, read `nn`: a family has one section.
fn code(text: &str) -> Option<String> {
    if !text.starts_with("E-") {
        return None;
    }
    let end =
        text.find(|letter| !matches!(letter, 'A'..='Z' | '0'..='9' | '-')).unwrap_or(text.len());
    let (code, rest) = text.split_at(end);
    let (stem, last) = code.rsplit_once('-')?;
    let is_reason = last.len() == 2 && last.bytes().all(|digit| digit.is_ascii_digit());
    let is_place = last.is_empty() && (rest.starts_with('{') || rest.starts_with("nn"));
    match (is_reason || is_place, last) {
        (true, _) => Some(format!("{stem}-nn")),
        (false, "") => None,
        (false, _) => Some(code.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_documented_and_every_documented_code_exists() {
        assert_eq!(problems(crate::generated::top()).unwrap(), Vec::<String>::new());
    }

    #[test]
    fn codes_are_found_at_the_beginning_of_literals() {
        let source = r#"
            Self::Full => "E-SPOOL-FULL", Self::Io => "E-SPOOL-IO",
            say("E-LEASE-EXPIRED the watchdog ends the process\n");
            set end_code = 'E-SESSION-CRASHED'
            "not E-AT-THE-BEGINNING" and no code: "E-mail", "FILE-E-X", E-FTP
        "#;
        let found = in_source(source);
        assert_eq!(found, ["E-SPOOL-FULL", "E-SPOOL-IO", "E-LEASE-EXPIRED", "E-SESSION-CRASHED"]);
    }

    #[test]
    fn a_family_with_a_partners_reason_is_one_code() {
        let source = r#"format!("E-FILE-NERP-{reason:02}"); "E-SESSION-PROTOCOL-02"; "E-OFTP-V2""#;
        let expected = ["E-FILE-NERP-nn", "E-SESSION-PROTOCOL-nn", "E-OFTP-V2"];
        assert_eq!(in_source(source), expected);
        assert_eq!(in_headings("### E-FILE-NERP-nn\n## E-NO-SECTION\ntext\n"), ["E-FILE-NERP-nn"]);
    }

    #[test]
    fn comments_and_test_modules_promise_nothing() {
        let source =
            "/// \"E-IN-A-COMMENT\"\n\"E-REAL-ONE\"\n#[cfg(test)]\nmod tests {\n\"E-TEST\"\n";
        assert_eq!(in_source(source), ["E-REAL-ONE"]);
        assert!(is_test(Path::new("daemons/service/runtime/src/tests")));
        assert!(!is_test(Path::new("daemons/service/runtime/src/run.rs")));
    }

    #[test]
    fn what_is_missing_is_named_with_its_file() {
        let emitted = Codes::from([("E-NEW".to_owned(), PathBuf::from("daemons/x.rs"))]);
        assert_eq!(
            differences(&emitted, &["E-OLD".to_owned()]),
            [
                "docs/errors.md: no heading for E-NEW of daemons/x.rs",
                "docs/errors.md: E-OLD is in no source any more; remove its section"
            ]
        );
    }
}
