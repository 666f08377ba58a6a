//! Checks of the daemons: do they answer, and do they do what the configuration wants?

use domain::Daemon;

use crate::ps::{DaemonView, State};
use crate::report::Check;

/// One check for each daemon, and one for each listener that is not ok.
pub(super) fn examine(views: &[DaemonView]) -> Vec<Check> {
    views
        .iter()
        .flat_map(|view| {
            let listeners = view.listeners.iter().filter(|listener| !listener.ok).map(|listener| {
                let error = listener.error.clone().unwrap_or_else(|| "it does not say why".into());
                let what = format!("{} does not listen on {}", view.daemon, listener.address);
                let hint = match view.daemon {
                    Daemon::SeonrdCapi(_) => "see that the box runs, and compare spec.receive.capi",
                    _ => "free the address, or change it in spec.receive",
                };
                Check::bad(what, hint).because(error)
            });
            std::iter::once(answers(view)).chain(listeners)
        })
        .collect()
}

fn answers(view: &DaemonView) -> Check {
    match (view.state, view.pid, &view.host) {
        (State::Active, Some(pid), Some(host)) => {
            Check::good(format!("{} answers as process {pid} on {host}", view.daemon))
        }
        (State::Unreachable, Some(pid), Some(host)) => Check::warning(
            format!("{} (process {pid} on {host}) does not answer from here", view.daemon),
            "ask on its own machine; if this is its machine, the process may be stopped: see its log",
        )
        .because(view.error.as_deref().unwrap_or("no answer")),
        _ => Check::bad(format!("{} does not run", view.daemon), "start it: seon up"),
    }
}
