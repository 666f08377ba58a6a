//! The lines of one pod's log.

use futures::StreamExt;
use futures::io::{AsyncBufRead, AsyncBufReadExt, Lines};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use kube::api::LogParams;

use super::line::Line;
use crate::KubernetesError;
use crate::cluster::Cluster;

/// Which lines are wanted.
pub(super) struct Range {
    pub(super) tail: Option<u32>,
    pub(super) since: Option<Timestamp>,
    pub(super) previous: bool,
}

/// A pod's lines, in their order.
pub(super) struct Feed {
    pod: String,
    lines: Lines<Box<dyn AsyncBufRead + Send + Unpin>>,
}

impl Feed {
    /// The lines that are there.
    pub(super) async fn open(
        cluster: &Cluster,
        pod: &str,
        range: &Range,
    ) -> Result<Self, KubernetesError> {
        Self::start(cluster, pod, range, false).await
    }

    /// Those, and the ones that come.
    pub(super) async fn follow(
        cluster: &Cluster,
        pod: &str,
        range: &Range,
    ) -> Result<Self, KubernetesError> {
        Self::start(cluster, pod, range, true).await
    }

    async fn start(
        cluster: &Cluster,
        pod: &str,
        range: &Range,
        follow: bool,
    ) -> Result<Self, KubernetesError> {
        let parameters = LogParams {
            follow,
            previous: range.previous,
            since_time: range.since,
            tail_lines: range.tail.map(i64::from),
            timestamps: true,
            ..LogParams::default()
        };
        let stream = cluster.streamed::<Pod>().log_stream(pod, &parameters).await;
        let stream = stream
            .map_err(|error| cluster.explain(&format!("reading the log of pod {pod}"), error))?;
        let boxed: Box<dyn AsyncBufRead + Send + Unpin> = Box::new(Box::pin(stream));
        Ok(Self { pod: pod.to_owned(), lines: boxed.lines() })
    }

    /// The next line; `None` at the end.
    pub(super) async fn next(&mut self) -> Option<Result<Line, KubernetesError>> {
        let line = self.lines.next().await?;
        Some(line.map(|text| Line::read(&self.pod, &text)).map_err(|error| {
            KubernetesError::Exec(format!("the log of pod {} broke off: {error}", self.pod))
        }))
    }
}
