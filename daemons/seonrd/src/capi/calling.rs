//! Calls that `seonsqd` wants: taken, made, their sessions run, and answered.

use std::sync::Arc;
use std::time::Duration;

use configuration::{Configuration, IsdnAddress, Partner, Transport};
use runtime::Active;
use session::transport::{Line, LineError};
use session::{Call, Purpose, initiate};
use store::{DialOutcome, DialRecord, SessionCounts, StoreError};
use tokio::time::sleep;

use super::Controller;

/// Between two attempts to record what came of a call. If the database stays away, the lease goes
/// too, and the call is answered by somebody else.
const RECORD_AGAIN_AFTER: Duration = Duration::from_millis(250);

/// The oldest call that is wanted, if nobody was faster.
pub(super) async fn take(active: &Active) -> Result<Option<DialRecord>, StoreError> {
    let mut tx = active.store.fenced(&active.tenure).await?;
    let taken = tx.take_dial().await?;
    tx.commit().await?;
    Ok(taken)
}

/// Calls, runs the session to its end, and says what came of it.
pub(super) async fn make(active: Active, controller: Arc<dyn Controller>, record: DialRecord) {
    let outcome = outcome(&active, controller.as_ref(), &record).await;
    while let Err(error) = answer(&active, &record, &outcome).await {
        if error.is_fenced() {
            return active.fenced();
        }
        if !error.is_retryable() {
            // Somebody else has answered: our lease had run out.
            tracing::warn!(code = error.code(), "what came of a call is not recorded: {error}");
            return;
        }
        sleep(RECORD_AGAIN_AFTER).await;
    }
}

async fn answer(
    active: &Active,
    record: &DialRecord,
    outcome: &DialOutcome,
) -> Result<(), StoreError> {
    let mut tx = active.store.fenced(&active.tenure).await?;
    tx.dial_done(record.id, outcome).await?;
    tx.commit().await
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
    match connect(active, controller, address).await {
        Err(error) => {
            tracing::warn!(partner = %partner.name, code = error.code(), "{error}");
            active.metrics.error(error.code());
            not_connected(&error)
        }
        Ok(line) => {
            let purpose = if record.dial.ping { Purpose::Ping } else { Purpose::Exchange };
            let call = Call { partner: Arc::clone(partner), purpose };
            let outcome = initiate(active.clone(), line, call).await;
            DialOutcome {
                connected: true,
                established: outcome.established,
                code: outcome.code,
                text: outcome.text,
                counts: outcome.counts,
            }
        }
    }
}

fn find<'c>(
    configuration: &'c Configuration,
    record: &DialRecord,
) -> Option<(&'c Arc<Partner>, &'c IsdnAddress)> {
    let partner = configuration.partner(&record.dial.partner)?;
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
        code: error.code().to_owned(),
        text: Some(error.to_string()),
        counts: SessionCounts::default(),
    }
}
