//! The commands that `seon` carries out in a pod: `ps`, `queue`, `journal` and so on.

use std::process::ExitCode;

use kube::ResourceExt;

use super::arguments::Relay;
use super::exec::{self, Running};
use super::{Context, instance, pod};
use terminal::Failure;
use terminal::Stop;

pub(super) async fn run(context: &Context, command: Relay) -> Result<ExitCode, Failure> {
    let cluster = &context.cluster;
    let instance = instance::find(cluster, command.instance.as_deref()).await?;
    let pods = pod::list(cluster, &instance.name_any()).await?;
    let pod = exec::chosen(&instance, &pods)?;
    let running = Running::start(cluster, &pod.name, context.format, &command.words).await?;
    let mut stop = Stop::listen()?;
    tokio::select! {
        code = running.show() => Ok(exec::passed_through(code?)),
        () = stop.asked() => Err(Failure::Interrupted),
    }
}
