//! How an instance stands, in one word for people. Pure.

use crds::{Condition, conditions, conditions::reason};

/// The word for these conditions.
pub(super) fn of(conditions: &[Condition]) -> &'static str {
    let find = |kind: &str| conditions.iter().find(|condition| condition.kind == kind);
    let is = |kind: &str| find(kind).is_some_and(|condition| condition.status == "True");
    let why = |kind: &str| find(kind).map_or("", |condition| condition.reason.as_str());
    match (why(conditions::STALLED), why(conditions::RECONCILING)) {
        (reason::INVALID, _) => "Invalid",
        _ if why(conditions::AVAILABLE) == reason::SUSPENDED => "Suspended",
        _ if is(conditions::STALLED) => "Stalled",
        _ if why(conditions::DATABASE_READY) == reason::MIGRATING => "Migrating",
        (_, reason::ROLLING_OUT) => "RollingOut",
        _ if !is(conditions::READY) => "Starting",
        _ if is(conditions::DEGRADED) => "Degraded",
        _ => "Ready",
    }
}
