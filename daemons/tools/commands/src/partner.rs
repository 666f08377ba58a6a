//! The partners, and calls of one: a ping is a session without a transfer.

use std::time::Duration;

use configuration::{Partner, Transport};
use domain::{Daemon, PartnerName};
use jiff::Timestamp;
use serde::Serialize;
use store::{EntryState, OperatorRequest, QueueFilter, SessionFilter, Store};
use tokio::time::Instant;

use crate::{Error, Instance, request};

/// A partner as it is shown.
#[derive(Debug, Serialize)]
pub struct PartnerView {
    /// Its name.
    pub name: PartnerName,
    /// Its Odette ID.
    pub odette_id: String,
    /// How we call it.
    pub transports: Vec<String>,
    /// Whether nothing is exchanged with it.
    pub suspended: bool,
    /// How many entries of the queue are for it.
    pub queued: u64,
    /// How many of these wait for a person.
    pub blocked: u64,
    /// Whether it only sent in its last session, so that no file could go out to it.
    pub sends_only: bool,
    /// When the last session began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_session: Option<Timestamp>,
    /// How it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_end: Option<String>,
}

/// All partners of an instance.
pub async fn list(instance: &Instance, store: &Store) -> Result<Vec<PartnerView>, Error> {
    let mut partners = Vec::new();
    for partner in instance.configuration.partners() {
        partners.push(view(store, partner).await?);
    }
    Ok(partners)
}

async fn view(store: &Store, partner: &Partner) -> Result<PartnerView, Error> {
    let name = &partner.name;
    let unfinished =
        QueueFilter { partner: Some(name.clone()), unfinished: true, ..QueueFilter::default() };
    let entries = store.queue(&unfinished).await?;
    let blocked = entries.iter().filter(|entry| entry.state == EntryState::Blocked).count();
    let newest =
        SessionFilter { partner: Some(name.clone()), limit: 1, ..SessionFilter::default() };
    let session = store.sessions(&newest).await?.into_iter().next();
    Ok(PartnerView {
        name: name.clone(),
        odette_id: partner.odette_id.to_string(),
        transports: partner.transports.iter().map(transport).collect(),
        suspended: partner.suspend,
        queued: entries.len() as u64,
        blocked: blocked as u64,
        sends_only: session.as_ref().is_some_and(|session| session.sends_only),
        last_session: session.as_ref().map(|session| session.started_at),
        last_end: session.and_then(|session| session.end_code),
    })
}

fn transport(transport: &Transport) -> String {
    match transport {
        Transport::Tls { host, port, .. } => format!("tls {host}:{port}"),
        Transport::Tcp { host, port } => format!("tcp {host}:{port}"),
        Transport::Isdn(address) => format!("isdn {}", address.number),
    }
}

/// What a call is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Only to see how it goes.
    Ping,
    /// To send what is due and take what the partner has.
    Exchange,
}

/// What came of a call.
#[derive(Debug, Serialize)]
pub struct Called {
    /// Who was called.
    pub partner: PartnerName,
    /// Whether the session ended in order.
    pub success: bool,
    /// Why not, as a stable code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// How it went.
    pub text: String,
    /// How long it took.
    pub milliseconds: u64,
}

/// Has `seonsqd` call a partner, and waits at most so long for the session's end.
pub async fn call(
    instance: &Instance,
    name: &str,
    purpose: Purpose,
    patience: Duration,
    requested_by: &str,
) -> Result<Called, Error> {
    let partner = instance.partner(name)?;
    let name = &partner.name;
    if partner.transports.is_empty() {
        return Err(Error::Invalid(format!(
            "{name} has no transports, so we never call it; add spec.transports to its SeonPartner"
        )));
    }
    let wanted = match purpose {
        Purpose::Ping => OperatorRequest::PingPartner(name.clone()),
        Purpose::Exchange => OperatorRequest::CallPartner(name.clone()),
    };
    let store = instance.store().await?;
    let asked = Instant::now();
    let id = request::ask(&store, Daemon::Seonsqd, wanted, requested_by).await?;
    let outcome = request::outcome(&store, Daemon::Seonsqd, id, patience).await?;
    Ok(Called {
        partner: name.clone(),
        success: outcome.code.is_none(),
        code: outcome.code,
        text: outcome.text,
        milliseconds: u64::try_from(asked.elapsed().as_millis()).unwrap_or(u64::MAX),
    })
}
