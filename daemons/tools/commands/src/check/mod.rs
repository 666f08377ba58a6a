//! Examines an instance: what is wrong, and what to do about it.

mod certificates;
mod daemons;
mod database;
mod file_keys;
mod files;
mod hot_folders;
mod identity;
mod listeners;
mod revocation;
mod waiting;

pub use certificates::validity;
pub use file_keys::{KeyUse, shared_keys};

use crate::report::{Category, Check, Report};
use crate::{Error, Instance, Place, human, ps};

/// Examines the categories in the order in which they depend on each other; what cannot be
/// examined because of an error before it is left out.
pub async fn examine(place: &Place) -> Report {
    let mut categories = Vec::new();
    match Instance::load_whole(place) {
        Err(failure) => categories.push(Category::new("configuration", unreadable(&failure))),
        Ok(mut instance) => {
            categories.push(Category::new("configuration", configuration(&instance)));
            examine_instance(&mut instance, &mut categories).await;
        }
    }
    Report::new(categories)
}

async fn examine_instance(instance: &mut Instance, categories: &mut Vec<Category>) {
    let now = ambient::now();
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
                let check = Check::bad("the daemons cannot be asked", "see the error");
                categories.push(Category::new("daemons", vec![failure.explains(check)]));
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
    if let Some(store) = &store {
        let checks = revocation::examine(instance, store, now).await;
        if !checks.is_empty() {
            categories.push(Category::new("revocation", checks));
        }
    }
    categories.push(Category::new("spool", files::spool(instance)));
    if let Some(store) = &store {
        categories.push(Category::new("identity", identity::examine(instance, store).await));
        let mut partners = files::partners(instance, store).await;
        partners.push(files::guesses(store, now).await);
        categories.push(Category::new("partners", partners));
        categories.extend(waiting::examine(store, now).await);
        categories.push(Category::new("hot folders", hot_folders::examine(instance, now)));
        store.close().await;
    }
}

fn unreadable(failure: &Error) -> Vec<Check> {
    let hint = "correct it, then see: seon config check";
    let lines = match failure {
        Error::Configuration(error) => error.lines(),
        other => vec![other.to_string()],
    };
    let code = Some(failure.code().to_owned());
    let check = |line| Check { code: code.clone(), ..Check::bad(line, hint) };
    lines.into_iter().map(check).collect()
}

fn configuration(instance: &Instance) -> Vec<Check> {
    let partners = instance.configuration.partners().len() as u64;
    let mut checks = vec![Check::good(format!(
        "the manifests of {} in {} are sound ({})",
        instance.name(),
        instance.directory.display(),
        human::count(partners, "partner", "partners"),
    ))];
    for left_out in instance.configuration.left_out() {
        let who = left_out.partner.as_ref().map_or_else(
            || "a document that could not be read".to_owned(),
            |name| format!("partner {name}"),
        );
        checks.extend(left_out.errors.iter().map(|error| {
            let hint = "correct it, then: seon config check; seon config reload";
            Check::bad(format!("{who} is left out"), hint).because_of(error, error.code())
        }));
    }
    if instance.configuration.instance.suspend {
        checks.push(Check::warning(
            format!("{} is suspended: its daemons stand still", instance.name()),
            "set spec.suspend to false in the SeonInstance",
        ));
    }
    checks
}
