//! Has every daemon of this machine read its configuration again, sessions going on.

use domain::Daemon;
use runtime::admin::{Answer, Client, ClientError};
use serde::Serialize;

use crate::local::ask_all;
use crate::{Error, Instance};

/// What a daemon answered.
#[derive(Debug, Serialize)]
pub struct Reloaded {
    /// Which.
    pub daemon: Daemon,
    /// Its process number.
    pub pid: u32,
    /// Whether it did.
    pub reloaded: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Asks all of them; none runs here if there is no answer.
pub async fn reload(instance: &Instance) -> Result<Vec<Reloaded>, Error> {
    let reload = async |client: Client| client.post("/reload", "").await;
    let answered = ask_all(instance, reload).await?.into_iter();
    Ok(answered
        .map(|one| {
            let error = refusal(one.answer);
            Reloaded { daemon: one.daemon, pid: one.pid, reloaded: error.is_none(), error }
        })
        .collect())
}

/// Why a daemon did not do it, if it did not.
fn refusal(answer: Result<Answer, ClientError>) -> Option<String> {
    match answer {
        Ok(Answer { status: 200, .. }) => None,
        Ok(Answer { body, .. }) => Some(body.trim_end().to_owned()),
        Err(error) => Some(error.to_string()),
    }
}
