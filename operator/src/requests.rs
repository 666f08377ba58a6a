//! The operator's requests to the API server: counted by verb and resource, and none of them waits
//! for ever.

use std::{sync::Arc, time::Duration};

use http::{Method, Request, Response, Uri};
use http_body_util::BodyExt as _;
use kube::{Client, client::Body};
use tokio::time::timeout;

use crate::metrics::Metrics;

/// How long an answer may take, to its last octet: as long as the API server itself waits for a
/// webhook.
pub const LIMIT: Duration = Duration::from_secs(30);

/// The API server did not answer.
#[derive(Debug, thiserror::Error)]
#[error("the API server has not answered within {} s", limit.as_secs())]
struct Unanswered {
    limit: Duration,
}

/// A client whose every request has a limit of time, but for watches: these are long by their
/// nature, and have the watcher's own.
pub fn limited(inner: Client, limit: Duration) -> Client {
    let namespace = inner.default_namespace().to_owned();
    let service = tower::service_fn(move |request: Request<Body>| {
        let inner = inner.clone();
        async move {
            if verb(request.method(), request.uri()) == "watch" {
                return Ok::<_, tower::BoxError>(inner.send(request).await?);
            }
            let answer = async {
                let (parts, body) = inner.send(request).await?.into_parts();
                // Whoever asks wants all of it; piece by piece it could still come for ever.
                let body = body.collect().await?.to_bytes();
                Ok(Response::from_parts(parts, Body::from(body)))
            };
            timeout(limit, answer).await.map_err(|_| Unanswered { limit })?
        }
    });
    Client::new(service, namespace)
}

/// A client that counts.
pub fn counted(inner: Client, metrics: Arc<Metrics>) -> Client {
    let namespace = inner.default_namespace().to_owned();
    let service = tower::service_fn(move |request: Request<Body>| {
        metrics.asked(verb(request.method(), request.uri()), resource(request.uri().path()));
        let inner = inner.clone();
        async move { inner.send(request).await }
    });
    Client::new(service, namespace)
}

fn verb(method: &Method, uri: &Uri) -> &'static str {
    let is_watch = uri.query().is_some_and(|query| query.contains("watch=true"));
    match *method {
        Method::GET if is_watch => "watch",
        Method::GET => "get",
        Method::POST => "create",
        Method::PUT => "update",
        Method::PATCH => "patch",
        Method::DELETE => "delete",
        _ => "other",
    }
}

/// `seoninstances` of `/apis/seon.dev/v1alpha1/namespaces/trade/seoninstances/acme/status`
fn resource(path: &str) -> String {
    let mut steps = path.trim_start_matches('/').split('/');
    let before = match steps.next() {
        Some("api") => 1, // its version
        _ => 2,           // its group and version
    };
    let mut steps = steps.skip(before).peekable();
    if steps.peek() == Some(&"namespaces") {
        steps.next();
        steps.next();
    }
    steps.next().unwrap_or("namespaces").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How a server answers.
    #[derive(Clone, Copy, Debug)]
    enum Answer {
        Whole,
        Never,
        Endless,
    }

    async fn answer(answer: Answer) -> axum::body::Body {
        use futures::{StreamExt as _, stream};
        match answer {
            Answer::Whole => axum::body::Body::from("{}"),
            Answer::Never => std::future::pending().await,
            Answer::Endless => {
                let begins = stream::iter([Ok::<_, std::io::Error>("{")]);
                axum::body::Body::from_stream(begins.chain(stream::pending()))
            }
        }
    }

    #[tokio::test]
    async fn a_request_that_is_not_answered_to_its_end_ends_all_the_same() {
        let (secret, watch) = ("/api/v1/namespaces/trade/secrets/acme", "/api/v1/pods?watch=true");
        let long = Duration::from_hours(1);
        let unanswered = "ServiceError: the API server has not answered within 0 s";
        for (uri, limit, answers, expected) in [
            (secret, long, Answer::Whole, Ok(())),
            (secret, Duration::ZERO, Answer::Never, Err(unanswered)),
            (secret, Duration::ZERO, Answer::Endless, Err(unanswered)),
            // Whoever watches takes it piece by piece.
            (watch, Duration::ZERO, Answer::Endless, Ok(())),
        ] {
            let server = tower::service_fn(move |_: Request<Body>| async move {
                Ok::<_, tower::BoxError>(Response::new(answer(answers).await))
            });
            let client = limited(Client::new(server, "default"), limit);
            let request = Request::get(uri).body(Body::empty()).unwrap();
            let said = client.send(request).await.map(|_| ()).map_err(|error| error.to_string());
            assert_eq!(
                said.as_ref().copied().map_err(String::as_str),
                expected,
                "{uri} {answers:?}"
            );
        }
    }

    #[test]
    fn a_request_is_counted_by_what_it_is_about() {
        for (path, expected) in [
            ("/api/v1/namespaces/trade/secrets/acme", "secrets"),
            ("/api/v1/nodes", "nodes"),
            ("/apis/apps/v1/statefulsets", "statefulsets"),
            ("/apis/seon.dev/v1alpha1/namespaces/trade/seoninstances/acme/status", "seoninstances"),
            ("/api/v1/namespaces/trade", "namespaces"),
        ] {
            assert_eq!(resource(path), expected, "{path}");
        }
        let watch = "/api/v1/pods?&watch=true&resourceVersion=1".parse().unwrap();
        assert_eq!(verb(&Method::GET, &watch), "watch");
        assert_eq!(verb(&Method::GET, &"/api/v1/pods".parse().unwrap()), "get");
    }
}
