//! The door of a daemon that is called: who is not let in waits a moment for his answer, is locked out
//! after several wrong logons, and is told of by numbers.
//!
//! All of it is in memory: after a restart everybody is worth a first try.

mod guesses;
mod knocks;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::PartnerName;
use runtime::Active;
use store::{JournalEntry, JournalKind, Note};
use tokio::time::{Instant, sleep};
use tracing::field::display;

use self::guesses::Guesses;
use self::knocks::{Kind, Knocks, News};

/// So long a refused caller waits for his answer: one guess a second for each connection.
pub(crate) const PAUSE: Duration = Duration::from_secs(1);

/// How often it is looked whether something counted is to be told of.
const LOOK: Duration = Duration::from_mins(1);

/// Shared by the sessions of a daemon; cheap to clone.
#[derive(Clone, Debug)]
pub struct Door(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    origin: Instant,
    book: Mutex<Book>,
}

#[derive(Debug, Default)]
struct Book {
    guesses: Guesses,
    knocks: Knocks,
}

/// A caller that was not let in.
#[derive(Clone, Debug)]
pub struct Refused {
    /// The stable code.
    pub code: String,
    /// A sentence.
    pub text: String,
    /// From where he called, without a port.
    pub caller: String,
    /// Who he said he is, if that is a partner's name.
    pub partner: Option<PartnerName>,
    /// Who is told of it.
    pub told: Told,
}

/// Who is told of a caller that was not let in: anybody can connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Told {
    /// Nobody, at the usual level: what connects and goes without a word is a probe of a load balancer
    /// or a scan.
    Nobody,
    /// Whoever reads the log.
    Log,
    /// And the journal.
    Journal,
}

impl Default for Door {
    fn default() -> Self {
        Self(Arc::new(Shared { origin: Instant::now(), book: Mutex::default() }))
    }
}

impl Door {
    /// For how long a logon of this partner's from there is refused, whatever its password.
    pub(crate) fn locked_for(&self, caller: &str, partner: &PartnerName) -> Option<Duration> {
        let now = self.now();
        self.book().guesses.locked_for(caller, partner, now)
    }

    /// A wrong logon; for how long that locks out, if it does.
    pub(crate) fn wrong(&self, caller: &str, partner: &PartnerName) -> Option<Duration> {
        let now = self.now();
        self.book().guesses.wrong(caller, partner, now)
    }

    /// A right logon.
    pub(crate) fn right(&self, caller: &str, partner: &PartnerName) {
        let now = self.now();
        self.book().guesses.right(caller, partner, now);
    }

    /// Nobody is locked out any more: a password may have been corrected.
    pub fn forget(&self) {
        self.book().guesses.forget();
    }

    /// Counts a caller that was not let in, and tells of him if that is news.
    pub async fn refused(&self, active: &Active, refused: Refused) {
        let Refused { code, text, caller, partner, told } = refused;
        if told == Told::Nobody {
            tracing::debug!(caller, code, "{text}");
            return;
        }
        active.metrics.error(&code);
        let is_journalled = told == Told::Journal;
        let kind = Kind { code, caller: Some(caller), partner, is_journalled };
        let now = self.now();
        let news = self.book().knocks.knock(kind, &text, now);
        if let Some(news) = news {
            tell(active, news).await;
        }
    }

    /// Tells of what has only been counted, now and then until shutdown, and at its end of all.
    pub async fn keep(self, active: Active) -> Result<(), runtime::ServiceError> {
        loop {
            let is_over = tokio::select! {
                () = active.shutdown.cancelled() => true,
                () = sleep(LOOK) => false,
            };
            let now = self.now();
            let due = self.book().knocks.due(now, is_over);
            for news in due {
                tell(&active, news).await;
            }
            if is_over {
                return Ok(());
            }
        }
    }

    fn now(&self) -> Duration {
        self.0.origin.elapsed()
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        // Nothing panics between two lines that belong together, so a poisoned book is sound.
        self.0.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn tell(active: &Active, news: News) {
    let News { kind: Kind { code, caller, partner, is_journalled }, count, text } = news;
    let caller = caller.unwrap_or_else(|| "many places".to_owned());
    let text = match count {
        1 => format!("{text} (from {caller})"),
        _ => format!("{text} (from {caller}, {count} times since it was last told of)"),
    };
    let shown = partner.as_ref().map(display);
    tracing::warn!(partner = shown, caller, count, code, "not let in: {text}");
    if !is_journalled {
        return;
    }
    let mut note = JournalEntry::new(JournalKind::SessionRefused);
    (note.partner, note.code, note.text) = (partner, Some(code), Some(text));
    match active.run_until_done(|| Note(note.clone())).await {
        Ok(()) => {}
        Err(error) if error.is_fenced() => active.fenced(),
        Err(error) => {
            tracing::error!(code = error.code(), "a refusal is not recorded: {error}");
            active.metrics.error(error.code());
        }
    }
}
