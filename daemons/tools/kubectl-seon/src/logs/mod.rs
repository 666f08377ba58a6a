//! `kubectl seon logs`: the logs of an instance's pods, merged.

mod feed;
mod line;

use std::collections::HashMap;
use std::process::ExitCode;
use std::time::Duration;

use domain::Daemon;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use jiff::Timestamp;
use kube::ResourceExt;
use tokio::sync::mpsc;
use tokio::time::interval;

use feed::{Feed, Range};
use line::{Layout, Line};

use super::arguments::LogsOptions;
use super::pod::{self, PodView};
use super::{Context, instance};
use terminal::Failure;
use terminal::Stop;

/// How often new pods are looked for while following.
const TICK: Duration = Duration::from_secs(2);
/// Lines that wait to be printed; a pod that writes faster waits.
const WAITING: usize = 256;

pub(super) async fn run(context: &Context, options: &LogsOptions) -> Result<ExitCode, Failure> {
    let (name, daemon) = options.target().map_err(Failure::Usage)?;
    let instance = instance::find(&context.cluster, name).await?.name_any();
    let mut stop = Stop::listen()?;
    let shown = async {
        if options.follow {
            follow(context, &instance, daemon, options).await
        } else {
            print_all(context, &instance, daemon, options).await
        }
    };
    tokio::select! {
        shown = shown => shown,
        () = stop.asked() => Err(Failure::Interrupted),
    }
}

fn range(options: &LogsOptions) -> Range {
    Range {
        tail: options.tail,
        since: options.since.map(|since| since.from(ambient::now())),
        previous: options.previous,
    }
}

fn of_daemon(pods: Vec<PodView>, daemon: Option<Daemon>) -> Vec<PodView> {
    pods.into_iter().filter(|pod| daemon.is_none_or(|daemon| pod.daemon == daemon)).collect()
}

/// What is there, in the order of time. One line of each pod is in memory. What cannot be read is
/// told at the end.
async fn print_all(
    context: &Context,
    instance: &str,
    daemon: Option<Daemon>,
    options: &LogsOptions,
) -> Result<ExitCode, Failure> {
    let pods = of_daemon(pod::list(&context.cluster, instance).await?, daemon);
    let layout = Layout::new(options.raw, &pods, context.terminal);
    let range = range(options);
    let mut problems = Vec::new();
    let mut heads = Vec::new();
    for pod in &pods {
        match Feed::open(&context.cluster, &pod.name, &range).await {
            Ok(mut feed) => match feed.next().await {
                Some(Ok(line)) => heads.push((line, feed)),
                Some(Err(error)) => problems.push(error),
                None => {}
            },
            Err(error) => problems.push(error),
        }
    }
    while let Some(earliest) = earliest(&heads) {
        let (line, mut feed) = heads.swap_remove(earliest);
        terminal::answer(&layout.render(&line))?;
        match feed.next().await {
            Some(Ok(line)) => heads.push((line, feed)),
            Some(Err(error)) => problems.push(error),
            None => {}
        }
    }
    for problem in &problems {
        terminal::complain(&format!("{} {problem}\n", problem.code()));
    }
    Ok(if problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn earliest<F>(heads: &[(Line, F)]) -> Option<usize> {
    (0..heads.len()).min_by_key(|&index| heads.get(index).map(|(line, _)| line.at))
}

/// What comes, of the pods that are there and of those that come.
async fn follow(
    context: &Context,
    instance: &str,
    daemon: Option<Daemon>,
    options: &LogsOptions,
) -> Result<ExitCode, Failure> {
    let (to_printer, mut lines) = mpsc::channel::<Line>(WAITING);
    let mut followed: HashMap<String, Option<Timestamp>> = HashMap::new();
    let mut running = FuturesUnordered::new();
    let mut pods = of_daemon(pod::list(&context.cluster, instance).await?, daemon);
    let mut tick = interval(TICK);
    loop {
        for pod in &pods {
            // A container that is started again has a new log; one whose stream broke goes on.
            let Some(container) = pod.container.clone().filter(|_| pod.running) else { continue };
            let after = followed.get(&container).copied();
            if matches!(after, Some(None)) {
                continue;
            }
            let after = after.flatten();
            let range = match after {
                Some(_) => Range { tail: None, since: after, previous: false },
                None => range(options),
            };
            followed.insert(container.clone(), None);
            let (name, to_printer) = (pod.name.clone(), to_printer.clone());
            running.push(async move {
                let last = pass_on(context, &name, &range, after, &to_printer).await;
                (container, last)
            });
        }
        let layout = Layout::new(options.raw, &pods, context.terminal);
        loop {
            tokio::select! {
                Some(line) = lines.recv() => terminal::answer(&layout.render(&line))?,
                Some((container, last)) = running.next() => {
                    followed.insert(container, Some(last));
                }
                _ = tick.tick() => break,
            }
        }
        // A server that does not answer for a moment is asked again.
        if let Ok(found) = pod::list(&context.cluster, instance).await {
            pods = of_daemon(found, daemon);
        }
    }
}

/// Passes a pod's lines on until its stream ends; the moment of the last one.
async fn pass_on(
    context: &Context,
    pod: &str,
    range: &Range,
    after: Option<Timestamp>,
    to_printer: &mpsc::Sender<Line>,
) -> Timestamp {
    let mut last = after.unwrap_or(Timestamp::UNIX_EPOCH);
    let Ok(mut feed) = Feed::follow(&context.cluster, pod, range).await else { return last };
    while let Some(Ok(line)) = feed.next().await {
        // The kubelet counts in whole seconds; what was shown before is not shown again.
        if after.is_some_and(|after| line.at <= after) {
            continue;
        }
        last = line.at;
        if to_printer.send(line).await.is_err() {
            break;
        }
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earliest_line_of_all_pods_comes_next() {
        let line = |text: &str| (Line::read("pod", text), ());
        let heads = [
            line("2026-11-22T15:00:02Z two"),
            line("2026-11-22T15:00:01Z one"),
            line("2026-11-22T15:00:03Z three"),
        ];
        assert_eq!(earliest(&heads), Some(1));
        assert_eq!(earliest::<()>(&[]), None);
    }
}
