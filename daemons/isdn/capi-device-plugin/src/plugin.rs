//! What the plugin answers the kubelet.

use std::os::unix::fs::FileTypeExt;
use std::pin::Pin;
use std::sync::Arc;

use futures::Stream;
use futures::stream::unfold;
use tokio::sync::watch::Receiver;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Request, Response, Status};

use crate::api::device_plugin::device_plugin_server::DevicePlugin;
use crate::api::{
    AllocateRequest, AllocateResponse, DevicePluginOptions, Empty, ListAndWatchResponse,
};
use crate::devices::{AllocationError, Devices, Node, NodeKind};
use crate::offer::Offer;

/// The plugin's service, at one socket; its streams end when it does.
#[derive(Clone, Debug)]
pub struct Plugin {
    devices: Receiver<Option<Devices>>,
    offer: Offer,
    node: Arc<str>,
    ending: CancellationToken,
}

impl Plugin {
    /// One that gives away the device node of this path for what it offers, until it is told to
    /// end.
    pub fn new(
        devices: Receiver<Option<Devices>>,
        offer: Offer,
        node: &str,
        ending: CancellationToken,
    ) -> Self {
        Self { devices, offer, node: node.into(), ending }
    }
}

#[tonic::async_trait]
impl DevicePlugin for Plugin {
    type ListAndWatchStream =
        Pin<Box<dyn Stream<Item = Result<ListAndWatchResponse, Status>> + Send>>;

    async fn options(&self, _: Request<Empty>) -> Result<Response<DevicePluginOptions>, Status> {
        Ok(Response::new(DevicePluginOptions::default()))
    }

    /// All devices at once, and again after every change.
    async fn list_and_watch(
        &self,
        _: Request<Empty>,
    ) -> Result<Response<Self::ListAndWatchStream>, Status> {
        let mut devices = self.devices.clone();
        devices.mark_changed();
        let start = (devices, self.offer.clone(), self.ending.clone());
        let stream = unfold(start, |(mut devices, offer, ending)| async move {
            tokio::select! {
                () = ending.cancelled() => None,
                changed = devices.changed() => {
                    changed.ok()?;
                    let list = offer.of(devices.borrow_and_update().as_ref()).list();
                    Some((Ok(list), (devices, offer, ending)))
                }
            }
        });
        Ok(Response::new(Box::pin(stream)))
    }

    async fn allocate(
        &self,
        request: Request<AllocateRequest>,
    ) -> Result<Response<AllocateResponse>, Status> {
        let node = Node { path: self.node.to_string(), kind: kind(&self.node).await };
        let devices = self.offer.of(self.devices.borrow().as_ref());
        let wanted = request.into_inner().container_requests;
        let given = wanted.iter().map(|container| {
            let given = devices.allocate(&container.devices_ids, &node);
            match &given {
                Ok(_) => tracing::info!(devices = ?container.devices_ids, "given to a container"),
                Err(error) => tracing::warn!(code = error.code(), "{error}"),
            }
            given
        });
        let container_responses = given.collect::<Result<_, _>>().map_err(status)?;
        Ok(Response::new(AllocateResponse { container_responses }))
    }
}

/// Asked for anew each time: it may come and go as both.
async fn kind(node: &str) -> NodeKind {
    match tokio::fs::metadata(node).await {
        Ok(metadata) if !metadata.file_type().is_char_device() => NodeKind::File,
        // One that is gone at this moment is missed as a device; to mount it would make a folder.
        _ => NodeKind::Device,
    }
}

/// The kubelet shows it as an event of the pod.
#[expect(clippy::needless_pass_by_value, reason = "as map_err gives it")]
fn status(error: AllocationError) -> Status {
    let code = match error {
        AllocationError::Count(_) => Code::InvalidArgument,
        AllocationError::Unknown(_) => Code::NotFound,
        AllocationError::Unhealthy { .. } => Code::FailedPrecondition,
    };
    Status::new(code, format!("{} {error}", error.code()))
}
