//! The daemons' processes on this machine, asked through their admin sockets.

use domain::Daemon;
use futures::future::join_all;
use runtime::admin::{Address, Client, ClientError, local_sockets};

use crate::Error;
use crate::Instance;

/// What one process answered.
pub(crate) struct Answered<T> {
    pub(crate) daemon: Daemon,
    pub(crate) pid: u32,
    pub(crate) answer: Result<T, ClientError>,
}

/// Asks every process of this instance on this machine, all at once. A socket on which nobody
/// listens is passed over: a killed process cannot remove its own.
pub(crate) async fn ask_all<T>(
    instance: &Instance,
    ask: impl AsyncFn(Client) -> Result<T, ClientError>,
) -> Result<Vec<Answered<T>>, Error> {
    let directory = instance.run_directory();
    let sockets = local_sockets(&directory)
        .map_err(Error::io(format!("cannot read {}", directory.display())))?;
    Ok(ask_each(sockets, ask).await)
}

async fn ask_each<T>(
    sockets: Vec<(Daemon, u32, Address)>,
    ask: impl AsyncFn(Client) -> Result<T, ClientError>,
) -> Vec<Answered<T>> {
    let ask = &ask;
    let questions = sockets.into_iter().map(async |(daemon, pid, address)| {
        let answer = ask(Client::new(address)).await;
        Answered { daemon, pid, answer }
    });
    let mut answered = join_all(questions).await;
    answered.retain(|one| !matches!(&one.answer, Err(error) if error.nobody_listens()));
    answered
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    #[tokio::test]
    async fn a_socket_that_a_killed_process_left_behind_is_passed_over() {
        let directory = std::env::temp_dir().join(format!("seon-local-{}", std::process::id()));
        std::fs::create_dir(&directory).unwrap();
        let path = |name: &str| directory.join(name);
        drop(UnixListener::bind(path("dead.sock")).unwrap());
        // It takes calls, as a process does that is stopped, and never answers.
        let _stopped = UnixListener::bind(path("stopped.sock")).unwrap();
        let sockets = vec![
            (Daemon::Seonrd, 1, Address::Unix(path("dead.sock"))),
            (Daemon::Seonsqd, 2, Address::Unix(path("stopped.sock"))),
            (Daemon::SeonrdTcpip, 3, Address::Unix(path("gone.sock"))),
        ];
        let answered = ask_each(sockets, async |client: Client| {
            client.with_limit(std::time::Duration::from_millis(1)).status().await
        })
        .await;
        std::fs::remove_dir_all(&directory).unwrap();
        let names: Vec<_> = answered.iter().map(|one| (one.daemon, one.pid)).collect();
        assert_eq!(names, [(Daemon::Seonsqd, 2)]);
        assert!(matches!(answered[0].answer, Err(ClientError::TimedOut { .. })));
    }
}
