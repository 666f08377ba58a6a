use std::path::PathBuf;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::{Children, Ending, Event, Output, Policy, Program, Verdict, has_ended, process_gone};

const SOON: Duration = Duration::from_secs(20);

fn patient() -> Policy {
    Policy { first_pause: Duration::from_millis(1), ..Policy::default() }
}

fn shell(name: &str, script: &str) -> Program {
    Program::new(name, "/bin/sh").argument("-c").argument(script)
}

/// A script that runs until SIGTERM, then prints a last word and ends with `code`.
fn until_terminated(code: i32) -> String {
    format!("sleep 600 & trap \"kill $!; echo finished; exit {code}\" TERM; echo running; wait")
}

fn supervised(policy: Policy, shutdown: &CancellationToken) -> (Children, Receiver<Event>) {
    let (events, received) = channel();
    let children = Children::new(policy, shutdown.clone(), move |event| {
        let _ = events.send(event);
    });
    (children, received)
}

fn log(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("seon-children-{}-{name}.log", std::process::id()))
}

/// Waits for the next event, off the runtime's threads so that children are attended meanwhile.
async fn next(events: Receiver<Event>) -> (Event, Receiver<Event>) {
    tokio::task::spawn_blocking(move || {
        let event = events.recv_timeout(SOON).expect("an event in time");
        (event, events)
    })
    .await
    .unwrap()
}

#[test]
fn the_pause_doubles_up_to_the_longest() {
    let policy = Policy::default();
    let pauses: Vec<_> = [1, 2, 3, 7, 40, u32::MAX]
        .into_iter()
        .map(|starts| policy.judge(Ending::Code(1), starts))
        .collect();
    assert_eq!(
        pauses,
        [500, 1000, 2000, 30_000, 30_000, 30_000]
            .map(|ms| Verdict::Restart(Duration::from_millis(ms)))
    );
}

#[test]
fn usage_configuration_and_a_lease_held_elsewhere_are_not_retried() {
    for (code, given_up) in
        [(64, true), (75, true), (78, true), (0, false), (1, false), (70, false)]
    {
        let verdict = Policy::default().judge(Ending::Code(code), 1);
        assert_eq!(verdict == Verdict::GiveUp, given_up, "exit code {code}");
    }
    assert_ne!(Policy::default().judge(Ending::Signal(9), 1), Verdict::GiveUp);
}

#[tokio::test]
async fn a_child_that_ends_unasked_is_started_again() {
    let shutdown = CancellationToken::new();
    let (mut children, mut events) = supervised(patient(), &shutdown);
    children.keep(shell("crashing", "exit 3"));
    let mut starts = 0;
    while starts < 3 {
        let event;
        (event, events) = next(events).await;
        match event {
            Event::Started { .. } => starts += 1,
            Event::Restarting { ending, .. } => assert_eq!(ending, Ending::Code(3)),
            other => panic!("{other:?}"),
        }
    }
    shutdown.cancel();
    assert!(children.wait().await.is_empty());
}

#[tokio::test]
async fn a_child_with_a_configuration_error_is_reported_and_left() {
    let (mut children, events) = supervised(patient(), &CancellationToken::new());
    children.keep(shell("misconfigured", "exit 78"));
    assert_eq!(children.wait().await, [Ending::Code(78)]);
    let last = events.try_iter().last();
    assert_eq!(
        last,
        Some(Event::GaveUp { name: "misconfigured".into(), ending: Ending::Code(78) })
    );
}

#[tokio::test]
async fn one_child_given_up_leaves_the_others_running() {
    let shutdown = CancellationToken::new();
    let (mut children, mut events) = supervised(patient(), &shutdown);
    children.keep(shell("healthy", &until_terminated(0)).output(Output::Append(log("healthy"))));
    children.keep(shell("misconfigured", "exit 78"));
    loop {
        let event;
        (event, events) = next(events).await;
        if matches!(event, Event::GaveUp { .. }) {
            break;
        }
    }
    assert!(!shutdown.is_cancelled());
    shutdown.cancel();
    assert_eq!(children.wait().await, [Ending::Code(78)]);
    assert!(
        events
            .try_iter()
            .any(|event| matches!(event, Event::Stopped { name, .. } if name == "healthy"))
    );
    let _ = std::fs::remove_file(log("healthy"));
}

#[tokio::test]
async fn shutdown_lets_a_child_finish_what_it_does() {
    let shutdown = CancellationToken::new();
    let path = log("finishing");
    let (mut children, events) = supervised(patient(), &shutdown);
    children.keep(shell("finishing", &until_terminated(7)).output(Output::Append(path.clone())));
    wait_for_text(&path, "running").await;
    shutdown.cancel();
    assert!(children.wait().await.is_empty());
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "running\nfinished\n");
    let last = events.try_iter().last();
    assert_eq!(last, Some(Event::Stopped { name: "finishing".into(), ending: Ending::Code(7) }));
    let _ = std::fs::remove_file(path);
}

#[tokio::test]
async fn a_child_that_ignores_sigterm_is_killed() {
    let shutdown = CancellationToken::new();
    let path = log("stubborn");
    let policy = Policy { grace: Duration::from_millis(50), ..patient() };
    let (mut children, events) = supervised(policy, &shutdown);
    let script = "trap '' TERM; echo running; exec sleep 600";
    children.keep(shell("stubborn", script).output(Output::Append(path.clone())));
    wait_for_text(&path, "running").await;
    shutdown.cancel();
    assert!(children.wait().await.is_empty());
    let last = events.try_iter().last();
    assert_eq!(last, Some(Event::Stopped { name: "stubborn".into(), ending: Ending::Signal(9) }));
    let _ = std::fs::remove_file(path);
}

#[tokio::test]
async fn a_child_bears_its_classic_name_and_knows_its_parent() {
    let shutdown = CancellationToken::new();
    let path = log("named");
    let (mut children, _events) = supervised(patient(), &shutdown);
    let script = "echo $0 $SEON_PARENT; exit 78";
    // `sh -c script` shows its own name as $0, which is what `ps` shows too.
    children.keep(shell("seonrd_tcpip", script).output(Output::Append(path.clone())));
    children.wait().await;
    let expected = format!("seonrd_tcpip {}\n", std::process::id());
    assert_eq!(std::fs::read_to_string(&path).unwrap(), expected);
    let _ = std::fs::remove_file(path);
}

#[tokio::test]
async fn the_death_of_a_process_is_noticed_however_it_dies() {
    let mut victim = tokio::process::Command::new("/bin/sleep").arg("600").spawn().unwrap();
    let gone = process_gone(victim.id().unwrap());
    victim.start_kill().unwrap();
    tokio::time::timeout(SOON, gone).await.expect("noticed in time");
    victim.wait().await.unwrap();
}

#[tokio::test]
async fn a_process_that_was_killed_has_ended_before_its_parent_asks_about_it() {
    let mut victim = tokio::process::Command::new("/bin/sleep").arg("600").spawn().unwrap();
    let number = victim.id().unwrap();
    assert!(!has_ended(number).unwrap(), "it runs");
    let gone = process_gone(number);
    victim.start_kill().unwrap();
    tokio::time::timeout(SOON, gone).await.expect("noticed in time");
    assert!(has_ended(number).unwrap(), "nobody has waited for it yet");
    victim.wait().await.unwrap();
    assert!(has_ended(number).unwrap(), "there is none of that number");
}

async fn wait_for_text(path: &PathBuf, text: &str) {
    let deadline = tokio::time::Instant::now() + SOON;
    let mut tick = tokio::time::interval(Duration::from_millis(5));
    while !std::fs::read_to_string(path).unwrap_or_default().contains(text) {
        assert!(tokio::time::Instant::now() < deadline, "{text:?} in {} in time", path.display());
        tick.tick().await;
    }
}
