//! Whose turn it is to speak, and for how long: a queue of thousands of files on one side does not hold
//! back the other's urgent file, nor its receipts.

use std::time::Duration;

use oftp::field::Capability;
use oftp::session::Request;
use tokio::time::Instant;

use super::Conversation;
use super::speaking::scope;
use crate::outcome::Stop;

/// A partner that has spoken for so long is asked for the direction (EFPACD), if we have something for
/// it; and again after as long.
const PARTNERS_TURN: Duration = Duration::from_secs(5);

/// Having spoken for so long we give the direction unasked: not every partner asks. It may have
/// nothing to say, and end the session in order; then we call again. So it is not short, and not done
/// where a call is paid for.
const OUR_TURN: Duration = Duration::from_mins(1);

/// When the present turn began, or the partner was last thought of asking for its end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Turn {
    since: Instant,
}

impl Turn {
    pub(super) fn begins() -> Self {
        Self { since: Instant::now() }
    }
}

impl Conversation {
    /// Whether EFPA is to ask for the direction.
    pub(super) async fn wants_direction(&mut self) -> Result<bool, Stop> {
        let may_send = self.engine.agreed().is_some_and(|it| it.capability == Capability::Both);
        if self.turn.since.elapsed() < PARTNERS_TURN || self.shutdown_at.is_some() || !may_send {
            return Ok(false);
        }
        self.turn = Turn::begins();
        let Some(partner) = self.partner_name().filter(|_| self.may_send()) else {
            return Ok(false);
        };
        let session = self.session()?;
        Ok(self.active.store.is_something_due(&partner, session, scope(self.direction)).await?)
    }

    /// Gives the direction, if we have had it for long and the partner may have something to say.
    pub(super) fn give_direction_in_time(&mut self) -> Result<bool, Stop> {
        let is_paid_for = self.connection.kind() == transport::Kind::Isdn;
        if self.turn.since.elapsed() < OUR_TURN || is_paid_for {
            return Ok(false);
        }
        self.change_direction()?;
        Ok(true)
    }

    pub(super) fn change_direction(&mut self) -> Result<(), Stop> {
        self.turn = Turn::begins();
        let now = self.now();
        Ok(self.engine.handle(Request::ChangeDirection, now)?)
    }
}
