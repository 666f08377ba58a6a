//! What waits for whom.

use std::collections::BTreeSet;

use http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use kube::client::Body;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::*;
use crate::sample;

#[test]
fn each_failure_in_a_row_is_waited_for_twice_as_long_up_to_two_minutes() {
    let (failures, key) = (Failures::default(), InstanceKey::new("a", "acme"));
    let waits: Vec<u64> =
        (0..9).map(|_| failures.wait(&key, "E-APPLY-REFUSED").as_secs()).collect();
    assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 120, 120]);
    failures.forget(&key);
    assert_eq!(failures.wait(&key, "E-APPLY-REFUSED").as_secs(), 1);
}

/// Whose status was written (trade, or the name of a hostile one), and what of its condition Ready.
type Said = (String, Value);

/// An API server that knows these instances and nothing else, and never answers for the Secrets of
/// namespace hostile.
fn server(instances: Vec<Value>, said: mpsc::UnboundedSender<Said>) -> Client {
    let service = tower::service_fn(move |request: Request<Body>| {
        let (instances, said) = (instances.clone(), said.clone());
        async move {
            let (path, query) = (request.uri().path().to_owned(), request.uri().query());
            if path.contains("/namespaces/hostile/secrets")
                || query.is_some_and(|query| query.contains("watch=true"))
            {
                return std::future::pending().await;
            }
            let is_read = request.method() == Method::GET;
            let (status, answer) = match path.split('/').collect::<Vec<_>>()[..] {
                [.., "namespaces", _, "secrets" | "leases", _] if is_read => {
                    let code = StatusCode::NOT_FOUND;
                    let status = json!({
                        "kind": "Status", "status": "Failure", "code": 404,
                        "reason": "NotFound", "message": "not found",
                    });
                    (code, status)
                }
                _ if is_read => {
                    let items = if path.ends_with("seoninstances") { instances } else { vec![] };
                    let metadata = json!({"resourceVersion": "1"});
                    let kind = "List";
                    let list = json!({
                        "apiVersion": "v1", "kind": kind, "metadata": metadata, "items": items,
                    });
                    (StatusCode::OK, list)
                }
                [.., namespace, "seoninstances", name, "status"] => {
                    let octets = request.into_body().collect().await.unwrap().to_bytes();
                    let written: Value = serde_json::from_slice(&octets).unwrap();
                    let conditions = written["status"]["conditions"].as_array().unwrap();
                    let ready = conditions.iter().find(|c| c["type"] == "Ready").unwrap();
                    let whose = if namespace == "trade" { namespace } else { name };
                    let _ = said.send((whose.to_owned(), ready["message"].clone()));
                    let found = instances.into_iter().find(|i| i["metadata"]["name"] == name);
                    (StatusCode::OK, found.unwrap())
                }
                // Events, and whose the namespace is.
                _ => {
                    let octets = request.into_body().collect().await.unwrap().to_bytes();
                    (StatusCode::OK, serde_json::from_slice(&octets).unwrap())
                }
            };
            let body = Body::from(serde_json::to_vec(&answer).unwrap());
            let response = Response::builder().status(status).body(body).unwrap();
            Ok::<_, tower::BoxError>(response)
        }
    });
    Client::new(service, "default")
}

fn instance(namespace: &str, name: &str) -> Value {
    let mut instance = json!(sample::instance(|_| ()));
    instance["metadata"] = json!({
        "namespace": namespace, "name": name, "uid": format!("{namespace}-{name}"),
        "resourceVersion": "1", "generation": 1,
    });
    instance
}

const PATIENCE: Duration = Duration::from_mins(1);

/// An operator of this server with forty instances in namespace hostile and one in trade.
fn operator(
    limit: Duration,
    metrics: &Arc<Metrics>,
    stop: &CancellationToken,
) -> (tokio::task::JoinHandle<()>, mpsc::UnboundedReceiver<Said>) {
    let mut instances: Vec<Value> =
        (0..40).map(|number| instance("hostile", &format!("h{number}"))).collect();
    instances.push(instance("trade", "acme"));
    let (sender, said) = mpsc::unbounded_channel();
    let settings = Settings {
        installation: sample::installation(),
        identity: "test".into(),
        turns: Turns::new(16, limit),
        with_nodes: false,
    };
    let client = server(instances, sender);
    (tokio::spawn(run(client, None, settings, Arc::clone(metrics), stop.clone())), said)
}

#[tokio::test]
async fn a_namespace_whose_turns_hang_holds_up_no_other() {
    // So long that none of them has ended when the other one is done.
    let limit = Duration::from_hours(1);
    let (running, mut said) = operator(limit, &Arc::default(), &CancellationToken::new());
    let (namespace, message) = timeout(PATIENCE, said.recv()).await.unwrap().unwrap();
    assert_eq!(namespace, "trade");
    assert!(message.as_str().unwrap().contains("E-VALIDATE-SECRET"), "{message}");
    running.abort();
}

#[tokio::test]
async fn a_turn_that_hangs_is_given_up_and_said_and_those_that_wait_get_theirs() {
    let (metrics, stop) = (Arc::new(Metrics::default()), CancellationToken::new());
    let (running, mut said) = operator(Duration::from_millis(100), &metrics, &stop);
    let mut told = BTreeSet::new();
    while told.len() < 40 {
        let (object, message) = timeout(PATIENCE, said.recv()).await.unwrap().unwrap();
        if object != "trade" {
            assert!(message.as_str().unwrap().starts_with("E-RECONCILE-LATE "), "{message}");
            told.insert(object);
        }
    }
    let text = metrics.text();
    assert!(text.contains("seon_operator_errors_total{code=\"E-RECONCILE-LATE\"}"), "{text}");
    stop.cancel();
    timeout(PATIENCE, running).await.unwrap().unwrap();
}

/// The turn of an instance that no watch has told of, with these turns.
fn turn_of_nobody(
    turns: Arc<Turns>,
    stop: CancellationToken,
) -> Option<Result<Action, ReconcileError>> {
    let (sender, _said) = mpsc::unbounded_channel();
    let client = server(vec![], sender);
    let Watches { world, .. } = watch(&client, None, false);
    let context =
        Context::new(client, world, sample::installation(), String::new(), Arc::default());
    let work = Work { context: Arc::new(context), turns, failures: Failures::default(), stop };
    let waits = serde_json::from_value(instance("a", "acme")).unwrap();
    Arc::new(work).turn(Arc::new(waits)).now_or_never()
}

#[tokio::test]
async fn who_waits_for_a_turn_does_not_hold_up_the_end() {
    let turns = Turns::new(1, LIMIT);
    let _running = turns.begin(&InstanceKey::new("a", "acme")).await;
    let stop = CancellationToken::new();
    assert!(turn_of_nobody(Arc::clone(&turns), stop.clone()).is_none(), "it waits");
    stop.cancel();
    assert!(turn_of_nobody(turns, stop).unwrap().is_ok());
}

#[tokio::test]
async fn an_instance_that_went_while_it_waited_is_not_made_again() {
    // At once: without a single request.
    let done = turn_of_nobody(Turns::new(1, LIMIT), CancellationToken::new());
    assert!(done.unwrap().is_ok());
}
