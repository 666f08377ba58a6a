//! The small parts by themselves.

use domain::Daemon;

use crate::activities::{Activities, Beginning};
use crate::limiter::Limiter;
use crate::metrics::Metrics;
use crate::status::Direction;

#[test]
fn a_limiter_lets_in_as_many_as_its_limit_and_follows_a_change() {
    let limiter = Limiter::new(2);
    let first = limiter.enter().unwrap();
    let _second = limiter.enter().unwrap();
    assert!(limiter.enter().is_none());
    limiter.set_limit(1);
    drop(first);
    assert!(limiter.enter().is_none(), "one is inside, and one is the limit now");
    limiter.set_limit(3);
    let _third = limiter.enter().unwrap();
    assert_eq!((limiter.inside(), limiter.limit()), (2, 3));
}

#[test]
fn only_matching_sessions_are_asked_to_end_and_the_first_reason_stays() {
    let activities = Activities::new(Metrics::new(Daemon::Seonsqd));
    let begin = |peer: &str| {
        activities.begin(Beginning {
            partner: "bolt".parse().ok(),
            direction: Direction::Out,
            transport: "tls",
            peer: peer.to_owned(),
        })
    };
    let (one, other) = (begin("one"), begin("other"));
    assert_eq!(activities.abort("first", |session| session.peer == "one"), 1);
    assert_eq!(activities.abort("second", |session| session.peer == "one"), 1);
    assert_eq!(one.abort_reason().as_deref(), Some("first"));
    assert_eq!(other.abort_reason(), None);
    drop(one);
    assert_eq!(activities.count(), 1);
}
