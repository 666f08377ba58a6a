//! What was examined and how it was found.

use std::fmt::Display;

use serde::{Deserialize, Serialize};

use crate::{Error, human};

/// Everything that was examined. As JSON it has the shape of `linkerd check -o json`.
#[derive(Debug, Serialize, Deserialize)]
pub struct Report {
    success: bool,
    categories: Vec<Category>,
}

/// Checks of one kind.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Category {
    category_name: String,
    checks: Vec<Check>,
}

/// One check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// What was found, in a sentence.
    pub description: String,
    /// How it was found.
    pub result: Verdict,
    /// The words of whoever reported it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The stable code of that error (docs/errors.md).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// How something was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// As it should be.
    Success,
    /// Worth a look; everything works.
    Warning,
    /// Wrong.
    Error,
}

impl Check {
    /// All is well, in a sentence.
    pub fn good(description: impl Into<String>) -> Self {
        let description = description.into();
        Self { description, result: Verdict::Success, error: None, code: None, hint: None }
    }

    /// Something is worth a look: what, and what to do.
    pub fn warning(description: impl Into<String>, hint: impl Into<String>) -> Self {
        let hint = Some(hint.into());
        Self { result: Verdict::Warning, hint, ..Self::good(description) }
    }

    /// Something is wrong: what, and what to do.
    pub fn bad(description: impl Into<String>, hint: impl Into<String>) -> Self {
        let hint = Some(hint.into());
        Self { result: Verdict::Error, hint, ..Self::good(description) }
    }

    /// The same with the words of whoever reported it.
    #[must_use]
    pub fn because(self, error: impl Display) -> Self {
        Self { error: Some(error.to_string()), ..self }
    }

    /// The same with an error's words and its stable code.
    #[must_use]
    pub fn because_of(self, error: &impl Display, code: &str) -> Self {
        Self { code: Some(code.to_owned()), ..self.because(error) }
    }
}

impl Error {
    /// The check that this error explains.
    pub(crate) fn explains(&self, check: Check) -> Check {
        check.because_of(self, self.code())
    }
}

impl Category {
    /// The checks under a heading.
    pub fn new(name: &str, checks: Vec<Check>) -> Self {
        Self { category_name: name.to_owned(), checks }
    }

    /// The heading.
    pub fn name(&self) -> &str {
        &self.category_name
    }

    /// The checks, in the order in which they depend on each other.
    pub fn checks(&self) -> &[Check] {
        &self.checks
    }

    /// Whether nothing was examined.
    pub fn is_empty(&self) -> bool {
        self.checks.is_empty()
    }

    /// Whether what depends on these can be examined at all.
    pub fn is_sound(&self) -> bool {
        self.checks.iter().all(|check| check.result != Verdict::Error)
    }
}

impl Report {
    /// The categories in the order in which they depend on each other.
    pub fn new(categories: Vec<Category>) -> Self {
        let success = categories.iter().all(Category::is_sound);
        Self { success, categories }
    }

    /// Whether nothing is wrong; warnings are not wrong.
    pub fn is_success(&self) -> bool {
        self.success
    }

    /// The categories.
    pub fn categories(&self) -> &[Category] {
        &self.categories
    }

    /// The checks of a category; none if it was not examined.
    pub fn checks(&self, category: &str) -> &[Check] {
        let found = self.categories.iter().find(|it| it.category_name == category);
        found.map(Category::checks).unwrap_or_default()
    }

    /// What is not as it should be.
    pub fn findings(&self) -> impl Iterator<Item = &Check> {
        let checks = self.categories.iter().flat_map(|category| &category.checks);
        checks.filter(|check| check.result != Verdict::Success)
    }

    /// What is wrong first of all.
    pub fn first_error(&self) -> Option<&str> {
        let first = self.findings().find(|check| check.result == Verdict::Error);
        first.map(|check| check.description.as_str())
    }

    /// The last line: how many of each.
    pub fn summary(&self) -> String {
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
    fn findings_are_what_is_not_as_it_should_be() {
        let found = report();
        let found: Vec<_> = found.findings().map(|check| check.result).collect();
        assert_eq!(found, [Verdict::Error, Verdict::Warning]);
        assert_eq!(report().summary(), "1 error, 1 warning, 1 passed");
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
    fn the_code_of_an_error_goes_with_its_words() {
        let error = Error::Invalid("no such partner".into());
        let check = error.explains(Check::bad("it cannot be examined", "see the error"));
        assert_eq!(check.code.as_deref(), Some("E-USAGE"));
        let again: Check = serde_json::from_value(serde_json::to_value(&check).unwrap()).unwrap();
        assert_eq!(again, check);
    }

    #[test]
    fn warnings_alone_are_a_success() {
        let warnings = vec![Category::new("queue", vec![Check::warning("old", "look")])];
        assert!(Report::new(warnings).is_success());
        assert!(!report().is_success());
    }
}
