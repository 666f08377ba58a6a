//! `seon adopt`: database, volume and manifests are one instance from now on.

use std::process::ExitCode;

use commands::Instance;
use commands::adopt::{self, Adoption};
use terminal::{Failure, Format, Style};

use super::Context;

pub(super) async fn run(context: &Context) -> Result<ExitCode, Failure> {
    let instance = Instance::load(&context.place())?;
    let store = instance.migrated_store().await?;
    let adoption = adopt::adopt(&instance, &store, &context.requested_by()).await?;
    store.close().await;
    let text = match context.shared.format {
        Format::Json => terminal::json(&adoption),
        Format::Table => {
            let mark = context.terminal.paint(Style::Good, "√");
            format!("{mark} {}\n", sentence(&adoption))
        }
    };
    terminal::answer(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn sentence(adoption: &Adoption) -> String {
    let Adoption { instance, database, volume, changed, .. } = adoption;
    if !changed {
        return format!(
            "the database {database} and the volume {volume} are {instance} already; nothing was changed"
        );
    }
    let before = |before: &Option<String>| before.clone().unwrap_or_else(|| "new".to_owned());
    format!(
        "the database {database} and the volume {volume} are {instance} from now on\n  the database \
         was: {}\n  the volume was:   {}",
        before(&adoption.database_before),
        before(&adoption.volume_before),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_what_both_were_before_and_what_they_are_now() {
        let mut adoption = Adoption {
            instance: "acme".into(),
            database_before: Some("1 of acme, whose volume is 7".into()),
            volume_before: None,
            database: "1".into(),
            volume: "2".into(),
            changed: true,
        };
        assert_eq!(
            sentence(&adoption),
            "the database 1 and the volume 2 are acme from now on\n  \
             the database was: 1 of acme, whose volume is 7\n  the volume was:   new"
        );
        adoption.changed = false;
        let said = "the database 1 and the volume 2 are acme already; nothing was changed";
        assert_eq!(sentence(&adoption), said);
    }
}
