//! Conditions, whose time changes only with their status.

use crds::Condition;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

/// A condition as it is judged now.
pub(super) struct Judged {
    pub(super) kind: &'static str,
    pub(super) is: bool,
    pub(super) reason: &'static str,
    pub(super) message: String,
}

impl Judged {
    pub(super) fn new(
        kind: &'static str,
        is: bool,
        reason: &'static str,
        message: impl Into<String>,
    ) -> Self {
        Self { kind, is, reason, message: message.into() }
    }
}

/// Puts times to what is judged: that of before, if it was so before.
pub(super) fn merge(
    before: &[Condition],
    judged: impl IntoIterator<Item = Judged>,
    generation: Option<i64>,
    now: Timestamp,
) -> Vec<Condition> {
    judged
        .into_iter()
        .map(|Judged { kind, is, reason, message }| {
            let status = if is { "True" } else { "False" };
            let same = before.iter().find(|c| c.kind == kind && c.status == status);
            // The API server keeps whole seconds.
            let now = Timestamp::from_second(now.as_second()).unwrap_or(now);
            Condition {
                kind: kind.into(),
                status: status.into(),
                reason: reason.into(),
                message,
                last_transition_time: same
                    .map_or_else(|| Time(now), |before| before.last_transition_time.clone()),
                observed_generation: generation,
            }
        })
        .collect()
}
