//! `seon config check`: reads every manifest and names everything that is wrong.
//! `seon config reload`: has every daemon of this machine read them again, sessions going on.

use std::process::ExitCode;

use lease::Daemon;
use runtime::admin::{Answer, Client, ClientError};
use serde::Serialize;

use super::Context;
use super::local::ask_all;
use crate::arguments::Config;
use crate::failure::Failure;
use crate::instance::Instance;
use crate::output::{self, Format, Style, human};

/// What was found when all is well.
#[derive(Serialize)]
struct Sound<'a> {
    instance: &'a str,
    odette_id: String,
    partners: Vec<&'a str>,
}

pub(super) async fn run(context: &Context, command: &Config) -> Result<ExitCode, Failure> {
    let place = &context.shared.place;
    match command {
        Config::Check => check(context, &Instance::load_whole(place)?),
        // What is wrong is said here, once and with its place, before any daemon is asked.
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
        Format::Json => output::json(&sound),
        Format::Table => format!(
            "{} {} ({}) and {} are sound\n",
            context.terminal.paint(Style::Good, "√"),
            sound.instance,
            sound.odette_id,
            human::count(sound.partners.len() as u64, "partner", "partners"),
        ),
    };
    output::answer(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// What a daemon answered.
#[derive(Serialize)]
struct Outcome {
    daemon: Daemon,
    pid: u32,
    reloaded: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

async fn reload(context: &Context, instance: &Instance) -> Result<ExitCode, Failure> {
    let reload = async |client: Client| client.post("/reload", "").await;
    let daemons: Vec<_> = ask_all(instance, reload)
        .await?
        .into_iter()
        .map(|one| {
            let error = refusal(one.answer);
            Outcome { daemon: one.daemon, pid: one.pid, reloaded: error.is_none(), error }
        })
        .collect();
    let text = match context.shared.format {
        Format::Json => output::json(&daemons),
        Format::Table if daemons.is_empty() => {
            format!("no daemon of {} runs here; start them: seon up\n", instance.name())
        }
        Format::Table => daemons.iter().map(|one| line(context, one)).collect(),
    };
    output::answer(&text)?;
    let all = daemons.iter().all(|one| one.reloaded);
    Ok(if all { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Why a daemon did not do it, if it did not.
fn refusal(answer: Result<Answer, ClientError>) -> Option<String> {
    match answer {
        Ok(Answer { status: 200, .. }) => None,
        Ok(Answer { body, .. }) => Some(body.trim_end().to_owned()),
        Err(error) => Some(error.to_string()),
    }
}

fn line(context: &Context, one: &Outcome) -> String {
    let Outcome { daemon, pid, error, .. } = one;
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
