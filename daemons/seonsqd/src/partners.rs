//! `GET /partners`: how it stands with each partner of the configuration.

use std::collections::HashMap;

use configuration::Configuration;
use domain::{ENDED_IN_ORDER, PartnerName};
use runtime::Active;
use runtime::status::{LastSession, PartnerStatus, SessionOutcome};
use store::{FailedCall, PartnerQueue, SessionRecord, Store, StoreError};

/// Answers from now on.
pub(crate) fn offer(active: &Active) {
    let (store, configuration) = (active.store.clone(), active.configuration.clone());
    active.readings.offer("/partners", move || {
        let (store, configuration) = (store.clone(), configuration.borrow().clone());
        async move { read(&store, &configuration).await }
    });
}

async fn read(
    store: &Store,
    configuration: &Configuration,
) -> Result<Vec<PartnerStatus>, StoreError> {
    let queues = store.partner_queues().await?;
    let sessions = store.last_sessions().await?;
    let failed_calls = store.last_failed_calls().await?;
    let names = configuration.partners().map(|partner| &partner.name);
    Ok(statuses(names, &queues, &sessions, &failed_calls))
}

fn statuses<'n>(
    names: impl Iterator<Item = &'n PartnerName>,
    queues: &[PartnerQueue],
    sessions: &[SessionRecord],
    failed_calls: &[FailedCall],
) -> Vec<PartnerStatus> {
    let queues: HashMap<_, _> = queues.iter().map(|it| (&it.partner, it)).collect();
    let sessions: HashMap<_, _> = sessions.iter().map(|it| (&it.partner, it)).collect();
    let calls: HashMap<_, _> = failed_calls.iter().map(|it| (&it.partner, it)).collect();
    names
        .map(|name| PartnerStatus {
            partner: name.clone(),
            queued: queues.get(name).map_or(0, |queue| queue.waiting),
            blocked: queues.get(name).map_or(0, |queue| queue.blocked),
            sends_only: sessions.get(name).is_some_and(|session| session.sends_only),
            last_session: later(sessions.get(name).copied(), calls.get(name).copied()),
        })
        .collect()
}

/// A call that failed after a session began is what a person wants to know of first.
fn later(session: Option<&SessionRecord>, call: Option<&FailedCall>) -> Option<LastSession> {
    match (session, call) {
        (Some(session), Some(call)) if call.at < session.started_at => Some(of_session(session)),
        (_, Some(call)) => Some(LastSession {
            at: call.at,
            outcome: SessionOutcome::Failed,
            code: call.code.clone(),
        }),
        (session, None) => session.map(of_session),
    }
}

fn of_session(session: &SessionRecord) -> LastSession {
    let outcome = match session.end_code.as_deref() {
        None => SessionOutcome::Running,
        Some(ENDED_IN_ORDER) => SessionOutcome::Completed,
        Some(_) => SessionOutcome::Failed,
    };
    LastSession {
        at: session.ended_at.unwrap_or(session.started_at),
        outcome,
        code: session.end_code.clone().filter(|_| outcome == SessionOutcome::Failed),
    }
}

#[cfg(test)]
mod tests {
    use domain::{Daemon, Epoch};
    use jiff::Timestamp;
    use store::{Direction, SessionCounts, Transport};

    use super::*;

    fn partner(name: &str) -> PartnerName {
        name.parse().unwrap()
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn session(began: i64, ended: Option<(i64, &str)>) -> SessionRecord {
        SessionRecord {
            id: 1.into(),
            partner: partner("bolt"),
            daemon: Daemon::Seonsqd,
            epoch: Epoch::try_from(1).unwrap(),
            direction: Direction::Out,
            transport: Transport::Tls,
            peer_address: "192.0.2.7:6619".to_owned(),
            level: None,
            sends_only: false,
            started_at: at(began),
            ended_at: ended.map(|(second, _)| at(second)),
            end_code: ended.map(|(_, code)| code.to_owned()),
            end_text: None,
            counts: SessionCounts::default(),
        }
    }

    fn failed_call(second: i64) -> FailedCall {
        let code = Some("E-CONNECT-REFUSED".to_owned());
        FailedCall { partner: partner("bolt"), at: at(second), code }
    }

    #[test]
    fn every_partner_of_the_configuration_is_listed_with_its_queue_or_without_one() {
        let queue =
            |name, waiting, blocked| PartnerQueue { partner: partner(name), waiting, blocked };
        let queues = [queue("bolt", 3, 1), queue("removed", 7, 0)];
        let listed = statuses([partner("anvil"), partner("bolt")].iter(), &queues, &[], &[]);
        let numbers: Vec<_> =
            listed.iter().map(|it| (it.partner.as_str(), it.queued, it.blocked)).collect();
        assert_eq!(numbers, [("anvil", 0, 0), ("bolt", 3, 1)]);
        assert!(listed.iter().all(|it| it.last_session.is_none()));
    }

    #[test]
    fn the_last_session_is_the_one_that_began_or_the_call_that_failed_later() {
        use SessionOutcome::{Completed, Failed, Running};
        let (refused, broken) = (Some("E-CONNECT-REFUSED"), Some("E-SESSION-TRANSPORT"));
        let in_order = session(10, Some((20, "ESID-00")));
        let broke_off = session(10, Some((20, "E-SESSION-TRANSPORT")));
        let open = session(10, None);
        let table = [
            (Some(&in_order), None, Some((20, Completed, None))),
            (Some(&broke_off), None, Some((20, Failed, broken))),
            (Some(&open), None, Some((10, Running, None))),
            (Some(&in_order), Some(30), Some((30, Failed, refused))),
            (Some(&in_order), Some(5), Some((20, Completed, None))),
            (None, Some(5), Some((5, Failed, refused))),
            (None, None, None),
        ];
        for (session, call, expected) in table {
            let call = call.map(failed_call);
            let found = later(session, call.as_ref());
            let found = found
                .as_ref()
                .map(|last| (last.at.as_second(), last.outcome, last.code.as_deref()));
            assert_eq!(found, expected);
        }
    }
}
