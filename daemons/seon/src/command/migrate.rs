//! `seon migrate`: brings the database's schema up to date. Several may run at once.

use std::process::ExitCode;

use commands::Instance;
use serde::Serialize;
use terminal::{Failure, Format, Style};

use super::Context;

/// What was done.
#[derive(Serialize)]
struct Outcome<'a> {
    instance: &'a str,
    /// The schema's version before, 0 if there was none, and now.
    from: i64,
    to: i64,
}

pub(super) async fn run(context: &Context) -> Result<ExitCode, Failure> {
    let instance = Instance::load(&context.place())?;
    let (store, migrated) = instance.migrate().await?;
    store.close().await;
    let outcome = Outcome { instance: instance.name(), from: migrated.from, to: migrated.to };
    let text = match context.shared.format {
        Format::Json => terminal::json(&outcome),
        Format::Table => {
            let mark = context.terminal.paint(Style::Good, "√");
            format!("{mark} {}\n", outcome.sentence())
        }
    };
    terminal::answer(&text)?;
    Ok(ExitCode::SUCCESS)
}

impl Outcome<'_> {
    fn sentence(&self) -> String {
        let Self { instance, from, to } = self;
        match from {
            0 => format!("the schema of {instance} was made in version {to}"),
            from if from == to => format!("the schema of {instance} is version {to} already"),
            from => format!("the schema of {instance} was brought from version {from} to {to}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_what_it_did() {
        let said = |from| Outcome { instance: "acme", from, to: 2 }.sentence();
        assert_eq!(said(0), "the schema of acme was made in version 2");
        assert_eq!(said(1), "the schema of acme was brought from version 1 to 2");
        assert_eq!(said(2), "the schema of acme is version 2 already");
    }
}
