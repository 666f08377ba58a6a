//! What was examined and how it was found: √ ‼ ×, hints, and the same as JSON.

use std::fmt::Write;

use serde::{Deserialize, Serialize};

use super::{Style, Terminal, human};

/// Everything that was examined. As JSON it has the shape of `linkerd check -o json`.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Report {
    success: bool,
    categories: Vec<Category>,
}

/// Checks of one kind.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Category {
    category_name: String,
    checks: Vec<Check>,
}

/// One check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Check {
    description: String,
    result: Verdict,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

/// How something was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Verdict {
    /// As it should be.
    Success,
    /// Worth a look; everything works.
    Warning,
    /// Wrong.
    Error,
}

impl Check {
    /// All is well, in a sentence.
    pub(crate) fn good(description: impl Into<String>) -> Self {
        let description = description.into();
        Self { description, result: Verdict::Success, error: None, hint: None }
    }

    /// Something is worth a look: what, and what to do.
    pub(crate) fn warning(description: impl Into<String>, hint: impl Into<String>) -> Self {
        let hint = Some(hint.into());
        Self { result: Verdict::Warning, hint, ..Self::good(description) }
    }

    /// Something is wrong: what, and what to do.
    pub(crate) fn bad(description: impl Into<String>, hint: impl Into<String>) -> Self {
        let hint = Some(hint.into());
        Self { result: Verdict::Error, hint, ..Self::good(description) }
    }

    /// The same with the words of whoever reported it.
    pub(crate) fn because(self, error: impl std::fmt::Display) -> Self {
        Self { error: Some(error.to_string()), ..self }
    }

    /// How it was found.
    #[cfg(test)]
    pub(crate) fn result(&self) -> Verdict {
        self.result
    }
}

impl Category {
    /// The checks under a heading.
    pub(crate) fn new(name: &str, checks: Vec<Check>) -> Self {
        Self { category_name: name.to_owned(), checks }
    }

    /// Whether nothing was examined.
    pub(crate) fn is_empty(&self) -> bool {
        self.checks.is_empty()
    }

    /// Whether what depends on these can be examined at all.
    pub(crate) fn is_sound(&self) -> bool {
        self.checks.iter().all(|check| check.result != Verdict::Error)
    }
}

impl Report {
    /// The categories in the order in which they depend on each other.
    pub(crate) fn new(categories: Vec<Category>) -> Self {
        let success = categories.iter().all(Category::is_sound);
        Self { success, categories }
    }

    /// Whether nothing is wrong; warnings are not wrong.
    pub(crate) fn is_success(&self) -> bool {
        self.success
    }

    /// The checks of a category; none if it was not examined.
    pub(crate) fn checks(&self, category: &str) -> &[Check] {
        let found = self.categories.iter().find(|it| it.category_name == category);
        found.map(|it| it.checks.as_slice()).unwrap_or_default()
    }

    /// What is wrong first of all.
    pub(crate) fn first_error(&self) -> Option<&str> {
        let mut checks = self.categories.iter().flat_map(|category| &category.checks);
        checks.find(|check| check.result == Verdict::Error).map(|check| check.description.as_str())
    }

    /// For people.
    pub(crate) fn render(&self, terminal: &Terminal) -> String {
        let mut text = String::new();
        for category in &self.categories {
            let _ = writeln!(text, "{}", terminal.paint(Style::Heading, &category.category_name));
            for check in &category.checks {
                text.push_str(&check.render(terminal));
            }
            text.push('\n');
        }
        text + &self.summary() + "\n"
    }

    /// Only what is not as it should be, for people.
    pub(crate) fn render_findings(&self, terminal: &Terminal) -> String {
        let checks = self.categories.iter().flat_map(|category| &category.checks);
        checks
            .filter(|check| check.result != Verdict::Success)
            .map(|check| check.render(terminal))
            .collect()
    }

    /// The last line: how many of each.
    pub(crate) fn summary(&self) -> String {
        let count = |verdict| {
            let checks = self.categories.iter().flat_map(|category| &category.checks);
            checks.filter(|check| check.result == verdict).count() as u64
        };
        format!(
            "{}, {}, {} passed",
            human::count(count(Verdict::Error), "error", "errors"),
            human::count(count(Verdict::Warning), "warning", "warnings"),
            count(Verdict::Success),
        )
    }
}

impl Check {
    fn render(&self, terminal: &Terminal) -> String {
        let (mark, style) = match self.result {
            Verdict::Success => ("√", Style::Good),
            Verdict::Warning => ("‼", Style::Warning),
            Verdict::Error => ("×", Style::Bad),
        };
        let mut text = format!("{} {}\n", terminal.paint(style, mark), self.description);
        let details = [("", &self.error), ("hint: ", &self.hint)];
        for (label, detail) in details {
            for line in detail.iter().flat_map(|detail| detail.lines()) {
                let _ = writeln!(text, "    {label}{line}");
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        Report::new(vec![
            Category::new("database", vec![Check::good("SQLite answers")]),
            Category::new(
                "listeners",
                vec![
                    Check::bad(
                        "the certificate served on 6619 expired 2 days ago",
                        "renew Secret acme-tls",
                    )
                    .because("CN=oftp.acme.example"),
                    Check::warning("no partner yet", "write a SeonPartner"),
                ],
            ),
        ])
    }

    #[test]
    fn a_report_reads_from_the_marks_down_to_the_hints() {
        assert_eq!(
            report().render(&Terminal::default()),
            "database\n\
             √ SQLite answers\n\
             \n\
             listeners\n\
             × the certificate served on 6619 expired 2 days ago\n    \
                 CN=oftp.acme.example\n    \
                 hint: renew Secret acme-tls\n\
             ‼ no partner yet\n    \
                 hint: write a SeonPartner\n\
             \n\
             1 error, 1 warning, 1 passed\n"
        );
    }

    #[test]
    fn findings_are_what_is_not_as_it_should_be() {
        let findings = report().render_findings(&Terminal::default());
        assert!(findings.starts_with("× the certificate served"), "{findings}");
        assert!(findings.contains("‼ no partner yet"), "{findings}");
        assert!(!findings.contains('√'), "{findings}");
    }

    #[test]
    fn as_json_a_report_has_linkerds_shape() {
        let json = serde_json::to_value(report()).unwrap();
        assert_eq!(json["success"], false);
        assert_eq!(json["categories"][0]["categoryName"], "database");
        let check = &json["categories"][1]["checks"][0];
        assert_eq!(check["result"], "error");
        assert_eq!(check["hint"], "renew Secret acme-tls");
        assert_eq!(json["categories"][0]["checks"][0].get("error"), None);
    }

    #[test]
    fn warnings_alone_are_a_success() {
        let warnings = vec![Category::new("queue", vec![Check::warning("old", "look")])];
        assert!(Report::new(warnings).is_success());
        assert!(!report().is_success());
    }
}
