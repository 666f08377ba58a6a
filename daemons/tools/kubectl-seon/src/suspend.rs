//! `kubectl seon suspend` and `resume`.

use std::process::ExitCode;

use crds::SeonInstance;
use kube::ResourceExt;
use kube::api::{Patch, PatchParams};
use serde::Serialize;
use serde_json::json;

use super::{Context, instance};
use terminal::Failure;
use terminal::Format;

/// What is now so.
#[derive(Serialize)]
struct Told {
    instance: String,
    suspended: bool,
    changed: bool,
}

pub(super) async fn run(
    context: &Context,
    name: Option<&str>,
    suspended: bool,
) -> Result<ExitCode, Failure> {
    let cluster = &context.cluster;
    let found = instance::find(cluster, name).await?;
    let name = found.name_any();
    let changed = found.spec.suspend != suspended;
    if changed {
        let patch = Patch::Merge(json!({"spec": {"suspend": suspended}}));
        let instances = cluster.objects::<SeonInstance>();
        let patched = instances.patch(&name, &PatchParams::default(), &patch).await;
        let doing = format!("changing SeonInstance {name} in namespace {}", cluster.namespace);
        patched.map_err(|error| cluster.explain(&doing, error))?;
    }
    let told = Told { instance: name, suspended, changed };
    terminal::answer(&match context.format {
        Format::Json => terminal::json(&told),
        Format::Table => told.sentence(),
    })?;
    Ok(ExitCode::SUCCESS)
}

impl Told {
    fn sentence(&self) -> String {
        let name = &self.instance;
        match (self.suspended, self.changed) {
            (true, true) => format!(
                "{name} is suspended: its daemons end after their sessions, queue and files \
                 stay.\nstart them again: kubectl seon resume {name}\n"
            ),
            (true, false) => format!("{name} was suspended before; nothing changed\n"),
            (false, true) => {
                format!("{name} starts again; see: kubectl seon check {name} --wait\n")
            }
            (false, false) => format!("{name} was not suspended; nothing changed\n"),
        }
    }
}
