//! Waiting for a condition, with a deadline and a sentence for when it passes.

use std::fmt::Display;
use std::time::{Duration, Instant};

const PAUSE: Duration = Duration::from_millis(10);

/// What a condition gives: reached with a value, or not yet and why.
pub trait Outcome {
    /// The value when reached.
    type Value;

    /// The value, or what to say if it never comes.
    fn reached(self) -> Result<Self::Value, String>;
}

impl Outcome for bool {
    type Value = ();

    fn reached(self) -> Result<(), String> {
        self.then_some(()).ok_or_else(|| "not yet".to_owned())
    }
}

impl<T> Outcome for Option<T> {
    type Value = T;

    fn reached(self) -> Result<T, String> {
        self.ok_or_else(|| "nothing yet".to_owned())
    }
}

impl<T, E: Display> Outcome for Result<T, E> {
    type Value = T;

    fn reached(self) -> Result<T, String> {
        self.map_err(|error| error.to_string())
    }
}

/// Asks every 10 ms until the condition is reached, and gives its value.
///
/// # Panics
///
/// When the deadline passes first, naming `what` was waited for and the condition's last word.
pub async fn wait_until<O: Outcome>(
    what: &str,
    deadline: Duration,
    mut condition: impl AsyncFnMut() -> O,
) -> O::Value {
    let end = Instant::now() + deadline;
    let mut interval = tokio::time::interval(PAUSE);
    loop {
        interval.tick().await;
        match condition().await.reached() {
            Ok(value) => return value,
            Err(last) => give_up_after(end, what, deadline, &last),
        }
    }
}

/// The same without a runtime.
///
/// # Panics
///
/// As [`wait_until`].
pub fn wait_until_blocking<O: Outcome>(
    what: &str,
    deadline: Duration,
    mut condition: impl FnMut() -> O,
) -> O::Value {
    let end = Instant::now() + deadline;
    loop {
        match condition().reached() {
            Ok(value) => return value,
            Err(last) => give_up_after(end, what, deadline, &last),
        }
        pause();
    }
}

fn give_up_after(end: Instant, what: &str, deadline: Duration, last: &str) {
    assert!(Instant::now() < end, "after {deadline:?} still waiting until {what}: {last}");
}

#[expect(clippy::disallowed_methods, reason = "the one pause between two looks at a condition")]
pub(crate) fn pause() {
    std::thread::sleep(PAUSE);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_ends_with_the_conditions_value() {
        let mut asked = 0;
        let value = wait_until_blocking("asked thrice", Duration::from_secs(10), || {
            asked += 1;
            (asked == 3).then_some("here")
        });
        assert_eq!(value, "here");
    }

    #[tokio::test]
    #[should_panic(expected = "still waiting until pigs fly: no wings")]
    async fn waiting_ends_at_the_deadline_with_the_last_reason() {
        let nothing = async || Err::<(), _>("no wings");
        wait_until("pigs fly", Duration::from_millis(20), nothing).await;
    }
}
