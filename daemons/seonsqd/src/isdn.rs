//! A call by ISDN. We have no controller: we want the call, whoever has one makes it and runs its
//! session, and we watch what comes of it.

use std::time::Duration;

use configuration::{IsdnAddress, Partner};
use conversation::Outcome;
use domain::Purpose;
use lease::LeaseTable as _;
use runtime::Active;
use store::{
    DialId, DialOutcome, DialRecord, DialState, FencedTx, IfAnswerLost, NewDial, Step, StoreError,
};
use tokio::time::Instant;

/// A controller that is free takes a call at once. Where none is, the next transport is tried.
const TAKEN_WITHIN: Duration = Duration::from_secs(15);

/// Why a call did not bring a connection.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DialError {
    #[error(
        "no controller took the call to {number} within {} s: none is at work, or each carries as \
         many sessions as it may; see: seon ps",
        TAKEN_WITHIN.as_secs()
    )]
    NotTaken { number: String },
    #[error("{text}")]
    Failed { code: String, text: String },
    #[error("this daemon is stopping; {0}")]
    Shutdown(&'static str),
    #[error("{0}")]
    Store(#[from] StoreError),
}

impl DialError {
    pub(crate) fn code(&self) -> &str {
        match self {
            Self::NotTaken { .. } => "E-DIAL-NOT-TAKEN",
            Self::Failed { code, .. } => code,
            Self::Shutdown(_) => "E-SESSION-SHUTDOWN",
            Self::Store(error) => error.code(),
        }
    }
}

/// Has the partner called; how the session ended.
pub(crate) async fn dial(
    active: &Active,
    partner: &Partner,
    address: &IsdnAddress,
    purpose: Purpose,
) -> Result<Outcome, DialError> {
    let new = NewDial {
        partner: partner.name.clone(),
        number: address.number.to_string(),
        ping: purpose == Purpose::Ping,
    };
    let id = active.run(RequestDial(new.clone())).await?;
    let outcome = RequestedCall { active, id, number: &new.number }.outcome().await?;
    if !outcome.connected {
        let text = outcome.text.unwrap_or_else(|| format!("{} was not reached", new.number));
        return Err(DialError::Failed { code: outcome.code, text });
    }
    Ok(Outcome {
        partner: Some(new.partner),
        established: outcome.established,
        sends_only: outcome.sends_only,
        code: outcome.code,
        text: outcome.text,
        counts: outcome.counts,
    })
}

#[derive(Debug, PartialEq)]
struct RequestDial(NewDial);

impl Step for RequestDial {
    const NAME: &'static str = "request_dial";
    const IF_ANSWER_LOST: IfAnswerLost = IfAnswerLost::Mark;
    type Output = DialId;

    async fn run(&self, tx: &mut FencedTx) -> Result<DialId, StoreError> {
        tx.request_dial(&self.0).await
    }
}

/// `true` when the question is over.
#[derive(Debug, PartialEq)]
struct WithdrawDial(DialId);

impl Step for WithdrawDial {
    const NAME: &'static str = "withdraw_dial";
    const IF_ANSWER_LOST: IfAnswerLost = IfAnswerLost::Mark;
    type Output = bool;

    async fn run(&self, tx: &mut FencedTx) -> Result<bool, StoreError> {
        tx.withdraw_dial(self.0).await
    }
}

#[derive(Debug, PartialEq)]
struct LoseDial(DialId);

impl Step for LoseDial {
    const NAME: &'static str = "lose_dial";
    const IF_ANSWER_LOST: IfAnswerLost = IfAnswerLost::Repeat;
    type Output = bool;

    async fn run(&self, tx: &mut FencedTx) -> Result<bool, StoreError> {
        tx.lose_dial(self.0).await
    }
}

/// A call that is wanted.
struct RequestedCall<'a> {
    active: &'a Active,
    id: DialId,
    number: &'a str,
}

impl RequestedCall<'_> {
    async fn outcome(&self) -> Result<DialOutcome, DialError> {
        let mut wakeups = self.active.store.wakeups();
        let taken_until = Instant::now() + TAKEN_WITHIN;
        loop {
            match self.look(taken_until).await {
                Ok(Some(outcome)) => return Ok(outcome),
                Ok(None) => {}
                Err(DialError::Store(error)) if error.is_retryable() => {
                    tracing::warn!(code = error.code(), "a call waits: {error}");
                }
                Err(error) => return Err(error),
            }
            tokio::select! {
                // At least once a second, so that the next look is never far.
                () = wakeups.changed() => {}
                () = self.active.shutdown.cancelled(), if !self.active.shutdown.is_cancelled() => {}
            }
        }
    }

    /// The outcome, once it is there. `None`: look again.
    async fn look(&self, taken_until: Instant) -> Result<Option<DialOutcome>, DialError> {
        let is_over = self.active.shutdown.is_cancelled();
        let record =
            self.active.store.dial(self.id).await?.ok_or_else(|| StoreError::NotFound {
                subject: format!("wanted call {}", self.id),
            })?;
        match record.state {
            DialState::Done => {
                self.withdraw().await?;
                Ok(record.outcome)
            }
            DialState::Open if is_over || Instant::now() >= taken_until => {
                match self.withdraw().await? {
                    true if is_over => Err(DialError::Shutdown("the call was not made")),
                    true => Err(DialError::NotTaken { number: self.number.to_owned() }),
                    // Somebody was faster.
                    false => Ok(None),
                }
            }
            DialState::Taken if is_over => {
                Err(DialError::Shutdown("the call is made and its session goes on without us"))
            }
            DialState::Taken => {
                self.lose_if_nobody_is_at_it(&record).await?;
                Ok(None)
            }
            DialState::Open => Ok(None),
        }
    }

    async fn withdraw(&self) -> Result<bool, StoreError> {
        self.active.run(WithdrawDial(self.id)).await
    }

    /// A process that died in the middle of a call answers in its next tenure. If that does not
    /// come, we must not wait for it.
    async fn lose_if_nobody_is_at_it(&self, record: &DialRecord) -> Result<(), StoreError> {
        let Some((daemon, epoch)) = record.taken_by else { return Ok(()) };
        let lease = self.active.store.read(daemon).await?;
        if lease.is_some_and(|lease| lease.is_held() && lease.epoch == epoch) {
            return Ok(());
        }
        self.active.run(LoseDial(self.id)).await.map(drop)
    }
}
