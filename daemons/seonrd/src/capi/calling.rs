//! Calls that `seonsqd` wants: taken, made, their sessions run, and answered.

use std::sync::Arc;

use configuration::{Configuration, IsdnAddress, Partner, Transport};
use conversation::{Call, Outcome, initiate};
use domain::Purpose;
use runtime::Active;
use store::{
    DialId, DialOutcome, DialRecord, FencedTx, IfAnswerLost, SessionCounts, Step, StoreError,
};
use transport::{Line, LineError};

use super::Controller;

/// The oldest call that is wanted, if nobody was faster.
pub(super) async fn take(active: &Active) -> Result<Option<DialRecord>, StoreError> {
    active.run(TakeDial).await
}

/// Calls, runs the session to its end, and says what came of it. If the database stays away, the
/// lease goes too, and the call is answered by somebody else.
pub(super) async fn make(active: Active, controller: Arc<dyn Controller>, record: DialRecord) {
    let outcome = outcome(&active, controller.as_ref(), &record).await;
    let answer = || AnswerDial { id: record.id, outcome: outcome.clone() };
    match active.run_until_done(answer).await {
        Ok(()) => {}
        Err(error) if error.is_fenced() => active.fenced(),
        Err(error) => {
            // Somebody else has answered: our lease had run out.
            tracing::warn!(code = error.code(), "what came of a call is not recorded: {error}");
        }
    }
}

#[derive(Debug, PartialEq)]
struct TakeDial;

impl Step for TakeDial {
    const NAME: &'static str = "take_dial";
    const IF_ANSWER_LOST: IfAnswerLost = IfAnswerLost::Mark;
    type Output = Option<DialRecord>;

    async fn run(&self, tx: &mut FencedTx) -> Result<Self::Output, StoreError> {
        tx.take_dial().await
    }
}

#[derive(Debug, PartialEq)]
struct AnswerDial {
    id: DialId,
    outcome: DialOutcome,
}

impl Step for AnswerDial {
    const NAME: &'static str = "answer_dial";
    const IF_ANSWER_LOST: IfAnswerLost = IfAnswerLost::Mark;
    type Output = ();

    async fn run(&self, tx: &mut FencedTx) -> Result<(), StoreError> {
        tx.dial_done(self.id, &self.outcome).await
    }
}

async fn outcome(active: &Active, controller: &dyn Controller, record: &DialRecord) -> DialOutcome {
    let configuration = active.configuration();
    let Some((partner, address)) = find(&configuration, record) else {
        let text = format!(
            "{} has no partner {} with the number {} in its configuration; load it again with: \
             seon config reload",
            active.daemon, record.dial.partner, record.dial.number
        );
        return not_connected(&LineError::new("E-DIAL-CONFIGURATION", text));
    };
    tracing::info!(partner = %partner.name, number = %address.number, "calling");
    let purpose = if record.dial.ping { Purpose::Ping } else { Purpose::Exchange };
    // Where we only follow the partner, it may take a second call.
    let mut openings = partner.authentication.openings().iter().copied();
    let mut authenticated = openings.next().unwrap_or_default();
    loop {
        let line = match connect(active, controller, address).await {
            Ok(line) => line,
            Err(error) => {
                tracing::warn!(partner = %partner.name, code = error.code(), "{error}");
                active.metrics.error(error.code());
                return not_connected(&error);
            }
        };
        let call = Call { partner: Arc::clone(partner), purpose, authenticated };
        let outcome = initiate(active.clone(), line, call).await;
        match openings.next().filter(|_| outcome.is_for_want_of_authentication()) {
            Some(other) => authenticated = other,
            None => return recorded(outcome),
        }
    }
}

fn recorded(outcome: Outcome) -> DialOutcome {
    DialOutcome {
        connected: true,
        established: outcome.established,
        sends_only: outcome.sends_only,
        code: outcome.code,
        text: outcome.text,
        counts: outcome.counts,
    }
}

fn find<'c>(
    configuration: &'c Configuration,
    record: &DialRecord,
) -> Option<(&'c Arc<Partner>, &'c IsdnAddress)> {
    let partner = configuration.partner(record.dial.partner.as_str())?;
    let address = partner.transports.iter().find_map(|transport| match transport {
        Transport::Isdn(address) if address.number.to_string() == record.dial.number => {
            Some(address)
        }
        _ => None,
    })?;
    Some((partner, address))
}

async fn connect(
    active: &Active,
    controller: &dyn Controller,
    address: &IsdnAddress,
) -> Result<Line, LineError> {
    tokio::select! {
        connected = controller.call(address) => connected,
        () = active.shutdown.cancelled() => {
            let text = "the daemon that made the call is stopping";
            Err(LineError::new("E-DIAL-STOPPED", text))
        }
    }
}

fn not_connected(error: &LineError) -> DialOutcome {
    DialOutcome {
        connected: false,
        established: false,
        sends_only: false,
        code: error.code().to_owned(),
        text: Some(error.to_string()),
        counts: SessionCounts::default(),
    }
}
