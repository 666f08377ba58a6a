//! Two operators of two releases that see the same namespace.

use std::{sync::Arc, time::Duration};

use crds::names::OPERATOR_CLAIM;
use k8s_openapi::api::{coordination::v1::Lease, core::v1::Secret, events::v1::Event};
use kube::api::ListParams;
use operator::{
    claims::{ClaimError, Claims},
    election::machine::Terms,
};

use crate::fixture::{Operator, Place, SYSTEM, server, until};

#[tokio::test]
async fn a_second_release_does_nothing_where_there_is_a_first_and_says_so() {
    let place = Place::new(server!()).await;
    place.instance(|_| ()).await;
    let first = Operator::start(&place).await;
    first.turn(&place, "acme").await.unwrap();
    let before = place.versions::<Secret>().await;
    let second = Operator::of_release(&place, u64::MAX, "elsewhere").await;
    place.partner("bolt", |_| ()).await;
    let error = second.turn(&place, "acme").await.unwrap_err();
    assert_eq!(error.code(), "E-CLAIM-HELD");
    let says = format!(
        "namespace {} is worked on by the operator in namespace {SYSTEM} (Lease seon-operator-claim), and \
         this one does nothing there; uninstall one of them, or give each its own watchNamespaces. If \
         that one is gone, this one takes over within 3 minutes",
        place.namespace,
    );
    assert_eq!(error.to_string(), says);
    assert_eq!(place.versions::<Secret>().await, before);
    assert_eq!(second.writes(), 1, "the event");
    let events = place.api::<Event>().list(&ListParams::default()).await.unwrap();
    let event =
        events.items.iter().find(|event| event.reason.as_deref() == Some("NotOurs")).unwrap();
    assert_eq!(event.note, Some(format!("E-CLAIM-HELD {says}")));

    // Another replica of the first release has nothing to wait for.
    let replica = Operator::start(&place).await;
    replica.turn(&place, "acme").await.unwrap();
    assert_ne!(place.versions::<Secret>().await, before, "the partner is there");
}

#[tokio::test]
async fn a_claim_is_kept_for_as_long_as_its_operator_lives_and_then_runs_out() {
    let place = Place::new(server!()).await;
    let terms = Terms {
        duration: Duration::from_secs(2),
        validity: Duration::from_millis(1500),
        retry: Duration::from_millis(300),
    };
    let claims = |holder: &str| Claims::with_terms(place.client.clone(), holder.into(), terms);
    let (first, second) = (Arc::new(claims("first")), claims("second"));
    first.hold(&place.namespace).await.unwrap();
    let namespace = place.namespace.clone();
    let kept = Arc::clone(&first);
    let keeping = tokio::spawn(async move { kept.keep(|| [namespace.clone()].into()).await });
    let renewed =
        async || place.get::<Lease>(OPERATOR_CLAIM).await.spec.unwrap().renew_time.unwrap();
    let began = renewed().await.0;
    // More than twice as long as it lasts by itself.
    until("the first has kept it", async || {
        let held = second.hold(&place.namespace).await.unwrap_err();
        assert!(matches!(held, ClaimError::Held { .. }), "{held}");
        let lasts = renewed().await.0.duration_since(began);
        if lasts.as_secs() >= 5 { Ok(()) } else { Err(format!("{lasts}")) }
    })
    .await;
    keeping.abort();
    until("the second has it", async || {
        second.hold(&place.namespace).await.map_err(|error| error.to_string())
    })
    .await;
    until("the first does not rely on it any more", async || {
        match first.hold(&place.namespace).await {
            Err(ClaimError::Held { holder, .. }) if holder == "second" => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
}
