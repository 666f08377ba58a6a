//! How the audit log is judged.

#![allow(clippy::unwrap_used, clippy::panic, reason = "what fails here is a test")]

use e2e::{Audit, counted};
use serde_json::{Value, json};

const DAEMON: &str = "system:serviceaccount:acme:acme-seonsqd";

/// In notation of RFC 3339, at a second of one minute.
fn second(second: u8) -> String {
    format!("2026-11-30T17:24:{second:02}.000000Z")
}

/// A daemon wants to patch a pod: asked at one second, answered at the next.
fn request(pod: &str, at: u8, code: u16) -> Value {
    let decision = if code == 403 { "forbid" } else { "allow" };
    json!({
        "user": {"username": DAEMON},
        "verb": "patch",
        "objectRef": {"resource": "pods", "namespace": "acme", "name": pod},
        "responseStatus": {"code": code},
        "requestReceivedTimestamp": second(at),
        "stageTimestamp": second(at + 1),
        "annotations": {"authorization.k8s.io/decision": decision},
    })
}

fn with(mut event: Value, place: &str, value: impl Into<Value>) -> Value {
    *event.pointer_mut(place).unwrap_or_else(|| panic!("no {place}")) = value.into();
    event
}

/// The administrator deletes the namespace.
fn end(at: u8) -> Value {
    let event = with(request("", at, 200), "/user/username", "admin");
    let event = with(event, "/verb", "delete");
    with(event, "/objectRef", json!({"resource": "namespaces", "name": "acme"}))
}

/// How many refusals were for a moment, and how many for good.
fn refused(events: Vec<Value>) -> (usize, usize) {
    let audit = Audit::of(events);
    let refused = audit.refused();
    (refused.for_a_moment.len(), refused.for_good.len())
}

#[test]
fn what_the_same_user_was_allowed_before_or_after_was_refused_for_a_moment() {
    assert_eq!(refused(vec![request("p-0", 1, 403), request("p-0", 3, 200)]), (1, 0));
    assert_eq!(refused(vec![request("p-0", 1, 200), request("p-0", 3, 403)]), (1, 0));
    // It was decided on, whatever came of it.
    assert_eq!(refused(vec![request("p-0", 1, 403), request("p-0", 3, 409)]), (1, 0));
}

#[test]
fn what_nobody_was_ever_allowed_is_a_missing_right() {
    assert_eq!(refused(vec![request("p-0", 1, 403)]), (0, 1));
    assert_eq!(refused(vec![request("p-0", 1, 403), request("p-0", 3, 403)]), (0, 2));
}

#[test]
fn a_right_to_something_else_is_another_right() {
    let allowed = request("p-0", 3, 200);
    for (place, other) in [
        ("/user/username", "system:serviceaccount:acme:acme-seonrd"),
        ("/verb", "get"),
        ("/objectRef/resource", "secrets"),
        ("/objectRef/namespace", "bolt"),
        ("/objectRef/name", "p-1"),
    ] {
        let other = with(allowed.clone(), place, other);
        assert_eq!(refused(vec![request("p-0", 1, 403), other]), (0, 1), "{place}");
    }
}

#[test]
fn who_creates_has_a_right_to_no_name_and_an_applied_object_may_be_a_created_one() {
    let refusal = with(request("", 1, 403), "/verb", "create");
    let created = with(request("p-7", 3, 201), "/verb", "create");
    assert_eq!(refused(vec![refusal.clone(), created]), (1, 0));
    assert_eq!(refused(vec![refusal.clone(), request("p-7", 3, 201)]), (1, 0));
    assert_eq!(refused(vec![refusal, request("p-7", 3, 200)]), (0, 1));
}

#[test]
fn what_is_decided_on_after_a_namespace_began_to_end_does_not_count() {
    assert_eq!(refused(vec![end(2), request("p-0", 3, 403)]), (0, 0));
    assert_eq!(refused(vec![request("p-0", 1, 403), end(2)]), (0, 0), "answered as it ended");
    assert_eq!(refused(vec![request("p-0", 1, 403), end(3)]), (0, 1), "answered before");
}

#[test]
fn what_kubernetes_own_users_and_people_are_refused_does_not_count() {
    let refusal = with(request("p-0", 1, 403), "/user/username", "eve");
    assert_eq!(refused(vec![refusal]), (0, 0));
}

#[test]
fn a_right_is_used_only_by_what_is_allowed() {
    let patch = (String::new(), "pods".to_owned(), "patch".to_owned());
    let used = |code| Audit::of(vec![request("p-0", 1, code)]).used();
    assert_eq!(used(200), [patch].into());
    assert_eq!(used(403), [].into());
    // Allowed, and forbidden by what the API server looks at then.
    let decision = "/annotations/authorization.k8s.io~1decision";
    let forbidden = with(request("p-0", 1, 403), decision, "allow");
    assert_eq!(Audit::of(vec![forbidden.clone()]).used(), [].into());
    assert_eq!(refused(vec![forbidden]), (0, 1));
}

#[test]
fn a_subresource_is_a_resource_of_its_own() {
    let mut event = request("p-0", 1, 200);
    event["objectRef"]["subresource"] = "status".into();
    let used = Audit::of(vec![event]).used();
    assert_eq!(used, [(String::new(), "pods/status".to_owned(), "patch".to_owned())].into());
}

#[test]
fn the_figure_says_what_was_refused_how_often_and_to_whom() {
    let audit = Audit::of(vec![
        request("p-0", 1, 403),
        request("p-1", 1, 403),
        with(request("p-1", 2, 403), "/verb", "get"),
    ]);
    let said = counted(&audit.refused().for_good);
    assert_eq!(said, "1 x get pods by acme-seonsqd, 2 x patch pods by acme-seonsqd");
    assert_eq!(counted(&[]), "nothing");
}

#[test]
fn a_refusal_is_told_in_a_line() {
    let mut event = request("p-0", 1, 403);
    event["responseStatus"]["message"] = "pods \"p-0\" is forbidden".into();
    let audit = Audit::of(vec![event]);
    assert_eq!(
        audit.refused().for_good[0].to_string(),
        "2026-11-30T17:24:02.000000Z system:serviceaccount:acme:acme-seonsqd: patch pods \
         acme/p-0: 403 pods \"p-0\" is forbidden"
    );
}
