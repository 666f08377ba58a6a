//! `seon config check`: reads every manifest and names everything that is wrong.

use std::process::ExitCode;

use serde::Serialize;

use super::Context;
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

pub(super) fn run(context: &Context, command: &Config) -> Result<ExitCode, Failure> {
    let Config::Check = command;
    let instance = Instance::load(&context.shared.directory)?;
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
