//! The rim: reads pods, writes on them, tries again.

use std::time::Duration;

use domain::Epoch;
use k8s_openapi::api::core::v1::Pod as PodObject;
use kube::api::{GetParams, Patch, PatchParams};
use kube::{Api, Client, Config};
use runtime::status::Role;
use runtime::{ServiceError, Standing, Standings};
use serde_json::Value;
use tokio::time::{Instant, sleep_until};

use crate::environment::Pod;
use crate::error::PodError;
use crate::marks::{Found, Marks};

/// One question to the API server. A daemon that stops waits for less.
const LIMIT: Duration = Duration::from_secs(3);
/// The pause after the first failure, and the longest one.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// How often the pod is looked at although nothing changed: somebody else may write on it too.
const LOOK_EVERY: Duration = Duration::from_secs(15);
/// When a new holder looks at its peers: at once, and when what a former holder sent in its last
/// moments has arrived.
const LOOKS: [Duration; 2] = [Duration::ZERO, Duration::from_secs(10)];

/// Writes on this process's pod how it stands, for as long as the process lives.
pub async fn announce(pod: Pod, standings: Standings) -> Result<(), ServiceError> {
    let mut trouble = Trouble::default();
    // A ServiceAccount that is not there yet, or not right, must not end a daemon.
    let client = loop {
        match client() {
            Ok(client) => break client,
            Err(error) => sleep_until(trouble.pause(&error)).await,
        }
    };
    announce_with(client, pod, standings, LOOK_EVERY).await
}

/// The same with a client of the caller's, and a look at the pod as often as that.
pub async fn announce_with(
    client: Client,
    pod: Pod,
    mut standings: Standings,
    look_every: Duration,
) -> Result<(), ServiceError> {
    let pods = Api::namespaced(client, &pod.namespace);
    let own = Own::Unknown;
    let mut announcer = Announcer { pods, own, uid: None, peers: Peers::default(), pod };
    let mut trouble = Trouble::default();
    loop {
        let standing = standings.current();
        let again_at = match announcer.announce(&standing, &standings).await {
            Ok(again_at) => {
                trouble.is_over();
                again_at
            }
            Err(error) => Some(trouble.pause(&error)),
        };
        let look = Instant::now() + look_every.mul_f64(0.75 + ambient::chance() / 2.0);
        let again_at = again_at.map_or(look, |moment| moment.min(look));
        tokio::select! {
            () = standings.changed() => {}
            () = sleep_until(again_at) => announcer.own.may_be_old(),
        }
    }
}

/// As the pod's ServiceAccount.
fn client() -> Result<Client, PodError> {
    let account = |error: String| PodError::Account(error);
    let mut config = Config::incluster().map_err(|error| account(error.to_string()))?;
    config.connect_timeout = Some(LIMIT);
    config.read_timeout = Some(LIMIT);
    config.write_timeout = Some(LIMIT);
    Client::try_from(config).map_err(|error| account(error.to_string()))
}

struct Announcer {
    pods: Api<PodObject>,
    pod: Pod,
    own: Own,
    /// Our pod's identity: a later pod of the same name is not ours.
    uid: Option<String>,
    peers: Peers,
}

/// Our pod.
enum Own {
    /// It has to be asked for.
    Unknown,
    /// What the API server last knew of it does for a look.
    MayBeOld,
    /// As it was read or written last.
    Known(Found),
}

impl Own {
    fn may_be_old(&mut self) {
        if matches!(self, Self::Known(_)) {
            *self = Self::MayBeOld;
        }
    }
}

/// How often the holder of an epoch has looked at its peers.
#[derive(Default)]
struct Peers {
    epoch: Option<Epoch>,
    since: Option<Instant>,
    looks: usize,
}

impl Announcer {
    /// Makes everything as it should be; when to come again although nothing changed.
    async fn announce(
        &mut self,
        standing: &Standing,
        standings: &Standings,
    ) -> Result<Option<Instant>, PodError> {
        self.write(&Marks::wanted(standing)).await?;
        standings.is_known(standing);
        let Some(epoch) = standing.epoch.filter(|_| standing.role == Role::Active) else {
            return Ok(None);
        };
        while let Some(due) = self.peers.due(epoch) {
            if due > Instant::now() {
                return Ok(Some(due));
            }
            self.depose(epoch).await?;
            self.peers.looks += 1;
        }
        Ok(None)
    }

    /// Writes on our own pod.
    async fn write(&mut self, wanted: &Marks) -> Result<(), PodError> {
        /// The kubelet writes on the pod too, so what we know of it may be old.
        const ATTEMPTS: u32 = 3;
        let name = self.pod.name.clone();
        let mut attempt = 1;
        loop {
            let found = match std::mem::replace(&mut self.own, Own::Unknown) {
                Own::Known(found) => found,
                Own::MayBeOld => self.read_own(Freshness::Cached).await?,
                Own::Unknown => self.read_own(Freshness::Newest).await?,
            };
            let Some(patch) = found.change_to(wanted) else {
                self.own = Own::Known(found);
                return Ok(());
            };
            match self.patch(&name, &patch).await {
                Ok(written) => {
                    self.own = written.map_or(Own::Unknown, Own::Known);
                    return Ok(());
                }
                Err(Answer::Conflict) if attempt < ATTEMPTS => attempt += 1,
                Err(answer) => return Err(answer.into_error(&name)),
            }
        }
    }

    async fn read_own(&mut self, freshness: Freshness) -> Result<Found, PodError> {
        let name = self.pod.name.clone();
        let found = self.read(&name, freshness).await.map_err(|answer| answer.into_error(&name))?;
        if *self.uid.get_or_insert_with(|| found.uid.clone()) == found.uid {
            Ok(found)
        } else {
            Err(PodError::Replaced(name))
        }
    }

    /// Takes the role from the others, whose processes may be gone, frozen, or cut off.
    async fn depose(&self, epoch: Epoch) -> Result<(), PodError> {
        const ATTEMPTS: u32 = 3;
        for peer in self.pod.others() {
            let mut attempt = 1;
            loop {
                let taken = match self.read(peer, Freshness::Newest).await {
                    Ok(found) => match found.deposition(epoch) {
                        None => Ok(()),
                        Some(patch) => self.patch(peer, &patch).await.map(|_| ()),
                    },
                    Err(answer) => Err(answer),
                };
                match taken {
                    // A pod that is not there has no role.
                    Ok(()) | Err(Answer::NotThere) => break,
                    Err(Answer::Conflict) if attempt < ATTEMPTS => attempt += 1,
                    Err(answer) => return Err(answer.into_error(peer)),
                }
            }
        }
        Ok(())
    }

    async fn read(&self, name: &str, freshness: Freshness) -> Result<Found, Answer> {
        let parameters = GetParams {
            resource_version: (freshness == Freshness::Cached).then(|| "0".to_owned()),
        };
        let got = self.pods.get_metadata_with(name, &parameters);
        let answer = tokio::time::timeout(LIMIT, got).await;
        let pod = answer.map_err(|_| Answer::Nothing)??;
        Found::of(&pod.metadata).ok_or(Answer::NotThere)
    }

    async fn patch(&self, name: &str, patch: &Value) -> Result<Option<Found>, Answer> {
        let (parameters, patch) = (PatchParams::default(), Patch::Merge(patch));
        let patched = self.pods.patch_metadata(name, &parameters, &patch);
        let answer = tokio::time::timeout(LIMIT, patched).await;
        let pod = answer.map_err(|_| Answer::Nothing)??;
        Ok(Found::of(&pod.metadata))
    }
}

impl Peers {
    /// When the next look is due.
    fn due(&mut self, epoch: Epoch) -> Option<Instant> {
        if self.epoch != Some(epoch) {
            *self = Self { epoch: Some(epoch), since: Some(Instant::now()), looks: 0 };
        }
        Some(self.since? + *LOOKS.get(self.looks)?)
    }
}

/// Which state of a pod an answer shows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Freshness {
    /// What the API server has at hand, which costs its database nothing. A change by it is refused if
    /// it is not the newest.
    Cached,
    /// As it is now.
    Newest,
}

/// What went otherwise than hoped.
enum Answer {
    /// None came in time.
    Nothing,
    NotThere,
    /// The pod is not (any more) as we knew it.
    Conflict,
    Other(kube::Error),
}

impl From<kube::Error> for Answer {
    fn from(error: kube::Error) -> Self {
        match &error {
            kube::Error::Api(status) if status.code == 404 => Self::NotThere,
            kube::Error::Api(status) if status.code == 409 => Self::Conflict,
            _ => Self::Other(error),
        }
    }
}

impl Answer {
    fn into_error(self, pod: &str) -> PodError {
        let pod = pod.to_owned();
        match self {
            Self::Nothing => PodError::TimedOut { pod, limit: LIMIT },
            Self::NotThere => PodError::Api { pod, reason: "there is no such pod".to_owned() },
            Self::Conflict => PodError::Api { pod, reason: "it changes all the time".to_owned() },
            Self::Other(kube::Error::Api(status)) if matches!(status.code, 401 | 403) => {
                PodError::Denied { pod, reason: status.message.clone() }
            }
            Self::Other(error) => PodError::Api { pod, reason: error.to_string() },
        }
    }
}

/// Failures in a row: one line in the log when they begin, one when they are over.
#[derive(Default)]
struct Trouble {
    failures: u32,
}

impl Trouble {
    /// Until when to leave the API server alone.
    fn pause(&mut self, error: &PodError) -> Instant {
        if self.failures == 0 {
            tracing::warn!(code = error.code(), "{error}; it is tried again until it works");
        } else {
            tracing::debug!(code = error.code(), failures = self.failures, "{error}");
        }
        // By chance too, so that a thousand daemons do not come back to an API server all at once.
        let doubled = FIRST_PAUSE.saturating_mul(1 << self.failures.min(10)).min(LONGEST_PAUSE);
        self.failures = self.failures.saturating_add(1);
        Instant::now() + doubled.mul_f64(0.5 + ambient::chance() / 2.0)
    }

    fn is_over(&mut self) {
        if self.failures > 0 {
            tracing::info!(failures = self.failures, "the pod says again how we stand");
        }
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_holder_of_each_epoch_looks_at_its_peers_at_once_and_once_more() {
        let epoch = |number| Epoch::try_from(number).unwrap();
        let mut peers = Peers::default();
        let first = peers.due(epoch(3)).unwrap();
        // Until it has worked.
        assert_eq!(peers.due(epoch(3)), Some(first));
        peers.looks += 1;
        assert_eq!(peers.due(epoch(3)), Some(first + LOOKS[1]));
        peers.looks += 1;
        assert_eq!(peers.due(epoch(3)), None);
        assert!(peers.due(epoch(4)).is_some());
    }
}
