//! What was examined, for people: √ ‼ ×, the error's words, hints.

use std::fmt::Write;

use commands::report::{Check, Report, Verdict};
use domain::escaped;

use crate::{Style, Terminal};

/// Everything, from the marks down to the hints.
pub fn render(report: &Report, terminal: &Terminal) -> String {
    let mut text = String::new();
    for category in report.categories() {
        let _ = writeln!(text, "{}", terminal.paint(Style::Heading, category.name()));
        for check in category.checks() {
            text.push_str(&line(check, terminal));
        }
        text.push('\n');
    }
    text + &report.summary() + "\n"
}

/// Only what is not as it should be.
pub fn render_findings(report: &Report, terminal: &Terminal) -> String {
    report.findings().map(|check| line(check, terminal)).collect()
}

fn line(check: &Check, terminal: &Terminal) -> String {
    let (mark, style) = match check.result {
        Verdict::Success => ("√", Style::Good),
        Verdict::Warning => ("‼", Style::Warning),
        Verdict::Error => ("×", Style::Bad),
    };
    let mut text = format!("{} {}\n", terminal.paint(style, mark), escaped(&check.description));
    let code = check.code.as_ref().map(|code| format!("{code} ")).unwrap_or_default();
    let details = [(code.as_str(), &check.error), ("hint: ", &check.hint)];
    for (label, detail) in details {
        for line in detail.iter().flat_map(|detail| detail.lines()) {
            let _ = writeln!(text, "    {label}{}", escaped(line));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use commands::report::Category;

    use super::*;

    fn report() -> Report {
        let expired = "the certificate served on 6619 expired 2 days ago";
        Report::new(vec![
            Category::new("database", vec![Check::good("SQLite answers")]),
            Category::new(
                "listeners",
                vec![
                    Check::bad(expired, "renew Secret acme-tls").because("CN=oftp.acme.example"),
                    Check::warning("no partner yet", "write a SeonPartner")
                        .because_of(&"nothing is there", "E-NOTHING"),
                ],
            ),
        ])
    }

    #[test]
    fn a_report_reads_from_the_marks_down_to_the_hints() {
        assert_eq!(
            render(&report(), &Terminal::default()),
            "database\n\
             √ SQLite answers\n\
             \n\
             listeners\n\
             × the certificate served on 6619 expired 2 days ago\n    \
                 CN=oftp.acme.example\n    \
                 hint: renew Secret acme-tls\n\
             ‼ no partner yet\n    \
                 E-NOTHING nothing is there\n    \
                 hint: write a SeonPartner\n\
             \n\
             1 error, 1 warning, 1 passed\n"
        );
    }

    #[test]
    fn findings_are_what_is_not_as_it_should_be() {
        let findings = render_findings(&report(), &Terminal::default());
        assert!(findings.starts_with("× the certificate served"), "{findings}");
        assert!(findings.contains("‼ no partner yet"), "{findings}");
        assert!(!findings.contains('√'), "{findings}");
    }
}
