//! `seon config check`: reads every manifest and names everything that is wrong.
//! `seon config reload`: has every daemon of this machine read them again, sessions going on.

use std::process::ExitCode;

use commands::Instance;
use commands::reload::{self, Reloaded};
use serde::Serialize;
use terminal::{Failure, Format, Style, human};

use super::Context;
use crate::arguments::Config;

/// The exit code where the manifests are to blame.
const INVALID: u8 = 78;

/// What was found when all is well.
#[derive(Serialize)]
struct Sound<'a> {
    instance: &'a str,
    odette_id: String,
    partners: Vec<&'a str>,
}

pub(super) async fn run(context: &Context, command: &Config) -> Result<ExitCode, Failure> {
    let place = &context.place();
    match command {
        Config::Check => check(context, &Instance::judge(place)?),
        // What is wrong with the instance is said here, once and with its place, before any daemon is
        // asked; what is wrong with a partner, beside what the daemons make of it.
        Config::Reload => reload(context, &Instance::load(place)?).await,
    }
}

fn check(context: &Context, instance: &Instance) -> Result<ExitCode, Failure> {
    let configuration = &instance.configuration;
    let sound = Sound {
        instance: instance.name(),
        odette_id: configuration.instance.identity.odette_id.to_string(),
        partners: configuration.partners().map(|partner| partner.name.as_str()).collect(),
    };
    let text = match context.shared.format {
        Format::Json => terminal::json(&sound),
        Format::Table => format!(
            "{} {} ({}) and {} are sound\n",
            context.terminal.paint(Style::Good, "√"),
            sound.instance,
            sound.odette_id,
            human::count(sound.partners.len() as u64, "partner", "partners"),
        ),
    };
    terminal::answer(&text)?;
    Ok(ExitCode::SUCCESS)
}

async fn reload(context: &Context, instance: &Instance) -> Result<ExitCode, Failure> {
    let left_out = instance.left_out();
    for line in &left_out {
        terminal::complain(&format!("{line}\n"));
    }
    let daemons = reload::reload(instance).await?;
    let text = match context.shared.format {
        Format::Json => terminal::json(&daemons),
        Format::Table if daemons.is_empty() => {
            format!("no daemon of {} runs here; start them: seon up\n", instance.name())
        }
        Format::Table => daemons.iter().map(|one| line(context, one)).collect(),
    };
    terminal::answer(&text)?;
    Ok(if daemons.iter().all(|one| one.reloaded) {
        ExitCode::SUCCESS
    } else if left_out.is_empty() {
        ExitCode::FAILURE
    } else {
        ExitCode::from(INVALID)
    })
}

fn line(context: &Context, one: &Reloaded) -> String {
    let Reloaded { daemon, pid, error, .. } = one;
    match error {
        None => {
            let mark = context.terminal.paint(Style::Good, "√");
            format!("{mark} {daemon} ({pid}) has read the configuration again\n")
        }
        Some(error) => {
            let mark = context.terminal.paint(Style::Bad, "×");
            format!("{mark} {daemon} ({pid}): {error}\n")
        }
    }
}
