//! What the active `seonsqd` is asked: how long the queue is, and how it stands with each partner.
//! Nothing depends on an answer.

use std::{collections::BTreeMap, time::Duration};

use http_body_util::{BodyExt as _, Empty, Limited};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use jiff::Timestamp;
use serde::Deserialize;
use tokio::time::timeout;

use crate::world::ObservedPod;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long an answer may be, in octets: ten thousand partners take less.
const LONGEST: usize = 4 << 20;

/// What the active `seonsqd` says; nothing, if it does not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Readings {
    /// How it stands with each partner.
    pub partners: Option<BTreeMap<String, PartnerReading>>,
}

/// How it stands with a partner, as `GET /partners` says it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct PartnerReading {
    /// Its name.
    pub partner: String,
    /// Files that it does not have yet.
    #[serde(default)]
    pub queued: i64,
    /// Files that wait for a person.
    #[serde(default)]
    pub blocked: i64,
    /// Whether it took no files in its last session.
    #[serde(default)]
    pub sends_only: bool,
    /// The last session.
    #[serde(default)]
    pub last_session: Option<SessionReading>,
}

/// A partner's last session.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct SessionReading {
    /// When it ended.
    pub at: Timestamp,
    /// How.
    pub outcome: String,
    /// By what, if that was an error.
    #[serde(default)]
    pub code: Option<String>,
}

/// Asks daemons.
#[derive(Clone, Debug)]
pub struct Questions(Client<HttpConnector, Empty<&'static [u8]>>);

impl Default for Questions {
    fn default() -> Self {
        Self(Client::builder(TokioExecutor::new()).build_http())
    }
}

impl Questions {
    /// Asks a pod, if there is one.
    pub async fn ask(&self, pod: Option<&ObservedPod>) -> Readings {
        let Some(address) = pod.and_then(|pod| pod.address.as_deref()) else {
            return Readings::default();
        };
        match timeout(PATIENCE, self.partners(address)).await {
            Ok(Ok(partners)) => Readings { partners: Some(partners) },
            Ok(Err(error)) => {
                tracing::debug!(address, %error, "seonsqd did not answer");
                Readings::default()
            }
            Err(_) => Readings::default(),
        }
    }

    async fn partners(
        &self,
        address: &str,
    ) -> Result<BTreeMap<String, PartnerReading>, Box<dyn std::error::Error + Send + Sync>> {
        let port = crds::names::ADMIN_PORT;
        let host = if address.contains(':') { format!("[{address}]") } else { address.to_owned() };
        let uri = format!("http://{host}:{port}/partners").parse()?;
        let answer = self.0.get(uri).await?;
        if !answer.status().is_success() {
            return Err(format!("status {}", answer.status()).into());
        }
        let body = Limited::new(answer.into_body(), LONGEST).collect().await?.to_bytes();
        let partners: Vec<PartnerReading> = serde_json::from_slice(&body)?;
        Ok(partners.into_iter().map(|partner| (partner.partner.clone(), partner)).collect())
    }
}
