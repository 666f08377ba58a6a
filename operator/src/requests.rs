//! The operator's requests to the API server, counted by verb and resource.

use std::sync::Arc;

use http::{Method, Request, Uri};
use kube::{Client, client::Body};

use crate::metrics::Metrics;

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
