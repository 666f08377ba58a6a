//! `seon check`: examines an instance and says what is wrong and what to do about it.

mod certificates;
mod daemons;
mod database;
mod files;
mod listeners;

use std::process::ExitCode;

use jiff::Timestamp;

pub(crate) use certificates::validity;

use super::{Context, ps};
use crate::failure::Failure;
use crate::instance::Instance;
use crate::output::verdict::{Category, Check, Report};
use crate::output::{self, Format, human};

pub(super) async fn run(context: &Context) -> Result<ExitCode, Failure> {
    let report = examine(context).await;
    let text = match context.shared.format {
        Format::Json => output::json(&report),
        Format::Table => report.render(&context.terminal),
    };
    output::answer(&text)?;
    Ok(if report.is_success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Examines the categories in the order in which they depend on each other; what cannot be
/// examined because of an error before it is left out.
pub(crate) async fn examine(context: &Context) -> Report {
    let mut categories = Vec::new();
    match Instance::load_whole(&context.shared.place) {
        Err(failure) => categories.push(Category::new("configuration", unreadable(&failure))),
        Ok(instance) => {
            categories.push(Category::new("configuration", configuration(&instance)));
            examine_instance(&instance, &mut categories).await;
        }
    }
    Report::new(categories)
}

async fn examine_instance(instance: &Instance, categories: &mut Vec<Category>) {
    let now = Timestamp::now();
    let (checks, store) = database::examine(instance).await;
    categories.push(Category::new("database", checks));
    if let Some(store) = &store {
        categories.push(Category::new("leases", database::leases(instance, store).await));
        let views = match ps::look(instance, store).await {
            Ok(views) => {
                categories.push(Category::new("daemons", daemons::examine(&views)));
                views
            }
            Err(failure) => {
                let check =
                    Check::bad("the daemons cannot be asked", "see the error").because(failure);
                categories.push(Category::new("daemons", vec![check]));
                Vec::new()
            }
        };
        let checks = listeners::examine(instance, &views, now).await;
        if !checks.is_empty() {
            categories.push(Category::new("listeners", checks));
        }
    }
    let checks = certificates::examine(instance, now);
    if !checks.is_empty() {
        categories.push(Category::new("certificates", checks));
    }
    categories.push(Category::new("spool", files::spool(instance)));
    if let Some(store) = &store {
        categories.push(Category::new("partners", files::partners(instance, store).await));
        categories.push(Category::new("queue", files::queue(store, now).await));
        store.close().await;
    }
}

fn unreadable(failure: &Failure) -> Vec<Check> {
    let hint = "correct it, then see: seon config check";
    let lines = match failure {
        Failure::Configuration(error) => error.lines(),
        other => vec![other.to_string()],
    };
    lines.into_iter().map(|line| Check::bad(line, hint)).collect()
}

fn configuration(instance: &Instance) -> Vec<Check> {
    let partners = instance.configuration.partners().len() as u64;
    let mut checks = vec![Check::good(format!(
        "the manifests of {} in {} are sound ({})",
        instance.name(),
        instance.directory.display(),
        human::count(partners, "partner", "partners"),
    ))];
    if instance.configuration.instance.suspend {
        checks.push(Check::warning(
            format!("{} is suspended: its daemons stand still", instance.name()),
            "set spec.suspend to false in the SeonInstance",
        ));
    }
    checks
}
